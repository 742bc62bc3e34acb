"""Chains that begin at a topic: to a queue and its function, in order and once where the topic is FIFO, and to the dead letters."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

from chain import Chain, Sender, Taken, queue

NOTING = """
    def handler(event, context):
        for record in event["Records"]:
            note(record["body"])
"""


class Notices(Chain):
    """The topic takes batches; the function notes what comes, at least once."""

    name = "notices"
    says = "SNS → SQS → Lambda → DynamoDB: none is lost"
    messages = 10_000
    source = NOTING
    suffix = ""
    timeout_s = 4
    topic_attributes: dict[str, str] = {}
    queue_attributes: dict[str, str] = {"VisibilityTimeout": "5"}
    mapping: dict = {"BatchSize": 10}

    def begin(self) -> None:
        made = self.client("sns").create_topic(Name=f"notices{self.suffix}", Attributes=self.topic_attributes)
        self.topic = made["TopicArn"]
        inbox = queue(self.cloud, f"notices{self.suffix}", service="sns.amazonaws.com", **self.queue_attributes)
        self.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=inbox, Attributes={"RawMessageDelivery": "true"})
        self.stage.function("noter", self.source, self.timeout_s)
        self.client("lambda").create_event_source_mapping(FunctionName="noter", EventSourceArn=inbox, **self.mapping)

    def entry(self, number: int, name: str) -> dict:
        return {"Id": str(number), "Message": name}

    def send(self, sender: Sender, names: list[str]) -> None:
        entries = [self.entry(number, name) for number, name in enumerate(names)]
        reply = sender.asks("sns").publish_batch(TopicArn=self.topic, PublishBatchRequestEntries=entries)
        assert len(reply["Successful"]) == len(names), reply


ORDERED = """
    def handler(event, context):
        for record in event["Records"]:
            note(record["body"] + " " + record["messageId"], row="group " + record["attributes"]["MessageGroupId"])
"""
GROUPS = 2
"""Of each sender, who alone says what comes after what in them."""


def group_of(name: str) -> str:
    number, _, place = name.partition("-")
    return f"{number}.{int(place) % GROUPS}"


class Ordered(Notices):
    """A message that the topic or the queue has seen is not taken again: a name has one message, however often it is published. The
    function may see that message again, with all that come after it in its group, if the region was killed before it was deleted."""

    name = "ordered"
    says = "SNS FIFO → SQS FIFO → Lambda → DynamoDB: none is lost, none is taken twice, each group in its order"
    messages = 4_000
    source = ORDERED
    suffix = ".fifo"
    topic_attributes = {"FifoTopic": "true"}
    queue_attributes = {"FifoQueue": "true", "VisibilityTimeout": "5"}

    def entry(self, number: int, name: str) -> dict:
        return {"Id": str(number), "Message": name, "MessageGroupId": group_of(name), "MessageDeduplicationId": name}

    def send(self, sender: Sender, names: list[str]) -> None:
        super().send(sender, names)
        if sender.random.random() < 0.25:
            # As who did not hear that it was taken. From now on an answer that does not come means nothing: it was taken.
            sender.sent += len(names)
            super().send(sender, names)

    def seen(self) -> dict[str, list[tuple[str, str]]]:
        """What the function saw of each group: names and ids of messages."""
        return {row: [tuple(text.split(" ")) for text in texts] for row, texts in self.stage.noted().items() if row.startswith("group ")}

    def arrived(self) -> list[str]:
        """Each message of a queue once, though the function may have seen it again."""
        return [name for name, _ in {pair for pairs in self.seen().values() for pair in pairs}]

    is_exact = True

    def findings(self, acknowledged: set[str], arrived: list[str]) -> list[str]:
        wrong = []
        for group, pairs in self.seen().items():
            places = [int(name.partition("-")[2]) for name, _ in pairs]
            if {group_of(name) for name, _ in pairs} != {group.removeprefix("group ")}:
                wrong.append(f"{group} saw what is another's")
            row = sorted(set(places))
            after = dict(pairwise(row))
            leaps = [(before, place) for before, place in pairwise(places) if place > before and after[before] != place]
            if leaps or places[0] != row[0]:
                wrong.append(f"{group} is out of order: {leaps[:5]} {places[:3]}")
        return wrong


RECEIVES_MAX = 12
"""More than there are kills: a receive whose batch dies with the region counts, too, and what is good must not be with the dead letters."""
ONE_OF = 25
REFUSING = f"""
    def handler(event, context):
        failed = []
        for record in event["Records"]:
            if int(record["body"].partition("-")[2]) % {ONE_OF} == 7:
                note(record["messageId"], row="tried " + record["body"])
                failed.append({{"itemIdentifier": record["messageId"]}})
            else:
                note(record["body"])
        return {{"batchItemFailures": failed}}
"""


def is_poison(name: str) -> bool:
    return int(name.partition("-")[2]) % ONE_OF == 7


def with_dead_letters(chain: Chain, suffix: str, **attributes: str) -> dict[str, str]:
    """Attributes of a queue whose messages go to the queue ``dead`` when they were received often enough in vain."""
    dead = queue(chain.cloud, f"dead{suffix}", **attributes)
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": RECEIVES_MAX})}


def poison_findings(chain: Chain, acknowledged: set[str], dead: Counter[str]) -> list[str]:
    # What was published again, because its answer was not heard, is another message.
    tries = Counter(id_ for row, ids in chain.stage.noted().items() if row.startswith("tried ") for id_ in ids)
    wrong = []
    if missing := {name for name in acknowledged if is_poison(name)} - set(dead):
        wrong.append(f"{len(missing)} poisoned messages did not reach the dead letters: {sorted(missing)[:5]}")
    if good := [name for name in dead if not is_poison(name)]:
        wrong.append(f"{len(good)} good messages are with the dead letters: {good[:5]}")
    if often := [id_ for id_, count in tries.items() if count > RECEIVES_MAX]:
        wrong.append(f"{len(often)} were tried more than {RECEIVES_MAX} times: {often[:5]}")
    if not tries:
        wrong.append("no poison was tried")
    return wrong


class Poison(Notices):
    name = "poison"
    says = f"SNS → SQS → Lambda: one of {ONE_OF} is poison, and all of that and nothing else is with the dead letters, after {RECEIVES_MAX} receives"
    messages, messages_short = 2_000, 40
    source = REFUSING
    timeout_s, settles_within_s = 2, 240
    queue_attributes = {"VisibilityTimeout": "2"}
    mapping = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}

    def begin(self) -> None:
        self.queue_attributes = self.queue_attributes | with_dead_letters(self, "")
        super().begin()
        self.dead = Taken(self.cloud, "dead")

    def arrived(self) -> list[str]:
        good = [name for row, texts in self.stage.noted().items() if not row.startswith("tried ") for name in texts]
        return good + self.dead.bodies()

    def findings(self, acknowledged: set[str], arrived: list[str]) -> list[str]:
        return poison_findings(self, acknowledged, Counter(self.dead.bodies()))


ORDERED_REFUSING = f"""
    def handler(event, context):
        (record,) = event["Records"]
        if int(record["body"].partition("-")[2]) % {ONE_OF} == 7:
            note(record["messageId"], row="tried " + record["body"])
            raise ValueError(record["body"])
        note(record["body"] + " " + record["messageId"], row="group " + record["attributes"]["MessageGroupId"])
"""


class OrderedPoison(Ordered):
    """A group waits until its poison is gone, and goes on in its order."""

    name = "ordered poison"
    says = f"SNS FIFO → SQS FIFO → Lambda, one of {ONE_OF} is poison: as before, and a group goes on when its poison is with the dead letters"
    messages, messages_short = 400, 40
    source = ORDERED_REFUSING
    timeout_s, settles_within_s = 2, 240
    mapping = {"BatchSize": 1}
    queue_attributes = Ordered.queue_attributes | {"VisibilityTimeout": "2"}

    def begin(self) -> None:
        self.queue_attributes = self.queue_attributes | with_dead_letters(self, ".fifo", FifoQueue="true")
        super().begin()
        self.dead = Taken(self.cloud, "dead.fifo")

    def arrived(self) -> list[str]:
        return super().arrived() + self.dead.bodies()

    def findings(self, acknowledged: set[str], arrived: list[str]) -> list[str]:
        return super().findings(acknowledged, arrived) + poison_findings(self, acknowledged, Counter(self.dead.bodies()))
