"""The EHR's page for quality teams: an app opened by a user without a patient, and more invented patients to be exported.

SMART App Launch 2.2.0: an EHR launch whose context has no patient. The patients that are made here can be exported and counted; they
have no chart page.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.bulk.population import of_files
from sandbox.state import SandboxState
from sandbox.users import EhrUser

ANALYST = EhrUser(reference="Practitioner/quality-analyst", name="Avery Quinn, quality analyst", kind="Practitioner")  # fmt: skip
MANAGER = EhrUser(reference="Practitioner/care-manager", name="Casey Moreno, care manager", kind="Practitioner")  # fmt: skip
MADE = 600


def blueprint(state: SandboxState) -> Blueprint:
    """Return the page and its button."""
    routes = Blueprint("population", __name__)

    @routes.get("/population")
    def page() -> str:
        users = (ANALYST, MANAGER, next(iter(state.users.values()))[0])
        user = next((one for one in users if one.reference == request.args.get("user")), ANALYST)
        held = sum(one.resource_type == "Patient" for one in state.exports.population.all())
        return render_template(
            "population.html",
            users=users,
            user=user,
            held=held,
            made=MADE,
            frame=_address(state, user),
        )

    @routes.post("/population/patients")
    def patients() -> AnyResponse:
        with tempfile.TemporaryDirectory() as folder:
            _generate(Path(folder))
            made = of_files(Path(folder), state.now())
        here = state.exports.population
        for one in made.all():
            here.put_as_is(one.line, one.changed_at)
        everyone = {one.fhir_id for one in here.all() if one.resource_type == "Patient"}
        here.group("everyone", everyone)
        return redirect("/population", 303)

    return routes


def _address(state: SandboxState, user: EhrUser) -> str:
    client = state.settings.clients[0]
    launch = state.start_without_patient(client.client_id, user.reference)
    query = urlencode({"iss": state.settings.fhir_base, "launch": launch})
    address = f"{client.launch_url.rpartition('/')[0]}/analyst?{query}"
    state.wire.launched(address)
    return address


def _generate(folder: Path) -> None:
    command = [
        sys.executable, "-m", "carebundle.cli", "generate", "--profile", "mixed", "--count", str(MADE), "--sex", "mixed",
        "--age-range", "30-80", "--format", "ndjson", "--seed", "1", "--out", str(folder),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words and a number
