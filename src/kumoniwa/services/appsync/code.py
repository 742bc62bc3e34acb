"""Resolver code in JavaScript: what AppSync's runtime allows, read before it ever runs, and one handler run.

https://docs.aws.amazon.com/appsync/latest/devguide/supported-features.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines import javascript
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.languages import backtracking
from kumoniwa.languages.vtl_value import TemplateError
from kumoniwa.services.appsync import moment
from kumoniwa.services.appsync.errors import BadRequestException

MODULES = ("@aws-appsync/utils", "@aws-appsync/utils/dynamodb", "@aws-appsync/utils/rds")

REFUSED = {
    "for_statement": ("no-for", "for is not supported (except for for-in and for-of, which are supported)"),
    "while_statement": ("no-while", "while loops are not supported"),
    "do_statement": ("no-while", "while loops are not supported"),
    "continue_statement": ("no-continue", "continue is not supported"),
    "try_statement": ("no-try", "try/catch structure is not supported"),
    "throw_statement": ("no-throw", "throw is not supported; use util.error"),
    "labeled_statement": ("no-labels", "labels are not supported"),
    "class_declaration": ("no-classes", "classes are not supported"),
    "class": ("no-classes", "classes are not supported"),
    "generator_function_declaration": ("no-generators", "generators are not supported"),
    "generator_function": ("no-generators", "generators are not supported"),
    "yield_expression": ("no-yield", "yield is not supported"),
    "await_expression": ("no-await", "async processes and promises are not supported"),
    "async": ("no-async", "async processes and promises are not supported"),
    "this": ("no-this", "this keyword is not supported"),
    "regex": ("no-regex", "regex literals are not supported"),
    "update_expression": ("no-disallowed-unary-operators", "++, --, and ~ unary operators are not allowed"),
    "with_statement": ("no-with", "with is not supported"),
}
"""Kinds of nodes, and AWS's lint rule of that name with what it says."""


class Prepared(NamedTuple):
    """Code that may run: what the engine loads, and which handlers it exports."""

    sources: tuple[str, ...]
    handlers: frozenset[str]


class InvalidCode(Exception):
    """Code that AppSync refuses, with all it has against it."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        self.errors = errors
        super().__init__("The code contains one or more errors.")


@cache
def _library(name: str = "runtime.js") -> str:
    return files(__package__).joinpath(name).read_text()


def _libraries(source: str) -> tuple[str, ...]:
    """What code is lent: of relational databases only where it speaks of them."""
    return (_library(), _library("runtime_rds.js")) if "rds" in source else (_library(),)


def _against(node: Any, kind: str, value: str) -> dict[str, Any]:
    line, column = node.start_point
    return {
        "errorType": kind,
        "value": value,
        "location": {"line": line + 1, "column": column, "span": node.end_byte - node.start_byte},
    }


def _judged(node: Any) -> dict[str, Any] | None:
    """What the runtime has against one node."""
    if node.is_missing or node.type == "ERROR":
        return _against(
            node, "PARSER_ERROR", f"{node.text.decode('utf-8', 'replace')[:80]!r} was not expected here"
        )
    rule = REFUSED.get(node.type)
    if rule is None and node.type == "unary_expression" and node.child(0).type == "~":
        rule = REFUSED["update_expression"]
    if rule is None and node.type == "binary_expression" and node.child(1).type in ("in", "instanceof"):
        rule = ("no-disallowed-binary-operators", f"{node.child(1).type} operator is not allowed")
    if (
        rule is None
        and node.type == "for_in_statement"
        and any(child.type == "await" for child in node.children)
    ):
        rule = REFUSED["await_expression"]
    if rule is None or not node.is_named and node.type not in ("async",):
        return None
    return _against(node, "LINT_ERROR", f"@aws-appsync/{rule[0]}: {rule[1]}")


def _imported(node: Any) -> str:
    """An import as the engine, which has no modules, can read it."""
    module = node.child_by_field_name("source").text.decode()[1:-1]
    if module not in MODULES:
        raise InvalidCode([_against(node, "PARSER_ERROR", f"Import of {module} is not supported")])
    clause = next((child for child in node.named_children if child.type == "import_clause"), None)
    if clause is None:
        return ""
    bound = clause.named_children[0]
    held = f"__modules[{orjson.dumps(module).decode()}]"
    if bound.type == "namespace_import":
        return f"const {bound.named_children[0].text.decode()} = {held};"
    if bound.type != "named_imports":
        raise InvalidCode([_against(bound, "PARSER_ERROR", f"{module} has no default export")])
    pairs = (specifier.named_children for specifier in bound.named_children)
    names = (": ".join(part.text.decode() for part in pair) for pair in pairs)
    return f"const {{ {', '.join(names)} }} = {held};"


def _exported(node: Any) -> tuple[int, dict[str, str]]:
    """How many bytes of an export say that it is one, and which names it gives to what."""
    declared = node.child_by_field_name("declaration")
    if declared is not None:
        named = [declared] if declared.type == "function_declaration" else declared.named_children
        names = (each.child_by_field_name("name") for each in named if each.type != "comment")
        found = {name.text.decode() for name in names if name is not None and name.type == "identifier"}
        return declared.start_byte - node.start_byte, {name: name for name in found}
    clause = next((child for child in node.named_children if child.type == "export_clause"), None)
    if clause is None or node.child_by_field_name("source") is not None:
        raise InvalidCode([_against(node, "PARSER_ERROR", "Only exports by name are supported")])
    # What bundlers write: export { request, answer as response };
    pairs = [
        [part.text.decode() for part in each.named_children]
        for each in clause.named_children
        if each.type == "export_specifier"
    ]
    return node.end_byte - node.start_byte, {pair[-1]: pair[0] for pair in pairs}


@lru_cache(maxsize=1024)
def prepared(source: str) -> Prepared:
    """Code ready to run. Raises InvalidCode with everything that is wrong."""
    data = source.encode("utf-8", "surrogatepass")
    root = javascript.tree(data)
    errors = [error for node in javascript.nodes(root) if (error := _judged(node)) is not None]
    if errors:
        raise InvalidCode(errors)
    pieces, at = [], 0
    names: dict[str, str] = {}
    for node in root.named_children:
        if node.type == "import_statement":
            pieces += (data[at : node.start_byte].decode("utf-8", "replace"), _imported(node))
            at = node.end_byte
        elif node.type == "export_statement":
            skipped, exported = _exported(node)
            names |= exported
            pieces.append(data[at : node.start_byte].decode("utf-8", "replace"))
            at = node.start_byte + skipped
    pieces.append(data[at:].decode("utf-8", "replace"))
    given = " ".join(f"__exports.{name} = {local};" for name, local in sorted(names.items()))
    return Prepared(
        (*_libraries(source), f"(() => {{ 'use strict'; {''.join(pieces)}\n{given} }})()"), frozenset(names)
    )


def checked(source: str, *handlers: str) -> None:
    """Raise BadRequestException as CreateResolver and CreateFunction do for code that cannot run."""
    try:
        found = prepared(source)
    except InvalidCode as error:
        raise BadRequestException(
            str(error), reason="CODE_ERROR", detail={"codeErrors": error.errors}
        ) from None
    for name in handlers:
        if name not in found.handlers:
            missing = {"errorType": "PARSER_ERROR", "value": f"The code does not export a {name} function"}
            missing["location"] = {"line": 1, "column": 0, "span": 0}
            raise BadRequestException(
                "The code contains one or more errors.", reason="CODE_ERROR", detail={"codeErrors": [missing]}
            )


# What code asks of its host ------------------------------------------------------------------------

ASKED_MAX = 200
"""Questions in one evaluation."""


def pattern_found(pattern: str, subject: str) -> list[dict[str, Any]]:
    """All places of a text where a pattern of Java's is found. Raises TemplateError."""
    try:
        found = list(backtracking.compiled(pattern).found(subject))
    except backtracking.InvalidPattern as error:
        raise TemplateError(f"Invalid regular expression: {error}") from None
    except backtracking.TooMuchWork:
        raise TemplateError("The regular expression tries too much.") from None
    return [{"index": each.start, "groups": list(each.groups)} for each in found]


QUESTIONS: dict[str, Callable[..., Any]] = {
    "search": pattern_found,
    "formatted": moment.formatted,
    "read": moment.read,
    "readISO": moment.read_iso,
}
"""What the engine has no safe or no whole answer to. Code that asks is run again from its beginning with the answer: it
remembers nothing, so it comes to the same question and goes on."""


def _answer(question: list[Any]) -> dict[str, Any]:
    name, given = question
    try:
        return {"value": QUESTIONS[name](*given)}
    except (TemplateError, TypeError, ValueError, OverflowError) as error:
        return {"error": str(error)}


class Outcome(NamedTuple):
    """What one handler did: its value, or its error, and what it said besides."""

    value: Any
    error: dict[str, Any] | None
    stash: dict[str, Any]
    errors: list[dict[str, Any]]
    extensions: list[list[Any]]
    headers: dict[str, str]
    logs: list[str]
    skip_to: str | None = None
    """Set by an early return."""


def _scripts(home: Any) -> javascript.Scripts:
    held = home.memory.get(("appsync", javascript.Scripts))
    if held is None:
        held = home.memory["appsync", javascript.Scripts] = javascript.Scripts()
    return held


async def run(home: Any, source: str, handler: str, context: dict[str, Any], auth_type: str) -> Outcome:
    """One handler of the code, with a context of plain values."""
    given = {
        "handler": handler, "context": context, "now": milliseconds(home.clock.now()), "seed": home.ids.uuid().replace("-", ""),
        "authType": auth_type,
    }  # fmt: skip
    stash = context.get("stash") or {}
    sources, answers = prepared(source).sources, {}
    try:
        while True:
            asked = orjson.dumps({**given, "answers": answers}).decode()
            said = orjson.loads(await _scripts(home).call(sources, "__run", asked))
            if "question" not in said:
                break
            if len(answers) == ASKED_MAX:
                return _failed(stash, "Code runtime: the evaluation asks too much.")
            answers[said["question"]] = _answer(orjson.loads(said["question"]))
    except javascript.ScriptEndless:
        return _failed(stash, "Code runtime: the evaluation took too long.")
    except javascript.ScriptFailed as error:
        return _failed(stash, str(error).partition("\n")[0])
    return Outcome(
        said.get("value"), said.get("error"), said.get("stash") or {}, said["errors"], said["extensions"], said["headers"], said["logs"],
        said.get("skipTo"),
    )  # fmt: skip


def transform(home: Any, name: str, given: list[Any]) -> Any:
    """One of the runtime's own transformations, for mapping templates. Raises ValueError for what it cannot transform."""
    asked = orjson.dumps([name, given]).decode()
    try:
        return orjson.loads(_scripts(home).call_here((_library(),), "__transform", asked))
    except (javascript.ScriptFailed, javascript.ScriptEndless) as error:
        raise ValueError(str(error).partition("\n")[0]) from None


def _failed(stash: dict[str, Any], text: str) -> Outcome:
    return Outcome(None, {"message": text, "type": "Code"}, stash, [], [], {}, [])
