"""Logs Insights: queries that run beside the region, and what becomes of them."""

from __future__ import annotations

import json

from refusals import refusal, refused_code
from services.log_workshop import asked, begun, ended, spelled, written


def test_a_query_answers_the_newest_events_first_with_a_pointer(cloud):
    logs = written(cloud, "one", "two", "three")
    now = cloud.now()
    answer = ended(cloud, begun(cloud, "fields @timestamp, @message"))
    assert [[cell["field"] for cell in row] for row in answer["results"]] == [["@timestamp", "@message", "@ptr"]] * 3
    assert [row[1]["value"] for row in answer["results"]] == ["three", "two", "one"]
    assert answer["results"][0][0]["value"] == spelled(now)
    statistics = answer["statistics"]
    assert (statistics["recordsMatched"], statistics["recordsScanned"], statistics["bytesScanned"]) == (3.0, 3.0, 11.0)
    record = logs.get_log_record(logRecordPointer=answer["results"][0][2]["value"])["logRecord"]
    assert record["@message"] == "three" and record["@logStream"] == "s" and record["@log"] == "000000000000:g"
    assert record["@timestamp"] == str(int(now * 1000))


def test_without_fields_time_and_message_are_shown(cloud):
    written(cloud, "one")
    now = cloud.now()
    assert asked(cloud, "filter @message like 'one'") == [{"@timestamp": spelled(now), "@message": "one"}]


def test_both_ends_of_the_range_are_in_it(cloud):
    logs = written(cloud, *map(str, range(10)))
    now = int(cloud.now())
    number = logs.start_query(logGroupName="g", startTime=now - 5, endTime=now - 3, queryString="fields @message | sort @message asc")["queryId"]
    assert [row[0]["value"] for row in ended(cloud, number)["results"]] == ["4", "5", "6"]


def test_several_groups_are_asked_at_once(cloud):
    written(cloud, "a")
    written(cloud, "b", group="h")
    rows = asked(cloud, "fields @log, @logStream, @message | sort @message", "g", "h")
    assert rows == [
        {"@log": "000000000000:g", "@logStream": "s", "@message": "a"},
        {"@log": "000000000000:h", "@logStream": "s", "@message": "b"},
    ]
    number = begun(cloud, "fields @message", "g", "h")
    assert cloud.client("logs").list_log_groups_for_query(queryId=number)["logGroupIdentifiers"] == ["g", "h"]


def test_a_source_chooses_groups_by_prefix_or_by_name(cloud):
    for name in ("app/a", "app/b", "other"):
        written(cloud, name, group=name)
    found = asked(cloud, "SOURCE logGroups(namePrefix: ['app/']) | fields @message | sort @message", None)
    assert [row["@message"] for row in found] == ["app/a", "app/b"]
    assert len(asked(cloud, "SOURCE logGroups() | fields @message", None)) == 3
    assert asked(cloud, "SOURCE 'other' | fields @message", None) == [{"@message": "other"}]
    both = refusal(
        cloud.client("logs").start_query, startTime=0, endTime=int(cloud.now()), logGroupName="other", queryString="SOURCE 'other' | fields @message"
    )
    assert both["Error"]["Code"] == "InvalidParameterException"


def test_large_answers_come_in_pages(cloud):
    logs = written(cloud, *map(str, range(2500)), every_ms=1)
    number = begun(cloud, "fields @message | sort @timestamp asc")
    ended(cloud, number)
    found, token = [], None
    while True:
        page = logs.get_query_results(queryId=number, maxItems=999, **({"nextToken": token} if token else {}))
        found += [row[0]["value"] for row in page["results"]]
        assert page["statistics"]["resultCount"] == 2500.0
        if (token := page.get("nextToken")) is None:
            break
    assert found == list(map(str, range(2500)))
    assert refused_code(logs.get_query_results, queryId=number, nextToken="x") == "InvalidParameterException"


def test_the_limit_of_the_call_holds_where_the_query_has_none(cloud):
    written(cloud, *map(str, range(20)))
    assert len(asked(cloud, "fields @message", limit=7)) == 7
    assert len(asked(cloud, "fields @message | limit 3", limit=7)) == 3


def test_a_malformed_query_is_refused_with_its_place(cloud):
    # The form of the text: https://github.com/boto/boto3/issues/3450 and recorded "unexpected symbol found … at line … and position …".
    logs = written(cloud, "x")
    for text, start in (("fields @timestamp, custom | count()", 28), ("filter (a", 9), ("limit 0", 6), ("", 0)):
        answer = refusal(logs.start_query, logGroupName="g", startTime=0, endTime=int(cloud.now()), queryString=text)
        assert answer["Error"]["Code"] == "MalformedQueryException"
        assert f"at line 1 and position {start}" in answer["Error"]["Message"]
        assert answer["queryCompileError"]["location"]["startCharOffset"] == start


def test_what_is_not_built_is_refused_by_name(cloud):
    logs = written(cloud, "x")
    for text in ("parse @message xml as x", "SOURCE dataSource(['x'])"):
        answer = refusal(logs.start_query, logGroupName="g", startTime=0, endTime=int(cloud.now()), queryString=text)
        assert answer["Error"]["Code"] == "NotImplemented" and "Insights" in answer["Error"]["Message"]
    for language in ("SQL", "PPL"):
        answer = refusal(logs.start_query, logGroupName="g", startTime=0, endTime=1, queryString="SELECT 1", queryLanguage=language)
        assert answer["Error"]["Code"] == "NotImplemented" and language in answer["Error"]["Message"]


def test_a_query_needs_a_group_that_is_there_and_a_time_it_was_there(cloud):
    logs = written(cloud, "x")
    now = int(cloud.now())
    assert refused_code(logs.start_query, logGroupName="no", startTime=0, endTime=now, queryString="fields a") == "ResourceNotFoundException"
    assert refused_code(logs.start_query, startTime=0, endTime=now, queryString="fields a") == "InvalidParameterException"
    assert refused_code(logs.start_query, logGroupName="g", startTime=now, endTime=now - 1, queryString="fields a") == "InvalidParameterException"
    early = refusal(logs.start_query, logGroupName="g", startTime=0, endTime=now - 9_000, queryString="fields a")["Error"]
    assert early["Code"] == "MalformedQueryException" and "before the log groups creation time" in early["Message"]
    assert refused_code(logs.get_query_results, queryId="no") == "ResourceNotFoundException"


def test_queries_are_listed_the_last_one_first(cloud):
    logs = written(cloud, "x")
    first = begun(cloud, "fields @message")
    ended(cloud, first)
    cloud.sleep(1)
    second = begun(cloud, "fields @timestamp")
    listed = logs.describe_queries(logGroupName="g")["queries"]
    assert [each["queryId"] for each in listed] == [second, first]
    assert listed[1]["status"] == "Complete" and listed[1]["queryString"] == "fields @message" and listed[1]["bytesScanned"] == 1.0
    assert [each["queryId"] for each in logs.describe_queries(status="Complete")["queries"]][-1] == first
    page = logs.describe_queries(maxResults=1)
    assert [each["queryId"] for each in logs.describe_queries(maxResults=1, nextToken=page["nextToken"])["queries"]] == [first]


def test_a_query_can_be_stopped_and_only_once(cloud):
    # An expression that backtracks for hours: only its process can be ended.
    logs = written(cloud, "a" * 5000 + "!")
    number = begun(cloud, r"filter @message like /^(a+)+$/")
    cloud.sleep(0.5)
    assert logs.get_query_results(queryId=number)["status"] == "Running"
    assert logs.stop_query(queryId=number)["success"] is True
    assert ended(cloud, number)["status"] == "Cancelled"
    assert refused_code(logs.stop_query, queryId=number) == "InvalidParameterException"
    assert asked(cloud, "stats count(*) as c") == [{"c": "1"}]


def test_a_query_in_the_midst_of_which_the_region_is_killed_is_run_by_its_next_life(cloud):
    written(cloud, "a" * 30 + "!", "fine")
    number = begun(cloud, r"filter @message like /^(a+)+$/ or @message = 'fine' | fields @message")
    cloud.sleep(0.3)
    cloud.restart(kill=True)
    assert cloud.client("logs").get_query_results(queryId=number)["status"] in ("Scheduled", "Running")
    cloud.client("logs").stop_query(queryId=number)
    other = begun(cloud, "fields @message | filter @message = 'fine'")
    cloud.restart(kill=True)
    assert [row[0]["value"] for row in ended(cloud, other)["results"]] == ["fine"]


def test_writing_goes_on_while_a_query_runs_and_the_query_does_not_see_it(cloud):
    logs = written(cloud, *["x" * 1000] * 900, "a" * 60 + "!", every_ms=0)
    number = begun(cloud, r"filter @message like /^(a+)+$/ or @message like 'x' | stats count(*) as c")
    cloud.sleep(0.2)
    for _ in range(20):
        written(cloud, *["x" * 1000] * 900, every_ms=0)
    logs.stop_query(queryId=number)
    # What was held still is moved on afterwards: nothing is lost of what was written meanwhile.
    assert asked(cloud, "stats count(*) as c") == [{"c": str(900 * 21 + 1)}]
    cloud.restart(kill=True)
    assert asked(cloud, "stats count(*) as c") == [{"c": str(900 * 21 + 1)}]


def test_answers_are_kept_for_a_week(cloud):
    written(cloud, "x")
    number = begun(cloud, "fields @message")
    ended(cloud, number)
    cloud.sleep(6 * 86_400)
    assert cloud.client("logs").get_query_results(queryId=number)["status"] == "Complete"
    cloud.sleep(86_401)
    assert refused_code(cloud.client("logs").get_query_results, queryId=number) == "ResourceNotFoundException"


def test_fields_of_a_group_come_with_the_share_of_events_that_have_them(cloud):
    logs = written(cloud, {"level": "INFO", "user": {"id": 1}}, {"level": "WARN"}, "text", "more")
    found = {each["name"]: each["percent"] for each in logs.get_log_group_fields(logGroupName="g")["logGroupFields"]}
    assert found["@message"] == 100 and found["level"] == 50 and found["user.id"] == 25


def test_saved_queries(cloud):
    logs = cloud.client("logs")
    twice = [logs.put_query_definition(name="errors/a", queryString="filter a", logGroupNames=["g"], clientToken="t" * 36) for _ in range(2)]
    number = twice[0]["queryDefinitionId"]
    assert twice[1]["queryDefinitionId"] == number
    other = logs.put_query_definition(name="b", queryString="fields {{f}}", parameters=[{"name": "f", "defaultValue": "x"}])["queryDefinitionId"]
    logs.put_query_definition(name="errors/c", queryString="filter b", queryDefinitionId=number)
    assert [each["name"] for each in logs.describe_query_definitions()["queryDefinitions"]] == ["b", "errors/c"]
    (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix="errors")["queryDefinitions"]
    assert (found["queryDefinitionId"], found["queryString"], found["logGroupNames"]) == (number, "filter b", [])
    page = logs.describe_query_definitions(maxResults=1)
    assert logs.describe_query_definitions(maxResults=1, nextToken=page["nextToken"])["queryDefinitions"][0]["name"] == "errors/c"
    assert logs.delete_query_definition(queryDefinitionId=other)["success"] is True
    assert refused_code(logs.delete_query_definition, queryDefinitionId=other) == "ResourceNotFoundException"
    assert refused_code(logs.put_query_definition, name="d", queryString="x", queryDefinitionId=other) == "ResourceNotFoundException"


def test_a_pointer_that_was_not_given_is_refused(cloud):
    logs = written(cloud, "x")
    for pointer in ("x", "e30=", "WyJhIiwxLDIsM10="):
        assert refused_code(logs.get_log_record, logRecordPointer=pointer) in ("InvalidParameterException", "ResourceNotFoundException")


# What is looked for elsewhere ---------------------------------------------------------------------------------


def test_diff_looks_at_the_time_before(cloud):
    written(cloud, *["took 5 ms"] * 3, "gone now", every_ms=10)
    cloud.sleep(200)
    logs = written(cloud, *["took 7 ms"] * 4, "new here", every_ms=10)
    now = int(cloud.now())
    number = logs.start_query(logGroupName="g", startTime=now - 149, endTime=now, queryString="pattern @message | diff")["queryId"]
    answer = ended(cloud, number)
    found = {row[0]["value"]: {cell["field"]: cell["value"] for cell in row} for row in answer["results"]}
    assert {key: (row["@sampleCount"], row["@diffEventCount"]) for key, row in found.items()} == {"took <Number-1> ms": ("4", "1"), "gone now": ("0", "-1"), "new here": ("1", "1")}
    assert answer["statistics"]["recordsScanned"] == 9.0  # both times are looked through: CWL_AnalyzeLogData_Compare


def test_queries_within_a_query_look_into_groups_of_their_own(cloud):
    written(cloud, {"rid": "a", "ms": 1}, {"rid": "b", "ms": 2}, group="api")
    written(cloud, {"rid": "a", "code": 500}, group="fn", stream="t")
    assert asked(cloud, "filter rid in (SOURCE 'fn' | filter code = 500 | fields rid) | fields rid, ms", "api") == [{"rid": "a", "ms": "1"}]
    joined = "join type=left left=l right=r where l.rid=r.rid (SOURCE 'fn') | fields l.rid, r.code | sort l.rid asc"
    assert asked(cloud, joined, "api") == [{"l.rid": "a", "r.code": "500"}, {"l.rid": "b"}]
    logs = cloud.client("logs")
    answer = refusal(logs.start_query, logGroupName="api", startTime=0, endTime=int(cloud.now()), queryString=joined.replace("'fn'", "'no'"))
    assert answer["Error"]["Code"] == "ResourceNotFoundException"


def test_who_may_not_query_a_group_may_not_do_so_from_within_another_query(cloud):
    written(cloud, {"rid": "a"}, group="mine")
    written(cloud, {"rid": "a"}, group="theirs")
    iam = cloud.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": "arn:aws:logs:*:*:log-group:mine:*"}
    iam.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    logs = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    within = {"logGroupName": "mine", "startTime": 0, "endTime": int(cloud.now())}
    logs.start_query(**within, queryString="fields rid")
    for text in ("filter rid in (SOURCE 'theirs' | fields rid)", "join left=a right=b where a.rid=b.rid (SOURCE 'theirs')", "appendcols (SOURCE 'theirs' | fields rid)"):
        assert refused_code(logs.start_query, **within, queryString=text) == "AccessDeniedException"


def test_an_index_finds_what_came_in_since_it_was_made(cloud):
    logs = written(cloud, {"rid": "a", "n": 1})
    cloud.sleep(1)
    policy = logs.put_index_policy(logGroupIdentifier="g", policyDocument='{"Fields": ["rid"]}')["indexPolicy"]
    assert (policy["source"], policy["policyDocument"]) == ("LOG_GROUP", '{"Fields": ["rid"]}') and policy["logGroupIdentifier"].endswith(":log-group:g")
    written(cloud, {"rid": "a", "n": 2}, {"rid": "b", "n": 3}, {"n": 4})
    written(cloud, {"rid": "a", "n": 9}, group="plain")
    answer = ended(cloud, begun(cloud, "fields n | filterIndex rid = 'a'", "g", "plain"))
    assert [row[0]["value"] for row in answer["results"]] == ["2"]
    assert answer["statistics"]["recordsScanned"] == 4.0  # of the group that is indexed
    assert asked(cloud, "filterIndex rid in ['a', 'b'] | stats count(*) as c") == [{"c": "2"}]
    assert asked(cloud, "filterIndex n = 2 | fields n") == []
    cloud.restart(kill=True)
    assert logs.describe_index_policies(logGroupIdentifiers=["g"])["indexPolicies"] == [policy]
    assert asked(cloud, "filterIndex rid = 'b' | fields n") == [{"n": "3"}]


def test_an_index_is_used_for_thirty_days_after_it_ended(cloud):
    logs = written(cloud)
    logs.put_index_policy(logGroupIdentifier="g", policyDocument='{"Fields": ["a"], "FieldsV2": {"b": {"type": "FACET"}}}')
    written(cloud, {"a": 1})
    cloud.sleep(1)
    logs.put_index_policy(logGroupIdentifier="g", policyDocument='{"Fields": ["b"]}')
    written(cloud, {"a": 1, "late": 1})

    def indexes():
        found = logs.describe_field_indexes(logGroupIdentifiers=["g"])["fieldIndexes"]
        return {each["fieldIndexName"]: (each["type"], each["indexCategory"]) for each in found if each["indexCategory"] != "DEFAULT"}

    assert indexes() == {"b": ("FIELD_INDEX", "CUSTOM"), "a": ("FIELD_INDEX", "INACTIVE")}
    assert asked(cloud, "filterIndex a = 1 | stats count(*) as c") == [{"c": "1"}]
    logs.delete_index_policy(logGroupIdentifier="g")
    assert logs.describe_index_policies(logGroupIdentifiers=["g"])["indexPolicies"] == []
    cloud.sleep(31 * 86_400)
    assert indexes() == {}


def test_an_index_policy_that_says_nothing_is_refused(cloud):
    logs = written(cloud)
    many = json.dumps({"Fields": [f"f{n}" for n in range(21)]})
    for document in ("{", "[]", "{}", '{"Fields": []}', '{"Fields": [""]}', '{"Fields": [1]}', '{"Fields": "a"}', '{"Other": ["a"]}', '{"FieldsV2": {"a": {"type": "x"}}}', '{"FieldsV2": {"a": {"type": []}}}', many):
        assert refused_code(logs.put_index_policy, logGroupIdentifier="g", policyDocument=document) == "InvalidParameterException"
    assert refused_code(logs.put_index_policy, logGroupIdentifier="no", policyDocument='{"Fields": ["a"]}') == "ResourceNotFoundException"


def test_tables_of_reference_are_kept_and_looked_up_in(cloud):
    logs = written(cloud, {"id": 1}, {"id": 2})
    arn = logs.create_lookup_table(lookupTableName="users", tableBody="id,name\n1,Ann\n", tags={"a": "b"})["lookupTableArn"]
    assert asked(cloud, "fields id | lookup users id OUTPUT name | sort id") == [{"id": "1", "name": "Ann"}, {"id": "2"}]
    assert refused_code(logs.create_lookup_table, lookupTableName="users", tableBody="id\n") == "ResourceAlreadyExistsException"
    logs.update_lookup_table(lookupTableArn=arn, tableBody="id,name\n2,Bob\n3,Cyd\n")
    cloud.restart(kill=True)
    assert asked(cloud, "filter id = 2 | fields id | lookup users id OUTPUT name") == [{"id": "2", "name": "Bob"}]
    [table] = logs.describe_lookup_tables()["lookupTables"]
    assert (table["tableFields"], table["recordsCount"], table["sizeBytes"]) == (["id", "name"], 2, 20)
    assert logs.get_lookup_table(lookupTableArn=arn)["tableBody"] == "id,name\n2,Bob\n3,Cyd\n"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
    logs.tag_resource(resourceArn=arn, tags={"c": "d"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "d"}
    logs.delete_lookup_table(lookupTableArn=arn)
    answer = refusal(logs.start_query, logGroupName="g", startTime=0, endTime=int(cloud.now()), queryString="lookup users id OUTPUT name")
    assert answer["Error"]["Code"] == "MalformedQueryException" and "does not exist" in answer["Error"]["Message"]
    assert refused_code(logs.get_lookup_table, lookupTableArn=arn) == "ResourceNotFoundException"
    for body in ("", "a,a\n", ",\n", "\n"):
        assert refused_code(logs.create_lookup_table, lookupTableName="t", tableBody=body or "\n") == "InvalidParameterException"
