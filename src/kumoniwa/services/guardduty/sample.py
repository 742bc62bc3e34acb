"""Sample findings: what a finding of each type would look like, marked as a sample wherever it is told. Nothing happened.

https://docs.aws.amazon.com/guardduty/latest/ug/sample_findings.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty import finding, finding_rows
from kumoniwa.services.guardduty.detector import Detector
from kumoniwa.services.guardduty.judging import SEVERITIES, SYSTEMS
from kumoniwa.wire import timestamps

_KEY = {
    "accessKeyId": "GeneratedFindingAccessKeyId", "principalId": "GeneratedFindingPrincipalId", "userName": "GeneratedFindingUserName",
    "userType": "IAMUser",
}  # fmt: skip
_BUCKET = {
    "arn": "arn:aws:s3:::bucketName", "name": "bucketName", "type": "Destination", "owner": {"id": "CanonicalId of Owner"},
    "tags": [{"key": "foo", "value": "bar"}], "defaultServerSideEncryption": {"encryptionType": "SSEAlgorithm"},
    "publicAccess": {"effectivePermission": "NOT_PUBLIC"},
}  # fmt: skip
_CALLS = {
    "Policy:S3/Account": "PutAccountPublicAccessBlock", "Policy:S3/BucketBlock": "PutBucketPublicAccessBlock", "Policy:S3": "PutBucketPolicy",
    "Stealth:S3": "PutBucketLogging", "Stealth:IAMUser/CloudTrail": "StopLogging", "Stealth:IAMUser/Password": "UpdateAccountPasswordPolicy",
}  # fmt: skip
_NAME = "GeneratedFindingAPIName"


def CreateSampleFindings(call: Call, *, DetectorId: str, FindingTypes: list[str] | None = None) -> None:
    """Of all types that are found here, or of those that are named. One that is there already is counted once more."""
    detector = detectors.existing(call, DetectorId)
    for type_ in FindingTypes or sorted(SEVERITIES):
        if type_ not in SEVERITIES:
            raise NotImplementedHere(f"findings of the type {type_} of guardduty")
        _make(call, detector, type_)


def _make(call: Call, detector: Detector, type_: str) -> None:
    origin = f"sample {type_}"
    now = timestamps.to_second(call.now())
    held = finding_rows.of_origin(call, origin)
    if held is not None:
        service = {**held.body["service"], "count": held.body["service"]["count"] + 1, "eventLastSeen": now}
        body = {**held.body, "service": service, "updatedAt": timestamps.to_millisecond(call.now())}
        finding_rows.put(call, held._replace(body=body, updated=call.now()))
        return
    is_data = ":S3/" in type_ and type_.startswith(("Discovery", "Unauthorized", "PenTest"))
    api = next((name for prefix, name in _CALLS.items() if type_.startswith(prefix)), _NAME)
    service: dict[str, Any] = {
        "action": {
            "actionType": "AWS_API_CALL",
            "awsApiCallAction": {
                "api": api, "serviceName": "GeneratedFindingAPIServiceName", "callerType": "Remote IP",
                "remoteIpDetails": {"ipAddressV4": "198.51.100.0"}, "affectedResources": {},
            },
        },
        "additionalInfo": {"sample": True, "value": '{"sample":true}', "type": "default"}, "eventFirstSeen": now, "eventLastSeen": now,
    }  # fmt: skip
    resource: dict[str, Any] = {"resourceType": "S3Bucket" if is_data else "AccessKey", "accessKeyDetails": _KEY}
    if ":S3/" in type_ and "Account" not in type_:
        resource["s3BucketDetails"] = [_BUCKET]
    finding.put_new(call, detector, finding.made(call, detector, type_, resource, service, _words(type_)), origin)


def _words(type_: str) -> tuple[str, str]:
    name = type_.partition("/")[2]
    system = next((each for each in SYSTEMS if name.startswith(each)), None)
    text = f"[SAMPLE] An API was invoked from a {system} Linux machine." if system else f"[SAMPLE] A finding of the type {type_}."
    return text, f"{text} Nothing of the kind happened."
