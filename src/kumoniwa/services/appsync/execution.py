"""One operation of GraphQL: read and judged, its fields resolved, its errors told in AppSync's shapes.

graphql-core executes; how fields get their values is ours. https://docs.aws.amazon.com/appsync/latest/devguide/graphql-overview.html
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    OperationDefinitionNode,
    execute,
    get_named_type,
    is_enum_type,
    is_leaf_type,
    parse,
    print_ast,
    validate,
)

from kumoniwa.gate.tracing import Part
from kumoniwa.kernel.call import Call
from kumoniwa.services.appsync import cache, scalar, selection
from kumoniwa.services.appsync.admission import Admission
from kumoniwa.services.appsync.caller import Caller
from kumoniwa.services.appsync.code import Outcome
from kumoniwa.services.appsync.failure import Failure, Unauthorized
from kumoniwa.services.appsync.graphqlapi import Api
from kumoniwa.services.appsync.log import Log
from kumoniwa.services.appsync.resolver import Resolver
from kumoniwa.services.appsync.resolving import Field, resolved
from kumoniwa.services.appsync.schema import Compiled
from kumoniwa.services.appsync.source_lambda import Batches

TIMEOUT_S = 30.0
TOKENS_MAX = 15_000
LONG = 4_000
"""Characters of a query that is judged in a thread."""
READ_MAX = 512


class Malformed(Exception):
    """Text that is no GraphQL."""


class Read(NamedTuple):
    """A document, and what is wrong with it in this schema."""

    document: DocumentNode
    errors: list[dict[str, Any]]


class Documents:
    """Documents that were read, by their text and the schema they were judged in."""

    def __init__(self) -> None:
        self.held: OrderedDict[tuple[int, str], tuple[Compiled, Read]] = OrderedDict()


def _documents(home: Any) -> OrderedDict:
    found = home.memory.get(("appsync", Documents))
    if found is None:
        found = home.memory["appsync", Documents] = Documents()
    return found.held


async def read(home: Any, schema: Compiled, text: str) -> Read:
    """Raises Malformed."""
    held, key = _documents(home), (id(schema.executable), text)
    known = held.get(key)
    if known is not None and known[0] is schema:
        return known[1]
    # What is long may take longer to judge than a region's loop may be held: some rules are quadratic.
    found = await asyncio.to_thread(_read, schema, text) if len(text) > LONG else _read(schema, text)
    held[key] = (schema, found)
    if len(held) > READ_MAX:
        held.popitem(last=False)
    return found


def _read(schema: Compiled, text: str) -> Read:
    try:
        document = parse(text, max_tokens=TOKENS_MAX)
        return Read(document, [_judged(document, error) for error in validate(schema.executable, document)])
    except (GraphQLError, RecursionError):
        raise Malformed from None


# The words of graphql-java, which AppSync runs ------------------------------------------------------------

_WORDS = (
    (r"Cannot query field '(\w+)' on type '(\w+)'.*", "FieldUndefined", "Field '{0}' in type '{1}' is undefined"),
    (r"Unknown argument '(\w+)' on field '\w+\.(\w+)'.*", "UnknownArgument", "Unknown field argument {0}"),
    (r"Argument '\w+\.\w+\((\w+):\)' of type '.+' is required.*", "MissingFieldArgument", "Missing field argument {0}"),
    (r"Field '(\w+)' of type '(.+)' must have a selection of subfields.*", "SubSelectionRequired", "Sub selection required for type {1} of field {0}"),
    (r"Field '(\w+)' must not have a selection since type '(.+)' has no subfields.*", "SubSelectionNotAllowed", "Sub selection not allowed on leaf type {1} of field {0}"),
    (r"Unknown type '(\w+)'.*", "UnknownType", "Unknown type {0}"),
    (r"Unknown fragment '(\w+)'.*", "UndefinedFragment", "Undefined fragment {0}"),
    (r"Variable '\$(\w+)' is not defined.*", "UndefinedVariable", "Undefined variable {0}"),
    (r"Unknown directive '@(\w+)'.*", "UnknownDirective", "Unknown directive {0}"),
    (r"Variable '\$(\w+)' is never used.*", "UnusedVariable", "Unused variable {0}"),
)  # fmt: skip


def _around(node: Any, place: int) -> Iterator[str]:
    """The names of the fields in which a place of the text lies, from the outside."""
    selections = node.selection_set.selections if getattr(node, "selection_set", None) is not None else ()
    for each in selections:
        if each.loc is not None and each.loc.start <= place < each.loc.end:
            if isinstance(each, FieldNode):
                yield each.name.value
            yield from _around(each, place)


def _judged(document: DocumentNode, error: GraphQLError) -> dict[str, Any]:
    """A flaw of a query. Recorded from AWS: graphql-over-http's issue 81, and Amplify's reports of UnknownArgument."""
    place = error.positions[0] if error.positions else -1
    fields = [name for node in document.definitions for name in _around(node, place)]
    message, text = error.message, f"Validation error : {error.message}"
    for pattern, kind, words in _WORDS:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            text = f"Validation error of type {kind}: {words.format(*found.groups())}"
            break
    if fields:
        text += f" @ '{'/'.join(fields)}'"
    return {"path": None, "locations": _places(error), "message": text}


def _places(error: GraphQLError) -> list[dict[str, Any]] | None:
    return [
        {"line": each.line, "column": each.column, "sourceName": None} for each in error.locations or ()
    ] or None


def _spelled(path: list[Any]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path)


class Mismatch(GraphQLError):
    """A data source's value is of a wholly other kind than its field."""


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    found = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
    return {node.name.value: node for node in found}


def told(schema: Compiled, document: DocumentNode, error: GraphQLError) -> dict[str, Any]:
    """An error of execution as the caller sees it."""
    original, path = error.original_error, list(error.path or ())
    if isinstance(original, Failure):
        return original.shown(path, error.nodes, fragments_of(document))
    if found := re.fullmatch(r"Cannot return null for non-nullable field (\w+)\.(\w+)\.", error.message):
        named = get_named_type(schema.executable.type_map[found[1]].fields[found[2]].type)
        text = f"Cannot return null for non-nullable type: '{named}' within parent '{found[1]}' ({_spelled(path)})"
        return {"path": path, "locations": None, "message": text}
    if error.path is None:
        return {"path": None, "locations": _places(error), "message": error.message}
    what = "resolve" if isinstance(original, Mismatch) else "serialize"
    return {
        "path": path,
        "locations": None,
        "message": f"Can't {what} value ({_spelled(path)}) : {error.message}",
    }


# Execution ---------------------------------------------------------------------------------------------


class Execution:
    """One operation on its way."""

    def __init__(
        self,
        call: Call,
        api: Api,
        schema: Compiled,
        caller: Caller,
        headers: dict[str, str],
        variables: dict[str, Any],
    ) -> None:
        self.call, self.api, self.schema, self.caller = call, api, schema, caller
        self.headers, self.variables = headers, variables
        self.admission = Admission(call, api, schema, caller)
        self.batches = Batches()
        self.part: Part | None = None
        """The API's part of a trace, if X-Ray is told of the request."""
        self.resolvers = call.shelf(Resolver)
        self.cache = call.shelf(cache.ApiCache).get(api.id)
        roots = (schema.executable.mutation_type, schema.executable.subscription_type)
        self.uncached = frozenset(root.name for root in roots if root is not None)
        self.errors: list[dict[str, Any]] = []
        self.response_headers: dict[str, str] = {}
        self.extensions: list[list[Any]] = []
        """What subscriptions are told besides, by name and arguments."""
        settings = api.settings.get("logConfig")
        self.log = Log(call, api, settings) if settings is not None else None
        self.mutated: list[tuple[str, str]] = []
        """The mutations of this operation, by the names of their results."""
        self.invocations = 0
        self.stopped_by: Exception | None = None

    # What resolving says --------------------------------------------------------------------------

    def hear(self, outcome: Outcome, field: Field, which: str, context: dict[str, Any]) -> None:
        if self.log is not None:
            self.log.field(which, field, context, outcome)
        for error in outcome.errors:
            self.errors.append(
                Failure.said(error).shown(field.path, field.info.field_nodes, field.info.fragments)
            )
        self.response_headers |= outcome.headers
        for name, given in outcome.extensions:
            if name == "evictFromApiCache":
                cache.answers(self.call.home).evict(
                    self.api.id, str(given[0]), str(given[1]), dict(given[2]) if given[2:] else {}
                )
            self.extensions.append([name, given])

    def selection(self, info: Any) -> dict[str, Any]:
        names = list(dict.fromkeys(selection.names(info.field_nodes, info.fragments)))
        sets = [node.selection_set for node in info.field_nodes if node.selection_set is not None]
        return {"selectionSetList": names, "selectionSetGraphQL": print_ast(sets[0]) if sets else ""}

    # What graphql-core asks -------------------------------------------------------------------------

    def resolve(self, source: Any, info: Any, /, **arguments: Any) -> Any:
        kind, name = info.parent_type.name, info.field_name
        if not self.admission.allows(kind, name):
            raise Unauthorized(name, kind)
        resolver = self.resolvers.get(f"{self.api.id}/{kind}/{name}")
        if kind == getattr(self.schema.executable.mutation_type, "name", None):
            self.mutated.append((info.path.key, name))
        if resolver is None:
            value = source.get(name) if isinstance(source, dict) else None
            return self._taken(info.return_type, value)
        self.invocations += 1
        if 0 < self.api.settings.get("resolverCountLimit", 0) < self.invocations:
            raise Failure("Resolver invocation limit reached.", "ResolverExecutionLimitReached")
        field = Field(kind, name, info.path.as_list(), arguments, source, info)
        return self._resolved(resolver, field, info.return_type)

    async def _resolved(self, resolver: Resolver, field: Field, kind: Any) -> Any:
        kept = self._cached_as(resolver, field)
        if (
            kept is not None
            and (answer := cache.answers(self.call.home).get(kept[0], self.call.now())) is not None
        ):
            return self._taken(kind, orjson.loads(answer))
        try:
            value = await resolved(self, resolver, field)
        except Failure:
            raise
        except Exception as error:
            # What we do not do, and what we did wrong, is no part of an answer.
            self.stopped_by = error
            raise
        if kept is not None:
            cache.answers(self.call.home).put(kept[0], self.call.now() + kept[1], orjson.dumps(value))
        return self._taken(kind, value)

    def _cached_as(self, resolver: Resolver, field: Field) -> tuple[tuple[str, str, str, bytes], int] | None:
        """Under which key an answer is kept and for how many seconds; None for one that is not."""
        if self.cache is None or field.type in self.uncached:
            return None
        said = resolver.caching
        if self.cache.behavior == cache.PER_RESOLVER and said is None:
            return None
        keys = cache.WHOLE if self.cache.behavior == cache.FULL else said.get("cachingKeys") or ()
        context = {"arguments": field.arguments, "source": field.source, "identity": self.caller.identity}
        values = {key: cache.value_at(key, context) for key in keys}
        ttl_s = said["ttl"] if said is not None else self.cache.ttl_s
        return (self.api.id, field.type, field.name, cache.spelled(values)), ttl_s

    def _taken(self, kind: Any, value: Any) -> Any:
        """A data source's value for a field of this kind, as graphql-java would take it."""
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if value is None:
            return None
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                raise Mismatch("type mismatch error, expected type LIST")
            if is_leaf_type(get_named_type(kind)):
                return [self._taken(kind.of_type, each) for each in value]
            return value
        if is_enum_type(kind):
            if value not in kind.values:
                raise GraphQLError(f"Invalid input for Enum '{kind.name}'. No value found for name '{value}'")
            return value
        if is_leaf_type(kind):
            return scalar.coerced(kind.name, value)
        if not isinstance(value, dict):
            raise Mismatch("type mismatch error, expected type OBJECT")
        return value

    async def run(self, document: DocumentNode, operation: str | None) -> dict[str, Any]:
        """The response: ``data`` and, if there are any, ``errors``."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                result = execute(
                    self.schema.executable,
                    document,
                    variable_values=self.variables,
                    operation_name=operation,
                    field_resolver=self.resolve,
                )
                if asyncio.iscoroutine(result) or isinstance(result, asyncio.Future):
                    result = await result
        except TimeoutError:
            error = {
                "path": None,
                "errorType": "ExecutionTimeout",
                "locations": None,
                "message": "Execution timed out.",
            }
            return {"data": None, "errors": [error]}
        if self.stopped_by is not None:
            raise self.stopped_by
        errors = [*self.errors, *(told(self.schema, document, error) for error in result.errors or ())]
        return {"data": result.data, **({"errors": errors} if errors else {})}


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """The operation that is meant; None if that is not to be told."""
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name:
        return next((node for node in found if node.name and node.name.value == name), None)
    return found[0] if len(found) == 1 else None
