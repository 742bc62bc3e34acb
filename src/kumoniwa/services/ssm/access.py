"""What the gate asks of Systems Manager: what a call touches, and what conditions may look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.ssm import node as nodes
from kumoniwa.services.ssm import owned

KINDS = {
    "Parameter": "parameter", "Document": "document", "OpsItem": "opsitem", "Automation": "automation-execution",
    "MaintenanceWindow": "maintenancewindow", "ManagedInstance": "managed-instance",
}  # fmt: skip
"""What has tags, by the name that the operations on tags call it: as its ARN calls it."""


def _parameter(call: Call, text: Any) -> str:
    """The ARN of a parameter that a caller's words mean. A version or a label is no part of it."""
    if not isinstance(text, str) or not text:
        return call.arn("parameter/*")
    if text.startswith("arn:"):
        head, _, rest = text.partition(":parameter")
        return f"{head}:parameter{rest.partition(':')[0]}"
    return call.arn(f"parameter/{text.partition(':')[0].removeprefix('/')}")


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | tuple[str, str]]:
    if operation in ("DescribeParameters", "GetServiceSetting"):
        return call.arn("*")
    if operation == "GetParametersByPath":
        path = params.get("Path")
        return call.arn(f"parameter{path if isinstance(path, str) else '/*'}")
    if "Parameter" in operation:
        names = params.get("Names")
        if isinstance(names, list):
            return [_parameter(call, name) for name in names] or call.arn("parameter/*")
        touched = _parameter(call, params.get("Name"))
        return [touched, *([("ssm:AddTagsToResource", touched)] if params.get("Tags") else [])]
    if "Document" in operation or operation == "StartAutomationExecution":
        return _document(call, operation, params)
    if "MaintenanceWindow" in operation:
        return _window(call, params)
    if operation == "SendCommand":
        return _command(call, params)
    if operation in ("DeregisterManagedInstance", "UpdateManagedInstanceRole") and isinstance(params.get("InstanceId"), str):
        return call.arn(f"managed-instance/{params['InstanceId']}")
    for member, resource in (("AutomationExecutionId", "automation-execution"), ("OpsItemId", "opsitem")):
        if isinstance(params.get(member), str):
            return call.arn(f"{resource}/{params[member]}")
    kind, id_ = params.get("ResourceType"), params.get("ResourceId")
    if isinstance(kind, str) and isinstance(id_, str):
        return _parameter(call, id_) if kind == "Parameter" else call.arn(f"{KINDS.get(kind, '*')}/{id_}")
    return "*"


def _window(call: Call, params: dict[str, Any]) -> list[str | tuple[str, str]]:
    named = [
        call.arn(f"{kind}/{params[member]}")
        for member, kind in (("WindowId", "maintenancewindow"), ("WindowTaskId", "windowtask"))
        if isinstance(params.get(member), str)
    ]
    tagged = [("ssm:AddTagsToResource", call.arn("maintenancewindow/*"))] if params.get("Tags") else []
    return [*(named or ["*"]), *tagged]


def _command(call: Call, params: dict[str, Any]) -> list[str | tuple[str, str]]:
    """The document, each node that the command is for, and the bucket of its output. Before anything is checked, so words may be of any type."""
    ids, targets, name, bucket = params.get("InstanceIds"), params.get("Targets"), params.get("DocumentName"), params.get("OutputS3BucketName")
    named = [each for each in ids if isinstance(each, str)] if isinstance(ids, list) else []
    if not named and isinstance(targets, list):
        named = [each.id for each in nodes.found(call, targets)]
    touched = [_of_account(call, name, f"document/{name.rpartition('document/')[2] if isinstance(name, str) else '*'}")]
    touched += [_instance(call, each) for each in named] or [call.arn("managed-instance/*")]
    return [*touched, *([f"arn:{call.home.partition}:s3:::{bucket}"] if isinstance(bucket, str) else [])]


def _instance(call: Call, id_: str) -> str:
    return call.arn(f"instance/{id_}", "ec2") if id_.startswith("i-") else nodes.arn_of(call, id_)


def _document(call: Call, operation: str, params: dict[str, Any]) -> str | list[str | tuple[str, str]]:
    """A document is named in the account that has it; what is run is a version of its definition."""
    if operation == "ListDocuments":
        return "*"
    if operation == "StartAutomationExecution":
        name, version = params.get("DocumentName"), params.get("DocumentVersion") or "$DEFAULT"
        return _of_account(call, name, f"automation-definition/{name.rpartition('document/')[2] if isinstance(name, str) else '*'}:{version}")
    name = params.get("Name")
    touched = _of_account(call, name, f"document/{name.rpartition('document/')[2] if isinstance(name, str) else '*'}")
    return [touched, *([("ssm:AddTagsToResource", touched)] if params.get("Tags") else [])]


def _of_account(call: Call, name: Any, resource: str) -> str:
    """ARNs of AWS's own documents name no account."""
    arn = call.arn(resource)
    return arn.replace(f":{call.account}:", "::", 1) if isinstance(name, str) and owned.is_owned(name) else arn


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    if "Overwrite" in params:
        keys["ssm:overwrite"] = str(params["Overwrite"]).lower()
    if operation == "GetParametersByPath":
        keys["ssm:recursive"] = str(bool(params.get("Recursive"))).lower()
    if "Policies" in params:
        keys["ssm:policies"] = True
    return keys
