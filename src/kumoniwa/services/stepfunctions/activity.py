"""Activities: tasks that workers outside take, do, and report on by their token.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html
"""

from __future__ import annotations

import base64
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.stepfunctions import encryption as encryptions
from kumoniwa.services.stepfunctions.encryption import Encryption
from kumoniwa.services.stepfunctions.errors import ActivityAlreadyExists, ActivityDoesNotExist
from kumoniwa.services.stepfunctions.execution import Execution, Strand
from kumoniwa.services.stepfunctions.machine import check_name, parsed_arn
from kumoniwa.store.rows import Table

POLLED_S = 60.0

TASKS = Table(
    "sfn_activity_task",
    """create table if not exists sfn_activity_task (number integer primary key autoincrement, activity text, execution text,
         strand integer, token text, input text);
       create index if not exists sfn_activity_task_activity on sfn_activity_task (activity, number)""",
)


class Activity(Record):
    """Shelved by name."""

    name: str
    arn: str
    created: float
    tags: dict[str, str] = {}
    encryption: Encryption | None = None


class Task(Record):
    execution: str
    strand: int
    token: str
    input: str | bytes
    """As it is kept."""


def new_token(call: Call) -> str:
    """A token nobody guesses, in the form of AWS's."""
    return base64.b64encode(bytes.fromhex(call.ids.hex(512))).decode()


def named(call: Call, arn: str) -> Activity:
    """Raises InvalidArn, ActivityDoesNotExist."""
    found = call.shelf(Activity).get(parsed_arn(arn, "activity"))
    if found is None or found.arn != arn:
        raise ActivityDoesNotExist(f"Activity Does Not Exist: '{arn}'")
    return found


def exists(call: Call, arn: str) -> bool:
    found = call.shelf(Activity).get(arn.rpartition(":")[2])
    return found is not None and found.arn == arn


def queue(call: Call, arn: str, execution: Execution, strand: Strand, text: str) -> None:
    lock = encryptions.of_activity(call, arn, named(call, arn).encryption, execution.machine, execution.role)
    call.rows(TASKS).run(
        "insert into sfn_activity_task (activity, execution, strand, token, input) values (?,?,?,?,?)",
        arn, execution.arn, strand.id, strand.token, lock.shut_text(text),
    )  # fmt: skip
    call.after_commit(lambda: call.home.wake(("states", "activity", arn)))


def take(call: Call, arn: str) -> Task | None:
    """The task that has waited longest."""
    rows = call.rows(TASKS).take(
        "delete from sfn_activity_task where number = (select min(number) from sfn_activity_task where activity = ?) "
        "returning execution, strand, token, input",
        arn,
    )
    return Task(execution=rows[0][0], strand=rows[0][1], token=rows[0][2], input=rows[0][3]) if rows else None


def made(call: Call, name: str, tags: dict[str, str], encryption: Encryption | None) -> Activity:
    check_name(name)
    found = call.shelf(Activity).get(name)
    if found is None:
        found = Activity(name=name, arn=call.arn(f"activity:{name}", "states"), created=call.now(), tags=tags, encryption=encryption)
        call.shelf(Activity)[name] = found
    elif found.encryption != encryption:
        raise ActivityAlreadyExists(f"Activity Already Exists: '{found.arn}'")
    return found


def shown(activity: Activity) -> dict[str, Any]:
    return {"activityArn": activity.arn, "name": activity.name, "creationDate": activity.created}
