"""The signed-in user's name: as the id_token gave it, else read from `fhirUser`."""

from collections.abc import Callable

from app.boundary import Boundary
from app.errors import ChartsideError, SessionEnded
from app.launch_context import LaunchContext


def user_name(
    context: LaunchContext,
    boundary: Boundary,
    bearer: Callable[[], str],
    on_read: Callable[[str, int], None],
) -> str:
    """Return the name, empty when the EHR does not tell it; `on_read(type, status)` is called for a request.

    Raises:
        SessionEnded: the access token is gone.
    """
    kind = context.user_reference.partition("/")[0]
    if context.user_name or not context.can(kind, "r"):
        return context.user_name
    try:
        response = boundary.get_json(
            f"{context.iss.rstrip('/')}/{context.user_reference}", bearer=bearer()
        )
    except SessionEnded:
        raise
    except ChartsideError:
        return ""
    on_read(kind, response.status)
    return practitioner_name(response.json) if response.status == 200 else ""


def practitioner_name(resource: object) -> str:
    """Return `A. Osei, MD` from a Practitioner: given initials, family, first suffix or qualification."""
    names = resource.get("name") if isinstance(resource, dict) else None
    if not isinstance(names, list) or not names or not isinstance(names[0], dict):
        return ""
    name = names[0]
    if isinstance(name.get("text"), str):
        return str(name["text"])
    given = [f"{part[0]}." for part in name.get("given") or [] if isinstance(part, str) and part]
    suffix = ", ".join(part for part in name.get("suffix") or [] if isinstance(part, str))
    plain = " ".join([*given, str(name.get("family", ""))]).strip()
    return f"{plain}, {suffix}" if suffix else plain
