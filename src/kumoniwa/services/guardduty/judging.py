"""Judging: which finding types a call, as CloudTrail tells of it, is an instance of.

Each rule is a finding type's documented definition. Types that rest on a model of what is usual, on instances, on flow or DNS logs, or on lists
that AWS keeps (of Tor nodes, of known attackers) have no rule: they are never found here.
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html and …-s3.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

LOW, MEDIUM, HIGH = 2.0, 5.0, 8.0
"""What a severity is as a number. Recorded of low ones; medium and high as AWS's samples have them."""
ROOT, SHORT_ROOT = "Policy:IAMUser/RootCredentialUsage", "Policy:IAMUser/ShortTermRootCredentialUsage"
TRAIL, PASSWORD = "Stealth:IAMUser/CloudTrailLoggingDisabled", "Stealth:IAMUser/PasswordPolicyChange"  # noqa: S105 (names of finding types)
ACCOUNT_OPENED, BUCKET_OPENED = "Policy:S3/AccountBlockPublicAccessDisabled", "Policy:S3/BucketBlockPublicAccessDisabled"
ANONYMOUS, PUBLIC = "Policy:S3/BucketAnonymousAccessGranted", "Policy:S3/BucketPublicAccessGranted"
UNLOGGED = "Stealth:S3/ServerAccessLoggingDisabled"
RECON, UNAUTHORIZED = "Recon:IAMUser/MaliciousIPCaller.Custom", "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"
S3_DISCOVERY, S3_UNAUTHORIZED = "Discovery:S3/MaliciousIPCaller.Custom", "UnauthorizedAccess:S3/MaliciousIPCaller.Custom"
SYSTEMS = ("Kali", "Parrot", "Pentoo")
SEVERITIES = {
    ROOT: LOW, SHORT_ROOT: LOW, TRAIL: LOW, PASSWORD: LOW, ACCOUNT_OPENED: LOW, BUCKET_OPENED: LOW, UNLOGGED: LOW, ANONYMOUS: HIGH, PUBLIC: HIGH,
    RECON: MEDIUM, UNAUTHORIZED: MEDIUM, S3_DISCOVERY: HIGH, S3_UNAUTHORIZED: HIGH,
    **{f"PenTest:{kind}/{system}Linux": MEDIUM for kind in ("IAMUser", "S3") for system in SYSTEMS},
}  # fmt: skip
"""The finding types that there are here, with their default severities:
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html"""
_SYSTEM = re.compile("|".join(SYSTEMS), re.IGNORECASE)
"""AWS tells such systems by the user agent that SDKs send: "Bypassing GuardDuty PenTest findings", hackingthe.cloud."""
_UNEXPECTED = " If this behavior is not expected, it may indicate a configuration mistake or that your credentials are compromised."


class Hit(NamedTuple):
    """That a call is an instance of a finding type."""

    type: str
    title: str
    description: str
    bucket: str = ""
    """Whose details belong to the finding."""
    affected: tuple[tuple[str, str], ...] = ()
    list_name: str = ""
    """The threat list that knows the caller's address."""
    looks_first: bool = False
    """The bucket is to be looked at before there is a finding: whether it is public is known there."""


class Lists(NamedTuple):
    """The addresses that an account has lists of. Names are those of the lists."""

    trusted: tuple[Any, ...] = ()
    threats: tuple[tuple[str, Any], ...] = ()

    def trusts(self, address: str) -> bool:
        found = ipaddress.ip_address(address)
        return any(found in networks for networks in self.trusted)

    def threat(self, address: str) -> str:
        found = ipaddress.ip_address(address)
        return next((name for name, networks in self.threats if found in networks), "")


class Known(NamedTuple):
    """What else is known where a call is judged."""

    lists: Lists
    is_trail_bucket: Callable[[str], bool]
    password_policy: dict[str, Any] | None
    """The account's before this call, as far as it was seen; None if it has none of its own."""


def is_address(source: str) -> bool:
    try:
        ipaddress.ip_address(source)
    except ValueError:
        return False
    return True


def caller_of(event: dict[str, Any]) -> str:
    """What findings call who called."""
    who = event["userIdentity"]
    session = (who.get("sessionContext") or {}).get("sessionIssuer") or {}
    return who.get("userName") or session.get("userName") or ("Root" if who["type"] == "Root" else who.get("principalId") or "anonymous")


def judged(event: dict[str, Any], known: Known) -> list[Hit]:
    """What a call is an instance of. Calls that AWS's services make have no address and are nobody's attack, and those from addresses that an
    account trusts find nothing: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_upload-lists.html"""
    source = event["sourceIPAddress"]
    if not is_address(source) or known.lists.trusts(source):
        return []
    hits = list(_by_caller(event, known))
    rule = _RULES.get((event["eventSource"], event["eventName"]))
    if rule is not None:
        hits += rule(event, known)
    return hits


# Who calls -----------------------------------------------------------------------------------------


def _by_caller(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    who, name, source = event["userIdentity"], event["eventName"], event["sourceIPAddress"]
    if who["type"] == "Root" and "invokedBy" not in who:
        is_short = (who.get("sessionContext") or {}).get("assumedRoot") == "true"
        credentials = "short-term root credentials" if is_short else "root credentials"
        # Recorded: a finding of 2025, of long-term credentials.
        text = f"The API {name} was invoked using {credentials}"
        yield Hit(SHORT_ROOT if is_short else ROOT, f"{text}.", f"{text} from IP address {source}.")
    is_data = event["eventCategory"] == "Data" and event["eventSource"] == "s3.amazonaws.com"
    bucket = _data_bucket(event) if is_data else ""
    kind = "S3" if is_data else "IAMUser"
    list_name = known.lists.threat(source)
    if list_name:
        text = f"The API {name} was invoked from an IP address on a custom threat list."
        more = f"{text} {caller_of(event)} called it from {source}, which is on the list {list_name}."
        is_reading = event["readOnly"] and name != "GetObject"
        types = (S3_DISCOVERY, S3_UNAUTHORIZED) if is_data else (RECON, UNAUTHORIZED)
        yield Hit(types[0] if is_reading else types[1], text, more, bucket=bucket, list_name=list_name)
    if system := _SYSTEM.search(event["userAgent"] or ""):
        found = system[0].capitalize()
        text = f"The API {name} was invoked from a {found} Linux machine."
        yield Hit(f"PenTest:{kind}/{found}Linux", text, f"{text} {caller_of(event)} called it from {source}.", bucket=bucket)


def _data_bucket(event: dict[str, Any]) -> str:
    """The bucket that an event of data is about; empty where it was reached by an access point, which is all that is told of it then."""
    return event["resources"][0]["ARN"].partition(":::")[2].partition("/")[0]


# What is called ------------------------------------------------------------------------------------


def _asked(event: dict[str, Any]) -> dict[str, Any]:
    return event["requestParameters"] or {}


def _trail(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    """ "This finding can be triggered by a successful deletion or update of a trail"; recorded: by StopLogging and PutEventSelectors, too. Selectors
    disable a trail that is to record no calls of management any more."""
    asked = _asked(event)
    name = str(asked.get("name") or asked.get("trailName") or "")
    if "errorCode" not in event and (event["eventName"] != "PutEventSelectors" or not _records_management(asked)):
        yield _disabled(event, name.rpartition("/")[2], ("AWS::CloudTrail::Trail", name))


def _records_management(asked: dict[str, Any]) -> bool:
    if asked.get("advancedEventSelectors"):
        fields = [field for each in asked["advancedEventSelectors"] for field in each.get("fieldSelectors") or ()]
        return any(field.get("field") == "eventCategory" and "Management" in (field.get("equals") or ()) for field in fields)
    return any(each.get("includeManagementEvents", True) for each in asked.get("eventSelectors") or ())


def _disabled(event: dict[str, Any], name: str, affected: tuple[str, str]) -> Hit:
    text = f"AWS CloudTrail trail {name} was disabled"
    return Hit(
        TRAIL, f"{text}.", f"{text} by {caller_of(event)} calling {event['eventName']} under unusual circumstances. This can be attackers attempt to "
        "cover their tracks by eliminating any trace of activity performed while they accessed your account.", affected=(affected,),
    )  # fmt: skip


def _trail_bucket(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    """ "Also … by a successful deletion of an S3 bucket that stores the logs from a trail"."""
    bucket = _bucket(event)
    if "errorCode" not in event and known.is_trail_bucket(bucket):
        yield _disabled(event, f"with the bucket {bucket}", ("AWS::S3::Bucket", bucket))


DEFAULT_PASSWORDS = {"minimumPasswordLength": 8}
"""What an account without a policy of its own asks of passwords:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html"""
UPDATED_PASSWORDS = {"minimumPasswordLength": 6}
"""What an update asks that says nothing: API_UpdateAccountPasswordPolicy."""


def _password_policy(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    """ "Deleted or updated to require fewer characters, not require symbols and numbers, or required to extend the password expiration period";
    "also … by an attempt to update or delete". What there is to compare with is the last policy that was seen to be set."""
    before = known.password_policy
    if event["eventName"] == "DeleteAccountPasswordPolicy" or is_weaker(DEFAULT_PASSWORDS if before is None else before, _asked(event)):
        text = "Account password policy was weakened"
        yield Hit(PASSWORD, f"{text}.", f"{text} by {caller_of(event)} calling {event['eventName']}.")


def is_weaker(before: dict[str, Any], after: dict[str, Any]) -> bool:
    before, after = {**UPDATED_PASSWORDS, **before}, {**UPDATED_PASSWORDS, **after}
    kinds = ("Symbols", "Numbers", "UppercaseCharacters", "LowercaseCharacters")
    if any(before.get(f"require{kind}") and not after.get(f"require{kind}") for kind in kinds):
        return True
    old_age, new_age = (_number(policy.get("maxPasswordAge")) for policy in (before, after))
    if old_age and (not new_age or new_age > old_age):
        return True
    return _number(after["minimumPasswordLength"]) < _number(before["minimumPasswordLength"])


def _number(said: Any) -> int:
    """A number of a request, which may have been refused for not being one."""
    return said if isinstance(said, int) else 0


# Buckets -------------------------------------------------------------------------------------------


def _bucket(event: dict[str, Any]) -> str:
    return str(_asked(event).get("bucketName") or "")


def _blocks_all(event: dict[str, Any]) -> bool:
    said = _asked(event).get("PublicAccessBlockConfiguration") or _asked(event).get("publicAccessBlockConfiguration")
    names = ("blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets")
    told = {name[:1].lower() + name[1:]: value for name, value in said.items()} if isinstance(said, dict) else {}
    return event["eventName"].startswith("Put") and all(str(told.get(name)).lower() == "true" for name in names)


def _account_opened(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    """Any of the four blocks that is off."""
    if "errorCode" not in event and not _blocks_all(event):
        text = "Amazon S3 Block Public Access was disabled for the account"
        yield Hit(ACCOUNT_OPENED, f"{text}.", f"{text} by {caller_of(event)} calling {event['eventName']}.{_UNEXPECTED}")


def _bucket_opened(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    """Any of the four blocks that is off. The words are recorded."""
    if "errorCode" not in event and not _blocks_all(event):
        bucket = _bucket(event)
        text = f"Amazon S3 Block Public Access was disabled for S3 bucket {bucket}"
        more = f"{text} by {caller_of(event)} calling {event['eventName']}.{_UNEXPECTED}"
        yield Hit(BUCKET_OPENED, f"{text}.", more, bucket=bucket, affected=(("AWS::S3::Bucket", bucket),))


def _unlogged(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    status = _asked(event).get("BucketLoggingStatus")
    if "errorCode" not in event and not (isinstance(status, dict) and status.get("LoggingEnabled")):
        bucket = _bucket(event)
        text = f"S3 server access logging was disabled for bucket {bucket}"
        more = f"{text} by {caller_of(event)} calling {event['eventName']}.{_UNEXPECTED}"
        yield Hit(UNLOGGED, f"{text}.", more, bucket=bucket, affected=(("AWS::S3::Bucket", bucket),))


def _granted(event: dict[str, Any], known: Known) -> Iterable[Hit]:
    """A policy or a list was changed: whether that lets in everybody is seen when the bucket is looked at."""
    if "errorCode" not in event:
        bucket = _bucket(event)
        yield Hit(ANONYMOUS, "", "", bucket=bucket, affected=(("AWS::S3::Bucket", bucket),), looks_first=True)


def granted(hit: Hit, event: dict[str, Any], permission: str) -> Hit:
    """What became of a bucket's permissions, in words: ``permission`` is the finding type."""
    whom = "everybody" if permission == ANONYMOUS else "all AWS users"
    text = f"Amazon S3 bucket {hit.bucket} lets in {whom}"
    return hit._replace(
        type=permission, title=f"{text}.", description=f"{text}, granted by {caller_of(event)} calling {event['eventName']}.{_UNEXPECTED}"
    )


_Rule = Callable[[dict[str, Any], Known], Iterable[Hit]]
_RULES: dict[tuple[str, str], _Rule] = {
    **{("cloudtrail.amazonaws.com", name): _trail for name in ("StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors")},
    **{("iam.amazonaws.com", name): _password_policy for name in ("UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy")},
    **{("s3.amazonaws.com", f"{what}AccountPublicAccessBlock"): _account_opened for what in ("Put", "Delete")},
    **{("s3.amazonaws.com", f"{what}BucketPublicAccessBlock"): _bucket_opened for what in ("Put", "Delete")},
    **{("s3.amazonaws.com", name): _granted for name in ("PutBucketPolicy", "PutBucketAcl")},
    ("s3.amazonaws.com", "PutBucketLogging"): _unlogged,
    ("s3.amazonaws.com", "DeleteBucket"): _trail_bucket,
}
