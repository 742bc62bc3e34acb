"""Pages, sliced by the model: an operation returns its whole list and the gate cuts it.

Only where the signature does not declare the token itself: those operations page in their own data.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from kumoniwa.aws.models import Operation
from kumoniwa.kernel.errors import AwsError, ValidationException


class InvalidNextToken(AwsError):
    code = "InvalidNextTokenException"
    status = 400
    message = "The specified token is not valid."


class InvalidMarker(AwsError):
    """IAM's words; its model has no error for them."""

    code = "ValidationError"
    status = 400
    message = "Invalid Marker."


class InvalidMarkerException(AwsError):
    """KMS's words."""

    status = 400


class InvalidParameter(AwsError):
    """SNS's words."""

    status = 400
    message = "Invalid parameter: NextToken"


class InvalidNextTokenException(AwsError):
    """Config's words."""

    status = 400
    message = "The nextToken provided is invalid"


class InvalidPage(AwsError):
    """EC2's words."""

    code = "InvalidNextToken"
    status = 400
    message = "The token is invalid"


_REFUSALS = {"config": InvalidNextTokenException, "ec2": InvalidPage, "iam": InvalidMarker, "kms": InvalidMarkerException, "sns": InvalidParameter}


class Pager:
    """How one operation is paged: where its token goes in and out, and which list is cut."""

    __slots__ = ("input_token", "output_token", "limit_key", "result_key", "more_results", "members", "limit_max", "most", "refusal")

    def __init__(
        self, paginator: dict, limit_max: int | None, most: int | None = None, refusal: type[AwsError] = InvalidNextToken
    ) -> None:
        self.input_token: str = paginator["input_token"]
        self.output_token: str = paginator["output_token"]
        self.limit_key: str | None = paginator.get("limit_key")
        result = paginator["result_key"]
        self.result_key: str = result[0] if isinstance(result, list) else result
        self.more_results: str | None = paginator.get("more_results")
        self.members = frozenset(filter(None, (self.input_token, self.limit_key)))
        self.limit_max = limit_max
        self.most = most
        """The longest page there is, however long a page somebody asks for."""
        self.refusal = refusal
        """What a token is answered with that was never given out."""

    def open(self, params: dict[str, Any]) -> tuple[dict[str, Any], tuple[int, int | None]]:
        """The parameters without the paging ones, and (offset, page length)."""
        if params.keys().isdisjoint(self.members):
            return params, (0, self.limit_max)
        kept = {name: value for name, value in params.items() if name not in self.members}
        token, limit = params.get(self.input_token), params.get(self.limit_key) if self.limit_key else None
        try:
            count = int(limit) if limit and int(limit) > 0 else self.limit_max
        except ValueError:
            raise ValidationException(f"{self.limit_key} must be a number.")  # a few models spell it as a string
        if self.most is not None:
            count = min(count or self.most, self.most)
        return kept, (self._offset(token) if token else 0, count)

    def close(self, reply: dict | None, page: tuple[int, int | None]) -> dict:
        reply = reply or {}
        found, (offset, limit) = reply.get(self.result_key) or [], page
        end = len(found) if limit is None else offset + limit
        is_truncated = end < len(found)
        if offset or is_truncated:
            reply = {**reply, self.result_key: found[offset:end]}
            if is_truncated:
                reply[self.output_token] = base64.urlsafe_b64encode(b"kumoniwa:%d" % end).decode()
        if self.more_results:
            reply[self.more_results] = is_truncated
        return reply

    def _offset(self, token: str) -> int:
        try:
            head, _, number = base64.urlsafe_b64decode(token).partition(b":")
            if head == b"kumoniwa" and number.isdigit():
                return int(number)
        except (binascii.Error, ValueError):
            pass
        raise self.refusal


def pager_for(operation: Operation, declared: frozenset[str]) -> Pager | None:
    """The operation's pager, unless it pages by itself (its signature declares the token) or the model has none we can cut."""
    paginator = operation.paginator
    if not paginator or not isinstance(paginator.get("input_token"), str) or paginator["input_token"] in declared:
        return None
    result = paginator.get("result_key")
    keys = result if isinstance(result, list) else [result]
    if len(keys) != 1 or not isinstance(keys[0], str) or not keys[0].isidentifier() or not str(paginator["output_token"]).isidentifier():
        return None
    limit = paginator.get("limit_key")
    # AWS's own page length, where nobody asks for another, is the most it would give: the model's maximum, 100 for most services.
    # IAM gives up to 1,000, but 100 unasked: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
    if operation.service.name == "lambda":
        # "even if you set the number higher": https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
        return Pager(paginator, 50, 50)
    most = operation.input.members[limit].shape.max if limit and limit in operation.input.members else None
    # CloudFormation's lists have no length to ask for: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListExports.html
    is_by_hundred = operation.service.name in ("iam", "cloudformation", "sns")
    refusal = _REFUSALS.get(operation.service.name, InvalidNextToken)
    return Pager(paginator, 100 if is_by_hundred else int(most) if most else None, refusal=refusal)
