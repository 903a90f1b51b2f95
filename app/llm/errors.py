"""Why a model gave no whole answer: one clear sentence each, what is lost, and the ways on.

    ModelFailed                 the provider answered 5xx, or something that is not its protocol
    ├── ModelUnreachable        no connection
    ├── ModelSlow               no answer in time
    ├── ModelKeyRefused         401: the key is wrong or expired
    ├── ModelForbidden          403: the account may not use this model
    ├── ModelMissing            404: the provider does not know this model (any more)
    ├── ModelBusy               429, with the wait it asked for
    ├── ModelOverloaded         529 or 503
    ├── ModelContextFull        the conversation is longer than the model can read
    ├── ModelRequestRefused     another 400: the provider does not accept what was sent
    ├── ModelCut                the stream ended without its end
    ├── ModelEmpty              it ended its answer and had written nothing
    ├── ModelCannotLookUp       it does not call tools, so it cannot read the chart
    └── ModelNotAllowed         the site does not allow this model here

Messages are for operators and hold no text of the conversation.
"""

from typing import ClassVar, Literal

from app.errors import ChartsideError

# retry: the same question again; other_model: choose another allowed one; no_model: chart rows without a model.
Way = Literal["retry", "other_model", "no_model"]
ANY: tuple[Way, ...] = ("retry", "other_model", "no_model")
NOT_AGAIN: tuple[Way, ...] = ("other_model", "no_model")


class ModelFailed(ChartsideError):
    """A model call that gave no whole answer.

    `retry_after_s` is what the provider asked for; `provider_status` its HTTP status, 0 when it did not answer.
    """

    status = 502
    code = "model.failed"
    public = "The language model failed."
    ways: ClassVar[tuple[Way, ...]] = ANY

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, provider_status: int = 0
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.provider_status = provider_status


class ModelUnreachable(ModelFailed):
    """No connection to the provider."""

    status = 503
    code = "model.unreachable"
    public = "The language model cannot be reached."


class ModelSlow(ModelFailed):
    """A phase of the call took longer than allowed."""

    status = 504
    code = "model.slow"
    public = "The language model did not answer in time."


class ModelKeyRefused(ModelFailed):
    """The provider answered 401."""

    code = "model.key_refused"
    public = "The language model refused Chartside's key. Tell the help desk."
    ways = NOT_AGAIN


class ModelForbidden(ModelFailed):
    """The provider answered 403."""

    code = "model.forbidden"
    public = "This site's account may not use this language model. Tell the help desk."
    ways = NOT_AGAIN


class ModelMissing(ModelFailed):
    """The provider answered 404."""

    code = "model.missing"
    public = "The provider does not offer this language model. Tell the help desk."
    ways = NOT_AGAIN


class ModelBusy(ModelFailed):
    """The provider answered 429."""

    status = 503
    code = "model.busy"
    public = "The language model is busy and asked to wait."


class ModelOverloaded(ModelFailed):
    """The provider answered 529 or 503."""

    status = 503
    code = "model.overloaded"
    public = "The language model is overloaded."


class ModelContextFull(ModelFailed):
    """The request is longer than the model's context."""

    code = "model.context_full"
    public = "This conversation is longer than the language model can read. Launch again to start a new one."
    ways = NOT_AGAIN


class ModelRequestRefused(ModelFailed):
    """The provider answered 400 or 422 for another reason."""

    code = "model.request_refused"
    public = "The language model did not accept the request. Tell the help desk."
    ways = NOT_AGAIN


class ModelCut(ModelFailed):
    """The stream ended without its terminal event."""

    code = "model.cut"
    public = "The answer was cut off: what is shown is not complete."


class ModelEmpty(ModelFailed):
    """The model ended its answer and had written nothing that can be shown."""

    code = "model.empty"
    public = "The language model gave no answer."


class ModelCannotLookUp(ModelFailed):
    """The model does not call tools."""

    code = "model.cannot_look_up"
    public = "This language model cannot look things up in the chart, so it is not used."
    ways = NOT_AGAIN


class ModelNotAllowed(ModelFailed):
    """The gate refused: not in this registration's list, switched off, or the patient opted out."""

    status = 403
    code = "model.not_allowed"
    public = "This site does not allow that language model here."
    ways = NOT_AGAIN
