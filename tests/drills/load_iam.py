"""Users with their policies and keys, a policy in versions, and sessions of a role: what every region knows of identities."""

import contextlib
import json

import botocore.session
from botocore.config import Config
from worker import REGION, SILENCE_S, Worker

ROLE = "arn:aws:iam::000000000000:role/guests"
_SESSION = botocore.session.Session()


def _allowing(sid: str) -> str:
    statement = {"Sid": sid, "Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Steward(Worker):
    """Makes users with a policy and a key; takes most of them back."""

    def prepare(self) -> None:
        self.iam, self.users, self.gone = self.client("iam"), {}, set()

    def act(self, name: str) -> None:
        user = f"u{name}"
        self.iam.create_user(UserName=user)
        self.users[user] = found = {}
        self.iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=_allowing("S" + name.replace("-", "")))
        found["policy"] = True
        found["key"] = self.iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
        if self.random.random() < 0.8:
            # Whatever of this is not answered, the user is in nobody's diary any more.
            del self.users[user]
            self.iam.delete_access_key(UserName=user, AccessKeyId=found["key"])
            self.iam.delete_user_policy(UserName=user, PolicyName="p")
            self.iam.delete_user(UserName=user)
            self.gone.add(user)


class Reviser(Worker):
    """Gives a policy one default version after the other."""

    def prepare(self) -> None:
        self.iam, self.version = self.client("iam"), 0
        self.arn = "arn:aws:iam::000000000000:policy/revised"

    def act(self, name: str) -> None:
        for version in self.iam.list_policy_versions(PolicyArn=self.arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):  # deleted, not heard of
                    self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=version["VersionId"])
        document = _allowing(f"v{self.version + 1}")
        self.iam.create_policy_version(PolicyArn=self.arn, PolicyDocument=document, SetAsDefault=True)
        self.version += 1


class Guest(Worker):
    """Assumes a role and lives on what it was given: credentials that were handed out are good until they expire."""

    def prepare(self) -> None:
        self.sts, self.sessions = self.client("sts"), []

    def act(self, name: str) -> None:
        given = self.sts.assume_role(RoleArn=ROLE, RoleSessionName=f"s{name}")["Credentials"]
        self.sessions.append((f"s{name}", given))
        self.live(*self.random.choice(self.sessions))

    def live(self, name: str, given: dict) -> None:
        sts = _SESSION.create_client(
            "sts", REGION, endpoint_url=f"http://127.0.0.1:{self.cloud.port}", config=Config(read_timeout=SILENCE_S),
            aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )  # fmt: skip
        assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::000000000000:assumed-role/guests/{name}"


def begin(cloud) -> list[Worker]:
    iam = cloud.client("iam", REGION)
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="guests", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    iam.create_policy(PolicyName="revised", PolicyDocument=_allowing("v0"))
    return [Steward(cloud, 30), Reviser(cloud, 31), Guest(cloud, 32)]


def check(cloud, workers: list[Worker]) -> None:
    steward, reviser, guest = workers
    iam = cloud.client("iam", REGION)
    pages = iam.get_paginator("list_users").paginate()
    names = {user["UserName"] for page in pages for user in page["Users"]}
    assert not names & steward.gone, "a deletion was acknowledged and the user came back"
    for user, found in steward.users.items():
        assert user in names, f"{user} is gone"
        if "policy" in found:
            iam.get_user_policy(UserName=user, PolicyName="p")
        if "key" in found:
            keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
            assert found["key"] in [key["AccessKeyId"] for key in keys]
    versions = iam.list_policy_versions(PolicyArn=reviser.arn)["Versions"]
    (default,) = [version["VersionId"] for version in versions if version["IsDefaultVersion"]]
    document = iam.get_policy_version(PolicyArn=reviser.arn, VersionId=default)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Sid"] in (f"v{reviser.version}", f"v{reviser.version + 1}")
    for session in guest.sessions[-50:]:
        guest.live(*session)
