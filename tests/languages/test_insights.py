"""Logs Insights QL, as https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html tells it.

What the pages leave open and was seen on AWS ("dots lead on from the next command", "a third argument of strcontains has no effect",
"earliest gives milliseconds", "dedup … sort: unexpected symbol found sort") was published by users who tried it there in June 2026.
"""

from __future__ import annotations

import json

import pytest

from kumoniwa.languages.insights import plan, reader
from kumoniwa.languages.insights.expression import Place
from kumoniwa.languages.insights.setting import Setting, Table
from kumoniwa.languages.insights.syntax import Malformed, Unbuilt

FIRST_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z
NOW_S = 1_700_003_600.0
TABLES = {
    "users": Table(("id", "name", "city"), "id,name,city\n1,Ann,Oslo\n2,\"Bob, Jr\",\n1,Other,Rome\n"),
    "nets": Table(("range", "owner"), "range,owner\n10.0.0.0/8,all\n10.1.0.0/16,ops\n2001:db8::/32,six\n"),
}


def rows(text, *messages, every_ms=60_000, stream="s", portion=None, limit=None, earlier=()):
    """What a query finds in messages, the newest one last, a minute apart."""
    places = {7: Place("123456789012:g", stream, "[" in stream)}
    made = plan.planned(reader.read(text), Setting(places, NOW_S, FIRST_MS, FIRST_MS + every_ms * len(messages), TABLES), limit)
    events = [
        [FIRST_MS + every_ms * n, 7, n, FIRST_MS + 5, message if isinstance(message, str) else json.dumps(message), None, None]
        for n, message in enumerate(messages)
    ]
    before = [[FIRST_MS - 1, 7, n, FIRST_MS, message, None, None] for n, message in enumerate(earlier)]
    running = plan.prepared(made, lambda _, aside: [list(map(list, before)) if aside.back is not None else list(map(list, events))]).start()
    for start in range(0, len(events) or 1, portion or len(events) or 1):
        running.take(events[start : start + (portion or len(events) or 1)])
    return [{name: value for name, value in row if name != "@ptr"} for row in made.answer(running.rows())]


def value(expression, message="{}"):
    """What one expression gives, None if nothing."""
    return rows(f"fields {expression} as it", message)[0].get("it")


def kept(condition, *messages):
    """The places of the messages that a filter lets through."""
    found = rows(f"fields @message | filter {condition} | sort @timestamp asc", *messages)
    texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return [texts.index(row["@message"]) for row in found]


def refused(text, error=Malformed):
    with pytest.raises(error) as raised:
        plan.planned(reader.read(text), Setting({}, NOW_S))
    return str(raised.value)


# Fields -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "message", "found"), [
    ("level", {"level": "INFO"}, "INFO"),
    ("a.b.c", {"a": {"b": {"c": 5}}}, "5"),
    ("items.0.id", {"items": [{"id": "x"}, {"id": "y"}]}, "x"),
    ("`a-b`", {"a-b": 1}, "1"),
    ("a.b", {"a.b": "dotted"}, "dotted"),
    ("@@x", {"@x": "at"}, "at"),
    ("ok", {"ok": True}, "1"),
    ("no", {"no": None}, None),
    ("a", {"a": {"b": 1}}, None),
    ("latency", {"latency": 0.123456789}, "0.123456789"),
    ("level", "  {\"level\": \"late\"}", "late"),
    ("level", "{\"level\": \"torn\"", None),
    ("@log", "x", "123456789012:g"),
    ("@logStream", "x", "s"),
    ("@timestamp", "x", "2023-11-14 22:13:20.000"),
    ("@ingestionTime", "x", "2023-11-14 22:13:20.005"),
])  # fmt: skip
def test_fields_are_found(name, message, found):
    assert rows(f"fields {name}", message)[0].get(name.strip("`")) == found


def test_of_one_event_two_hundred_fields_are_found():
    many = {f"f{n}": n for n in range(250)}
    assert rows("fields f199, f200", many) == [{"f199": "199"}]


REPORT = (
    "REPORT RequestId: 8f5a5c1e-5c6b-4d43-8b2f-1e2d3c4b5a69\tDuration: 3.21 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 45 MB\tInit Duration: 120.50 ms\t\nXRAY TraceId: 1-5e1b4151-5ac6c58f\tSegmentId: 2f3c\tSampled: true\t"
)


def test_the_lines_of_lambda_tell_what_they_are():
    names = "@type, @requestId, @duration, @billedDuration, @memorySize, @maxMemoryUsed, @initDuration, @xrayTraceId, @xraySegmentId"
    assert rows(f"fields {names}", REPORT) == [{
        "@type": "REPORT", "@requestId": "8f5a5c1e-5c6b-4d43-8b2f-1e2d3c4b5a69", "@duration": "3.21", "@billedDuration": "4",
        "@memorySize": "128000000", "@maxMemoryUsed": "45000000", "@initDuration": "120.5", "@xrayTraceId": "1-5e1b4151-5ac6c58f",
        "@xraySegmentId": "2f3c",
    }]  # fmt: skip
    assert rows("fields @type, @requestId", "START RequestId: 8f5a5c1e-5c6b-4d43-8b2f-1e2d3c4b5a69 Version: $LATEST\n")[0]["@type"] == "START"
    assert rows("fields @type", "plain") == [{}]


def test_in_the_streams_of_functions_json_within_a_line_is_found():
    line = "[INFO]\t2026-01-01T00:00:00.000Z\t8f5a5c1e-5c6b-4d43-8b2f-1e2d3c4b5a69\t{\"user\": \"ann\"} {\"user\": \"bob\"}"
    stream = "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef"
    assert rows("fields user, @requestId", line, stream=stream)[0] == {"user": "ann", "@requestId": "8f5a5c1e-5c6b-4d43-8b2f-1e2d3c4b5a69"}
    assert rows("fields user", line) == [{}]


def test_flow_logs_and_query_logs_are_found():
    flow = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
    assert rows("stats sum(bytes) as b, max(packets) as p by srcAddr, action", flow) == [
        {"srcAddr": "172.31.16.139", "action": "ACCEPT", "b": "4249", "p": "20"}
    ]
    asked = "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.168.1.1 -"
    assert rows("fields queryName, queryType, responseCode, hostZoneId", asked)[0]["queryName"] == "example.com"


# Filters ------------------------------------------------------------------------------------------------------

LEVELS = [{"level": "ERROR", "ms": 12}, {"level": "info", "ms": 200}, {"level": "WARN", "ms": "404"}, {"other": 1}]


@pytest.mark.parametrize(("condition", "places"), [
    ('level = "ERROR"', [0]),
    ('level != "ERROR"', [1, 2]),
    ("ms > 12", [1, 2]),
    ("ms >= 12 and ms < 404", [0, 1]),
    ("12 < ms", [1, 2]),
    ("ms = 404 or ms = '12'", [0, 2]),
    ("not ms = 12", [1, 2]),
    ("not (ms = 12 or level = 'info')", [2]),
    ("!ispresent(level)", [3]),
    ("ispresent(level) and not ispresent(other)", [0, 1, 2]),
    ('level like "R"', [0, 2]),
    ('level not like "R"', [1]),
    ("level like /(?i)^inf/", [1]),
    ("level =~ /^[EW]/", [0, 2]),
    ('level in ["ERROR", "info"]', [0, 1]),
    ('level not in ["ERROR", "info"]', [2]),
    ("ms in [12, 404]", [0, 2]),
    ("@message like /\"level\": \"(ERROR|WARN)\"/", [0, 2]),
    ("strcontains(level, 'AR')", [2]),
    ("strcontains(level, 'ar', true)", []),
    ("ms / 2 + 1 = 7", [0]),
    ("isempty(level)", [3]),
    ("1 = 1", [0, 1, 2, 3]),
])  # fmt: skip
def test_filters(condition, places):
    assert kept(condition, *LEVELS) == places


def test_a_hash_begins_a_comment_except_in_a_text():
    assert kept("@message like '#' # | filter 1 = 2\n", "a # b", "c") == [0]


def test_a_number_that_an_escape_hides_is_still_found():
    # What is looked for before JSON is read must not lose what JSON spells with an escape.
    made = plan.planned(reader.read('filter level = "ERROR"'), Setting({}, NOW_S))
    assert made.needles == [plan.Needle("ERROR", True)]
    assert kept('level = "ERROR"', '{"level": "\\u0045RROR"}') == [0]


# Functions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("expression", "found"), [
    ("2 ^ 3", "8"), ("10 % 3", "1"), ("-7 % 3", "-1"), ("7 / 2", "3.5"), ("6 / 2", "3"), ("1 / 3", "0.3333"), ("1 / 0", None),
    ("2 + 3 * 4 - -1", "15"), ("(2 + 3) * 4", "20"), ("2 ^ 3 ^ 2", "512"), ("9 ^ 99999", None), ("missing + 1", None),
    ("abs(0 - 5)", "5"), ("ceil(1.2)", "2"), ("floor(1.8)", "1"), ("round(1.5)", "2"), ("sqrt(16)", "4"), ("sqrt(-1)", None),
    ("log(1)", "0"), ("greatest(1, 5, 3)", "5"), ("least(4, 2)", "2"), ("toNumber('12') * 2", "24"), ("toInt('3.9')", "3"),
    ("concat('a', 'b', 1)", "ab1"), ("strlen('日本')", "2"), ("toupper('aB')", "AB"), ("tolower('aB')", "ab"),
    ("trim('  a ')", "a"), ('ltrim("xyZxyfooxyZ","xyZ")', "fooxyZ"), ('rtrim("xyZfooxyxyZ","xyZ")', "xyZfoo"),
    ('trim("xyZxyfooxyxyZ","xyZ")', "foo"), ('substr("xyZfooxyZ",3, 3)', "foo"), ('substr("xyZfooxyZ",6)', "xyZ"),
    ('replace("a-a","a","b")', "b-b"), ("regex_replace('a1b22', /[0-9]+/, '#')", "a#b#"), ("strcontains('abc','b')", "1"),
    ("startsWith('abc','ab')", "1"), ("endsWith('abc','ab')", "0"), ("isempty('')", "1"), ("isblank('  ')", "1"), ("isblank(missing)", "1"),
    ("urlencode('a b/c')", "a%20b%2Fc"), ("urldecode('a%20b')", "a b"), ("base64encode('hi')", "aGk="), ("base64decode('aGk=')", "hi"),
    ("base64decode('*')", None), ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"), ("split('a,b', ',')", '["a","b"]'),
    ("coalesce(missing, 'x')", "x"), ("if(1 = 2, 'a', 'b')", "b"), ("if(missing = 2, 'a', 'b')", "b"),
    ("case(1 = 2, 'a', 2 = 2, 'b', 'c')", "b"), ("case(1 = 2, 'a')", None), ("ispresent(@message)", "1"),
    ("isValidIp('10.0.0.1')", "1"), ("isValidIpV4('::1')", "0"), ("isValidIpV6('::1')", "1"), ("isValidIp('300.1.1.1')", "0"),
    ("isIpInSubnet('2001:db8::1', '2001:db8::/32')", "1"), ("isIpv4InSubnet('192.0.2.7', '192.0.2.0/24')", "1"),
    ("isIpv6InSubnet('192.0.2.7', '192.0.2.0/24')", "0"), ("ipv4ToNumber('0.0.1.1')", "257"), ("isPrivateIP('10.1.1.1')", "1"),
    ("isPublicIP('8.8.8.8')", "1"), ("jsonStringify(jsonParse('{\"a\": [1, 2]}'))", '{"a":[1,2]}'), ("jsonParse('nothing')", None),
    ("toupper(jsonParse('{}'))", None), ("now()", "1700003600"), ("toMillis(@timestamp)", "1700000000000"),
    ("fromMillis(0)", "1970-01-01 00:00:00.000"), ("bin(5m)", "2023-11-14 22:10:00.000"), ("bin(300s)", "2023-11-14 22:13:00.000"),
    ("bin(1h)", "2023-11-14 22:00:00.000"), ("bin(2 h)", None), ("bin(1d)", "2023-11-14 00:00:00.000"), ("bin(1w)", "2023-11-13 00:00:00.000"),
    ("bin(1mo)", "2023-11-01 00:00:00.000"), ("bin(1q)", "2023-10-01 00:00:00.000"), ("bin(1yr)", "2023-01-01 00:00:00.000"),
    ("datefloor(@timestamp, 1h)", "2023-11-14 22:00:00.000"), ("dateceil(@timestamp, 1h)", "2023-11-14 23:00:00.000"),
    ("dateceil(@timestamp, 1mo)", "2023-12-01 00:00:00.000"), ("dateceil(fromMillis(0), 1h)", "1970-01-01 00:00:00.000"),
    ("histogram(127, 50)", "100"), ("concat(@timestamp, '')", "2023-11-14 22:13:20.000"),
])  # fmt: skip
def test_functions(expression, found):
    if expression == "bin(2 h)":
        refused(f"fields {expression}")
    else:
        assert value(expression) == found


def test_structures_are_walked_by_dots_brackets_and_backticks():
    message = {"users": [{"name": "ann"}, {"name": "bob", "x.y": 1}], "code": 5}
    found = rows("fields jsonParse(@message) as j | fields j.code, j.users[1].name, j.users[1].`x.y`", message)
    assert found == [{"j": json.dumps(message, separators=(",", ":")), "j.code": "5", "j.users.1.name": "bob", "j.users.1.x.y": "1"}]
    # Within the command that parses they lead nowhere yet.
    assert rows("fields jsonParse(@message) as j, j.code as code | display code", message) == [{}]


def test_unnest_makes_a_row_of_each_item():
    message = {"events": [{"name": "exception"}, {"name": "user action"}]}
    query = "fields jsonParse(@message) as json_message | unnest json_message.events into event | display event.name"
    assert rows(query, message) == [{"event.name": "exception"}, {"event.name": "user action"}]
    assert rows("fields jsonParse(@message) as j | unnest j.n into n | display n", {"n": 7}) == [{"n": "7"}]


# Parse --------------------------------------------------------------------------------------------------------


def test_parse_takes_globs():
    text = 'parse @message "user=*, method:*, latency := *" as @user, @method, @latency | stats avg(@latency) by @method, @user'
    messages = ["user=ann, method:GET, latency := 10", "user=ann, method:GET, latency := 20", "nothing"]
    assert rows(text, *messages) == [{"@method": "GET", "@user": "ann", "avg(@latency)": "15"}, {}]
    assert rows("parse 'a * c' as b | display b", "a x c d") == [{"b": "x"}]


def test_parse_takes_regular_expressions_with_named_groups():
    query = r"parse @message /user=(?<user2>.*?), latency := (?<latency2>\d+)/ | display user2, latency2"
    assert rows(query, "user=ann, latency := 10") == [{"user2": "ann", "latency2": "10"}]
    assert rows(query, "nothing") == [{}]


def test_parse_reads_other_fields_and_what_parse_made():
    assert rows('parse path "/*/*" as kind, id | parse id "*-*" as first, rest | display kind, first', {"path": "/users/a-b"}) == [{"kind": "users", "first": "a"}]


# Stats --------------------------------------------------------------------------------------------------------

CALLS = [{"s": "a", "ms": 10}, {"s": "b", "ms": 20}, {"s": "a", "ms": 30}, {"s": "a"}, {"s": "b", "ms": "40"}, {"ms": "x"}]


@pytest.mark.parametrize("portion", [None, 1, 2])
def test_aggregates(portion):
    query = (
        "stats count(*) as n, count(ms) as c, sum(ms) as s, avg(ms) as a, min(ms) as lo, max(ms) as hi, stddev(ms) as d, pct(ms, 50) as p,"
        " count_distinct(s) as u, earliest(ms) as e, latest(s) as l, sortsFirst(s) as f, sortsLast(ms) as t"
    )
    assert rows(query, *CALLS, portion=portion) == [{
        "n": "6", "c": "5", "s": "100", "a": "25", "lo": "10", "hi": "40", "d": "11.1803", "p": "20", "u": "2", "e": "10", "l": "b",
        "f": "a", "t": "40",
    }]  # fmt: skip


@pytest.mark.parametrize("portion", [None, 1])
def test_groups(portion):
    found = rows("stats count(*) as c, sum(ms) / count(*) as each by s | sort s", *CALLS, portion=portion)
    assert found == [{"s": "a", "c": "3", "each": "13.3333"}, {"s": "b", "c": "2", "each": "30"}, {"c": "1"}]


def test_groups_by_time_are_named_as_they_are_written():
    found = rows("stats count(*) by bin(2m)  as two, s", *CALLS[:3], every_ms=60_000)
    assert [set(row) for row in found] == [{"two", "s", "count(*)"}] * 3
    assert rows("stats count() by bin(1h)", *CALLS) == [{"bin(1h)": "2023-11-14 22:00:00.000", "count()": "6"}]


def test_what_stats_made_can_be_used_in_the_same_and_in_later_commands():
    query = "stats max(ms) as hi, min(ms) as lo, hi - lo as apart by s | filter apart > 15 | fields apart * 2 as twice"
    assert rows(query, *CALLS) == [{"s": "a", "hi": "30", "lo": "10", "apart": "20", "twice": "40"}, {"s": "b", "hi": "40", "lo": "20", "apart": "20", "twice": "40"}]


def test_stats_of_stats():
    found = rows("stats count(*) as c by bin(1m), s | stats max(c) as most, sum(c) as all by bin(1h)", *CALLS)
    assert found == [{"bin(1h)": "2023-11-14 22:00:00.000", "most": "1", "all": "6"}]
    assert "Unknown symbols found in or after stats: ms" in refused("stats count(*) by s | stats sum(ms)")
    assert "Unknown symbols found in or after stats: ms" in refused("stats count(*) by s | filter ms > 1")


def test_no_events_make_no_groups():
    assert rows("filter s = 'no' | stats count(*)", *CALLS) == []


def test_times_come_out_of_aggregates_as_milliseconds():
    assert rows("stats earliest(@timestamp) as e, max(@timestamp) as m", "a", "b") == [{"e": str(FIRST_MS), "m": str(FIRST_MS + 60_000)}]


# Order --------------------------------------------------------------------------------------------------------


def test_natural_order():
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Sort.html
    texts = ["10", "9", "host10", "host9", "host1000", "!x"]
    found = [row["v"] for row in rows("fields v | sort v asc", *({"v": each} for each in texts), {})[:-1]]
    assert found == ["!x", "host9", "host10", "host1000", "9", "10"]
    assert [row.get("v") for row in rows("fields v | sort v desc", *({"v": each} for each in texts), {})] == [*reversed(found), None]


def test_sort_by_several_fields_and_limit():
    found = rows("fields s, ms | sort s desc, ms asc | limit 3", *CALLS[:3])
    assert found == [{"s": "b", "ms": "20"}, {"s": "a", "ms": "10"}, {"s": "a", "ms": "30"}]


def test_a_second_limit_keeps_the_order():
    assert [row["ms"] for row in rows("fields ms | sort ms asc | limit 3 | limit 2", *CALLS[:4])] == ["10", "20"]


def test_a_limit_before_stats_bounds_what_is_counted():
    assert rows("limit 2 | stats count(*) as c", *CALLS) == [{"c": "2"}]


def test_many_rows_are_pruned_to_the_limit_while_they_come():
    many = [str(n) for n in range(30_000)]
    assert rows("fields @message | sort @message desc | limit 2", *many, portion=4_000, every_ms=1) == [{"@message": "29999"}, {"@message": "29998"}]
    assert rows("fields @message | limit 1", *many, portion=4_000, every_ms=1) == [{"@message": "29999"}]


def test_dedup_keeps_the_first_in_order_and_all_that_lack_a_field():
    found = rows("fields s, ms | sort ms desc | dedup s", *CALLS)
    assert found == [{"s": "b", "ms": "40"}, {"s": "a", "ms": "30"}, {"ms": "x"}]
    assert "unexpected symbol found sort" in refused("dedup s | sort ms")
    assert rows("dedup s | limit 1", *CALLS) != []
    # What is defined after a sort is there when it is compared.
    first = [row["s"] for row in rows("fields s, ms | sort ms desc | dedup s", *CALLS) if "s" in row]
    assert [row["n"] for row in rows("sort ms desc | fields s as n | dedup n", *CALLS) if "n" in row] == first
    assert rows("sort 0 desc | fields s as n | dedup s", *CALLS) == rows("sort 0 desc | fields s as n | dedup n", *CALLS)


def test_the_last_display_decides_what_is_shown():
    assert rows("fields s, ms | display ms | display s", CALLS[0]) == [{"s": "a"}]


def test_all_fields_commands_are_shown():
    assert rows("fields s | fields ms * 2 as double, s", CALLS[0]) == [{"s": "a", "double": "20"}]


# Patterns -----------------------------------------------------------------------------------------------------


def test_patterns_have_what_events_share():
    messages = [f"2026-01-01T00:00:{n:02d}Z [INFO] stored item {n} of 10.0.0.{n} in {n}ms" for n in range(8)] + ["[ERROR] user ann is gone", "[ERROR] user bob is gone"]
    found = rows("pattern @message", *messages)
    assert found == [
        {"@pattern": "<Time-1> [INFO] stored item <Number-2> of <IP-3> in <Number-4>", "@sampleCount": "8", "@ratio": "0.8", "@severityLabel": "INFO"},
        {"@pattern": "[ERROR] user <Token-1> is gone", "@sampleCount": "2", "@ratio": "0.2", "@severityLabel": "ERROR"},
    ]


# Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "", "|", "fields", "fields a,", "fields a b", "filter", "filter a =", "filter (a = 1", "filter a like", "filter a in [1", "stats count(*) by",
    "sort a down", "limit x", "limit 0", "limit 1.5", "parse @message '*'", "parse @message '* *' as a", "parse @message /(\\d+)/",
    "parse @message /(?<a>[/", "filter a like /[/", "unnest a", "fields ago(1h)", "fields abs()", "fields substr('a')", "fields bin(5)",
    "fields bin(1parsec)", "stats pct(a)", "stats pct(a, 200)", "fields a as b | fields c as b", "fields 'a", "fields `a", "where",
    "filterIndex a > 1", "join left=a right=b where a.x>b.x (SOURCE 'g')", "join left=a right=a where a.x=a.x (SOURCE 'g')", "lookup t a OUTPUT b",
    "filter a in (SOURCE 'g' | filter b in (SOURCE 'h' | fields b) | fields a)", "filter a in (SOURCE 'g' | fields a, b)", "diff yesterday", "stats count(*) | diff",
    "accum", "autoregress a p=0", "fillmissing", "stats count(*) by a | fillmissing", "outlier", "outlier action=drop a", "logcompare timeshift", "sessionize a maxspan 1mo",
    "pattern @message | diff | anomaly", "pattern @message | stats count(*) by @pattern | anomaly", "stats count(*) as a | relevantfields where a = 1", "relevantfields a",
    "appendcols ()", "json field=a 'b'", "parse @message csv", "stats rate(a, 1mo) by bin(1h)",
    "filter a == 1 ==", "fields a | | fields b", "fields /x/", "fields 5m", "fields a | SOURCE 'x'", "SOURCE logGroups(x: ['a'])",
    "filter " + "(" * 200 + "a" + ")" * 200, "filter " + "not " * 3 + "=",
])  # fmt: skip
def test_malformed_queries_are_refused(text):
    refused(text)


def test_a_refusal_names_the_place():
    assert refused("fields a\n| filter (b, c)") == "unexpected symbol found , at line 2 and position 11"


@pytest.mark.parametrize("text", [
    "parse @message xml as l", "SOURCE dataSource(['x'])", "filterIndex @aws.region = 'us-east-1'",
])  # fmt: skip
def test_what_is_not_built_is_refused_by_name(text):
    refused(text, Unbuilt)


# What is unusual ----------------------------------------------------------------------------------------------


def test_a_pattern_that_comes_late_is_an_anomaly_of_those_that_were_there():
    # That there are five kinds, and that all fields of patterns are preserved: CWL_QuerySyntax-Anomaly. The columns' names are ours.
    usual = [f"[INFO] took {n % 7} ms" for n in range(100)]
    (found,) = rows("pattern @message | anomaly", *usual, "java.lang.Exception: disk is full", *usual[:4])
    assert found["@pattern"] == "java.lang.Exception: disk is full" and found["@sampleCount"] == "1"
    assert found["@anomalyType"] == "new pattern" and found["@anomalyPriority"] == "HIGH" and found["@anomalyCount"] == "1"
    assert found["@anomalyTime"].startswith("2023-11-14 23:")
    assert rows("anomaly", *usual, "java.lang.Exception: disk is full", *usual[:4]) == [found]
    assert rows("filter @message not like /disk/ | pattern @message | anomaly", *usual, "disk is full", *usual[:4]) == []
    assert rows("pattern @message | sort @sampleCount asc | anomaly | display @anomalyType", *usual, "what is that", *usual[:4]) == [{"@anomalyType": "new pattern"}]


@pytest.mark.parametrize(("odd", "kind"), [
    ([f"GET /items 200 {n % 9} ms" for n in range(90)], "frequency"),
    (["GET /items 200 9000 ms"], "number"),
    (["GET /items 500 3 ms"] * 4, "HTTP errors"),
    (["GET /users 200 3 ms"], "token value"),
])  # fmt: skip
def test_each_kind_of_anomaly_is_found(odd, kind):
    # The bursts come within one of the 24 stretches.
    usual = [f"GET /items 200 {n % 9} ms" for n in range(240)]
    made = plan.planned(reader.read("pattern @message | anomaly"), Setting({7: Place("1:g", "s", False)}, NOW_S, FIRST_MS, FIRST_MS + 240_000 - 1))
    events = [[FIRST_MS + n * 1_000, 7, n, FIRST_MS, message, None, None] for n, message in enumerate(usual)]
    running = made.start()
    running.take([*events, *[[FIRST_MS + 200_500, 7, 900 + n, FIRST_MS, message, None, None] for n, message in enumerate(odd)]])
    assert kind in {dict(row)["@anomalyType"] for row in made.answer(running.rows())}
    running = made.start()
    running.take(events)
    assert made.answer(running.rows()) == []


def test_a_token_of_few_values_is_unusual_with_another():
    usual = [f"state of job is <{('up', 'down')[n % 2]}>" for n in range(100)]
    found = rows("pattern @message | anomaly", *usual, "state of job is <gone>", *usual[:4])
    assert [(each["@anomalyType"], each["@anomalyDescription"]) for each in found] == [("token value", "Unexpected value gone of token <Token-1>")]


def test_relevant_fields_are_those_by_which_events_differ():
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-RelevantFields.html
    events = [{"Time": 900 if n % 4 == 0 else 50, "Path": "/slow" if n % 4 == 0 else "/fast", "size": 10 * (n % 4), "user": n % 2, "host": "a"} for n in range(40)]
    found = rows("relevantfields where Time > 400", *events)
    assert [(each["@fieldName"], each["@relevanceScore"]) for each in found[:2]] == [("Path", "1"), ("size", "1")]
    assert found[0]["@topRelevanceContributors"] == "/fast (100% to 0%), /slow (0% to 100%)"
    assert (found[1]["@conditionalMedian"], found[1]["@baselineMedian"]) == ("0", "20")
    assert "Time" not in [each["@fieldName"] for each in found] and found[-1]["@relevanceScore"] == "0"
    listed = rows("relevantfields Path, Time where Time > 400 | limit 1", *events)
    assert [each["@fieldName"] for each in listed] == ["Path"]
    assert rows("relevantfields where Time > 4000", *events) == []


def test_bins_are_named_later_by_an_offset():
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-timeseries-functions.html#CWL_QuerySyntax-timeseries-offset
    found = rows("stats count(*) as n by bin(5m) offset 1h | sort `bin(5m)` asc", *map(str, range(7)))
    assert found == [{"bin(5m)": "2023-11-14 23:10:00.000", "n": "2"}, {"bin(5m)": "2023-11-14 23:15:00.000", "n": "5"}]
    refused("stats count(*) by a offset 1h")
    refused("stats count(*) by bin(1h) offset 1mo")


def test_values_are_each_told_once():
    assert rows("stats values(a) as all", {"a": 10}, {"a": 9}, {"a": "x"}, {"a": 9}, {}) == [{"all": '["x","9","10"]'}]
    assert rows("stats values(b) as all", {"a": 10}) == [{}]


# Times and sources --------------------------------------------------------------------------------------------


def test_diff_counts_patterns_of_both_times():
    found = rows("pattern @message | diff", *[f"took {n} ms" for n in range(4)], "disk is full", earlier=["took 9 ms", "took 8 ms", "hello world"])
    assert found == [
        {"@pattern": "took <Number-1> ms", "@sampleCount": "4", "@diffEventCount": "2", "@diffDescription": "100% more"},
        {"@pattern": "hello world", "@sampleCount": "0", "@diffEventCount": "-1", "@diffDescription": "gone"},
        {"@pattern": "disk is full", "@sampleCount": "1", "@diffEventCount": "1", "@diffDescription": "new"},
    ]


def test_what_stands_before_diff_holds_at_both_times():
    found = rows("filter @message like /disk/ | diff previousDay | fields @pattern", "disk is full", "hello", earlier=["hello", "disk is full"])
    assert found == [{"@pattern": "disk is full", "@sampleCount": "1", "@diffEventCount": "0", "@diffDescription": "unchanged"}]
    assert len(rows("sort @timestamp desc | limit 1 | logcompare timeshift 7d", "a", "b", earlier=["c"])) == 2


def test_another_time_is_as_long_and_a_month_is_one_of_the_calendar():
    (aside,) = plan.planned(reader.read("diff"), Setting({}, NOW_S, 5_000, 8_999)).asides
    assert (aside.back(5_000), aside.back(8_999)) == (1_000, 4_999)
    (aside,) = plan.planned(reader.read("diff previousMonth"), Setting({}, NOW_S)).asides
    march = 1_711_843_200_000  # 2024-03-31
    assert aside.back(march) == 1_709_164_800_000  # 2024-02-29


def test_a_subquery_gives_the_options_of_in():
    messages = [{"id": 1, "bad": 1}, {"id": 1}, {"id": 2}, {"id": "x", "bad": 1}]
    found = rows("filter id in (SOURCE 'h' | filter bad = 1 | stats count(*) as c by id | fields id | display id) | fields id | sort @timestamp asc", *messages)
    assert [row["id"] for row in found] == ["1", "1", "x"]
    assert [row["id"] for row in rows("filter id not in (SOURCE 'h' | filter bad = 1 | fields id) | fields id", *messages)] == ["2"]


def test_a_join_puts_events_of_two_sources_beside_each_other():
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Join.html
    messages = [{"rid": "a", "ms": 5}, {"rid": "b", "ms": 6}, {"call": "a", "code": 500, "in": {"er": 1}}]
    joined = "filter ispresent(ms) | join type={} left=api right=fn where api.rid=fn.call (SOURCE 'f') | fields api.rid, fn.code, fn.in.er, ms | sort ms asc"
    assert rows(joined.format("inner"), *messages) == [{"api.rid": "a", "fn.code": "500", "fn.in.er": "1", "ms": "5"}]
    assert rows(joined.format("left"), *messages)[1] == {"api.rid": "b", "ms": "6"}
    assert rows("join left=l right=r where l.rid=r.rid (SOURCE 'f') | stats count(*) as c by l.rid | sort c", *messages) != []
    one = "filter ispresent(ms) | join type=left left=a right=b where a.rid=b.call (SOURCE 'f') | filter !ispresent(b.code) | fields a.rid"
    assert rows(one, *messages) == [{"a.rid": "b"}]
    refused("join left=l right=r where l.a=r.a (SOURCE 'f') | join left=l right=r where l.a=r.a (SOURCE 'f')")


def test_columns_of_another_query_stand_beside_those_there_are():
    messages = [{"s": "a", "ms": 10}, {"s": "b", "ms": 30}]
    query = "stats count(*) as c by s | sort s | appendcols ( SOURCE 'g' | stats avg(ms) as m, max(s) as s )"
    assert rows(query, *messages) == [{"s": "a", "c": "1", "m": "20"}, {"s": "b", "c": "1"}]
    assert rows(query.replace("appendcols", "appendcols override=true max=1"), *messages)[0] == {"s": "b", "c": "1", "m": "20"}


# Tables of reference ------------------------------------------------------------------------------------------


def test_lookup_adds_what_a_table_knows():
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Lookup.html
    messages = [{"id": 1}, {"id": "2", "name": "own", "city": "own"}, {"id": 3, "name": "own"}]
    found = rows("fields id, name | lookup users id OUTPUT name, city as town | sort id", *messages)
    assert found == [{"id": "1", "name": "Ann", "town": "Oslo"}, {"id": "2", "name": "Bob, Jr", "town": ""}, {"id": "3", "name": "own"}]
    assert rows("lookup users id as key OUTPUT name | filter name = 'Ann' | stats count(*) as c by name", {"key": 1}, {"key": 9}) == [{"name": "Ann", "c": "1"}]
    assert "nowhere does not exist" in refused("lookup nowhere id OUTPUT name")


def test_ranges_of_addresses_are_looked_up_the_narrowest_first():
    messages = [{"ip": "10.1.2.3"}, {"ip": "10.9.0.1", "owner": "own"}, {"ip": "2001:db8::1"}, {"ip": "no"}]
    found = rows("fields ip | cidrlookup nets ip OUTPUT owner | sort @timestamp asc | display owner", *messages)
    assert found == [{"owner": "ops"}, {"owner": "all"}, {"owner": "six"}, {}]
    assert rows("cidrlookup nets ip as range OUTPUTNEW owner | display owner", messages[1]) == [{"owner": "own"}]


# Rows in their order ------------------------------------------------------------------------------------------

STEPS = [{"n": 1, "h": "x"}, {"n": 2}, {"n": 4, "h": "y"}, {"n": 100}]


@pytest.mark.parametrize(("command", "name", "found"), [
    ("accum n as sum", "sum", ["1", "3", "7", "107"]), ("accum n", "n", ["1", "3", "7", "107"]), ("autoregress n", "n_p1", [None, "1", "2", "4"]),
    ("autoregress n as was p=2", "was", [None, None, "1", "2"]), ("autoregress n p=1-3", "n_p3", [None, None, None, "1"]),
    ("filldown h", "h", ["x", "x", "y", "y"]), ("filldown", "h", ["x", "x", "y", "y"]), ("filldown h*", "h", ["x", "x", "y", "y"]),
    ("addtotals n", "Total", ["1", "2", "4", "100"]), ("addtotals fieldname=All", "All", ["1", "2", "4", "100"]), ("addtotals row=false col=true n", "n", ["1", "2", "4", "100", "107"]),
    ("outlier n", "n", ["1", "2", "4", "93.625"]), ("outlier action=remove n", "n", ["1", "2", "4"]), ("outlier mark=true n", "n_outlier", ["0", "0", "0", "1"]),
    ("sessionize h maxspan 3m", "session_id", ["1", None, "2", None]),
])  # fmt: skip
def test_commands_over_rows_in_their_order(command, name, found):
    assert [row.get(name) for row in rows(f"fields n, h | sort @timestamp asc | {command}", *STEPS)] == found


def test_a_session_ends_when_nothing_came_for_so_long():
    events = [{"u": "a"}, {"u": "a"}, {"u": "b"}, {}, {"u": "a"}]
    found = rows("fields u | sort @timestamp asc | sessionize u maxspan 2m as s", *events)
    assert [row.get("s") for row in found] == ["1", "1", "2", None, "3"]


def test_bins_without_events_are_filled():
    query = "filter n != 2 and n != 4 | stats sum(n) as s by bin(1m) as m | fillmissing with 0 for s"
    assert [row["s"] for row in rows(query, *STEPS)] == ["1", "0", "0", "100"]
    of_two = "stats count(*) as c by bin(2m) as m, h | fillmissing with 0 for c | sort h, m"
    assert [(row.get("h"), row["c"]) for row in rows(of_two, *STEPS)] == [("x", "1"), ("x", "0"), ("x", "0"), ("y", "0"), ("y", "1"), ("y", "0"), (None, "0"), (None, "1"), (None, "1")]


def test_the_most_frequent_comes_first():
    assert rows("countFrequent s", *CALLS)[0] == {"s": "a", "_approxcount": "3"}


# More of parse ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "message", "found"), [
    ("parse @message logfmt as l | display l.level, l.msg", 'ts=1 level=error msg="a \\"b\\" c" dur=5', [{"l.level": "error", "l.msg": 'a "b" c'}]),
    ("parse @message csv as a, b, c | display a, b, c", 'x, "y, z"', [{"a": "x", "b": "y, z"}]),
    (r"parse @message /(\d+\.\d+)/ as v multi | display v", "1.5 and 2.5", [{"v": "1.5"}, {"v": "2.5"}]),
    (r"parse @message /(?<v>\d+)/ multi | display v", "none", [{}]),
    (r"parse @message /(?<p>\{.*\})/ as body | json field=body 'user.name' as who | display who", 'x {"user": {"name": "ann"}}', [{"who": "ann"}]),
    ("expand items | display items, host", '{"items": ["a", "b"], "host": "h"}', [{"items": "a", "host": "h"}, {"items": "b", "host": "h"}]),
])  # fmt: skip
def test_more_of_parse(query, message, found):
    assert rows(query, message) == found


@pytest.mark.parametrize(("expression", "found"), [
    ("round(1.005 * 100, 1)", "100.5"), ("haversine(52.52, 13.405, 48.8566, 2.3522)", "877.4645"), ("isNumeric('1e3')", "1"), ("isNumeric('x')", "0"),
    ("messageSize('日本')", "6"), ("jsonArraySize('[1,2]')", "2"), ("jsonArraySize('x')", None), ("jsonArrayContains('[\"a\"]', 'a')", "1"),
    ("jsonArrayContains('x', 'a')", "0"), ("hexToAscii('48656c6c6f')", "Hello"), ("hexToDec('0xff')", "255"), ("decToHex(255)", "0xff"), ("decToHex(-255)", "-0xff"),
    ("regexReplace('a1', '[0-9]', 'x')", "ax"), ("parseDate('2026-01-02', 'yyyy-MM-dd', 'UTC')", "1767312000000"),
    ("parseDate('02/01/2026 10:00', 'dd/MM/yyyy HH:mm', 'Europe/Berlin')", "1767344400000"), ("parseDate('x', 'yyyy')", None),
    ("formatDate(@timestamp, '%Y-%m-%d %H', 'Asia/Tokyo')", "2023-11-15 07"), ("strftime(0, '%Y')", "1970"),
    ("queryStartTime()", "1700000000000"), ("queryTimeRange()", "60000"), ("queryEndTime() - queryStartTime()", "60000"),
])  # fmt: skip
def test_more_functions(expression, found):
    assert value(expression) == found


def test_rates_are_changes_in_a_period():
    assert rows("stats rate(n, 1m) as r", *STEPS) == [{"r": "33"}]
    assert rows("stats rate(n, 1m) as r, countOverTime(*) as c, sumOverTime(n) as s", STEPS[0]) == [{"r": "0", "c": "1", "s": "1"}]


def test_where_is_filter():
    assert rows("fields n | where n = 2", *STEPS) == [{"n": "2"}]


def test_an_index_has_what_came_in_while_it_was_in_force():
    def found(since_ms, until_ms):
        places = {1: Place("0:g", "s", False, (("a", since_ms, until_ms),)), 2: Place("0:h", "t", False)}
        made = plan.planned(reader.read("filterIndex a = 1 | fields a"), Setting(places, NOW_S))
        running = made.start()
        running.take([[5, 1, 0, 100, '{"a": 1}', None, None], [5, 2, 1, 100, '{"a": 1}', None, None], [5, 1, 2, 100, '{"a": 2}', None, None]])
        return made.indexed, len(running.rows())

    assert found(100, 200) == (["a"], 1)
    assert found(101, 200)[1] == found(0, 100)[1] == 0
