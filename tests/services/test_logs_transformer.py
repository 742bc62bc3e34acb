"""Log transformers: events are also kept as the JSON that processors make of them.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation-Processors.html"""

from __future__ import annotations

import json

import pytest
from refusals import refused_code

APACHE = '127.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326'
LIST = {"outer": [{"k": "a", "v": "va"}, {"k": "b", "v": "b1"}, {"k": "b", "v": "b2"}]}


def made(cloud, message, *config):
    """What TestTransformer makes of a message, None if nothing."""
    text = message if isinstance(message, str) else json.dumps(message)
    (found,) = cloud.client("logs").test_transformer(transformerConfig=list(config), logEventMessages=[text])["transformedLogs"]
    assert (found["eventNumber"], found["eventMessage"]) == (1, text)
    return json.loads(found["transformedEventMessage"]) if "transformedEventMessage" in found else None


def parsed(cloud, message, *config):
    return made(cloud, message, {"parseJSON": {}}, *config)


def not_tested(cloud, *config) -> str:
    return refused_code(cloud.client("logs").test_transformer, transformerConfig=list(config), logEventMessages=["{}"])


@pytest.mark.parametrize(("message", "processor", "expected"), [
    ({"a": {"b": 1}}, {"parseJSON": {"destination": "x"}}, {"x": {"a": {"b": 1}}}),
    ("no json", {"parseJSON": {}}, None),
    ("[1]", {"parseJSON": {}}, None),
    ("key1=v1&key2=v2&odd", {"parseKeyValue": {}}, {"key1": "v1", "key2": "v2"}),
    ("a:1,b", {"parseKeyValue": {"fieldDelimiter": ",", "keyValueDelimiter": ":", "keyPrefix": "p_", "nonMatchValue": "-", "destination": "d"}}, {"d": {"p_a": "1", "p_b": "-"}}),
    ("'Jane, Doe':25:NY", {"csv": {"delimiter": ":", "quoteCharacter": "'", "columns": ["name", "age"]}}, {"name": "Jane, Doe", "age": "25", "column_3": "NY"}),
    ("a,b", {"csv": {}}, {"column_1": "a", "column_2": "b"}),
    (APACHE, {"grok": {"match": "%{APACHE_ACCESS_LOG}"}}, {"clientip": "127.0.0.1", "ident": "-", "auth": "bob", "timestamp": "10/Oct/2000:13:55:36 -0700", "verb": "GET",
                                                            "request": "/a.gif", "httpversion": "1.0", "response": "200", "bytes": "2326"}),
    ("v1 took 34.5 (ms)", {"grok": {"match": "%{NOTSPACE:version} took %{NUMBER:time.ms:FLOAT} \\(%{WORD}\\)"}}, {"version": "v1", "time": {"ms": 34.5}}),
    ("nothing", {"grok": {"match": "%{INT:n}"}}, None),
    ("2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK", {"parseVPC": {}},
     {"version": 2, "accountId": "123456789010", "interfaceId": "eni-1", "srcAddr": "172.31.16.139", "dstAddr": "172.31.16.21", "srcPort": 20641, "dstPort": 22,
      "protocol": 6, "packets": 20, "bytes": 4249, "start": 1418530010, "end": 1418530070, "action": "ACCEPT", "logStatus": "OK"}),
    ('2019-03-10 03:54:59 UTC:10.0.0.123(52834):postgres@logtestdb:[20175]:ERROR: column "x"', {"parsePostgres": {}},
     {"logTime": "2019-03-10 03:54:59 UTC", "srcIp": "10.0.0.123", "userName": "postgres", "dbName": "logtestdb", "processId": "20175", "logLevel": "ERROR"}),
    ("1.0 2017-12-13T08:15:50.235Z Z123412341234 example.com AAAA NOERROR TCP IAD12 192.0.2.0 198.51.100.0/24", {"parseRoute53": {}},
     {"version": 1.0, "queryTimestamp": "2017-12-13T08:15:50.235Z", "hostZoneId": "Z123412341234", "queryName": "example.com", "queryType": "AAAA", "responseCode": "NOERROR",
      "protocol": "TCP", "edgeLocation": "IAD12", "resolverIp": "192.0.2.0", "ednsClientSubnet": "198.51.100.0/24"}),
    ({"httpRequest": {"headers": [{"name": "Host", "value": "h"}]}, "labels": [{"name": "ns:x"}]}, {"parseWAF": {}}, {"httpRequest": {"headers": {"Host": "h"}}, "labels": {"x": "ns:x"}}),
])  # fmt: skip
def test_parsers_make_json_of_events(cloud, message, processor, expected):
    assert made(cloud, message, processor) == expected


@pytest.mark.parametrize(("message", "processor", "expected"), [
    ({"o": {"i": 1}}, {"addKeys": {"entries": [{"key": "o.n", "value": "v"}, {"key": "o.i", "value": "x"}]}}, {"o": {"i": 1, "n": "v"}}),
    ({"o": {"i": 1}}, {"addKeys": {"entries": [{"key": "o.i", "value": "x", "overwriteIfExists": True}]}}, {"o": {"i": "x"}}),
    ({"o": {"i": 1}}, {"deleteKeys": {"withKeys": ["o.i", "no.such"]}}, {"o": {}}),
    ({"a": {"i": 1}, "b": {"j": 2}}, {"moveKeys": {"entries": [{"source": "a.i", "target": "b"}]}}, {"a": {}, "b": {"j": 2, "i": 1}}),
    ({"a": 1, "b": 2}, {"renameKeys": {"entries": [{"key": "a", "renameTo": "c"}, {"key": "c", "renameTo": "b"}]}}, {"b": 2, "c": 1}),
    ({"a": {"x": 1}}, {"copyValue": {"entries": [{"source": "a.x", "target": "y.z"}, {"source": "@regionName", "target": "r"}]}}, {"a": {"x": 1}, "y": {"z": 1}, "r": "us-east-1"}),
    (LIST, {"listToMap": {"source": "outer", "key": "k", "valueKey": "v", "flatten": True, "flattenedElement": "first"}}, LIST | {"a": "va", "b": "b1"}),
    (LIST, {"listToMap": {"source": "outer", "key": "k", "valueKey": "v", "target": "t"}}, LIST | {"t": {"a": ["va"], "b": ["b1", "b2"]}}),
    ({"a": "x,y"}, {"splitString": {"entries": [{"source": "a", "delimiter": ","}]}}, {"a": ["x", "y"]}),
    ({"a": "[10]-[20]"}, {"substituteString": {"entries": [{"source": "a", "from": "\\[(\\d+)\\]", "to": "<$1>"}]}}, {"a": "<10>-<20>"}),
    ({"a": "Ab ", "b": 1}, {"upperCaseString": {"withKeys": ["a", "b"]}}, {"a": "AB ", "b": 1}),
    ({"a": "Ab"}, {"lowerCaseString": {"withKeys": ["a"]}}, {"a": "ab"}),
    ({"a": " b "}, {"trimString": {"withKeys": ["a"]}}, {"a": "b"}),
    ({"n": "value", "s": "200", "b": "true", "d": 1}, {"typeConverter": {"entries": [{"key": "s", "type": "integer"}, {"key": "b", "type": "boolean"}, {"key": "d", "type": "string"}]}},
     {"n": "value", "s": 200, "b": True, "d": "1"}),
    ({"s": "many"}, {"typeConverter": {"entries": [{"key": "s", "type": "integer"}]}}, None),
    ({"t": "05.12.1998 11:00:00"}, {"dateTimeConverter": {"source": "t", "target": "u", "matchPatterns": ["yyyy", "dd.MM.yyyy HH:mm:ss"], "sourceTimezone": "Europe/Berlin"}},
     {"t": "05.12.1998 11:00:00", "u": "1998-12-05T10:00:00.000Z"}),
])  # fmt: skip
def test_processors_change_what_is_there(cloud, message, processor, expected):
    assert parsed(cloud, message, processor) == expected


def test_what_is_no_transformer_is_refused(cloud):
    assert not_tested(cloud, {"addKeys": {"entries": [{"key": "a", "value": "b"}]}}) == "InvalidParameterException"
    assert not_tested(cloud, {"parseJSON": {}}, {"parseVPC": {}}) == "InvalidParameterException"
    assert not_tested(cloud, {"parseJSON": {}, "csv": {}}) == "InvalidParameterException"
    assert not_tested(cloud, {"grok": {"match": "%{NOSUCH:a}"}}) == "InvalidParameterException"
    assert not_tested(cloud, {"parseJSON": {}}, {"substituteString": {"entries": [{"source": "a", "from": "(", "to": "b"}]}}) == "InvalidParameterException"
    assert not_tested(cloud, {"parseToOCSF": {"eventSource": "CloudTrail", "ocsfVersion": "V1.1"}}) == "NotImplemented"


def test_no_expression_makes_an_event_wait(cloud):
    bomb = {"substituteString": {"entries": [{"source": "a", "from": "(a+)+$", "to": "b"}]}}
    assert parsed(cloud, {"a": "a" * 200 + "!"}, bomb) is None
    assert made(cloud, "a" * 4000, {"grok": {"match": "(?:a|aa)+%{INT:n}"}}) is None


def transforming(cloud, *config):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    logs.put_transformer(logGroupIdentifier="g", transformerConfig=list(config))
    return logs


def put(cloud, logs, *messages):
    now = int(cloud.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now + n, "message": each} for n, each in enumerate(messages)])


def asked(cloud, logs, text):
    number = logs.start_query(logGroupName="g", startTime=0, endTime=int(cloud.now()) + 5, queryString=text)["queryId"]
    for _ in range(200):
        found = logs.get_query_results(queryId=number)
        if found["status"] not in ("Scheduled", "Running"):
            return [{each["field"]: each["value"] for each in row if each["field"] != "@ptr"} for row in found["results"]]
        cloud.sleep(0.05)
    raise AssertionError("the query does not end")


def test_queries_find_the_fields_of_what_was_transformed(cloud):
    logs = transforming(cloud, {"parseKeyValue": {"fieldDelimiter": " "}}, {"typeConverter": {"entries": [{"key": "ms", "type": "integer"}]}})
    put(cloud, logs, "path=/a ms=5", "path=/b ms=7")
    assert asked(cloud, logs, "filter path = '/a' | fields @message, ms") == [{"@message": "path=/a ms=5", "ms": "5"}]
    assert asked(cloud, logs, "filter @message like 'path=/b' | fields ms") == [{"ms": "7"}]
    assert asked(cloud, logs, "stats sum(ms) as s") == [{"s": "12"}]
    assert {"name": "path", "percent": 100} in logs.get_log_group_fields(logGroupName="g")["logGroupFields"]
    # Who reads events gets what came in.
    assert [each["message"] for each in logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)["events"]] == ["path=/a ms=5", "path=/b ms=7"]
    logs.delete_transformer(logGroupIdentifier="g")
    put(cloud, logs, "path=/c ms=9")
    assert asked(cloud, logs, "filter ispresent(path) | stats count(*) as n") == [{"n": "2"}]
    cloud.restart(kill=True)
    assert asked(cloud, logs, "stats sum(ms) as s") == [{"s": "12"}]


def test_filters_see_transformed_events_if_they_ask_for_it(cloud):
    logs = transforming(cloud, {"parseKeyValue": {"fieldDelimiter": " "}})
    for name, applies in (("seen", True), ("raw", False)):
        transformation = {"metricName": name, "metricNamespace": "N", "metricValue": "$.ms"}
        logs.put_metric_filter(logGroupName="g", filterName=name, filterPattern="{ $.ms = * }", metricTransformations=[transformation], applyOnTransformedLogs=applies)
    put(cloud, logs, "path=/a ms=5")
    cloud.sleep(60)
    metrics = {each["MetricName"] for each in cloud.client("cloudwatch").list_metrics(Namespace="N")["Metrics"]}
    assert metrics == {"seen"}
    assert [each["applyOnTransformedLogs"] for each in logs.describe_metric_filters(logGroupName="g")["metricFilters"]] == [False, True]


def test_a_transformer_is_told_changed_and_deleted(cloud):
    logs = transforming(cloud, {"parseJSON": {}})
    first = logs.get_transformer(logGroupIdentifier="g")
    assert first["transformerConfig"] == [{"parseJSON": {}}] and first["logGroupIdentifier"].endswith(":log-group:g")
    cloud.sleep(5)
    logs.put_transformer(logGroupIdentifier=first["logGroupIdentifier"], transformerConfig=[{"csv": {}}])
    second = logs.get_transformer(logGroupIdentifier="g")
    assert second["creationTime"] == first["creationTime"] < second["lastModifiedTime"] and second["transformerConfig"] == [{"csv": {}}]
    logs.delete_transformer(logGroupIdentifier="g")
    for act in (logs.get_transformer, logs.delete_transformer):
        with pytest.raises(logs.exceptions.ResourceNotFoundException):
            act(logGroupIdentifier="g")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.put_transformer(logGroupIdentifier="no", transformerConfig=[{"csv": {}}])
