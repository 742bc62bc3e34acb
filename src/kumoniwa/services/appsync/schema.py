"""Schemas: read from the customer's SDL, with AppSync's scalars and directives in them, ready to be executed.

To read one takes longer than a region's loop may be held, so it is done in a thread and kept.
https://docs.aws.amazon.com/appsync/latest/devguide/designing-a-graphql-api.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from graphql import (
    DocumentNode,
    FieldDefinitionNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    ListValueNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    build_ast_schema,
    introspection_from_schema,
    parse,
    print_ast,
    validate_schema,
    visit,
)
from graphql.language import Node, Visitor
from graphql.language.visitor import REMOVE

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.appsync import scalar
from kumoniwa.services.appsync.errors import BadRequestException, GraphQLSchemaException, NotFoundException
from kumoniwa.services.appsync.graphqlapi import existing

SCHEMA_BYTES_MAX = 1 << 20
"""https://docs.aws.amazon.com/general/latest/gr/appsync.html"""
PROVIDED = parse(
    "".join(f"scalar {name}\n" for name in scalar.CHECKS)
    + """
    directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
    directive @aws_auth(cognito_groups: [String!]!) on FIELD_DEFINITION
    directive @aws_api_key on FIELD_DEFINITION | OBJECT
    directive @aws_iam on FIELD_DEFINITION | OBJECT
    directive @aws_oidc on FIELD_DEFINITION | OBJECT
    directive @aws_lambda on FIELD_DEFINITION | OBJECT
    directive @aws_cognito_user_pools(cognito_groups: [String!]) on FIELD_DEFINITION | OBJECT
    directive @aws_publish(subscriptions: [String!]) on FIELD_DEFINITION
    """,
    no_location=True,
)
MODES = {
    "aws_api_key": "API_KEY",
    "aws_iam": "AWS_IAM",
    "aws_oidc": "OPENID_CONNECT",
    "aws_lambda": "AWS_LAMBDA",
    "aws_cognito_user_pools": "AMAZON_COGNITO_USER_POOLS",
    "aws_auth": "AMAZON_COGNITO_USER_POOLS",
}
"""What a directive opens a field to."""


class Schema(Record):
    """An API's schema, shelved by its API's id. One that could not be read leaves the last that could in force."""

    definition: str = ""
    status: str = "NOT_APPLICABLE"
    details: str = ""


class Compiled(NamedTuple):
    """A schema ready to be executed."""

    executable: GraphQLSchema
    opened: dict[tuple[str, str], dict[str, tuple[str, ...]]]
    """By type and field: the ways of authentication that its directives name, each with the groups it must be of."""
    heard: dict[str, tuple[str, ...]]
    """By mutation: the subscriptions that hear of it."""


def _texts(node: Any, name: str) -> tuple[str, ...]:
    """The texts of a directive's argument."""
    for argument in node.arguments or ():
        if argument.name.value == name:
            held = argument.value.values if isinstance(argument.value, ListValueNode) else [argument.value]
            return tuple(str(getattr(each, "value", "")) for each in held)
    return ()


def _opened(node: Any) -> dict[str, tuple[str, ...]]:
    found = {}
    for directive in node.directives or ():
        mode = MODES.get(directive.name.value)
        if mode is not None:
            found[mode] = _texts(directive, "cognito_groups")
    return found


def _fields(document: DocumentNode) -> Iterator[tuple[Any, FieldDefinitionNode]]:
    for node in document.definitions:
        if isinstance(node, (ObjectTypeDefinitionNode, ObjectTypeExtensionNode)):
            for field in node.fields or ():
                yield node, field


def _whole(document: DocumentNode) -> DocumentNode:
    """The customer's definitions and those of AppSync's that the customer does not repeat."""
    own = {(node.kind, node.name.value) for node in document.definitions if getattr(node, "name", None)}
    provided = [node for node in PROVIDED.definitions if (node.kind, node.name.value) not in own]
    return DocumentNode(definitions=(*provided, *document.definitions))


def compiled_from(definition: str) -> Compiled:
    """Raises GraphQLError, which says what is wrong."""
    try:
        document = parse(definition)
        executable = build_ast_schema(_whole(document))
    except TypeError as error:
        # How the library says that a definition contradicts itself: one flaw in a paragraph.
        raise GraphQLError(str(error).partition("\n")[0]) from None
    except RecursionError:
        raise GraphQLError("The schema is too deeply nested.") from None
    problems = validate_schema(executable)
    if problems:
        raise problems[0]
    for kind in executable.type_map.values():
        if isinstance(kind, GraphQLScalarType) and kind.name in scalar.CHECKS:
            scalar.furnish(kind)
    mutation, subscription = (
        kind.name if kind is not None else None
        for kind in (executable.mutation_type, executable.subscription_type)
    )
    opened, heard = {}, {}
    for node, field in _fields(document):
        said = _opened(field) or _opened(node)
        if said:
            opened[node.name.value, field.name.value] = said
        if node.name.value == subscription:
            for directive in field.directives or ():
                if directive.name.value == "aws_subscribe":
                    for name in _texts(directive, "mutations"):
                        heard[name] = (*heard.get(name, ()), field.name.value)
    for name in heard:
        if mutation is None or name not in executable.mutation_type.fields:
            raise GraphQLError(f"There is no mutation {name} for a subscription to hear of.")
    return Compiled(executable, opened, heard)


class Schemas:
    """The schemas this region has compiled, by API, with the record each was made from."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, Compiled]] = {}


def _held(home: Any) -> dict[str, tuple[str, Compiled]]:
    found = home.memory.get(("appsync", Schemas))
    if found is None:
        found = home.memory["appsync", Schemas] = Schemas()
    return found.held


async def compiled(call: Call, api_id: str) -> Compiled:
    """The schema in force. Raises NotFoundException if there is none."""
    schema = call.shelf(Schema).get(api_id)
    if schema is None or not schema.definition:
        raise NotFoundException(f"No schema found for GraphQL API {api_id}.")
    held = _held(call.home)
    known = held.get(api_id)
    if known is None or known[0] is not schema.definition:
        known = held[api_id] = (schema.definition, await asyncio.to_thread(compiled_from, schema.definition))
    return known[1]


def put(call: Call, api_id: str, definition: str, found: Compiled) -> None:
    details = f"Successfully created schema with {_count(found)} types."
    call.shelf(Schema)[api_id] = Schema(definition=definition, status="SUCCESS", details=details)
    _held(call.home)[api_id] = (definition, found)


def _count(found: Compiled) -> int:
    own = found.executable.type_map
    return sum(
        1
        for name in own
        if not name.startswith("__") and name not in scalar.CHECKS and name not in scalar.BUILT_IN
    )


async def StartSchemaCreation(call: Call, *, apiId: str, definition: bytes) -> dict:
    """What was wrong with a schema is told by GetSchemaCreationStatus."""
    existing(call, apiId)
    if len(definition) > SCHEMA_BYTES_MAX:
        raise BadRequestException("Schema document size exceeds the limit of 1 MB.")
    text = bytes(definition).decode("utf-8", "replace")
    try:
        found = await asyncio.to_thread(compiled_from, text)
    except GraphQLError as error:
        details = _told(error)
        call.atomically(lambda: _fail(call, apiId, details))
    else:
        call.atomically(lambda: put(call, apiId, text, found))
    return {"status": "PROCESSING"}


def _told(error: GraphQLError) -> str:
    if error.message == "Query root type must be provided.":
        return "There is no top level schema object defined."
    place = (
        f" (line {error.locations[0].line}, column {error.locations[0].column})" if error.locations else ""
    )
    return f"{error.message}{place}"


def _fail(call: Call, api_id: str, details: str) -> None:
    existing(call, api_id)
    schema = call.shelf(Schema).get(api_id) or Schema()
    call.shelf(Schema)[api_id] = changed(schema, status="FAILED", details=details)


def GetSchemaCreationStatus(call: Call, *, apiId: str) -> dict:
    existing(call, apiId)
    schema = call.shelf(Schema).get(apiId) or Schema()
    return {"status": schema.status, **({"details": schema.details} if schema.details else {})}


class _Undirected(Visitor):
    """Leaves out what directives say."""

    def enter_directive(self, node: Node, *_: Any) -> Any:
        return REMOVE


async def GetIntrospectionSchema(
    call: Call, *, apiId: str, format: str, includeDirectives: bool | None = None
) -> dict:
    existing(call, apiId)
    schema = call.shelf(Schema).get(apiId)
    if schema is None or not schema.definition:
        raise GraphQLSchemaException("InvalidSyntaxError")
    if format == "JSON":
        executable = (await compiled(call, apiId)).executable
        found = await asyncio.to_thread(introspection_from_schema, executable, descriptions=True)
        if includeDirectives is False:
            found["__schema"]["directives"] = []
        return {"schema": orjson.dumps({"data": found})}
    if format != "SDL":
        raise BadRequestException(f"Invalid format {format} given")
    return {
        "schema": (
            await asyncio.to_thread(_printed, schema.definition, includeDirectives is not False)
        ).encode()
    }


def _printed(definition: str, has_directives: bool) -> str:
    document = parse(definition)
    return print_ast(document if has_directives else visit(document, _Undirected()))
