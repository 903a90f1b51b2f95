"""The EHR's own look (`smart_style_url`), as far as this page can take it: checked by type, then for contrast.

Colours become `#rrggbb`, sizes whole pixels, fonts a list of plain names; what has another form is left out. A set of
colours with a pair of words below 4.5:1, or of shapes below 3:1, is refused whole: half a look is nobody's. Only the page's
ground, its text, its accent, the size of its text and its font follow the EHR; flags, warnings, the patient's banner and the
focus never do. A style is for light or for dark surroundings, by its own ground; the other set stays ours.

Source: SMART App Launch 2.2.0, `smart_style_url` (experimental); WCAG 2.2, 1.4.3 and 1.4.11
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.boundary import Boundary
from app.errors import ChartsideError

MOST_BYTES = 65_536
MOST_ADDRESS = 2_048
MOST_KEPT = 256
LEAST_PX, MOST_PX = 12, 18
HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(?:,\s*1(?:\.0+)?\s*)?\)")
PIXELS = re.compile(r"(\d{1,2})(?:\.\d{1,3})?px")
FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9 -]{0,40}")
MOST_FAMILIES = 6
# Which of our colours a colour of the EHR stands for.
NAMES = {"color_background": "bg", "color_text": "ink", "color_highlight": "brand"}
# The colours of `frontend/src/view/tokens.css` that meet those: a test compares the two.
TOKENS: Mapping[str, Mapping[str, str]] = {
    "light": {
        "bg": "#eef2f5", "ink": "#13202a", "brand": "#0a5a78", "brand-ink": "#ffffff", "surface": "#ffffff",
        "surface-2": "#f6f8fa", "ink-2": "#475763", "brand-soft": "#e6f1f6", "brand-line": "#4f8ba3",
        "line-strong": "#6f818e", "warn-soft": "#fff6e3", "mark": "#ffe591", "ref-band": "#e3f1e8",
    },
    "dark": {
        "bg": "#0e151b", "ink": "#e9eff3", "brand": "#7cc7e2", "brand-ink": "#06212d", "surface": "#17212a",
        "surface-2": "#1d2932", "ink-2": "#abbac5", "brand-soft": "#163342", "brand-line": "#5593ab",
        "line-strong": "#7d919f", "warn-soft": "#30270f", "mark": "#6a5510", "ref-band": "#1a3325",
    },
}  # fmt: skip
WORDS = (
    "ink/surface ink/surface-2 ink/bg ink/warn-soft ink/mark ink/brand-soft ink-2/bg brand/surface brand/surface-2 "
    "brand/brand-soft brand-ink/brand"
)
SHAPES = "line-strong/bg brand-line/bg ink/ref-band brand/bg"


@dataclass(frozen=True, kw_only=True)
class Style:
    """What the page takes over: `colors` by the name of our token, for one scheme; 0 and "" leave ours."""

    scheme: Literal["light", "dark"] = "light"
    colors: Mapping[str, str] = field(default_factory=dict)
    font_size_px: int = 0
    font_family: str = ""

    @property
    def empty(self) -> bool:
        """Tell that nothing of the page changes."""
        return not (self.colors or self.font_size_px or self.font_family)


OURS = Style()


class Styles:
    """Reads styles from registered hosts, each address once: the address is the version of what it holds."""

    def __init__(self, boundary_of: Callable[[str], Boundary]) -> None:
        self._boundary_of = boundary_of
        self._kept: dict[tuple[str, str], Style] = {}

    def get(self, slug: str, url: str) -> Style:
        """Return the style of an address; ours for one that is unregistered, unreadable or not a style."""
        if not url or len(url) > MOST_ADDRESS:
            return OURS
        key = (slug, url)
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            try:
                # No token goes with it: a style is nobody's secret, and its host may be a plain web server.
                answer = self._boundary_of(slug).get(url, most_bytes=MOST_BYTES)
            except ChartsideError:
                return OURS  # asked again at the next launch: a host that is down is no version
            self._kept[key] = read_style(answer.json) if answer.status == 200 else OURS
        return self._kept[key]


def read_style(sent: Any) -> Style:
    """Return what of a style can be taken over."""
    if not isinstance(sent, dict):
        return OURS
    scheme, colors = _colors(sent)
    return Style(
        scheme=scheme,
        colors=colors,
        font_size_px=_size(sent.get("dim_font_size")),
        font_family=_family(sent.get("font_family_body")),
    )


def _colors(sent: Mapping[str, Any]) -> tuple[Literal["light", "dark"], dict[str, str]]:
    found = {name: _color(sent.get(key)) for key, name in NAMES.items()}
    colors = {name: color for name, color in found.items() if color}
    ground, text = colors.get("bg", ""), colors.get("ink", "")
    dark = _luminance(ground) < 0.18 if ground else bool(text) and _luminance(text) > 0.18
    scheme: Literal["light", "dark"] = "dark" if dark else "light"
    mixed = {**TOKENS[scheme], **colors}
    if "brand" in colors:
        # What is written on the accent follows it: ours, or the other end of the scale.
        colors["brand-ink"] = max(
            ("#ffffff", "#06212d"), key=lambda ink: contrast(ink, mixed["brand"])
        )
        mixed["brand-ink"] = colors["brand-ink"]
    pairs = [(pair, 4.5) for pair in WORDS.split()] + [(pair, 3.0) for pair in SHAPES.split()]
    legible = all(_pair(pair, mixed) >= least for pair, least in pairs)
    return (scheme, colors) if legible else ("light", {})


def _color(sent: Any) -> str:
    if not isinstance(sent, str):
        return ""
    text = sent.strip()
    if HEX.fullmatch(text):
        digits = text[1:] if len(text) == 7 else "".join(2 * c for c in text[1:])
        return f"#{digits.lower()}"
    if match := RGB.fullmatch(text):
        parts = [int(part) for part in match.groups()]
        return "#" + "".join(f"{part:02x}" for part in parts) if max(parts) <= 255 else ""
    return ""


def _size(sent: Any) -> int:
    match = PIXELS.fullmatch(sent.strip()) if isinstance(sent, str) else None
    size = int(match[1]) if match else 0
    return size if LEAST_PX <= size <= MOST_PX else 0


def _family(sent: Any) -> str:
    """Return `"Open Sans","Arial",sans-serif`: every name in quotes, one of a page's own kinds at the end."""
    if not isinstance(sent, str) or len(sent) > 200:
        return ""
    names = [name.strip().strip("\"'") for name in sent.split(",")]
    if len(names) > MOST_FAMILIES or not all(FAMILY.fullmatch(name) for name in names):
        return ""
    generic = "serif" if names[-1].lower() == "serif" else "sans-serif"
    named = [f'"{name}"' for name in names if name.lower() not in ("serif", "sans-serif")]
    return ",".join([*named, generic])


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _pair(pair: str, colors: Mapping[str, str]) -> float:
    front, _, ground = pair.partition("/")
    return contrast(colors[front], colors[ground])


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
