"""Functions for tests: source text made into a zip, and a role that Lambda may assume."""

from __future__ import annotations

import io
import json
import sys
import textwrap
import zipfile

from kumoniwa.cloud.region import Region
from kumoniwa.gate.identity import SHARED, Credential, Grant, Identity
from kumoniwa.services.lambda_.sandbox import of

RUNTIME = f"python3.{sys.version_info.minor}"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/function"
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}})
ECHO = "def handler(event, context): return event"


def allowing(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}})


def put_role(cloud, *actions: str, trust: str = TRUST, arn: str = ROLE, document: str = "") -> str:
    """A role known everywhere, as IAM would make it known; without actions or a policy document it may do nothing."""
    document = document or (allowing(*actions) if actions else "")
    grants = (Grant(name="all", kind="inline", document=document),) if document else ()
    for region in cloud.regions.values():
        _learn(region, Identity(arn=arn, kind="role", account=ACCOUNT, id="AROATEST", trust=trust, grants=grants))
    return arn


def put_user(cloud, name: str, key_id: str, *actions: str, document: str = "") -> None:
    """A user with a key whose secret is ``secret``."""
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    grants = (Grant(name="all", kind="inline", document=document or allowing(*actions)),)
    for region in cloud.regions.values():
        key = Credential(key_id=key_id, secret="secret", account=ACCOUNT, arn=arn, user_id=f"AIDA{name.upper()}")
        _learn(region, Identity(arn=arn, kind="user", account=ACCOUNT, id=f"AIDA{name.upper()}", grants=grants), key)


def _learn(region: Region, identity: Identity, key: Credential | None = None) -> None:
    async def put() -> None:
        region.store.shelf(SHARED, Identity)[identity.arn] = identity
        if key is not None:
            region.store.shelf(SHARED, Credential)[key.key_id] = key
        region.gate.authorizer.forget()

    region.clock.loop.run_until_complete(put())


def zipped(source: str, name: str = "app.py", compression: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        archive.writestr(name, textwrap.dedent(source))
    return held.getvalue()


def make(cloud, source: str = ECHO, name: str = "f", **more) -> dict:
    """Create a function; its role may write logs."""
    if "Role" not in more:
        put_role(cloud, "logs:*")
    client = cloud.client("lambda", region=more.pop("region", "us-east-1"))
    values = {"FunctionName": name, "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": zipped(source)}}
    return client.create_function(**(values | more))


def invoke(cloud, event=None, name: str = "f", **more) -> dict:
    """Invoke and read: the reply with its payload decoded."""
    payload = {} if event is None else {"Payload": json.dumps(event).encode()}
    reply = cloud.client("lambda").invoke(FunctionName=name, **payload, **more)
    body = reply["Payload"].read()
    return reply | {"Payload": json.loads(body) if body else None}


def settle(cloud, region: str = "us-east-1") -> None:
    """Let what is due happen. Children work in real time, so this takes as long as they do, whatever the machine is doing."""
    cloud.sleep(0.1)
    sandboxes = of(cloud.region(region))
    for _ in range(600):
        if not any(sandboxes.running.values()):
            break
        cloud.sleep(0.1)
    cloud.sleep(0.2)


def provisioned(cloud, qualifier: str, name: str = "f") -> dict:
    """What is provisioned of a version, once its environments have come up or failed to."""
    client = cloud.client("lambda")
    for _ in range(600):
        shown = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if shown["Status"] != "IN_PROGRESS":
            break
        cloud.sleep(0.1)
    return shown
