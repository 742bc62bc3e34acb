"""The detector: whether an account uses GuardDuty in a region, and what of it.

Here it watches calls: those of management always, those of data of S3 as ``S3_DATA_EVENTS``. Flow and DNS logs and all other features are told
as DISABLED, because nothing is judged by them here, and to enable one is refused by name.
https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.guardduty.errors import AccessDeniedException, BadRequestException, of_parameter
from kumoniwa.wire import timestamps

SERVICE = "guardduty.amazonaws.com"
ROLE = LinkedRole(SERVICE, "AWSServiceRoleForAmazonGuardDuty")
WORK = ("guardduty", "work")
S3_DATA = "S3_DATA_EVENTS"
ALWAYS = {"CLOUD_TRAIL": "ENABLED", "DNS_LOGS": "DISABLED", "FLOW_LOGS": "DISABLED"}
"""What a detector's features begin with, which nobody chooses."""
CHOSEN = (
    S3_DATA, "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "EKS_RUNTIME_MONITORING", "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING",
)  # fmt: skip
FREQUENCIES_S = {"FIFTEEN_MINUTES": 900.0, "ONE_HOUR": 3_600.0, "SIX_HOURS": 21_600.0}
TAGS_MAX = 50


class Detector(Record):
    """Shelved by its id. An account has one in a region."""

    id: str
    created: float
    updated: float
    is_enabled: bool = True
    frequency: str = "SIX_HOURS"
    has_data: bool = True
    data_updated: float = 0.0
    tags: dict[str, str] = {}
    published: float = 0.0
    """When findings that were found again were told last."""

    @property
    def next_publication(self) -> float:
        return self.published + FREQUENCIES_S[self.frequency]


def held(call: Call) -> Detector | None:
    return next(iter(call.shelf(Detector).values()), None)


def arn_of(call: Call, detector: Detector, *more: str) -> str:
    return call.arn("/".join(("detector", detector.id, *more)))


def existing(call: Call, id_: str) -> Detector:
    """Recorded: tools for GuardDuty look for this text."""
    detector = call.shelf(Detector).get(id_)
    if detector is None:
        raise BadRequestException("The request is rejected because the input detectorId is not owned by the current account.")
    return detector


def keep(call: Call, detector: Detector) -> None:
    """Put it on the shelf, and have calls watched as it says once that is safe."""
    call.shelf(Detector)[detector.id] = detector
    call.after_commit(partial(watch, call))


def watch(call: Call) -> None:
    detector = held(call)
    is_watching = detector is not None and detector.is_enabled
    call.home.gate.trail.watch(call.account, has_data=detector.has_data if is_watching else None)
    call.home.wake(WORK)


# What it looks at ----------------------------------------------------------------------------------


def _wants_data(sources: dict[str, Any] | None, features: list[dict[str, Any]] | None) -> bool | None:
    """Whether calls of data of S3 are to be looked at, if something is said of it. Raises NotImplementedHere for what nothing here looks at."""
    found = None
    if sources:
        others = {
            "Kubernetes": ((sources.get("Kubernetes") or {}).get("AuditLogs") or {}).get("Enable"),
            "MalwareProtection": ((sources.get("MalwareProtection") or {}).get("ScanEc2InstanceWithFindings") or {}).get("EbsVolumes"),
        }
        for name, is_wanted in others.items():
            if is_wanted:
                raise NotImplementedHere(f"the data source {name} of guardduty")
        if sources.get("S3Logs") is not None:
            found = sources["S3Logs"]["Enable"]
    for each in features or ():
        name, is_wanted = each.get("Name"), each.get("Status") == "ENABLED"
        if name is None or each.get("Status") is None:
            raise of_parameter("features")
        if name == S3_DATA:
            found = is_wanted
        elif is_wanted or any(more.get("Status") == "ENABLED" for more in each.get("AdditionalConfiguration") or ()):
            raise NotImplementedHere(f"the feature {name} of guardduty")
    return found


def _checked_choice(sources: dict[str, Any] | None, features: list[dict[str, Any]] | None) -> bool | None:
    if sources and features:
        # That they exclude each other: API_UpdateDetector. The words are ours.
        raise BadRequestException("The request is rejected because both dataSources and features are specified.")
    return _wants_data(sources, features)


# Life ----------------------------------------------------------------------------------------------


async def CreateDetector(
    call: Call, *, Enable: bool, ClientToken: str | None = None, FindingPublishingFrequency: str = "SIX_HOURS",
    DataSources: dict[str, Any] | None = None, Tags: dict[str, str] | None = None, Features: list[dict[str, Any]] | None = None,
) -> dict:  # fmt: skip
    """S3 is looked at unless that is declined, as on AWS."""
    _check_new(call)
    wants_data = _checked_choice(DataSources, Features)
    tags = tagged({}, Tags)
    await ROLE.ensure(call, AccessDeniedException)
    now = call.now()
    detector = Detector(
        id=call.ids.hex(32), created=now, updated=now, is_enabled=Enable, frequency=FindingPublishingFrequency,
        has_data=wants_data is not False, data_updated=now, tags=tags, published=now,
    )  # fmt: skip
    call.atomically(partial(_keep_new, call, detector))
    return {"DetectorId": detector.id}


def _check_new(call: Call) -> None:
    if held(call) is not None:
        # Recorded: https://github.com/nozaq/terraform-aws-secure-baseline/issues/35
        raise BadRequestException("The request is rejected because a detector already exists for the current account.")


def _keep_new(call: Call, detector: Detector) -> None:
    _check_new(call)
    keep(call, detector)


def UpdateDetector(
    call: Call, *, DetectorId: str, Enable: bool | None = None, FindingPublishingFrequency: str | None = None,
    DataSources: dict[str, Any] | None = None, Features: list[dict[str, Any]] | None = None,
) -> None:  # fmt: skip
    """A suspended detector (``Enable`` is false) keeps what it found and finds nothing."""
    detector = existing(call, DetectorId)
    wants_data = _checked_choice(DataSources, Features)
    now = call.now()
    if wants_data is not None and wants_data is not detector.has_data:
        detector = changed(detector, has_data=wants_data, data_updated=now)
    is_enabled = detector.is_enabled if Enable is None else Enable
    keep(call, changed(detector, is_enabled=is_enabled, frequency=FindingPublishingFrequency or detector.frequency, updated=now))


def GetDetector(call: Call, *, DetectorId: str) -> dict:
    detector = existing(call, DetectorId)
    s3 = "ENABLED" if detector.has_data else "DISABLED"
    off = {"Status": "DISABLED"}
    features = [{"Name": name, "Status": status, "UpdatedAt": detector.created} for name, status in ALWAYS.items()]
    for name in CHOSEN:
        is_s3 = name == S3_DATA
        features.append({"Name": name, "Status": s3 if is_s3 else "DISABLED", "UpdatedAt": detector.data_updated if is_s3 else detector.created})
    return {
        "CreatedAt": timestamps.to_millisecond(detector.created), "UpdatedAt": timestamps.to_millisecond(detector.updated),
        "FindingPublishingFrequency": detector.frequency, "ServiceRole": ROLE.arn(call), "Status": "ENABLED" if detector.is_enabled else "DISABLED",
        "Tags": detector.tags, "Features": features,
        "DataSources": {
            "CloudTrail": {"Status": "ENABLED"}, "DNSLogs": off, "FlowLogs": off, "S3Logs": {"Status": s3}, "Kubernetes": {"AuditLogs": off},
            "MalwareProtection": {"ScanEc2InstanceWithFindings": {"EbsVolumes": off}},
        },
    }  # fmt: skip


def ListDetectors(call: Call) -> dict:
    return {"DetectorIds": list(call.shelf(Detector))}


# Tags ----------------------------------------------------------------------------------------------


def tagged(tags: dict[str, str], more: dict[str, str] | None) -> dict[str, str]:
    together = tags | (more or {})
    if reserved_tags.counted(together) > TAGS_MAX:
        raise BadRequestException(f"The request is rejected because a resource has {TAGS_MAX} tags at most.")
    return together


def reserved_tag(operation: str, key: str) -> AwsError:
    return BadRequestException("The request is rejected because tag keys that begin with aws: are reserved for AWS.")
