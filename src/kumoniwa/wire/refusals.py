"""What a refusal says, before a protocol writes it down: code, status, whose fault, and the members of its shape.

All of it comes from the model where the model knows the error, and from the error's class where it does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kumoniwa.aws.aliases import FRAMEWORK_NAMESPACES, NAMESPACES, QUERY_CODES, QUERY_TEXTS

if TYPE_CHECKING:
    from kumoniwa.aws.models import ErrorShape, Service, Shape
    from kumoniwa.kernel.errors import AwsError


class Refusal(NamedTuple):
    code: str
    """What XML protocols say: the older code where the model has one."""
    name: str
    """What JSON protocols say: the shape's name."""
    status: int
    is_sender_fault: bool
    text: str
    query_text: str
    """What XML protocols say."""
    shape: Shape | None
    type_name: str
    """``name`` with the service's namespace before it, if the service says one."""
    query_code: str | None
    """The older code, for services that once spoke the query protocol."""

    def query_error_header(self) -> dict[str, str]:
        """https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#x-amzn-query-error"""
        if self.query_code is None:
            return {}
        return {"x-amzn-query-error": f"{self.query_code};{'Sender' if self.is_sender_fault else 'Receiver'}"}


def refusal(service: Service, error: AwsError) -> Refusal:
    known: ErrorShape | None = service.errors.get(error.code)
    status = error.status or (known.status if known else 400)
    is_sender = known.is_sender_fault if known and error.status is None else status < 500
    name = known.name if known else error.code
    older = QUERY_CODES.get(service.name, {}).get(name) or (known.code if known else error.code)
    query_code = None
    if service.is_query_compatible:
        # A code that is the shape's own name need not be said, except that SQS always says it.
        query_code = older if older != name or service.name in QUERY_CODES else None
    space = NAMESPACES.get(service.name)
    if space is not None:
        space = FRAMEWORK_NAMESPACES.get(name, space)
    return Refusal(
        older,
        name,
        status,
        is_sender,
        error.text,
        QUERY_TEXTS.get(service.name, {}).get(name, error.text),
        known.shape if known else None,
        f"{space}#{name}" if space else name,
        query_code,
    )


def members(said: Refusal, error: AwsError) -> dict[str, Any]:
    """The members of the error's shape: its message under the name the shape gives it, and what the error carries."""
    names = said.shape.members if said.shape is not None else {}
    spelled = next((name for name in ("message", "Message", "errorMessage") if name in names), "message")
    if said.type_name == "com.amazon.coral.service#SerializationException":
        spelled = "Message"  # As DynamoDB spells it: recorded by architect/dynalite, test/helpers.js.
    return ({spelled: said.text} if said.text else {}) | error.members
