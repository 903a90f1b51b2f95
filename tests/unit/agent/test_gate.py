"""What of the site's list may read a real chart."""

from dataclasses import replace

import msgspec
import pytest

from app.agent.gate import NO_AGREEMENT, NO_WAY_OUT, _listed, _why_not
from app.llm.config import ModelConfig
from app.smart.policy import Models, Network
from app.smart.registration import Registration


def registration(environment: str) -> Registration:
    return msgspec.convert(
        {
            "schema": 1, "slug": "mercy", "name": "Mercy", "vendor": "epic", "environment": environment, "enabled": True,
            "fhir": {"iss": ["https://fhir.mercy.example"]},
            "client": {"id": "c", "auth": "public", "redirect_uri": "https://x"},
            "scopes": {"required": []}, "embed": {"frame_ancestors": ["https://ehr.mercy.example"]},
            "site": {"name": "Mercy", "time_zone": "America/Chicago", "help_desk": "1"},
        },
        Registration,
    )  # fmt: skip


def model(**more: bool) -> ModelConfig:
    return ModelConfig(id="a", label="A", dialect="chat", client="compatible", model="a", **more)  # type: ignore[arg-type]  # flags only


@pytest.mark.parametrize(
    ("config", "models", "why"),
    [
        (model(), Models(allowed=("a",)), NO_AGREEMENT),
        (model(baa=True), Models(allowed=("a",)), ""),
        (model(local=True), Models(allowed=("a",)), ""),
        (model(), Models(allowed=("a",), phi_without_baa=("a",)), ""),
        (model(), Models(allowed=("a",), phi_without_baa=("b",)), NO_AGREEMENT),
    ],
)
def test_a_real_chart_goes_only_where_an_agreement_covers_it(
    config: ModelConfig, models: Models, why: str
) -> None:
    assert _why_not(config, registration("production"), models) == why
    assert _why_not(config, registration("sandbox"), models) == ""


def test_a_model_outside_the_sites_network_reads_nothing_even_in_a_sandbox() -> None:
    config = replace(model(baa=True), base_url="https://models.example/v1")
    for egress, why in (((), ""), (("fhir.mercy.example",), NO_WAY_OUT), (("models.example",), "")):
        known = msgspec.structs.replace(registration("sandbox"), network=Network(egress=egress))
        assert _why_not(config, known, Models(allowed=("a",))) == why


def test_a_model_that_is_not_listed_is_not_offered() -> None:
    assert not _listed(model(), Models())
    assert not _listed(model(), Models(allowed=("A", "aa")))
    assert _listed(model(), Models(allowed=("*",)))
