"""The EHR's look: taken over by type and contrast, or left."""

import re
from pathlib import Path

import httpx2
import pytest

from app.boundary import Boundary
from app.smart.style import (
    MOST_KEPT,
    OURS,
    SHAPES,
    TOKENS,
    WORDS,
    Style,
    Styles,
    contrast,
    read_style,
)
from sandbox.styles import STYLES
from tests.unit.fhir.ehr import Ehr

CSS = Path(__file__).resolve().parents[3] / "frontend" / "src" / "view" / "tokens.css"


def test_colours_size_and_font_are_taken_over_in_one_form() -> None:
    assert read_style(STYLES["clinic"]) == Style(
        scheme="light",
        colors={
            "bg": "#f3efe6",
            "ink": "#1d1a14",
            "brand": "#4b3fa0",
            "brand-ink": "#ffffff",
        },
        font_size_px=15,
        font_family='"Georgia","Times New Roman",serif',
    )


def test_a_dark_look_is_for_dark_surroundings() -> None:
    style = read_style(STYLES["night"])
    assert (style.scheme, style.colors["bg"], style.colors["brand-ink"]) == (
        "dark",
        "#0b0f14",
        "#06212d",
    )


def test_an_unreadable_look_is_refused_whole_and_its_size_may_stay() -> None:
    assert read_style({**STYLES["pale"], "dim_font_size": "16px"}) == Style(font_size_px=16)


def test_of_a_hostile_look_nothing_is_left() -> None:
    assert read_style(STYLES["hostile"]) == OURS
    shapeless: tuple[object, ...] = (None, [], "x", 1, {"color_text": None})
    assert all(read_style(sent) == OURS for sent in shapeless)


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("color_background", "#fff url(http://evil.test)"),
        ("color_background", "#ffff"),
        ("color_background", "rgba(255,255,255,0.2)"),
        ("color_background", "rgb(300,0,0)"),
        ("color_text", "#13202a;"),
        ("color_text", "var(--high)"),
        ("dim_font_size", "11px"),
        ("dim_font_size", "19px"),
        ("dim_font_size", "1e1px"),
        ("dim_font_size", "14px}"),
        ("font_family_body", 'Arial"; x'),
        ("font_family_body", "Arial}"),
        ("font_family_body", "A" * 60),
        ("font_family_body", "a,b,c,d,e,f,g"),
        ("font_family_body", ""),
    ],
)
def test_a_value_of_another_form_is_left_out(key: str, sent: str) -> None:
    assert read_style({key: sent}) == OURS


def test_the_checked_colours_are_the_pages_own() -> None:
    light, _, dark = CSS.read_text("utf-8").partition("@media (prefers-color-scheme:dark)")
    for scheme, text in (("light", light), ("dark", dark)):
        sent = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", text))
        assert {name: sent[name] for name in TOKENS[scheme]} == dict(TOKENS[scheme])


def test_our_own_colours_pass_the_same_check() -> None:
    for colors in TOKENS.values():
        for pairs, least in ((WORDS, 4.5), (SHAPES, 3.0)):
            for front, _, ground in (pair.partition("/") for pair in pairs.split()):
                assert contrast(colors[front], colors[ground]) >= least, (front, ground)


def test_styles_are_kept_by_address_up_to_a_bound() -> None:
    ehr = Ehr(lambda path, _: (200, {"dim_font_size": "16px"} if path == "0" else []))
    hosts = frozenset(("https://ehr.test",))
    boundary = Boundary(hosts, False, httpx2.WSGITransport(app=ehr))
    styles = Styles(lambda _: boundary)
    for path, empty in (("0", False), ("1", True), ("0", False), ("1", True)):
        assert styles.get("mercy", f"https://ehr.test/fhir/{path}").empty == empty
    assert [path for path, _, _ in ehr.asked] == ["0", "1"]
    for n in range(2, MOST_KEPT + 1):
        styles.get("mercy", f"https://ehr.test/fhir/{n}")
    # All were forgotten before there were too many.
    styles.get("mercy", "https://ehr.test/fhir/0")
    assert [path for path, _, _ in ehr.asked].count("0") == 2
