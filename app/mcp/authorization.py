"""Who an MCP host acts for: one launch, one patient, narrowed to what its token says.

The seam for every way in: a `Verifier` turns what a host presents into an `McpCaller`, and everything behind it sees that only. It is
asked again at every request, so what has ended or was switched off answers no more. Tokens minted after a SMART launch:
`app.mcp.launch_tokens`.

Source: Model Context Protocol 2026-07-28, authorization (an MCP server is an OAuth 2.1 resource server; no token is passed through)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from app.audit.log import Who
from app.launch_context import LaunchContext
from app.mcp.errors import McpRefused
from app.mcp.refusals import Refusals

Kind = Literal["launch", "standalone", "service", "sharp"]


@dataclass(frozen=True, kw_only=True)
class Presented:
    """What a host sent to prove itself: a bearer token ("": none) and its headers, names in lower case (stdio: none)."""

    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class McpCaller:
    """A host that was let in.

    `context` may do only what the token says; `whole` is the launch's own, so that a missing scope can be told from one that
    another token would have. `host` is the id that the registration names, `token_id` what the audit calls the token.
    """

    context: LaunchContext
    whole: LaunchContext
    host: str
    kind: Kind
    token_id: str

    @property
    def launch_id(self) -> str:
        """The launch that all of it belongs to."""
        return self.context.launch_id


class Verifier(Protocol):
    """One kind of proof."""

    def verify(self, presented: Presented) -> McpCaller | None:
        """Return who this is; None where the proof is of another kind.

        Raises:
            McpRefused: it is of this kind and does not hold (any more).
            SwitchedOff: IT has switched this off.
        """


class Authorization:
    """All ways in, in order; what none of them knows is refused. Every refusal is audited."""

    def __init__(self, verifiers: Sequence[Verifier], refusals: Refusals) -> None:
        self._verifiers = tuple(verifiers)
        self._refusals = refusals

    def admit(self, presented: Presented) -> McpCaller:
        """Return who a host acts for.

        Raises:
            McpRefused: nobody.
            SwitchedOff: IT has switched it off.
        """
        for verifier in self._verifiers:
            if found := verifier.verify(presented):
                return found
        # A host's first request brings no token, to be told where one is given out: that is no attempt on anything.
        if presented.token:
            self._refusals.record(Who(), McpRefused.code, "unknown kind of token")
        raise McpRefused("no verifier knows this proof" if presented.token else "no token")

    def sweep(self) -> None:
        """Write down how many refusals were alike."""
        self._refusals.sweep()


Admit = Callable[[Presented], McpCaller]
