"""Batches of log events: each is kept whole or not at all, and once."""

import time
from collections import Counter

from worker import REGION, Worker


class Logger(Worker):
    def prepare(self) -> None:
        self.logs, self.kept, self.sizes = self.client("logs"), set(), {}

    def act(self, name: str) -> None:
        size, now = self.random.choice((1, 3, 50)), int(time.time() * 1000)
        self.sizes[name] = size
        events = [{"timestamp": now, "message": f"{name}/{n}"} for n in range(size)]
        self.logs.put_log_events(logGroupName="diary", logStreamName=f"w{self.number}", logEvents=events)
        self.kept.add(name)


def begin(cloud) -> list[Worker]:
    logs = cloud.client("logs", REGION)
    logs.create_log_group(logGroupName="diary")
    for number in (40, 41):
        logs.create_log_stream(logGroupName="diary", logStreamName=f"w{number}")
    return [Logger(cloud, 40), Logger(cloud, 41)]


def check(cloud, workers: list[Logger]) -> None:
    logs = cloud.client("logs", REGION)
    for worker in workers:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="diary", logStreamNames=[f"w{worker.number}"])
        messages = Counter(event["message"] for page in pages for event in page["events"])
        assert set(messages.values()) <= {1}, "an event is there twice"
        found = Counter(message.partition("/")[0] for message in messages)
        assert worker.kept <= set(found), f"acknowledged batches are gone: {sorted(worker.kept - set(found))[:5]}"
        assert {name: worker.sizes[name] for name in found} == found, "half a batch"
