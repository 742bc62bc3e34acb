"""What Resource Groups answers instead of a result. AWS's words are recorded nowhere; all of these are ours."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class BadRequestException(AwsError): ...


class ForbiddenException(AwsError): ...


class NotFoundException(AwsError): ...
