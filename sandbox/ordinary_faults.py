"""The faults that any door can have: a status, a delay, a cut-off body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Response

from sandbox.faults import Fault, Struck

STATUSES: Mapping[Fault, int] = {
    "unauthorized_401": 401,
    "forbidden_403": 403,
    "too_many_429": 429,
    "server_error_500": 500,
}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer that a fault replaces the real one with."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal(struck: Struck, sleep: Callable[[float], None]) -> Refusal | None:
    """Wait if a rule says slow, then return the refusal that a rule asks for, or None."""
    if slow := struck.rule("slow"):
        sleep(slow.seconds)
    for fault, status in STATUSES.items():
        if rule := struck.rule(fault):
            headers = {"Retry-After": f"{rule.seconds:.0f}"} if status == 429 else {}
            return Refusal(status=status, text=f"fault {fault}", headers=headers)
    return None


def truncated(answer: Response) -> Response:
    """Return the answer with the second half of its body missing."""
    body = answer.get_data()
    answer.set_data(body[: len(body) // 2])
    return answer
