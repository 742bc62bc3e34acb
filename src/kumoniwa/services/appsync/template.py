"""Mapping templates: one rendered with its context, and what it made."""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.languages import vtl
from kumoniwa.languages.vtl_value import TemplateError
from kumoniwa.services.appsync import toolbox
from kumoniwa.services.appsync.code import Outcome
from kumoniwa.services.appsync.failure import Failure

ALIASES = {"args": "arguments"}


class Context(dict):
    """``$ctx``, whose members have short names, too."""

    def get(self, name: Any, default: Any = None) -> Any:
        return super().get(ALIASES.get(name, name), default)


def rendered(
    home: Any, source: str, context: dict[str, Any], auth_type: str
) -> tuple[vtl.Rendering, toolbox.Turn]:
    """A template's text or early return. Raises Failure and TemplateError."""
    turn = toolbox.Turn(home, auth_type)
    context["outErrors"] = turn.errors
    told = Context(context)
    tools = toolbox.util(home, turn)
    names = {
        "context": told,
        "ctx": told,
        "util": tools,
        "utils": tools,
        "extensions": toolbox.extensions(turn),
    }
    return vtl.compiled(source, vtl.APPSYNC).evaluate(**names), turn


def run(home: Any, source: str, context: dict[str, Any], auth_type: str) -> Outcome:
    """What a template's JSON says. A template may change ``stash``, which is the caller's own."""
    stash = context["stash"]
    try:
        found, turn = rendered(home, source, context, auth_type)
    except Failure as failure:
        return _failed(stash, failure)
    except TemplateError as error:
        return _failed(stash, Failure(str(error), "MappingTemplate"))
    said = (stash, turn.errors, turn.extensions, turn.headers, turn.logs)
    if found.has_returned:
        return Outcome(found.value, None, *said, "NEXT")
    document = found.text.strip()
    if not document:
        return _failed(
            stash, Failure("Template transformation yielded an empty response.", "MappingTemplate")
        )
    try:
        return Outcome(orjson.loads(document.encode("utf-8", "surrogatepass")), None, *said)
    except orjson.JSONDecodeError:
        return _failed(stash, Failure(f"Unable to convert {found.text} to Object.", "MappingTemplate"))


def _failed(stash: dict[str, Any], failure: Failure) -> Outcome:
    error = {
        "message": failure.message,
        "type": failure.kind,
        "data": failure.data,
        "errorInfo": failure.info,
    }
    if failure.kind == "Unauthorized" and failure.message == "Unauthorized":
        error["unauthorized"] = True
    return Outcome(None, error, stash, [], [], {}, [])
