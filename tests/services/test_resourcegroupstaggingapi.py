"""The tagging API: what is tagged anywhere is found at once, and tagged in the caller's own name.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json

import pytest
from refusals import refuses

ACCOUNT, SERVICE = "000000000000", "resourcegroupstaggingapi"


@pytest.fixture
def tagging(cloud):
    return cloud.client(SERVICE)


def found(tagging, **asked) -> dict[str, dict[str, str]]:
    pages = tagging.get_paginator("get_resources").paginate(**asked)
    return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for page in pages for each in page["ResourceTagMappingList"]}


# Finding -----------------------------------------------------------------------------------------------


def test_filters_must_all_be_met_and_any_of_their_values_meets_one(cloud, tagging):
    for name, tags in {"a": {"key1": "value1"}, "b": {"key1": "value2", "key2": "x"}, "c": {"key3": ""}, "d": {}}.items():
        cloud.client("sqs").create_queue(QueueName=name, tags=tags)
    one, two, three = {"Key": "key1", "Values": ["value1", "value2"]}, {"Key": "key2", "Values": ["x"]}, {"Key": "key3"}
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
    for filters, names in (([], "abc"), ([one], "ab"), ([one, two], "b"), ([three], "c"), ([one, three], ""), ([{"Key": "key1", "Values": ["no"]}], "")):
        assert list(found(tagging, TagFilters=filters)) == [arn + name for name in names]
    assert tagging.get_tag_keys()["TagKeys"] == ["key1", "key2", "key3"]
    assert tagging.get_tag_values(Key="key1")["TagValues"] == ["value1", "value2"]
    assert tagging.get_tag_values(Key="key3")["TagValues"] == [""]
    assert tagging.get_tag_values(Key="none")["TagValues"] == []


def test_a_type_is_called_as_in_arns(cloud, tagging):
    pairs = [{"Key": "k", "Value": "v"}]
    cloud.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"Tags": pairs})
    cloud.client("sns").create_topic(Name="topic", Tags=pairs)
    cloud.client("logs").create_log_group(logGroupName="bucket", tags={"k": "v"})
    rest = cloud.client("apigateway").create_rest_api(name="api", tags={"k": "v"})["id"]
    group, bucket, topic = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:bucket", "arn:aws:s3:::bucket", f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
    api = f"arn:aws:apigateway:us-east-1::/restapis/{rest}"
    for types, arns in (
        (["s3"], {bucket}), (["s3:bucket"], {bucket}), (["logs:log-group", "sns"], {group, topic}), (["apigateway:restapis"], {api}),
        (["s3:object", "logs:bucket", "ec2:instance", "lo"], set()), ([], {bucket, topic, group, api}),
    ):  # fmt: skip
        assert set(found(tagging, ResourceTypeFilters=types)) == arns


def test_arns_are_looked_up_alone_and_what_is_not_there_is_left_out(cloud, tagging):
    cloud.client("sqs").create_queue(QueueName="q", tags={"k": "v"})
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    answer = tagging.get_resources(ResourceARNList=[arn, arn + "2"])
    assert answer["ResourceTagMappingList"] == [{"ResourceARN": arn, "Tags": [{"Key": "k", "Value": "v"}]}] and answer["PaginationToken"] == ""
    for more in ({"TagFilters": [{"Key": "k"}]}, {"ResourceTypeFilters": ["sqs"]}, {"ResourcesPerPage": 5}, {"TagsPerPage": 100}, {"PaginationToken": "x"}):
        refuses(tagging.get_resources, "InvalidParameterException", "ResourceARNList", ResourceARNList=[arn], **more)
    refuses(tagging.get_resources, "InvalidParameterException", "q not a valid AmazonResourceName (ARN)", ResourceARNList=["q"])


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"ResourcesPerPage": 0}, "ResourcesPerPage"), ({"ResourcesPerPage": 101}, "ResourcesPerPage"), ({"TagsPerPage": 99}, "TagsPerPage"),
        ({"TagsPerPage": 501}, "TagsPerPage"), ({"TagFilters": [{"Values": ["v"]}]}, "Key"), ({"PaginationToken": "nonsense"}, "PaginationToken"),
        ({"PaginationToken": "WzEsMl0="}, "PaginationToken"), ({"PaginationToken": "e30="}, "PaginationToken"), ({"PaginationToken": "é"}, "PaginationToken"),
        ({"ResourceTypeFilters": ["s3"] * 101}, "ResourceTypeFilters"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(tagging, asked, words):
    """The ranges: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""
    refuses(tagging.get_resources, "InvalidParameterException", words, **asked)


def test_a_page_splits_no_resource_and_its_token_is_good_for_fifteen_minutes(cloud, tagging):
    """22 resources with 10 tags each, 100 tags on a page: AWS's own example."""
    for number in range(22):
        cloud.client("sns").create_topic(Name=f"t{number:02}", Tags=[{"Key": f"k{each}", "Value": "v"} for each in range(10)])
    pages = tagging.get_paginator("get_resources").paginate(TagsPerPage=100)
    assert [len(page["ResourceTagMappingList"]) for page in pages] == [10, 10, 2]
    first = tagging.get_resources(ResourcesPerPage=9)
    names = [each["ResourceARN"][-3:] for each in first["ResourceTagMappingList"]]
    cloud.client("sns").delete_topic(TopicArn=first["ResourceTagMappingList"][-1]["ResourceARN"])
    cloud.sleep(899)
    second = tagging.get_resources(ResourcesPerPage=100, PaginationToken=first["PaginationToken"])
    assert names + [each["ResourceARN"][-3:] for each in second["ResourceTagMappingList"]] == [f"t{number:02}" for number in range(22)]
    cloud.sleep(2)
    refuses(tagging.get_resources, "PaginationTokenExpiredException", "15 minutes", PaginationToken=first["PaginationToken"])


def test_compliance_with_tag_policies_is_refused_by_name(tagging):
    refuses(tagging.get_resources, "NotImplemented", "IncludeComplianceDetails", IncludeComplianceDetails=True)
    refuses(tagging.get_resources, "InvalidParameterException", "ExcludeCompliantResources", ExcludeCompliantResources=True)
    # Some send what is the default: https://github.com/awslabs/aws-deployment-framework/issues/476
    assert found(tagging, IncludeComplianceDetails=False, ExcludeCompliantResources=False) == {}
    refuses(tagging.get_compliance_summary, "NotImplemented", "GetComplianceSummary")


# Places ------------------------------------------------------------------------------------------------


def test_what_has_no_region_is_found_and_tagged_in_one(make_cloud):
    """https://github.com/cloud-custodian/cloud-custodian/pull/2729; which words AWS has for the other regions was not found."""
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    zone = cloud.client("route53").create_hosted_zone(Name="example.com", CallerReference="r")["HostedZone"]["Id"].rpartition("/")[2]
    arn = f"arn:aws:route53:::hostedzone/{zone}"
    east, west = cloud.client(SERVICE), cloud.client(SERVICE, "eu-west-1")
    assert list(west.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})["FailedResourcesMap"]) == [arn]
    assert east.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})["FailedResourcesMap"] == {}
    assert found(east) == {arn: {"k": "v"}} and found(west) == {}
    east.untag_resources(ResourceARNList=[arn], TagKeys=["k"])
    assert found(east) == {}


def test_what_lies_in_aws_global_for_another_service_is_found_too(cloud, tagging):
    """Dashboards, functions at the edge, what guards distributions, and all of an organization."""
    pairs = [{"Key": "k", "Value": "v"}]
    cloud.client("cloudwatch").put_dashboard(DashboardName="d", DashboardBody='{"widgets": []}', Tags=pairs)
    config = {"Comment": "", "Runtime": "cloudfront-js-2.0"}
    code = b"function handler(event) { return event.request; }"
    cloud.client("cloudfront").create_function(Name="f", FunctionConfig=config, FunctionCode=code, Tags={"Items": pairs})
    cloud.client("wafv2").create_ip_set(Name="s", Scope="CLOUDFRONT", IPAddressVersion="IPV4", Addresses=[], Tags=pairs)
    kinds = [":dashboard/d", ":function/f", ":global/ipset/s"]
    arns = list(found(tagging, TagFilters=[{"Key": "k"}]))
    assert len(arns) == 3 and all(sum(kind in arn for arn in arns) == 1 for kind in kinds)
    assert tagging.tag_resources(ResourceARNList=arns, Tags={"k": "w"})["FailedResourcesMap"] == {}
    assert found(tagging) == {arn: {"k": "w"} for arn in arns}


def test_users_and_roles_are_tagged_and_not_found(cloud, tagging):
    """https://github.com/aws/aws-sdk/issues/581"""
    cloud.client("iam").create_user(UserName="ann")
    arn = f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})["FailedResourcesMap"] == {}
    assert cloud.client("iam").list_user_tags(UserName="ann")["Tags"] == [{"Key": "k", "Value": "v"}]
    assert found(tagging) == {} and tagging.get_resources(ResourceARNList=[arn])["ResourceTagMappingList"] == []


def test_a_region_finds_and_tags_its_own_alone(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    cloud.client("sqs", "eu-west-1").create_queue(QueueName="q", tags={"k": "v"})
    arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"
    assert found(cloud.client(SERVICE)) == {} and list(found(cloud.client(SERVICE, "eu-west-1"))) == [arn]
    failed = cloud.client(SERVICE).tag_resources(ResourceARNList=[arn], Tags={"k": "x"})["FailedResourcesMap"]
    assert (failed[arn]["StatusCode"], failed[arn]["ErrorCode"]) == (400, "InvalidParameterException")
    assert found(cloud.client(SERVICE, "eu-west-1")) == {arn: {"k": "v"}}


def test_an_account_finds_its_own_alone(cloud, tagging):
    cloud.client("sqs").create_queue(QueueName="q", tags={"k": "v"})
    assert found(cloud.client(SERVICE, key="111111111111")) == {}


def test_where_what_has_no_region_does_not_answer_nothing_is_left_out_in_silence(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    cloud.client("sqs", "eu-west-1").create_queue(QueueName="q", tags={"k": "v"})
    cloud.kill("aws-global")
    refuses(cloud.client(SERVICE).get_resources, "InternalServiceException", "no region")
    assert len(found(cloud.client(SERVICE, "eu-west-1"))) == 1


def test_tags_are_found_after_a_crash_before_anybody_has_asked_their_service(cloud, tagging):
    cloud.client("sqs").create_queue(QueueName="q")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    tagging.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})
    cloud.restart(kill=True)
    assert found(tagging) == {arn: {"k": "v"}}


# Changing ----------------------------------------------------------------------------------------------


def test_each_resource_fails_alone_with_the_words_of_its_service(cloud, tagging):
    cloud.client("sqs").create_queue(QueueName="q")
    arn, missing, foreign, bad = (f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:sns:us-east-1:{ACCOUNT}:none", f"arn:aws:elasticache:us-east-1:{ACCOUNT}:cluster:c", f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:x:1")
    failed = tagging.tag_resources(ResourceARNList=[missing, foreign, arn, bad], Tags={"k": "v"})["FailedResourcesMap"]
    assert failed.keys() == {missing, foreign, bad}
    assert failed[missing] == {"StatusCode": 404, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": "Resource does not exist"}
    # AWS's code for types that the API does not support: API_FailureInfo.
    assert failed[foreign]["ErrorCode"] == "InternalServiceException" and "elasticache" in failed[foreign]["ErrorMessage"]
    assert found(tagging) == {arn: {"k": "v"}}


def test_a_network_is_tagged_by_its_arn(cloud, tagging):
    vpc = cloud.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    arn, none = (f"arn:aws:ec2:us-east-1:{ACCOUNT}:{each}" for each in (f"vpc/{vpc}", "instance/i-1"))
    failed = tagging.tag_resources(ResourceARNList=[arn, none], Tags={"k": "v", "team": "a"})["FailedResourcesMap"]
    assert failed.keys() == {none}
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["k"])
    assert found(tagging) == {arn: {"team": "a"}}


def test_what_is_no_arn_refuses_the_whole_request(cloud, tagging):
    """https://github.com/boto/boto3/issues/2760"""
    cloud.client("sqs").create_queue(QueueName="q")
    arns = [f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", "q"]
    refuses(tagging.tag_resources, "InvalidParameterException", "q not a valid AmazonResourceName (ARN)", ResourceARNList=arns, Tags={"k": "v"})
    refuses(tagging.untag_resources, "InvalidParameterException", "q not a valid AmazonResourceName (ARN)", ResourceARNList=arns, TagKeys=["k"])
    assert found(tagging) == {}


def test_tags_of_aws_are_shown_and_left_alone(cloud, tagging):
    body = json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "made"}}}})
    cloud.client("cloudformation").create_stack(StackName="s", TemplateBody=body)
    cloud.sleep(30)
    arn = "arn:aws:s3:::made"
    refuses(tagging.tag_resources, "InvalidParameterException", "aws:", ResourceARNList=[arn], Tags={"aws:x": "v"})
    assert tagging.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})["FailedResourcesMap"] == {}
    assert found(tagging)[arn].items() >= {"k": "v", "aws:cloudformation:stack-name": "s"}.items()
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["k"])
    assert "k" not in found(tagging)[arn] and "aws:cloudformation:stack-name" in found(tagging)[arn]


def test_who_tags_needs_the_right_here_and_that_of_the_service(cloud, tagging):
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_UntagResources.html, "Minimum permissions"."""
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = cloud.client(SERVICE, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    cloud.client("sqs").create_queue(QueueName="q", tags={"old": "v"})
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"

    def may(*actions: str) -> None:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(document))

    may("sqs:*")
    refuses(own.tag_resources, "AccessDeniedException", "tag:TagResources", ResourceARNList=[arn], Tags={"k": "v"})
    may("tag:*")
    assert found(own) == {arn: {"old": "v"}}, "Finding needs no right of the service."
    for refused in (own.tag_resources(ResourceARNList=[arn], Tags={"k": "v"}), own.untag_resources(ResourceARNList=[arn], TagKeys=["old"])):
        failure = refused["FailedResourcesMap"][arn]
        assert failure["ErrorCode"].startswith("AccessDenied") and "tagqueue" in failure["ErrorMessage"]
    assert found(own) == {arn: {"old": "v"}}
    may("tag:*", "sqs:TagQueue", "sqs:UntagQueue")
    assert own.tag_resources(ResourceARNList=[arn], Tags={"k": "v"})["FailedResourcesMap"] == {}
    assert own.untag_resources(ResourceARNList=[arn], TagKeys=["old"])["FailedResourcesMap"] == {}
    assert found(own) == {arn: {"k": "v"}}
