"""How an export misbehaves, as servers were seen to: one switch each. An ordinary export has none."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from sandbox.settings import SandboxConfigurationError

RetryAfter = Literal[
    "seconds", "http_date", "epoch_s", "epoch_ms", "nonsense", "negative", "absent"
]


@dataclass(frozen=True, kw_only=True)
class BulkTraps:
    """The switches; counts are of the requests that are struck, from now on.

    retry_after: how every Retry-After is written. busy_kick_offs: answered 429. transient_errors: status requests
    answered 500 with the code `transient`. polls: status requests answered 202. generation_fails: the whole export
    ends in 500. failing_types: types that an OperationOutcome in `error` stands for. expired_files: file requests
    answered 410. unknown_tokens: kick-offs answered 401. tokens_end: file requests answered 401 although the token is
    young. redirects: files are answered 307 to another origin. open_files: `requiresAccessToken` is false, and a
    token sent all the same is refused. per_file, per_manifest: most lines of a file, most files of a page of the
    manifest. ignores: parameters that are not looked at. wrong_counts: `count` says one more than there is. no_counts:
    it is left out. cut_files: downloads that break in the middle. twice: every resource stands in two files.
    unasked: a type nobody asked for comes along. lost_jobs: status requests answered 404. no_location: the kick-off
    names no status address. loop: the last page of the manifest links to the first. checksum: Content-Digest is sent
    ("right"), or one that does not fit ("wrong"). separate_status: `X-Export-Status` carries the job's status.
    strange_lines: the last line of each file is cut. no_patients: an export of named patients is refused.
    bytes_per_s: how fast each file is sent, as it is packed; 0: as fast as it can be.
    """

    retry_after: RetryAfter = "seconds"
    busy_kick_offs: int = 0
    busy_polls: int = 0
    transient_errors: int = 0
    polls: int = 1
    generation_fails: bool = False
    failing_types: tuple[str, ...] = ()
    expired_files: int = 0
    unknown_tokens: int = 0
    tokens_end: int = 0
    redirects: bool = False
    open_files: bool = False
    per_file: int = 20_000
    per_manifest: int = 0
    ignores: tuple[str, ...] = ()
    wrong_counts: bool = False
    no_counts: bool = False
    cut_files: int = 0
    twice: bool = False
    unasked: bool = False
    lost_jobs: int = 0
    no_location: bool = False
    loop: bool = False
    checksum: Literal["", "right", "wrong"] = ""
    separate_status: bool = False
    strange_lines: bool = False
    no_patients: bool = False
    bytes_per_s: int = 0

    @classmethod
    def from_json(cls, body: object) -> "BulkTraps":
        """Read the switches from JSON; lists become tuples.

        Raises:
            SandboxConfigurationError: not an object, or an unknown name.
        """
        if not isinstance(body, dict):
            raise SandboxConfigurationError("bulk traps are a JSON object")
        if unknown := body.keys() - {field.name for field in fields(cls)}:
            raise SandboxConfigurationError(f"unknown bulk traps: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}  # fmt: skip
        return cls(**values)
