"""The operations of Lambda on functions, and where to find the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import code_signing, environment_key, image, package, provision, sandbox, vpc
from kumoniwa.services.lambda_.alias import CreateAlias, DeleteAlias, GetAlias, ListAliases, UpdateAlias
from kumoniwa.services.lambda_.bill import standing_of  # noqa: F401 (the gate's hook)
from kumoniwa.services.lambda_.code_signing import (
    CreateCodeSigningConfig,
    DeleteCodeSigningConfig,
    DeleteFunctionCodeSigningConfig,
    GetCodeSigningConfig,
    GetFunctionCodeSigningConfig,
    ListCodeSigningConfigs,
    ListFunctionsByCodeSigningConfig,
    PutFunctionCodeSigningConfig,
    UpdateCodeSigningConfig,
)
from kumoniwa.services.lambda_.concurrency import (
    DeleteFunctionConcurrency,
    GetFunctionConcurrency,
    PutFunctionConcurrency,
)
from kumoniwa.services.lambda_.configuration import ACCEPTED, settings
from kumoniwa.services.lambda_.destination import (
    DeleteFunctionEventInvokeConfig,
    GetFunctionEventInvokeConfig,
    InvokeConfig,
    ListFunctionEventInvokeConfigs,
    PutFunctionEventInvokeConfig,
    UpdateFunctionEventInvokeConfig,
)
from kumoniwa.services.lambda_.durable_callback import (
    SendDurableExecutionCallbackFailure,
    SendDurableExecutionCallbackHeartbeat,
    SendDurableExecutionCallbackSuccess,
    execution_of,
)
from kumoniwa.services.lambda_.durable_checkpoint import CheckpointDurableExecution, GetDurableExecutionState
from kumoniwa.services.lambda_.durable_control import (
    TOKENS,  # noqa: F401 (the gate's hook)
    DeleteDurableExecution,
    PauseDurableExecution,
    ResumeDurableExecution,
    StopDurableExecution,
)
from kumoniwa.services.lambda_.durable_history import GetDurableExecution, GetDurableExecutionHistory, ListDurableExecutionsByFunction
from kumoniwa.services.lambda_.errors import ForeignFunction, InvalidParameterValueException, ResourceConflictException
from kumoniwa.services.lambda_.function import (
    Alias,
    Code,
    Function,
    Version,
    changing,
    check_revision,
    check_settled,
    check_tags,
    existing,
    latest,
    listed,
    new_revision,
    reserved_tag,  # noqa: F401 (the gate's hook)
    settles,
    shown,
    target,
    versions,
)
from kumoniwa.services.lambda_.invocation import Invoke, InvokeAsync, InvokeWithResponseStream
from kumoniwa.services.lambda_.layer import (
    DeleteLayerVersion,
    GetLayerVersion,
    GetLayerVersionByArn,
    LayerVersion,
    ListLayers,
    ListLayerVersions,
    PublishLayerVersion,
    check_size,
    let_go,
)
from kumoniwa.services.lambda_.layer_permission import (
    AddLayerVersionPermission,
    GetLayerVersionPolicy,
    RemoveLayerVersionPermission,
)
from kumoniwa.services.lambda_.management import GetRuntimeManagementConfig, PutRuntimeManagementConfig
from kumoniwa.services.lambda_.name import LATEST, arn, function_named, parsed
from kumoniwa.services.lambda_.permission import (
    AddPermission,
    DeleteResourcePolicy,
    GetPolicy,
    GetResourcePolicy,
    Policy,
    PutResourcePolicy,
    RemovePermission,
    document,
    text_of,
)
from kumoniwa.services.lambda_.provision import (
    DeleteProvisionedConcurrencyConfig,
    GetProvisionedConcurrencyConfig,
    ListProvisionedConcurrencyConfigs,
    PutProvisionedConcurrencyConfig,
)
from kumoniwa.services.lambda_.recursion import GetFunctionRecursionConfig, PutFunctionRecursionConfig
from kumoniwa.services.lambda_.source import (
    CreateEventSourceMapping,
    DeleteEventSourceMapping,
    GetEventSourceMapping,
    ListEventSourceMappings,
    Mapping,
    UpdateEventSourceMapping,
)
from kumoniwa.services.lambda_.tagging import ListTags, TagResource, UntagResource, all_tags, tags_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.lambda_.url import (
    CreateFunctionUrlConfig,
    DeleteFunctionUrlConfig,
    GetFunctionUrlConfig,
    ListFunctionUrlConfigs,
    UpdateFunctionUrlConfig,
    Url,
    forget,
)
from kumoniwa.services.lambda_.version import ListVersionsByFunction, PublishVersion, published

__all__ = [
    "CreateEventSourceMapping", "DeleteEventSourceMapping", "GetEventSourceMapping", "ListEventSourceMappings", "UpdateEventSourceMapping",
    "CreateCodeSigningConfig", "DeleteCodeSigningConfig", "DeleteFunctionCodeSigningConfig", "GetCodeSigningConfig",
    "GetFunctionCodeSigningConfig", "ListCodeSigningConfigs", "ListFunctionsByCodeSigningConfig", "PutFunctionCodeSigningConfig",
    "UpdateCodeSigningConfig", "GetRuntimeManagementConfig", "PutRuntimeManagementConfig",
    "GetFunctionRecursionConfig", "PutFunctionRecursionConfig", "DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy",
    "AddPermission", "CreateAlias", "DeleteAlias", "DeleteFunctionConcurrency", "GetAlias", "GetFunctionConcurrency", "GetPolicy",
    "AddLayerVersionPermission", "GetLayerVersionPolicy", "RemoveLayerVersionPermission", "InvokeAsync",
    "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionByArn", "ListLayers", "ListLayerVersions", "PublishLayerVersion",
    "DeleteProvisionedConcurrencyConfig", "GetProvisionedConcurrencyConfig", "ListProvisionedConcurrencyConfigs",
    "PutProvisionedConcurrencyConfig", "CreateFunctionUrlConfig", "DeleteFunctionUrlConfig", "GetFunctionUrlConfig",
    "ListFunctionUrlConfigs", "UpdateFunctionUrlConfig",
    "DeleteFunctionEventInvokeConfig", "GetFunctionEventInvokeConfig", "ListFunctionEventInvokeConfigs",
    "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig", "Invoke", "InvokeWithResponseStream", "ListAliases",
    "ListVersionsByFunction", "PublishVersion", "PutFunctionConcurrency", "RemovePermission", "UpdateAlias",
    "ListTags", "TagResource", "UntagResource", "CheckpointDurableExecution", "DeleteDurableExecution", "GetDurableExecution",
    "GetDurableExecutionHistory", "GetDurableExecutionState", "ListDurableExecutionsByFunction", "PauseDurableExecution",
    "ResumeDurableExecution", "SendDurableExecutionCallbackFailure", "SendDurableExecutionCallbackHeartbeat",
    "SendDurableExecutionCallbackSuccess", "StopDurableExecution",
]  # fmt: skip


# What the gate asks --------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    if operation in ("GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping"):
        return call.arn(f"event-source-mapping:{params.get('UUID')}")
    if operation in ("CreateEventSourceMapping", "ListEventSourceMappings"):
        return "*"
    if (execution := params.get("DurableExecutionArn")) is not None:
        return execution
    if (callback := params.get("CallbackId")) is not None:
        return execution_of(callback) or "*"
    text = params.get("FunctionName") or params.get("ResourceArn")
    if text is None:
        if (layer := params.get("LayerName") or params.get("Arn")) is not None:
            version = f":{params['VersionNumber']}" if "VersionNumber" in params else ""
            return (layer if layer.startswith("arn:") else call.arn(f"layer:{layer}")) + version
        return params.get("Resource") or params.get("CodeSigningConfigArn") or "*"
    named = parsed(text) if isinstance(text, str) else None
    if named is None:
        return call.arn(f"function:{text}")
    qualifier = named.qualifier or params.get("Qualifier")
    resource = f"function:{named.name}:{qualifier}" if qualifier else f"function:{named.name}"
    return f"arn:{call.home.partition}:lambda:{call.region}:{named.account or call.account}:{resource}"


def policy_of(call: Call, arn: str) -> str | None:
    if ":layer:" in arn:
        layer = call.shelf(LayerVersion).get(arn.partition(":layer:")[2])
        return document(layer.statements) if layer is not None and layer.statements else None
    policy = call.shelf(Policy).get(arn.partition(":function:")[2].removesuffix(":" + LATEST))
    return text_of(policy) if policy is not None else None


def denied(call: Call, operation: str, action: str, params: dict[str, Any]) -> None:
    if operation.endswith("FunctionUrlConfig") and call.account != call.principal.account:
        raise ForeignFunction


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html#awslambda-policy-keys"""
    conditions = {}
    for name in ("Principal", "FunctionUrlAuthType"):
        if name in params:
            conditions[f"lambda:{name.lower()}"] = params[name]
    if "Layers" in params:
        conditions["lambda:layer"] = params["Layers"]
    if operation in ("CreateFunction", "PutFunctionCodeSigningConfig") and "CodeSigningConfigArn" in params:
        conditions["lambda:codesigningconfigarn"] = params["CodeSigningConfigArn"]
    if operation in ("Invoke", "InvokeWithResponseStream"):
        conditions["lambda:invokedviafunctionurl"] = False
    if isinstance(params.get("VpcConfig"), dict):
        conditions |= vpc.conditions(call, params["VpcConfig"])
    if operation.endswith("EventSourceMapping"):
        conditions |= _function_of_mapping(call, params)
    return conditions


def _function_of_mapping(call: Call, params: dict[str, Any]) -> dict[str, str]:
    """The function that a mapping feeds, or shall feed."""
    named, held = parsed(str(params.get("FunctionName", ""))), call.shelf(Mapping).get(str(params.get("UUID")))
    if named is not None:
        return {"lambda:functionarn": arn(call, named.name, named.qualifier)}
    return {"lambda:functionarn": arn(call, held.function, held.qualifier or None)} if held is not None else {}


_ENUMERATED = re.compile(r"(satisfy constraint: \[Member must satisfy enum value set: \[[^]]*\])\]")
_OF_LAYER = re.compile(
    r"(; )?(Value '[^']*' at 'compatibleRuntimes' failed to satisfy constraint: )Member must satisfy constraint: [^]]*\][^]]*\](; )?"
)


def _runtimes_first(text: str) -> str:
    """Of a layer's runtimes AWS speaks before all else, as of a function's (recorded: test_layer_exceptions)."""
    found = _OF_LAYER.search(text)
    if found is None:
        return text
    counted, _, others = (text[: found.start()] + (found[1] and found[3] or "") + text[found.end() :]).partition("detected: ")
    told = f"{found[2]}Member must satisfy enum value set: [{', '.join(ACCEPTED)}]"
    return f"{counted}detected: {'; '.join(filter(None, (told, others)))}"


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """Also of what is enumerated in a list Lambda says that it must be there (recorded: test_create_lambda_exceptions)."""
    if error.code != "ValidationException":
        return error
    runtime = params.get("Runtime")
    if operation in ("CreateFunction", "UpdateFunctionConfiguration") and error.text.startswith(
        f"1 validation error detected: Value '{runtime}' at 'runtime'"
    ):
        return InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(ACCEPTED)}] or be a valid ARN"
        )
    text = _runtimes_first(error.text) if operation == "PublishLayerVersion" else error.text
    return type(error)(_ENUMERATED.sub(r"\1, Member must not be null]", text), hint=error.hint)


# Functions -----------------------------------------------------------------------------------------


async def CreateFunction(
    call: Call,
    *,
    FunctionName: str,
    Role: str,
    Code: dict[str, Any],
    Runtime: str | None = None,
    Handler: str | None = None,
    Description: str | None = None,
    Timeout: int | None = None,
    MemorySize: int | None = None,
    Publish: bool | None = None,
    PackageType: str | None = None,
    DeadLetterConfig: dict[str, Any] | None = None,
    Environment: dict[str, Any] | None = None,
    TracingConfig: dict[str, Any] | None = None,
    VpcConfig: dict[str, Any] | None = None,
    SnapStart: dict[str, Any] | None = None,
    Tags: dict[str, str] | None = None,
    Layers: list[str] | None = None,
    Architectures: list[str] | None = None,
    EphemeralStorage: dict[str, Any] | None = None,
    LoggingConfig: dict[str, Any] | None = None,
    KMSKeyArn: str | None = None,
    FileSystemConfigs: list[dict[str, str]] | None = None,
    DurableConfig: dict[str, Any] | None = None,
    CodeSigningConfigArn: str = "",
    ImageConfig: dict[str, Any] | None = None,
) -> dict:
    package.check_request(call)
    name, qualifier = function_named(call, FunctionName)
    if qualifier is not None or len(name) > 64:
        raise InvalidParameterValueException(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64"
        )
    if PackageType == "Image":
        raise image.refusal_of(call, Code, CodeSigningConfigArn)
    if ImageConfig is not None:
        # As cdk-preflight saw it of AWS (pf-lambda-imageconfig-requires-image).
        raise InvalidParameterValueException("The ImageConfig parameter is not supported for functions created with deployment packages.")
    if Runtime is None or Handler is None:
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    said = settings(
        call, name, role=Role, Role=Role, Runtime=Runtime, Handler=Handler, Description=Description, Timeout=Timeout, MemorySize=MemorySize,
        Environment=Environment, EphemeralStorage=EphemeralStorage, DeadLetterConfig=DeadLetterConfig, LoggingConfig=LoggingConfig,
        TracingConfig=TracingConfig, VpcConfig=VpcConfig, SnapStart=SnapStart, Layers=Layers,
        FileSystemConfigs=FileSystemConfigs, DurableConfig=DurableConfig,
    )  # fmt: skip
    _check_free(call, name)
    check_tags(Tags or {})
    if CodeSigningConfigArn:
        code_signing.check_config(call, CodeSigningConfigArn)
    zipped = await package.received(call, Code)
    sha256 = await package.checked(call, zipped)
    code_signing.check_deployment(call, name, CodeSigningConfigArn)
    if KMSKeyArn:
        said |= {"sealed": await environment_key.sealed(call, name, KMSKeyArn, Role, said.pop("variables", {}))}
    if VpcConfig is not None:
        said["vpc"] = await vpc.chosen(call, name, Role, VpcConfig)
    _check_free(call, name)
    version = Version(
        function=name, code=package.kept(call, sha256, zipped), architecture=Architectures[0] if Architectures else "x86_64",
        modified=call.now(), settled=settles(call), sandbox=call.new_id(), **new_revision(call), **said,
    )  # fmt: skip
    check_size(version.code, version.layers)
    call.shelf(Function)[name] = Function(name=name, tags=Tags or {}, code_signing=CodeSigningConfigArn)
    call.shelf(Version)[f"{name}:{LATEST}"] = version
    sandbox.of(call.home).prepare(version.runtime)
    # The new version is answered under the function's own ARN (recorded: test_publish_version_on_create).
    if Publish:
        return published(call, version, is_changing=True) | {"FunctionArn": arn(call, name)}
    return changing(call, version, is_new=True)


def _check_free(call: Call, name: str) -> None:
    if name in call.shelf(Function):
        raise ResourceConflictException(f"Function already exist: {name}")


def GetFunction(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    version, qualifier = target(call, FunctionName, Qualifier)
    function = existing(call, version.function)
    reply: dict[str, Any] = {"Configuration": shown(call, version, qualifier), "Code": {"RepositoryType": "S3"}}
    reply["Code"]["Location"] = package.link(call, version.code.blob)
    if function.tags and version.version == LATEST:
        # Recorded of a version, which shows none: localstack's test_lambda.py, test_lambda_version.
        reply["Tags"] = function.tags
    if function.reserved is not None:
        reply["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return reply


def GetFunctionConfiguration(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    version, qualifier = target(call, FunctionName, Qualifier)
    return shown(call, version, qualifier)


def ListFunctions(call: Call, *, FunctionVersion: str | None = None, MasterRegion: str | None = None) -> dict:
    if MasterRegion is not None:
        raise NotImplementedHere("the parameter MasterRegion of lambda:ListFunctions")
    names = sorted(call.shelf(Function))
    if FunctionVersion == "ALL":
        return {"Functions": [listed(call, v, v.version) for name in names for v in versions(call, name)]}
    return {"Functions": [listed(call, latest(call, name)) for name in names]}


async def UpdateFunctionCode(
    call: Call,
    *,
    FunctionName: str,
    ZipFile: bytes | None = None,
    S3Bucket: str | None = None,
    S3Key: str | None = None,
    S3ObjectVersion: str | None = None,
    Publish: bool | None = None,
    DryRun: bool | None = None,
    RevisionId: str | None = None,
    Architectures: list[str] | None = None,
) -> dict:
    name, _ = function_named(call, FunctionName)

    def current() -> Version:
        version = latest(call, name)
        check_revision(version.revision, RevisionId)
        check_settled(call, version)
        return version

    current()
    said = {"ZipFile": ZipFile, "S3Bucket": S3Bucket, "S3Key": S3Key, "S3ObjectVersion": S3ObjectVersion}
    zipped = await package.received(call, {key: value for key, value in said.items() if value is not None})
    sha256 = await package.checked(call, zipped)
    code_signing.check_deployment(call, name, existing(call, name).code_signing)
    version = current()
    if Architectures:
        version = changed(version, architecture=Architectures[0])
    if DryRun:
        return shown(call, changed(version, code=Code(blob="", sha256=sha256, size=len(zipped))))
    old = version.code.blob
    if version.sealed is not None:
        await environment_key.look(call, name, version.sealed)
        version = current()
    version = changed(version, code=package.kept(call, sha256, zipped))
    check_size(version.code, version.layers)
    version = _updated(call, version)
    let_go(call, [old])
    return published(call, version, is_changing=True) if Publish else changing(call, version, is_new=False)


def _updated(call: Call, version: Version) -> Version:
    version = changed(
        version, modified=call.now(), settled=settles(call), is_new=False, sandbox=call.new_id(), **new_revision(call)
    )
    call.shelf(Version)[f"{version.function}:{LATEST}"] = version
    return version


def UpdateFunctionConfiguration(
    call: Call,
    *,
    FunctionName: str,
    Role: str | None = None,
    Handler: str | None = None,
    Description: str | None = None,
    Timeout: int | None = None,
    MemorySize: int | None = None,
    VpcConfig: dict[str, Any] | None = None,
    Environment: dict[str, Any] | None = None,
    Runtime: str | None = None,
    DeadLetterConfig: dict[str, Any] | None = None,
    TracingConfig: dict[str, Any] | None = None,
    RevisionId: str | None = None,
    Layers: list[str] | None = None,
    EphemeralStorage: dict[str, Any] | None = None,
    SnapStart: dict[str, Any] | None = None,
    LoggingConfig: dict[str, Any] | None = None,
    KMSKeyArn: str | None = None,
    FileSystemConfigs: list[dict[str, str]] | None = None,
    DurableConfig: dict[str, Any] | None = None,
) -> Any:
    name, _ = function_named(call, FunctionName)

    def change(environment: dict[str, Any]) -> dict:
        version = latest(call, name)
        check_revision(version.revision, RevisionId)
        check_settled(call, version)
        said = settings(
            call, name, role=Role or version.role, Role=Role, Runtime=Runtime, Handler=Handler, Description=Description, Timeout=Timeout,
            MemorySize=MemorySize, Environment=Environment, EphemeralStorage=EphemeralStorage, DeadLetterConfig=DeadLetterConfig,
            LoggingConfig=LoggingConfig, TracingConfig=TracingConfig, VpcConfig=VpcConfig, SnapStart=SnapStart, Layers=Layers,
            FileSystemConfigs=FileSystemConfigs, DurableConfig=DurableConfig,
        )  # fmt: skip
        version = changed(version, **said | environment)
        check_size(version.code, version.layers)
        version = _updated(call, version)
        sandbox.of(call.home).prepare(version.runtime)
        return changing(call, version, is_new=False)

    version = latest(call, name)
    if set(Layers or ()) - {layer.arn for layer in version.layers}:
        code_signing.check_deployment(call, name, existing(call, name).code_signing)
    held = version.sealed
    touches = (Environment, Role, KMSKeyArn) != (None, None, None)
    is_sealed = touches and (held is not None or bool(KMSKeyArn))
    if not is_sealed and VpcConfig is None:
        return change({})
    change({})  # what is wrong with it is told before a key is used, or a network
    call.start_over()

    async def in_network() -> dict:
        where = {} if VpcConfig is None else {"vpc": await vpc.chosen(call, name, Role or version.role, VpcConfig)}
        if is_sealed:
            answer = await _sealed_anew(call, name, Environment, Role, KMSKeyArn, lambda environment: change(where | environment))
        else:
            answer = call.atomically(partial(change, where))
        vpc.changed_or_gone(call)
        return answer

    return in_network()


async def _sealed_anew(
    call: Call, name: str, environment: dict[str, Any] | None, role: str | None, key: str | None, change: Callable[[dict[str, Any]], dict]
) -> dict:
    """A changed configuration whose variables are, or were, encrypted under a customer's key."""
    version = latest(call, name)
    held = version.sealed
    if environment is not None:
        variables = environment.get("Variables") or {}
    else:
        variables = await environment_key.opened(call, name, held) if held is not None else version.variables or {}
    key = key if key is not None else held.key if held is not None else ""
    fresh = await environment_key.sealed(call, name, key, role or version.role, variables) if key else None
    answer = call.atomically(partial(change, {"sealed": fresh, "variables": None if fresh is not None else variables or None}))
    _let_grants_go(call, [held] if held is not None else [])
    return answer


def _let_grants_go(call: Call, held: list[environment_key.Sealed]) -> None:
    """Leaves that no version needs any more."""
    kept = {version.sealed.grant for version in call.shelf(Version).values() if version.sealed is not None}
    for grant, sealed in {each.grant: each for each in held}.items():
        if grant not in kept:
            call.after_commit(partial(environment_key.retire, call, sealed))


def DeleteFunction(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    """A version goes alone, the function with everything that is its own."""
    name, qualifier = function_named(call, FunctionName, Qualifier)
    if qualifier == LATEST:
        raise InvalidParameterValueException("$LATEST version cannot be deleted without deleting the function.")
    if qualifier is not None and not qualifier.isdecimal():
        # Recorded: test_function_name_and_qualifier_validation[qualifier_too_long1-delete_function], where there is no such function.
        raise InvalidParameterValueException("Deletion of aliases is not currently supported.")
    existing(call, name)
    if qualifier is not None:
        _delete_version(call, name, qualifier)
    else:
        gone = versions(call, name)
        del call.shelf(Function)[name]
        for kind in (Version, Alias, Policy, InvokeConfig):
            shelf = call.shelf(kind)
            for key in [key for key, record in shelf.items() if record.function == name]:
                del shelf[key]
        provision.drop(call, name)
        for url in [url for url in call.shelf(Url).values() if url.function == name]:
            forget(call, url)
        let_go(call, [version.code.blob for version in gone])
        _let_grants_go(call, [version.sealed for version in gone if version.sealed is not None])
    vpc.changed_or_gone(call)
    call.after_commit(lambda: sandbox.of(call.home).forget(call.account, name, qualifier))
    return {"StatusCode": 204}


def _delete_version(call: Call, name: str, qualifier: str) -> None:
    """A version that is not there is deleted without complaint (recorded: test_delete_on_nonexisting_version)."""
    shelf, key = call.shelf(Version), f"{name}:{qualifier}"
    if key not in shelf:
        return
    if pointing := [a.name for a in call.shelf(Alias).values() if a.function == name and qualifier in (a.version, *a.weights)]:
        raise ResourceConflictException(
            f"Function version {qualifier} is referenced by aliases or provisioned concurrency configurations: {', '.join(pointing)}"
        )
    blob, sealed = shelf[key].code.blob, shelf[key].sealed
    del shelf[key]
    _let_grants_go(call, [sealed] if sealed is not None else [])
    provision.drop(call, name, qualifier)
    for kind in (Policy, InvokeConfig):
        call.shelf(kind).pop(key, None)
    let_go(call, [blob])


def GetAccountSettings(call: Call) -> dict:
    # Every version counts, also of code that is another's (recorded: test_account_settings_total_code_size_config_update).
    stored = sum(held.code.size for kind in (Version, LayerVersion) for held in call.shelf(kind).values())
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": package.ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": sandbox.CONCURRENCY_MAX,
            "UnreservedConcurrentExecutions": sandbox.unreserved(call),
        },
        "AccountUsage": {"TotalCodeSize": stored, "FunctionCount": len(call.shelf(Function))},
    }
