"""Those who are asked and answer: functions, Express workflows, APIs and API destinations, as enrichments and as targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.gate import api_destination, execute_api
from kumoniwa.kernel import arn as arns
from kumoniwa.services.pipes import transform
from kumoniwa.services.pipes.failure import StageFailed, TargetBusy

if TYPE_CHECKING:
    from kumoniwa.services.pipes.execution import Execution


async def function(execution: Execution, arn: str, given: list[Any]) -> bytes:
    """What a function answers to a batch, which it is given as one list."""
    answer = await execution.ask("lambda:Invoke", FunctionName=arn, InvocationType="RequestResponse", Payload=orjson.dumps(given))
    if "FunctionError" in answer:
        raise StageFailed(answer["Payload"].decode(errors="replace"), 200, "AWSLambda")
    return answer["Payload"]


async def machine(execution: Execution, arn: str, given: list[Any]) -> bytes:
    """What an Express workflow makes of a batch, which it is given as one list."""
    answer = await execution.ask("stepfunctions:StartSyncExecution", stateMachineArn=arn, input=orjson.dumps(given).decode())
    if answer["status"] != "SUCCEEDED":
        raise StageFailed(f"{answer.get('error', answer['status'])}: {answer.get('cause', '')}", 200, "AWSStepFunctions")
    return answer["output"].encode()


async def http(execution: Execution, arn: arns.Arn, given: Any, parameters: dict[str, Any] | None, event: Any) -> bytes:
    """What an endpoint answers to one event. ``event`` is what paths in the parameters look at."""
    body = given.encode() if isinstance(given, str) else orjson.dumps(given)
    said = transform.dynamic(parameters or {}, event)
    execution.exchange = {"awsRequest": orjson.dumps({"httpParameters": said, "body": body.decode()}).decode()}
    if arn.service == "execute-api":
        return await _api(execution, arn, body, said)
    role = execution.role
    role.require("events:InvokeApiDestination", str(arn))
    destination = api_destination.find(role, str(arn))
    if destination is None:
        raise StageFailed(f"The API destination {arn} does not exist.", 404)
    while wait_s := api_destination.wait_s(role, destination, execution.id):
        await role.wait("turn", execution.id, until=role.now() + wait_s)
    answer = await api_destination.send(role, destination, body, said)
    execution.exchange["awsResponse"] = answer.body.decode(errors="replace")
    return answer.body


async def _api(execution: Execution, arn: arns.Arn, body: bytes, said: dict[str, Any]) -> bytes:
    headers = {"Content-Type": "application/json", "User-Agent": "Amazon/EventBridge/Pipes"}
    answer = await execute_api.call_method(execution.role, arn, body, said, headers)
    execution.exchange["awsResponse"] = answer.body.decode(errors="replace")
    if answer.status == 429:
        raise TargetBusy("The API answered 429.")
    if not 200 <= answer.status < 300:
        raise StageFailed(f"The API answered {answer.status}.", answer.status, "AmazonAPIGateway")
    return answer.body
