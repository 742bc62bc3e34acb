"""Lambda as a data source: one call for a field, or one for many fields of a query at once.

https://docs.aws.amazon.com/appsync/latest/devguide/resolver-mapping-template-reference-lambda.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync.failure import Failure


async def _invoked(call: Call, config: dict[str, Any], payload: Any, kind: str = "RequestResponse") -> Any:
    arn = config["lambdaFunctionArn"]
    try:
        asked = call.ask(
            "lambda:Invoke",
            to_region=arn.split(":")[3],
            FunctionName=arn,
            InvocationType=kind,
            Payload=orjson.dumps(payload),
        )
        # A function goes on though nobody waits for it any more.
        reply = await asyncio.shield(call.home.spawn(asked))
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise Failure(error.text, f"Lambda:{error.code}") from None
    if kind == "Event":
        return None
    answered = bytes(reply.get("Payload") or b"null")
    try:
        answer = orjson.loads(answered)
    except orjson.JSONDecodeError:
        raise Failure("The function's answer is not JSON.", "Lambda:IllegalArgument") from None
    if reply.get("FunctionError"):
        said = answer if isinstance(answer, dict) else {}
        raise Failure(
            str(said.get("errorMessage", reply["FunctionError"])), f"Lambda:{reply['FunctionError']}"
        )
    return answer


def _kind(request: dict[str, Any]) -> str:
    kind = request.get("invocationType") or "RequestResponse"
    if kind not in ("RequestResponse", "Event"):
        raise Failure(f"Unsupported invocationType '{kind}'.", "MappingTemplate")
    return kind


async def ask(call: Call, config: dict[str, Any], request: dict[str, Any]) -> Any:
    """What the function answers to one field. Raises Failure."""
    return await _invoked(call, config, request.get("payload"), _kind(request))


class Batches:
    """The fields of one query that wait to be asked together, by their resolver."""

    def __init__(self) -> None:
        self._waiting: dict[Any, list[tuple[Any, asyncio.Future]]] = {}
        self._asking: set[asyncio.Task] = set()

    async def ask(
        self,
        key: Any,
        size_max: int,
        call: Call,
        config: dict[str, Any],
        request: dict[str, Any],
        *,
        is_direct: bool,
    ) -> Any:
        """What the function answers to this one of a batch. Raises Failure."""
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        waiting = self._waiting.setdefault(key, [])
        waiting.append((request.get("payload"), mine))

        def leave() -> None:
            # All fields of a list are begun in one turn of the loop: when it comes round they have all come here.
            batch = self._waiting.pop(key, None)
            if batch:
                task = loop.create_task(_answered(call, config, batch, _kind(request), is_direct))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

        if len(waiting) >= size_max:
            leave()
        elif len(waiting) == 1:
            loop.call_soon(leave)
        return await mine


async def _answered(call: Call, config: dict[str, Any], batch: list, kind: str, is_direct: bool) -> None:
    try:
        answers = await _invoked(call, config, [payload for payload, _ in batch], kind)
        if kind == "Event":
            answers = [None] * len(batch)
        if not isinstance(answers, list) or len(answers) != len(batch):
            raise Failure(
                "The number of results does not match the number of requests of a batch.",
                "Lambda:IllegalArgument",
            )
    except Exception as error:
        for _, mine in batch:
            if not mine.done():
                mine.set_exception(error)
        return
    for (_, mine), answer in zip(batch, answers):
        if mine.done():
            continue
        if is_direct and isinstance(answer, dict) and ("data" in answer or "errorMessage" in answer):
            # https://docs.aws.amazon.com/appsync/latest/devguide/tutorial-lambda-resolvers.html: errors of single ones
            if answer.get("errorMessage") is not None:
                mine.set_exception(
                    Failure(
                        str(answer["errorMessage"]),
                        answer.get("errorType"),
                        answer.get("data"),
                        answer.get("errorInfo"),
                    )
                )
            else:
                mine.set_result(answer.get("data"))
        else:
            mine.set_result(answer)
