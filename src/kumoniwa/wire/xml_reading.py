"""Values from XML: the bodies of the REST-XML protocol.

A shape becomes one closure that looks at what was sent, not at what could have been.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from kumoniwa.wire import scalars
from kumoniwa.wire.xml import MalformedXML, flat_name

if TYPE_CHECKING:
    from kumoniwa.aws.models import Member, Shape

BYTES_MAX = 16 << 20


class _Tree(ElementTree.TreeBuilder):
    """A tree builder that refuses document types, and with them every entity of the sender's own."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise MalformedXML


def parsed(body: bytes) -> ElementTree.Element:
    if len(body) > BYTES_MAX:
        raise MalformedXML
    parser = ElementTree.XMLParser(target=_Tree())
    try:
        parser.feed(body)
        return parser.close()
    except (ElementTree.ParseError, ValueError, LookupError):
        raise MalformedXML from None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


class Readers:
    """Compiles shapes to readers of elements; one instance per operation."""

    def __init__(self) -> None:
        self.made: dict[int, Callable[[ElementTree.Element], Any]] = {}

    def element(self, member: Member) -> Callable[[ElementTree.Element], Any]:
        kind = member.shape.type
        if kind == "structure":
            return self.structure(member.shape)
        if kind == "list":
            item = self.element(member.shape.element)
            return lambda element: [item(child) for child in element]
        if kind == "map":
            return self._map(member)
        if kind == "string":
            return lambda element: element.text or ""
        read = scalars.reader(member)
        return lambda element: read((element.text or "").strip())

    def structure(self, shape: Shape) -> Callable[[ElementTree.Element], dict]:
        found = self.made.get(id(shape))
        if found is not None:
            return found
        self.made[id(shape)] = lambda element: self.made[id(shape)](element)
        places: dict[str, tuple] = {}
        attributes: dict[str, tuple] = {}
        for each in shape.members.values():
            if each.is_xml_attribute:
                attributes[each.wire_name.rpartition(":")[2]] = (each.name, scalars.reader(each))
            elif each.location is None:
                places |= self._places(each)

        def read(element: ElementTree.Element) -> dict:
            params: dict[str, Any] = {}
            for child in element:
                place = places.get(_local(child.tag))
                if place is not None:
                    name, value_of, gather = place
                    if gather is None:
                        params[name] = value_of(child)
                    else:
                        gather(params, name, value_of(child))
            for attribute, text in element.attrib.items() if attributes else ():
                place = attributes.get(_local(attribute))
                if place is not None:
                    params[place[0]] = place[1](text)
            return params

        self.made[id(shape)] = read
        return read

    def _places(self, member: Member) -> dict[str, tuple]:
        """Under which element names a member is sent, how one is read, and how several are gathered."""
        shape = member.shape
        if member.is_flattened and shape.type == "list":
            place = (member.name, self.element(shape.element), _append)
            return {flat_name(member): place, member.wire_name: place}
        if member.is_flattened and shape.type == "map":
            return {member.wire_name: (member.name, self._entry(shape), _put)}
        return {member.wire_name: (member.name, self.element(member), None)}

    def _entry(self, shape: Shape) -> Callable[[ElementTree.Element], tuple]:
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"
        key, value = self.element(shape.key), self.element(shape.value)

        def read(element: ElementTree.Element) -> tuple:
            children = {_local(child.tag): child for child in element}
            if key_name not in children or value_name not in children:
                raise MalformedXML
            return key(children[key_name]), value(children[value_name])

        return read

    def _map(self, member: Member) -> Callable[[ElementTree.Element], dict]:
        entry = self._entry(member.shape)
        return lambda element: dict(entry(child) for child in element)


def _append(params: dict, name: str, item: Any) -> None:
    params.setdefault(name, []).append(item)


def _put(params: dict, name: str, item: tuple) -> None:
    params.setdefault(name, {})[item[0]] = item[1]
