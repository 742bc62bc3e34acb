"""What a function is: a name with tags and limits, and versions of its code and configuration.

``$LATEST`` is a version like the others, only that it changes. ``sandbox`` names what an execution environment is made
of: it changes with the code and the configuration, so an environment whose version has another one is out of date.
"""

from __future__ import annotations

import json
import math

from kumoniwa.engines.lambda_runtime.runtimes import version_of
from kumoniwa.gate import reserved_tags
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.lambda_ import environment_key
from kumoniwa.services.lambda_.environment_key import Sealed
from kumoniwa.services.lambda_.errors import (
    InvalidParameterValueException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.lambda_.name import LATEST, arn, function_named
from kumoniwa.wire import timestamps

TAGS_MAX = 50
SNAPSHOT_TAKING, SNAPSHOT_READY, SNAPSHOT_FAILED = "taking", "ready", "failed"
CREATING_S = 5.0
"""How long a creation or an update takes at AWS's pace."""


class Code(Record):
    blob: str
    sha256: str
    size: int
    unpacked_bytes: int = 0


class Layer(Record):
    """A layer as a function names it."""

    arn: str
    size: int
    sha256: str
    blob: str
    unpacked_bytes: int = 0


class Durable(Record):
    """What makes a function durable: how long its executions may last, and how long they are kept when they have ended."""

    timeout_s: int
    retention_days: int = 14
    """https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html"""


class Vpc(Record):
    """Where a function is in the network."""

    id: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]


class Version(Record):
    function: str
    code: Code
    role: str
    runtime: str
    handler: str
    modified: float
    revision: str
    sandbox: str
    version: str = LATEST
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    storage_mb: int = 512
    variables: dict[str, str] | None = None
    sealed: Sealed | None = None
    """The variables instead, if they are encrypted under a customer's key."""
    architecture: str = "x86_64"
    layers: tuple[Layer, ...] = ()
    dead_letter: str = ""
    log_group: str = ""
    log_format: str = "Text"
    application_log_level: str = ""
    system_log_level: str = ""
    settled: float = 0.0
    """When the latest change is in force; only at AWS's pace later than ``modified``."""
    revision_until_settled: str = ""
    """What its revision is called until then (recorded: test_lambda_code_location_zipfile, test_publish_with_update)."""
    is_new: bool = True
    """Whether the latest change was the creation."""
    updates_runtime: str = "Auto"
    is_traced: bool = False
    """Whether requests that say nothing of tracing may be sampled."""
    snaps_start: bool = False
    """Whether snapshots are taken of published versions."""
    snapshot: str = ""
    """What became of this version's; empty if none is taken."""
    durable: Durable | None = None
    vpc: Vpc | None = None


class Function(Record):
    name: str
    tags: dict[str, str] = {}
    next_version: int = 1
    reserved: int | None = None
    """Concurrent executions kept for this function, and the most it may have."""
    recursive_loop: str = "Terminate"
    code_signing: str = ""
    """The ARN of its code signing configuration."""


class Alias(Record):
    function: str
    name: str
    version: str
    revision: str
    description: str = ""
    weights: dict[str, float] = {}
    """Other versions and the share of requests each takes."""


class Provisioned(Record):
    """Concurrency that is provisioned for a version or an alias; shelved by ``function:qualifier``."""

    function: str
    qualifier: str
    requested: int
    modified: float


# Finding -------------------------------------------------------------------------------------------


def not_found(call: Call, name: str, qualifier: str | None = None) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"Function not found: {arn(call, name, qualifier)}")


def existing(call: Call, name: str) -> Function:
    function = call.shelf(Function).get(name)
    if function is None:
        raise not_found(call, name)
    return function


def latest(call: Call, name: str) -> Version:
    version = call.shelf(Version).get(f"{name}:{LATEST}")
    if version is None:
        raise not_found(call, name)
    return version


def found(call: Call, name: str, qualifier: str | None) -> Version:
    """The version that a qualifier names: itself, or where its alias points, or the latest."""
    version = call.shelf(Version).get(f"{name}:{qualifier or LATEST}")
    if version is None and qualifier is not None:
        alias = call.shelf(Alias).get(f"{name}:{qualifier}")
        if alias is not None:
            version = call.shelf(Version).get(f"{name}:{alias.version}")
    if version is None:
        raise not_found(call, name, qualifier)
    return version


def target(call: Call, text: str, qualifier: str | None = None) -> tuple[Version, str | None]:
    """The version that a request names, and the qualifier it named it by."""
    name, qualifier = function_named(call, text, qualifier)
    return found(call, name, qualifier), qualifier


def chosen(call: Call, text: str, qualifier: str | None) -> tuple[Version, str | None]:
    """The version that answers: an alias with weights draws it for each request."""
    name, qualifier = function_named(call, text, qualifier)
    if qualifier is None and f"{name}:{LATEST}" not in call.shelf(Version):
        # Recorded: test_invoke_exceptions.
        raise not_found(call, name, LATEST)
    version = found(call, name, qualifier)
    if qualifier is not None and version.version != qualifier:
        weights = call.shelf(Alias)[f"{name}:{qualifier}"].weights
        if weights:
            drawn = call.ids.random.random()
            for other, share in weights.items():
                drawn -= share
                if drawn < 0:
                    version = found(call, name, other)
                    break
    if version.settled > call.now() and version.is_new:
        raise ResourceConflictException(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
        )
    return version, qualifier


def versions(call: Call, name: str) -> list[Version]:
    """Published ones in order, behind the latest."""
    mine = [version for version in call.shelf(Version).values() if version.function == name]
    return sorted(mine, key=lambda v: 0 if v.version == LATEST else int(v.version))


def aliases(call: Call, name: str) -> list[Alias]:
    return sorted((a for a in call.shelf(Alias).values() if a.function == name), key=lambda a: a.name)


# Changing ------------------------------------------------------------------------------------------


def check_revision(current: str, said: str | None) -> None:
    if said is not None and said != current:
        raise PreconditionFailedException


def check_settled(call: Call, version: Version) -> None:
    if version.settled > call.now():
        raise ResourceConflictException(
            f"The operation cannot be performed at this time. An update is in progress for resource: {arn(call, version.function)}"
        )


def reserved_tag(operation: str, key: str) -> AwsError:
    """The text is one of ours: how AWS says it was not found."""
    return InvalidParameterValueException("Tag keys that begin with aws: are reserved.")


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise InvalidParameterValueException("Number of tags exceeds resource tag limit.")
    return tags


def revise(call: Call, version: Version) -> None:
    """Something around a version has changed, though not what it is made of."""
    call.shelf(Version)[f"{version.function}:{version.version}"] = changed(version, **new_revision(call))


def new_revision(call: Call) -> dict[str, str]:
    return {"revision": call.new_id(), "revision_until_settled": call.new_id()}


def settles(call: Call) -> float:
    return call.now() + CREATING_S if call.home.settings.pace == "real" else 0.0


# Showing -------------------------------------------------------------------------------------------


def listed(call: Call, version: Version, qualifier: str | None = None) -> dict:
    """A version as lists show it: without what is going on with it."""
    shown = {
        "FunctionName": version.function,
        "FunctionArn": arn(call, version.function, qualifier),
        "Runtime": version.runtime,
        "Role": version.role,
        "Handler": version.handler,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout_s,
        "MemorySize": version.memory_mb,
        "LastModified": timestamps.to_millisecond_with_offset(version.modified),
        "CodeSha256": version.code.sha256,
        "Version": version.version,
        "TracingConfig": {"Mode": "Active" if version.is_traced else "PassThrough"},
        "RevisionId": (version.settled > call.now() and version.revision_until_settled) or version.revision,
        "PackageType": "Zip",
        "Architectures": [version.architecture],
        "EphemeralStorage": {"Size": version.storage_mb},
        "SnapStart": {
            "ApplyOn": "PublishedVersions" if version.snaps_start else "None",
            "OptimizationStatus": "On" if version.snapshot else "Off",
        },
        "LoggingConfig": _logging(version),
    }
    if version.variables is not None:
        shown["Environment"] = {"Variables": version.variables}
    if version.sealed is not None:
        environment = environment_key.shown(call, version.function, version.sealed)
        if environment != {"Variables": {}}:
            shown["Environment"] = environment
        shown["KMSKeyArn"] = version.sealed.key
    if version.layers:
        shown["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.size} for layer in version.layers]
    if version.durable is not None:
        shown["DurableConfig"] = {
            "ExecutionTimeout": version.durable.timeout_s, "RetentionPeriodInDays": version.durable.retention_days,
        }  # fmt: skip
    if version.vpc is not None:
        vpc = version.vpc
        shown["VpcConfig"] = {
            "SubnetIds": list(vpc.subnets), "SecurityGroupIds": list(vpc.groups), "VpcId": vpc.id, "Ipv6AllowedForDualStack": False,
        }  # fmt: skip
    if version.dead_letter:
        shown["DeadLetterConfig"] = {"TargetArn": version.dead_letter}
    return shown


def _logging(version: Version) -> dict[str, str]:
    """Levels belong to JSON alone (recorded: test_advanced_logging_configuration_format_switch)."""
    config = {"LogFormat": version.log_format, "LogGroup": log_group_of(version)}
    if version.log_format == "JSON":
        config["ApplicationLogLevel"] = version.application_log_level
        config["SystemLogLevel"] = version.system_log_level
    return config


def changing(call: Call, version: Version, qualifier: str | None = None, *, is_new: bool) -> dict:
    """A version as the answer to its creation or update shows it: still at work, under a revision that will be another's.

    Recorded from AWS (test_function_revisions_basic). Whoever asks next finds it done, except at AWS's own pace.
    """
    return shown(call, changed(version, settled=math.inf, is_new=is_new), qualifier)


def shown(call: Call, version: Version, qualifier: str | None = None) -> dict:
    """A version as its own operations show it."""
    if version.snapshot == SNAPSHOT_FAILED:
        # Reported: https://github.com/hashicorp/terraform-provider-aws/issues/49904 and
        # https://github.com/aws-samples/bedrock-chat/issues/653.
        text, code = "An error occurred during function initialization.", "FunctionError"
        state = {
            "State": "Failed", "StateReason": text, "StateReasonCode": code,
            "LastUpdateStatus": "Failed", "LastUpdateStatusReason": text, "LastUpdateStatusReasonCode": code,
        }  # fmt: skip
    elif version.snapshot == SNAPSHOT_TAKING:
        state = {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
    elif version.settled <= call.now():
        state = {"State": "Active", "LastUpdateStatus": "Successful"}
    elif version.is_new:
        state = {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
    else:
        state = {
            "State": "Active",
            "LastUpdateStatus": "InProgress",
            "LastUpdateStatusReason": "The function is being created.",
            "LastUpdateStatusReasonCode": "Creating",
        }
    runtime = {"RuntimeVersionArn": version_of(version.runtime, call.region).partition("ARN: ")[2]}
    return listed(call, version, qualifier) | {"RuntimeVersionConfig": runtime} | state


def log_group_of(version: Version) -> str:
    return version.log_group or f"/aws/lambda/{version.function}"


def text_of_variables(variables: dict[str, str]) -> str:
    return json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
