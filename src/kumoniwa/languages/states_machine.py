"""What a state machine is when it is compiled to be run.

The flows of a machine (its own, those of Parallel branches and of Map iterations) stand in one list in the order of the text, so that a
running execution may name one by its number.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.languages.states_intrinsic import Template
from kumoniwa.languages.states_path import Expression


class Retrier(NamedTuple):
    errors: tuple[str, ...]
    interval_s: float
    attempts: int
    backoff: float
    delay_s_max: float | None
    has_jitter: bool

    def delay_s(self, tried: int) -> float:
        """Before the next attempt, without jitter."""
        delay_s = self.interval_s * self.backoff**tried
        return delay_s if self.delay_s_max is None else min(delay_s, self.delay_s_max)


class Catcher(NamedTuple):
    errors: tuple[str, ...]
    next: str
    result_path: tuple[str | int, ...] | None
    assign: Template | None
    output: Template | None


class Choice(NamedTuple):
    holds: Any
    next: str
    assign: Template | None
    output: Template | None


class Flow:
    """States and where they start."""

    __slots__ = ("start", "states", "index")

    def __init__(self, start: str, index: int) -> None:
        self.start, self.index = start, index
        self.states: dict[str, State] = {}


class State:
    """One state, compiled. What it does not have is None."""

    __slots__ = (
        "name", "type", "fields", "is_jsonata", "next", "input_path", "output_path", "result_path", "parameters", "result_selector",
        "assign", "output", "retriers", "catchers", "choices", "default", "flows", "values",
    )  # fmt: skip

    def __init__(self, name: str, type_: str, fields: dict[str, Any], is_jsonata: bool) -> None:
        self.name, self.type, self.fields, self.is_jsonata = name, type_, fields, is_jsonata
        self.next: str | None = fields.get("Next")
        self.input_path: Expression | None = None
        self.output_path: Expression | None = None
        self.result_path: tuple[str | int, ...] | None = ()
        self.parameters: Template | None = None
        """Parameters, Arguments or ItemSelector."""
        self.result_selector: Template | None = None
        self.assign: Template | None = None
        self.output: Template | None = None
        self.retriers: list[Retrier] = []
        self.catchers: list[Catcher] = []
        self.choices: list[Choice] = []
        self.default: str | None = fields.get("Default")
        self.flows: list[Flow] = []
        self.values: dict[str, Template] = {}
        """Further fields that are computed: Seconds, TimestampPath, Items, Error, …"""

    @property
    def is_distributed(self) -> bool:
        return self.processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"

    @property
    def processor(self) -> dict[str, Any]:
        """Of a Map: what is done with each item."""
        return self.fields.get("ItemProcessor") or self.fields.get("Iterator") or {}


class Machine:
    """A compiled definition."""

    __slots__ = ("flows", "timeout_s", "definition")

    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        self.flows: list[Flow] = []
        self.timeout_s: float | None = None

    @property
    def flow(self) -> Flow:
        return self.flows[0]
