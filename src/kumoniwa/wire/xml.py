"""Values as XML: what the query, EC2 and REST-XML protocols share.

A shape becomes one closure that answers text with the element's tags around it, so that a structure is one join over
what the reply holds. How XML is read is ``xml_reading``'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import scalars

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Shape

_UNSAFE = re.compile('[&<>"\x00-\x08\x0b-\x1f\x7f\x85\u2028\ufffe\uffff]').search


class MalformedXML(AwsError):
    """The body is no XML, or not of the shape it should have."""

    status = 400
    message = "The XML you provided was not well-formed or did not validate against our published schema"


# Writing -------------------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """Text safe between tags. Control characters become references, as S3 writes them in object keys."""
    if _UNSAFE(text) is None:
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return re.sub("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\ufffe\uffff]", lambda at: f"&#x{ord(at[0]):x};", text)


_UNSAYABLE = re.compile("&#x(?:[0-8bcef]|1[0-9a-f]|fff[ef]);")


def readable(document: str) -> bytes:
    """A refusal that quotes a client's words, without those characters that no XML parser reads back."""
    return (_UNSAYABLE.sub("?", document) if "&#x" in document else document).encode("utf-8", "replace")


def opening(name: str, namespace: dict | str | None) -> str:
    if not namespace:
        return name
    if isinstance(namespace, str):
        return f'{name} xmlns="{escaped(namespace)}"'
    prefix = namespace.get("prefix")
    return f'{name} xmlns{":" + prefix if prefix else ""}="{escaped(namespace["uri"])}"'


def flat_name(member: Member) -> str:
    """The element name of a flattened list's items: the member's, else its element's (where older models put it)."""
    element = member.shape.element
    return member.location_name or (element.location_name if element is not None else None) or member.name


class Writers:
    """Compiles shapes to writers; one instance per operation, so that shapes met twice are compiled once."""

    def __init__(
        self, timestamp_format: str = "iso8601", name_of: Callable[[Member], str] | None = None
    ) -> None:
        self.timestamp_format = timestamp_format
        self.name_of = name_of or (lambda member: member.wire_name)
        self.contents: dict[int, Callable[[dict], str]] = {}

    def element(self, member: Member, name: str | None = None, namespace: Any = None) -> Callable[[Any], str]:
        """A writer of the member's value within its tags (for flattened lists and maps: of all its elements)."""
        shape, name = member.shape, name or self.name_of(member)
        kind = shape.type
        if kind == "list":
            return self._list(member, name)
        if kind == "map":
            return self._map(member, name)
        start = opening(name, namespace or member.xml_namespace or shape.xml_namespace)
        open_tag, empty, close_tag = f"<{start}>", f"<{start}/>", f"</{name}>"
        if kind == "structure":
            content, attributes = self.content(shape), self.attributes(shape)
            if attributes is not None:
                return lambda value: f"<{start}{attributes(value)}>{content(value)}{close_tag}"
            return lambda value: f"{open_tag}{text}{close_tag}" if (text := content(value)) else empty
        if kind == "string":
            return lambda value: f"{open_tag}{escaped(value)}{close_tag}"
        write = scalars.writer(member, self.timestamp_format)
        return lambda value: f"{open_tag}{write(value)}{close_tag}"

    def attributes(self, shape: Shape) -> Callable[[dict], str] | None:
        names = [(each.name, each.wire_name) for each in shape.members.values() if each.is_xml_attribute]
        if not names:
            return None
        return lambda value: "".join(
            f' {wire}="{escaped(value[name])}"' for name, wire in names if value.get(name)
        )

    def content(self, shape: Shape) -> Callable[[dict], str]:
        """A writer of what stands between a structure's tags."""
        found = self.contents.get(id(shape))
        if found is not None:
            return found
        # A shape that reaches itself calls through the table until its own writer is made.
        self.contents[id(shape)] = lambda value: self.contents[id(shape)](value)
        writers = {
            each.name: self.element(each)
            for each in shape.members.values()
            if not each.is_xml_attribute and each.location is None
        }

        def write(value: dict) -> str:
            return "".join(
                [writers[name](item) for name, item in value.items() if item is not None and name in writers]
            )

        self.contents[id(shape)] = write
        return write

    def _list(self, member: Member, name: str) -> Callable[[Any], str]:
        element = member.shape.element
        if member.is_flattened:
            item = self.element(element, flat_name(member), member.xml_namespace)
            return lambda value: "".join([item(each) for each in value if each is not None])
        item = self.element(element, element.location_name or "member")
        start = opening(name, member.xml_namespace)
        return lambda value: (
            f"<{start}>{''.join([item(each) for each in value if each is not None])}</{name}>"
            if value
            else f"<{start}/>"
        )

    def _map(self, member: Member, name: str) -> Callable[[Any], str]:
        shape = member.shape
        key = self.element(shape.key, shape.key.location_name or "key")
        value_of = self.element(shape.value, shape.value.location_name or "value")
        tag = name if member.is_flattened else "entry"
        start = opening(tag, member.xml_namespace) if member.is_flattened else tag

        def entries(value: dict) -> str:
            return "".join(
                [f"<{start}>{key(k)}{value_of(v)}</{tag}>" for k, v in value.items() if v is not None]
            )

        if member.is_flattened:
            return entries
        outer = opening(name, member.xml_namespace)
        return lambda value: f"<{outer}>{entries(value)}</{name}>" if value else f"<{outer}/>"
