"""What is wanted and what stands of a stack: the state of a deploy, as data.

Everything a deploy must know to go on after its process was killed is in `State`, and every change of it goes through
`keep` before the world is touched. A stack's status says which phase to continue; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kumoniwa.kernel.record import Record, changed, unpack


class Blueprint(Record):
    """``resources`` and ``outputs`` hold plain values and, where they need another resource, intrinsics."""

    body: dict[str, Any]
    description: str = ""
    parameters: list[dict[str, Any]] = []
    values: dict[str, str] = {}
    resources: dict[str, dict[str, Any]] = {}
    outputs: dict[str, dict[str, Any]] = {}
    levels: list[list[str]] = []
    transforms: list[str] = []
    capabilities: list[str] = []
    resource_types: list[str] = []
    metadata: str = ""


class Standing(Record):
    """One resource that exists, or whose making has begun.

    ``properties`` were applied in full. ``doing`` is "create", "change" or nothing; while it says something, ``attempt``
    are the properties being applied. ``token`` names the step, so that its calls can be asked again without being done again.
    """

    logical_id: str
    type: str
    status: str
    physical_id: str = ""
    reference: str = ""
    properties: dict[str, Any] = {}
    doing: str = ""
    attempt: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    made: dict[str, Any] = {}
    needs: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: dict[str, Any] = {}
    token: str = ""
    is_named_by_us: bool = False

    @property
    def reached(self) -> dict[str, Any]:
        """The properties it has, or might have by now."""
        return self.attempt if self.doing else self.properties

    @property
    def is_unmade(self) -> bool:
        """Whether its creation never came to an end."""
        return self.doing == "create"

    @property
    def is_in_doubt(self) -> bool:
        """Whether its creating call may have been answered without anybody hearing it."""
        return self.is_unmade and not self.physical_id and self.status.endswith("_IN_PROGRESS")


Keep = Callable[[str, str, Any], None]
"""``keep(part, key, value)``: write one entry of the state; ``None`` removes it. Parts are the fields of `State`."""


@dataclass(slots=True)
class State:
    """``wanted`` is the statically resolved template that is being applied; ``before`` what stood when an update began;
    ``garbage`` what no longer belongs to the stack and still has to be deleted."""

    stack_id: str
    stack_name: str
    status: str = ""
    operation_id: str = ""
    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)
    wanted_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, Standing] = field(default_factory=dict)
    before: dict[str, Standing] = field(default_factory=dict)
    garbage: dict[str, Standing] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    on_failure: str = "ROLLBACK"
    keep: Keep = lambda part, key, value: None

    def put(self, part: str, key: str, value: Standing | dict[str, Any] | None) -> None:
        entries = getattr(self, part)
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
        self.keep(part, key, value)

    def change(self, part: str, key: str, **news: Any) -> Standing:
        standing = changed(getattr(self, part)[key], **news)
        self.put(part, key, standing)
        return standing

    def move_on(self, status: str, reason: str = "") -> None:
        self.status, self.reason = status, reason
        self.keep("status", "", {"status": status, "reason": reason})

    def load(self, entries: Iterable[tuple[str, str, bytes]]) -> None:
        """Read what `keep` wrote down, each value packed."""
        for part, key, body in entries:
            if part == "status":
                kept = unpack(body, dict[str, str])
                self.status, self.reason = kept["status"], kept["reason"]
            elif part == "operation_id":
                self.operation_id = unpack(body, str)
            else:
                kind = Standing if part in ("resources", "before", "garbage") else dict[str, Any]
                getattr(self, part)[key] = unpack(body, kind)

    def begin(
        self,
        status: str,
        operation_id: str,
        wanted: dict[str, dict[str, Any]] | None = None,
        outputs: dict[str, dict[str, Any]] | None = None,
        reason: str = "",
    ) -> None:
        """The first entry of a deploy: ``CREATE_``, ``UPDATE_`` or ``DELETE_IN_PROGRESS``."""
        self.operation_id = operation_id
        self.keep("operation_id", "", operation_id)
        for part, entries in (("wanted", wanted), ("wanted_outputs", outputs)):
            for key in [key for key in getattr(self, part) if entries is not None and key not in entries]:
                self.put(part, key, None)
            for key, entry in (entries or {}).items():
                self.put(part, key, entry)
        if self.status != "UPDATE_FAILED":
            # What was left standing after a failure is not what a rollback goes back to.
            for key in list(self.before):
                self.put("before", key, None)
            if status == "UPDATE_IN_PROGRESS":
                for key, standing in self.resources.items():
                    self.put("before", key, standing)
        self.move_on(status, reason)

    def discard(self, standing: Standing) -> None:
        """Something that no longer belongs to the stack, if it was ever made: to be deleted in the cleanup."""
        if standing.physical_id or standing.is_in_doubt:
            self.put("garbage", f"{standing.logical_id}/{standing.physical_id}", standing)
