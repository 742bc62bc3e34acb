"""Tokens of tasks: whoever holds one says how the task ended, or that it is still being done."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.languages.states_path import StateFailure
from kumoniwa.services.stepfunctions import task
from kumoniwa.services.stepfunctions.activity import TASKS
from kumoniwa.services.stepfunctions.errors import InvalidOutput, InvalidToken, TaskTimedOut
from kumoniwa.services.stepfunctions.execution import STRANDS, Strand
from kumoniwa.services.stepfunctions.run import Run, moved

TOKEN_LENGTH = 344
"""Of ours: what is no such text was never a token."""


def _held(call: Call, token: str, act: Callable[[Run, Strand], None]) -> None:
    """Act on the strand that waits for a token. Raises InvalidToken, TaskTimedOut."""
    found = call.rows(STRANDS).one(
        "select execution, id from sfn_strand where token = ? and token != '' and waiting in ('token', 'activity', 'ask', 'nested')", token
    )
    if found is None:
        raise TaskTimedOut if len(token) == TOKEN_LENGTH else InvalidToken
    call.rows(TASKS).run("delete from sfn_activity_task where token = ?", token)
    moved(call, *found, act)


def SendTaskSuccess(call: Call, *, taskToken: str, output: str) -> None:
    try:
        result = orjson.loads(output)
    except orjson.JSONDecodeError:
        if len(taskToken) != TOKEN_LENGTH:
            raise InvalidToken
        raise InvalidOutput("Invalid Output: 'Invalid JSON'")
    _held(call, taskToken, lambda run, strand: task.succeeded(run, strand, result))


def SendTaskFailure(call: Call, *, taskToken: str, error: str | None = None, cause: str | None = None) -> None:
    def fail(run: Run, strand: Strand) -> None:
        strand.waiting = "token"
        task.unanswered(run, strand, StateFailure(error, cause, is_of_task=True))

    _held(call, taskToken, fail)


def SendTaskHeartbeat(call: Call, *, taskToken: str) -> None:
    _held(call, taskToken, task.heard_of)
