"""Closures that change a value at a few places of its shape and leave the rest alone.

Most of a reply needs no work at all. Compiling the walk once means that only the members that do need it (a renamed
member, a timestamp written as text) are ever visited; a shape without such places costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kumoniwa.aws.models import Member, Shape

Change = Callable[[Any], Any]
Leaf = Callable[[Member], Change | None]
Names = Callable[[Member], tuple[str, str]]


def parts(shape: Shape) -> Iterator[Member]:
    """The members of a structure, the element of a list, the key and value of a map."""
    yield from shape.members.values()
    if shape.element is not None:
        yield shape.element
    if shape.value is not None:
        yield shape.key
        yield shape.value


def reachable(shape: Shape) -> dict[int, Shape]:
    found: dict[int, Shape] = {}
    waiting = [shape]
    while waiting:
        at = waiting.pop()
        if id(at) not in found:
            found[id(at)] = at
            waiting += [part.shape for part in parts(at)]
    return found


def touched(root: Shape, is_place: Callable[[Shape], bool]) -> set[int]:
    """The ids of the shapes in which, or somewhere below which, there is work to do."""
    shapes = reachable(root)
    found = {at for at, shape in shapes.items() if is_place(shape)}
    grew = True
    while grew:
        more = {
            at
            for at, shape in shapes.items()
            if at not in found and any(id(p.shape) in found for p in parts(shape))
        }
        found |= more
        grew = bool(more)
    return found


def walker(root: Shape, leaf: Leaf, names: Names) -> Change | None:
    """A function that changes a value of the shape ``root``, or None if there is never anything to change.

    ``leaf(member)`` answers how a value in that place is changed as a whole, or None to look inside it.
    ``names(member)`` answers the structure's key as it is found and as it shall be.
    """

    def is_place(shape: Shape) -> bool:
        renamed = any(found != wanted for found, wanted in map(names, shape.members.values()))
        return renamed or any(leaf(part) is not None for part in parts(shape))

    places = touched(root, is_place)
    made: dict[int, Change] = {}

    def change_of(member: Member) -> Change | None:
        whole = leaf(member)
        return whole if whole is not None else walk_of(member.shape)

    def walk_of(shape: Shape) -> Change | None:
        if id(shape) not in places:
            return None
        if id(shape) not in made:
            # The shape may reach itself: until its walk is made, whoever needs it calls through the table.
            made[id(shape)] = lambda value, at=id(shape): made[at](value)
            made[id(shape)] = {"structure": structure, "list": sequence, "map": mapping}[shape.type](shape)
        return made[id(shape)]

    def structure(shape: Shape) -> Change:
        steps = []
        for member in shape.members.values():
            found, wanted = names(member)
            change = change_of(member)
            if change is not None or found != wanted:
                steps.append((found, wanted, change))
        steps = tuple(steps)

        def changed(value: dict) -> dict:
            kept = dict(value)
            for found, wanted, change in steps:
                at = kept.pop(found, None) if found != wanted else kept.get(found)
                if at is not None:
                    kept[wanted] = at if change is None else change(at)
            return kept

        return changed

    def sequence(shape: Shape) -> Change:
        change = change_of(shape.element)
        return lambda value: [None if item is None else change(item) for item in value]

    def mapping(shape: Shape) -> Change:
        change = change_of(shape.value) or (lambda item: item)
        return lambda value: {name: None if item is None else change(item) for name, item in value.items()}

    return walk_of(root)
