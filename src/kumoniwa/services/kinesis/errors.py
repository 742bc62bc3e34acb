"""What Kinesis refuses with. Texts without a source of their own are those that kinesalite's suite checked against AWS."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError): ...


class ResourceInUseException(AwsError): ...


class InvalidArgumentException(AwsError): ...


class LimitExceededException(AwsError): ...


class ExpiredIteratorException(AwsError): ...


class ExpiredNextTokenException(AwsError): ...


class ProvisionedThroughputExceededException(AwsError): ...


class KMSDisabledException(AwsError): ...


class KMSInvalidStateException(AwsError): ...
