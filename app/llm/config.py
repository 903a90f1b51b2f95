"""Which model a site offers, where it runs and what it may read: values, no behaviour."""

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["anthropic", "responses", "chat"]
Client = Literal["anthropic", "bedrock", "vertex", "foundry", "openai", "azure", "compatible"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model of one provider, as a site configures it.

    `base_url` is the only host that is called; empty means the client's own. `region` and `project` are of Bedrock
    and Vertex, `api_version` of Azure. `most_tokens` bounds one answer; `context_tokens` of 0 means not known.
    `baa` says that an agreement covers PHI at this provider, `local` that nothing leaves the site; `key_env` names
    the variable that holds the key. `proxy` (`http://host:port`) and `ca_file` (PEM, beside the machine's own) are the way to it;
    empty, the environment's proxy counts. `effort` is empty for the provider's own default.
    """

    id: str
    label: str
    dialect: Dialect
    client: Client
    model: str
    base_url: str = ""
    region: str = ""
    project: str = ""
    api_version: str = ""
    effort: str = ""
    thinking: bool = False
    most_tokens: int = 4096
    context_tokens: int = 0
    data_handling: str = ""
    baa: bool = False
    local: bool = False
    key_env: str = ""
    proxy: str = ""
    ca_file: str = ""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A model as its provider lists it; `retires` is an ISO date, or empty; a size of 0 is not known."""

    id: str
    name: str
    context_tokens: int
    most_tokens: int
    retires: str


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long each phase of a call may take, in seconds.

    `first_byte_s` is from the request sent to the first byte of the answer, `between_bytes_s` the longest silence
    after it, `total_s` the whole call with its retries.
    """

    connect_s: float = 5
    first_byte_s: float = 60
    between_bytes_s: float = 30
    total_s: float = 300
