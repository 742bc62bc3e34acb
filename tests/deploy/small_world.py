"""A small world to deploy into: an object store that obeys AWS's rules of existence and checks every call against the model.

It can fail or kill the caller at any call, and it answers a repeated token without doing anything twice.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import random
import string
from typing import Any

import botocore.session
from botocore.model import StructureShape
from botocore.validate import ParamValidator

from kumoniwa.deploy.apply import Deploy
from kumoniwa.deploy.blueprint import draw
from kumoniwa.deploy.standing import Blueprint, State
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import pack

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Region": "eu-west-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "shop",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1",
    "AWS::NotificationARNs": [],
}
ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


class Killed(BaseException):
    """The process died here."""


def error(code: str, text: str = "", status: int = 400) -> AwsError:
    return type(code, (AwsError,), {"code": code, "status": status})(text or code)


@functools.cache
def _session() -> Any:
    return botocore.session.Session()


@functools.cache
def input_shape(operation: str) -> Any:
    service, name = operation.split(":")
    shape = _session().get_service_model(service).operation_model(name).input_shape
    return shape or StructureShape("Nothing", {"type": "structure", "members": {}})


@functools.cache
def output_shape(operation: str) -> Any:
    service, name = operation.split(":")
    return _session().get_service_model(service).operation_model(name).output_shape


def check_params(operation: str, params: dict[str, Any]) -> None:
    report = ParamValidator().validate(params, input_shape(operation))
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"


class World:
    """``things`` are (kind, key) → properties. ``never`` is an operation that always fails; ``fail_at``/``kill_at`` count changing calls from 1; ``kill_after`` dies once
    the effect is there and before anybody heard of it."""

    def __init__(self, seed: int = 1) -> None:
        self.things: dict[tuple[str, str], dict[str, Any]] = {}
        self.answers: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.events: list[tuple[str, str, str]] = []
        self.changes = 0
        self.fail_at = self.kill_at = self.kill_after = 0
        self.never = ""
        self.random = random.Random(seed)

    # --- what a deploy needs of its surroundings ---

    async def ask(self, operation: str, params: dict[str, Any], once: str | None, region: str | None = None) -> dict[str, Any]:
        check_params(operation, params)
        await asyncio.sleep(0)
        if once is None:
            return self.act(operation, params)
        if (once, operation) in self.answers:
            return self.answers[once, operation]
        self.changes += 1
        if self.changes == self.kill_at:
            raise Killed
        if self.changes == self.fail_at or operation == self.never:
            raise error("InvalidParameterValueException", "Not today.")
        self.calls.append((operation, copy.deepcopy(params)))
        answer = self.act(operation, params)
        self.answers[once, operation] = answer
        if self.changes == self.kill_after:
            raise Killed
        return answer

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def random_name(self, length: int) -> str:
        return "".join(self.random.choices(string.ascii_uppercase + string.digits, k=length))

    def request_id(self) -> str:
        return "11111111-2222-3333-4444-555555555555"

    def event(
        self, logical_id: str, type_name: str, physical_id: str, status: str, reason: str, properties: Any
    ) -> None:
        self.events.append((logical_id, status, reason))

    # --- what AWS does ---

    def act(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        found = getattr(self, "do_" + operation.split(":")[1], None)
        return found(**params) if found else {}

    def _make(self, kind: str, key: str, params: dict[str, Any], code: str) -> None:
        if (kind, key) in self.things:
            raise error(code, f"{key} already exists", 409)
        self.things[kind, key] = params

    def _get(self, kind: str, key: str, code: str) -> dict[str, Any]:
        if (kind, key) not in self.things:
            raise error(code, f"{key} does not exist", 404)
        return self.things[kind, key]

    def _gone(self, kind: str, key: str, code: str) -> None:
        self._get(kind, key, code)
        del self.things[kind, key]

    def do_CreateQueue(self, QueueName: str, **params: Any) -> dict[str, Any]:
        url = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{QueueName}"
        self.things.setdefault(("queue", url), params)
        return {"QueueUrl": url}

    def do_SetQueueAttributes(self, QueueUrl: str, Attributes: dict[str, str]) -> dict[str, Any]:
        queue = self._get("queue", QueueUrl, "QueueDoesNotExist")
        self.things["queue", QueueUrl] = {
            **queue,
            "Attributes": {**queue.get("Attributes", {}), **Attributes},
        }
        return {}

    def do_GetQueueAttributes(self, QueueUrl: str, **_: Any) -> dict[str, Any]:
        self._get("queue", QueueUrl, "QueueDoesNotExist")
        return {"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:" + QueueUrl.split("/")[-1]}}

    def do_GetQueueUrl(self, QueueName: str) -> dict[str, Any]:
        url = f"https://sqs.eu-west-1.amazonaws.com/123456789012/{QueueName}"
        self._get("queue", url, "QueueDoesNotExist")
        return {"QueueUrl": url}

    def do_DeleteQueue(self, QueueUrl: str) -> dict[str, Any]:
        self._gone("queue", QueueUrl, "QueueDoesNotExist")
        return {}

    def do_CreateTable(self, TableName: str, **params: Any) -> dict[str, Any]:
        self._make("table", TableName, params, "ResourceInUseException")
        return {}

    def do_DescribeTable(self, TableName: str) -> dict[str, Any]:
        self._get("table", TableName, "ResourceNotFoundException")
        arn = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{TableName}"
        return {"Table": {"TableStatus": "ACTIVE", "TableArn": arn}}

    def do_UpdateTable(self, TableName: str, **params: Any) -> dict[str, Any]:
        table = self._get("table", TableName, "ResourceNotFoundException")
        self.things["table", TableName] = {**table, **params}
        return {}

    def do_DeleteTable(self, TableName: str) -> dict[str, Any]:
        self._gone("table", TableName, "ResourceNotFoundException")
        return {}

    def do_CreateRole(self, RoleName: str, **params: Any) -> dict[str, Any]:
        self._make("role", RoleName, params, "EntityAlreadyExists")
        return {"Role": {"RoleName": RoleName}}

    def do_GetRole(self, RoleName: str) -> dict[str, Any]:
        self._get("role", RoleName, "NoSuchEntity")
        return {"Role": {"Arn": f"arn:aws:iam::123456789012:role/{RoleName}", "RoleId": "AROA1"}}

    def do_AttachRolePolicy(self, RoleName: str, PolicyArn: str) -> dict[str, Any]:
        self._get("role", RoleName, "NoSuchEntity")
        self.things["attachment", f"{RoleName} {PolicyArn}"] = {}
        return {}

    def do_DetachRolePolicy(self, RoleName: str, PolicyArn: str) -> dict[str, Any]:
        self._gone("attachment", f"{RoleName} {PolicyArn}", "NoSuchEntity")
        return {}

    def do_PutRolePolicy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> dict[str, Any]:
        self._get("role", RoleName, "NoSuchEntity")
        self.things["inline", f"{RoleName} {PolicyName}"] = {"document": PolicyDocument}
        return {}

    def do_DeleteRolePolicy(self, RoleName: str, PolicyName: str) -> dict[str, Any]:
        self._gone("inline", f"{RoleName} {PolicyName}", "NoSuchEntity")
        return {}

    def do_DeleteRole(self, RoleName: str) -> dict[str, Any]:
        if any(
            kind in ("inline", "attachment") and key.startswith(RoleName + " ") for kind, key in self.things
        ):
            raise error("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
        self._gone("role", RoleName, "NoSuchEntity")
        return {}

    def do_CreateFunction(self, FunctionName: str, **params: Any) -> dict[str, Any]:
        self._make("function", FunctionName, params, "ResourceConflictException")
        return {}

    def do_GetFunctionConfiguration(self, FunctionName: str) -> dict[str, Any]:
        self._get("function", FunctionName, "ResourceNotFoundException")
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{FunctionName}"
        return {"State": "Active", "LastUpdateStatus": "Successful", "FunctionArn": arn}

    def do_UpdateFunctionConfiguration(self, FunctionName: str, **params: Any) -> dict[str, Any]:
        self._get("function", FunctionName, "ResourceNotFoundException").update(params)
        return {}

    def do_UpdateFunctionCode(self, FunctionName: str, **params: Any) -> dict[str, Any]:
        self._get("function", FunctionName, "ResourceNotFoundException")["Code"] = params
        return {}

    def do_DeleteFunction(self, FunctionName: str, Qualifier: str = "") -> dict[str, Any]:
        self._gone("function", FunctionName, "ResourceNotFoundException")
        return {}

    def do_AddPermission(self, FunctionName: str, StatementId: str, **params: Any) -> dict[str, Any]:
        self._get("function", FunctionName, "ResourceNotFoundException")
        self._make("permission", f"{FunctionName} {StatementId}", params, "ResourceConflictException")
        return {}

    def do_RemovePermission(self, FunctionName: str, StatementId: str) -> dict[str, Any]:
        self._gone("permission", f"{FunctionName} {StatementId}", "ResourceNotFoundException")
        return {}

    def _fresh(self, kind: str, params: dict[str, Any]) -> str:
        key = "".join(self.random.choices(string.ascii_lowercase + string.digits, k=10))
        self.things[kind, key] = params
        return key

    def do_CreateRestApi(self, **params: Any) -> dict[str, Any]:
        return {"id": self._fresh("api", params)}

    def do_GetRestApi(self, restApiId: str) -> dict[str, Any]:
        self._get("api", restApiId, "NotFoundException")
        return {"id": restApiId, "rootResourceId": "root"}

    def do_PutRestApi(self, restApiId: str, body: bytes, **_: Any) -> dict[str, Any]:
        self._get("api", restApiId, "NotFoundException")["body"] = body
        return {}

    def do_DeleteRestApi(self, restApiId: str) -> dict[str, Any]:
        self._gone("api", restApiId, "NotFoundException")
        return {}

    def do_CreateDeployment(self, restApiId: str, stageName: str = "", **params: Any) -> dict[str, Any]:
        self._get("api", restApiId, "NotFoundException")
        key = self._fresh("deployment", {"api": restApiId})
        if stageName:
            self.things["stage", f"{restApiId} {stageName}"] = {"deploymentId": key}
        return {"id": key}

    def do_GetStages(self, restApiId: str) -> dict[str, Any]:
        stages = [(key.split()[1], thing) for (kind, key), thing in self.things.items() if kind == "stage"]
        return {
            "item": [{"stageName": name, "deploymentId": thing["deploymentId"]} for name, thing in stages]
        }

    def do_CreateStage(self, restApiId: str, stageName: str, deploymentId: str, **_: Any) -> dict[str, Any]:
        self._get("deployment", deploymentId, "NotFoundException")
        self._make("stage", f"{restApiId} {stageName}", {"deploymentId": deploymentId}, "ConflictException")
        return {}

    def do_UpdateStage(
        self, restApiId: str, stageName: str, patchOperations: list[dict[str, str]]
    ) -> dict[str, Any]:
        stage = self._get("stage", f"{restApiId} {stageName}", "NotFoundException")
        for operation in patchOperations:
            stage[operation["path"].strip("/")] = operation.get("value")
        return {}

    def do_DeleteStage(self, restApiId: str, stageName: str) -> dict[str, Any]:
        self._gone("stage", f"{restApiId} {stageName}", "NotFoundException")
        return {}

    def do_DeleteDeployment(self, restApiId: str, deploymentId: str) -> dict[str, Any]:
        if any(
            kind == "stage" and thing["deploymentId"] == deploymentId
            for (kind, _), thing in self.things.items()
        ):
            raise error(
                "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"
            )
        self._gone("deployment", deploymentId, "NotFoundException")
        return {}

    def do_CreateLogGroup(self, logGroupName: str, **params: Any) -> dict[str, Any]:
        self._make("log group", logGroupName, params, "ResourceAlreadyExistsException")
        return {}

    def do_PutRetentionPolicy(self, logGroupName: str, retentionInDays: int) -> dict[str, Any]:
        self._get("log group", logGroupName, "ResourceNotFoundException")["retention"] = retentionInDays
        return {}

    def do_DeleteRetentionPolicy(self, logGroupName: str) -> dict[str, Any]:
        self._get("log group", logGroupName, "ResourceNotFoundException").pop("retention")
        return {}

    def do_DeleteLogGroup(self, logGroupName: str) -> dict[str, Any]:
        self._gone("log group", logGroupName, "ResourceNotFoundException")
        return {}

    def names(self, kind: str) -> list[str]:
        return [key.split("/")[-1] for each, key in self.things if each == kind]


class Stack:
    """One stack in a world. Its state is kept in bytes, so that a killed deploy can only go on from what was kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: dict[tuple[str, str], bytes] = {}
        self.count = 0
        self.state = self._open()

    def _keep(self, part: str, key: str, value: Any) -> None:
        if value is None:
            self.kept.pop((part, key), None)
        else:
            self.kept[part, key] = pack(value)

    def _open(self) -> State:
        state = State(stack_id=PSEUDO["AWS::StackId"], stack_name="shop", keep=self._keep)
        state.load((part, key, body) for (part, key), body in self.kept.items())
        return state

    def draw(self, text: str, **given: str) -> Blueprint:
        return draw(text, given, PSEUDO, zones=ZONES)

    def begin(self, status: str, text: str | None = None, **given: str) -> None:
        self.count += 1
        drawn = self.draw(text, **given) if text else None
        self.state.begin(
            status, f"op{self.count}", drawn.resources if drawn else None, drawn.outputs if drawn else None
        )

    def run(self) -> str:
        return asyncio.run(Deploy(self.state, self.world, PSEUDO).run())

    def create(self, text: str, **given: str) -> str:
        self.begin("CREATE_IN_PROGRESS", text, **given)
        return self.run()

    def update(self, text: str, **given: str) -> str:
        self.begin("UPDATE_IN_PROGRESS", text, **given)
        return self.run()

    def delete(self) -> str:
        self.begin("DELETE_IN_PROGRESS")
        return self.run()

    def restart(self) -> str:
        """A new process with nothing but what was kept."""
        self.state = self._open()
        return self.run()

    def reasons(self, logical_id: str) -> list[str]:
        return [reason for name, _, reason in self.world.events if name == logical_id and reason]

    def statuses(self, logical_id: str) -> list[str]:
        return [status for name, status, _ in self.world.events if name == logical_id]


__all__ = ["PSEUDO", "Killed", "Stack", "World"]
