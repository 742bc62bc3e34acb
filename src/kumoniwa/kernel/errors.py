"""What AWS answers instead of a result.

A service names its errors after AWS's error shapes and raises them; code, status and
query-compatible alias are looked up in the model when the answer is written.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AwsError(Exception):
    """One AWS-shaped refusal.

    ``code`` is the class name unless the class says otherwise. ``status`` stays ``None`` when the model knows it.
    ``members`` are further members of the error shape (such as ``CancellationReasons``), written beside the message.
    ``hint`` tells the user how to repair it; it travels in a header of ours, never in AWS's text.
    ``headers`` are further HTTP headers of the refusal, which no model states (S3's ``x-amz-delete-marker``).
    """

    code: ClassVar[str] = "InternalFailure"
    status: ClassVar[int | None] = None
    message: ClassVar[str] = ""
    headers: dict[str, str] | None = None
    told: str = ""
    """The text as others than the caller may read it, where it holds what he said in confidence."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in vars(cls):
            cls.code = cls.__name__

    def __init__(self, text: str | None = None, /, *, hint: str = "", **members: Any) -> None:
        self.text = self.message if text is None else text
        self.hint = hint
        self.members = members
        super().__init__(self.text)


class InternalFailure(AwsError):
    """Our own defect. Never raised on purpose; the gate answers it when an operation fails with anything that is not an AwsError."""

    status = 500
    message = "The request processing has failed because of an unknown error, exception or failure."


class MustWait(AwsError):
    """Told to who asked by ``Call.ask_at_once`` for what takes longer than this turn of the loop. Nothing was done."""

    code = "ServiceUnavailable"
    status = 503


class NotImplementedHere(AwsError):
    """Something AWS offers and we do not (yet). Refused by name, recorded for ``kumoniwa gaps``."""

    code = "NotImplemented"
    status = 501

    def __init__(self, what: str) -> None:
        super().__init__(f"Kumoniwa does not implement {what}.", hint="See `kumoniwa gaps`; --lenient ignores parameters.")
        self.what = what


class ValidationException(AwsError):
    """A parameter breaks a constraint of the model, in the JSON protocols' words."""

    status = 400


class ValidationError(AwsError):
    """The same in the query protocol's words."""

    status = 400


class SerializationException(AwsError):
    """The body is not what the model's types allow."""

    status = 400
