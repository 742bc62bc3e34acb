"""The query protocol: parameters as a form, answers as XML.

The form is first folded into a tree by the dots of its names; a closure per shape then walks what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import refusals, scalars
from kumoniwa.wire.message import Request, Response
from kumoniwa.wire.xml import Writers, escaped, readable

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Operation, Shape

PARTS_MAX, FIELDS_MAX = 32, 100_000
REMEMBERED_CHARACTERS_MAX = 256


class MalformedInput(AwsError):
    """The form cannot be what the operation takes."""

    status = 400


def fields(form: str) -> Iterator[tuple[str, str]]:
    """Names and values of a form or query string, decoded."""
    for field in form.split("&"):
        if not field:
            continue
        name, _, value = field.partition("=")
        if "+" in field:
            name, value = name.replace("+", " "), value.replace("+", " ")
        if "%" in field:
            name, value = _unquoted(name), _unquoted(value)
        yield name, value


_ACTION, _VERSION = (re.compile(rf"(?:^|&){name}=([^&]*)") for name in ("Action", "Version"))


def action_of(form: str) -> str | None:
    """What a form asks for, without the work of reading all of it; None if it does not say."""
    return _first(_ACTION, form)


def version_of(form: str) -> str | None:
    """The version of the API that it means."""
    return _first(_VERSION, form)


def _first(pattern: re.Pattern[str], form: str) -> str | None:
    found = pattern.search(form)
    return None if found is None else _unquoted(found[1].replace("+", " "))


def _unquoted(text: str) -> str:
    """A client's ARNs and URLs come again and again."""
    return text if "%" not in text else _unquoted_once(text) if len(text) <= REMEMBERED_CHARACTERS_MAX else unquote(text)


_unquoted_once = lru_cache(1_024)(unquote)


def folded(form: str) -> dict[str, Any]:
    """The form as a tree: ``Tags.member.1.Key=x`` becomes ``{"Tags": {"member": {"1": {"Key": "x"}}}}``."""
    tree: dict[str, Any] = {}
    for count, (name, value) in enumerate(fields(form)):
        if count > FIELDS_MAX:
            raise MalformedInput("Too many parameters")
        if "." not in name:
            # An empty list is sent as its bare name; it must not hide the items that may follow it.
            if not isinstance(tree.get(name), dict):
                tree[name] = value
            continue
        *path, last = name.split(".")
        if len(path) > PARTS_MAX:
            raise MalformedInput("Unexpected complex element termination")
        at = tree
        for part in path:
            below = at.get(part)
            if not isinstance(below, dict):
                below = at[part] = {}
            at = below
        at[last] = value
    return tree


def _numbered(node: dict) -> list:
    """Items in the order of their numbers. AWS does not mind holes."""
    try:
        return [node[number] for number in sorted(node, key=int)]
    except ValueError:
        raise MalformedInput("Key is not a number") from None


class Readers:
    """Compiles shapes to readers of a folded form. EC2's dialect overrides names and lists."""

    def __init__(self) -> None:
        self.made: dict[int, Callable[[Any], Any]] = {}

    def name_of(self, member: Member) -> str:
        return member.wire_name

    def is_flat(self, member: Member) -> bool:
        return member.is_flattened

    def value(self, member: Member) -> Callable[[Any], Any]:
        kind = member.shape.type
        if kind == "structure":
            return self.structure(member.shape)
        if kind == "list":
            return self._list(member)
        if kind == "map":
            return self._map(member)
        read = scalars.reader(member)

        def scalar(node: Any) -> Any:
            if isinstance(node, dict):
                raise MalformedInput("Start of structure or map found where not expected.")
            try:
                return read(node)
            except ValueError:
                raise MalformedInput(
                    f"{node} is not a valid value for {member.shape.type} {member.name}"
                ) from None

        return scalar

    def structure(self, shape: Shape) -> Callable[[Any], dict]:
        found = self.made.get(id(shape))
        if found is not None:
            return found
        self.made[id(shape)] = lambda node: self.made[id(shape)](node)
        places = {}
        for each in shape.members.values():
            # Models of flattened lists put the name on the element; Smithy's clients send the member's.
            place = (each.name, self.value(each))
            if self.is_flat(each):
                places.setdefault(each.name, place)
                if each.shape.type == "list" and each.shape.element.location_name:
                    places.setdefault(each.shape.element.location_name, place)
            places[self.name_of(each)] = place

        def read(node: Any) -> dict:
            if not isinstance(node, dict):
                if node:
                    raise MalformedInput("Unexpected value where a structure was expected")
                return {}
            return {
                place[0]: place[1](below)
                for name, below in node.items()
                if (place := places.get(name)) is not None
            }

        self.made[id(shape)] = read
        return read

    def _list(self, member: Member) -> Callable[[Any], list]:
        item = self.value(member.shape.element)
        inner = None if self.is_flat(member) else member.shape.element.location_name or "member"

        def read(node: Any) -> list:
            if isinstance(node, dict) and inner is not None:
                # Some clients send a list the model does not call flattened as Name.1.
                node = node.get(inner, node.get("member", node))
            if not isinstance(node, dict):
                if node:
                    raise MalformedInput("Unexpected list element termination")
                return []
            return [item(each) for each in _numbered(node)]

        return read

    def _map(self, member: Member) -> Callable[[Any], dict]:
        shape = member.shape
        key, value = self.value(shape.key), self.value(shape.value)
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"
        inner = None if self.is_flat(member) else "entry"

        def read(node: Any) -> dict:
            if isinstance(node, dict) and inner is not None:
                node = node.get(inner, node)
            if not isinstance(node, dict):
                return {}
            entries = {}
            for each in _numbered(node):
                if not isinstance(each, dict) or key_name not in each:
                    raise MalformedInput("Unexpected map entry")
                entries[key(each[key_name])] = value(each.get(value_name, ""))
            return entries

        return read


def form_of(request: Request) -> str:
    """The parameters of a POST's body, or of a GET's query string."""
    body = request.body.decode("utf-8", "replace")
    return f"{request.query}&{body}" if request.query else body


def reader(operation: Operation, readers: type[Readers] = Readers) -> Callable[[Request, dict | None], dict]:
    if operation.input is None:
        return lambda request, labels=None: {}
    read = readers().structure(operation.input)
    return lambda request, labels=None: read(folded(form_of(request)))


def writer(operation: Operation) -> Callable[[dict | None, str], Response]:
    name, space = operation.name, operation.service.xml_namespace
    head = f'<{name}Response xmlns="{space}">' if space else f"<{name}Response>"
    content = Writers().content(operation.output) if operation.output is not None else None
    wrapper = operation.result_wrapper or (f"{name}Result" if operation.output is not None else None)
    headers = {"Content-Type": "text/xml"}

    def write(reply: dict | None, request_id: str) -> Response:
        result = ""
        if wrapper is not None:
            inside = content(reply) if reply and content is not None else ""
            result = f"<{wrapper}>{inside}</{wrapper}>" if inside else f"<{wrapper}/>"
        tail = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        return Response(200, f"{head}{result}{tail}".encode(), dict(headers))

    return write


def code_and_message(said: refusals.Refusal) -> str:
    message = f"<Message>{escaped(said.query_text)}</Message>" if said.query_text else ""
    return f"<Code>{escaped(said.code)}</Code>{message}"


def error_members(said: refusals.Refusal, error: AwsError) -> str:
    """The members of the error's shape beyond its message, as XML beside it."""
    if said.shape is None or not error.members:
        return ""
    known = {
        name: item for name, item in error.members.items() if name.lower() not in ("message", "code", "type")
    }
    return Writers().content(said.shape)(known)


def refuser(operation: Operation) -> Callable[[AwsError, str], Response]:
    service = operation.service
    head = f'<ErrorResponse xmlns="{service.xml_namespace}">' if service.xml_namespace else "<ErrorResponse>"

    def refuse(error: AwsError, request_id: str) -> Response:
        said = refusals.refusal(service, error)
        body = (
            f"{head}<Error><Type>{'Sender' if said.is_sender_fault else 'Receiver'}</Type>"
            f"{code_and_message(said)}{error_members(said, error)}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Response(said.status, readable(body), {"Content-Type": "text/xml"})

    return refuse
