"""AWS::Lambda."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from kumoniwa.deploy import answering
from kumoniwa.deploy.resource import (
    ID,
    Call,
    Name,
    Reading,
    ResourceType,
    Setting,
    Value,
    Work,
    at,
    carries,
    either,
    gone_tags,
    made,
    p,
    same,
    seen,
    tag_list,
    tag_map,
    use,
)


def _zip_inline(source: str, runtime: str | None) -> bytes:
    """``Code.ZipFile`` in a template is source text; Lambda wants it zipped as ``index`` in the runtime's language."""
    if (runtime or "").startswith("python"):
        files = {"index.py": source, "cfnresponse.py": answering.PYTHON}
    else:
        files = {"index.js": source, "node_modules/cfn-response/index.js": answering.NODE}
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return found.getvalue()


_code = {
    "ZipFile": use(_zip_inline, p.Code.ZipFile, p.Runtime),
    "S3Bucket": p.Code.S3Bucket,
    "S3Key": p.Code.S3Key,
    "S3ObjectVersion": p.Code.S3ObjectVersion,
    "ImageUri": p.Code.ImageUri,
}
_updates = p.RuntimeManagementConfig
_CONFIGURATION = """Runtime Role Handler Description Timeout MemorySize VpcConfig DeadLetterConfig Environment
TracingConfig Layers FileSystemConfigs ImageConfig EphemeralStorage SnapStart LoggingConfig DurableConfig"""


def _made_durable(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """A function is durable from its creation or never, while its times may change: "conditionally create only", AWS's schema says."""
    return frozenset() if ("DurableConfig" in old) == ("DurableConfig" in new) else frozenset({"DurableConfig"})


Function = ResourceType(
    name=Name("FunctionName", 64),
    create=Call(
        "lambda:CreateFunction",
        f"FunctionName PackageType Architectures {_CONFIGURATION}",
        Code=_code,
        KMSKeyArn=p.KmsKeyArn,
        CodeSigningConfigArn=p.CodeSigningConfigArn,
        Tags=tag_map(p.Tags),
    ),
    id=p.FunctionName,
    read=Call("lambda:GetFunctionConfiguration", FunctionName=ID),
    ready={"State": "Active", "LastUpdateStatus": "Successful"},
    settings=(
        Setting(
            Call("lambda:PutFunctionConcurrency", "ReservedConcurrentExecutions", FunctionName=ID),
            Call("lambda:DeleteFunctionConcurrency", FunctionName=ID),
        ),
        Setting(
            Call("lambda:PutFunctionRecursionConfig", FunctionName=ID, RecursiveLoop=p.RecursiveLoop),
            Call("lambda:PutFunctionRecursionConfig", FunctionName=ID, RecursiveLoop="Terminate"),
        ),
        Setting(
            Call(
                "lambda:PutRuntimeManagementConfig", FunctionName=ID, UpdateRuntimeOn=_updates.UpdateRuntimeOn,
                RuntimeVersionArn=_updates.RuntimeVersionArn,
            ),
            Call("lambda:PutRuntimeManagementConfig", FunctionName=ID, UpdateRuntimeOn="Auto"),
        ),
        Setting(
            Call("lambda:PutFunctionCodeSigningConfig", "CodeSigningConfigArn", FunctionName=ID),
            Call("lambda:DeleteFunctionCodeSigningConfig", FunctionName=ID),
        ),
    ),
    update=(
        Call("lambda:UpdateFunctionCode", "Architectures", FunctionName=ID, **_code).when(p.Code),
        Call("lambda:UpdateFunctionConfiguration", _CONFIGURATION, FunctionName=ID, KMSKeyArn=p.KmsKeyArn),
        Call("lambda:UntagResource", Resource=seen.FunctionArn, TagKeys=gone_tags).when(gone_tags),
        Call("lambda:TagResource", Resource=seen.FunctionArn, Tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("lambda:DeleteFunction", FunctionName=ID),
    absent="ResourceNotFoundException",
    remade_by=_made_durable,
    attributes={"Arn": seen.FunctionArn},
    defaults={
        "Architectures": ["x86_64"],
        "DeadLetterConfig": {"TargetArn": ""},
        "Description": "",
        "Environment": {"Variables": {}},
        "EphemeralStorage": {"Size": 512},
        "FileSystemConfigs": [],
        "KmsKeyArn": "",
        "Layers": [],
        "MemorySize": 128,
        "SnapStart": {"ApplyOn": "None"},
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
        "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    },
    drift=(
        Reading(
            same(
                """Runtime Role Handler Description Timeout MemorySize Environment TracingConfig Architectures
                EphemeralStorage DeadLetterConfig PackageType LoggingConfig DurableConfig""",
                seen.Configuration,
            )
            | {
                "KmsKeyArn": seen.Configuration.KMSKeyArn,
                "Layers": use(lambda layers: [layer["Arn"] for layer in layers], seen.Configuration.Layers),
                "ReservedConcurrentExecutions": seen.Concurrency.ReservedConcurrentExecutions,
                "Tags": tag_list(seen.Tags),
            },
            Call("lambda:GetFunction", FunctionName=ID),
        ),
    ),
)



@carries("FunctionName Description CodeSha256 ProvisionedConcurrencyConfig RuntimePolicy")
async def _publish(work: Work) -> dict[str, Any]:
    said = {name: work.properties[name] for name in ("FunctionName", "Description", "CodeSha256") if name in work.properties}
    made = await work.ask("lambda:PublishVersion", **said)
    # From here on there is something to take back.
    work.id = made["FunctionArn"]
    if "RuntimePolicy" in work.properties:
        await work.ask(
            "lambda:PutRuntimeManagementConfig", FunctionName=made["FunctionName"], Qualifier=made["Version"], **work.properties["RuntimePolicy"]
        )  # fmt: skip
    if "ProvisionedConcurrencyConfig" in work.properties:
        await work.ask(
            "lambda:PutProvisionedConcurrencyConfig", FunctionName=made["FunctionName"], Qualifier=made["Version"],
            **work.properties["ProvisionedConcurrencyConfig"],
        )  # fmt: skip
    return made


Version = ResourceType(
    create=_publish,
    id=made.FunctionArn,
    read=Call("lambda:GetFunctionConfiguration", FunctionName=ID),
    ready={"State": "Active"},
    delete=Call("lambda:DeleteFunction", FunctionName=ID),
    absent="ResourceNotFoundException",
    attributes={"Version": made.Version, "FunctionArn": ID},
)


def _weights(found: Any) -> dict[str, Any]:
    weights = found.get("AdditionalVersionWeights", ())
    return {"AdditionalVersionWeights": {each["FunctionVersion"]: each["FunctionWeight"] for each in weights}}


_alias = {"FunctionName": at(p.FunctionName), "Name": at(p.Name)}

Alias = ResourceType(
    create=Call(
        "lambda:CreateAlias",
        "FunctionVersion Description",
        **_alias,
        RoutingConfig=use(_weights, p.RoutingConfig),
    ),
    id=made.AliasArn,
    settings=(
        Setting(
            Call(
                "lambda:PutProvisionedConcurrencyConfig",
                FunctionName=at(p.FunctionName),
                Qualifier=at(p.Name),
                ProvisionedConcurrentExecutions=p.ProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions,
            ),
            Call(
                "lambda:DeleteProvisionedConcurrencyConfig",
                FunctionName=at(p.FunctionName),
                Qualifier=at(p.Name),
            ),
        ),
    ),
    update=(
        Call(
            "lambda:UpdateAlias",
            "FunctionVersion Description",
            **_alias,
            RoutingConfig=use(_weights, p.RoutingConfig),
        ),
    ),
    delete=Call("lambda:DeleteAlias", **_alias),
    absent="ResourceNotFoundException",
    attributes={"AliasArn": ID},
    defaults={"Description": "", "RoutingConfig": {"AdditionalVersionWeights": []}},
    drift=(Reading(same("FunctionVersion Description", seen), Call("lambda:GetAlias", **_alias)),),
)

Permission = ResourceType(
    name=Name("Id", 100),
    create=Call(
        "lambda:AddPermission",
        """FunctionName Action Principal SourceArn SourceAccount EventSourceToken PrincipalOrgID FunctionUrlAuthType
        InvokedViaFunctionUrl""",
        StatementId=p.Id,
    ),
    id=p.Id,
    delete=Call("lambda:RemovePermission", "FunctionName", StatementId=ID),
    absent="ResourceNotFoundException",
    attributes={"Id": ID},
)

_url = {"FunctionName": at(p.TargetFunctionArn), "Qualifier": at(p.Qualifier)}

Url = ResourceType(
    create=Call("lambda:CreateFunctionUrlConfig", "AuthType Cors InvokeMode", **_url),
    id=made.FunctionArn,
    update=(Call("lambda:UpdateFunctionUrlConfig", "AuthType Cors InvokeMode", **_url),),
    delete=Call("lambda:DeleteFunctionUrlConfig", **_url),
    absent="ResourceNotFoundException",
    attributes={"FunctionUrl": made.FunctionUrl, "FunctionArn": made.FunctionArn},
    defaults={"Cors": {}, "InvokeMode": "BUFFERED"},
    drift=(Reading(same("AuthType Cors InvokeMode", seen), Call("lambda:GetFunctionUrlConfig", **_url)),),
)

LayerVersion = ResourceType(
    name=Name("LayerName", 140),
    create=Call(
        "lambda:PublishLayerVersion",
        "LayerName Description CompatibleRuntimes CompatibleArchitectures LicenseInfo Content",
    ),
    id=made.LayerVersionArn,
    delete=Call("lambda:DeleteLayerVersion", "LayerName", VersionNumber=made.Version),
    absent="ResourceNotFoundException",
    attributes={"LayerVersionArn": ID},
)

def _layer_of(arn: Value) -> dict[str, Value]:
    """The layer and the number of a version that an ARN names; what follows ``#`` is the statement's."""
    version = use(lambda text: text.partition("#")[0], arn)
    return {
        "LayerName": use(lambda text: text.rpartition(":")[0], version),
        "VersionNumber": use(lambda text: int(text.rpartition(":")[2]) if text.rpartition(":")[2].isdecimal() else text, version),
    }


LayerVersionPermission = ResourceType(
    name=Name("Id", 100),
    create=Call("lambda:AddLayerVersionPermission", "Action Principal OrganizationId", StatementId=p.Id, **_layer_of(p.LayerVersionArn)),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-layerversionpermission.html: ``arn#statement``.
    id=use(lambda arn, statement: f"{arn}#{statement}", p.LayerVersionArn, p.Id),
    delete=Call("lambda:RemoveLayerVersionPermission", StatementId=use(lambda text: text.partition("#")[2], ID), **_layer_of(ID)),
    absent="ResourceNotFoundException",
    attributes={"Id": ID},
)

_target = {"FunctionName": at(p.FunctionName), "Qualifier": at(p.Qualifier)}
_limits = Call(
    "lambda:PutFunctionEventInvokeConfig",
    "MaximumEventAgeInSeconds MaximumRetryAttempts DestinationConfig",
    **_target,
).writes_all()  # what a template drops is back at its default by being left out

EventInvokeConfig = ResourceType(
    name=Name("Id", 100),
    create=_limits,
    id=p.Id,
    update=(_limits,),
    delete=Call("lambda:DeleteFunctionEventInvokeConfig", "FunctionName Qualifier"),
    absent="ResourceNotFoundException",
    drift=(
        Reading(
            same("MaximumEventAgeInSeconds MaximumRetryAttempts DestinationConfig", seen),
            Call("lambda:GetFunctionEventInvokeConfig", **_target),
        ),
    ),
)

_polling = """BatchSize BisectBatchOnFunctionError DestinationConfig FilterCriteria FunctionResponseTypes
MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MetricsConfig ParallelizationFactor ScalingConfig
TumblingWindowInSeconds Enabled LoggingConfig ProvisionedPollerConfig"""

EventSourceMapping = ResourceType(
    create=Call(
        "lambda:CreateEventSourceMapping",
        f"EventSourceArn FunctionName StartingPosition StartingPositionTimestamp {_polling}",
        Tags=tag_map(p.Tags),
    ),
    id=made.UUID,
    read=Call("lambda:GetEventSourceMapping", UUID=ID),
    # A mapping that was asked to be disabled settles there, so the wanted state depends on the property.
    ready={"State": either(use(lambda enabled: "Enabled" if enabled else "Disabled", p.Enabled), "Enabled")},
    update=(
        Call("lambda:UpdateEventSourceMapping", f"FunctionName {_polling}", UUID=ID),
        Call("lambda:UntagResource", Resource=seen.EventSourceMappingArn, TagKeys=gone_tags).when(gone_tags),
        Call("lambda:TagResource", Resource=seen.EventSourceMappingArn, Tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("lambda:DeleteEventSourceMapping", UUID=ID),
    is_gone_slowly=True,
    absent="ResourceNotFoundException",
    attributes={"Id": ID, "EventSourceMappingArn": seen.EventSourceMappingArn},
    defaults={"Enabled": True, "FilterCriteria": {}, "FunctionResponseTypes": [], "DestinationConfig": {}, "MetricsConfig": {}},
    drift=(
        Reading(
            same(" ".join(set(_polling.split()) - {"Enabled"}), seen)
            | {"Enabled": use(lambda state: not state.startswith("Disabl"), seen.State)}
        ),
    ),
)

_SIGNED = "AllowedPublishers CodeSigningPolicies Description"

CodeSigningConfig = ResourceType(
    create=Call("lambda:CreateCodeSigningConfig", _SIGNED, Tags=tag_map(p.Tags)),
    id=made.CodeSigningConfig.CodeSigningConfigArn,
    read=Call("lambda:GetCodeSigningConfig", CodeSigningConfigArn=ID),
    update=(
        Call("lambda:UpdateCodeSigningConfig", _SIGNED, CodeSigningConfigArn=ID),
        Call("lambda:UntagResource", Resource=ID, TagKeys=gone_tags).when(gone_tags),
        Call("lambda:TagResource", Resource=ID, Tags=tag_map(p.Tags)).when(p.Tags),
    ),
    delete=Call("lambda:DeleteCodeSigningConfig", CodeSigningConfigArn=ID),
    absent="ResourceNotFoundException",
    attributes=same("CodeSigningConfigArn CodeSigningConfigId", seen.CodeSigningConfig),
    defaults={"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}, "Description": ""},
    drift=(
        Reading(same(_SIGNED, seen.CodeSigningConfig)),
        Reading({"Tags": tag_list(seen.Tags)}, Call("lambda:ListTags", Resource=ID)),
    ),
)
