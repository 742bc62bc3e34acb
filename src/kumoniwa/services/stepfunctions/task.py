"""Task states: what they ask of whom, and what they hear.

What is asked has left before its answer is known, so a task may be asked again after a kill. Every question carries a token
made of the execution and of the event that announced it (``call.ask(…, once=…)``): a service that has answered it once gives
the same answer again and does nothing twice.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson

from kumoniwa.aws import models
from kumoniwa.gate import identity
from kumoniwa.gate import tracing as traces
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.meter import rounded
from kumoniwa.languages.states_jsonata import JsonataScope
from kumoniwa.languages.states_machine import State
from kumoniwa.languages.states_path import StateFailure, runtime
from kumoniwa.services.stepfunctions import activity, endpoint, integration, payload, tracing
from kumoniwa.services.stepfunctions import execution as executions
from kumoniwa.services.stepfunctions.encryption import SERVICE
from kumoniwa.services.stepfunctions.execution import Execution, Strand
from kumoniwa.services.stepfunctions.integration import Integration
from kumoniwa.services.stepfunctions.payload import limited, text_of
from kumoniwa.wire import timestamps
from kumoniwa.wire.codec import codec
from kumoniwa.wire.message import BodyTooLarge, is_lying, whole

if TYPE_CHECKING:
    from kumoniwa.services.stepfunctions.run import Run

TOLD = {"truncated": False}
_QUEUE_URL = re.compile(r"https?://[^/]+/.*")
READ_MAX = 6 << 20
"""What of a streaming answer is read before it is known to be too large."""
LOOK_S = 2.0
"""How long until an execution of another account is looked for again."""


# Beginning ---------------------------------------------------------------------------------------------


def begin(run: Run, strand: Strand, state: State) -> None:
    """Say what will be asked; it is asked when the other strands have had their turn."""
    resource = state.fields["Resource"]
    asked = integration.of(resource)
    if asked.kind == "activity" or asked.mode:
        # A task that waits for an execution has a token too, and whoever holds it may end the task (recorded: test_sync_with_task_token).
        strand.token = activity.new_token(run.call)
    scope = run.scope(strand, state)
    parameters = payload.given(state, scope, run.now)
    timeout_s = payload.number(state, "TimeoutSeconds", scope, run.now)
    heartbeat_s = payload.number(state, "HeartbeatSeconds", scope, run.now)
    told: dict[str, Any] = {}
    if timeout_s is not None:
        told["timeoutInSeconds"] = int(timeout_s)
        strand.timeout_at = run.now + timeout_s
    if heartbeat_s is not None:
        told["heartbeatInSeconds"] = int(heartbeat_s)
        strand.heartbeat_s = heartbeat_s
    if "Credentials" in state.values:
        said = state.values["Credentials"](JsonataScope(scope, run.now) if state.is_jsonata else scope)
        strand.credentials = said["RoleArn"]
        told["taskCredentials"] = {"roleArn": strand.credentials}
    strand.parameters = parameters
    if asked.kind in ("lambda", "activity"):
        if asked.kind == "activity" and not activity.exists(run.call, resource):
            raise runtime(f"The activity {resource} does not exist.")
        type_ = "LambdaFunctionScheduled" if asked.kind == "lambda" else "ActivityScheduled"
        told = {"resource": resource, "input": text_of(parameters), "inputDetails": TOLD, **told}
        strand.previous = run.event(type_, strand.previous, told)
    else:
        if asked.kind == "endpoint":
            endpoint.check(asked, parameters)
        if asked.kind == "optimized":
            integration.wanted(asked.operation, _fitted(asked, parameters, run.execution), is_sdk=False)
        told = {
            "resourceType": asked.type, "resource": asked.resource, "region": run.call.region, "parameters": text_of(parameters), **told,
        }  # fmt: skip
        strand.previous = run.event("TaskScheduled", strand.previous, told)
    strand.scheduled = strand.previous
    if asked.kind == "activity":
        strand.waiting = "activity"
        activity.queue(run.call, resource, run.execution, strand, text_of(parameters))
        watch(run, strand)
    else:
        strand.waiting = "starting"
        run.ready.append(strand)


def watch(run: Run, strand: Strand) -> None:
    """Be woken when a task has taken too long, or was not heard of for too long."""
    heartbeat_at = run.now + strand.heartbeat_s if strand.heartbeat_s is not None else None
    strand.due = min((at for at in (strand.timeout_at, heartbeat_at) if at is not None), default=None)


def is_afar(call: Call, arn: str) -> bool:
    """Whether an execution belongs to another account."""
    return arn.split(":")[4] != call.account


def watch_afar(run: Run, strand: Strand) -> None:
    """Nobody tells another account of an execution's end, so it is looked for, again and again. What still runs is alive."""
    watch(run, strand)
    look_at = run.now + LOOK_S
    strand.due = look_at if strand.due is None else min(strand.due, look_at)


def started(run: Run, strand: Strand) -> None:
    asked = integration.of(run.state_of(strand).fields["Resource"])
    if asked.kind == "lambda":
        strand.previous = run.event("LambdaFunctionStarted", strand.previous)
    else:
        strand.previous = run.event("TaskStarted", strand.previous, {"resourceType": asked.type, "resource": asked.resource})
    strand.waiting = "ask"
    watch(run, strand)
    run.asks.append(strand)


def _fitted(asked: Integration, parameters: Any, execution: Execution) -> Any:
    """Parameters as the operation takes them: where an optimized integration takes JSON, the operation takes a text, and where it takes
    ``null`` the operation takes nothing (recorded: test_invoke, test_start_execution_sync)."""
    if not isinstance(parameters, dict):
        return parameters
    if asked.kind == "sdk":
        return _of_sdk(parameters) if asked.operation == "s3:PutObject" else parameters
    made = dict(parameters)
    for operation, field in (("lambda:Invoke", "Payload"), ("sqs:SendMessage", "MessageBody"), ("sns:Publish", "Message"),
                             ("stepfunctions:StartExecution", "Input")):  # fmt: skip
        if asked.operation == operation and field in made and not isinstance(made[field], str):
            is_nothing = made[field] is None and operation in ("lambda:Invoke", "stepfunctions:StartExecution")
            made[field] = "{}" if is_nothing else text_of(made[field])
    if asked.operation == "events:PutEvents" and isinstance(made.get("Entries"), list):
        made["Entries"] = [_entry(entry, execution) if isinstance(entry, dict) else entry for entry in made["Entries"]]
    return made


def _of_sdk(parameters: dict[str, Any]) -> dict[str, Any]:
    """What the SDK says of its own accord of an object that it puts (recorded: test_s3_put_object)."""
    checksum = {} if any(name.startswith("Checksum") for name in parameters) else {"ChecksumAlgorithm": "CRC32"}
    return {"ContentType": "text/plain; charset=UTF-8", **checksum, **parameters}


def _entry(entry: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """An event names the state machine and the execution among its resources.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html"""
    made = dict(entry)
    if isinstance(made.get("Detail"), dict):
        made["Detail"] = text_of(made["Detail"])
    held = made.get("Resources")
    if held is None or isinstance(held, list):
        made["Resources"] = [*(held or ()), execution.machine, execution.arn]
    return made


# Asking ------------------------------------------------------------------------------------------------


async def outcome(call: Call, execution: Execution, strand: Strand, resource: str, sight: endpoint.Sight | None = None) -> Any:
    """What came of a question; ``sight`` takes what is shown of one by HTTP. Raises StateFailure."""
    asked = integration.of(resource)
    once = f"{execution.arn}#{strand.scheduled}"
    try:
        speaker = await speaking(call, execution, strand)
        speaker.within = tracing.handed_on(execution, strand.scheduled)
        if asked.kind == "lambda":
            result = await speaker.ask(
                "lambda:Invoke", once=once, FunctionName=asked.resource, Payload=orjson.dumps(strand.parameters)
            )
            return _of_function(result)
        if asked.kind == "endpoint":
            return await endpoint.outcome(speaker, execution, asked, strand.parameters, sight)
        params = integration.wanted(asked.operation, _fitted(asked, strand.parameters, execution), is_sdk=asked.kind == "sdk")
        if asked.kind == "optimized" and "QueueUrl" in params and not _QUEUE_URL.match(str(params["QueueUrl"])):
            # The client finds no host of SQS's there (recorded: test_send_message_no_such_queue).
            cause = f"Unable to execute HTTP request: {params['QueueUrl'].partition('://')[2]}"
            raise StateFailure("SQS.SdkClientException", cause, is_of_task=True)
        is_read = asked.operation.partition(":")[2].startswith(("Get", "List", "Describe", "Head"))
        result = await speaker.ask(asked.operation, once=None if is_read else once, **params)
    except NotImplementedHere as error:
        raise StateFailure("States.TaskFailed", error.text, is_of_task=True)
    except AwsError as error:
        if asked.kind == "endpoint":
            raise StateFailure("States.TaskFailed", error.text, is_of_task=True)
        raise integration.failure(asked, error, call.new_id())
    if asked.kind == "sdk":
        read = await read_whole(result, asked.name)
        if asked.operation == "s3:GetObject":
            read = {"ContentLength": len(read["Body"]), "Metadata": {}, **read}
        return integration.answered(asked.operation, read, False)
    if asked.operation == "lambda:Invoke":
        logged = {"LogResult": result["LogResult"]} if "LogResult" in result else {}
        told = {"ExecutedVersion": result["ExecutedVersion"], **logged, "Payload": _of_function(result, is_compact=True)}
        return told | _said(speaker, asked, result) | {"StatusCode": 200}
    answer = integration.answered(asked.operation, result, True)
    if asked.operation == "events:PutEvents":
        if answer.get("FailedEntryCount"):
            raise StateFailure("EventBridge.FailedEntry", text_of(answer), is_of_task=True)
        return answer
    return answer | _said(speaker, asked, result)


async def speaking(call: Call, execution: Execution, strand: Strand) -> Call:
    """Who asks for a task: the execution's role, or the one that the task names. Raises AwsError or StateFailure."""
    speaker = call.assuming(execution.role, SERVICE, execution.name[:64], **{"aws:SourceArn": execution.machine})
    return await _standing_for(speaker, strand.credentials, execution) if strand.credentials else speaker


async def _standing_for(speaker: Call, role: str, execution: Execution) -> Call:
    """The session of another role, perhaps of another account, that trusts the execution's (recorded: test_credentials_base)."""
    try:
        given = await speaker.ask("sts:AssumeRole", RoleArn=role, RoleSessionName=execution.name[:64])
        keys = given["Credentials"]
        principal, _ = identity.identify(speaker.home, keys["AccessKeyId"], keys["SessionToken"], "json")
        return speaker.home.call(speaker.service, principal.account, principal)
    except AwsError:
        raise StateFailure(
            "States.TaskFailed", f"The role {execution.role} is not authorized to assume the task state's role, {role}.", is_of_task=True
        )


def _of_function(result: dict[str, Any], *, is_compact: bool = False) -> Any:
    """What a function answered. Raises the failure it ended with, whose cause is as the function wrote it or, of the optimized integration,
    as the state machine writes it (recorded: test_task_lambda, test_task_service_lambda)."""
    body = result["Payload"]
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = body.decode(errors="replace")
    if "FunctionError" in result:
        error = value.get("errorType") if isinstance(value, dict) else None
        cause = text_of(value) if is_compact else body.decode(errors="replace")
        raise StateFailure(error or "Lambda.Unknown", cause, is_of_task=True)
    return value


async def read_whole(result: dict[str, Any], of: str) -> dict[str, Any]:
    """Streaming members as bytes."""
    read = dict(result)
    for name, value in result.items():
        if is_lying(value):
            try:
                read[name] = await whole(value, READ_MAX)
            except BodyTooLarge:
                limited("x" * (payload.BYTES_MAX + 1), of)
    return read


def _said(call: Call, asked: Integration, result: dict[str, Any]) -> dict[str, Any]:
    """What the optimized integrations tell of the HTTP exchange (recorded: test_base_integrations, test_invoke, test_send_message)."""
    service, _, name = asked.operation.partition(":")
    model = models.service(service)
    request_id = call.new_id()
    response = codec(model.operation(name), model.protocol).write(result, request_id)
    headers = {
        **{name: str(value) for name, value in response.headers.items()}, "x-amzn-RequestId": request_id,
        "Date": formatdate(call.now(), usegmt=True), "Content-Length": str(len(response.body)),
    }  # fmt: skip
    if service == "lambda":
        trace = traces.read(call.within) if call.within else traces.Header(traces.new_root(call), "", "0")
        headers |= {"x-amzn-Remapped-Content-Length": "0", "X-Amzn-Trace-Id": trace._replace(parent="").spelled()}
    if service == "dynamodb":
        headers |= {"Server": "Server", "x-amz-crc32": str(crc32(response.body))}
    headers["Connection" if service in ("lambda", "dynamodb") else "connection"] = "keep-alive"
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


# Hearing -----------------------------------------------------------------------------------------------


def answered(run: Run, strand: Strand, result: Any) -> None:
    """A question was answered: the task is done, or has been submitted."""
    state = run.state_of(strand)
    asked = integration.of(state.fields["Resource"])
    try:
        text = limited(result, asked.name)
    except StateFailure as failure:
        unanswered(run, strand, failure)
        return
    if not asked.mode:
        _done(run, strand, state, asked, result, text)
        return
    told = {"resourceType": asked.type, "resource": asked.resource, "output": text, "outputDetails": TOLD}
    strand.previous = run.event("TaskSubmitted", strand.previous, told)
    if asked.mode == "waitForTaskToken":
        strand.waiting = "token"
        return
    if asked.operation in integration.JOBS:
        strand.waiting, strand.nested = "job", result[integration.JOBS[asked.operation][1]]
        watch_afar(run, strand)
        return
    strand.waiting, strand.nested = "nested", result["ExecutionArn"]
    _look_for_end(run, strand)


def _look_for_end(run: Run, strand: Strand) -> None:
    """See that the end of a nested execution is noticed, also of one that has ended already."""
    if is_afar(run.call, strand.nested):
        watch_afar(run, strand)
        return
    nested = executions.find(run.call, strand.nested)
    if nested is not None and nested.status != "RUNNING":
        strand.due = run.now


def heard_of(run: Run, strand: Strand) -> None:
    """Somebody who holds the token says that the task is still being done."""
    watch(run, strand)
    if strand.waiting == "nested":
        _look_for_end(run, strand)


def succeeded(run: Run, strand: Strand, result: Any) -> None:
    """Somebody who holds the token says that the task is done."""
    state = run.state_of(strand)
    asked = integration.of(state.fields["Resource"])
    _done(run, strand, state, asked, result, text_of(result))


def _done(run: Run, strand: Strand, state: State, asked: Integration, result: Any, text: str) -> None:
    type_ = {"lambda": "LambdaFunctionSucceeded", "activity": "ActivitySucceeded"}.get(asked.kind, "TaskSucceeded")
    told = {} if asked.kind in ("lambda", "activity") else {"resourceType": asked.type, "resource": asked.resource}
    strand.previous = run.event(type_, strand.previous, {**told, "output": text, "outputDetails": TOLD})
    strand.waiting, strand.due = "", None
    try:
        run.came(strand, state, result)
    except StateFailure as failure:
        run.failed(strand, state, failure)


def unanswered(run: Run, strand: Strand, failure: StateFailure, *, is_timeout: bool = False) -> None:
    """A task failed, or took too long."""
    state = run.state_of(strand)
    asked = integration.of(state.fields["Resource"])
    told = {name: said for name, said in (("error", failure.error), ("cause", failure.cause)) if said is not None}
    ending = "TimedOut" if is_timeout else "Failed"
    head = {"lambda": "LambdaFunction", "activity": "Activity"}.get(asked.kind, "Task")
    if head == "Task":
        told = {"resourceType": asked.type, "resource": asked.resource, **told}
        if ending == "Failed" and strand.waiting == "ask" and asked.mode:
            ending = "SubmitFailed"
    strand.previous = run.event(f"{head}{ending}", strand.previous, told)
    failure.is_told = failure.is_of_task = True
    run.failed(strand, state, failure)


# Executions that others wait for ------------------------------------------------------------------------


def described(execution: Execution, *, is_json: bool) -> dict[str, Any]:
    """An execution as the state that waited for it sees it. ``.sync:2`` reads its input and output."""
    read = orjson.loads if is_json else str
    answer: dict[str, Any] = {
        "ExecutionArn": execution.arn,
        "Input": read(execution.input),
        "InputDetails": {"Included": True},
        "Name": execution.name,
    }
    if execution.output is not None:
        answer |= {"Output": read(execution.output), "OutputDetails": {"Included": True}}
    for name, value in (("Error", execution.error), ("Cause", execution.cause)):
        if value is not None:
            answer[name] = value
    answer |= {
        "RedriveCount": execution.redrives,
        "RedriveStatus": "NOT_REDRIVABLE" if execution.status == "SUCCEEDED" else "REDRIVABLE",
        "StartDate": milliseconds(execution.started),
        "StateMachineArn": execution.machine,
        "Status": execution.status,
        "StopDate": milliseconds(execution.stopped or 0),
    }
    if execution.status == "SUCCEEDED":
        answer["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    return answer


def nested_ended(run: Run, strand: Strand, nested: Execution | StateFailure) -> None:
    """``nested`` as the strand's role sees it."""
    if isinstance(nested, StateFailure):
        unanswered(run, strand, nested)
        return
    state = run.state_of(strand)
    asked = integration.of(state.fields["Resource"])
    answer = described(nested, is_json=asked.mode == "sync:2")
    if nested.status == "SUCCEEDED":
        _done(run, strand, state, asked, answer, text_of(answer))
    else:
        unanswered(run, strand, StateFailure("States.TaskFailed", text_of(answer)))


def job_ended(run: Run, strand: Strand, seen: dict[str, Any] | StateFailure) -> None:
    """``seen`` is what the job's own operation answers. A job that failed is told as it stands (its form as a cause: no source)."""
    if isinstance(seen, StateFailure):
        unanswered(run, strand, seen)
        return
    state = run.state_of(strand)
    asked = integration.of(state.fields["Resource"])
    operation, _, member = integration.JOBS[asked.operation]
    answer = integration.answered(operation, seen, True)
    if seen[member]["Status"]["State"] == "SUCCEEDED":
        _done(run, strand, state, asked, answer, text_of(answer))
    else:
        unanswered(run, strand, StateFailure("States.TaskFailed", text_of(answer[member])))


# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
_FIGURES = {
    "RUNNING": "ExecutionsStarted", "SUCCEEDED": "ExecutionsSucceeded", "FAILED": "ExecutionsFailed", "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}  # fmt: skip


def _measure(call: Call, execution: Execution, figure: str) -> None:
    call.measure("AWS/States", figure, "StateMachineArn", execution.machine)
    if execution.stopped is not None:
        took_ms = rounded((execution.stopped - execution.started) * 1000)
        call.measure("AWS/States", "ExecutionTime", "StateMachineArn", execution.machine, value=took_ms, unit="Milliseconds")


def status_changed(call: Call, execution: Execution) -> None:
    """The fact for the region's bus, which does not tell what is encrypted.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    figure = _FIGURES.get(execution.status)
    if figure is not None:
        call.after_commit(lambda: _measure(call, execution, figure))
    if execution.is_express:
        return
    is_told = execution.encryption is None
    detail = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "stateMachineVersionArn": execution.version or None,
        "stateMachineAliasArn": execution.alias or None,
        "name": execution.name,
        "status": execution.status,
        "startDate": milliseconds(execution.started),
        "stopDate": milliseconds(execution.stopped) if execution.stopped is not None else None,
        "input": execution.input if is_told else None,
        "inputDetails": {"included": is_told},
        "output": execution.output if is_told else None,
        "outputDetails": {"included": is_told} if execution.output is not None else None,
        "error": execution.error if is_told else None,
        "cause": execution.cause if is_told else None,
        "redriveCount": execution.redrives,
        "redriveDate": timestamps.to_millisecond(execution.redriven) if execution.redriven is not None else None,
        "redriveStatusReason": None,
        **executions.redrive_of(execution, call.now()),
    }
    call.home.tell(("states", "Step Functions Execution Status Change", call.account, detail))
