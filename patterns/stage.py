"""The cloud that a pattern plays in, and the table of what it claims there.

A pattern is a folder with a template, its code and ``claims.py``, whose ``show(cloud)`` deploys it and tries it through
the doors that every customer has: AWS's operations, and the admin door for what breaks. ``show.py`` runs it.
"""

import contextlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

KUMONIWA = [sys.executable, "-m", "kumoniwa.cli.main"]
REGION = "us-east-1"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
WITHIN_S = 30.0
LOOK_S = 0.02


class Cloud:
    """A running cloud, as a customer with boto3 sees it. ``is_short`` asks a pattern for its short form."""

    def __init__(self, endpoint, is_short=False):
        self.endpoint, self.is_short = endpoint, is_short
        self.session = boto3.Session(region_name=REGION, **KEYS)
        self.clients = {}
        self.dynamodb = self.session.resource("dynamodb", endpoint_url=endpoint)

    def client(self, service, region=REGION, attempts=5):
        key = service, region, attempts
        if key not in self.clients:
            config = Config(max_pool_connections=100, retries={"mode": "standard", "total_max_attempts": attempts}, read_timeout=120)
            self.clients[key] = self.session.client(service, region_name=region, endpoint_url=self.endpoint, config=config)
        return self.clients[key]

    def table(self, name):
        return self.dynamodb.Table(name)

    def rows(self, name):
        """Every item of a table, as Python values."""
        table, more = self.table(name), {}
        found = []
        while True:
            page = table.scan(ConsistentRead=True, **more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def invoke(self, function, event):
        """The function's answer. Raises RuntimeError with what it says where it fails."""
        reply = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read() or "null")
        if "FunctionError" in reply:
            raise RuntimeError(answer)
        return answer

    def invocations(self, function):
        """How often a function was run, as its log tells."""
        try:
            pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}", filterPattern='"START RequestId"')
            return sum(len(page["events"]) for page in pages)
        except self.client("logs").exceptions.ResourceNotFoundException:
            return 0

    def backlog(self, queue_url):
        """Messages of a queue that wait and that are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def drained(self, queue_url):
        """Take every message that a queue holds; answers their bodies."""
        sqs, found = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in messages]
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
        return found

    def deploy(self, template, stack, region=REGION, parameters=None):
        """Create or update a stack with ``kumoniwa deploy``; answers its outputs."""
        command = [*KUMONIWA, "deploy", str(template), "--stack", stack, "--region", region, "--endpoint", self.endpoint]
        if parameters:
            command += ["--parameter", *(f"{name}={value}" for name, value in parameters.items())]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{template} was not deployed:\n{done.stdout}{done.stderr}")
        return dict(re.findall(r"^\[\S+\] (\w+) = (.+)$", done.stdout, re.M))

    def admin(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        request = urllib.request.Request(f"{self.endpoint}/_kumoniwa/{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"{}")

    def mails(self, to):
        """Every mail to an address that lies in the mailbox, the newest first, as lines of its list."""
        return self.admin("GET", f"mail?to={urllib.parse.quote(to)}&region={REGION}")["mails"]

    def letter(self, line):
        """One of them, whole."""
        return self.admin("GET", f"mail/{line['region']}/{line['id']}")

    def prove(self, *addresses):
        """Let addresses send and be sent to: open the link in the letter that SES wrote to each."""
        for address in addresses:
            self.client("ses").verify_email_identity(EmailAddress=address)
            link = re.search(r"https?://\S+/verify/\S+", self.letter(self.mails(address)[0])["text"])[0]
            urllib.request.urlopen(link, timeout=30).read()

    def call_api(self, url, method="GET", body=None):
        """What an API answers at the address that AWS gives it: status and JSON."""
        host, _, path = url.removeprefix("https://").partition("/")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/{path}", method=method, data=data, headers={"Host": host, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, json.loads(reply.read() or b"null")

    @contextlib.contextmanager
    def fault(self, name, target, **params):
        """A fault for as long as the block lasts. What is aimed at a function or a queue is aimed at the region of them."""
        aim = target if "from" in target else {"region": REGION, **target}
        id_ = self.admin("POST", "faults", {"fault": name, "target": aim, **params})["id"]
        try:
            yield
        finally:
            self.admin("DELETE", f"faults/{id_}")

    def kill_and_restart(self, region=REGION):
        """End a region without goodbye, and open it again on its data."""
        self.admin("POST", f"regions/{region}/kill")
        self.admin("POST", f"regions/{region}/restart")


@contextlib.contextmanager
def built(pattern, folder, distributions):
    """The template of a copy of a pattern that has in ``folder`` what its code needs and Lambda has not, as ``sam build`` makes one: files of
    distributions that are installed here, for this Python."""
    with tempfile.TemporaryDirectory(prefix="kumoniwa-built-") as name:
        copy = Path(name, pattern.name)
        shutil.copytree(pattern, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for file in (each for name in distributions for each in importlib.metadata.files(name)):
            if ".." not in file.parts and file.suffix != ".pyc":
                (copy / folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), copy / folder / file)
        template = copy / "template.yaml"
        template.write_text(template.read_text().replace("python3.12", f"python3.{sys.version_info.minor}"))
        yield template


class Failed(Exception):
    """A claim does not hold: what comes after it would mean nothing."""


def holds(claim, is_true, measured=""):
    """A row of the table: a claim, and what was measured. Raises Failed if it is not true."""
    print(f"{'holds ' if is_true else 'FAILED'}  {claim:<80}  {measured}", flush=True)
    if not is_true:
        raise Failed(claim)


def holds_soon(cloud, claim, took):
    """A row about some times, of which the middle one is to be less than a second. In the short form, which runs beside other tests on a
    machine that is busy with them, times are shown and decide nothing."""
    middle, most = percentile(took, 50), percentile(took, 99)
    holds(f"{claim} (p50, p99)", cloud.is_short or middle < 1, f"{seconds(middle)}, {seconds(most)}")


def until(condition, within_s=WITHIN_S):
    """Seconds until something holds, None if it never does. A region that is not back yet is asked again."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        with contextlib.suppress(BotoCoreError, ClientError, OSError):
            if condition():
                return time.monotonic() - began
        time.sleep(LOOK_S)
    return None


def all_at_once(work, values, workers=16):
    """``work`` of every value, some at a time; answers what each gave, in order."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, values))


def at_once(spans):
    """How many of some spans of time overlap at most."""
    edges = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def seconds(value):
    """How a measured time stands in the table."""
    return "never" if value is None else f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms"
