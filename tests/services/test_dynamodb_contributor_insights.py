"""Which keys are asked for the most: DynamoDB's rules of Contributor Insights, and what CloudWatch tells by them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/contributorinsights_HowItWorks.html; states and refusals recorded by
ack-api-quirks, October 2026 (DDB-TABLE-089 to 097)."""

import json

import pytest
from refusals import refused
from services.test_cloudwatch_metrics import moment

TABLE = "music"


@pytest.fixture
def ddb(cloud):
    cloud.sleep(3600)
    return cloud.client("dynamodb")


def make(ddb, name=TABLE, **more):
    ddb.create_table(
        TableName=name, KeySchema=[{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("artist", "song", "genre")],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-genre", "KeySchema": [{"AttributeName": "genre", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
            | ({"ProvisionedThroughput": more["ProvisionedThroughput"]} if "ProvisionedThroughput" in more else {})
        ],
        **({"BillingMode": "PAY_PER_REQUEST"} | more if "ProvisionedThroughput" not in more else more),
    )  # fmt: skip


def turn(ddb, action="ENABLE", mode=None, index=None, table=TABLE):
    more = {"ContributorInsightsMode": mode} if mode else {}
    more |= {"IndexName": index} if index else {}
    return ddb.update_contributor_insights(TableName=table, ContributorInsightsAction=action, **more)


def names(ddb, **more):
    return ddb.describe_contributor_insights(TableName=TABLE, **more).get("ContributorInsightsRuleList", [])


def put(ddb, artist, song="1", **more):
    return ddb.put_item(TableName=TABLE, Item={"artist": {"S": artist}, "song": {"S": song}} | {k: {"S": v} for k, v in more.items()})


def report(cloud, name, **more):
    """What contributors come to, and all that is told."""
    asked = {"StartTime": moment(cloud.now() - 3600), "EndTime": moment(cloud.now() + 60), "Period": 60} | more
    found = cloud.client("cloudwatch").get_insight_rule_report(RuleName=name, **asked)
    return {tuple(each["Keys"]): each["ApproximateAggregateValue"] for each in found["Contributors"]}, found


def counted(cloud, ddb, **more):
    """By the kind of rule."""
    return {name.split("-")[1]: report(cloud, name)[0] for name in names(ddb, **more)}


def test_insights_are_turned_on_and_off_and_told(cloud, ddb):
    make(ddb)
    assert set(ddb.describe_contributor_insights(TableName=TABLE)) - {"ResponseMetadata"} == {"TableName", "ContributorInsightsStatus"}
    assert turn(ddb, "DISABLE")["ContributorInsightsStatus"] == "DISABLED"
    begun = turn(ddb)
    assert (begun["ContributorInsightsStatus"], begun["ContributorInsightsMode"]) == ("ENABLING", "ACCESSED_AND_THROTTLED_KEYS")
    made = int(cloud.now() * 1000)
    told = ddb.describe_contributor_insights(TableName=TABLE)
    assert (told["ContributorInsightsStatus"], told["ContributorInsightsRuleList"]) == (
        "ENABLED", [f"DynamoDBContributorInsights-{kind}-{TABLE}-{made}" for kind in ("PKC", "SKC", "PKT", "SKT")],
    )  # fmt: skip
    assert turn(ddb)["ContributorInsightsStatus"] == "ENABLED"
    turn(ddb, index="by-genre")
    cloud.sleep(5)
    assert names(ddb, IndexName="by-genre") == [f"DynamoDBContributorInsights-{kind}-{TABLE}-by-genre-{made}" for kind in ("PKC", "PKT")]
    make(ddb, "other")
    listed = ddb.list_contributor_insights(MaxResults=1)
    assert [each.get("IndexName") for each in listed["ContributorInsightsSummaries"]] == [None]
    listed = ddb.list_contributor_insights(NextToken=listed["NextToken"])
    assert [each["IndexName"] for each in listed["ContributorInsightsSummaries"]] == ["by-genre"] and "NextToken" not in listed
    assert turn(ddb, "DISABLE")["ContributorInsightsStatus"] == "DISABLING"
    told = ddb.describe_contributor_insights(TableName=TABLE)
    assert (told["ContributorInsightsStatus"], told["ContributorInsightsMode"], "ContributorInsightsRuleList" in told) == (
        "DISABLED", "ACCESSED_AND_THROTTLED_KEYS", False,
    )  # fmt: skip
    assert [each["IndexName"] for each in ddb.list_contributor_insights(TableName=TABLE)["ContributorInsightsSummaries"]] == ["by-genre"]


def test_at_aws_s_pace_it_takes_a_while(make_cloud):
    cloud = make_cloud(pace="real")
    cloud.region()
    ddb = cloud.client("dynamodb")
    make(ddb)
    cloud.sleep(10)
    turn(ddb)
    assert ddb.describe_contributor_insights(TableName=TABLE)["ContributorInsightsStatus"] == "ENABLING"
    cloud.sleep(3)
    assert ddb.describe_contributor_insights(TableName=TABLE)["ContributorInsightsStatus"] == "ENABLED"


def test_what_is_not_there_has_no_insights(ddb):
    make(ddb)
    words = "Requested resource not found: Table: none not found"
    assert refused(ddb.list_contributor_insights, TableName="none") == ("ResourceNotFoundException", words)
    assert refused(ddb.describe_contributor_insights, TableName="none") == ("ResourceNotFoundException", words)
    words = f"Requested resource not found: Index: ghost not found for table: {TABLE}"
    assert refused(turn, ddb, index="ghost") == ("ResourceNotFoundException", words)


def test_each_item_that_is_read_or_written_counts_what_it_consumes(cloud, ddb):
    make(ddb)
    turn(ddb)
    key = {"artist": {"S": "Ann"}, "song": {"S": "1"}}
    put(ddb, "Ann")  # 3
    put(ddb, "Ann", "2")  # 3
    put(ddb, "Bob", blob="x" * 1500)  # 2 units, 6
    ddb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)  # 1
    ddb.get_item(TableName=TABLE, Key=key)  # 0.5
    ddb.batch_get_item(RequestItems={TABLE: {"Keys": [key]}})  # 0.5
    ddb.update_item(TableName=TABLE, Key=key, UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": {"S": "b"}})  # 3
    ddb.transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": {"artist": {"S": "Cid"}, "song": {"S": "1"}}}}])  # 6
    ddb.transact_get_items(TransactItems=[{"Get": {"TableName": TABLE, "Key": key}}])  # 2
    ddb.delete_item(TableName=TABLE, Key={"artist": {"S": "Bob"}, "song": {"S": "1"}})  # 6
    found = counted(cloud, ddb)
    assert found["PKC"] == {("Ann",): 13.0, ("Bob",): 12.0, ("Cid",): 6.0}
    assert found["SKC"] == {("Ann", "1"): 10.0, ("Ann", "2"): 3.0, ("Bob", "1"): 12.0, ("Cid", "1"): 6.0}
    assert (found["PKT"], found["SKT"]) == ({}, {})


def test_a_query_is_one_event_and_a_scan_is_told_of_its_items(cloud, ddb):
    make(ddb)
    for song in "12":
        put(ddb, "Ann", song)
    put(ddb, "Bob")
    turn(ddb)
    asked = {"KeyConditionExpression": "artist = :a", "ExpressionAttributeValues": {":a": {"S": "Ann"}}}
    ddb.query(TableName=TABLE, **asked)
    ddb.query(TableName=TABLE, **{**asked, "ExpressionAttributeValues": {":a": {"S": "Nobody"}}})
    ddb.execute_statement(Statement=f"SELECT * FROM {TABLE} WHERE artist = 'Ann'")
    found = counted(cloud, ddb)
    assert (found["PKC"], found["SKC"]) == ({("Ann",): 0.5, ("Nobody",): 0.5}, {})
    ddb.scan(TableName=TABLE, ConsistentRead=True)
    found = counted(cloud, ddb)
    assert set(found["SKC"]) == {("Ann", "1"), ("Ann", "2"), ("Bob", "1")}
    assert sum(found["SKC"].values()) == pytest.approx(1.0)


def test_an_index_counts_keys_of_its_own(cloud, ddb):
    make(ddb)
    turn(ddb, index="by-genre")
    put(ddb, "Ann", genre="pop")
    put(ddb, "Bob")
    put(ddb, "Ann", genre="folk")
    ddb.query(
        TableName=TABLE, IndexName="by-genre", KeyConditionExpression="genre = :g", ExpressionAttributeValues={":g": {"S": "folk"}},
    )  # fmt: skip
    found = counted(cloud, ddb, IndexName="by-genre")
    # Where an entry moves it is written twice.
    assert found["PKC"] == {("pop",): 3.0, ("folk",): 6.5}
    ddb.update_table(TableName=TABLE, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-genre"}}])
    assert cloud.client("cloudwatch").describe_insight_rules()["InsightRules"] == []


def test_whoever_is_turned_away_is_counted(cloud, ddb):
    make(ddb, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    turn(ddb, mode="THROTTLED_KEYS")
    assert [name.split("-")[1] for name in names(ddb)] == ["PKT", "SKT"]
    refusals = 0
    for _ in range(320):
        try:
            put(ddb, "Ann")
        except ddb.exceptions.ProvisionedThroughputExceededException:
            refusals += 1
    assert refusals > 0
    assert counted(cloud, ddb) == {"PKT": {("Ann",): float(refusals)}, "SKT": {("Ann", "1"): float(refusals)}}


def test_another_mode_keeps_what_both_have(cloud, ddb):
    make(ddb)
    turn(ddb)
    before = names(ddb)
    put(ddb, "Ann")
    turn(ddb, mode="THROTTLED_KEYS")
    assert names(ddb) == before[2:]
    turn(ddb)
    assert names(ddb) == before
    assert counted(cloud, ddb)["PKC"] == {}


def test_what_was_counted_is_kept_for_fifteen_days(cloud, ddb):
    make(ddb)
    turn(ddb)
    put(ddb, "Ann")
    cloud.sleep(120)
    cloud.restart(kill=True)
    (name, *_) = names(ddb)
    assert report(cloud, name)[0] == {("Ann",): 3.0}
    cloud.sleep(16 * 86_400)
    put(ddb, "Bob")
    cloud.sleep(120)
    whole = {"StartTime": moment(cloud.now() - 20 * 86_400), "Period": 86_400}
    assert report(cloud, name, **whole)[0] == {("Bob",): 3.0}


def test_a_sealed_table_s_keys_lie_sealed(make_cloud):
    cloud = make_cloud()
    cloud.region()
    ddb = cloud.client("dynamodb")
    make(ddb, SSESpecification={"Enabled": True, "SSEType": "KMS"})
    turn(ddb)
    put(ddb, "Zanzibar-the-secret")
    cloud.sleep(120)
    assert counted(cloud, ddb)["PKC"] == {("Zanzibar-the-secret",): 3.0}
    region = cloud.regions["us-east-1"]
    bodies = region.store.rows(cloud.settings.account).all("select body from contributor_count")
    assert bodies and all(b"Zanzibar" not in body for (body,) in bodies)


def test_reports_rank_keys_by_the_minute(cloud, ddb):
    make(ddb)
    turn(ddb)
    for _ in range(3):
        put(ddb, "Ann")
    cloud.sleep(60)
    put(ddb, "Ann")
    put(ddb, "Bob")
    _, found = report(cloud, names(ddb)[0], Metrics=["MaxContributorValue", "Maximum"])
    assert (found["AggregationStatistic"], found["AggregateValue"], found["ApproximateUniqueCount"]) == ("SUM", 15.0, 2)
    assert [[point["ApproximateValue"] for point in each["Datapoints"]] for each in found["Contributors"]] == [[9.0, 3.0], [3.0]]
    assert [(point["MaxContributorValue"], point["Maximum"]) for point in found["MetricDatapoints"]] == [(9.0, 3.0), (3.0, 3.0)]
    code, _ = refused(report, cloud, names(ddb)[0], MaxContributorCount=26)
    assert code == "InvalidParameterValue"


def test_rules_of_dynamodb_are_seen_in_cloudwatch_and_not_changed_there(cloud, ddb):
    make(ddb)
    turn(ddb, mode="THROTTLED_KEYS")
    watch = cloud.client("cloudwatch")
    listed = watch.describe_insight_rules()["InsightRules"]
    assert [each["Name"] for each in listed] == names(ddb)
    assert {(each["State"], each["Schema"]) for each in listed} == {("ENABLED", '{"Name" : "ServiceLogRule", "Version" : 1}')}
    for ask in (watch.delete_insight_rules, watch.disable_insight_rules):
        assert [each["FailureResource"] for each in ask(RuleNames=names(ddb)[:1])["Failures"]] == names(ddb)[:1]
    assert len(watch.describe_insight_rules()["InsightRules"]) == 2
    ddb.delete_table(TableName=TABLE)
    assert watch.describe_insight_rules()["InsightRules"] == []


def test_an_alarm_watches_the_hottest_key(cloud, ddb):
    make(ddb)
    turn(ddb)
    watch = cloud.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="hot", EvaluationPeriods=1, Threshold=10, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
        Metrics=[{"Id": "m", "Expression": f'INSIGHT_RULE_METRIC("{names(ddb)[0]}", "MaxContributorValue")', "Period": 60}],
    )  # fmt: skip
    cloud.sleep(120)
    assert watch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK"
    for _ in range(5):
        put(ddb, "Ann")
    cloud.sleep(120)
    assert {each["HistorySummary"] for each in watch.describe_alarm_history(AlarmName="hot", HistoryItemType="StateUpdate")["AlarmHistoryItems"]} >= {
        "Alarm updated from OK to ALARM"
    }


def test_a_table_of_a_stack_has_them(cloud):
    stacks, ddb = cloud.client("cloudformation"), cloud.client("dynamodb")

    def template(specification):
        properties = {
            "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], **specification,
        }  # fmt: skip
        return json.dumps({"Resources": {"T": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}})

    def told():
        cloud.sleep(60)
        found = ddb.describe_contributor_insights(TableName=TABLE)
        return found["ContributorInsightsStatus"], found["ContributorInsightsMode"]

    said = {"ContributorInsightsSpecification": {"Enabled": True, "Mode": "THROTTLED_KEYS"}}
    stacks.create_stack(StackName="s", TemplateBody=template(said))
    assert told() == ("ENABLED", "THROTTLED_KEYS")
    stacks.update_stack(StackName="s", TemplateBody=template({"ContributorInsightsSpecification": {"Enabled": True}}))
    assert told() == ("ENABLED", "ACCESSED_AND_THROTTLED_KEYS")
    stacks.update_stack(StackName="s", TemplateBody=template({}))
    assert told() == ("DISABLED", "ACCESSED_AND_THROTTLED_KEYS")
