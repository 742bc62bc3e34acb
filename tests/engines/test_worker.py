"""Processes that are given one task: whoever has heard enough leaves none behind."""

import asyncio
from pathlib import Path

import pytest

from kumoniwa.engines import json_query, worker


def children() -> list[str]:
    return [pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()]


def test_whoever_fails_over_a_piece_leaves_no_process_and_no_task():
    async def fail() -> None:
        before = children()
        task = json_query.Task(".a", [b'{"a": {"b": 1}}'] * 10)
        with pytest.raises(ZeroDivisionError):
            async with worker.pieces("kumoniwa.engines.json_query", task, json_query.Found, 20) as said:
                async for _ in said:
                    raise ZeroDivisionError
        assert children() == before and asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(fail())
