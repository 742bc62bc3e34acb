"""Runbooks: what an operator would do in the middle of an outage, as a script that a step of the drill begins.

A runbook belongs to what is drilled, not to the harness: one that fails, or is too slow, is a breach. It runs beside the load and
beside later steps, with the cloud at AWS_ENDPOINT_URL; its beginning is the moment of decision in the parts of the recovery time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from kumoniwa.drill.format.plan import Plan, Step
from kumoniwa.drill.history import History
from kumoniwa.drill.stage import StageFailed, die_with_parent, environment

SHOWN_MAX = 400
"""Characters of one line that are told."""


def check_runbooks(plan: Plan) -> None:
    """Every script is there before anything begins. Raises StageFailed."""
    for step in (*plan.steps, *plan.sabotage):
        if step.run and not Path(plan.folder, step.run).is_file():
            raise StageFailed(f"the runbook {step.run} is not in {plan.folder}")


class Runbooks:
    """The runbooks of one run. ``say`` is told each line that they print, with the second of the drill before it."""

    def __init__(self, plan: Plan, endpoint: str, history: History, now: Callable[[], float], say: Callable[[str], None]) -> None:
        self.plan, self.endpoint, self.history, self.now, self.say = plan, endpoint, history, now, say
        self.begun: list[asyncio.Task] = []

    def begin(self, number: int, step: Step) -> None:
        """Start it, and wait for nothing: what else the drill has to do comes at its own time."""
        self.begun.append(asyncio.get_running_loop().create_task(self._run(number, step)))

    async def _run(self, number: int, step: Step) -> None:
        facts = {"step": number, "file": step.run, "args": list(step.args)}
        began = self.now()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-u", step.run, *step.args, cwd=self.plan.folder, env=environment(self.endpoint), start_new_session=True,
            preexec_fn=die_with_parent, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self.history.note("runbook", began, phase="begin", **facts)
        self.say(f"{step.run}: begun")
        last, why = "", "the drill was over"
        try:
            async with asyncio.timeout(step.timeout_s):
                async for line in _lines(child):
                    last = line[:SHOWN_MAX] if line.strip() else last
                    self.say(f"{step.run}: {line[:SHOWN_MAX]}")
                await child.wait()
            why = ""
        except TimeoutError:
            why = f"it took longer than {step.timeout_s:g} s"
        finally:
            if why:
                _end(child)
            ended = self.now()
            self.history.note(
                "runbook", ended, phase="end", **facts, took_s=ended - began, exit=None if why else child.returncode, why=why, said=last
            )
        self.say(f"{step.run}: {why or f'ended with exit code {child.returncode}'}")

    async def end(self) -> None:
        """The drill is over: what still runs is ended, with everything it started."""
        for task in self.begun:
            task.cancel()
        for error in await asyncio.gather(*self.begun, return_exceptions=True):
            if error is not None and not isinstance(error, asyncio.CancelledError):
                raise error


async def _lines(child: asyncio.subprocess.Process) -> AsyncIterator[str]:
    buffer = b""
    while piece := await child.stdout.read(1 << 16):  # type: ignore[union-attr]
        *whole, buffer = (buffer + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if buffer:
        yield buffer.decode("utf-8", "replace")


def _end(child: asyncio.subprocess.Process) -> None:
    """End its whole process group, which it leads and nobody else is in."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
