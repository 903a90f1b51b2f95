"""Name what a provider answered instead of an answer: by HTTP status, by its own code, by its wording.

A provider's message may quote the conversation; nothing of it is kept.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2
import httpx2
import msgspec

from app.llm.errors import (
    ModelBusy,
    ModelCannotLookUp,
    ModelContextFull,
    ModelFailed,
    ModelForbidden,
    ModelKeyRefused,
    ModelMissing,
    ModelOverloaded,
    ModelRequestRefused,
    ModelSlow,
    ModelUnreachable,
)
from app.llm.fields import part, text

# Anthropic, OpenAI, vLLM, llama.cpp, Ollama, Bedrock and Gemini, each in its own words.
CONTEXT_FULL = re.compile(
    r"context_length_exceeded|exceed_context_size|string_above_max_length"
    r"|(?:prompt|input|request) is too (?:long|large)|maximum context length|context (?:length|limit|size|window)"
    r"|exceeds the (?:available|maximum) (?:context|number of (?:input )?tokens)|too many (?:input )?tokens"
)
CANNOT_LOOK_UP = re.compile(
    r"does not support (?:tools|function|tool)|tools? (?:param|parameter|use|calling|calls?)[^.]{0,20} not supported"
    r"|requires? --jinja|enable-auto-tool-choice"
)
CONTENT_REFUSED = frozenset(
    ("content_filter", "content_policy_violation", "invalid_prompt", "responsibleaipolicyviolation")
)
NO_MONEY = frozenset(("insufficient_quota", "billing_error", "billing_not_active"))
# What a code alone means, where it needs no wording: Anthropic's types and OpenAI's codes.
KINDS: dict[str, type[ModelFailed]] = {
    "overloaded_error": ModelOverloaded, "overloaded": ModelOverloaded, "server_overloaded": ModelOverloaded,
    "rate_limit_error": ModelBusy, "rate_limit_exceeded": ModelBusy, "too_many_requests": ModelBusy,
    "authentication_error": ModelKeyRefused, "invalid_api_key": ModelKeyRefused,
    "permission_error": ModelForbidden, "not_found_error": ModelMissing, "model_not_found": ModelMissing,
    "timeout_error": ModelSlow, "request_too_large": ModelContextFull, "api_error": ModelFailed,
    "server_error": ModelFailed,
}  # fmt: skip
BROKEN = (
    httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, httpx2.TransportError,
    httpx2.DecodingError, httpx2.StreamError, OSError,
)  # fmt: skip
TIMEOUTS = (httpcore2.TimeoutException, httpx2.TimeoutException, TimeoutError)
CONNECT = (
    httpcore2.ConnectTimeout, httpcore2.ConnectError, httpx2.ConnectTimeout, httpx2.ConnectError,
    httpcore2.ProxyError, httpx2.ProxyError,
)  # fmt: skip
MOST_WAIT_S = 86_400.0


class ContentRefused(Exception):
    """The provider refuses this content: an answer of its own kind (`Stop` "refusal"), not a failure."""


def of_error(error: Exception) -> Exception:
    """Return what an exception of a vendor's SDK means; it is raised without it, for its text may quote."""
    response = getattr(error, "response", None)
    if isinstance(response, httpx2.Response):
        return of_response(response)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModelFailed | ContentRefused):
            return cause
        if isinstance(cause, CONNECT):
            return ModelUnreachable("no connection to the provider")
        if isinstance(cause, TIMEOUTS):
            return ModelSlow("no answer in time")
        if isinstance(cause, BROKEN):
            return ModelUnreachable("the connection broke before the answer")
        cause = cause.__cause__
    return ModelFailed(f"the call could not be made ({type(error).__name__})")


def of_response(response: httpx2.Response) -> Exception:
    """Return what an answer other than 2xx means."""
    try:
        body: object = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeError, RecursionError, httpx2.StreamError):
        body = None
    code, message = _said(body)
    named = of_code(code, message)
    if named is not None and response.status_code < 500:
        return named
    return _of_status(response.status_code, response.headers)


def of_event(body: object) -> Exception:
    """Return what an error inside a stream means; there is no status, so the code stands for it."""
    code, message = _said(body)
    kind = KINDS.get(code, ModelFailed)
    return of_code(code, message) or kind("the provider reported an error in its stream")


def of_code(code: str, message: str) -> Exception | None:
    """Return what a provider's own code or wording means beyond a status, None when it means nothing more."""
    known: Exception | None = None
    if code in CONTENT_REFUSED:
        known = ContentRefused()
    elif code in NO_MONEY:
        known = ModelForbidden("the account has no credit")
    elif KINDS.get(code) is ModelBusy:
        pass  # A rate in tokens is worded like a context.
    elif CONTEXT_FULL.search(code) or CONTEXT_FULL.search(message):
        known = ModelContextFull("more than the model can read")
    elif CANNOT_LOOK_UP.search(message):
        known = ModelCannotLookUp("the server does not offer tools")
    return known


def _said(body: object) -> tuple[str, str]:
    """Return code and message, in lower case, wherever a provider puts them."""
    error = part(body, "error") or part(body, "response", "error") or part(body)
    inner = text(error, "innererror", "code") if "innererror" in error else ""
    code = inner or text(error, "code") or text(error, "type") or text(error, "status")
    message = text(error, "message") or text(body, "error") or text(body, "detail")
    return code.casefold(), message.casefold()


def _of_status(status: int, headers: Mapping[str, str]) -> ModelFailed:
    """Return what a status alone means."""
    said = f"the provider answered {status}"
    kinds: dict[int, type[ModelFailed]] = {
        400: ModelRequestRefused, 401: ModelKeyRefused, 402: ModelForbidden, 403: ModelForbidden,
        404: ModelMissing, 408: ModelSlow, 410: ModelMissing, 413: ModelContextFull, 422: ModelRequestRefused,
        429: ModelBusy, 503: ModelOverloaded, 504: ModelSlow, 529: ModelOverloaded,
    }  # fmt: skip
    kind = kinds.get(status, ModelFailed)
    return kind(said, retry_after_s=retry_after_s(headers), provider_status=status)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a provider asks to wait: seconds or a date (RFC 9110 10.2.3), None when it does not say."""
    sent = headers.get("retry-after", "").strip()
    try:
        seconds = float(sent)
    except ValueError:
        seconds = _until(sent)
    return min(max(seconds, 0.0), MOST_WAIT_S) if seconds == seconds else None  # noqa: PLR0124  # not a number


def _until(date: str) -> float:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return float("nan")
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
