"""JavaScript inside this process: QuickJS behind a bound on time and memory, and tree-sitter for reading what it is given.

A script is asked for one thing at a time and remembers nothing that matters, so it may be asked again. What is quick runs
where it is asked; what is not is given up after ``QUICK_S`` and asked once more in a thread, where it holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kumoniwa.kernel.errors import NotImplementedHere

QUICK_S = 0.01
LONG_S = 2.0
MEMORY_BYTES_MAX = 64 << 20
STACK_BYTES_MAX = 512 << 10
KEPT_MAX = 256
"""Scripts kept warm; each takes 170 KiB, and 2 ms to make."""


class ScriptFailed(Exception):
    """The script threw; the text is what it threw."""


class ScriptEndless(Exception):
    """The script was not done within its time."""


def _library(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise NotImplementedHere("JavaScript without the extra kumoniwa[javascript]") from None


class Script:
    """One context with its sources loaded. It belongs to the thread that made it."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        engine = _library("quickjs")
        self._thrown = engine.JSException
        self._context = engine.Context()
        self._context.set_memory_limit(MEMORY_BYTES_MAX)
        self._context.set_max_stack_size(STACK_BYTES_MAX)
        for source in sources:
            self._within(QUICK_S * 10, self._context.eval, source)

    def call(self, function: str, argument: str, within_s: float) -> str:
        """What a function of the script answers, from text to text. One that answers nothing yet goes on by itself: what became
        of it, ``__settled`` tells. Raises ScriptFailed and ScriptEndless."""
        answer = self._within(within_s, self._context.get(function), argument)
        return answer if answer is not None else self._within(within_s, self._settled, "")

    def _settled(self, argument: str) -> str:
        while self._context.execute_pending_job():
            pass
        return self._context.get("__settled")(argument)

    def _within(self, seconds: float, act: Any, argument: str) -> Any:
        self._context.set_time_limit(seconds)
        try:
            return act(argument)
        except self._thrown as error:
            text = str(error)
            if text.startswith("InternalError: interrupted"):
                raise ScriptEndless from None
            raise ScriptFailed(text) from None


class Scripts:
    """The scripts of one region."""

    def __init__(self) -> None:
        self._here: OrderedDict[tuple[str, ...], Script] = OrderedDict()
        self._there: OrderedDict[tuple[str, ...], Script] = OrderedDict()
        self._thread: ThreadPoolExecutor | None = None

    def call_here(self, sources: tuple[str, ...], function: str, argument: str) -> str:
        """Ask for something that is known to be quick. Raises ScriptFailed and ScriptEndless."""
        return _kept(self._here, sources).call(function, argument, QUICK_S)

    async def call(self, sources: tuple[str, ...], function: str, argument: str) -> str:
        """Ask a script, made of these sources, for one thing. Raises ScriptFailed and ScriptEndless."""
        try:
            return self.call_here(sources, function, argument)
        except ScriptEndless:
            pass
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "javascript")
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._called, sources, function, argument
        )

    def _called(self, sources: tuple[str, ...], function: str, argument: str) -> str:
        return _kept(self._there, sources).call(function, argument, LONG_S)


def _kept(kept: OrderedDict[tuple[str, ...], Script], sources: tuple[str, ...]) -> Script:
    script = kept.get(sources)
    if script is None:
        script = kept[sources] = Script(sources)
        if len(kept) > KEPT_MAX:
            kept.popitem(last=False)
    else:
        kept.move_to_end(sources)
    return script


def tree(source: bytes) -> Any:
    """The root of a program's syntax tree, with nodes of tree-sitter."""
    grammar, reader = _library("tree_sitter_javascript"), _library("tree_sitter")
    return reader.Parser(reader.Language(grammar.language())).parse(source).root_node


def nodes(root: Any) -> Iterator[Any]:
    """All nodes of a tree in the order of the text."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)
