"""Access points of S3: made and told by S3 Control, and reached by alias and by host; what the point and the bucket must permit."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from refusals import refused_fully

ACCOUNT = "000000000000"
ARN = f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/front"


@pytest.fixture
def s3(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="house")
    s3.put_object(Bucket="house", Key="in/k", Body=b"12345", Tagging="colour=red")
    return s3


@pytest.fixture
def control(cloud, s3):
    return cloud.client("s3control")


def make(control, name: str = "front", bucket: str = "house", **more):
    return control.create_access_point(AccountId=ACCOUNT, Name=name, Bucket=bucket, **more)


def put_policy(control, *statements):
    control.put_access_point_policy(AccountId=ACCOUNT, Name="front", Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


def user(cloud, *statements):
    """An S3 client of a user who is allowed what the statements allow."""
    iam = cloud.client("iam")
    iam.create_user(UserName="jane")
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName="jane", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="jane")["AccessKey"]
    return cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


JANE = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/jane"}}
DELEGATION = {**allow("*", ["arn:aws:s3:::house", "arn:aws:s3:::house/*"]), "Principal": {"AWS": "*"},
              "Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}}  # fmt: skip
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html, "Delegating access control to access points\""""


# Making and telling ----------------------------------------------------------------------------------


def test_a_point_is_made_told_and_deleted(cloud, control):
    # Recorded: localstack's test_access_point_lifecycle.
    made = make(control)
    assert made["AccessPointArn"] == ARN and re.fullmatch(r"front-[a-z0-9]{34}-s3alias", made["Alias"])
    cloud.restart(kill=True)
    told = control.get_access_point(AccountId=ACCOUNT, Name="front")
    assert told.pop("CreationDate").year == 2030
    del told["ResponseMetadata"]
    assert told == {
        "Name": "front", "Bucket": "house", "NetworkOrigin": "Internet", "Alias": made["Alias"], "AccessPointArn": ARN, "BucketAccountId": ACCOUNT,
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True,
        },
        "Endpoints": {
            "ipv4": "s3-accesspoint.us-east-1.amazonaws.com", "fips": "s3-accesspoint-fips.us-east-1.amazonaws.com",
            "fips_dualstack": "s3-accesspoint-fips.dualstack.us-east-1.amazonaws.com",
            "dualstack": "s3-accesspoint.dualstack.us-east-1.amazonaws.com",
        },
    }  # fmt: skip
    assert refused_fully(make, control=control)[:2] == (409, "AccessPointAlreadyOwnedByYou")
    assert control.delete_access_point(AccountId=ACCOUNT, Name="front")["ResponseMetadata"]["HTTPStatusCode"] == 204
    absent = (404, "NoSuchAccessPoint", "The specified accesspoint does not exist")
    assert refused_fully(control.get_access_point, AccountId=ACCOUNT, Name="front") == absent
    assert refused_fully(control.delete_access_point, AccountId=ACCOUNT, Name="front") == absent


def test_points_are_listed_in_pages_and_by_bucket(control, s3):
    s3.create_bucket(Bucket="other")
    for name, bucket in (("one", "house"), ("two", "house"), ("three", "other")):
        make(control, name, bucket)
    names = lambda **said: [each["Name"] for each in control.list_access_points(AccountId=ACCOUNT, **said)["AccessPointList"]]  # noqa: E731
    assert names() == ["one", "three", "two"] and names(Bucket="house") == ["one", "two"]
    first = control.list_access_points(AccountId=ACCOUNT, MaxResults=2)
    assert names(NextToken=first["NextToken"], MaxResults=2) == ["two"]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        # Recorded: localstack's test_access_point_bucket_not_exists, test_access_point_name_validation.
        ({"bucket": "nowhere"}, (400, "InvalidRequest", "Amazon S3 AccessPoint can only be created for existing bucket")),
        ({"name": "xn-_test-alias"}, (400, "InvalidURI", "Couldn't parse the specified URI.")),
        ({"name": "a" * 51}, (400, "InvalidURI", "Couldn't parse the specified URI.")),
        ({"name": "-hyphen-start"}, (400, "InvalidRequest", "Your Amazon S3 AccessPoint name is invalid")),
        ({"name": "cannot-end-s3alias"}, (400, "InvalidRequest", "Your Amazon S3 AccessPoint name is invalid")),
        ({"name": "cannot-have.dot"}, (400, "InvalidRequest", "Your Amazon S3 AccessPoint name is invalid")),
    ],
)
def test_points_that_aws_refuses_are_refused(control, said, refused):
    assert refused_fully(make, control=control, **said) == refused


def test_what_is_not_built_is_refused_by_name(control):
    for more in ({"VpcConfiguration": {"VpcId": "vpc-1"}}, {"BucketAccountId": "111111111111"}, {"Scope": {"Prefixes": ["a/"]}}):
        assert refused_fully(make, control=control, **more)[:2] == (501, "NotImplemented")


def test_a_bucket_that_a_point_leads_to_cannot_be_deleted(control, s3):
    make(control)
    s3.delete_object(Bucket="house", Key="in/k")
    assert refused_fully(s3.delete_bucket, Bucket="house")[:2] == (400, "BucketHasAccessPointsAttached")
    control.delete_access_point(AccountId=ACCOUNT, Name="front")
    s3.delete_bucket(Bucket="house")


# Reaching --------------------------------------------------------------------------------------------


def test_objects_are_reached_by_arn_and_by_alias(cloud, control, s3):
    alias = make(control)["Alias"]
    for place in (ARN, alias):
        assert s3.get_object(Bucket=place, Key="in/k")["Body"].read() == b"12345"
        s3.put_object(Bucket=place, Key="new", Body=b"1")
        assert [each["Key"] for each in s3.list_objects_v2(Bucket=place)["Contents"]] == ["in/k", "new"]
        s3.delete_objects(Bucket=place, Delete={"Objects": [{"Key": "new"}]})
        upload = s3.create_multipart_upload(Bucket=place, Key="m")["UploadId"]
        part = s3.upload_part(Bucket=place, Key="m", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
        s3.complete_multipart_upload(Bucket=place, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
        s3.delete_object(Bucket=place, Key="m")
    assert s3.head_bucket(Bucket=alias)["AccessPointAlias"] is True and s3.head_bucket(Bucket="house")["AccessPointAlias"] is False
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="house")["Contents"]] == ["in/k"]


def test_objects_are_reached_by_the_host_of_a_point(cloud, control, s3):
    make(control, PublicAccessBlockConfiguration={})
    s3.delete_public_access_block(Bucket="house")
    everybody = {**allow("s3:GetObject", f"{ARN}/object/in/*"), "Principal": "*"}
    put_policy(control, everybody)
    s3.put_bucket_policy(Bucket="house", Policy=json.dumps({"Version": "2012-10-17", "Statement": [DELEGATION]}))
    host = "front-000000000000.s3-accesspoint.us-east-1.amazonaws.com"
    assert cloud.http("GET", "/in/k", host=host)[::2] == (200, b"12345")
    assert cloud.http("GET", "/out", host=host)[0] == 403
    assert cloud.http("GET", "/house/in/k", host="s3.us-east-1.amazonaws.com")[0] == 403
    status, _, body = cloud.http("GET", "/in/k", host="none-000000000000.s3-accesspoint.us-east-1.amazonaws.com")
    assert status == 404 and b"<Code>NoSuchAccessPoint</Code>" in body


def test_what_points_do_not_do_is_refused(control, s3):
    make(control)
    for method, more in ((s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}), (s3.get_bucket_tagging, {})):
        assert refused_fully(method, Bucket=ARN, **more)[:2] == (405, "MethodNotAllowed")


# Permissions -----------------------------------------------------------------------------------------


def test_both_the_point_and_the_bucket_must_permit(cloud, control, s3):
    """"Permissions granted in an access point policy are effective only if the underlying bucket also allows the same access."""
    make(control)
    jane = user(cloud)
    put_policy(control, {**allow(["s3:GetObject", "s3:DeleteObject"], f"{ARN}/object/in/*"), **JANE}, {**allow("s3:ListBucket", ARN), **JANE})
    assert refused_fully(jane.get_object, Bucket=ARN, Key="in/k")[:2] == (403, "AccessDenied")
    s3.put_bucket_policy(Bucket="house", Policy=json.dumps({"Version": "2012-10-17", "Statement": [DELEGATION]}))
    assert jane.get_object(Bucket=ARN, Key="in/k")["Body"].read() == b"12345"
    assert [each["Key"] for each in jane.list_objects_v2(Bucket=ARN)["Contents"]] == ["in/k"]
    # The bucket's delegation holds for requests by a point alone.
    assert refused_fully(jane.get_object, Bucket="house", Key="in/k")[:2] == (403, "AccessDenied")
    assert refused_fully(jane.put_object, Bucket=ARN, Key="in/k", Body=b"")[:2] == (403, "AccessDenied")
    answer = jane.delete_objects(Bucket=ARN, Delete={"Objects": [{"Key": "in/k"}, {"Key": "out"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["in/k"] and [each["Code"] for each in answer["Errors"]] == ["AccessDenied"]


def test_an_identity_needs_the_point_and_the_bucket(cloud, control):
    make(control)
    jane = user(cloud, allow("s3:GetObject", "arn:aws:s3:::house/*"))
    assert jane.get_object(Bucket="house", Key="in/k")["Body"].read() == b"12345"
    assert refused_fully(jane.get_object, Bucket=ARN, Key="in/k")[:2] == (403, "AccessDenied")
    put_policy(control, {**allow("s3:GetObject", f"{ARN}/object/*"), **JANE})
    assert jane.get_object(Bucket=ARN, Key="in/k")["Body"].read() == b"12345"


def test_conditions_know_the_point(cloud, control, s3):
    make(control)
    jane = user(cloud, allow("s3:*", "*"))
    only = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::house/*",
            "Condition": {"StringNotEquals": {"s3:AccessPointNetworkOrigin": "Internet", "s3:DataAccessPointArn": ARN}}}  # fmt: skip
    s3.put_bucket_policy(Bucket="house", Policy=json.dumps({"Version": "2012-10-17", "Statement": [only]}))
    assert refused_fully(jane.get_object, Bucket="house", Key="in/k")[:2] == (403, "AccessDenied")
    assert jane.get_object(Bucket=ARN, Key="in/k")["Body"].read() == b"12345"
    put_policy(control, {"Effect": "Deny", **JANE, "Action": "s3:GetObject", "Resource": f"{ARN}/object/*",
                         "Condition": {"StringEquals": {"s3:ExistingObjectTag/colour": "red"}}})  # fmt: skip
    assert refused_fully(jane.get_object, Bucket=ARN, Key="in/k")[:2] == (403, "AccessDenied")


def test_policies_of_points_are_checked_and_told(control):
    make(control)
    absent = (404, "NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist")
    assert refused_fully(control.get_access_point_policy, AccountId=ACCOUNT, Name="front") == absent
    with pytest.raises(ClientError, match="MalformedPolicy"):
        put_policy(control, {**allow("s3:GetObject", "arn:aws:s3:::house/*"), **JANE})
    with pytest.raises(ClientError, match="AccessDenied"):
        put_policy(control, {**allow("s3:GetObject", f"{ARN}/object/*"), "Principal": "*"})
    put_policy(control, {**allow("s3:GetObject", f"{ARN}/object/*"), **JANE})
    assert json.loads(control.get_access_point_policy(AccountId=ACCOUNT, Name="front")["Policy"])["Statement"][0]["Action"] == "s3:GetObject"
    assert control.get_access_point_policy_status(AccountId=ACCOUNT, Name="front")["PolicyStatus"] == {"IsPublic": False}
    control.delete_access_point_policy(AccountId=ACCOUNT, Name="front")
    assert refused_fully(control.get_access_point_policy, AccountId=ACCOUNT, Name="front") == absent


def test_an_object_is_copied_from_a_point_by_who_may_read_there(cloud, control, s3):
    alias = make(control)["Alias"]
    jane = user(cloud, allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::house/*"))
    jane.copy_object(Bucket="house", Key="copy", CopySource="house/in/k")
    for source in (f"{ARN}/object/in/k", f"{alias}/in/k"):
        assert refused_fully(jane.copy_object, Bucket="house", Key="copy", CopySource=source)[:2] == (403, "AccessDenied")
        s3.copy_object(Bucket="house", Key="copy", CopySource=source)
    put_policy(control, {**allow("s3:GetObject", f"{ARN}/object/*"), **JANE})
    jane.copy_object(Bucket="house", Key="copy", CopySource=f"{ARN}/object/in/k")
    upload = jane.create_multipart_upload(Bucket="house", Key="m")["UploadId"]
    jane.upload_part_copy(Bucket="house", Key="m", UploadId=upload, PartNumber=1, CopySource={"Bucket": ARN, "Key": "in/k"})
    assert s3.get_object(Bucket="house", Key="copy")["Body"].read() == b"12345"
    gone = ARN.replace("front", "none")
    assert refused_fully(s3.copy_object, Bucket="house", Key="copy", CopySource=f"{gone}/object/in/k")[:2] == (404, "NoSuchAccessPoint")


# Others who know of points ---------------------------------------------------------------------------


def test_metrics_may_count_what_comes_by_a_point(cloud, control, s3):
    make(control)
    said = {"Id": "by", "Filter": {"AccessPointArn": ARN}}
    s3.put_bucket_metrics_configuration(Bucket="house", Id="by", MetricsConfiguration=said)
    s3.get_object(Bucket="house", Key="in/k")
    s3.get_object(Bucket=ARN, Key="in/k")
    cloud.sleep(61)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/S3", MetricName="GetRequests", Dimensions=[{"Name": "BucketName", "Value": "house"}, {"Name": "FilterId", "Value": "by"}],
        StartTime=1_893_456_000 - 60, EndTime=1_893_456_000 + 300, Period=600, Statistics=["Sum"],
    )  # fmt: skip
    assert sum(each["Sum"] for each in found["Datapoints"]) == 1


def test_logs_of_accesses_tell_the_point(cloud, control, s3):
    # The third last field: https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
    make(control)
    s3.create_bucket(Bucket="logs")
    allowed = {**allow("s3:PutObject", "arn:aws:s3:::logs/*"), "Principal": {"Service": "logging.s3.amazonaws.com"}}
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    s3.put_bucket_logging(Bucket="house", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}})
    s3.get_object(Bucket="house", Key="in/k")
    s3.get_object(Bucket=ARN, Key="in/k")
    cloud.sleep(5)
    (log,) = s3.list_objects_v2(Bucket="logs")["Contents"]
    lines = s3.get_object(Bucket="logs", Key=log["Key"])["Body"].read().decode().splitlines()
    assert [line.split()[-3] for line in lines] == ["-", ARN] and [line.split()[1] for line in lines] == ["house", "house"]


def test_a_point_of_a_template_is_really_there(make_cloud):
    cloud = make_cloud("us-east-1", "aws-global")
    policy = {"Version": "2012-10-17", "Statement": [{**allow("s3:GetObject", {"Fn::Sub": "${Point.Arn}/object/*"}), **JANE}]}
    policy["Statement"][0]["Resource"] = f"{ARN}/object/*"
    user_of_policy = {"Type": "AWS::IAM::User", "Properties": {"UserName": "jane"}}
    point = {"Name": "front", "Bucket": {"Ref": "Bucket"}, "Policy": policy, "PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}
    template = {
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket"}, "Jane": user_of_policy,
            "Point": {"Type": "AWS::S3::AccessPoint", "Properties": point, "DependsOn": "Jane"},
        },
        "Outputs": {name: {"Value": {"Fn::GetAtt": ["Point", name]}} for name in ("Arn", "Alias", "NetworkOrigin")},
    }  # fmt: skip
    cfn = cloud.client("cloudformation")
    cfn.create_stack(StackName="s", TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
    cloud.sleep(60)
    stack = cfn.describe_stacks(StackName="s")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in cfn.describe_stack_events(StackName="s")["StackEvents"]]
    told = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert told["Arn"] == ARN and told["NetworkOrigin"] == "Internet"
    s3, control = cloud.client("s3"), cloud.client("s3control")
    s3.put_object(Bucket=told["Alias"], Key="k", Body=b"1")
    assert control.get_access_point(AccountId=ACCOUNT, Name="front")["PublicAccessBlockConfiguration"]["IgnorePublicAcls"] is False
    assert json.loads(control.get_access_point_policy(AccountId=ACCOUNT, Name="front")["Policy"]) == policy
    s3.delete_object(Bucket=told["Alias"], Key="k")
    cfn.delete_stack(StackName="s")
    cloud.sleep(60)
    assert control.list_access_points(AccountId=ACCOUNT)["AccessPointList"] == []
