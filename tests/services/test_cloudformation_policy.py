"""Stack policies: what an update may do to which resource."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from test_cloudformation_stack import create, outputs, settled

TEMPLATE = """
Parameters: {Seconds: {Type: Number, Default: 60}, Name: {Type: String, Default: one}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Seconds}}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Name}}
Outputs: {Url: {Value: !Ref Queue}, Named: {Value: !Ref Named}}
"""
ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def _policy(*statements: dict) -> str:
    return json.dumps({"Statement": list(statements)})


def _denying(action: str, resource: str = "*", **more) -> dict:
    return {"Effect": "Deny", "Action": action, "Principal": "*", "Resource": resource, **more}


def _update(cloud, template: str = TEMPLATE, *, values: dict | None = None, **more) -> tuple[str, dict[str, str]]:
    """Update the shop; answers its status and why each resource failed."""
    cloudformation = cloud.client("cloudformation")
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in (values or {}).items()]
    answer = cloudformation.update_stack(StackName="shop", TemplateBody=template, Parameters=parameters, **more)
    status = settled(cloud, "shop")["StackStatus"]
    failed = cloudformation.describe_events(OperationId=answer["OperationId"], Filters={"FailedEvents": True})
    return status, {each["LogicalResourceId"]: each["ResourceStatusReason"] for each in failed["OperationEvents"]}


def test_a_policy_is_read_as_it_was_set(cloud):
    cloudformation = cloud.client("cloudformation")
    create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy(ALL))
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == _policy(ALL)
    cloudformation.set_stack_policy(StackName="shop", StackPolicyBody="{}")
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == "{}"
    create(cloud, "bare", TEMPLATE.replace("one", "two"))
    assert "StackPolicyBody" not in cloudformation.get_stack_policy(StackName="bare")
    assert refused(cloudformation.get_stack_policy, StackName="none") == ("ValidationError", "Stack: none does not exist")


def test_what_a_url_names_is_found_in_whichever_region_it_is(cloud):
    cloud.region("eu-west-1")
    s3 = cloud.client("s3", "eu-west-1")
    s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="far", Key="t.yaml", Body=TEMPLATE.encode())
    for n, host in enumerate(("far.s3.amazonaws.com", "far.s3.eu-west-1.amazonaws.com", "s3-eu-west-1.amazonaws.com/far")):
        name = f"shop{n}"
        parameters = [{"ParameterKey": "Name", "ParameterValue": name}]
        cloud.client("cloudformation").create_stack(StackName=name, TemplateURL=f"https://{host}/t.yaml", Parameters=parameters)
        assert settled(cloud, name)["StackStatus"] == "CREATE_COMPLETE"


def test_a_policy_comes_from_s3_too(cloud):
    s3, cloudformation = cloud.client("s3"), cloud.client("cloudformation")
    s3.create_bucket(Bucket="policies")
    s3.put_object(Bucket="policies", Key="p.json", Body=_policy(ALL).encode())
    create(cloud, "shop", TEMPLATE)
    url = "https://policies.s3.amazonaws.com/p.json"
    cloudformation.set_stack_policy(StackName="shop", StackPolicyURL=url)
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == _policy(ALL)
    # Recorded: localstack/localstack, test_stack_policies.snapshot.json, test_set_policy_both_policy_and_url.
    both = {"StackPolicyURL": url, "StackPolicyBody": "{}"}
    code, text = refused(cloudformation.set_stack_policy, StackName="shop", **both)
    assert (code, text) == ("ValidationError", "You cannot specify both StackPolicyURL and StackPolicyBody")


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        _policy({**ALL, "Principal": "somebody"}),
        _policy({**ALL, "Action": "Delete:*"}),
        _policy({**ALL, "Resource": "Queue"}),
        _policy({**ALL, "Effect": "Maybe"}),
        _policy({**ALL, "Condition": {"StringEquals": {"aws:SourceIp": "1.2.3.4"}}}),
        _policy({**ALL, "NotAction": "Update:Delete"}),
        _policy({"Effect": "Allow"}),
        '{"Statement": 1}',
    ],
)
def test_what_is_no_stack_policy_is_refused(cloud, text):
    # Recorded: localstack/localstack, test_stack_policies.snapshot.json, test_not_json_policy and its like.
    create(cloud, "shop", TEMPLATE)
    code, said = refused(cloud.client("cloudformation").set_stack_policy, StackName="shop", StackPolicyBody=text)
    assert (code, said) == ("ValidationError", "Error validating stack policy: Invalid stack policy")


def test_a_denied_change_fails_the_update_and_changes_nothing(cloud):
    stack = create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy(ALL, _denying("Update:Modify", "LogicalResourceId/Queue")))
    status, why = _update(cloud, values={"Seconds": "90"})
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    said = "Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for resource [LogicalResourceId/Queue];"
    assert why["Queue"] == said
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=outputs(stack)["Url"], AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == "60"
    # The same resource may still be replaced, and the other one changed.
    assert _update(cloud, values={"Name": "two"})[0] == "UPDATE_COMPLETE"


def test_with_a_policy_only_what_it_allows_is_allowed(cloud):
    create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy({**ALL, "Resource": "LogicalResourceId/Na*"}))
    assert _update(cloud, values={"Name": "two"})[0] == "UPDATE_COMPLETE"
    status, why = _update(cloud, values={"Name": "two", "Seconds": "90"})
    assert status == "UPDATE_ROLLBACK_COMPLETE" and why["Queue"].startswith("Action not allowed by stack policy")


def test_replacing_and_removing_are_actions_of_their_own(cloud):
    create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy(ALL, _denying(["Update:Replace", "Update:Delete"])))
    assert _update(cloud, values={"Seconds": "90"})[0] == "UPDATE_COMPLETE"
    status, why = _update(cloud, values={"Seconds": "90", "Name": "two"})
    assert status == "UPDATE_ROLLBACK_COMPLETE" and "[Update:Replace] for resource [LogicalResourceId/Named]" in why["Named"]
    less = "Resources: {Named: {Type: AWS::SQS::Queue, Properties: {QueueName: one}}}"
    status, why = _update(cloud, less)
    assert status == "UPDATE_ROLLBACK_COMPLETE" and "[Update:Delete] for resource [LogicalResourceId/Queue]" in why["Queue"]
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 2


def test_a_condition_names_types(cloud):
    about = {"Condition": {"StringLike": {"ResourceType": ["AWS::SQS::*"]}}}
    create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy(ALL, _denying("Update:*", **about)))
    assert _update(cloud, values={"Seconds": "90"})[0] == "UPDATE_ROLLBACK_COMPLETE"
    other = {"Condition": {"StringEquals": {"ResourceType": "AWS::S3::Bucket"}}}
    cloud.client("cloudformation").set_stack_policy(StackName="shop", StackPolicyBody=_policy(ALL, _denying("Update:*", **other)))
    assert _update(cloud, values={"Seconds": "90"})[0] == "UPDATE_COMPLETE"


def test_a_policy_of_the_update_holds_while_it_lasts_and_a_new_one_afterwards(cloud):
    cloudformation = cloud.client("cloudformation")
    create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy(_denying("Update:*")))
    assert _update(cloud, values={"Seconds": "90"})[0] == "UPDATE_ROLLBACK_COMPLETE"
    cloudformation.update_stack(
        StackName="shop", TemplateBody=TEMPLATE, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "90"}],
        StackPolicyDuringUpdateBody=_policy(ALL), StackPolicyBody=_policy(ALL, _denying("Update:Delete")),
    )  # fmt: skip
    # Recorded: test_policy_during_update shows the temporary policy while the update runs.
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == _policy(ALL)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == _policy(ALL, _denying("Update:Delete"))


def test_an_update_that_failed_leaves_the_policy_as_it_was(cloud):
    create(cloud, "shop", TEMPLATE)
    broken = TEMPLATE.replace("!Ref Seconds", "99999999")
    assert _update(cloud, broken, StackPolicyBody=_policy(_denying("Update:*")))[0] == "UPDATE_ROLLBACK_COMPLETE"
    assert "StackPolicyBody" not in cloud.client("cloudformation").get_stack_policy(StackName="shop")


def test_a_policy_outlives_a_kill_in_mid_update(cloud):
    create(cloud, "shop", TEMPLATE, StackPolicyBody=_policy(_denying("Update:*")))
    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(
        StackName="shop", TemplateBody=TEMPLATE, Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "90"}],
        StackPolicyDuringUpdateBody=_policy(ALL),
    )  # fmt: skip
    cloud.restart(kill=True)
    assert settled(cloud, "shop")["StackStatus"] == "UPDATE_COMPLETE"
    assert cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"] == _policy(_denying("Update:*"))
