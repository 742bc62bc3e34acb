"""Permissions: the statements of a queue's policy that are written and taken away by their labels."""

from __future__ import annotations

import json
import re

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.languages.policy import granting, statements_in
from kumoniwa.services.sqs.message import OverLimit
from kumoniwa.services.sqs.queue import InvalidParameterValue, MissingParameter, Queue, of_url

GRANTABLE = ("*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl",
             "ListDeadLetterSourceQueues", "PurgeQueue", "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")  # fmt: skip
OWNERS_OWN = ("AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue", "ListMessageMoveTasks", "ListQueues",
              "ListQueueTags", "RemovePermission", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue")  # fmt: skip
GRANT_ACTIONS_MAX = 7
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html"""


def AddPermission(call: Call, *, QueueUrl: str, Label: str, AWSAccountIds: list[str], Actions: list[str]) -> None:
    queue = of_url(call, QueueUrl)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", Label):
        raise InvalidParameterValue.of("Label", Label, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    for action in Actions:
        if action in OWNERS_OWN:
            raise InvalidParameterValue.of("ActionName", f"SQS:{action}", "Only the queue owner is allowed to invoke this action.")
        if action not in GRANTABLE:
            raise InvalidParameterValue.of("ActionName", f"SQS:{action}", "Please refer to the appropriate WSDL for a list of valid actions.")
    if not Actions:
        raise MissingParameter.of("Actions")
    if len(Actions) > GRANT_ACTIONS_MAX:
        raise OverLimit(f"{len(Actions)} Actions were found, maximum allowed is {GRANT_ACTIONS_MAX}.")
    if not AWSAccountIds:
        raise InvalidParameterValue.of("PrincipalId", "[]", "Unable to verify.")
    for account in AWSAccountIds:
        if not re.fullmatch("[0-9]{12}", account):
            raise InvalidParameterValue.of("PrincipalId", f"[{account}]", "Unable to verify.")
    arn = call.arn(queue.name)
    document, statements = _policy(queue, {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": []})
    if any(statement.get("Sid") == Label for statement in statements):
        raise InvalidParameterValue.of("Label", Label, "Already exists.")
    if len(statements) >= 20:
        raise OverLimit("20 Permissions have been granted already; the maximum is 20.")
    statement = granting(Label, AWSAccountIds, [f"SQS:{action}" for action in Actions], arn, call.home.partition)
    policy = json.dumps({**document, "Statement": [*statements, statement]})
    call.shelf(Queue)[queue.name] = changed(queue, attributes={**queue.attributes, "Policy": policy}, modified=call.now())


def _policy(queue: Queue, default: dict) -> tuple[dict, list[dict]]:
    """The queue's policy and its statements."""
    text = queue.attributes.get("Policy")
    document = json.loads(text) if text else default
    return document, statements_in(document)


def RemovePermission(call: Call, *, QueueUrl: str, Label: str) -> None:
    queue = of_url(call, QueueUrl)
    document, statements = _policy(queue, {"Statement": []})
    kept = [statement for statement in statements if statement.get("Sid") != Label]
    if len(kept) == len(statements):
        # Without a policy recorded by localstack's test_sqs_permission_lifecycle.
        place = " on existing policy" if statements else ""
        raise InvalidParameterValue.of("Label", Label, f"can't find label{place}.")
    attributes = dict(queue.attributes)
    if kept:
        attributes["Policy"] = json.dumps({**document, "Statement": kept})
    else:
        del attributes["Policy"]
    call.shelf(Queue)[queue.name] = changed(queue, attributes=attributes, modified=call.now())
