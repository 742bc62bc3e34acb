"""Deliveries: the access logs of a distribution go to a bucket, a log group or a Firehose, with the fields and in the form that were asked for."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from edge_workshop import Edge
from refusals import refused

from kumoniwa.gate.address import locate
from kumoniwa.gate.vended_logs import ACCESS_FIELDS
from kumoniwa.wire.message import Request

ACCOUNT, OTHER = "000000000000", "111111111111"


@pytest.fixture
def edge(cloud) -> Edge:
    return Edge(cloud)


@pytest.fixture
def logs(cloud):
    return cloud.client("logs")


@pytest.fixture
def site(edge):
    edge.put("index.html", "0123456789")
    return edge.site()


def source(logs, site, name="s"):
    return logs.put_delivery_source(name=name, resourceArn=site.arn, logType="ACCESS_LOGS")["deliverySource"]


def destination(logs, target, name="d", **more):
    return logs.put_delivery_destination(name=name, deliveryDestinationConfiguration={"destinationResourceArn": target}, **more)["deliveryDestination"]


def bucket(edge, name="logs"):
    edge.s3.create_bucket(Bucket=name)
    return f"arn:aws:s3:::{name}"


def files(edge, name="logs"):
    return {each["Key"]: gzip.decompress(edge.s3.get_object(Bucket=name, Key=each["Key"])["Body"].read()).decode() for each in edge.s3.list_objects_v2(Bucket=name).get("Contents", [])}


# Sources, destinations, deliveries -----------------------------------------------------------------------------


def test_sources_are_put_shown_and_deleted(logs, site):
    # Recorded: localstack's test_put_delivery_source, test_get_delivery_source_not_found, test_put_delivery_source_invalid_resource.
    made = logs.put_delivery_source(name="s", resourceArn=site.arn, logType="ACCESS_LOGS", tags={"key1": "value1"})["deliverySource"]
    assert made == {
        "arn": "arn:aws:logs:us-east-1:000000000000:delivery-source:s", "logType": "ACCESS_LOGS", "name": "s", "resourceArns": [site.arn],
        "service": "cloudfront", "tags": {"key1": "value1"},
    }  # fmt: skip
    assert logs.get_delivery_source(name="s")["deliverySource"] == made and logs.describe_delivery_sources()["deliverySources"] == [made]
    logs.tag_resource(resourceArn=made["arn"], tags={"a": "b"})
    logs.untag_resource(resourceArn=made["arn"], tagKeys=["key1"])
    assert logs.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"a": "b"}
    logs.delete_delivery_source(name="s")
    gone = ("ResourceNotFoundException", "Requested Delivery Source does not exist in this account.")
    assert refused(logs.get_delivery_source, name="s") == refused(logs.delete_delivery_source, name="s") == gone
    assert refused(logs.put_delivery_source, name="s", resourceArn="arn:aws:s3:::b", logType="ACCESS_LOGS") == ("ResourceNotFoundException", "Cannot access provided service.")
    assert refused(logs.put_delivery_source, name="s", resourceArn=site.arn, logType="ACCESS_LOG")[0] == "ValidationException"
    nobodys = site.arn.replace(site.id, "E1Q5F5862X9VJ5")
    assert refused(logs.put_delivery_source, name="s", resourceArn=nobodys, logType="ACCESS_LOGS")[0] == "ResourceNotFoundException"


def test_whoever_makes_a_source_must_be_allowed_to_and_to_have_the_logs_of_the_resource(edge, logs, site):
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#permissions-standard-logging
    iam = edge.cloud.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = edge.cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    put = {"Effect": "Allow", "Action": "logs:PutDeliverySource", "Resource": "arn:aws:logs:us-east-1:000000000000:delivery-source:s"}
    allow = {"Effect": "Allow", "Action": "cloudfront:AllowVendedLogDeliveryForResource", "Resource": site.arn}
    for statements, missing in (([allow], "logs:PutDeliverySource"), ([put], "cloudfront:AllowVendedLogDeliveryForResource")):
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        code, text = refused(theirs.put_delivery_source, name="s", resourceArn=site.arn, logType="ACCESS_LOGS")
        assert code == "AccessDeniedException" and missing in text
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [put, allow]}))
    source(theirs, site)


@pytest.mark.parametrize(
    "resource, kind, what",
    [("arn:aws:workmail:us-east-1:000000000000:organization/m-1", "ACCESS_CONTROL_LOGS", "workmail"), ("", "CONNECTION_LOGS", "CONNECTION_LOGS")],
)
def test_sources_that_tell_nothing_here_are_refused_by_name(logs, site, resource, kind, what):
    code, text = refused(logs.put_delivery_source, name="s", resourceArn=resource or site.arn, logType=kind)
    assert code == "NotImplemented" and what in text


def test_destinations_and_their_policies_are_put_shown_and_deleted(logs, edge):
    # Recorded: localstack's TestDeliveryDestinations and TestDeliveryDestinationPolicies.
    made = destination(logs, bucket(edge), outputFormat="json")
    assert made == {
        "arn": "arn:aws:logs:us-east-1:000000000000:delivery-destination:d", "deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:s3:::logs"},
        "deliveryDestinationType": "S3", "name": "d", "outputFormat": "json",
    }  # fmt: skip
    assert logs.get_delivery_destination(name="d")["deliveryDestination"] == made
    target = {"destinationResourceArn": "arn:aws:s3:::logs"}
    assert refused(logs.put_delivery_destination, name="d", outputFormat="plain", deliveryDestinationConfiguration=target)[0] == "ValidationException"
    assert destination(logs, bucket(edge, "second"))["deliveryDestinationConfiguration"]["destinationResourceArn"] == "arn:aws:s3:::second"
    edge.cloud.sleep(1)
    destination(logs, "arn:aws:s3:::logs", "a")
    assert [each["name"] for each in logs.describe_delivery_destinations()["deliveryDestinations"]] == ["d", "a"]
    assert [each["name"] for each in logs.describe_delivery_destinations(names=["a", "x"])["deliveryDestinations"]] == ["a"]
    statement = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "logs:CreateDelivery", "Resource": made["arn"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert logs.get_delivery_destination_policy(deliveryDestinationName="d")["policy"] == {}
    assert logs.put_delivery_destination_policy(deliveryDestinationName="d", deliveryDestinationPolicy=policy)["policy"] == {"deliveryDestinationPolicy": policy}
    assert logs.get_delivery_destination_policy(deliveryDestinationName="d")["policy"] == {"deliveryDestinationPolicy": policy}
    logs.delete_delivery_destination_policy(deliveryDestinationName="d")
    assert logs.get_delivery_destination_policy(deliveryDestinationName="d")["policy"] == {}
    assert refused(logs.put_delivery_destination_policy, deliveryDestinationName="d", deliveryDestinationPolicy="{")[0] == "ValidationException"
    logs.delete_delivery_destination(name="d")
    gone = ("ResourceNotFoundException", "Requested Delivery Destination does not exist in this account.")
    assert refused(logs.get_delivery_destination, name="d") == refused(logs.delete_delivery_destination, name="d") == gone


@pytest.mark.parametrize(
    "target, more, code",
    [
        ("arn:aws:s3:::b", {"outputFormat": "parquet"}, "NotImplemented"), ("arn:aws:s3:::b", {"deliveryDestinationType": "XRAY"}, "NotImplemented"),
        ("arn:aws:s3:::b", {"deliveryDestinationType": "CWL"}, "ValidationException"), ("arn:aws:sqs:us-east-1:000000000000:q", {}, "ValidationException"),
        ("arn:aws:logs:us-east-1:000000000000:log-group:g", {"outputFormat": "w3c"}, "ValidationException"), ("nothing", {}, "ValidationException"),
    ],
)  # fmt: skip
def test_destinations_that_cannot_be_are_refused(logs, target, more, code):
    said = {"name": "d", "deliveryDestinationConfiguration": {"destinationResourceArn": target}, **more}
    assert refused(logs.put_delivery_destination, **said)[0] == code


def test_a_form_that_is_none_is_told_with_those_that_there_are(logs):
    # Recorded: localstack's test_put_delivery_destination_invalid_format.
    said = {"name": "d", "outputFormat": "foobar", "deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:s3:::b"}}
    text = "1 validation error detected: Value 'foobar' at 'outputFormat' failed to satisfy constraint: Member must satisfy enum value set: [w3c, raw, json, plain, parquet]"
    assert refused(logs.put_delivery_destination, **said) == ("ValidationException", text)


def test_a_delivery_is_made_shown_changed_and_deleted(logs, edge, site):
    # Recorded: localstack's TestDeliveries.
    source(logs, site)
    arn = destination(logs, bucket(edge))["arn"]
    path = {"suffixPath": "AWSLogs/000000000000/CloudFront/", "enableHiveCompatiblePath": True}
    made = logs.create_delivery(
        deliverySourceName="s", deliveryDestinationArn=arn, recordFields=["date"], fieldDelimiter=",", s3DeliveryConfiguration=path, tags={"key1": "value1"}
    )["delivery"]
    assert made == {
        "arn": f"arn:aws:logs:us-east-1:000000000000:delivery:{made['id']}", "deliveryDestinationArn": arn, "deliveryDestinationType": "S3",
        "deliverySourceName": "s", "fieldDelimiter": ",", "id": made["id"], "recordFields": ["date"], "s3DeliveryConfiguration": path, "tags": {"key1": "value1"},
    }  # fmt: skip
    assert logs.get_delivery(id=made["id"])["delivery"] == made and logs.describe_deliveries()["deliveries"] == [made]
    assert refused(logs.create_delivery, deliverySourceName="s", deliveryDestinationArn=arn)[0] == "ConflictException"
    assert refused(logs.put_delivery_source, name="s", resourceArn=edge.create().arn, logType="ACCESS_LOGS")[0] == "ConflictException"
    assert refused(logs.delete_delivery_source, name="s")[0] == refused(logs.delete_delivery_destination, name="d")[0] == "ConflictException"
    logs.update_delivery_configuration(id=made["id"], recordFields=["time", "date"], s3DeliveryConfiguration={"suffixPath": "{DistributionId}"})
    changed = logs.get_delivery(id=made["id"])["delivery"]
    assert changed["recordFields"] == ["time", "date"] and changed["s3DeliveryConfiguration"] == {"suffixPath": "{DistributionId}", "enableHiveCompatiblePath": True}
    logs.delete_delivery(id=made["id"])
    assert refused(logs.get_delivery, id=made["id"]) == ("ResourceNotFoundException", "Requested Delivery does not exist in this account.")
    plain = logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=arn)["delivery"]
    assert plain["recordFields"] == list(ACCESS_FIELDS) and "fieldDelimiter" not in plain
    assert plain["s3DeliveryConfiguration"] == {"suffixPath": "AWSLogs/{account-id}/CloudFront/", "enableHiveCompatiblePath": False}


@pytest.mark.parametrize(
    "change, code",
    [
        ({"recordFields": ["nonsense"]}, "ValidationException"), ({"s3DeliveryConfiguration": {"suffixPath": "{who}"}}, "ValidationException"),
        ({"deliverySourceName": "nobody"}, "ResourceNotFoundException"), ({"deliveryDestinationArn": "arn:aws:logs:us-east-1:000000000000:delivery-destination:x"}, "ResourceNotFoundException"),
        ({"deliveryDestinationArn": "arn:aws:s3:::logs"}, "ValidationException"),
    ],
)  # fmt: skip
def test_deliveries_that_cannot_be_are_refused(logs, edge, site, change, code):
    source(logs, site)
    arn = destination(logs, bucket(edge))["arn"]
    assert refused(logs.create_delivery, **{"deliverySourceName": "s", "deliveryDestinationArn": arn, **change})[0] == code
    assert logs.describe_deliveries()["deliveries"] == []


def test_templates_tell_what_can_be_delivered(logs):
    found = logs.describe_configuration_templates(service="cloudfront", deliveryDestinationTypes=["CWL"])["configurationTemplates"]
    assert [(each["logType"], each["resourceType"], each["allowedOutputFormats"]) for each in found] == [("ACCESS_LOGS", "distribution", ["json", "plain"])]
    every = logs.describe_configuration_templates()["configurationTemplates"]
    assert sorted({(each["service"], each["logType"]) for each in every}) == [("cloudfront", "ACCESS_LOGS"), *(("events", f"{level}_LOGS") for level in ("ERROR", "INFO", "TRACE")), ("s3", "S3_SERVER_ACCESS_LOGS")]


# What arrives --------------------------------------------------------------------------------------------------------


def test_what_viewers_ask_for_is_filed_in_a_bucket(edge, logs, site):
    source(logs, site)
    arn = destination(logs, bucket(edge) + "/mine", outputFormat="json")["arn"]
    made = logs.create_delivery(
        deliverySourceName="s", deliveryDestinationArn=arn, recordFields=["cs-uri-stem", "sc-status", "cs(Cookie)"],
        s3DeliveryConfiguration={"suffixPath": "{DistributionId}/{yyyy}/{MM}", "enableHiveCompatiblePath": True},
    )["delivery"]  # fmt: skip
    assert files(edge) == {}
    site.get("/", cookie="a=1")
    site.get("/gone")
    edge.cloud.sleep(5)
    ((key, text),) = files(edge).items()
    assert key.startswith(f"mine/DistributionId={site.id}/year=2030/month=01/{site.id}.2030-01-01-00.") and key.endswith(".gz")
    assert [json.loads(line) for line in text.splitlines()] == [
        {"cs-uri-stem": "/", "sc-status": "200", "cs(Cookie)": "a=1"}, {"cs-uri-stem": "/gone", "sc-status": "403", "cs(Cookie)": "-"},
    ]  # fmt: skip
    logs.delete_delivery(id=made["id"])
    site.get("/")
    edge.cloud.sleep(5)
    assert len(files(edge)) == 1


@pytest.mark.parametrize(
    "prefix, asked, is_hive, shown, where",
    [
        ("/MyLogPrefix", None, False, None, "MyLogPrefix/"),
        ("/MyLogPrefix", "myFolderA/", False, "myFolderA/", "MyLogPrefix/myFolderA/"),
        ("/MyLogPrefix", "myFolderA/{yyyy}", True, "myFolderA/{yyyy}", "MyLogPrefix/myFolderA/year=2030/"),
        ("", None, False, "AWSLogs/{account-id}/CloudFront/", "AWSLogs/000000000000/CloudFront/"),
        ("", None, True, "AWSLogs/{account-id}/CloudFront/", "AWSLogs/aws-account-id=000000000000/CloudFront/"),
        ("", "myFolderA/", False, "AWSLogs/{account-id}/CloudFront/myFolderA/", "AWSLogs/000000000000/CloudFront/myFolderA/"),
        ("", "myFolderA/", True, "AWSLogs/{account-id}/CloudFront/myFolderA/", "AWSLogs/aws-account-id=000000000000/CloudFront/myFolderA/"),
        ("", "myFolderA/{yyyy}", True, "AWSLogs/{account-id}/CloudFront/myFolderA/{yyyy}", "AWSLogs/aws-account-id=000000000000/CloudFront/myFolderA/year=2030/"),
        ("", "myFolderA/{accountid}", True, "AWSLogs/{account-id}/CloudFront/myFolderA/{accountid}", "AWSLogs/aws-account-id=000000000000/CloudFront/myFolderA/accountid=000000000000/"),
    ],
)  # fmt: skip
def test_files_lie_where_cloudfronts_examples_have_them(edge, logs, site, prefix, asked, is_hive, shown, where):
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#bucket-path-examples
    source(logs, site)
    arn, path = destination(logs, bucket(edge) + prefix)["arn"], {"suffixPath": asked} if asked else {}
    made = logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=arn, s3DeliveryConfiguration={**path, "enableHiveCompatiblePath": is_hive})["delivery"]
    assert made["s3DeliveryConfiguration"].get("suffixPath") == shown
    site.get("/")
    edge.cloud.sleep(5)
    (key,) = files(edge)
    assert key.startswith(f"{where}{site.id}.")


def test_a_path_that_is_changed_stands_for_itself_and_hive_is_told_no_names(edge, logs, site):
    # Seen of AWS: hashicorp/terraform-provider-aws#46328 and KensioSoftware/yulin#1003.
    source(logs, site)
    path = {"suffixPath": "at/year={yyyy}", "enableHiveCompatiblePath": True}
    arn = destination(logs, bucket(edge))["arn"]
    wanted = {"deliverySourceName": "s", "deliveryDestinationArn": arn}
    assert refused(logs.create_delivery, **wanted, s3DeliveryConfiguration=path) == ("ValidationException", "Provided suffixPath is invalid")
    made = logs.create_delivery(**wanted, s3DeliveryConfiguration={"suffixPath": "/partition-global/"})["delivery"]
    assert made["s3DeliveryConfiguration"]["suffixPath"] == "AWSLogs/{account-id}/CloudFront/partition-global/"
    logs.update_delivery_configuration(id=made["id"], s3DeliveryConfiguration={"suffixPath": "partition-global/"})
    assert logs.get_delivery(id=made["id"])["delivery"]["s3DeliveryConfiguration"]["suffixPath"] == "partition-global/"
    assert refused(logs.update_delivery_configuration, id=made["id"], s3DeliveryConfiguration=path)[0] == "ValidationException"
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html#access-logging-s3-permission
    site.get("/")
    edge.cloud.sleep(5)
    assert files(edge) == {}
    policy = edge.s3.get_bucket_policy(Bucket="logs")["Policy"]
    edge.s3.put_bucket_policy(Bucket="logs", Policy=policy.replace("logs/AWSLogs/000000000000/CloudFront/*", "logs/partition-global/*"))
    edge.cloud.sleep(600)
    assert list(files(edge))[0].startswith(f"partition-global/{site.id}.")


@pytest.mark.parametrize(
    "form, delimiter, text",
    [("w3c", None, "#Version: 1.0\n#Fields: cs-method sc-status\nGET\t200\n"), (None, None, "#Version: 1.0\n#Fields: cs-method sc-status\nGET\t200\n"), ("plain", ",", "GET,200\n"), ("raw", " ", "GET 200\n")],
)
def test_files_have_the_form_that_was_asked_for(edge, logs, site, form, delimiter, text):
    source(logs, site)
    arn = destination(logs, bucket(edge), **({"outputFormat": form} if form else {}))["arn"]
    more = {"fieldDelimiter": delimiter} if delimiter else {}
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=arn, recordFields=["cs-method", "sc-status"], **more)
    site.get("/")
    edge.cloud.sleep(5)
    ((key, found),) = files(edge).items()
    assert found == text and key.startswith(f"AWSLogs/000000000000/CloudFront/{site.id}.")


def test_what_viewers_ask_for_is_logged_in_a_group_and_a_kill_loses_and_doubles_nothing(edge, logs, site):
    logs.create_log_group(logGroupName="/mine")
    source(logs, site)
    arn = destination(logs, f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/mine:*")["arn"]
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=arn, recordFields=["cs-uri-query"])
    for n in range(3):
        site.get(f"/?n={n}")
        edge.cloud.restart(kill=True)
    edge.cloud.sleep(10)
    found = edge.cloud.client("logs").filter_log_events(logGroupName="/mine")["events"]
    assert [json.loads(each["message"]) for each in found] == [{"cs-uri-query": f"n={n}"} for n in range(3)]
    assert {each["logStreamName"] for each in found} == {f"CloudFront_{site.id}"}


def test_what_viewers_ask_for_streams_into_a_firehose(edge, logs, site):
    iam, firehose = edge.cloud.client("iam"), edge.cloud.client("firehose")
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(allow))
    target = firehose.create_delivery_stream(
        DeliveryStreamName="f", ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": bucket(edge), "BufferingHints": {"IntervalInSeconds": 60}}
    )["DeliveryStreamARN"]
    edge.cloud.sleep(2)
    source(logs, site)
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination(logs, target)["arn"], recordFields=["sc-status"])
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-Firehose.html: nothing goes to a stream without it.
    tag = {"Key": "LogDeliveryEnabled", "Value": "true"}
    assert firehose.list_tags_for_delivery_stream(DeliveryStreamName="f")["Tags"] == [tag]
    firehose.untag_delivery_stream(DeliveryStreamName="f", TagKeys=["LogDeliveryEnabled"])
    site.get("/")
    edge.cloud.sleep(120)
    assert "Contents" not in edge.s3.list_objects_v2(Bucket="logs")
    firehose.tag_delivery_stream(DeliveryStreamName="f", Tags=[tag])
    edge.cloud.sleep(600)
    (key,) = [each["Key"] for each in edge.s3.list_objects_v2(Bucket="logs")["Contents"]]
    assert edge.s3.get_object(Bucket="logs", Key=key)["Body"].read() == b'{"sc-status":"200"}\n'


def test_a_delivery_waits_until_its_bucket_lets_it_in(edge, logs, site):
    source(logs, site)
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination(logs, bucket(edge))["arn"])
    policy = edge.s3.get_bucket_policy(Bucket="logs")["Policy"]
    assert (json.loads(policy)["Statement"][0]["Principal"], json.loads(policy)["Statement"][0]["Resource"]) == (
        {"Service": "delivery.logs.amazonaws.com"}, "arn:aws:s3:::logs/AWSLogs/000000000000/CloudFront/*",
    )  # fmt: skip
    edge.s3.delete_bucket_policy(Bucket="logs")
    site.get("/")
    edge.cloud.sleep(30)
    assert files(edge) == {}
    edge.s3.put_bucket_policy(Bucket="logs", Policy=policy)
    edge.cloud.sleep(600)
    assert len(files(edge)) == 1


def test_the_older_log_stays_what_it_was(edge, logs, site):
    edge.s3.create_bucket(Bucket="old", ObjectOwnership="BucketOwnerPreferred")
    site.update(Logging={"Enabled": True, "IncludeCookies": False, "Bucket": "old.s3.amazonaws.com", "Prefix": ""})
    source(logs, site)
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination(logs, bucket(edge), outputFormat="json")["arn"], recordFields=["cs(Cookie)"])
    site.get("/", cookie="a=1")
    edge.cloud.sleep(10)
    ((_, old),) = files(edge, "old").items()
    ((_, new),) = files(edge).items()
    assert old.splitlines()[2].split("\t")[ACCESS_FIELDS.index("cs(Cookie)")] == "-" and json.loads(new) == {"cs(Cookie)": "a=1"}


def test_another_accounts_destination_must_let_one_in(edge, logs, site):
    theirs = edge.cloud.client("logs", key=OTHER)
    edge.cloud.client("s3", key=OTHER).create_bucket(Bucket="theirs")
    made = destination(theirs, "arn:aws:s3:::theirs")
    source(logs, site)
    assert refused(logs.create_delivery, deliverySourceName="s", deliveryDestinationArn=made["arn"])[0] == "AccessDeniedException"
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "logs:CreateDelivery", "Resource": made["arn"]}
    theirs.put_delivery_destination_policy(deliveryDestinationName="d", deliveryDestinationPolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    let_in = {"Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::theirs/*", "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
    edge.cloud.client("s3", key=OTHER).put_bucket_policy(Bucket="theirs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [let_in]}))
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=made["arn"])
    site.get("/")
    edge.cloud.sleep(10)
    assert len(edge.cloud.client("s3", key=OTHER).list_objects_v2(Bucket="theirs").get("Contents", [])) == 1
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-vended-logs-permissions-V2.html: no group takes another account's logs.
    theirs.create_log_group(logGroupName="g")
    group = destination(theirs, f"arn:aws:logs:us-east-1:{OTHER}:log-group:g", "g")["arn"]
    theirs.put_delivery_destination_policy(deliveryDestinationName="g", deliveryDestinationPolicy=json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": group}]}))
    assert refused(logs.create_delivery, deliverySourceName="s", deliveryDestinationArn=group)[0] == "ValidationException"


async def asked(region, host: str):
    """As by a connection to the region's own address."""
    request = Request("GET", "/", "", {"host": host})
    request.address = locate(request)
    done = asyncio.get_running_loop().create_future()
    region.answer(request, done.set_result)
    return await done


def test_the_edges_of_all_regions_hand_over_what_they_served(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    edge, logs = Edge(cloud), cloud.client("logs")
    edge.put("index.html", "x")
    site = edge.site()
    source(logs, site)
    logs.create_delivery(deliverySourceName="s", deliveryDestinationArn=destination(logs, bucket(edge), outputFormat="json")["arn"], recordFields=["x-edge-location"])
    cloud.sleep(1)
    for region in ("us-east-1", "eu-west-1"):
        assert cloud.run(asked(cloud.regions[region], site.domain)).status == 200
    cloud.sleep(10)
    assert sorted(json.loads(text)["x-edge-location"] for text in files(edge).values()) == ["eu-west-1", "us-east-1"]


def test_a_stack_delivers_what_its_distribution_is_asked(edge, logs, site):
    name = {"Name": "d", "DestinationResourceArn": bucket(edge), "OutputFormat": "json"}
    resources = {
        "Source": {"Type": "AWS::Logs::DeliverySource", "Properties": {"Name": "s", "ResourceArn": site.arn, "LogType": "ACCESS_LOGS"}},
        "Destination": {"Type": "AWS::Logs::DeliveryDestination", "Properties": name},
        "Delivery": {"Type": "AWS::Logs::Delivery", "Properties": {
            "DeliverySourceName": {"Ref": "Source"}, "DeliveryDestinationArn": {"Fn::GetAtt": ["Destination", "Arn"]}, "RecordFields": ["sc-status"]}},
    }  # fmt: skip
    stacks = edge.cloud.client("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    edge.cloud.sleep(30)
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE", stacks.describe_stack_events(StackName="s")["StackEvents"]
    site.get("/")
    edge.cloud.sleep(5)
    assert list(files(edge).values()) == ['{"sc-status":"200"}\n']
    stacks.delete_stack(StackName="s")
    edge.cloud.sleep(30)
    assert logs.describe_deliveries()["deliveries"] == [] and logs.describe_delivery_sources()["deliverySources"] == []
