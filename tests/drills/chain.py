"""A chain of services: what is sent at one end is acknowledged, and has to arrive at the other, whatever is killed meanwhile.

The same chain stands on two stages: real processes that are killed by command (``kill_chains.py``), and a cloud on virtual time
(``test_chains.py``). A stage makes functions that can note what they see, and knows what was noted.
"""

from __future__ import annotations

import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import ClientError
from load_lambda import RUNTIME, zipped
from worker import REGION, UNANSWERED, Worker

ACCOUNT = "000000000000"
TABLE = "noted"
NOTE_IN_TABLE = f"""
    import boto3
    _table = boto3.client("dynamodb")
    def note(text, row=None):
        _table.update_item(
            TableName="{TABLE}", Key={{"id": {{"S": row or text}}}}, UpdateExpression="SET seen = list_append(if_not_exists(seen, :none), :text)",
            ExpressionAttributeValues={{":none": {{"L": []}}, ":text": {{"L": [{{"S": text}}]}}}},
        )
"""
NOTE_IN_FILE = """
    import json, os
    def note(text, row=None):
        with open(os.environ["NOTED"], "a") as file:
            file.write(json.dumps([row or text, text]) + "\\n")
"""


class Stage(Protocol):
    cloud: Any
    """What has ``client(service, region)``."""

    def function(self, name: str, source: str, timeout_s: int) -> str:
        """A function whose handler may ``note(text, row)``: its ARN."""

    def noted(self) -> dict[str, list[str]]:
        """What functions noted, by row and in order. A row has the name of its text, where nobody says."""

    def now(self) -> float:
        """Epoch seconds, as the cloud counts them."""

    def http(self, host: str) -> Callable[[str, str, str], tuple[int, bytes]]:
        """Speaks to a host of the cloud: (method, path, body) → status and body. Raises one of UNANSWERED."""


class Chain:
    """``send`` is one call; it returns when all of it is acknowledged, and is made again as it was when it was not answered."""

    name = ""
    says = ""
    """The services in their order, and what may not happen to what passes them."""
    messages, messages_short = 2_000, 40
    senders, batch = 4, 10
    is_exact = False
    """Whether what is sent again under its own name arrives once."""
    settles_within_s = 120
    """For how long, after the last was acknowledged, the chain may still be at work."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.cloud = stage, stage.cloud

    def client(self, service: str) -> Any:
        return self.cloud.client(service, REGION)

    def begin(self) -> None:
        """Make what the chain is made of."""

    def send(self, sender: Sender, names: list[str]) -> None: ...

    def arrived(self) -> list[str]:
        """What has arrived, as often as it did."""
        return [text for texts in self.stage.noted().values() for text in texts]

    def findings(self, acknowledged: set[str], arrived: list[str]) -> list[str]:
        """What else is wrong, in words."""
        return []


class Sender(Worker):
    """Sends its share. What was not answered is sent again, as clients do, and the chain says what must not come of that."""

    def __init__(self, chain: Chain, number: int, share: int) -> None:
        self.chain, self.share = chain, share
        super().__init__(chain.cloud, number)

    def prepare(self) -> None:
        self.next, self.sent, self.acknowledged = 0, 0, set()
        self.may_send = self.share
        """How many it may send by now: more wait for what is to happen meanwhile."""
        self.clients: dict[str, Any] = {}

    def asks(self, service: str) -> Any:
        """A client of this sender's own."""
        if service not in self.clients:
            self.clients[service] = self.client(service)
        return self.clients[service]

    def act(self, name: str) -> None:
        if self.next >= self.share:
            self.is_over = True
            return
        if self.next >= self.may_send:
            time.sleep(0.001)
            return
        names = [f"{self.number}-{n}" for n in range(self.next, min(self.next + self.chain.batch, self.may_send))]
        self.sent += len(names)
        self.chain.send(self, names)
        self.acknowledged |= set(names)
        self.next += len(names)

    def tries(self) -> bool:
        """Act once where nobody runs it as a thread; whether it was answered."""
        try:
            self.act("")
        except UNANSWERED:
            self.unanswered += 1
            return False
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                raise
            self.unanswered += 1
            return False
        return True


class Tally(NamedTuple):
    """One row of the table."""

    chain: str
    sent: int
    """Messages in calls, also in those that were not answered."""
    acknowledged: int
    arrived: int
    duplicates: int
    lost: int
    kills: int
    dark_s: float
    findings: list[str]

    @property
    def holds(self) -> bool:
        return not self.lost and not self.findings


def tally(chain: Chain, senders: list[Sender], kills: int, dark_s: float) -> Tally:
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    arrived = chain.arrived()
    lost = sorted(acknowledged - set(arrived))
    findings = [failure for sender in senders for failure in sender.failures]
    findings += chain.findings(acknowledged, arrived)
    repeated = [name for name, count in Counter(arrived).items() if count > 1]
    if lost:
        findings.append(f"{len(lost)} were acknowledged and did not arrive: {lost[:5]}")
    if chain.is_exact and repeated:
        findings.append(f"{len(repeated)} arrived more than once: {sorted(repeated)[:5]}")
    if unknown := set(arrived) - {f"{sender.number}-{n}" for sender in senders for n in range(sender.share)}:
        findings.append(f"{len(unknown)} arrived that nobody sent: {sorted(unknown)[:5]}")
    return Tally(
        chain.name, sum(sender.sent for sender in senders), len(acknowledged), len(set(arrived)), len(arrived) - len(set(arrived)),
        len(lost), kills, dark_s, findings,
    )  # fmt: skip


# What chains are made of ---------------------------------------------------------------------------------


def role(cloud: Any, name: str, service: str) -> str:
    """A role that may do everything, for one service of AWS."""
    iam = cloud.client("iam", REGION)
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}}
    may = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(may))
    return arn


def make_function(cloud: Any, name: str, source: str, **more: Any) -> str:
    made = cloud.client("lambda", REGION).create_function(
        FunctionName=name, Role=role(cloud, name, "lambda.amazonaws.com"), Runtime=RUNTIME, Handler="app.handler",
        Code={"ZipFile": zipped(source)}, **more,
    )  # fmt: skip
    return made["FunctionArn"]


def with_note(prelude: str, source: str) -> str:
    return textwrap.dedent(prelude) + textwrap.dedent(source)


def queue(cloud: Any, name: str, *, service: str = "", **attributes: Any) -> str:
    """A queue, and who of AWS may send to it: its ARN."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    if service:
        let_in = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
        attributes["Policy"] = json.dumps({"Statement": let_in})
    cloud.client("sqs", REGION).create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()})
    return arn


def url_of(cloud: Any, name: str) -> str:
    return cloud.client("sqs", REGION).get_queue_url(QueueName=name)["QueueUrl"]


class Taken:
    """What a queue has held so far. It is received and deleted: who looks again sees what came since."""

    def __init__(self, cloud: Any, name: str) -> None:
        self.sqs, self.url, self.messages = cloud.client("sqs", REGION), url_of(cloud, name), []

    def bodies(self) -> list[str]:
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages"):
            self.messages += found
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(found)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return [message["Body"] for message in self.messages]
