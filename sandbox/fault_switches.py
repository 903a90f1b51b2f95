"""`/sandbox/faults`: see, set and clear the fault switches. A sandbox has it, an EHR does not."""

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import FaultRule
from sandbox.settings import SandboxConfigurationError
from sandbox.state import SandboxState


def blueprint(state: SandboxState) -> Blueprint:
    """Return the routes; POST takes one rule as JSON and adds it."""
    routes = Blueprint("fault_switches", __name__)

    @routes.get("/sandbox/faults")
    def show() -> Response:
        return jsonify([asdict(rule) for rule in state.faults.rules])

    @routes.post("/sandbox/faults")
    def add() -> tuple[Response, int]:
        try:
            rule = FaultRule.from_json(request.get_json())
        except SandboxConfigurationError as error:
            return jsonify({"error": str(error)}), 400
        state.faults.set(rule)
        return jsonify(asdict(rule)), 201

    @routes.delete("/sandbox/faults")
    def clear() -> tuple[str, int]:
        state.faults.clear()
        return "", 204

    return routes
