"""Idempotency tokens: who says one again is answered as before and nothing is done twice.

That a token makes a retry harmless is what the model's trait says (https://smithy.io/2.0/spec/behavior-traits.html#idempotencytoken-trait).
What becomes of other parameters with a known token, and for how long it is known, each service says for itself, or does not say.
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from kumoniwa.aws import models
from kumoniwa.kernel.operation import load, service_names

WAIT = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}

HONOURED_BY_THEMSELVES = {
    # A token is kept with the named thing that it made, is shown with it, and is forgotten when that is deleted.
    "accessanalyzer": {"CreateAnalyzer", "CreateArchiveRule"},
    "backup": {"CreateBackupPlan", "CreateBackupSelection", "CreateBackupVault"},
    "scheduler": {"CreateSchedule", "CreateScheduleGroup"},
    "cloudformation": {"CreateStackSet"},
    # A token is the name of what it makes: of a version of a secret, or of an operation on a stack set.
    "secretsmanager": {"CreateSecret", "PutSecretValue", "RotateSecret", "UpdateSecret"},
    # What is answered again is not what was answered, but what has become of it since; in DynamoDB's transactions the capacity differs.
    "dynamodb": {"ExecuteTransaction", "ExportTableToPointInTime", "ImportTable", "TransactWriteItems"},
    # Only the last checkpoint is answered again, to the invocation that may still go on with it.
    "lambda": {"CheckpointDurableExecution"},
    # One token for requests of several kinds, which the control plane shows.
    "s3control": {"CreateMultiRegionAccessPoint", "DeleteMultiRegionAccessPoint", "PutMultiRegionAccessPointPolicy"},
}
HONOURED_BY_THEMSELVES["cloudformation"] |= {
    "CreateStackInstances", "DeleteStackInstances", "DetectStackSetDrift", "ImportStacksToStackSet", "UpdateStackInstances", "UpdateStackSet"
}  # fmt: skip
HARMLESS = {"athena": {"DeleteNamedQuery", "StopQueryExecution"}, "scheduler": {"UpdateSchedule", "DeleteSchedule", "DeleteScheduleGroup"}}
"""To say them again changes nothing; a deletion then finds nothing."""


@pytest.mark.parametrize("name", sorted(service_names()))
def test_every_token_of_the_models_is_honoured(name):
    service, model = load(name), models.service(name)
    for operation, handler in service.handlers.items():
        token = model.operation(operation).idempotency_token
        by_gate = service.tokens.get(operation)
        if by_gate is not None:
            assert {by_gate.member, *by_gate.of} <= handler.members
            assert token in (None, by_gate.member)
        elif token in handler.members:
            assert operation in HONOURED_BY_THEMSELVES.get(name, set()) | HARMLESS.get(name, set()), operation


def template(fis, **more):
    said = {"description": "d", "stopConditions": [{"source": "none"}], "actions": {"w": WAIT}, "roleArn": "arn:aws:iam::000000000000:role/r", **more}
    return fis.create_experiment_template(**said)["experimentTemplate"]["id"]


def test_a_token_says_that_a_request_comes_again(cloud):
    fis = cloud.client("fis")
    first = template(fis, clientToken="a")
    assert template(fis, clientToken="a") == first
    assert template(fis, clientToken="b") != first
    assert len(fis.list_experiment_templates()["experimentTemplates"]) == 2


def test_a_token_is_of_one_operation_and_one_account(cloud):
    fis = cloud.client("fis")
    first = template(fis, clientToken="a")
    assert fis.start_experiment(experimentTemplateId=first, clientToken="a")["experiment"]["experimentTemplateId"] == first
    theirs = cloud.client("fis", key="111111111111")
    assert template(theirs, clientToken="a", roleArn="arn:aws:iam::111111111111:role/r") != first


def test_a_token_with_other_parameters_is_refused_where_the_service_says_so(cloud):
    fis = cloud.client("fis")
    first = template(fis, clientToken="a")
    with pytest.raises(ClientError) as refused:
        template(fis, clientToken="a", description="another")
    assert refused.value.response["Error"]["Code"] == "ConflictException"
    assert template(fis, clientToken="a") == first


def test_a_token_outlives_a_kill(cloud):
    first = template(cloud.client("fis"), clientToken="a")
    cloud.restart(kill=True)
    assert template(cloud.client("fis"), clientToken="a") == first


def test_a_request_that_failed_may_come_again_with_its_token(cloud):
    fis = cloud.client("fis")
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            fis.start_experiment(experimentTemplateId="EXT1", clientToken="a")
        assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_deletion_that_comes_again_with_its_token_succeeds_again(cloud):
    client = cloud.client("accessanalyzer")
    client.create_analyzer(analyzerName="a", type="ACCOUNT")
    client.delete_analyzer(analyzerName="a", clientToken="t")
    client.delete_analyzer(analyzerName="a", clientToken="t")
    with pytest.raises(ClientError) as refused:
        client.delete_analyzer(analyzerName="a", clientToken="u")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_whoever_may_not_ask_is_not_answered_by_another_s_token(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    first = template(cloud.client("fis"), clientToken="a")
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("fis", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    with pytest.raises(ClientError) as refused:
        template(theirs, clientToken="a")
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException" and first
