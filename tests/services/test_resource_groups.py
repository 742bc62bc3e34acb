"""Resource Groups: what belongs together, by tags or by the stack that made it."""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT, HERE = "000000000000", "us-east-1"
TAGS, STACK = "TAG_FILTERS_1_0", "CLOUDFORMATION_STACK_1_0"


def by_tags(*filters: tuple[str, list[str]], types: tuple[str, ...] = ("AWS::AllSupported",)) -> dict[str, str]:
    said = {"ResourceTypeFilters": list(types), "TagFilters": [{"Key": key, "Values": values} for key, values in filters]}
    return {"Type": TAGS, "Query": json.dumps(said)}


def by_stack(arn: str) -> dict[str, str]:
    return {"Type": STACK, "Query": json.dumps({"ResourceTypeFilters": ["AWS::AllSupported"], "StackIdentifier": arn})}


@pytest.fixture
def api(cloud):
    sqs = cloud.client("sqs")
    for name, tags in (("a", {"team": "x"}), ("b", {"team": "x", "stage": "test"}), ("c", {"team": "y"})):
        sqs.create_queue(QueueName=name, tags=tags)
    cloud.client("s3").create_bucket(Bucket="of-x")
    cloud.client("s3").put_bucket_tagging(Bucket="of-x", Tagging={"TagSet": [{"Key": "team", "Value": "x"}]})
    return cloud.client("resource-groups")


def names(found: dict) -> list[tuple[str, str]]:
    return [(each["ResourceType"], each["ResourceArn"].rpartition(":")[2]) for each in found["ResourceIdentifiers"]]


def test_a_group_has_what_its_tags_mean_at_the_moment(api, cloud):
    made = api.create_group(Name="mine", Description="of x", ResourceQuery=by_tags(("team", ["x"])), Tags={"a": "b"}, Criticality=3, Owner="ann")
    arn = f"arn:aws:resource-groups:{HERE}:{ACCOUNT}:group/mine"
    assert made["Group"] == {"GroupArn": arn, "Name": "mine", "Description": "of x", "Criticality": 3, "Owner": "ann"}
    assert (made["ResourceQuery"], made["Tags"]) == (by_tags(("team", ["x"])), {"a": "b"})
    everything = [("AWS::S3::Bucket", "of-x"), ("AWS::SQS::Queue", "a"), ("AWS::SQS::Queue", "b")]
    listed = api.list_group_resources(Group=arn)
    assert sorted(names(listed)) == everything and [each["Identifier"] for each in listed["Resources"]] == listed["ResourceIdentifiers"]
    queues = [{"Name": "resource-type", "Values": ["AWS::SQS::Queue"]}]
    assert names(api.list_group_resources(GroupName="mine", Filters=queues)) == everything[1:]
    cloud.client("sqs").create_queue(QueueName="d", tags={"team": "x"})
    first = api.list_group_resources(Group="mine", MaxResults=3)
    rest = api.list_group_resources(Group="mine", MaxResults=3, NextToken=first["NextToken"])
    assert len(names(first)) == 3 and len(names(rest)) == 1 and "NextToken" not in rest
    api.update_group_query(Group="mine", ResourceQuery=by_tags(("team", ["x", "y"]), ("stage", []), types=("AWS::SQS::Queue",)))
    assert names(api.list_group_resources(Group="mine")) == [("AWS::SQS::Queue", "b")]
    assert api.get_group_query(Group="mine")["GroupQuery"]["GroupName"] == "mine"
    assert names(api.search_resources(ResourceQuery=by_tags(("team", ["y"])))) == [("AWS::SQS::Queue", "c")]


def test_a_group_is_found_changed_tagged_and_deleted(api, cloud):
    api.create_group(Name="mine", ResourceQuery=by_tags(("team", ["x"]), types=("AWS::SQS::Queue",)))
    api.create_group(Name="other", ResourceQuery=by_tags(("team", ["y"])), Owner="bob")
    arn = api.get_group(Group="mine")["Group"]["GroupArn"]
    assert [each["GroupName"] for each in api.list_groups()["GroupIdentifiers"]] == ["mine", "other"]
    for name, value, expected in (("resource-type", "AWS::SQS::Queue", "mine"), ("owner", "bob", "other")):
        (found,) = api.list_groups(Filters=[{"Name": name, "Values": [value]}])["Groups"]
        assert found["Name"] == expected
    assert api.update_group(Group=arn, Description="new", DisplayName="Mine")["Group"]["DisplayName"] == "Mine"
    api.tag(Arn=arn, Tags={"team": "x", "k": "v"})
    assert api.untag(Arn=arn, Keys=["k"])["Keys"] == ["k"]
    assert api.get_tags(Arn=arn)["Tags"] == {"team": "x"}
    assert ("AWS::ResourceGroups::Group", "group/mine") in names(api.search_resources(ResourceQuery=by_tags(("team", ["x"]))))
    cloud.restart(kill=True)
    assert api.delete_group(Group="mine")["Group"]["Description"] == "new"
    assert refused(api.get_group, Group="mine")[0] == "NotFoundException"
    assert cloud.client("sqs").list_queues()["QueueUrls"]


def test_a_stack_is_a_group_of_what_it_made(api, cloud):
    cfn = cloud.client("cloudformation")
    template = "Resources: {Q: {Type: AWS::SQS::Queue}, T: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}}"
    stack = cfn.create_stack(StackName="base", TemplateBody=template)["StackId"]
    cloud.sleep(5)
    api.create_group(Name="base", ResourceQuery=by_stack(stack))
    assert [kind for kind, _ in names(api.list_group_resources(Group="base"))] == ["AWS::SNS::Topic", "AWS::SQS::Queue"]
    cfn.delete_stack(StackName="base")
    cloud.sleep(5)
    gone = api.list_group_resources(Group="base")
    assert (names(gone), [each["ErrorCode"] for each in gone["QueryErrors"]]) == ([], ["CLOUDFORMATION_STACK_INACTIVE"])
    never = api.search_resources(ResourceQuery=by_stack(f"arn:aws:cloudformation:{HERE}:{ACCOUNT}:stack/none/1"))
    assert [each["ErrorCode"] for each in never["QueryErrors"]] == ["CLOUDFORMATION_STACK_NOT_EXISTING"]


def test_what_is_malformed_is_refused_and_what_is_not_built_is_named(api):
    good = by_tags(("team", ["x"]))
    for query in (
        {"Type": TAGS, "Query": "words"}, {"Type": TAGS, "Query": "[]"}, {"Type": TAGS, "Query": "{}"}, by_stack("base"),
        {"Type": TAGS, "Query": '{"ResourceTypeFilters": ["Queue"]}'}, {"Type": TAGS, "Query": '{"ResourceTypeFilters": "AWS::AllSupported"}'},
        {"Type": TAGS, "Query": '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Values": ["a"]}]}'},
        {"Type": TAGS, "Query": '{"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "a", "Values": [1]}]}'},
        {"Type": TAGS, "Query": '{"ResourceTypeFilters": ["AWS::AllSupported"], "Else": 1}'}, by_tags(types=()),
    ):  # fmt: skip
        assert refused(api.create_group, Name="mine", ResourceQuery=query)[0] == "BadRequestException", query
        assert refused(api.search_resources, ResourceQuery=query)[0] == "BadRequestException", query
    for name in ("AWSmine", "aws"):
        assert refused(api.create_group, Name=name, ResourceQuery=good)[0] == "BadRequestException"
    assert refused(api.create_group, Name="mine")[0] == "BadRequestException"
    api.create_group(Name="mine", ResourceQuery=good)
    assert refused(api.create_group, Name="mine", ResourceQuery=good)[0] == "BadRequestException"
    assert refused(api.get_group)[0] == refused(api.get_group, Group="mine", GroupName="mine")[0] == "BadRequestException"
    assert refused(api.list_groups, NextToken="words")[0] == "BadRequestException"
    assert refused(api.list_groups, NextToken="LTE=")[0] == "BadRequestException"  # -1
    assert refused(api.tag, Arn=f"arn:aws:resource-groups:{HERE}:{ACCOUNT}:group/none", Tags={"a": "b"})[0] == "NotFoundException"
    configuration = [{"Type": "AWS::EC2::HostManagement"}]
    assert refused(api.create_group, Name="hosts", Configuration=configuration)[0] == "NotImplemented"
    assert refused(api.group_resources, Group="mine", ResourceArns=[f"arn:aws:sqs:{HERE}:{ACCOUNT}:a"])[0] == "NotImplemented"


def test_whoever_lists_a_group_must_be_let_see_what_is_tagged(api, cloud):
    api.create_group(Name="mine", ResourceQuery=by_tags(("team", ["x"])), Tags={"team": "x"})
    iam = cloud.client("iam")

    def user(name: str, *actions: str, **more) -> dict[str, str]:
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}}
        iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    # https://docs.aws.amazon.com/ARG/latest/APIReference/API_ListGroupResources.html
    ann = cloud.client("resource-groups", **user("ann", "resource-groups:*"))
    assert refused(ann.list_group_resources, Group="mine")[0] == "ForbiddenException"
    bob = cloud.client("resource-groups", **user("bob", "resource-groups:*", "tag:GetResources"))
    assert len(names(bob.list_group_resources(Group="mine"))) == 4
    tagged = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "x"}}}
    cleo = cloud.client("resource-groups", **user("cleo", "resource-groups:GetGroup", **tagged))
    api.create_group(Name="other", ResourceQuery=by_tags(("team", ["y"])))
    assert cleo.get_group(Group="mine") and refused(cleo.get_group, Group="other")[0] == "AccessDeniedException"


def test_a_template_makes_a_group_of_its_own_stack_or_of_tags(api, cloud):
    cfn = cloud.client("cloudformation")

    def written(**more) -> str:
        group = {"Type": "AWS::ResourceGroups::Group", "Properties": {"Name": "ours", **more}}
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "own"}}
        return json.dumps({"Resources": {"Group": group, "Queue": queue}, "Outputs": {"Arn": {"Value": {"Fn::GetAtt": "Group.Arn"}}}})

    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-resourcegroups-group.html: of its own stack by default.
    cfn.create_stack(StackName="base", TemplateBody=written(Description="a", Tags=[{"Key": "team", "Value": "z"}]))
    cloud.sleep(5)
    (stack,) = cfn.describe_stacks(StackName="base")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", cfn.describe_stack_events(StackName="base")["StackEvents"]
    assert stack["Outputs"][0]["OutputValue"] == api.get_group(Group="ours")["Group"]["GroupArn"]
    assert ("AWS::SQS::Queue", "own") in names(api.list_group_resources(Group="ours"))
    assert api.get_tags(Arn=stack["Outputs"][0]["OutputValue"])["Tags"]["team"] == "z"
    query = {"Type": TAGS, "Query": {"ResourceTypeFilters": ["AWS::SQS::Queue"], "TagFilters": [{"Key": "team", "Values": ["y"]}]}}
    cfn.update_stack(StackName="base", TemplateBody=written(ResourceQuery=query))
    cloud.sleep(5)
    assert cfn.describe_stacks(StackName="base")["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"
    assert names(api.list_group_resources(Group="ours")) == [("AWS::SQS::Queue", "c")] and "Description" not in api.get_group(Group="ours")["Group"]
    id_ = cfn.detect_stack_drift(StackName="base")["StackDriftDetectionId"]
    assert cfn.describe_stack_drift_detection_status(StackDriftDetectionId=id_)["StackDriftStatus"] == "IN_SYNC"
    api.update_group_query(Group="ours", ResourceQuery=by_tags(("team", ["x"])))
    id_ = cfn.detect_stack_drift(StackName="base")["StackDriftDetectionId"]
    assert cfn.describe_stack_drift_detection_status(StackDriftDetectionId=id_)["StackDriftStatus"] == "DRIFTED"
    cfn.delete_stack(StackName="base")
    cloud.sleep(5)
    assert api.list_groups()["Groups"] == []
