"""A drill file as a page one can point at: its values, the line of each, and everything that is wrong with it.

Complaints are collected, so that one reading tells all of them. ``Section`` is a mapping being read: each field is taken
once by name, and what nobody took is a field nobody knows.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

REQUIRED = object()


class Refused(Exception):
    """A file that is not a drill: one plain sentence per complaint, each with file, line and field."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


class Page:
    """A parsed file. ``lines`` holds the line of every value by its path."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines: dict[tuple, int] = {}
        self.complaints: list[tuple[int, str]] = []
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            raise Refused([f"{name}:{line}: this is neither YAML nor JSON: {getattr(error, 'problem', error)}"])
        self.value = self._plain(node, ()) if node is not None else None
        if not isinstance(self.value, dict):
            self.complain((), "a drill is a mapping of fields", "start with `drill: NAME` or with a Chaos Toolkit experiment")
        self.settle()

    @classmethod
    def read(cls, path: Path) -> Page:
        try:
            return cls(str(path), path.read_text())
        except OSError as error:
            raise Refused([f"{path}: cannot be read: {error.strerror}"])

    def _plain(self, node: yaml.Node, path: tuple) -> Any:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(child, (*path, n)) for n, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key_node, child in node.value:
                key = str(key_node.value)
                if key in found:
                    self.lines[(*path, key)] = key_node.start_mark.line + 1
                    self.complain((*path, key), "is written twice", "keep one of them")
                found[key] = self._plain(child, (*path, key))
                self.lines[(*path, key)] = key_node.start_mark.line + 1
            return found
        return yaml.SafeLoader("").construct_object(node)

    def complain(self, path: tuple, what: str, fix: str = "") -> None:
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 1)
        said = f"{self.name}:{line}: {spelled(path)}{what}".replace(" : ", ": ")
        complaint = (line, f"{said}; {fix}" if fix else said)
        if complaint not in self.complaints:
            self.complaints.append(complaint)

    def settle(self) -> None:
        """Raise what was found so far."""
        if self.complaints:
            raise Refused([text for _, text in sorted(self.complaints)])

    def section(self, *path: Any) -> Section:
        value: Any = self.value
        for step in path:
            value = value[step]
        return Section(self, tuple(path), value)


def spelled(path: tuple) -> str:
    """``steps[0].target`` and a blank, as a person would name the place."""
    said = ""
    for step in path:
        said += f"[{step}]" if isinstance(step, int) else f".{step}" if said else str(step)
    return f"{said} " if said else ""


class Section:
    """One mapping of a page while it is read."""

    def __init__(self, page: Page, path: tuple, value: Any) -> None:
        self.page, self.path = page, path
        self.value = value if isinstance(value, dict) else {}
        self.taken: set[str] = set()
        if not isinstance(value, dict):
            page.complain(path, f"must be a mapping, not {value!r}")

    def __contains__(self, name: str) -> bool:
        return name in self.value

    def take(self, name: str, read: Callable[[Any], Any] | None = None, default: Any = REQUIRED) -> Any:
        """The field, read; its default if it is absent. A value that cannot be read is a complaint and the default."""
        self.taken.add(name)
        if name not in self.value:
            if default is REQUIRED:
                self.page.complain(self.path, f"has no {name!r}", f"add `{name}: …`")
                return None
            return default
        value = self.value[name]
        if read is None:
            return value
        try:
            return read(value)
        except ValueError as error:
            self.page.complain((*self.path, name), f": {error}")
            return None if default is REQUIRED else default

    def section(self, name: str) -> Section:
        self.taken.add(name)
        return Section(self.page, (*self.path, name), self.value.get(name, {}))

    def sections(self, name: str) -> list[Section]:
        """A list of mappings; absent is empty."""
        self.taken.add(name)
        held = self.value.get(name, [])
        if not isinstance(held, list):
            self.page.complain((*self.path, name), "must be a list")
            return []
        return [Section(self.page, (*self.path, name, n), one) for n, one in enumerate(held)]

    def complain(self, name: str | None, what: str, fix: str = "") -> None:
        self.page.complain(self.path if name is None else (*self.path, name), what, fix)

    def end(self, *known: str) -> None:
        """Refuse what nobody took; ``known`` names further fields that are allowed here, for the hint."""
        for name in self.value:
            if name not in self.taken:
                near = difflib.get_close_matches(name, [*self.taken, *known], 1)
                fix = f"did you mean {near[0]!r}?" if near else f"the fields here are {', '.join(sorted({*self.taken, *known}))}"
                self.page.complain((*self.path, name), "is not a field of a drill", fix)
