"""Chains that begin at a bus, a schedule or a pipe, and end in a queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from botocore.exceptions import ClientError
from chain import Chain, Sender, Taken, queue, role, url_of


class IntoQueue(Chain):
    """What arrives lies in the queue ``out``."""

    service = ""

    def begin(self) -> None:
        self.out = queue(self.cloud, "out", service=self.service)
        self.taken = Taken(self.cloud, "out")

    def arrived(self) -> list[str]:
        return [json.loads(body)["name"] for body in self.taken.bodies()]


class Events(IntoQueue):
    name = "events"
    says = "EventBridge → SQS: every event that was taken is in the queue"
    service = "events.amazonaws.com"
    messages = 4_000

    def begin(self) -> None:
        super().begin()
        events = self.client("events")
        events.create_event_bus(Name="shop")
        events.put_rule(Name="all", EventBusName="shop", EventPattern=json.dumps({"source": ["till"]}))
        events.put_targets(Rule="all", EventBusName="shop", Targets=[{"Id": "out", "Arn": self.out, "InputPath": "$.detail"}])

    def send(self, sender: Sender, names: list[str]) -> None:
        entries = [{"EventBusName": "shop", "Source": "till", "DetailType": "sale", "Detail": json.dumps({"name": name})} for name in names]
        assert sender.asks("events").put_events(Entries=entries)["FailedEntryCount"] == 0


class Schedules(IntoQueue):
    """Each schedule is for one moment, a little later: many of them fall into a life that has not begun yet."""

    name = "schedules"
    says = "EventBridge Scheduler → SQS: every schedule that was made comes, be it late"
    messages, messages_short, batch = 500, 12, 1
    service = "scheduler.amazonaws.com"
    is_exact = True

    def begin(self) -> None:
        super().begin()
        self.role = role(self.cloud, "scheduler", "scheduler.amazonaws.com")

    def send(self, sender: Sender, names: list[str]) -> None:
        (name,) = names
        at = datetime.fromtimestamp(self.stage.now() + sender.random.randint(2, 5), UTC)
        try:
            sender.asks("scheduler").create_schedule(
                Name=name, ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"},
                Target={"Arn": self.out, "RoleArn": self.role, "Input": json.dumps({"name": name})},
            )  # fmt: skip
        except ClientError as error:
            # It was made by the call whose answer was not heard.
            if error.response["Error"]["Code"] != "ConflictException":
                raise


class Pipe(IntoQueue):
    name = "pipe"
    says = "SQS → EventBridge Pipes → SQS: every message is in the other queue"
    messages = 4_000

    def begin(self) -> None:
        super().begin()
        source = queue(self.cloud, "in", VisibilityTimeout=4)
        self.source = url_of(self.cloud, "in")
        self.client("pipes").create_pipe(
            Name="pipe", Source=source, Target=self.out, RoleArn=role(self.cloud, "pipe", "pipes.amazonaws.com"),
            TargetParameters={"InputTemplate": '{"name": <$.body>}'},
        )  # fmt: skip

    def send(self, sender: Sender, names: list[str]) -> None:
        entries = [{"Id": str(number), "MessageBody": name} for number, name in enumerate(names)]
        assert len(sender.asks("sqs").send_message_batch(QueueUrl=self.source, Entries=entries)["Successful"]) == len(names)
