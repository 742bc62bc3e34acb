"""What a resource type is: a few lines of data over operations that exist.

The language has five nouns. `p.QueueName` is a property, `made.QueueUrl` a member of the creating call's reply,
`seen.Table.TableArn` a member of the reading call's reply, `ID` the physical id, `Call("sqs:CreateQueue", "QueueName", …)`
one operation with what it carries: the properties that go under their own names, then the parameters that need a word.

The one idea: *a call is sent when a property that it carries has changed*, and in a creation everything given has changed.
So what a type knows is what its calls mention, and what no update mentions can only be changed by replacement. Nobody
writes lists of supported or create-only properties; the tests compare what follows with AWS's own schemas.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import unquote

from kumoniwa.kernel.errors import NotImplementedHere

OMIT = object()
"""What a value reads when there is nothing to send: the parameter is left out."""


class Work(Protocol):
    """One resource being made, changed or deleted: what values read and what escape hatches use."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    old: dict[str, Any]
    changed: frozenset[str]
    id: str
    made: dict[str, Any]
    seen: dict[str, Any]
    pseudo: Mapping[str, Any]

    async def ask(self, operation: str, /, to_region: str | None = None, **params: Any) -> dict[str, Any]:
        """A call that changes something, here or in another region: asked again after a crash, it is answered and not done again."""
        ...

    async def look(self, operation: str, /, to_region: str | None = None, **params: Any) -> dict[str, Any]:
        """A call that only reads."""
        ...

    def fresh_name(self, longest: int, *, lower: bool = False, plain: bool = False) -> str: ...

    async def pause(self, seconds: float) -> None: ...

    def answer_url(self, place: str) -> str:
        """Where somebody outside may PUT an answer."""
        ...

    def place_of(self, url: str) -> str: ...

    def has_macro(self, name: str) -> bool: ...

    async def answers(self, place: str, count: int, wait_s: float) -> list[dict[str, Any]]:
        """What came there: as soon as there are enough or one of them failed, or when the time is over."""
        ...


# --- values -------------------------------------------------------------------------------------------------------


def _step(value: Any, member: str) -> Any:
    return value.get(member, OMIT) if isinstance(value, Mapping) else OMIT


class Value:
    """Something to be read from the work at hand. Members are reached with dots, functions are applied with `use`."""

    __slots__ = ("_names", "_places", "_read")

    def __init__(
        self,
        read: Callable[[Work], Any],
        names: frozenset[str] = frozenset(),
        places: frozenset[str] = frozenset(),
    ) -> None:
        self._read, self._names, self._places = read, names, places

    def __getattr__(self, member: str) -> Value:
        if member.startswith("_"):
            raise AttributeError(member)
        return Value(lambda work, read=self._read: _step(read(work), member), self._names, self._places)


class _Properties:
    def __getattr__(self, name: str) -> Value:
        if name.startswith("_"):
            raise AttributeError(name)
        return Value(lambda work: work.properties.get(name, OMIT), frozenset((name,)))


p: Any = _Properties()
ID = Value(lambda work: work.id)
made = Value(lambda work: work.made)
seen = Value(lambda work: work.seen)
logical_id = Value(lambda work: work.logical_id)


def read(value: Any, work: Work) -> Any:
    """A parameter as it is sent: values read, omitted members dropped; a container of which nothing is left is omitted."""
    if isinstance(value, Value):
        return value._read(work)
    if isinstance(value, dict):
        members = {key: found for key, member in value.items() if (found := read(member, work)) is not OMIT}
        return members if members or not value else OMIT
    if isinstance(value, list | tuple):
        found = [each for member in value if (each := read(member, work)) is not OMIT]
        return found if found or not value else OMIT
    return value


def _gathered(value: Any, slot: str) -> frozenset[str]:
    if isinstance(value, Value):
        return getattr(value, slot)
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return frozenset().union(*(_gathered(member, slot) for member in members))


def names_in(value: Any) -> frozenset[str]:
    """The properties a parameter carries."""
    return _gathered(value, "_names")


def at(value: Value) -> Value:
    """A property that says where, and does not carry a wish: ``restApiId=at(p.RestApiId)``. Its change sends no call."""
    return Value(value._read, places=value._names)


def use(function: Callable[..., Any], *values: Any) -> Value:
    """The result of a plain function; omitted when its first value is."""

    def compute(work: Work) -> Any:
        arguments = [read(value, work) for value in values]
        if arguments and arguments[0] is OMIT:
            return OMIT
        return function(*(None if each is OMIT else each for each in arguments))

    return Value(compute, names_in(list(values)), _gathered(list(values), "_places"))


def text(template: str) -> Value:
    """``text("arn:${AWS::Partition}:s3:::${BucketName}")``, in the language of Fn::Sub; ``${ID}`` is the physical id."""
    pieces = template.replace("${", "\0").split("\0")
    parts: list[tuple[str, str]] = []
    for piece in pieces[1:]:
        name, _, literal = piece.partition("}")
        parts.append((name, literal))

    def compute(work: Work) -> Any:
        found = [pieces[0]]
        for name, literal in parts:
            known = (
                work.id
                if name == "ID"
                else work.pseudo.get(name)
                if "::" in name
                else work.properties.get(name)
            )
            if known is None:
                return OMIT
            found += (str(known), literal)
        return "".join(found)

    return Value(compute, places=frozenset(name for name, _ in parts if "::" not in name and name != "ID"))


def either(*values: Any) -> Value:
    """The first value that is not omitted."""

    def compute(work: Work) -> Any:
        return next((found for value in values if (found := read(value, work)) is not OMIT), OMIT)

    return Value(compute, names_in(list(values)), _gathered(list(values), "_places"))


def as_json(value: Any) -> Value:
    """A document sent as text. Text stays as it was written."""
    return use(lambda found: found if isinstance(found, str) else json.dumps(found), value)


def _spelled(found: Any) -> str:
    return ("true" if found else "false") if isinstance(found, bool) else str(found)


def as_text(value: Any) -> Value:
    return use(_spelled, value)


def tag_map(value: Any, key: str = "Key", content: str = "Value") -> Value:
    """``[{Key, Value}]`` as ``{key: value}``; no tags are none to send."""
    return use(lambda found: {tag[key]: tag.get(content, "") for tag in found} or OMIT, value)


def gone_from(name: str) -> Value:
    """The keys of tags that the old property of that name had and the new one has not."""

    def keys(tags: Any) -> dict[str, None]:
        return dict.fromkeys(tags if isinstance(tags, dict) else (tag["Key"] for tag in tags or ()))

    def gone(work: Work) -> Any:
        kept = keys(work.properties.get(name))
        return [key for key in keys(work.old.get(name)) if key not in kept] or OMIT

    return Value(gone, frozenset((name,)))


gone_tags = gone_from("Tags")


def instant(text: str) -> float:
    """A date of a template in seconds since 1970; without a zone it is UTC."""
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def fields(spec: str, **inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that renames the members of a structure: ``fields("Status Id=ID")``. A member it does not name is refused.

    ``inner`` gives functions for single members; use `each` for lists.
    """
    names = dict((word.split("=") + [word])[:2] if "=" in word else (word, word) for word in spec.split())

    def rename(found: Any) -> Any:
        if not isinstance(found, dict):
            return found
        if unknown := sorted(set(found) - set(names)):
            raise NotImplementedHere(f"the nested property {unknown[0]}")
        return {names[key]: inner[key](member) if key in inner else member for key, member in found.items()}

    return rename


def each(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda found: [function(member) for member in found] if isinstance(found, list) else found


def patch(**paths: str | tuple[str, Callable[[Any], Any]]) -> Value:
    """API Gateway's patch operations for those of these properties that changed: ``patch(Name="/name")``.

    Text replaces; a map is compared by key, a list of text by member. A function beside the path is applied first.
    """

    def pointer(name: Any) -> str:
        return str(name).replace("~", "~0").replace("/", "~1")

    def operations(path: str, old: Any, new: Any) -> list[dict[str, str]]:
        if isinstance(old, dict) or isinstance(new, dict):
            old, new = old or {}, new or {}
            found = [
                {"op": "replace", "path": f"{path}/{pointer(key)}", "value": _spelled(value)}
                for key, value in new.items()
                if old.get(key) != value
            ]
            return found + [
                {"op": "remove", "path": f"{path}/{pointer(key)}"} for key in old if key not in new
            ]
        if isinstance(old, list) or isinstance(new, list):
            old, new = old or [], new or []
            found = [{"op": "add", "path": f"{path}/{pointer(value)}"} for value in new if value not in old]
            return found + [
                {"op": "remove", "path": f"{path}/{pointer(value)}"} for value in old if value not in new
            ]
        if new is None:
            return [{"op": "replace", "path": path, "value": ""}]
        return [{"op": "replace", "path": path, "value": _spelled(new)}]

    def compute(work: Work) -> Any:
        found = []
        for name, path in paths.items():
            if name in work.changed:
                old, new = work.old.get(name), work.properties.get(name)
                if isinstance(path, tuple):
                    path, function = path
                    old, new = (function(value) if value is not None else None for value in (old, new))
                found += operations(path, old, new)
        return found or OMIT

    return Value(compute, frozenset(paths))


# --- calls --------------------------------------------------------------------------------------------------------


class Call:
    """One operation and what it carries. ``own`` names the properties that are sent under their own names."""

    def __init__(self, operation: str, own: str = "", /, **parameters: Any) -> None:
        self.operation = operation
        self.parameters = {name: getattr(p, name) for name in own.split()} | parameters
        self.names = names_in(self.parameters)
        self.places = _gathered(self.parameters, "_places")
        self.needed: Any = None
        self.handles_absence = False
        self.region: str | None = None

    def when(self, value: Any) -> Call:
        """Send only if this value reads something."""
        self.needed = value
        self.names |= names_in(value)
        return self

    def writes_all(self) -> Call:
        """This call replaces everything it carries: what it does not mention goes back to its default."""
        self.handles_absence = True
        return self

    def at(self, region: str) -> Call:
        """Ask in this region, wherever the stack is."""
        self.region = region
        return self

    def params(self, work: Work) -> dict[str, Any]:
        found = ((name, read(value, work)) for name, value in self.parameters.items())
        return {name: value for name, value in found if value is not OMIT}

    def is_needed(self, work: Work) -> bool:
        return self.needed is None or read(self.needed, work) not in (OMIT, [], {}, None, False)

    async def __call__(self, work: Work) -> dict[str, Any]:
        return await work.ask(self.operation, self.region, **self.params(work)) if self.is_needed(work) else {}

    async def look(self, work: Work) -> dict[str, Any]:
        return await work.look(self.operation, self.region, **self.params(work))


Action = Call | Callable[[Work], Awaitable[Any]]
"""A call, or the escape hatch: an async function of the work, marked with `carries`."""


def carries(names: str) -> Callable[[Callable], Callable]:
    """Say which properties an escape hatch carries."""

    def mark(function: Callable) -> Callable:
        function.names = frozenset(names.split())
        return function

    return mark


def names_of(action: Action | None) -> frozenset[str]:
    """The properties whose change sends this action."""
    return getattr(action, "names", frozenset())


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that is put after creation and whenever it changes, and taken away when the template drops it."""

    put: Action
    remove: Action | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reading call says of a resource's properties: each property and where ``seen`` has it. `drift` compares them.

    ``call`` is the type's own ``read`` if it is None; ``absent`` names errors that say that these properties are not there.
    """

    properties: Mapping[str, Any]
    call: Call | None = None
    absent: str = ""


def same(names: str, where: Any) -> dict[str, Value]:
    """Properties that a reply calls as the template does: ``same("Path Description", seen.Role)``."""
    return {name: getattr(where, name) for name in names.split()}


def from_json(value: Any) -> Value:
    """A document that was sent as text."""

    def parsed(found: Any) -> Any:
        try:
            return json.loads(unquote(found)) if isinstance(found, str) else found
        except ValueError:
            return found

    return use(parsed, value)


def tag_list(value: Any) -> Value:
    """``{key: value}`` as ``[{Key, Value}]``."""
    return use(lambda found: [{"Key": key, "Value": content} for key, content in found.items()], value)


@dataclass(frozen=True, slots=True)
class Name:
    """The property that names the resource. Without a value it becomes ``stack-LogicalId-Random``, or has another ``beginning``.

    ``within`` is the property that says inside of what the name is the only one, ``composed`` the name that other properties spell, if they
    do. Where it does not ``tell`` which one is meant, because others may have it too or the creating call refuses a second itself, nobody
    looks whether one is there."""

    property: str
    longest: int
    lower: bool = False
    plain: bool = False
    beginning: str = ""
    ending: Callable[[dict[str, Any]], str] = lambda properties: ""
    within: str = ""
    composed: Callable[[Work], str] = lambda work: ""
    tells: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A resource type. Every call may use `p`, `made`, `seen` and `ID`.

    ``update`` calls run only when a stack is updated, ``settings`` in creations too. ``defaults`` is what an update sends for a property
    that the template no longer has; ``fixed`` names what AWS changes in place and we cannot yet, which is refused. ``ready`` maps members
    of the reading reply (dotted) to the value to wait for. ``absent`` names the errors that mean it does not exist. ``named`` reads it by
    its name where ``read`` needs an id that is another. ``aside`` names properties that need no call of their own.
    The attribute ``*`` is a structure whose members are all attributes. An ``is_open`` type takes any property, and every
    change of one goes to every update. What a type names that ``may_change_beneath`` may have changed although no property did, so every
    update is told to it. ``drift`` says how to read the properties back; a type without is not checked. ``remade_by``
    names the properties that could change in place, but not from the old values to the new ones. ``deletion_policy`` holds where the
    template says none; ``snapshot`` deletes it and leaves a snapshot, for types that can.
    """

    create: Action
    id: Value
    type: str = ""
    delete: Action | None = None
    snapshot: Action | None = None
    update: tuple[Action, ...] = ()
    settings: tuple[Setting, ...] = ()
    read: Call | None = None
    named: Call | None = None
    ready: Mapping[str, Any] = field(default_factory=dict)
    is_gone_slowly: bool = False
    absent: str = ""
    name: Name | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    ref: Value = ID
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: str = ""
    aside: str = ""
    tags: str = "Tags"
    is_open: bool = False
    may_change_beneath: bool = False
    deletion_policy: str = "Delete"
    drift: tuple[Reading, ...] = ()
    remade_by: Callable[[Mapping[str, Any], Mapping[str, Any]], frozenset[str]] = lambda old, new: frozenset()

    @property
    def known(self) -> frozenset[str]:
        """Every property that the type understands."""
        actions = [self.create, *self.update, *(setting.put for setting in self.settings)]
        named = frozenset((self.name.property,)) if self.name else frozenset()
        places = (getattr(action, "places", frozenset()) for action in actions)
        return named.union(self.aside.split(), *places, *(names_of(action) for action in actions))

    @property
    def mutable(self) -> frozenset[str]:
        """Every property that can change without a replacement."""
        actions = [*self.update, *(setting.put for setting in self.settings)]
        return frozenset().union(*(names_of(action) for action in actions))

    @property
    def absent_codes(self) -> frozenset[str]:
        return frozenset(self.absent.split())
