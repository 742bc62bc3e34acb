"""What GuardDuty refuses with. It tells twice what went wrong: BadRequestException in the header, and a type of its own in the body.

Recorded: issue 3890 of boto/boto3 has a whole answer; moto answers as recorded, too.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.errors import AwsError

INVALID_INPUT = "InvalidInputException"


class BadRequestException(AwsError):
    def __init__(self, text: str, /, *, hint: str = "", **members: Any) -> None:
        super().__init__(text, hint=hint, **{"Type": INVALID_INPUT, **members})


class AccessDeniedException(AwsError):
    def __init__(self, text: str, /, *, hint: str = "", **members: Any) -> None:
        super().__init__(text, hint=hint, **{"Type": "AccessDeniedException", **members})


def of_parameter(name: str) -> BadRequestException:
    """Recorded: "The request is rejected because the parameter detectorId has an invalid value."."""
    return BadRequestException(f"The request is rejected because the parameter {name} has an invalid value.")


def absent() -> BadRequestException:
    """Recorded: of filters, IP sets, threat intel sets and publishing destinations (tools for GuardDuty look for this text)."""
    return BadRequestException("The request is rejected since no such resource found.")
