"""A pipe as whom a source is read for: each batch is an execution, and what is given up is told to the pipe's dead-letter queue."""

from __future__ import annotations

import sys
from typing import Any

import orjson

from kumoniwa.intake.customer import Lost, Taken
from kumoniwa.intake.queue import queue_url
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.pipes import encryption, life
from kumoniwa.services.pipes.errors import NotFoundException
from kumoniwa.services.pipes.execution import Execution
from kumoniwa.services.pipes.pipe import Pipe, Wishes, arn_of
from kumoniwa.wire import timestamps

BATCH_BYTES_MAX = 6 << 20
"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-kinesis.html: "the batch reaches the payload limit of 6 MB"."""


class PipeCustomer:
    batch_bytes_max = BATCH_BYTES_MAX

    def __init__(self, call: Call, pipe: Pipe) -> None:
        self.call, self.id, self.name = call, pipe.id, pipe.name
        self.key = ("pipes", "source", call.account, pipe.id)

    def _held(self) -> Pipe | None:
        held = self.call.shelf(Pipe).get(self.name)
        return encryption.seen(self.call, held) if held is not None and held.id == self.id else None

    def _pipe(self) -> Pipe:
        held = self._held()
        if held is None:
            raise NotFoundException(f"Pipe {self.name} does not exist.")
        return held

    def wishes(self) -> Wishes | None:
        held = self._held()
        return held.wishes if held is not None else None

    @property
    def role(self) -> str:
        return self._pipe().role

    def reader(self) -> Call:
        return life.as_role(self.call, self._pipe())

    def shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Records of Kinesis lie flat in a pipe. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-kinesis.html"""
        if "kinesis" not in record:
            return record
        rest = {name: value for name, value in record.items() if name != "kinesis"}
        return record["kinesis"] | rest

    async def take(self, records: list[dict[str, Any]], frame: dict[str, Any]) -> Taken:
        pipe = self._pipe()
        events = [self.shaped(record) for record in records]
        return await Execution(self.call, pipe, self.reader(), events).run()

    def say(self, result: str) -> None:
        """A pipe does not show how its last batch went."""

    def counted(self, fate: str, count: int) -> None: ...

    async def give_up(self, lost: Lost) -> None:
        """Seen in the wild: {"context": {"partnerResourceArn", "condition"}, "version", "timestamp", "KinesisBatchInfo"}."""
        pipe = self._held()
        dead = (pipe.own.get("DeadLetterConfig") or {}).get("Arn") if pipe is not None else None
        if not dead:
            return
        said = {
            "context": {"partnerResourceArn": arn_of(self.call, pipe), "condition": lost.condition},
            "version": "1.0",
            "timestamp": timestamps.to_millisecond(self.call.now()),
            **lost.information,
        }
        body, target = orjson.dumps(said).decode(), arns.parse(dead)
        role = self.reader()
        try:
            if target.service == "sqs":
                await role.ask("sqs:SendMessage", to_region=target.region, QueueUrl=queue_url(dead), MessageBody=body, once=lost.once)
            else:
                await role.ask("sns:Publish", to_region=target.region, TopicArn=dead, Message=body, once=lost.once)
        except AwsError as error:
            print(f"kumoniwa: {pipe.source}: {error.code} from the dead-letter queue of {pipe.name}: {error.text}", file=sys.stderr)


def wanted(call: Call) -> list[PipeCustomer]:
    """Pipes whose sources are to be read now."""
    running = [pipe for pipe in call.shelf(Pipe).values() if pipe.state == "RUNNING"]
    for pipe in running:
        encryption.look(call, pipe)
    return [PipeCustomer(call, pipe) for pipe in running if encryption.seen(call, pipe) is not None]


def next_change(call: Call) -> float:
    return min(life.next_change(call), encryption.next_look(call))
