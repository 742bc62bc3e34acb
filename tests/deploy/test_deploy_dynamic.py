"""Dynamic references: parameters and secrets that a deploy reads, and nobody else sees."""

from __future__ import annotations

import json

from small_world import Stack, World

TEMPLATE = """
Resources:
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: "{{resolve:ssm:/name:2}}-logs"}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: role
      Description: "{{resolve:%s}}"
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
"""
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"


class Knowing(World):
    def do_GetParameter(self, Name: str, WithDecryption: bool = False) -> dict:
        return {"Parameter": {"Value": {"/name:2": "shop", "/hidden": "safe"}[Name]}}

    def do_GetSecretValue(self, SecretId: str, VersionStage: str = "") -> dict:
        assert (SecretId, VersionStage) in ((SECRET, ""), ("db", "AWSPREVIOUS"))
        return {"SecretString": json.dumps({"password": "hush"})}


def described(reference: str) -> tuple[str, Stack]:
    world = Knowing()
    stack = Stack(world)
    assert stack.create(TEMPLATE % reference) == "CREATE_COMPLETE", stack.reasons("Role")
    assert world.names("log group") == ["shop-logs"]
    assert stack.state.resources["Logs"].physical_id == "shop-logs"
    return world.things["role", "role"]["Description"], stack


def test_a_secret_reaches_the_service_and_stays_out_of_the_state():
    for reference in (
        f"secretsmanager:{SECRET}:SecretString:password",
        "secretsmanager:db:SecretString:password:AWSPREVIOUS",
    ):
        said, stack = described(reference)
        assert said == "hush"
        assert stack.state.resources["Role"].properties["Description"] == "{{resolve:" + reference + "}}"
        assert not any(b"hush" in body for body in stack.kept.values())


def test_a_secure_parameter_is_read_when_it_is_sent():
    assert described("ssm-secure:/hidden")[0] == "safe"


def test_a_member_that_the_secret_lacks_fails_the_resource():
    stack = Stack(Knowing())
    assert stack.create(TEMPLATE % f"secretsmanager:{SECRET}:SecretString:user") == "ROLLBACK_COMPLETE"
    assert any("JSONKey" in reason for reason in stack.reasons("Role"))


def test_a_reference_to_another_service_is_refused_by_name():
    stack = Stack(Knowing())
    assert stack.create(TEMPLATE % "vault:a") == "ROLLBACK_COMPLETE"
    assert any("{{resolve:vault:a}}" in reason for reason in stack.reasons("Role"))
