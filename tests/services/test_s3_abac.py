"""Buckets whose tags decide who may touch them and what lies in them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refused_code

ACCOUNT = "000000000000"
TAGS = [{"Key": "team", "Value": "a"}]
ARN = "arn:aws:s3:::store"


def allow(action, **conditions):
    return {"Effect": "Allow", "Action": action, "Resource": "*", **({"Condition": {"StringEquals": conditions}} if conditions else {})}


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="store", CreateBucketConfiguration={"Tags": TAGS})
    client.put_object(Bucket="store", Key="k", Body=b"x")
    return client


@pytest.fixture
def ann(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]

    class Ann:
        def may(self, *statements):
            iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))

        def __getattr__(self, service):
            return cloud.client(service, key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    return Ann()


def test_a_bucket_begins_without_and_policies_are_told_of_its_tags_while_it_is_enabled(s3, ann):
    assert s3.get_bucket_abac(Bucket="store")["AbacStatus"] == {"Status": "Disabled"}
    get = {"Bucket": "store", "Key": "k"}
    for key in ("aws:ResourceTag/team", "s3:BucketTag/team"):
        ann.may(allow("s3:*", **{key: "a"}))
        assert refused_code(ann.s3.get_object, **get) == "AccessDenied"
        s3.put_bucket_abac(Bucket="store", AbacStatus={"Status": "Enabled"})
        assert s3.get_bucket_abac(Bucket="store")["AbacStatus"] == {"Status": "Enabled"}
        ann.s3.get_object(**get)
        ann.s3.list_objects_v2(Bucket="store")
        assert ann.s3.delete_objects(Bucket="store", Delete={"Objects": [{"Key": "none"}]})["Deleted"]
        ann.may(allow("s3:*", **{key: "b"}))
        assert refused_code(ann.s3.get_object, **get) == refused_code(ann.s3.list_objects_v2, Bucket="store") == "AccessDenied"
        s3.put_bucket_abac(Bucket="store", AbacStatus={"Status": "Disabled"})


def test_an_enabled_bucket_is_tagged_by_who_may_tag_resources_alone(cloud, s3, ann):
    s3.put_bucket_abac(Bucket="store", AbacStatus={"Status": "Enabled"})
    # No source tells AWS's code and words.
    assert refused_code(s3.put_bucket_tagging, Bucket="store", Tagging={"TagSet": TAGS}) == refused_code(s3.delete_bucket_tagging, Bucket="store") == "InvalidRequest"
    of = {"AccountId": ACCOUNT, "ResourceArn": ARN}
    ann.may(allow("s3:PutBucketTagging"), allow("s3:GetBucketTagging"))
    assert refused_code(ann.s3control.tag_resource, **of, Tags=[{"Key": "x", "Value": "1"}]) == "AccessDenied"
    ann.may({**allow("s3:TagResource", **{"aws:RequestTag/x": "1", "aws:ResourceTag/team": "a"}), "Resource": ARN})
    ann.s3control.tag_resource(**of, Tags=[{"Key": "x", "Value": "1"}])
    assert refused_code(ann.s3control.tag_resource, **of, Tags=[{"Key": "x", "Value": "2"}]) == "AccessDenied"
    assert s3.get_bucket_tagging(Bucket="store")["TagSet"] == [*TAGS, {"Key": "x", "Value": "1"}]
    cloud.client("s3control").untag_resource(**of, TagKeys=["team"])
    assert s3.get_bucket_tagging(Bucket="store")["TagSet"] == [{"Key": "x", "Value": "1"}]


def test_a_bucket_policy_speaks_of_tagging_the_bucket_too(cloud, s3):
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:TagResource", "Resource": ARN}
    s3.put_bucket_policy(Bucket="store", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    assert refused_code(cloud.client("s3control").tag_resource, AccountId=ACCOUNT, ResourceArn=ARN, Tags=TAGS) == "AccessDenied"


def test_whoever_makes_a_bucket_with_tags_may_tag_it(ann):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html"""
    tagged = {"CreateBucketConfiguration": {"Tags": TAGS}}
    ann.may(allow("s3:CreateBucket"))
    ann.s3.create_bucket(Bucket="plain")
    assert refused_code(ann.s3.create_bucket, Bucket="tagged", **tagged) == "AccessDenied"
    ann.may(allow("s3:CreateBucket", **{"aws:RequestTag/team": "a"}), allow("s3:TagResource"))
    ann.s3.create_bucket(Bucket="tagged", **tagged)
    assert refused_code(ann.s3.create_bucket, Bucket="other", CreateBucketConfiguration={"Tags": [{"Key": "team", "Value": "b"}]}) == "AccessDenied"


def test_a_status_that_there_is_not_is_no_document(s3):
    assert refused_code(s3.put_bucket_abac, Bucket="store", AbacStatus={"Status": "Perhaps"}) == "MalformedXML"
    assert refused_code(s3.put_bucket_abac, Bucket="none-such", AbacStatus={"Status": "Enabled"}) == "NoSuchBucket"


def test_a_stack_makes_such_a_bucket_and_changes_its_tags(cloud):
    def template(status: str, *tags: str) -> str:
        listed = [{"Key": tag, "Value": "1"} for tag in tags]
        return json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "made", "AbacStatus": status, "Tags": listed}}}})

    client, s3 = cloud.client("cloudformation"), cloud.client("s3")
    client.create_stack(StackName="s", TemplateBody=template("Enabled", "a", "b"))
    for body, status in ((None, "Enabled"), (template("Enabled", "b", "c"), "Enabled"), (template("Disabled", "c"), "Disabled")):
        if body:
            client.update_stack(StackName="s", TemplateBody=body)
        cloud.sleep(10)
        assert client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == ("UPDATE_COMPLETE" if body else "CREATE_COMPLETE")
        assert s3.get_bucket_abac(Bucket="made")["AbacStatus"] == {"Status": status}
        held = {tag["Key"] for tag in s3.get_bucket_tagging(Bucket="made")["TagSet"]}
        assert {key for key in held if not key.startswith("aws:")} == ({"a", "b"} if not body else {"b", "c"} if status == "Enabled" else {"c"})
        assert "aws:cloudformation:stack-name" in held


def test_it_survives_a_kill(cloud, s3):
    s3.put_bucket_abac(Bucket="store", AbacStatus={"Status": "Enabled"})
    cloud.restart(kill=True)
    assert s3.get_bucket_abac(Bucket="store")["AbacStatus"] == {"Status": "Enabled"}
