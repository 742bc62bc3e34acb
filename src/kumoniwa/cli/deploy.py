"""``kumoniwa deploy``: package local code, then create or update one stack in each region, and watch.

It speaks only AWS: the same template goes to AWS itself with ``sam deploy``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from kumoniwa.cli.session import session
from kumoniwa.deploy.packaging import package
from kumoniwa.kernel.errors import AwsError

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
LOOK_S = 0.05
ENDED = ("COMPLETE", "FAILED")


def deploy(asked: argparse.Namespace) -> int:
    parameters = []
    for pair in asked.parameter:
        key, is_pair, value = pair.partition("=")
        if not is_pair:
            print(f"kumoniwa: --parameter takes K=V, not {pair}.", file=sys.stderr)
            return 1
        parameters.append({"ParameterKey": key, "ParameterValue": value})
    template = Path(asked.template)
    if not template.is_file():
        print(f"kumoniwa: there is no template at {template}.", file=sys.stderr)
        return 1
    regions = asked.region or ["us-east-1"]
    with ThreadPoolExecutor(len(regions)) as pool:
        done = list(pool.map(lambda region: _Deployment(asked.endpoint, region, asked.stack).run(template, parameters), regions))
    return 0 if all(done) else 1


class _Deployment:
    """One stack in one region."""

    lock = threading.Lock()

    def __init__(self, endpoint: str, region: str, stack: str) -> None:
        self.region, self.stack = region, stack
        made = session(region)
        self.clients = {name: made.client(name, endpoint_url=endpoint) for name in ("cloudformation", "s3", "sts")}

    def run(self, template: Path, parameters: list[dict[str, str]]) -> bool:
        cloudformation = self.clients["cloudformation"]
        errors = cloudformation.exceptions.ClientError
        try:
            body = self._packaged(template)
            said = {"StackName": self.stack, "TemplateBody": body, "Parameters": parameters, "Capabilities": CAPABILITIES}
            if self._exists():
                before = self._event_ids()
                cloudformation.update_stack(**said)
            else:
                before = set()
                cloudformation.create_stack(**said)
        except errors as error:
            if "No updates are to be performed" in str(error):
                self._say("nothing to change")
                self._outputs()
                return True
            self._say(str(error))
            return False
        except AwsError as error:
            self._say(f"{error.code}: {error.text}")
            return False
        return self._watch(before)

    def _packaged(self, template: Path) -> str:
        account = self.clients["sts"].get_caller_identity()["Account"]
        bucket = f"kumoniwa-deploy-{account}-{self.region}"

        async def ask(operation: str, **params: Any) -> Any:
            name = "".join("_" + c.lower() if c.isupper() else c for c in operation.partition(":")[2]).lstrip("_")
            if name == "put_object":
                self._bucket(params["Bucket"])
            return getattr(self.clients["s3"], name)(**params)

        return orjson.dumps(asyncio.run(package(template, ask, bucket, self.stack)), default=str).decode()

    def _bucket(self, bucket: str) -> None:
        s3 = self.clients["s3"]
        place = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        try:
            s3.create_bucket(Bucket=bucket, **place)
        except s3.exceptions.BucketAlreadyOwnedByYou:
            pass  # an earlier deployment made it

    def _exists(self) -> bool:
        cloudformation = self.clients["cloudformation"]
        try:
            found = cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]
        except cloudformation.exceptions.ClientError:
            return False
        return found["StackStatus"] != "REVIEW_IN_PROGRESS"

    def _event_ids(self) -> set[str]:
        return {e["EventId"] for e in self._events()}

    def _events(self) -> list[dict[str, Any]]:
        pages = self.clients["cloudformation"].get_paginator("describe_stack_events").paginate(StackName=self.stack)
        return [event for page in pages for event in page["StackEvents"]]

    def _watch(self, seen: set[str]) -> bool:
        """Print each event once, until the stack is at rest."""
        cloudformation, pause = self.clients["cloudformation"], threading.Event()
        while True:
            status = cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]["StackStatus"]
            for event in reversed(self._events()):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    reason = event.get("ResourceStatusReason", "")
                    self._say(f"{event['ResourceStatus']:<22} {event['ResourceType']:<28} {event['LogicalResourceId']}  {reason}".rstrip())
            if status.endswith(ENDED) and not status.endswith("IN_PROGRESS"):
                break
            pause.wait(LOOK_S)
        self._outputs()
        return status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    def _outputs(self) -> None:
        for output in self.clients["cloudformation"].describe_stacks(StackName=self.stack)["Stacks"][0].get("Outputs", []):
            self._say(f"{output['OutputKey']} = {output['OutputValue']}")

    def _say(self, text: str) -> None:
        with self.lock:
            print(f"[{self.region}] {text}", flush=True)
