"""The Lambda engine at work: a loop, the engine on it, and the code of its functions."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import time
from pathlib import Path

import pytest

from kumoniwa.engines.lambda_runtime import runtimes
from kumoniwa.engines.lambda_runtime.environment import EnvironmentSpec
from kumoniwa.engines.lambda_runtime.nursery import Nursery
from kumoniwa.engines.lambda_runtime.runtimes import Runtimes
from kumoniwa.kernel.clock import VirtualLoop


@pytest.fixture(scope="module", autouse=True)
def own_zygotes():
    """Here a zygote ends with its engine, as anywhere but in tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtimes, "Nursery", Nursery)
        yield


class Bench:
    """One region's engine, the code of its functions, and what they logged."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.messages = folder, []
        self.runtimes = Runtimes(
            folder / "engine",
            "http://127.0.0.1:4566",
            lambda _, events: self.messages.extend(events),
            time.time,
        )
        self.codes = 0

    def spec(self, code: str, **more) -> EnvironmentSpec:
        self.codes += 1
        root = self.folder / f"code-{self.codes}"
        root.mkdir()
        (root / "app.py").write_text(textwrap.dedent(code))
        values = {
            "function_name": "f",
            "runtime": f"python3.{sys.version_info.minor}",
            "handler": "app.handler",
            "task_root": str(root),
            "region": "us-east-1",
            "log_group": "/aws/lambda/f",
            "log_stream": "2030/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
            "credentials": ("ASIAEXAMPLE", "secret", "token"),
        }
        return EnvironmentSpec(**(values | more))

    async def start(self, code: str, **more):
        return await self.runtimes.start(self.spec(code, **more))

    def said(self) -> list[str]:
        return [message for _, message in self.messages]


class Workshop:
    """A loop and a bench on it. Most tests share one, because a zygote takes a third of a second to warm up."""

    def __init__(self, folder: Path, loop_type: type[asyncio.AbstractEventLoop]) -> None:
        self.runner = asyncio.Runner(loop_factory=loop_type)
        self.bench = self.runner.run(self._make(folder))

    async def _make(self, folder: Path) -> Bench:
        return Bench(folder)

    def __call__(self, body) -> None:
        self.bench.messages.clear()
        self.runner.run(body(self.bench))

    def close(self) -> None:
        self.runner.run(self.bench.runtimes.close())
        self.runner.close()


@pytest.fixture
def workshops():
    """For a test that opens and closes one itself."""
    return Workshop


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    workshop = Workshop(tmp_path_factory.mktemp("shared"), asyncio.SelectorEventLoop)
    yield workshop
    workshop.close()


@pytest.fixture
def bench(shared):
    """Runs an async test body on the shared bench and ends what it started."""
    yield shared
    for environment in list(shared.bench.runtimes.environments):
        shared.bench.runtimes.end(environment)


@pytest.fixture
def own_bench(tmp_path):
    """The same with an engine of the test's own."""
    workshop = Workshop(tmp_path, asyncio.SelectorEventLoop)
    yield workshop
    workshop.close()


@pytest.fixture
def virtual_bench(tmp_path):
    """The same on a loop whose waits cost nothing."""
    workshop = Workshop(tmp_path, VirtualLoop)
    yield workshop
    workshop.close()
