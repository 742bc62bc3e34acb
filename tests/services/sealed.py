"""What tests of encryption at rest have alike."""

from __future__ import annotations

import json
from pathlib import Path

ACCOUNT = "111111111111"
SECRET = "nobody-may-read-this-on-the-disk"


def on_disk(cloud, text: str = SECRET) -> list[str]:
    """The cloud's files that hold a text."""
    return [path.name for path in Path(cloud.folder).rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


class User:
    """Somebody who may do what he was last told, and nothing else."""

    def __init__(self, cloud, name: str = "alice") -> None:
        self.cloud, self.name, self.iam = cloud, name, cloud.client("iam", key=ACCOUNT)
        self.iam.create_user(UserName=name)
        self.held = self.iam.create_access_key(UserName=name)["AccessKey"]

    def may(self, *actions: str) -> None:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*"}}
        self.iam.put_user_policy(UserName=self.name, PolicyName="p", PolicyDocument=json.dumps(document))

    def client(self, service: str):
        return self.cloud.client(service, key=self.held["AccessKeyId"], secret=self.held["SecretAccessKey"])


def allow(kms, key: str, service: str, *actions: str, **condition) -> None:
    """Let a service use a key, by one more statement of its policy."""
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions), "Resource": "*"}
    document["Statement"].append(statement | ({"Condition": condition} if condition else {}))
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
