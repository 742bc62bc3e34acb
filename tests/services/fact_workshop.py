"""A queue that hears what services tell the default bus of their region."""

from __future__ import annotations

import json

from test_events_rules import ACCOUNT, queue, received, rule

US = "us-east-1"
__all__ = ["ACCOUNT", "US", "heard", "hears"]


def hears(cloud, source: str, kind: str | None = None, detail: dict | None = None, *, region: str = US) -> None:
    """From now on a queue hears what this source tells, of one kind or of all."""
    pattern = {"source": [source]} | ({"detail-type": [kind]} if kind else {}) | ({"detail": detail} if detail else {})
    rule(cloud, {"Id": "q", "Arn": queue(cloud, region=region)}, region=region, pattern=json.dumps(pattern))


def heard(cloud, region: str = US) -> list[dict]:
    """What it heard since it was last asked."""
    cloud.sleep(3)
    return [json.loads(each["Body"]) for each in received(cloud, region=region)]

