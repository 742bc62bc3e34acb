"""Lifecycle rules: what they may say, which objects they mean, and when something is due. Pure rules and their operations.

Days are counted from a moment and rounded up to the next midnight (UTC). ``aging`` does what is due.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3 import mfa_delete
from kumoniwa.services.s3.archive import DAY_S, midnight_after
from kumoniwa.services.s3.bucket import Bucket, InvalidArgument, InvalidRequest, found
from kumoniwa.wire import timestamps
from kumoniwa.wire.xml import MalformedXML

RULES_MAX, ID_LENGTH_MAX = 1000, 255
AGING = ("s3", "lifecycle")
"""What wakes the work that does what rules say."""
COLDER = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
"""Objects move down this list, never up.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html"""
LEAST_STAY = {"STANDARD_IA": 30, "GLACIER_IR": 90}
"""Days before a rule may move an object on. How soon it may move the object there is no rule's business any more: cdk-preflight saw five days
before STANDARD_IA taken on 2 September 2026 (pf-s3-lifecycle-days-order), and AWS's page and model say so since."""
LEAST_MOVED = ("all_storage_classes_128K", "varies_by_storage_class")
LEAST_MOVED_BYTES = 131_072
ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionTransitions", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload",
)  # fmt: skip


class NoSuchLifecycleConfiguration(AwsError):
    status = 404
    message = "The lifecycle configuration does not exist"


# Whom a rule means -----------------------------------------------------------------------------------


def predicates(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule's filter in one form: Prefix, Tags, ObjectSizeGreaterThan, ObjectSizeLessThan, as far as it names them."""
    if "Filter" not in rule:
        return {"Prefix": rule.get("Prefix", "")}
    named = dict(rule["Filter"].get("And") or rule["Filter"])
    if "Tag" in named:
        named["Tags"] = [named.pop("Tag")]
    return named


def fits(rule: dict[str, Any], key: str, size: int, tags: dict[str, str]) -> bool:
    """Whether an enabled rule means an object."""
    if rule["Status"] != "Enabled":
        return False
    named = predicates(rule)
    return (
        key.startswith(named.get("Prefix", ""))
        and size > named.get("ObjectSizeGreaterThan", -1)
        and ("ObjectSizeLessThan" not in named or size < named["ObjectSizeLessThan"])
        and all(tags.get(tag["Key"]) == tag["Value"] for tag in named.get("Tags", ()))
    )


# When something is due -------------------------------------------------------------------------------


def due_at(days: int, since: float) -> float:
    """Created 2014-01-15 10:30, three days: 2014-01-19 00:00."""
    return midnight_after(since + days * DAY_S)


def expires_at(rule: dict[str, Any], modified: float) -> float | None:
    expiration = rule.get("Expiration") or {}
    if "Date" in expiration:
        return expiration["Date"]
    return due_at(expiration["Days"], modified) if "Days" in expiration else None


def expiration_told(bucket: Bucket, key: str, size: int, tags: dict[str, str], modified: float) -> dict[str, str]:
    """The Expiration member (``x-amz-expiration``) of answers about a current version: its earliest end and the rule that says so."""
    ends = [
        (at, rule["ID"])
        for rule in bucket.lifecycle
        if fits(rule, key, size, tags) and (at := expires_at(rule, modified)) is not None
    ]
    if not ends:
        return {}
    at, id = min(ends, key=lambda end: end[0])
    return {"Expiration": f'expiry-date="{timestamps.rfc822(at)}", rule-id="{quote(id, safe="")}"'}


def colder_class(bucket: Bucket, rules: Iterable[dict[str, Any]], size: int, kind: str, modified: float, now: float) -> str | None:
    """The coldest class that is due by these rules, all of which mean the object; None if it stays where it is."""
    due = []
    for rule in rules:
        for transition in rule.get("Transitions", ()):
            at = transition["Date"] if "Date" in transition else due_at(transition.get("Days", 0), modified)
            if at <= now and is_moved(bucket, rule, size, transition["StorageClass"]):
                due.append(transition["StorageClass"])
    return coldest(kind, due)


def coldest(kind: str, due: list[str]) -> str | None:
    here = COLDER.index(kind) if kind in COLDER else 0
    there = max((COLDER.index(each) for each in due), default=0)
    return COLDER[there] if there > here else None


def is_moved(bucket: Bucket, rule: dict[str, Any], size: int, kind: str) -> bool:
    """Small objects stay, unless their rule names a size itself or the bucket is configured as they all once were."""
    named = predicates(rule)
    if size >= LEAST_MOVED_BYTES or "ObjectSizeGreaterThan" in named or "ObjectSizeLessThan" in named:
        return True
    return bucket.least_moved == LEAST_MOVED[1] and kind in ("GLACIER", "DEEP_ARCHIVE")


def aborts(bucket: Bucket, key: str, initiated: float) -> Iterator[tuple[float, str]]:
    """When an upload in progress would be aborted, and by which rules."""
    for rule in bucket.lifecycle:
        if "AbortIncompleteMultipartUpload" in rule and fits(rule, key, 0, {}):
            yield due_at(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], initiated), rule["ID"]


def abort_told(bucket: Bucket, key: str, initiated: float) -> dict[str, Any]:
    if not bucket.lifecycle:
        return {}
    found = min(aborts(bucket, key, initiated), default=None)
    return {"AbortDate": found[0], "AbortRuleId": found[1]} if found is not None else {}


# What a rule may say ---------------------------------------------------------------------------------


def _checked(call: Call, said: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    if not 1 <= len(said) <= RULES_MAX:
        raise MalformedXML
    rules, seen = [], set()
    is_filtered = any("Filter" in rule for rule in said)
    for rule in said:
        id = rule.get("ID") or call.ids.secret(48).replace("+", "A").replace("/", "B")
        if len(id) > ID_LENGTH_MAX:
            raise InvalidArgument("ID length should not exceed allowed limit of 255", ArgumentName="ID")
        if id in seen:
            raise InvalidArgument("Rule ID must be unique. Found same ID for more than one rule", ArgumentName="ID")
        seen.add(id)
        if rule.get("Status") not in ("Enabled", "Disabled") or ("Prefix" in rule) == ("Filter" in rule):
            raise MalformedXML
        if "Prefix" in rule and is_filtered:
            raise InvalidRequest("Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.")
        check_filter(rule)
        if not any(name in rule for name in ACTIONS):
            raise InvalidRequest("At least one action needs to be specified in a rule")
        _check_expiration(rule)
        _check_transitions(rule)
        _check_noncurrent(rule)
        abort = rule.get("AbortIncompleteMultipartUpload")
        if abort is not None:
            _check_positive(abort, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
            if "Tags" in predicates(rule):
                # Seen of AWS by cdk-preflight: pf-s3-lifecycle-abort-mpu-with-tag-filter.
                raise InvalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags.")
            if predicates(rule).keys() - {"Prefix"}:
                # https://github.com/umccr/infrastructure/pull/332
                raise InvalidRequest("AbortIncompleteMultipartUpload cannot be specified with Object Size.")
        rules.append({"ID": id, **{name: value for name, value in rule.items() if name != "ID"}})
    return tuple(rules)


def check_filter(rule: dict[str, Any]) -> None:
    named = rule.get("Filter") or {}
    if len(named) > 1 or ("And" in named and len(predicates(rule)) + len(predicates(rule).get("Tags", ())[1:]) < 2):
        raise MalformedXML
    if "Tag" in named and not {"Key", "Value"} <= named["Tag"].keys():
        raise MalformedXML
    parts = predicates(rule)
    tags = parts.get("Tags", ())
    if any("Key" not in tag or "Value" not in tag for tag in tags):
        raise MalformedXML
    if len({tag["Key"] for tag in tags}) < len(tags):
        raise InvalidRequest("Duplicate Tag Keys are not allowed.")
    least, most = parts.get("ObjectSizeGreaterThan"), parts.get("ObjectSizeLessThan")
    if least is not None and most is not None and least + 1 >= most:
        raise InvalidRequest("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.")
    if len(parts.get("Prefix", "").encode()) > 1024:
        raise InvalidRequest("The maximum size of a prefix is 1024.")


def _check_positive(action: dict[str, Any], member: str, named: str) -> None:
    value = action.get(member)
    if value is None:
        raise MalformedXML
    if value <= 0:
        raise InvalidArgument(
            f"'{member}' for {named} action must be a positive integer", ArgumentName=member, ArgumentValue=value
        )


def _check_midnight(action: dict[str, Any]) -> None:
    if action["Date"] % DAY_S:
        raise InvalidArgument("'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=timestamps.iso8601(action["Date"]))


def _check_expiration(rule: dict[str, Any]) -> None:
    expiration = rule.get("Expiration")
    if expiration is None:
        return
    if len(expiration) != 1:
        # https://github.com/aws/aws-sdk-ruby/issues/2350: a marker's end stands alone.
        raise MalformedXML
    if "Days" in expiration:
        _check_positive(expiration, "Days", "Expiration")
    elif "Date" in expiration:
        _check_midnight(expiration)
    elif predicates(rule).keys() - {"Prefix"}:
        # https://github.com/aws/aws-cli/issues/8239
        raise MalformedXML


def _shown_filter(rule: dict[str, Any]) -> str:
    named = predicates(rule)
    told = [f"prefix={named.get('Prefix', '')}"]
    told += [f"tag: key={tag['Key']}, value={tag['Value']}" for tag in named.get("Tags", ())]
    return f"({' and '.join(told)})"


def _check_transitions(rule: dict[str, Any]) -> None:
    transitions, expiration, where = rule.get("Transitions", ()), rule.get("Expiration") or {}, _shown_filter(rule)
    dated = {"Date" in each for each in transitions} | {
        "Date" in each for each in (expiration,) if len(expiration) and "ExpiredObjectDeleteMarker" not in each
    }
    kinds = []
    for each in transitions:
        kind = each.get("StorageClass")
        if kind not in COLDER[1:] or ("Days" in each and "Date" in each):
            raise MalformedXML
        kinds.append(kind)
        if "Date" in each:
            _check_midnight(each)
        elif each.get("Days", 0) < 0:
            raise InvalidArgument("'Days' in Transition action must be nonnegative", ArgumentName="Days")
    if len(set(kinds)) < len(kinds):
        raise InvalidArgument(f"'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '{where}'")
    if len(dated) > 1:
        raise InvalidRequest(
            f"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '{where}'"
        )
    member = "Date" if True in dated else "Days"
    if member in expiration and any(each.get(member, 0) >= expiration[member] for each in transitions):
        raise InvalidArgument(
            f"'{member}' in the Expiration action for filter '{where}' must be greater than '{member}' in the Transition action"
        )
    _check_order(transitions, "Days", where)


def _check_order(transitions: Iterable[dict[str, Any]], member: str, where: str) -> None:
    """Colder means later, and a class is left when what it takes for at least has passed.

    Texts and gaps were seen of AWS by cdk-preflight: pf-s3-lifecycle-transition-waterfall-order and -min-storage-duration-chain.
    """
    timed = sorted(
        (COLDER.index(each["StorageClass"]), each[member], each["StorageClass"]) for each in transitions if member in each
    )
    for (_, sooner, warmer), (_, later, colder) in zip(timed, timed[1:]):
        gap = LEAST_STAY.get(warmer, 1)
        if later >= sooner + gap:
            continue
        least = f"greater than '{member}'" if later <= sooner else f"{gap} days more than 'filter '{where}''"
        raise InvalidArgument(
            f"'{member}' in the 'Transition' action for StorageClass '{colder}' for filter '{where}' must be {least} "
            f"in the 'Transition' action for StorageClass '{warmer}'",
            ArgumentName=member, ArgumentValue=later,
        )  # fmt: skip


def _check_noncurrent(rule: dict[str, Any]) -> None:
    expiration, transitions = rule.get("NoncurrentVersionExpiration"), rule.get("NoncurrentVersionTransitions", ())
    if expiration is not None:
        _check_positive(expiration, "NoncurrentDays", "NoncurrentVersionExpiration")
    for each in transitions:
        kind = each.get("StorageClass")
        if kind not in COLDER[1:] or "NoncurrentDays" not in each:
            raise MalformedXML
        if each["NoncurrentDays"] < 0:
            raise InvalidArgument("'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative")
        if expiration is not None and each["NoncurrentDays"] >= expiration["NoncurrentDays"]:
            raise InvalidArgument(
                f"'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '{_shown_filter(rule)}' must be greater "
                "than 'NoncurrentDays' in the NoncurrentVersionTransition action"
            )
    for each in (*transitions, *((expiration,) if expiration else ())):
        if not 1 <= each.get("NewerNoncurrentVersions", 1) <= 100:
            raise InvalidArgument("'NewerNoncurrentVersions' must be a positive integer less than or equal to 100")
    _check_order(transitions, "NoncurrentDays", _shown_filter(rule))


# Operations ------------------------------------------------------------------------------------------


def PutBucketLifecycleConfiguration(
    call: Call,
    *,
    Bucket: str,
    LifecycleConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ExpectedBucketOwner: str | None = None,
    TransitionDefaultMinimumObjectSize: str | None = None,
) -> dict:
    """What is due by the new rules is done at the next midnight, and here already at once unless the pace is real."""
    bucket = found(call, Bucket)
    bodies.check_document(call)
    mfa_delete.check_may_age(bucket)
    least = TransitionDefaultMinimumObjectSize or LEAST_MOVED[0]
    if least not in LEAST_MOVED:
        raise InvalidRequest(f"Invalid TransitionDefaultMinimumObjectSize found: {least[:1024]}")
    rules = _checked(call, (LifecycleConfiguration or {}).get("Rules") or [])
    call.shelf(type(bucket))[Bucket] = changed(bucket, lifecycle=rules, least_moved=least)
    call.after_commit(lambda: call.home.wake(AGING))
    return {"TransitionDefaultMinimumObjectSize": least}


def GetBucketLifecycleConfiguration(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.lifecycle:
        raise NoSuchLifecycleConfiguration(BucketName=Bucket)
    return {"Rules": list(bucket.lifecycle), "TransitionDefaultMinimumObjectSize": bucket.least_moved}


def DeleteBucketLifecycle(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    bucket = found(call, Bucket)
    call.shelf(type(bucket))[Bucket] = changed(bucket, lifecycle=(), least_moved="")
