"""CloudTrail: trails of organizations keep what is called in all their accounts.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
"""

from __future__ import annotations

import gzip
import json

import pytest
from organization_workshop import MASTER, Garden
from refusals import refused

US, EU, SERVICE = "us-east-1", "eu-west-1", "cloudtrail.amazonaws.com"
BUCKET = "all-files"


@pytest.fixture
def garden(make_cloud):
    return Garden(make_cloud(US, EU, "aws-global"))


def put_bucket(garden) -> None:
    s3 = garden.cloud.client("s3", key=MASTER)
    s3.create_bucket(Bucket=BUCKET)
    allow = {"Effect": "Allow", "Principal": {"Service": SERVICE}}
    arn = f"arn:aws:cloudtrail:{US}:{MASTER}:trail/all"
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html#org-trail-bucket-policy
    statements = [
        {**allow, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{BUCKET}"},
        *(
            {**allow, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/AWSLogs/{owner}/*", "Condition": {"StringEquals": {"aws:SourceArn": arn}}}
            for owner in (MASTER, garden.id)
        ),
    ]
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def put_trail(garden, **more) -> str:
    trails = garden.cloud.client("cloudtrail", key=MASTER)
    garden.api.enable_aws_service_access(ServicePrincipal=SERVICE)
    garden.cloud.sleep(1)
    put_bucket(garden)
    arn = trails.create_trail(Name="all", S3BucketName=BUCKET, IsOrganizationTrail=True, IsMultiRegionTrail=True, **more)["TrailARN"]
    trails.start_logging(Name="all")
    return arn


def kept(garden) -> dict[tuple[str, str], set[str]]:
    """The names of the calls that files have, by the account and the region that stand in their keys."""
    s3, found = garden.cloud.client("s3", key=MASTER), {}
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        parts = each["Key"].split("/")
        if len(parts) > 4 and parts[3] == "CloudTrail":
            assert parts[:2] == ["AWSLogs", garden.id] and parts[-1].startswith(f"{parts[2]}_CloudTrail_{parts[4]}_")
            records = json.loads(gzip.decompress(s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()))["Records"]
            assert {record["recipientAccountId"] for record in records} == {parts[2]}
            found.setdefault((parts[2], parts[4]), set()).update(record["eventName"] for record in records)
    return found


def test_what_is_called_in_every_account_and_region_is_in_the_files_of_one_trail(garden):
    member, other = garden.member(), garden.member()
    put_trail(garden)
    garden.cloud.client("sqs", EU, key=member).create_queue(QueueName="q")
    garden.cloud.client("sqs", EU, key=other).list_queues()
    garden.cloud.client("sns", key=MASTER).create_topic(Name="t")
    garden.cloud.client("iam", key=member).create_user(UserName="u")  # which is told in us-east-1, where the member never was
    garden.cloud.client("sqs", key="999999999999").create_queue(QueueName="stranger")
    garden.cloud.sleep(601)
    found = kept(garden)
    assert found[member, EU] == {"CreateQueue"} and found[other, EU] == {"ListQueues"}
    assert "CreateTopic" in found[MASTER, US] and "CreateUser" in found[member, US]
    assert {account for account, _ in found} == {MASTER, member, other}


def test_an_account_that_comes_is_covered_from_then_on_and_one_that_is_closed_no_more(garden):
    put_trail(garden)
    early = "222222222222"
    sqs = garden.cloud.client("sqs", EU, key=early)
    sqs.create_queue(QueueName="before")
    garden.cloud.sleep(1)
    handshake = garden.api.invite_account_to_organization(Target={"Id": early, "Type": "ACCOUNT"})["Handshake"]["Id"]
    garden.cloud.client("organizations", key=early).accept_handshake(HandshakeId=handshake)
    garden.cloud.sleep(2)
    sqs.list_queues()
    garden.cloud.sleep(601)
    assert kept(garden)[early, EU] == {"ListQueues"}
    garden.api.disable_aws_service_access(ServicePrincipal=SERVICE)
    garden.cloud.sleep(2)
    sqs.create_queue(QueueName="after")
    garden.cloud.sleep(601)
    assert kept(garden)[early, EU] == {"ListQueues"}


def test_members_see_the_trail_and_do_not_change_it(garden):
    member = garden.member()
    arn = put_trail(garden)
    trails = garden.cloud.client("cloudtrail", key=member)
    (shown,) = trails.describe_trails()["trailList"]
    assert (shown["TrailARN"], shown["IsOrganizationTrail"]) == (arn, True)
    assert trails.describe_trails(includeShadowTrails=False)["trailList"] == []
    assert trails.get_trail(Name=arn)["Trail"]["IsOrganizationTrail"] is True and trails.get_trail_status(Name=arn)["IsLogging"] is True
    for operation in (trails.stop_logging, trails.delete_trail, trails.update_trail):
        assert refused(operation, Name=arn)[0] == "NotOrganizationMasterAccountException"
    stranger = garden.cloud.client("cloudtrail", key="999999999999")
    assert stranger.describe_trails()["trailList"] == [] and refused(stranger.get_trail, Name=arn)[0] == "AccessDeniedException"


def test_who_may_make_one(garden):
    member = garden.member()
    params = {"Name": "all", "S3BucketName": BUCKET, "IsOrganizationTrail": True}
    make = garden.cloud.client("cloudtrail", key=MASTER).create_trail
    assert refused(make, **params)[0] == "CloudTrailAccessNotEnabledException"
    garden.api.enable_aws_service_access(ServicePrincipal=SERVICE)
    garden.cloud.sleep(1)
    assert refused(garden.cloud.client("cloudtrail", key=member).create_trail, **params)[0] == "NotOrganizationMasterAccountException"
    assert refused(garden.cloud.client("cloudtrail", key="999999999999").create_trail, **params)[0] == "OrganizationsNotInUseException"
    assert refused(make, **params)[0] == "S3BucketDoesNotExistException"
    put_bucket(garden)
    assert make(**params)["IsOrganizationTrail"] is True
    # It may become one of its account alone, and one of all again.
    update = garden.cloud.client("cloudtrail", key=MASTER).update_trail
    assert [update(Name="all", IsOrganizationTrail=is_all)["IsOrganizationTrail"] for is_all in (False, True)] == [False, True]


def test_digests_and_log_streams_are_each_accounts_own(garden):
    member = garden.member()
    iam, logs = garden.cloud.client("iam", key=MASTER), garden.cloud.client("logs", key=MASTER)
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="writes", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="writes", PolicyName="p", PolicyDocument=json.dumps(allow))
    logs.create_log_group(logGroupName="all")
    garden.cloud.sleep(1)
    put_trail(garden, EnableLogFileValidation=True, CloudWatchLogsLogGroupArn=f"arn:aws:logs:{US}:{MASTER}:log-group:all:*", CloudWatchLogsRoleArn=role)
    garden.cloud.client("sqs", key=member).create_queue(QueueName="q")
    garden.cloud.sleep(4_000)
    streams = {each["logStreamName"] for each in logs.describe_log_streams(logGroupName="all")["logStreams"]}
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-filename-format… and create-cloudwatch-logs-policy: o-id_account_CloudTrail_region
    assert {f"{garden.id}_{MASTER}_CloudTrail_{US}", f"{garden.id}_{member}_CloudTrail_{US}"} <= streams
    keys = [each["Key"] for each in garden.cloud.client("s3", key=MASTER).list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert any(key.startswith(f"AWSLogs/{garden.id}/{member}/CloudTrail-Digest/{US}/") for key in keys)


def test_events_of_data_of_members_are_kept_where_the_trail_asks_for_them(garden):
    member = garden.member()
    put_trail(garden)
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
    garden.cloud.client("cloudtrail", key=MASTER).put_event_selectors(TrailName="all", EventSelectors=[selector])
    garden.cloud.sleep(1)
    s3 = garden.cloud.client("s3", key=member)
    s3.create_bucket(Bucket="papers")
    s3.put_object(Bucket="papers", Key="k", Body=b"1")
    garden.cloud.sleep(601)
    assert kept(garden)[member, US] == {"PutObject"}


def test_a_trail_of_a_template_is_of_the_organization_and_records_as_it_says(garden):
    member, cloud = garden.member(), garden.cloud
    garden.api.enable_aws_service_access(ServicePrincipal=SERVICE)
    cloud.sleep(1)
    put_bucket(garden)
    trail = {"TrailName": "all", "S3BucketName": BUCKET, "IsLogging": True, "IsMultiRegionTrail": True, "IsOrganizationTrail": True, "Tags": [{"Key": "a", "Value": "b"}]}
    template = {"Resources": {"T": {"Type": "AWS::CloudTrail::Trail", "Properties": trail}}, "Outputs": {"Name": {"Value": {"Ref": "T"}}, "Arn": {"Value": {"Fn::GetAtt": ["T", "Arn"]}}}}
    stacks, trails = cloud.client("cloudformation", key=MASTER), cloud.client("cloudtrail", key=MASTER)
    stacks.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(10)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    arn = f"arn:aws:cloudtrail:{US}:{MASTER}:trail/all"
    assert {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]} == {"Name": "all", "Arn": arn}
    cloud.client("sqs", EU, key=member).create_queue(QueueName="q")
    cloud.sleep(601)
    assert kept(garden)[member, EU] == {"CreateQueue"}
    trail |= {"IsLogging": False, "IsOrganizationTrail": False, "EventSelectors": [{"ReadWriteType": "WriteOnly"}], "Tags": [{"Key": "c", "Value": "d"}]}
    stacks.update_stack(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(10)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"][:5]
    assert trails.get_trail(Name="all")["Trail"]["IsOrganizationTrail"] is False and trails.get_trail_status(Name="all")["IsLogging"] is False
    assert trails.get_event_selectors(TrailName="all")["EventSelectors"][0]["ReadWriteType"] == "WriteOnly"
    tags = trails.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"]
    assert [each for each in tags if not each["Key"].startswith("aws:")] == [{"Key": "c", "Value": "d"}]
    stacks.delete_stack(StackName="s")
    cloud.sleep(10)
    assert trails.list_trails()["Trails"] == []
