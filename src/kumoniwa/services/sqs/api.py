"""The operations of SQS."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from kumoniwa.gate.data_key import opening
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.sqs import fault, fifo, figures, message, sealing, work
from kumoniwa.services.sqs.bill import uses_of  # noqa: F401 (a hook of the gate's)
from kumoniwa.services.sqs.permission import AddPermission, RemovePermission  # noqa: F401 (operations)
from kumoniwa.services.sqs.queue import (
    FIFO_DEFAULTS,
    MESSAGE_BYTES_MAX,
    InvalidAttributeName,
    InvalidParameterValue,
    MissingParameter,
    Queue,
    QueueDoesNotExist,
    QueueNameExists,
    accepts_dead_letters,
    check_name,
    checked,
    of_url,
    shown,
)
from kumoniwa.wire.message import Request

DELETED_FOR_S = 60
PURGED_FOR_S = 60
BATCH_MAX = 10
SEQUENCE_START = 18_850_000_000_000_000_000


class QueueDeletedRecently(AwsError):
    message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."


class PurgeQueueInProgress(AwsError):
    status = 403  # recorded by localstack's test_successive_purge_calls_fail; the model does not say


class MessageNotInflight(AwsError):
    message = "The message is not in flight."


class EmptyBatchRequest(AwsError): ...


class TooManyEntriesInBatchRequest(AwsError): ...


class BatchEntryIdsNotDistinct(AwsError): ...


class InvalidBatchEntryId(AwsError):
    message = (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
    )


class BatchRequestTooLong(AwsError): ...


class UnsupportedOperation(AwsError): ...


# What the gate asks --------------------------------------------------------------------------------


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    url = params.get("QueueUrl")
    if url is not None:
        head, _, name = url.rpartition("/")
        account = head[-12:]
        return f"arn:{call.home.partition}:sqs:{call.region}:{account if account.isdigit() else call.account}:{name}"
    if "SourceArn" in params:
        return params["SourceArn"]
    if "TaskHandle" in params:
        return work.source_of(params["TaskHandle"]) or call.arn("*")
    owner = params.get("QueueOwnerAWSAccountId") or call.account
    return f"arn:{call.home.partition}:sqs:{call.region}:{owner}:{params.get('QueueName', '*')}"


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-abac.html"""
    queue = call.shelf(Queue).get(arn.rpartition(":")[2])
    return queue.tags if queue is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(call.arn(name), each.tags) for name, each in call.shelf(Queue).items()]


class InvalidAction(AwsError):
    status = 400


_OF_NO_QUEUE = frozenset({"CreateQueue", "ListQueues"})
_OF_ANY_QUEUE = frozenset({"GetQueueUrl", "StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks"})


def params_of(operation: str, request: Request, params: dict[str, Any]) -> dict[str, Any]:
    """A form may be posted to the queue's own address and then need not name it.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
    What is no queue's business cannot be asked there: localstack's validated TestSqsQueryApi."""
    parts = request.path.split("/")
    if len(parts) != 3 or not parts[1].isdigit():
        return params
    if operation in _OF_NO_QUEUE:
        raise InvalidAction(f"The action {operation} is not valid for this endpoint.")
    if operation in _OF_ANY_QUEUE or "QueueUrl" in params:
        return params
    return {**params, "QueueUrl": f"http://{request.host}{request.path}"}


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """A form cannot spell a list without entries: it leaves it out."""
    if operation.endswith("Batch") and "QueueUrl" in params and not params.get("Entries"):
        return EmptyBatchRequest(f"There should be at least one {operation}RequestEntry in the request.")
    return error


OF_POLICIES = frozenset({"GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes"})
"""By which a policy that denies everybody is found and replaced, which the root user may.
https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-tasks.html"""


def policy_of(call: Call, arn: str) -> str | None:
    if call.operation in OF_POLICIES and call.principal.kind == "root" and call.principal.account == call.account:
        # The account itself cannot lock itself out of its queue's policy.
        return None
    queue = call.shelf(Queue).get(arn.rpartition(":")[2])
    return queue.attributes.get("Policy") if queue is not None else None


# Queues --------------------------------------------------------------------------------------------


def CreateQueue(
    call: Call, *, QueueName: str, Attributes: dict[str, str] | None = None, tags: dict[str, str] | None = None
) -> dict:
    """Making a queue that exists with the same attributes answers its URL; with others it is refused."""
    attributes = Attributes or {}
    is_fifo = attributes.get("FifoQueue", "").lower() == "true"
    check_name(QueueName, is_fifo=is_fifo)
    attributes = {n: v for n, v in checked(call, attributes, is_fifo=is_fifo, is_new=True).items() if v}
    queues, now = call.shelf(Queue), call.now()
    queue = queues.get(QueueName)
    if queue is not None:
        for name, value in attributes.items():
            if (queue.of(name) or FIFO_DEFAULTS.get(name)) != value:
                raise QueueNameExists(f"A queue already exists with the same name and a different value for attribute {name}")
        return {"QueueUrl": _url(call, QueueName)}
    gone = call.shelf(work.Deleted).get(QueueName)
    if gone is not None:
        if call.home.settings.pace == "real" and gone.at + DELETED_FOR_S > now:
            raise QueueDeletedRecently
        del call.shelf(work.Deleted)[QueueName]
    queue = Queue(name=QueueName, id=call.new_id(), created=now, modified=now, attributes=attributes, tags=_checked_tags(QueueName, tags or {}))
    _check_dead_letters(call, queue)
    queues[QueueName] = queue
    figures.used(call, queue)
    return {"QueueUrl": _url(call, QueueName)}


def _url(call: Call, name: str) -> str:
    host = call.request.host if call.request is not None else ""
    return f"http://{host}/{call.account}/{name}" if host else f"{call.home.settings.endpoint}/{call.account}/{name}"


def _check_dead_letters(call: Call, queue: Queue) -> None:
    """The target of a redrive policy may refuse this source."""
    if queue.dead_letter is not None:
        target = call.shelf(Queue)[queue.dead_letter[0]]
        if not accepts_dead_letters(target, call.arn(queue.name)):
            raise InvalidParameterValue.of(
                "RedrivePolicy", queue.attributes["RedrivePolicy"],
                "The dead-letter queue's redrive allow policy does not permit this source queue.",
            )  # fmt: skip


def DeleteQueue(call: Call, *, QueueUrl: str) -> None:
    queue = of_url(call, QueueUrl)
    del call.shelf(Queue)[queue.name]
    _empty(call, queue)
    call.shelf(work.Deleted)[queue.name] = work.Deleted(at=call.now())
    call.wake(queue.id)


def _empty(call: Call, queue: Queue) -> None:
    tables = (message.MESSAGES, fifo.GROUPS, fifo.ATTEMPTS, fifo.SENT)
    rows = call.rows(*tables)
    for table in tables:
        rows.run(f"delete from {table.name} where queue = ?", queue.id)


def PurgeQueue(call: Call, *, QueueUrl: str) -> None:
    """Which messages a FIFO queue was sent is forgotten, too: localstack's test_purge_queue_clears_fifo_deduplication_cache."""
    queue = of_url(call, QueueUrl)
    if queue.purged and queue.purged + PURGED_FOR_S > call.now():
        raise PurgeQueueInProgress(f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.")
    call.shelf(Queue)[queue.name] = changed(queue, purged=call.now())
    _empty(call, queue)


def GetQueueUrl(call: Call, *, QueueName: str, QueueOwnerAWSAccountId: str | None = None) -> dict:
    if QueueName not in call.shelf(Queue) or (QueueOwnerAWSAccountId or call.account) != call.account:
        raise QueueDoesNotExist
    return {"QueueUrl": _url(call, QueueName)}


def ListQueues(
    call: Call, *, QueueNamePrefix: str | None = None, NextToken: str | None = None, MaxResults: int | None = None
) -> dict:
    """At most 1,000 URLs; a token is given only to those who asked for pages with MaxResults."""
    if MaxResults is not None and not 1 <= MaxResults <= 1000:
        raise InvalidParameterValue.of("MaxResults", MaxResults, "MaxResults must be an integer between 1 and 1000.")
    names = sorted(n for n in call.shelf(Queue) if n.startswith(QueueNamePrefix or "") and n > (NextToken or ""))
    page = names[: MaxResults or 1000]
    reply: dict[str, Any] = {"QueueUrls": [_url(call, name) for name in page]} if page else {}
    if MaxResults and len(names) > len(page):
        reply["NextToken"] = page[-1]
    return reply


def ListDeadLetterSourceQueues(call: Call, *, QueueUrl: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    target = of_url(call, QueueUrl)
    names = sorted(
        q.name for q in call.shelf(Queue).values() if q.dead_letter and q.dead_letter[0] == target.name and q.name > (NextToken or "")
    )
    page = names[: MaxResults or 1000]
    reply: dict[str, Any] = {"queueUrls": [_url(call, name) for name in page]}
    if MaxResults and len(names) > len(page):
        reply["NextToken"] = page[-1]
    return reply


def GetQueueAttributes(call: Call, *, QueueUrl: str, AttributeNames: list[str] | None = None) -> dict:
    queue = of_url(call, QueueUrl)
    names = AttributeNames or []
    if not names:
        return {}
    asks_counts = any(name == "All" or name.startswith("Approximate") for name in names)
    attributes = shown(call, queue, message.counts(call, queue) if asks_counts else (0, 0, 0))
    if "All" in names:
        return {"Attributes": attributes}
    known = attributes.keys() | {"Policy", "RedrivePolicy", "RedriveAllowPolicy", *FIFO_DEFAULTS, "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"}
    for name in names:
        if name not in known:
            raise InvalidAttributeName(f"Unknown Attribute {name}.")
    found = {name: attributes[name] for name in names if name in attributes}
    return {"Attributes": found} if found else {}


def SetQueueAttributes(call: Call, *, QueueUrl: str, Attributes: dict[str, str]) -> None:
    queue = of_url(call, QueueUrl)
    said = checked(call, Attributes, is_fifo=queue.is_fifo, is_new=False, before=queue.attributes)
    attributes = {n: v for n, v in {**queue.attributes, **said}.items() if v}
    queue = changed(queue, attributes=attributes, modified=call.now())
    if "RedrivePolicy" in said:
        _check_dead_letters(call, queue)
    call.shelf(Queue)[queue.name] = queue
    if queue.is_fifo and "DelaySeconds" in said:
        fifo.delayed_anew(call, queue)
    call.wake(queue.id)


def TagQueue(call: Call, *, QueueUrl: str, Tags: dict[str, str]) -> None:
    queue = of_url(call, QueueUrl)
    if not Tags:
        raise MissingParameter.of("Tags")
    call.shelf(Queue)[queue.name] = changed(queue, tags=_checked_tags(queue.name, {**queue.tags, **Tags}))


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidParameterValue(f"Tag key {key} is invalid: 1 to 128 characters, and aws: is reserved.")


def _checked_tags(name: str, tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > 50:
        raise InvalidParameterValue(f"Too many tags added for queue {name}.")
    for key in tags:
        if not 1 <= len(key) <= 128:
            raise reserved_tag("TagQueue", key)
    return tags


def UntagQueue(call: Call, *, QueueUrl: str, TagKeys: list[str]) -> None:
    queue = of_url(call, QueueUrl)
    if not TagKeys:
        raise InvalidParameterValue("Tag keys must be between 1 and 128 characters in length.")
    call.shelf(Queue)[queue.name] = changed(queue, tags={k: v for k, v in queue.tags.items() if k not in TagKeys})


def ListQueueTags(call: Call, *, QueueUrl: str) -> dict:
    queue = of_url(call, QueueUrl)
    return {"Tags": queue.tags} if queue.tags else {}


# Sending -------------------------------------------------------------------------------------------


def SendMessage(
    call: Call,
    *,
    QueueUrl: str,
    MessageBody: str,
    DelaySeconds: int | None = None,
    MessageAttributes: dict[str, dict] | None = None,
    MessageSystemAttributes: dict[str, dict] | None = None,
    MessageDeduplicationId: str | None = None,
    MessageGroupId: str | None = None,
) -> dict:
    return _send(
        call, of_url(call, QueueUrl), MessageBody, DelaySeconds, MessageAttributes, MessageSystemAttributes, MessageDeduplicationId, MessageGroupId
    )


_FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")


def _send(
    call: Call,
    queue: Queue,
    body: str,
    delay_s: int | None,
    attributes: dict[str, dict] | None,
    system_attributes: dict[str, dict] | None,
    deduplication_id: str | None,
    group: str | None,
) -> dict:
    """Put one message; answers the reply."""
    message.check(queue, body, attributes)
    if delay_s is not None and not 0 <= delay_s <= 900:
        raise InvalidParameterValue.of("DelaySeconds", delay_s, "DelaySeconds must be >= 0 and <= 900.")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication_id)):
        if value is not None and not _FIFO_ID.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise InvalidParameterValue.of(name, value, reason)
    system, token = {}, ""
    if queue.is_fifo:
        if delay_s:
            raise InvalidParameterValue.of("DelaySeconds", delay_s, "The request include parameter that is not valid for this queue type.")
        deduplication_id, token = fifo.token(queue, body, deduplication_id, group)
        system["MessageDeduplicationId"] = deduplication_id
    elif deduplication_id is not None:
        raise InvalidParameterValue.of(
            "MessageDeduplicationId", deduplication_id, "The request include parameter that is not valid for this queue type."
        )
    if group is not None:
        system["MessageGroupId"] = group
    reply = {"MD5OfMessageBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()}
    if attributes:
        reply["MD5OfMessageAttributes"] = message.md5_of_attributes(attributes)
    if system_attributes:
        system["AWSTraceHeader"] = _trace_header(system_attributes)
        reply["MD5OfMessageSystemAttributes"] = message.md5_of_attributes(system_attributes)
    elif trace := call.trace:
        # A client that is traced says so beside its request: localstack's test_aws_trace_header_propagation.
        system["AWSTraceHeader"] = trace
    if queue.is_fifo:
        sent = fifo.already_sent(call, queue, token)
        if sent is not None:
            return {**reply, "MessageId": sent[0], "SequenceNumber": sent[1]}
    message_id = reply["MessageId"] = call.new_id()
    # On a FIFO queue zero means the queue's own: localstack's test_fifo_queue_send_message_with_zero_delay_….
    has_own_delay = delay_s is not None and not queue.is_fifo
    delay = delay_s if has_own_delay else queue.delay_s
    content = message.Content(
        id=message_id, body=body, md5=reply["MD5OfMessageBody"], sender=call.principal.user_id or "anonymous",
        attributes=attributes or {}, system=system, md5_of_attributes=reply.get("MD5OfMessageAttributes", ""),
    )  # fmt: skip
    if queue.master_key:
        key_id, sealed = sealing.sealed(call, queue, body)
        content = changed(content, body="", data_key=key_id, sealed=sealed)
    seq = message.put(call, queue, content, visible_at=call.now() + delay, group=group if queue.is_fifo else None)
    if queue.is_fifo:
        reply["SequenceNumber"] = _sequence_number(seq)
        fifo.remember_sent(call, queue, token, message_id, reply["SequenceNumber"])
    figures.sent(call, queue, len(body))
    return reply


def _sequence_number(seq: int) -> str:
    """Twenty digits that grow by more than one, as AWS's do."""
    return str(SEQUENCE_START + seq * 256)


def _trace_header(attributes: dict[str, dict]) -> str:
    for name, value in attributes.items():
        if name != "AWSTraceHeader":
            raise InvalidParameterValue(f"Message system attribute name '{name}' is invalid.")
        if value.get("DataType") != "String" or not value.get("StringValue"):
            raise InvalidParameterValue(f"The message system attribute '{name}' must be of type String.")
    return attributes["AWSTraceHeader"]["StringValue"]


def SendMessageBatch(call: Call, *, QueueUrl: str, Entries: list[dict]) -> dict:
    """The batch is weighed before anything of it is judged. What a FIFO queue must be told, each entry must tell."""
    queue = of_url(call, QueueUrl)
    size = sum(message.size_of(entry["MessageBody"], entry.get("MessageAttributes")) for entry in Entries)
    if size > MESSAGE_BYTES_MAX:
        raise BatchRequestTooLong(f"Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {size} bytes.")
    for entry in Entries if queue.is_fifo else ():
        if not entry.get("MessageGroupId"):
            # Recorded with this code: localstack's test_send_batch_missing_message_group_id_for_fifo_queue.
            raise InvalidParameterValue("The request must contain the parameter MessageGroupId.")
        fifo.token(queue, entry["MessageBody"], entry.get("MessageDeduplicationId"), entry["MessageGroupId"])

    def send(entry: dict) -> dict:
        return _send(
            call, queue, entry["MessageBody"], entry.get("DelaySeconds"), entry.get("MessageAttributes"),
            entry.get("MessageSystemAttributes"), entry.get("MessageDeduplicationId"), entry.get("MessageGroupId"),
        )  # fmt: skip

    return _batch("SendMessageBatchRequestEntry", Entries, send)


def _batch(kind: str, entries: list[dict], do: Callable[[dict], dict]) -> dict:
    """Each entry by itself; what fails is reported beside what succeeded."""
    if not entries:
        raise EmptyBatchRequest(f"There should be at least one {kind} in the request.")
    if len(entries) > BATCH_MAX:
        raise TooManyEntriesInBatchRequest(f"Maximum number of entries per request are {BATCH_MAX}. You have sent {len(entries)}.")
    seen: set[str] = set()
    for entry in entries:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", entry["Id"]):
            raise InvalidBatchEntryId
        if entry["Id"] in seen:
            raise BatchEntryIdsNotDistinct(f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])
    done, failed = [], []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **do(entry)})
        except AwsError as error:
            code = error.code.removesuffix("Exception").replace("MissingRequiredParameter", "MissingParameter")
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": error.text})
    reply: dict[str, Any] = {}
    if done:
        reply["Successful"] = done
    if failed:
        reply["Failed"] = failed
    return reply


# Receiving -----------------------------------------------------------------------------------------


def ReceiveMessage(
    call: Call,
    *,
    QueueUrl: str,
    AttributeNames: list[str] | None = None,
    MessageSystemAttributeNames: list[str] | None = None,
    MessageAttributeNames: list[str] | None = None,
    MaxNumberOfMessages: int | None = None,
    VisibilityTimeout: int | None = None,
    WaitTimeSeconds: int | None = None,
    ReceiveRequestAttemptId: str | None = None,
):
    """Answers at once if there is something to receive, and otherwise a coroutine that polls until there is."""
    queue = of_url(call, QueueUrl)
    count = 1 if MaxNumberOfMessages is None else MaxNumberOfMessages
    if not 1 <= count <= 10:
        raise InvalidParameterValue.of("MaxNumberOfMessages", count, "Must be between 1 and 10, if provided.")
    wait_s = queue.wait_s if WaitTimeSeconds is None else WaitTimeSeconds
    if not 0 <= wait_s <= 20:
        raise InvalidParameterValue.of("WaitTimeSeconds", wait_s, "Must be >= 0 and <= 20, if provided.")
    visibility_s = queue.visibility_s if VisibilityTimeout is None else VisibilityTimeout
    if not 0 <= visibility_s <= 43_200:
        raise InvalidParameterValue.of("VisibilityTimeout", visibility_s, "Must be >= 0 and <= 43200, if provided.")
    if ReceiveRequestAttemptId is not None and not queue.is_fifo:
        reason = "The request include parameter that is not valid for this queue type."
        raise InvalidParameterValue.of("ReceiveRequestAttemptId", ReceiveRequestAttemptId, reason)
    system_names = [*(AttributeNames or ()), *(MessageSystemAttributeNames or ())]

    def receive() -> list[dict]:
        if ReceiveRequestAttemptId:
            taken = fifo.attempted(call, queue, ReceiveRequestAttemptId, visibility_s)
            if taken is None:
                taken = message.take(call, queue, count, visibility_s)
                if taken:
                    fifo.remember_attempt(call, queue, ReceiveRequestAttemptId, taken)
        else:
            taken = message.take(call, queue, count, visibility_s)
        figures.received(call, queue, len(taken))
        return [_received(call, queue, row, system_names, MessageAttributeNames or []) for row in taken]

    until = call.now() + wait_s
    messages = receive()
    if messages and call.home.faults and fault.is_consumer_dead(call, queue):
        return fault.died()
    if messages or not wait_s:
        return {"Messages": messages} if messages else {}
    return _poll(call, queue, receive, until)


async def _poll(call: Call, queue: Queue, receive: Callable[[], list[dict]], until: float) -> dict:
    while call.now() < until:
        shows = message.next_visible(call, queue)
        await call.wait(queue.id, until=until if shows is None else min(until, shows))
        current = call.shelf(Queue).get(queue.name)
        if current is None or current.id != queue.id:
            raise QueueDoesNotExist
        messages = await opening(call, receive)
        if messages and call.home.faults and fault.is_consumer_dead(call, queue):
            return await fault.died()
        if messages:
            return {"Messages": messages}
    return {}


def _received(call: Call, queue: Queue, row: tuple, system_names: list[str], attribute_names: list[str]) -> dict:
    seq, sent, received, first, receive, blob = row
    content = message.opened(call, queue, blob)
    reply = {
        "MessageId": content.id,
        "ReceiptHandle": message.handle(queue, seq, receive),
        "MD5OfBody": content.md5,
        "Body": sealing.opened(call, queue, content.data_key, content.sealed) if content.data_key else content.body,
    }
    if system_names:
        system = {
            "SenderId": content.sender,
            "SentTimestamp": str(milliseconds(sent)),
            "ApproximateReceiveCount": str(received),
            "ApproximateFirstReceiveTimestamp": str(milliseconds(first)),
            **content.system,
            **({"SequenceNumber": _sequence_number(seq)} if queue.is_fifo else {}),
        }
        wanted = system if "All" in system_names else {n: v for n, v in system.items() if n in system_names}
        if wanted:
            reply["Attributes"] = wanted
    if attribute_names and content.attributes:
        chosen = {n: v for n, v in content.attributes.items() if _is_chosen(n, attribute_names)}
        if chosen:
            reply["MessageAttributes"] = chosen
            reply["MD5OfMessageAttributes"] = (
                content.md5_of_attributes if len(chosen) == len(content.attributes) else message.md5_of_attributes(chosen)
            )
    return reply


def _is_chosen(name: str, wanted: list[str]) -> bool:
    """``All``, ``*``, ``.*``, a name, or a prefix as in ``bar.*``."""
    return any(w in ("All", "*", ".*", name) or (w.endswith(".*") and name.startswith(w[:-2])) for w in wanted)


# After receiving -----------------------------------------------------------------------------------


def DeleteMessage(call: Call, *, QueueUrl: str, ReceiptHandle: str) -> None:
    _delete(call, of_url(call, QueueUrl), ReceiptHandle)


def _delete(call: Call, queue: Queue, receipt_handle: str) -> None:
    """A standard queue takes a handle of any receive; a FIFO queue only that of the last one, while it is in flight."""
    seq, receive = message.named(queue, receipt_handle)
    found = call.rows(message.MESSAGES).one("select receive, visible_at from sqs_message where seq = ? and queue = ?", seq, queue.id)
    if found is None:
        return
    if queue.is_fifo and (found[0] != receive or found[1] <= call.now()):
        raise InvalidParameterValue.of("ReceiptHandle", receipt_handle, "The receipt handle has expired.")
    message.drop(call, queue, seq)
    figures.deleted(call, queue)


def DeleteMessageBatch(call: Call, *, QueueUrl: str, Entries: list[dict]) -> dict:
    queue = of_url(call, QueueUrl)

    def delete(entry: dict) -> dict:
        _delete(call, queue, entry["ReceiptHandle"])
        return {}

    return _batch("DeleteMessageBatchRequestEntry", Entries, delete)


def ChangeMessageVisibility(call: Call, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
    _change_visibility(call, of_url(call, QueueUrl), ReceiptHandle, VisibilityTimeout)


VISIBLE_AGAIN_WITHIN_S = 43_200


def _change_visibility(call: Call, queue: Queue, receipt_handle: str, visibility_s: int) -> None:
    if not 0 <= visibility_s <= 43_200:
        raise InvalidParameterValue.of("VisibilityTimeout", visibility_s, "VisibilityTimeout must be an integer between 0 and 43200.")
    seq, receive = message.named(queue, receipt_handle)
    rows, now = call.rows(message.MESSAGES), call.now()
    found = rows.one("select receive, visible_at, first from sqs_message where seq = ? and queue = ?", seq, queue.id)
    # A standard queue takes a handle of any receive, also when its time is over: localstack's
    # test_terminate_visibility_timeout_after_receive and test_change_message_visibility_after_visibility_timeout_expiration.
    if found is None or (queue.is_fifo and (found[1] <= now or found[0] != receive)):
        reason = "Message does not exist or is not available for visibility timeout change."
        raise InvalidParameterValue.of("ReceiptHandle", receipt_handle, reason)
    if now + visibility_s > found[2] + VISIBLE_AGAIN_WITHIN_S:
        raise InvalidParameterValue.of(
            "VisibilityTimeout", visibility_s, "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
        )
    rows.run("update sqs_message set visible_at = ? where seq = ?", now + visibility_s, seq)
    if queue.is_fifo:
        fifo.settle(call, queue, seq)
    call.wake(queue.id)


def ChangeMessageVisibilityBatch(call: Call, *, QueueUrl: str, Entries: list[dict]) -> dict:
    queue = of_url(call, QueueUrl)

    def change(entry: dict) -> dict:
        _change_visibility(call, queue, entry["ReceiptHandle"], entry.get("VisibilityTimeout", queue.visibility_s))
        return {}

    return _batch("ChangeMessageVisibilityBatchRequestEntry", Entries, change)


# Moving messages back ------------------------------------------------------------------------------


def StartMessageMoveTask(
    call: Call, *, SourceArn: str, DestinationArn: str | None = None, MaxNumberOfMessagesPerSecond: int | None = None
) -> dict:
    return {"TaskHandle": work.begin(call, SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond)}


def CancelMessageMoveTask(call: Call, *, TaskHandle: str) -> dict:
    return {"ApproximateNumberOfMessagesMoved": work.cancel(call, TaskHandle)}


def ListMessageMoveTasks(call: Call, *, SourceArn: str, MaxResults: int | None = None) -> dict:
    if MaxResults is not None and not 1 <= MaxResults <= 10:
        raise InvalidParameterValue.of("MaxResults", MaxResults, "MaxResults must be an integer between 1 and 10.")
    return {"Results": work.listed(call, SourceArn)[: MaxResults or 1]}
