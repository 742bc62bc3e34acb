"""Processes of queries: one for each query at a time, which waits for the next when it is done."""

import asyncio

import pytest

from kumoniwa.engines import lake


def task(folder, text):
    return lake.Task(text=text, database="default", now_s=0.0, folder=str(folder))


async def answered(processes, folder, text):
    """The process that ran a query, and what it said last."""
    async with processes.asking(task(folder, text)) as conversation:
        while not conversation.is_over:
            said = await conversation.hear()
        return conversation._process.pid, said


def test_a_process_that_is_done_runs_the_next_query_anew(tmp_path):
    async def story():
        processes = lake.Processes()
        folders = [tmp_path / name for name in "abc"]
        for folder in folders:
            folder.mkdir()
        first, said = await answered(processes, folders[0], "SELECT 1 AS one")
        assert said.kind == "done" and said.body["count"] == 1
        second, said = await answered(processes, folders[1], "SELECT nobody")
        assert said.kind == "failed" and said.body["code"] == "COLUMN_NOT_FOUND"
        third, said = await answered(processes, folders[2], "SELECT * FROM (VALUES 1, 2, 3) AS t(n)")
        assert said.kind == "done" and said.body["count"] == 3
        assert first == second == third
        await processes.close()

    asyncio.run(story())


def test_one_whose_query_is_broken_off_runs_no_other(tmp_path):
    async def story():
        processes = lake.Processes()
        with pytest.raises(TimeoutError):
            async with processes.asking(task(tmp_path, "SELECT count(*) FROM UNNEST(sequence(1, 1000000)) AS t(x)")) as conversation:
                broken = conversation._process
                raise TimeoutError
        assert broken.returncode is not None
        assert (await answered(processes, tmp_path, "SELECT 1"))[0] != broken.pid
        await processes.close()

    asyncio.run(story())


def test_one_that_died_while_it_waited_is_not_asked(tmp_path):
    async def story():
        processes = lake.Processes()
        pid, _ = await answered(processes, tmp_path, "SELECT 1")
        (resting,) = processes._resting
        resting.kill()
        await resting.wait()
        (tmp_path / "second").mkdir()
        again, said = await answered(processes, tmp_path / "second", "SELECT 1")
        assert again != pid and said.kind == "done"
        await processes.close()

    asyncio.run(story())
