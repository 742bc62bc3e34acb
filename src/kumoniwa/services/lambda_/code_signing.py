"""Code signing: who may have signed what functions are made of, and what becomes of packages that nobody of them signed.

AWS Signer is not here, so no package and no layer is ever signed: a function with a configuration that enforces takes none,
one whose configuration warns takes all of them and counts each as an error of its signature.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.lambda_ import figures
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, Refusal, ResourceConflictException
from kumoniwa.services.lambda_.function import Function, check_tags, existing
from kumoniwa.services.lambda_.name import arn, function_named, unqualified
from kumoniwa.wire import timestamps


class CodeSigningConfig(Record):
    """Shelved by its ARN."""

    arn: str
    publishers: tuple[str, ...]
    policy: str
    modified: float
    description: str = ""
    tags: dict[str, str] = {}


class ConfigNotFound(AwsError):
    """The configuration itself is asked for; whose fault it was is then not said (recorded: test_code_signing_not_found_excs)."""

    code = "ResourceNotFoundException"
    status = 404


class CodeSigningConfigNotFoundException(Refusal):
    """A configuration is named for a function."""


class CodeVerificationFailedException(Refusal): ...


def existing_config(call: Call, config: str) -> CodeSigningConfig:
    held = call.shelf(CodeSigningConfig).get(config)
    if held is None:
        raise ConfigNotFound(f"The Lambda code signing configuration {config} can not be found.")
    return held


def check_config(call: Call, config: str) -> None:
    named = arns.parse(config)
    if named is not None and named.account != call.account:
        # As cdk-preflight saw it of AWS (pf-lambda-code-signing-arn-region) of another account's in another region.
        raise InvalidParameterValueException(
            f"The code signing configuration must be in the same account as the Lambda function. Check the provided ARN: {config}."
        )
    if config not in call.shelf(CodeSigningConfig):
        raise CodeSigningConfigNotFoundException(
            f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {config}."
        )


def check_deployment(call: Call, function: str, config: str) -> None:
    """A package or a layer comes to a function, which has this configuration if any."""
    if not config:
        return
    figures.unsigned(call, function)
    if existing_config(call, config).policy == "Enforce":
        raise CodeVerificationFailedException(
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not "
            f"configured to accept. Check the provided signature for {function}.",
            hint="AWS Signer is not here, so nothing is signed: set UntrustedArtifactOnDeployment to Warn.",
        )


def _shown(config: CodeSigningConfig) -> dict[str, Any]:
    shown = {
        "CodeSigningConfigId": config.arn.rpartition(":")[2],
        "CodeSigningConfigArn": config.arn,
        "AllowedPublishers": {"SigningProfileVersionArns": list(config.publishers)},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": timestamps.to_millisecond_with_offset(config.modified),
    }
    return shown | ({"Description": config.description} if config.description else {})


def _kept(call: Call, config: CodeSigningConfig) -> dict:
    call.shelf(CodeSigningConfig)[config.arn] = config
    return {"CodeSigningConfig": _shown(config)}


# Configurations --------------------------------------------------------------------------------------------


def CreateCodeSigningConfig(
    call: Call,
    *,
    AllowedPublishers: dict[str, list[str]],
    Description: str | None = None,
    CodeSigningPolicies: dict[str, str] | None = None,
    Tags: dict[str, str] | None = None,
) -> dict:
    config = CodeSigningConfig(
        arn=call.arn(f"code-signing-config:csc-{call.new_id().replace('-', '')[:17]}"),
        publishers=tuple(AllowedPublishers["SigningProfileVersionArns"]),
        policy=(CodeSigningPolicies or {}).get("UntrustedArtifactOnDeployment", "Warn"),
        modified=call.now(), description=Description or "", tags=check_tags(Tags or {}),
    )  # fmt: skip
    return _kept(call, config)


def GetCodeSigningConfig(call: Call, *, CodeSigningConfigArn: str) -> dict:
    return {"CodeSigningConfig": _shown(existing_config(call, CodeSigningConfigArn))}


def UpdateCodeSigningConfig(
    call: Call,
    *,
    CodeSigningConfigArn: str,
    Description: str | None = None,
    AllowedPublishers: dict[str, list[str]] | None = None,
    CodeSigningPolicies: dict[str, str] | None = None,
) -> dict:
    config = changed(existing_config(call, CodeSigningConfigArn), modified=call.now())
    if Description is not None:
        config = changed(config, description=Description)
    if AllowedPublishers is not None:
        config = changed(config, publishers=tuple(AllowedPublishers["SigningProfileVersionArns"]))
    if CodeSigningPolicies is not None and "UntrustedArtifactOnDeployment" in CodeSigningPolicies:
        config = changed(config, policy=CodeSigningPolicies["UntrustedArtifactOnDeployment"])
    return _kept(call, config)


def DeleteCodeSigningConfig(call: Call, *, CodeSigningConfigArn: str) -> dict:
    config = existing_config(call, CodeSigningConfigArn)
    if users := _users(call, config):
        raise ResourceConflictException(
            f"The code signing configuration {config.arn} is in use by functions.",
            hint=f"DeleteFunctionCodeSigningConfig of {', '.join(users)} first.",
        )
    del call.shelf(CodeSigningConfig)[config.arn]
    return {}


def ListCodeSigningConfigs(call: Call) -> dict:
    return {"CodeSigningConfigs": [_shown(config) for config in call.shelf(CodeSigningConfig).values()]}


def _users(call: Call, config: CodeSigningConfig) -> list[str]:
    return sorted(function.name for function in call.shelf(Function).values() if function.code_signing == config.arn)


def ListFunctionsByCodeSigningConfig(call: Call, *, CodeSigningConfigArn: str) -> dict:
    return {"FunctionArns": [arn(call, name) for name in _users(call, existing_config(call, CodeSigningConfigArn))]}


# Of functions ----------------------------------------------------------------------------------------------


def PutFunctionCodeSigningConfig(call: Call, *, FunctionName: str, CodeSigningConfigArn: str) -> dict:
    """What the function already runs stays: only what comes to it from now on is looked at."""
    check_config(call, CodeSigningConfigArn)
    function = existing(call, unqualified(call, FunctionName))
    call.shelf(Function)[function.name] = changed(function, code_signing=CodeSigningConfigArn)
    return {"CodeSigningConfigArn": CodeSigningConfigArn, "FunctionName": function.name}


def GetFunctionCodeSigningConfig(call: Call, *, FunctionName: str) -> dict:
    """The answer of one that has none is empty (recorded: get_function_csc_fnwithoutcsc)."""
    function = existing(call, function_named(call, FunctionName)[0])
    return {"CodeSigningConfigArn": function.code_signing, "FunctionName": function.name} if function.code_signing else {}


def DeleteFunctionCodeSigningConfig(call: Call, *, FunctionName: str) -> None:
    """Where there is nothing to delete, that is no error (recorded: nothing_to_delete_response)."""
    function = existing(call, unqualified(call, FunctionName))
    call.shelf(Function)[function.name] = changed(function, code_signing="")
