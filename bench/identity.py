"""What it costs to know who asks and whether they may: CPU of a GetItem by a user whose signature is verified and who has twelve
policies, beside the same call of a key that nobody issued, for which neither is done.

    python bench/identity.py

The region is an object in this process; each way takes its turn several times, and the figure is the difference of the least of each.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import tempfile
import time
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kumoniwa.cloud.region import Region
from kumoniwa.gate.settings import Settings
from kumoniwa.wire.message import Request, Response

CALLS, ROUNDS = 5_000, 9
POLICIES, ATTACHED = 12, 10
HOST = "localhost:4566"


def signed(key: str, secret: str, service: str, headers: dict[str, str], body: bytes) -> Request:
    request = AWSRequest("POST", f"http://{HOST}/", headers=headers, data=body)
    SigV4Auth(Credentials(key, secret), service, "us-east-1").add_auth(request)
    prepared = request.prepare()
    named = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in prepared.headers.items()}
    return Request("POST", urlsplit(prepared.url).path, "", {"host": HOST, **named}, body)


async def asked(region: Region, request: Request) -> bytes:
    done: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
    # A region reads each request once: what it notes in it is not for the next.
    region.answer(Request(request.method, request.path, request.query, dict(request.headers), request.body), done.set_result)
    response = await done
    if response.status != 200:
        raise RuntimeError(response.body)
    return response.body


def table_call(operation: str, key: str, secret: str, **params) -> Request:
    headers = {"x-amz-target": f"DynamoDB_20120810.{operation}", "content-type": "application/x-amz-json-1.0"}
    return signed(key, secret, "dynamodb", headers, json.dumps(params).encode())


async def identity_call(home: Region, action: str, **params: str) -> bytes:
    text = urlencode({"Action": action, "Version": "2010-05-08", **params})
    return await asked(home, signed("test", "test", "iam", {"content-type": "application/x-www-form-urlencoded"}, text.encode()))


def policy(number: int) -> str:
    """Only the last lets the user do what he does."""
    actions = [f"s3:Get{word}" for word in ("Object", "ObjectAcl", "BucketPolicy", "BucketTagging")]
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:s3:::bucket-{number}/*"},
        {"Effect": "Allow", "Action": "dynamodb:GetItem" if number == POLICIES - 1 else "dynamodb:DeleteItem", "Resource": "*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(seal=b"k" * 32)
        home = Region("aws-global", settings, f"{folder}/global")
        region = Region("us-east-1", settings, f"{folder}/region")
        await home.open()
        await region.open()
        try:
            await measured(home, region)
        finally:
            await region.close()
            await home.close()


async def measured(home: Region, region: Region) -> None:
    home.followers.append(region.gate.replicate)
    await identity_call(home, "CreateUser", UserName="ann")
    for number in range(POLICIES - ATTACHED):
        await identity_call(home, "PutUserPolicy", UserName="ann", PolicyName=f"p{number}", PolicyDocument=policy(number))
    for number in range(POLICIES - ATTACHED, POLICIES):
        await identity_call(home, "CreatePolicy", PolicyName=f"p{number}", PolicyDocument=policy(number))
        await identity_call(home, "AttachUserPolicy", UserName="ann", PolicyArn=f"arn:aws:iam::000000000000:policy/p{number}")
    answer = (await identity_call(home, "CreateAccessKey", UserName="ann")).decode()
    key, secret = (answer.split(f"<{name}>")[1].split("<")[0] for name in ("AccessKeyId", "SecretAccessKey"))
    schema = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    await asked(region, table_call("CreateTable", "test", "test", TableName="table", BillingMode="PAY_PER_REQUEST", **schema))
    await asked(region, table_call("PutItem", "test", "test", TableName="table", Item={"id": {"S": "a"}}))
    get = {"TableName": "table", "Key": {"id": {"S": "a"}}}
    ways = {"a key that nobody issued": ("test", "test"), "a user, verified, with twelve policies": (key, secret)}
    least = dict.fromkeys(ways, 9.0)
    for _ in range(ROUNDS):
        for way, pair in ways.items():
            # Signed anew for each, as clients do: a signature that was seen is not remembered.
            requests = [table_call("GetItem", *pair, **get) for _ in range(20)]
            began = time.process_time()
            for number in range(CALLS):
                await asked(region, requests[number % 20])
            least[way] = min(least[way], (time.process_time() - began) / CALLS)
    for way, took in least.items():
        print(f"{1e6 * took:6.2f} µs of CPU for GetItem by {way}")
    unknown, known = least.values()
    print(f"{1e6 * (known - unknown):6.2f} µs for signature and policies ({datetime.date.today()})")


if __name__ == "__main__":
    asyncio.run(main())
