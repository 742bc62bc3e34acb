"""What Firehose refuses with. Texts without a source of their own:
https://github.com/getmoto/moto/blob/master/tests/test_firehose/test_firehose.py"""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class ResourceNotFoundException(AwsError): ...


class ResourceInUseException(AwsError): ...


class InvalidArgumentException(AwsError): ...


class InvalidSourceException(AwsError): ...


class LimitExceededException(AwsError): ...


class ConcurrentModificationException(AwsError): ...


class ServiceUnavailableException(AwsError):
    status = 503
    message = "Slow down."


class InvalidKMSResourceException(AwsError): ...
