"""The recorder: who records, as which role, which types of resources. An account has one in each region.

https://docs.aws.amazon.com/config/latest/developerguide/stop-start-recorder.html
https://docs.aws.amazon.com/config/latest/APIReference/API_RecordingGroup.html
"""

from __future__ import annotations

from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.config.errors import (
    InvalidConfigurationRecorderNameException,
    InvalidRecordingGroupException,
    InvalidRoleException,
    MaxNumberOfConfigurationRecordersExceededException,
    NoAvailableConfigurationRecorderException,
    NoAvailableDeliveryChannelException,
    NoSuchConfigurationRecorderException,
    ValidationException,
)

SERVICE = "config.amazonaws.com"
WORKING = ("config", "work")
"""What the service's work waits for: something to look into."""
HEARD = ("config", "heard")
"""And what following calls waits for besides."""
DEFAULT, RESERVED = "default", "AWSConfigurationRecorderFor"
GLOBAL_TYPES = frozenset({"AWS::IAM::Group", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::IAM::User"})
ALL, INCLUSION, EXCLUSION = "ALL_SUPPORTED_RESOURCE_TYPES", "INCLUSION_BY_RESOURCE_TYPES", "EXCLUSION_BY_RESOURCE_TYPES"


class Recorder(Record):
    """Shelved by its name."""

    name: str
    id: str
    role: str
    strategy: str = ALL
    types: tuple[str, ...] = ()
    """Those that are recorded, or those that are not, as the strategy says."""
    has_global_types: bool = False
    is_recording: bool = False
    started: float | None = None
    stopped: float | None = None
    status: str = "PENDING"
    error_code: str = ""
    error: str = ""
    status_changed: float | None = None
    since: float = 0.0
    """What happened up to then was followed."""
    seen: tuple[str, ...] = ()
    """Events of exactly that moment that were followed."""
    swept: float = 0.0
    """When everything was looked at last."""
    tags: dict[str, str] = {}

    def records(self, type_: str) -> bool:
        if self.strategy == INCLUSION:
            return type_ in self.types
        if self.strategy == EXCLUSION:
            return type_ not in self.types
        return self.has_global_types or type_ not in GLOBAL_TYPES


def arn_of(call: Call, recorder: Recorder) -> str:
    return call.arn(f"configuration-recorder/{recorder.name}/{recorder.id}")


def held(call: Call) -> Recorder | None:
    return next(iter(call.shelf(Recorder).values()), None)


def running(call: Call) -> Recorder | None:
    recorder = held(call)
    return recorder if recorder is not None and recorder.is_recording else None


def must_exist(call: Call, text: str = "Configuration recorder is not available.") -> Recorder:
    recorder = held(call)
    if recorder is None:
        raise NoAvailableConfigurationRecorderException(text)
    return recorder


def existing(call: Call, name: str) -> Recorder:
    found = call.shelf(Recorder).get(name)
    if found is None:
        raise NoSuchConfigurationRecorderException(f"Cannot find configuration recorder with the specified name '{name}'.")
    return found


def change(call: Call, recorder: Recorder, **changes: Any) -> Recorder:
    """Of what is held of the recorder now: others may have changed it meanwhile."""
    now = call.shelf(Recorder).get(recorder.name)
    if now is None:
        return changed(recorder, **changes)
    call.shelf(Recorder)[recorder.name] = now = changed(now, **changes)
    return now


def note(call: Call, recorder: Recorder, status: str, code: str = "", text: str = "") -> None:
    """How recording goes, if that is news."""
    recorder = call.shelf(Recorder).get(recorder.name, recorder)
    if (recorder.status, recorder.error_code, recorder.error) != (status, code, text):
        change(call, recorder, status=status, error_code=code, error=text, status_changed=call.now())


# Groups --------------------------------------------------------------------------------------------


def _group(said: dict[str, Any] | None) -> tuple[str, tuple[str, ...], bool]:
    """The strategy, its types, and whether global ones belong to it. Which combinations AWS takes is recorded: getmoto/moto's
    test_put_configuration_recorder."""
    if said is None:
        return ALL, (), False
    is_all, is_global = said.get("allSupported", False), said.get("includeGlobalResourceTypes", False)
    included = tuple(said.get("resourceTypes") or ())
    excluded = tuple((said.get("exclusionByResourceTypes") or {}).get("resourceTypes") or ())
    strategy = (said.get("recordingStrategy") or {}).get("useOnly")
    if is_all:
        is_right = not included and not excluded and strategy in (None, ALL)
        strategy = ALL
    elif included:
        is_right = not excluded and not is_global and strategy in (None, INCLUSION)
        strategy = INCLUSION
    else:
        is_right = bool(excluded) and strategy == EXCLUSION
    if not is_right:
        raise InvalidRecordingGroupException
    return strategy, included or excluded, is_all and is_global


def group_shown(recorder: Recorder) -> dict[str, Any]:
    return {
        "allSupported": recorder.strategy == ALL,
        "includeGlobalResourceTypes": recorder.has_global_types,
        "resourceTypes": list(recorder.types) if recorder.strategy == INCLUSION else [],
        "exclusionByResourceTypes": {"resourceTypes": list(recorder.types) if recorder.strategy == EXCLUSION else []},
        "recordingStrategy": {"useOnly": recorder.strategy},
    }


def tags_said(tags: list[dict[str, str]] | None) -> dict[str, str]:
    if not all(tag.get("Key") for tag in tags or ()):
        raise ValidationException("A tag must have a key.")
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}


# Operations ----------------------------------------------------------------------------------------


def PutConfigurationRecorder(call: Call, *, ConfigurationRecorder: dict[str, Any], Tags: list[dict[str, str]] | None = None) -> None:
    said = ConfigurationRecorder
    name, role = said.get("name", DEFAULT), said.get("roleARN")
    if not name or name.startswith(RESERVED):
        why = ", blank string." if not name else f": the prefix {RESERVED} is reserved."
        raise InvalidConfigurationRecorderNameException(f"The configuration recorder name '{name}' is not valid{why}")
    _refuse_strange(said)
    strategy, types, has_global_types = _group(said.get("recordingGroup"))
    others = [each for each in call.shelf(Recorder) if each != name]
    if others:
        raise MaxNumberOfConfigurationRecordersExceededException(
            f"Failed to put configuration recorder '{name}' because the maximum number of configuration recorders: 1 is reached."
        )
    if not role:
        raise InvalidRoleException("The role ARN must not be null or empty.")
    call.require("iam:PassRole", role, **{"iam:PassedToService": SERVICE})
    before = call.shelf(Recorder).get(name)
    if before is None:
        tags = tags_said(Tags)
        before = Recorder(name=name, id=call.ids.lower(16), role=role, tags=tags)
    # What is recorded from now on besides is looked at, as is what the new role can see.
    call.shelf(Recorder)[name] = changed(before, role=role, strategy=strategy, types=types, has_global_types=has_global_types, swept=0.0)
    wake(call)


def _refuse_strange(said: dict[str, Any]) -> None:
    for member in ("arn", "servicePrincipal", "connectorArn", "scopeConfiguration"):
        if member in said:
            raise NotImplementedHere(f"config:PutConfigurationRecorder({member})")
    if said.get("recordingScope", "PAID") != "PAID":
        raise NotImplementedHere("internal recorders of AWS services")
    mode = said.get("recordingMode") or {"recordingFrequency": "CONTINUOUS"}
    if mode["recordingFrequency"] != "CONTINUOUS" or mode.get("recordingModeOverrides"):
        raise NotImplementedHere("daily recording")


class Woken:
    """How often work was put before the account's Config, in this life of the region: who is at work then looks again."""

    def __init__(self) -> None:
        self.times = 0


class News:
    """Whether there is something that those who aggregate the account's Config have not been told of. After a start there may be."""

    def __init__(self) -> None:
        self.is_there = True


def tell_news(call: Call) -> None:
    """Something changed that aggregators show."""
    news = call.memory(News)
    if not news.is_there:
        news.is_there = True
        wake(call)


def wake(call: Call) -> None:
    """Once what this call wrote is safe."""
    call.after_commit(partial(put_before, call))


def put_before(call: Call) -> None:
    call.memory(Woken).times += 1
    call.home.wake(WORKING)
    call.home.wake(HEARD)


def DescribeConfigurationRecorders(
    call: Call, *, ConfigurationRecorderNames: list[str] | None = None, Arn: str | None = None
) -> dict:
    return {"ConfigurationRecorders": [_shown(call, each) for each in _chosen(call, ConfigurationRecorderNames, Arn)]}


def _chosen(call: Call, names: list[str] | None, arn: str | None) -> list[Recorder]:
    if names and arn:
        raise ValidationException("Specify names of recorders or an ARN, not both.")
    if arn is not None:
        found = [each for each in call.shelf(Recorder).values() if arn_of(call, each) == arn]
        if not found:
            raise NoSuchConfigurationRecorderException(f"Cannot find configuration recorder with the specified ARN '{arn}'.")
        return found
    return [existing(call, name) for name in names] if names else list(call.shelf(Recorder).values())


def _shown(call: Call, recorder: Recorder) -> dict[str, Any]:
    return {
        "arn": arn_of(call, recorder), "name": recorder.name, "roleARN": recorder.role, "recordingGroup": group_shown(recorder),
        "recordingMode": {"recordingFrequency": "CONTINUOUS", "recordingModeOverrides": []}, "recordingScope": "PAID",
    }  # fmt: skip


def ListConfigurationRecorders(call: Call, *, Filters: list[dict[str, Any]] | None = None) -> dict:
    listed = [{"arn": arn_of(call, each), "name": each.name, "recordingScope": "PAID"} for each in call.shelf(Recorder).values()]
    for wanted in Filters or ():
        if wanted.get("filterName") != "recordingScope":
            raise NotImplementedHere(f"the filter {wanted.get('filterName')} of recorders")
        listed = [each for each in listed if each["recordingScope"] in (wanted.get("filterValue") or ())]
    return {"ConfigurationRecorderSummaries": listed}


def DescribeConfigurationRecorderStatus(
    call: Call, *, ConfigurationRecorderNames: list[str] | None = None, Arn: str | None = None
) -> dict:
    listed = []
    for each in _chosen(call, ConfigurationRecorderNames, Arn):
        told = {
            "arn": arn_of(call, each), "name": each.name, "lastStartTime": each.started, "lastStopTime": each.stopped,
            "recording": each.is_recording, "lastStatus": each.status if each.started is not None else None,
            "lastErrorCode": each.error_code or None, "lastErrorMessage": each.error or None, "lastStatusChangeTime": each.status_changed,
        }  # fmt: skip
        listed.append({name: value for name, value in told.items() if value is not None})
    return {"ConfigurationRecordersStatus": listed}


def start(call: Call, name: str, *, has_channel: bool) -> None:
    recorder = existing(call, name)
    if not has_channel:
        raise NoAvailableDeliveryChannelException("Delivery channel is not available to start configuration recorder.")
    if recorder.is_recording:
        return
    now = call.now()
    change(call, recorder, is_recording=True, started=now, status="PENDING", error_code="", error="", status_changed=now,
           since=now, seen=(), swept=0.0)  # fmt: skip
    wake(call)


def StopConfigurationRecorder(call: Call, *, ConfigurationRecorderName: str) -> None:
    recorder = existing(call, ConfigurationRecorderName)
    if recorder.is_recording:
        change(call, recorder, is_recording=False, stopped=call.now(), status_changed=call.now())


def DeleteConfigurationRecorder(call: Call, *, ConfigurationRecorderName: str) -> None:
    """What was recorded stays to be asked for."""
    del call.shelf(Recorder)[existing(call, ConfigurationRecorderName).name]
