"""Trying out templates and code with a context of one's own, without an API."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.languages.vtl_value import TemplateError
from kumoniwa.services.appsync import code as codes
from kumoniwa.services.appsync import template as templates
from kumoniwa.services.appsync.code import InvalidCode
from kumoniwa.services.appsync.errors import BadRequestException
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.logic import RUNTIME


def _read(context: str) -> dict[str, Any]:
    try:
        said = orjson.loads(context)
    except orjson.JSONDecodeError:
        raise BadRequestException("Unable to parse the context: it must be JSON.") from None
    if not isinstance(said, dict):
        raise BadRequestException("The context must be a JSON object.")
    said.setdefault("arguments", said.pop("args", {}))
    return {
        "source": None,
        "identity": None,
        "result": None,
        "prev": None,
        "error": None,
        "env": {},
        "stash": {},
        **said,
    }


def EvaluateMappingTemplate(call: Call, *, template: str, context: str) -> dict:
    told = _read(context)
    try:
        found, turn = templates.rendered(call.home, template, told, "API Key Authorization")
    except (Failure, TemplateError) as error:
        text = error.message if isinstance(error, Failure) else str(error)
        return {"error": {"message": text}, "logs": []}
    text = found.text
    if found.has_returned:
        text = orjson.dumps(found.value).decode()
    return {"evaluationResult": text, "logs": turn.logs, "stash": orjson.dumps(told["stash"]).decode()}


async def EvaluateCode(
    call: Call, *, runtime: dict[str, Any], code: str, context: str, function: str | None = None
) -> dict:
    if runtime != RUNTIME:
        raise BadRequestException(f"Invalid runtime {runtime['name']} {runtime['runtimeVersion']}.")
    told = _read(context)
    try:
        found = codes.prepared(code)
    except InvalidCode as error:
        return {"error": {"message": str(error), "codeErrors": error.errors}, "logs": []}
    function = function or "request"
    if function not in found.handlers:
        return {
            "error": {"message": f"The code does not export a {function} function.", "codeErrors": []},
            "logs": [],
        }
    outcome = await codes.run(call.home, code, function, told, "API Key Authorization")
    stash, errors = orjson.dumps(outcome.stash).decode(), orjson.dumps(outcome.errors).decode()
    if outcome.error is not None:
        message = outcome.error.get("message", "Unauthorized")
        return {
            "error": {"message": message, "codeErrors": []},
            "logs": outcome.logs,
            "stash": stash,
            "outErrors": errors,
        }
    return {
        "evaluationResult": orjson.dumps(outcome.value).decode(),
        "logs": outcome.logs,
        "stash": stash,
        "outErrors": errors,
    }
