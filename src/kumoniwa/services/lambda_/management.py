"""When a function gets another version of its runtime. Here there is one version of each, this machine's interpreter.

So the mode is kept and told, and none of its three ways ever changes what a function runs on.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines.lambda_runtime.runtimes import version_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_.errors import InvalidParameterValueException
from kumoniwa.services.lambda_.function import Version, target
from kumoniwa.services.lambda_.name import arn


def runtime_arn(call: Call, version: Version) -> str:
    return version_of(version.runtime, call.region).partition("ARN: ")[2]


def _shown(call: Call, version: Version) -> dict[str, Any]:
    shown = {"UpdateRuntimeOn": version.updates_runtime, "FunctionArn": arn(call, version.function, version.version)}
    return shown | ({"RuntimeVersionArn": runtime_arn(call, version)} if version.updates_runtime == "Manual" else {})


def GetRuntimeManagementConfig(call: Call, *, FunctionName: str, Qualifier: str | None = None) -> dict:
    version, _ = target(call, FunctionName, Qualifier)
    return _shown(call, version)


def PutRuntimeManagementConfig(
    call: Call, *, FunctionName: str, UpdateRuntimeOn: str, Qualifier: str | None = None, RuntimeVersionArn: str | None = None
) -> dict:
    """Its words are as cdk-preflight saw them of AWS: pf-lambda-runtime-…"""
    version, _ = target(call, FunctionName, Qualifier)
    if UpdateRuntimeOn == "Manual" and not RuntimeVersionArn:
        raise InvalidParameterValueException(
            "Missing runtime version ARN. A runtime version ARN is required when UpdateRuntimeVersionOn=Manual. Provide a valid runtime version ARN "
            "and retry the request."
        )
    if UpdateRuntimeOn != "Manual" and RuntimeVersionArn:
        raise InvalidParameterValueException(
            f"Unexpected runtime version ARN when UpdateRuntimeVersionOn={UpdateRuntimeOn}. Remove the runtime version ARN and retry the request."
        )
    here = runtime_arn(call, version)
    if RuntimeVersionArn and RuntimeVersionArn != here:
        raise InvalidParameterValueException(
            f"Invalid runtime version ARN ({RuntimeVersionArn}). Check the runtime version ARN and retry the request.",
            hint=f"This machine's {version.runtime} is {here}.",
        )
    version = changed(version, updates_runtime=UpdateRuntimeOn)
    call.shelf(Version)[f"{version.function}:{version.version}"] = version
    return _shown(call, version)
