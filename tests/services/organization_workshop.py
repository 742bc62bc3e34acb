"""An organization to try things in: its management account, its members, and what hangs where."""

from __future__ import annotations

import json
from typing import Any

MASTER = "111111111111"
FULL, RESOURCE_FULL = "p-FullAWSAccess", "p-RCPFullAWSAccess"
SCP, RCP, TAGS = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def deny(*actions: str, **more: Any) -> str:
    return document({"Sid": "No", "Effect": "Deny", "Action": list(actions), "Resource": "*", **more})


class Garden:
    """An organization under ``MASTER``, with all features."""

    def __init__(self, cloud: Any, *types: str) -> None:
        self.cloud = cloud
        self.api = cloud.client("organizations", key=MASTER)
        self.id = self.api.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        self.root = self.api.list_roots()["Roots"][0]["Id"]
        self.count = 0
        for kind in types:
            self.api.enable_policy_type(RootId=self.root, PolicyType=kind)

    def member(self, *, parent: str | None = None) -> str:
        """The number of a new account."""
        self.count += 1
        asked = self.api.create_account(Email=f"member{self.count}@example.com", AccountName=f"member {self.count}")
        self.cloud.sleep(1)
        status = self.api.describe_create_account_status(CreateAccountRequestId=asked["CreateAccountStatus"]["Id"])["CreateAccountStatus"]
        assert status["State"] == "SUCCEEDED", status
        if parent is not None:
            self.api.move_account(AccountId=status["AccountId"], SourceParentId=self.root, DestinationParentId=parent)
        return status["AccountId"]

    def unit(self, name: str, parent: str | None = None) -> str:
        return self.api.create_organizational_unit(ParentId=parent or self.root, Name=name)["OrganizationalUnit"]["Id"]

    def policy(self, content: str, *places: str, kind: str = SCP) -> str:
        """The id of a new policy, attached to some places."""
        self.count += 1
        made = self.api.create_policy(Content=content, Description="", Name=f"policy {self.count}", Type=kind)["Policy"]["PolicySummary"]
        for place in places:
            self.api.attach_policy(PolicyId=made["Id"], TargetId=place)
        return made["Id"]

    def user(self, account: str, *statements: dict[str, Any], name: str = "ann") -> dict[str, str]:
        """The keys of a new user of an account, who may do what is stated, or else everything."""
        iam = self.cloud.client("iam", key=account)
        iam.create_user(UserName=name)
        may = statements or ({"Effect": "Allow", "Action": "*", "Resource": "*"},)
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document(*may))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return {"key": made["AccessKeyId"], "secret": made["SecretAccessKey"]}
