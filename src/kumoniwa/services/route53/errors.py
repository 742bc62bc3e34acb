"""What Route 53 answers instead of a result."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidInput(AwsError): ...


class InvalidArgument(AwsError): ...


class InvalidDomainName(AwsError): ...


class InvalidChangeBatch(AwsError):
    @classmethod
    def of(cls, messages: list[str], hint: str = "") -> InvalidChangeBatch:
        return cls(f"[{', '.join(messages)}]", hint=hint)


class NoSuchHostedZone(AwsError):
    @classmethod
    def of(cls, zone_id: str) -> NoSuchHostedZone:
        return cls(f"No hosted zone found with ID: {zone_id}")


class HostedZoneAlreadyExists(AwsError):
    message = "A hosted zone has already been created with the specified caller reference."


class HostedZoneNotEmpty(AwsError):
    message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted."


class HostedZoneNotFound(AwsError): ...


class TooManyHostedZones(AwsError):
    message = "The maximum number of hosted zones has been reached for this account."


class ConflictingDomainExists(AwsError): ...


class NoSuchChange(AwsError):
    @classmethod
    def of(cls, change_id: str) -> NoSuchChange:
        return cls(f"Could not find resource with ID: {change_id}")


class NoSuchDelegationSet(AwsError):
    @classmethod
    def of(cls, set_id: str) -> NoSuchDelegationSet:
        return cls(f"No reusable delegation set found with ID: {set_id}")


class DelegationSetAlreadyCreated(AwsError):
    message = "A delegation set with the same owner and caller reference combination has already been created."


class DelegationSetAlreadyReusable(AwsError):
    message = "The specified delegation set has already been marked as reusable."


class DelegationSetInUse(AwsError):
    message = "The specified delegation contains associated hosted zones which must be deleted before the reusable delegation set can be deleted."


class LimitsExceeded(AwsError): ...


class NoSuchHealthCheck(AwsError):
    @classmethod
    def of(cls, check_id: str) -> NoSuchHealthCheck:
        return cls(f"A health check with id {check_id} does not exist.")


class HealthCheckAlreadyExists(AwsError):
    message = "A health check with the specified caller reference already exists, with other settings."


class HealthCheckVersionMismatch(AwsError):
    message = "The value of HealthCheckVersion in the request doesn't match the value of HealthCheckVersion in the health check."


class HealthCheckInUse(AwsError): ...


class TooManyHealthChecks(AwsError):
    message = "The maximum number of health checks has been reached for this account."


class NoSuchGeoLocation(AwsError): ...


class CidrCollectionAlreadyExistsException(AwsError): ...


class CidrCollectionInUseException(AwsError): ...


class CidrBlockInUseException(AwsError): ...


class CidrCollectionVersionMismatchException(AwsError): ...


class NoSuchCidrCollectionException(AwsError): ...


class NoSuchCidrLocationException(AwsError): ...
