"""Crawlers as they are asked for: what may be said, in whose name they work, when, and what is told of it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
from bill_workshop import used
from botocore.exceptions import BotoCoreError
from glue_crawling import Lake
from notice_workshop import queue, received
from refusals import refused, refused_code

CSV = "id,name\n1,pen\n2,ink\n"
MISSING = ("EntityNotFoundException", "Crawler no not found.")


@pytest.fixture
def lake(cloud) -> Lake:
    return Lake(cloud)


def test_a_crawler_is_told_as_it_was_made(lake):
    glue = lake.glue
    lake.make("t/", Schedule="cron(0 3 * * ? *)", TablePrefix="raw_", Tags={"a": "b"}, Description="all", Role=lake.role)
    held = glue.get_crawler(Name="c")["Crawler"]
    assert (held.pop("CreationTime"), held["Version"], held["State"]) == (held.pop("LastUpdated"), 1, "READY")
    # The role by its name, and the members that nobody said: as recorded of GetCrawler.
    assert held == {
        "Name": "c", "Role": "crawls", "Targets": {"S3Targets": [{"Path": "s3://lake-files/t/"}]}, "DatabaseName": "lake", "Description": "all",
        "Classifiers": [], "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"}, "State": "READY", "TablePrefix": "raw_", "CrawlElapsedTime": 0,
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"}, "Version": 1,
        "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"}, "Schedule": {"ScheduleExpression": "cron(0 3 * * ? *)", "State": "SCHEDULED"},
        "LakeFormationConfiguration": {"UseLakeFormationCredentials": False, "AccountId": ""},
    }  # fmt: skip
    glue.update_crawler(Name="c", TablePrefix="x_")
    held = glue.get_crawler(Name="c")["Crawler"]
    assert (held["TablePrefix"], held["Description"], held["Version"], held["Schedule"]["State"]) == ("x_", "all", 2, "SCHEDULED")
    assert refused(glue.create_crawler, Name="c", Role="crawls", Targets=held["Targets"]) == ("AlreadyExistsException", "Crawler already exists.")
    for call, params in (
        (glue.get_crawler, {"Name": "no"}), (glue.update_crawler, {"Name": "no"}), (glue.delete_crawler, {"Name": "no"}),
        (glue.start_crawler, {"Name": "no"}), (glue.stop_crawler, {"Name": "no"}), (glue.update_crawler_schedule, {"CrawlerName": "no"}),
    ):  # fmt: skip
        assert refused(call, **params) == MISSING
    assert refused_code(glue.list_crawls, CrawlerName="no") == "EntityNotFoundException"
    glue.delete_crawler(Name="c")
    assert refused_code(glue.get_crawler, Name="c") == "EntityNotFoundException"


def test_crawlers_are_listed_by_pages_and_tags(lake):
    for name in ("a", "b", "c"):
        lake.make("t/", name=name, Tags={"team": "x" if name != "b" else "y"})
    glue = lake.glue
    assert [each["Name"] for page in glue.get_paginator("get_crawlers").paginate(PaginationConfig={"PageSize": 2}) for each in page["Crawlers"]] == ["a", "b", "c"]
    assert glue.list_crawlers(Tags={"team": "x"})["CrawlerNames"] == ["a", "c"]
    found = glue.batch_get_crawlers(CrawlerNames=["c", "no"])
    assert ([each["Name"] for each in found["Crawlers"]], found["CrawlersNotFound"]) == (["c"], ["no"])
    (arn,) = [each["ResourceARN"] for each in lake.cloud.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team", "Values": ["y"]}])["ResourceTagMappingList"]]  # fmt: skip
    assert arn.endswith(":crawler/b")
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"more": "z"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["team"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"more": "z"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"Targets": {}}, "InvalidInputException"),
        ({"Targets": {"S3Targets": [{"Path": ""}]}}, "InvalidInputException"),
        ({"Targets": {"S3Targets": [{"Path": "s3://b/", "SampleSize": 250}]}}, "InvalidInputException"),
        ({"Schedule": "rate(5 minutes)"}, "InvalidInputException"),
        ({"Schedule": "cron(nonsense)"}, "InvalidInputException"),
        ({"Configuration": "{"}, "InvalidInputException"),
        ({"Configuration": '{"Version": 1.0, "Grouping": {"TableLevelConfiguration": 0}}'}, "InvalidInputException"),
        ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}}, "InvalidInputException"),
        ({"Classifiers": ["no"]}, "EntityNotFoundException"),
        ({"Role": "nobody"}, "InvalidInputException"),
        ({"CatalogId": "999999999999"}, "EntityNotFoundException"),
        ({"Name": "a\nb"}, "ValidationException"),
        ({"Targets": {"DynamoDBTargets": [{"Path": "t"}]}}, "NotImplemented"),
        ({"Targets": {"S3Targets": [{"Path": "s3://b/", "EventQueueArn": "arn:aws:sqs:us-east-1:1:q"}]}}, "NotImplemented"),
        ({"LineageConfiguration": {"CrawlerLineageSettings": "ENABLE"}}, "NotImplemented"),
        ({"Configuration": '{"Other": {"Thing": 1}}'}, "NotImplemented"),
    ],
)
def test_what_is_no_crawler_is_refused_and_what_is_not_built_by_name(lake, said, expected):
    code, text = refused(lake.glue.create_crawler, **{"Name": "c", "Role": "crawls", "Targets": {"S3Targets": [{"Path": "s3://b/"}]}, **said})
    assert expected in code, (code, text)


def test_a_role_that_glue_cannot_assume_is_refused_in_awss_words(lake):
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    lake.cloud.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(trust))
    code, text = refused(lake.glue.create_crawler, Name="c", Role="other", Targets={"S3Targets": [{"Path": "s3://b/"}]})
    assert (code, text.partition(" (")[0]) == (
        "InvalidInputException", "Service is unable to assume provided role. Please verify role's TrustPolicy.",
    )  # fmt: skip


def test_what_the_role_may_not_do_fails_the_crawl(lake):
    lake.store("t/a.csv", CSV)
    lake.make("t/")
    for may, expected in (([], "ListObjectsV2"), (["s3:ListBucket"], "GetObject"), (["s3:*"], "GetTable"), (["s3:*", "glue:Get*"], "CreateTable")):
        lake.may(*may, "logs:*")
        last = lake.crawl()
        assert last["Status"] == "FAILED" and last["ErrorMessage"].startswith(expected), last
    lake.may("s3:*", "glue:*")
    assert lake.crawl()["Status"] == "SUCCEEDED"
    lake.glue.update_crawler(Name="c", DatabaseName="nowhere")
    assert "Database nowhere not found." in lake.crawl()["ErrorMessage"]


def test_who_may_start_a_crawler_may_not_make_one(lake):
    lake.store("t/a.csv", CSV)
    lake.make("t/")
    iam = lake.cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = lake.cloud.client("glue", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    targets = {"S3Targets": [{"Path": "s3://b/"}]}

    def may(resource: str, *actions: str) -> None:
        said = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": resource}}
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(said))

    may("arn:aws:glue:*:*:crawler/other", "glue:StartCrawler")
    assert refused_code(ann.start_crawler, Name="c") == "AccessDeniedException"
    may("arn:aws:glue:*:*:crawler/c", "glue:*")
    ann.start_crawler(Name="c")
    lake.done()
    assert refused_code(ann.create_crawler, Name="d", Role="crawls", Targets=targets) == "AccessDeniedException"
    may("*", "glue:*")
    code, text = refused(ann.create_crawler, Name="d", Role="crawls", Targets=targets)
    assert code == "AccessDeniedException" and "iam:PassRole" in text


def test_a_crawler_that_crawls_is_neither_started_changed_nor_deleted(lake):
    lake.store("t/a.csv", CSV)
    lake.make("t/")
    glue = lake.glue
    assert refused_code(glue.stop_crawler, Name="c") == "CrawlerNotRunningException"
    glue.start_crawler(Name="c")
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "RUNNING"
    assert refused(glue.start_crawler, Name="c") == ("CrawlerRunningException", "Crawler with name c has already started")
    assert refused_code(glue.update_crawler, Name="c", TablePrefix="x") == "CrawlerRunningException"
    assert refused_code(glue.delete_crawler, Name="c") == "CrawlerRunningException"
    glue.stop_crawler(Name="c")
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "STOPPING"
    assert refused_code(glue.start_crawler, Name="c") == refused_code(glue.stop_crawler, Name="c") == "CrawlerStoppingException"
    assert (lake.done()["Status"], lake.tables()) == ("CANCELLED", {})
    assert [each["State"] for each in glue.list_crawls(CrawlerName="c")["Crawls"]] == ["STOPPED"]
    assert lake.crawl()["Status"] == "SUCCEEDED"


def test_a_schedule_starts_a_crawler_and_can_be_stopped(lake):
    lake.store("t/a.csv", CSV)
    lake.make("t/", Schedule="cron(0/10 * * * ? *)")
    glue = lake.glue

    def runs() -> int:
        return len(glue.list_crawls(CrawlerName="c")["Crawls"])

    lake.cloud.sleep(1_200)
    assert (lake.done()["Status"], runs()) == ("SUCCEEDED", 2)
    assert refused_code(glue.start_crawler_schedule, CrawlerName="c") == "SchedulerRunningException"
    glue.stop_crawler_schedule(CrawlerName="c")
    lake.cloud.sleep(1_200)
    assert (glue.get_crawler(Name="c")["Crawler"]["Schedule"]["State"], runs()) == ("NOT_SCHEDULED", 2)
    assert refused_code(glue.stop_crawler_schedule, CrawlerName="c") == "SchedulerNotRunningException"
    glue.start_crawler_schedule(CrawlerName="c")
    lake.cloud.restart(kill=True)
    lake.cloud.sleep(600)
    lake.done()
    assert runs() == 3
    glue.update_crawler_schedule(CrawlerName="c", Schedule="")
    assert "Schedule" not in glue.get_crawler(Name="c")["Crawler"]
    assert refused_code(glue.start_crawler_schedule, CrawlerName="c") == "NoScheduleException"
    lake.cloud.sleep(1_200)
    assert runs() == 3


def test_a_crawl_outlives_a_kill(lake):
    lake.store("t/a.csv", CSV)
    lake.make("t/")
    lake.glue.start_crawler(Name="c")
    lake.cloud.restart(kill=True)
    assert lake.done()["Status"] == "SUCCEEDED"
    assert (set(lake.tables()), len(lake.glue.list_crawls(CrawlerName="c")["Crawls"])) == ({"t"}, 1)


@pytest.mark.parametrize("turns", [1, 10, 40, 100, 160])
def test_a_crawl_that_is_killed_in_its_midst_finds_all_there_is_once(lake, turns):
    for day in range(30):
        lake.store(f"t/d={day}/a.csv", CSV)
    lake.make("t/")
    lake.cloud.kill_in_midst(turns)
    with suppress(BotoCoreError):
        lake.glue.start_crawler(Name="c")
    if not lake.glue.list_crawls(CrawlerName="c")["Crawls"]:
        lake.glue.start_crawler(Name="c")
    assert lake.done()["Status"] == "SUCCEEDED"
    assert (len(lake.partitions("t")), len(lake.tables()), lake.tables()["t"]["VersionId"]) == (30, 1, "0")
    assert [each["State"] for each in lake.glue.list_crawls(CrawlerName="c")["Crawls"]] == ["COMPLETED"]


def test_a_crawl_that_is_killed_while_it_writes_goes_on_with_what_is_missing(lake):
    for day in range(250):
        lake.store(f"t/d={day}/a.csv", CSV)
    lake.make("t/")
    lake.glue.start_crawler(Name="c")
    while not lake.tables():
        lake.cloud.run(asyncio.sleep(0))
    # Partitions are written 100 at a time, after their table.
    lake.cloud.restart(kill=True)
    assert lake.done()["Status"] == "SUCCEEDED"
    assert (len(lake.partitions("t")), lake.tables()["t"]["VersionId"]) == (250, "0")


def test_crawls_are_told_to_the_bus_the_log_the_history_and_the_bill(lake):
    cloud, glue = lake.cloud, lake.glue
    url, arn = queue(cloud, "heard")
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events = cloud.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps({"detail-type": ["Glue Crawler State Change"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    lake.store("t/d=1/a.csv", CSV)
    lake.make("t/")
    lake.crawl()
    lake.may("logs:*")
    last = lake.crawl()
    cloud.sleep(5)
    heard = {each["detail"]["state"]: each["detail"] for each in (json.loads(message["Body"]) for message in received(cloud, url))}
    place = "https://console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:group=/aws-glue/crawlers;stream=c"
    done, wrong = heard["Succeeded"], heard["Failed"]
    # Recorded in https://docs.aws.amazon.com/eventbridge/latest/userguide/event-types.html
    assert {name: done.pop(name) for name in ("tablesCreated", "partitionsCreated", "tablesUpdated", "partitionsDeleted", "warningMessage", "message")} == {
        "tablesCreated": "1", "partitionsCreated": "1", "tablesUpdated": "0", "partitionsDeleted": "0", "warningMessage": "N/A", "message": "Crawler Succeeded",
    }  # fmt: skip
    assert set(done) == {"partitionsUpdated", "accountId", "runningTime (sec)", "tablesDeleted", "crawlerName", "completionDate", "state", "cloudWatchLogLink"}
    assert (done["cloudWatchLogLink"], wrong["cloudWatchLogLink"]) == (place, place)
    assert (wrong["message"], wrong["errorMessage"], heard["Started"]["message"]) == ("Crawler Failed", last["ErrorMessage"], "Crawler Started")

    (metrics,) = glue.get_crawler_metrics()["CrawlerMetricsList"]
    assert (metrics["CrawlerName"], metrics["StillEstimating"], metrics["TimeLeftSeconds"]) == ("c", False, 0)
    assert 0 <= metrics["LastRuntimeSeconds"] < 60 and metrics["MedianRuntimeSeconds"] < 60
    second, first = glue.list_crawls(CrawlerName="c")["Crawls"]
    assert (first["State"], second["State"], second["ErrorMessage"]) == ("COMPLETED", "FAILED", last["ErrorMessage"])
    assert json.loads(first["Summary"]) == {"tablesCreated": 1, "partitionsCreated": 1}
    only = glue.list_crawls(CrawlerName="c", Filters=[{"FieldName": "STATE", "FilterOperator": "EQ", "FieldValue": "FAILED"}])["Crawls"]
    assert [each["CrawlId"] for each in only] == [second["CrawlId"]]
    page = glue.list_crawls(CrawlerName="c", MaxResults=1)
    assert glue.list_crawls(CrawlerName="c", NextToken=page["NextToken"])["Crawls"][0]["CrawlId"] == first["CrawlId"]

    lines = cloud.client("logs").get_log_events(logGroupName="/aws-glue/crawlers", logStreamName="c", startFromHead=True)["events"]
    begin = f"[{first['CrawlId']}] "
    # Lines of AWS's are recorded in many notes of its users.
    assert [each["message"].removeprefix(begin) for each in lines if each["message"].startswith(begin)] == [
        "BENCHMARK : Running Start Crawl for Crawler c", "BENCHMARK : Classification complete, writing results to database lake",
        "INFO : Created table t in database lake", "BENCHMARK : Finished writing to Catalog", "INFO : Run Summary For TABLE:", "INFO : ADD: 1",
        "INFO : Run Summary For PARTITION:", "INFO : ADD: 1", "BENCHMARK : Crawler has finished running and is in state READY",
    ]  # fmt: skip
    # "A 10-minute minimum duration for each crawl", two of which have been: https://aws.amazon.com/glue/pricing/
    assert sum(amount for (usage, _), amount in used(cloud).items() if usage == "glue:crawler") == pytest.approx(2 * 2 / 6)


def test_classifiers_are_kept_and_checked(lake):
    glue = lake.glue
    glue.create_classifier(JsonClassifier={"Name": "j", "JsonPath": "$.rows[*]"})
    glue.create_classifier(CsvClassifier={"Name": "s", "Delimiter": ";"})
    assert glue.get_classifier(Name="j")["Classifier"]["JsonClassifier"]["JsonPath"] == "$.rows[*]"
    glue.update_classifier(JsonClassifier={"Name": "j", "JsonPath": "$"})
    assert glue.get_classifier(Name="j")["Classifier"]["JsonClassifier"]["Version"] == 2
    assert [next(iter(each)) for each in glue.get_classifiers()["Classifiers"]] == ["JsonClassifier", "CsvClassifier"]
    for said, expected in (
        ({"JsonClassifier": {"Name": "j", "JsonPath": "$"}}, "AlreadyExistsException"), ({"JsonClassifier": {"Name": "x", "JsonPath": "rows"}}, "InvalidInputException"),
        ({"GrokClassifier": {"Name": "x", "Classification": "c", "GrokPattern": "("}}, "InvalidInputException"), ({}, "InvalidInputException"),
        ({"GrokClassifier": {"Name": "x", "Classification": "c", "GrokPattern": "%{NOSUCH:a}"}}, "NotImplemented"),
        ({"CsvClassifier": {"Name": "x", "Delimiter": "'", "QuoteSymbol": "'"}}, "InvalidInputException"),
        ({"CsvClassifier": {"Name": "x", "CustomDatatypes": ["WORD"]}}, "InvalidInputException"),
        ({"XMLClassifier": {"Name": "x", "Classification": "c", "RowTag": "r"}}, "NotImplemented"),
    ):  # fmt: skip
        assert expected in refused_code(glue.create_classifier, **said), said
    assert refused_code(glue.update_classifier, CsvClassifier={"Name": "j"}) == "InvalidInputException"
    glue.delete_classifier(Name="j")
    assert refused_code(glue.get_classifier, Name="j") == refused_code(glue.delete_classifier, Name="j") == "EntityNotFoundException"
