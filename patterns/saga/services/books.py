"""What every step keeps: that it was done, for which saga, in which order. A step is done once, and undone once if it was done.

The change and the note of it are one transaction, so a step that is asked again, because its answer was lost or its region was
killed, finds the note and changes nothing.
"""

import os
import time

import boto3
from boto3.dynamodb.types import TypeSerializer

client, table = boto3.client("dynamodb"), os.environ["BOOKS"]
written = TypeSerializer().serialize
ATTEMPTS = 5


class Impossible(Exception):
    """The change itself was refused by its condition."""


def do(asked, step, change):
    """``change`` is an Update, with a condition where it may be impossible."""
    _work(asked, step)
    _once(asked["saga"], step, change)


def undo(asked, step, back, change):
    """Undo ``step`` by ``change``, as the step ``back``, if it was done. If not, it will not be done later either."""
    _work(asked, back)
    if not _once(asked["saga"], step, None, is_barred=True):
        note = client.get_item(TableName=table, Key={"id": written(f"step:{asked['saga']}:{step}")}, ConsistentRead=True)["Item"]
        if not note["is_barred"]["BOOL"]:
            _once(asked["saga"], back, change)


def update(key, expression, condition=None, **values):
    found = {"TableName": table, "Key": {"id": written(key)}, "UpdateExpression": expression}
    if condition:
        found["ConditionExpression"] = condition
    return found | {"ExpressionAttributeValues": {f":{name}": written(value) for name, value in values.items()}}


def _work(asked, step):
    """Each time a step is asked is counted; ``work_s`` is how long its work takes."""
    client.update_item(**update(f"asked:{asked['saga']}:{step}", "ADD times :one", one=1))
    time.sleep(asked["order"].get("work_s", 0))


def _once(saga, step, change, is_barred=False):
    """Whether this was the first time."""
    note = {"id": f"step:{saga}:{step}", "is_barred": is_barred}
    items = [{"Put": {"TableName": table, "Item": {key: written(value) for key, value in note.items()}, "ConditionExpression": "attribute_not_exists(id)"}}]
    if change:
        story = update(f"saga:{saga}", "SET story = list_append(if_not_exists(story, :none), :step)", none=[], step=[step])
        items += [{"Update": story}, {"Update": change}]
    for attempt in range(ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=items)
            return True
        except client.exceptions.TransactionCanceledException as error:
            codes = [reason["Code"] for reason in error.response["CancellationReasons"]]
        if codes[0] == "ConditionalCheckFailed":
            return False
        if "ConditionalCheckFailed" in codes:
            raise Impossible
        time.sleep(0.02 * 2**attempt)  # another saga is at the same account or the same stock
    raise RuntimeError(codes)
