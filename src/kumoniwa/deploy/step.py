"""One resource made, changed or deleted: the work that an entry's calls are sent from.

May: ask, and say what was made. May not: decide whether anything should be made. A step that is run again with the same
token sends the same calls with the same tokens, so whoever answers can tell a repetition from a second wish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kumoniwa.deploy import dynamic, types
from kumoniwa.deploy.plan import difference
from kumoniwa.deploy.resource import OMIT, Action, ResourceType, names_of, read
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError

READY_TRIES_MAX = 600
PAUSE_S_MAX = 5.0
MALFORMED = frozenset(("ValidationError", "InvalidInput"))
LISTEN_S = 1.0
"""How long a resource that waits for somebody may not notice that it waits in vain."""


class Host(Protocol):
    """What a deploy needs of its surroundings."""

    async def ask(self, operation: str, params: dict[str, Any], once: str | None, region: str | None = None) -> dict[str, Any]:
        """An AWS call, in another region if one is named. One that carries a token it has answered before is answered again and not done again; the answer
        must be remembered in the same commit as the effect."""
        ...

    async def pause(self, seconds: float) -> None: ...

    def answer_url(self, place: str) -> str: ...

    def place_of(self, url: str) -> str: ...

    async def answers(self, place: str, count: int, wait_s: float) -> list[dict[str, Any]]: ...

    def has_macro(self, name: str) -> bool:
        """Whether some stack of the account has made a macro of this name."""
        ...

    def random_name(self, length: int) -> str:
        """Letters of either case and digits."""
        ...

    def request_id(self) -> str: ...

    def event(
        self,
        logical_id: str,
        type_name: str,
        physical_id: str,
        status: str,
        reason: str,
        properties: dict | None,
    ) -> None: ...


class Cancelled(Exception):
    """Another resource failed; this one stops before its next call."""


class Failure(Exception):
    """A step failed; the text is the event's status reason."""


class Senseless(Failure):
    """What AWS's handler of a type refuses by itself, before it asks the service."""


@dataclass(slots=True, kw_only=True)
class Work:
    """See `resource.Work`."""

    host: Host
    entry: ResourceType
    logical_id: str
    pseudo: Mapping[str, Any]
    token: str
    properties: dict[str, Any]
    old: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    made: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    is_cancelled: Callable[[], bool] = lambda: False
    waits: bool = True
    """Whether the step lasts until the service has done what it was asked."""
    leaves_snapshot: bool = False
    """Whether a deletion does."""
    changed: frozenset[str] = frozenset()
    calls: int = 0

    async def ask(self, operation: str, /, to_region: str | None = None, **params: Any) -> dict[str, Any]:
        if self.is_cancelled():
            raise Cancelled
        self.calls += 1
        params = await dynamic.resolved(params, dynamic.SECRET, self._resolve)
        return await self.host.ask(operation, params, f"{self.token}/{self.calls}", to_region) or {}

    async def look(self, operation: str, /, to_region: str | None = None, **params: Any) -> dict[str, Any]:
        params = await dynamic.resolved(params, dynamic.SECRET, self._resolve)
        return await self.host.ask(operation, params, None, to_region) or {}

    async def _resolve(self, operation: str, /, **params: Any) -> dict[str, Any]:
        return await self.host.ask(operation, params, None) or {}

    @property
    def type(self) -> str:
        return self.entry.type

    async def pause(self, seconds: float) -> None:
        await self.host.pause(seconds)

    def answer_url(self, place: str) -> str:
        return self.host.answer_url(place)

    def place_of(self, url: str) -> str:
        return self.host.place_of(url)

    def has_macro(self, name: str) -> bool:
        return self.host.has_macro(name)

    async def answers(self, place: str, count: int, wait_s: float) -> list[dict[str, Any]]:
        """Who waits for somebody outside hears soon that another resource failed."""
        while True:
            slice_s = min(wait_s, LISTEN_S)
            found = await self.host.answers(place, count, slice_s)
            wait_s -= slice_s
            if len(found) >= count or wait_s <= 0 or any(each["Status"] != "SUCCESS" for each in found):
                return found
            if self.is_cancelled():
                raise Cancelled

    def fresh_name(self, longest: int, *, lower: bool = False, plain: bool = False, beginning: str = "") -> str:
        """``stack-LogicalId-Random``, cut to fit; ``plain`` keeps letters and digits only, ``beginning`` stands for the stack."""
        parts = [beginning or str(self.pseudo.get("AWS::StackName", "stack")), self.logical_id]
        ending = self.host.random_name(12)
        dash = "" if plain else "-"
        if plain:
            parts = ["".join(letter for letter in part if letter.isalnum()) for part in parts]
        room = longest - len(ending) - 2 * len(dash)
        # The logical id tells more than the stack's name, so the longer of the two gives way first.
        stack, logical = parts
        half = room // 2
        logical = logical[: max(half, room - len(stack))]
        stack = stack[: room - len(logical)]
        name = dash.join(part for part in (stack, logical, ending) if part)
        return name.lower() if lower else name


def _dotted(reply: Any, path: str) -> Any:
    for part in path.split("."):
        reply = reply.get(part) if isinstance(reply, Mapping) else None
    return reply


def is_absent(entry: ResourceType, error: AwsError) -> bool:
    return error.code in entry.absent_codes


async def exists(work: Work, *, by_name: bool = False) -> bool:
    """Whether the resource of this id is there, or one of its name."""
    reading = work.entry.named if by_name and work.entry.named is not None else work.entry.read
    try:
        work.seen = await reading.look(work)
    except AwsError as error:
        if is_absent(work.entry, error):
            return False
        raise
    return True


async def settle(work: Work) -> None:
    """Read the resource until it is ready, or once where nobody waits; what was seen feeds its attributes."""
    entry = work.entry
    if entry.read is None:
        return
    pause_s = 0.02
    for _ in range(READY_TRIES_MAX):
        work.seen = await entry.read.look(work)
        states = {path: _dotted(work.seen, path) for path in entry.ready}
        if not work.waits or all(states[path] == read(value, work) for path, value in entry.ready.items()):
            return
        if failed := [
            state for state in states.values() if isinstance(state, str) and state.lower().endswith("failed")
        ]:
            raise Failure(f"{entry.type} did not stabilize: its state is {failed[0]}.")
        await work.host.pause(pause_s)
        pause_s = min(pause_s * 1.5, PAUSE_S_MAX)
    raise Failure("Exceeded attempts to wait")


def attributes(work: Work) -> dict[str, Any]:
    found = {name: work.properties.get(name, OMIT) for name in types.properties_told(work.type)}
    found |= {name: read(value, work) for name, value in work.entry.attributes.items()}
    every = found.pop("*", OMIT)
    return {name: value for name, value in found.items() if value is not OMIT} | (
        {} if every is OMIT else every
    )


async def create(work: Work) -> None:
    """The creating call only: afterwards the resource has an id that can be recorded."""
    work.changed = difference({}, work.properties)
    work.made = await work.entry.create(work) or {}
    found = read(work.entry.id, work)
    if found is OMIT or not found:
        raise Failure(f"{work.entry.type} was made and its id could not be read.")
    work.id = str(found)


async def furnish(work: Work) -> None:
    """What follows the creation: settings, readiness."""
    if work.entry.ready:
        await settle(work)
    for setting in work.entry.settings:
        if names_of(setting.put) & work.changed:
            await setting.put(work)
    await settle(work)


def _check_defaults(work: Work, action: Action) -> None:
    """A property that the template dropped would silently keep its value, unless we know what to send instead."""
    dropped = {name for name in names_of(action) & work.changed if name not in work.properties}
    for name in sorted(dropped):
        if name in work.entry.defaults:
            work.properties[name] = work.entry.defaults[name]
        elif not getattr(action, "handles_absence", False) and name != work.entry.tags:
            raise NotImplementedHere(f"removing the property {name} of {work.entry.type} from a stack")


async def update(work: Work) -> None:
    """Send the calls that carry something that changed."""
    work.changed = difference(work.old, work.properties)
    wanted = dict(work.properties)
    # Updates name what only a reading call knows, such as the ARN that tags are put on.
    await settle(work)
    for action in work.entry.update:
        if work.entry.is_open or work.entry.may_change_beneath or names_of(action) & work.changed:
            _check_defaults(work, action)
            await action(work)
            if work.entry.ready:
                # Most services refuse a second change while the first is on its way.
                await settle(work)
    work.properties = wanted
    for setting in work.entry.settings:
        named = names_of(setting.put)
        if not named & work.changed:
            continue
        if named & set(work.properties):
            if setting.remove is not setting.put:
                _check_defaults(work, setting.put)
            await setting.put(work)
            work.properties = dict(wanted)
        elif setting.remove is None:
            raise NotImplementedHere(
                f"removing the property {sorted(named)[0]} of {work.entry.type} from a stack"
            )
        else:
            try:
                await setting.remove(work)
            except AwsError as error:
                # Undone half-way, it was never put. That the resource itself is gone comes to light when it is read next.
                if not is_absent(work.entry, error):
                    raise
    await settle(work)


async def delete_calls(work: Work, calls: list[tuple[str, dict[str, Any]]]) -> None:
    """Several calls that take something away: what is gone already does not keep the others from being made.

    A step that failed half-way may be undone by taking away what it never gave, even what its service would not have taken.
    """
    for operation, params in calls:
        try:
            await work.ask(operation, **params)
        except AwsError as error:
            if not is_absent(work.entry, error) and error.code not in MALFORMED:
                raise


async def delete(work: Work) -> None:
    """Delete; that it was gone already is as good."""
    act = work.entry.snapshot if work.leaves_snapshot else work.entry.delete
    if act is None:
        return
    try:
        await act(work)
    except AwsError as error:
        if not is_absent(work.entry, error):
            raise
        return
    if not work.entry.is_gone_slowly or not work.waits:
        return
    pause_s = 0.02
    for _ in range(READY_TRIES_MAX):
        if not await exists(work):
            return
        await work.host.pause(pause_s)
        pause_s = min(pause_s * 1.5, PAUSE_S_MAX)
    raise Failure("Exceeded attempts to wait")


_HANDLER_CODES = (
    ("AccessDenied", ("AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden")),
    (
        "AlreadyExists",
        ("AlreadyExist", "AlreadyOwnedByYou", "Duplicate", "ResourceConflict", "ResourceInUse", "Conflict"),
    ),
    ("ServiceLimitExceeded", ("LimitExceeded", "TooMany", "QuotaExceeded")),
    ("Throttling", ("Throttl", "RequestLimit", "SlowDown")),
    ("NotFound", ("NotFound", "NoSuch", "DoesNotExist", "NonExistent")),
    (
        "InvalidRequest",
        ("Invalid", "Validation", "BadRequest", "MalformedPolicy", "NotImplemented", "Missing"),
    ),
)


def handler_code(code: str, status: int | None) -> str:
    """The HandlerErrorCode of the resource provider contract for a service's error."""
    for name, marks in _HANDLER_CODES:
        if any(mark in code for mark in marks):
            return name
    return "ServiceInternalError" if (status or 400) >= 500 else "GeneralServiceException"


def reason_of(error: Exception, service: str, host: Host) -> str:
    """An event's status reason for what went wrong in a step."""
    if isinstance(error, Senseless):
        return (
            f'Resource handler returned message: "Invalid request provided: {error}" (RequestToken: {host.request_id()}, '
            "HandlerErrorCode: InvalidRequest)"
        )
    if isinstance(error, Failure):
        return str(error)
    if isinstance(error, NotImplementedHere | ValidationError) and not service:
        return error.text
    if not isinstance(error, AwsError):
        raise error
    status = error.status or 400
    request_id = getattr(error, "request_id", "") or host.request_id()
    return (
        f'Resource handler returned message: "{error.text} (Service: {service}, Status Code: {status}, '
        f'Request ID: {request_id})" (RequestToken: {host.request_id()}, '
        f"HandlerErrorCode: {handler_code(error.code, status)})"
    )
