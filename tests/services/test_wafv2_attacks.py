"""SQL injection and scripts: what AWS WAF's statements find of them, before a stage of a REST API and at an edge.

What AWS finds is not published, so the numbers here are what this model finds of its own lists; ``bench/attacks.py`` prints them.
"""

from __future__ import annotations

import json
import sys
import urllib.parse

import pytest
from attack_workshop import HARMLESS, INJECTIONS, SCRIPTS, TRAPS
from edge_workshop import Edge
from firewall_workshop import NONE, Shop, Wall, guarded, rule

from kumoniwa.gate.address import GLOBAL
from kumoniwa.languages.firewall import cross_site_script, sql_injection

DECODED = [{"Priority": 0, "Type": "URL_DECODE"}]
ARGUMENTS, BODY = {"AllQueryArguments": {}}, {"Body": {"OversizeHandling": "CONTINUE"}}
KB_64 = {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_64"}}}


def sql(field: dict = ARGUMENTS, *, transforms: list = DECODED, **more) -> dict:
    return {"SqliMatchStatement": {"FieldToMatch": field, "TextTransformations": transforms, **more}}


def script(field: dict = ARGUMENTS, *, transforms: list = DECODED) -> dict:
    return {"XssMatchStatement": {"FieldToMatch": field, "TextTransformations": transforms}}


def blocked(shop: Shop, texts: list[str]) -> int:
    return sum(shop.status(f"/?q={urllib.parse.quote(text, safe='')}") == 403 for text in texts)


@pytest.mark.parametrize(("statement", "attacks", "least", "harmless"), [
    (sql(), INJECTIONS, 70, 0), (sql(SensitivityLevel="HIGH"), INJECTIONS, 70, 5), (script(), SCRIPTS, 53, 0),
], ids=["LOW", "HIGH", "scripts"])  # fmt: skip
def test_attacks_are_found_and_people_are_let_pass(cloud, statement, attacks, least, harmless):
    shop, _ = guarded(cloud, rule("attack", statement))
    assert (blocked(shop, attacks), blocked(shop, HARMLESS)) == (least, harmless)


def test_an_attack_is_found_where_the_rule_looks_and_as_it_unwraps_it(cloud):
    shop, wall = guarded(cloud, rule("sql", sql(BODY, transforms=NONE)), rule("xss", script({"UriPath": {}}), priority=1))
    assert shop.status("/", "POST", body=b"' or 1=1--") == 403 and shop.status("/?q=' or 1=1--".replace(" ", "%20")) == 200
    assert shop.status("/%3Cscript%3E") == 403
    json_body = {"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "VALUE", "InvalidFallbackBehavior": "EVALUATE_AS_STRING"}}
    wall.update(rule("json", sql(json_body, transforms=NONE)))
    assert shop.status("/", "POST", body=json.dumps({"a": [{"id": "1 or 1=1"}]}).encode()) == 403
    assert shop.status("/", "POST", body=json.dumps({"a": [{"id": "O'Reilly"}]}).encode()) == 200


@pytest.mark.parametrize(("handling", "status"), [("MATCH", 403), ("NO_MATCH", 200), ("CONTINUE", 200)])
def test_an_attack_behind_what_is_looked_at_of_a_body_is_treated_as_the_rule_says(cloud, handling, status):
    field = {"Body": {"OversizeHandling": handling}}
    shop, wall = guarded(cloud, rule("xss", script(field, transforms=NONE)))
    assert shop.status("/", "POST", body=b"x" * 16_384 + b"<script>") == status
    wall.update(rule("sql", sql(field, transforms=NONE)))
    assert shop.status("/", "POST", body=b"x" * 16_384 + b"' or 1=1--") == status


def test_without_attacks_a_rule_that_wants_none_matches(cloud):
    shop, _ = guarded(cloud, rule("clean", {"NotStatement": {"Statement": sql()}}))
    assert (shop.status("/?q=1"), shop.status("/?q=1%20or%201=1")) == (403, 200)


def test_an_attack_ends_at_the_edge(cloud):
    cloud.region(GLOBAL)
    edge = Edge(cloud)
    edge.put("index.html", "hello")
    either = {"OrStatement": {"Statements": [sql(SensitivityLevel="HIGH"), script()]}}
    site = edge.site(WebACLId=Wall(cloud, rule("attack", either), scope="CLOUDFRONT").arn)
    assert site.get("/?name=O%27Reilly").status == 200
    assert all(b"Request blocked" in site.get(f"/?q={attack}").body for attack in ("%27%20or%201=1--", "%3Cimg%20src=x%20onerror=alert(1)%3E"))


def test_attacks_are_found_after_a_kill(cloud):
    shop, _ = guarded(cloud, rule("sql", sql()))
    cloud.restart(kill=True)
    assert (shop.status("/?q=%27%20or%201=1--"), shop.status("/?q=1")) == (403, 200)


@pytest.mark.parametrize(("statement", "units"), [
    (sql(transforms=NONE), 30), (sql(BODY, transforms=NONE), 20), (sql(BODY, SensitivityLevel="HIGH"), 40), (script(BODY), 50),
    (script({"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "ALL"}}, transforms=NONE), 80),
])  # fmt: skip
def test_looking_for_attacks_costs_what_aws_documents(cloud, statement, units):
    """https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-sqli-match.html and …-xss-match.html"""
    assert cloud.client("wafv2").check_capacity(Scope="REGIONAL", Rules=[rule("r", statement)])["Capacity"] == units


def test_a_log_tells_what_gave_an_attack_away(cloud):
    """AWS's logs name for ``1' OR '1'='1`` the tokens 1, OR, 1, =, 1, where they were found and in which argument:
    https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"""
    shop, wall = guarded(cloud, rule("sql", sql()), rule("xss", script({"SingleHeader": {"Name": "x-a"}}), {"Count": {}}, priority=1))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-a")
    destination = "arn:aws:logs:us-east-1:000000000000:log-group:aws-waf-logs-a"
    settings = {"ResourceArn": wall.arn, "LogDestinationConfigs": [destination]}
    wall.client.put_logging_configuration(LoggingConfiguration=settings)
    shop.status("/?a=1&id=1%27%20OR%20%271%27=%271")
    shop.status("/", X_A="<frameset>")
    wall.client.put_logging_configuration(LoggingConfiguration={**settings, "RedactedFields": [{"SingleHeader": {"Name": "X-A"}}]})
    shop.status("/", X_A="<frameset>")
    cloud.sleep(2)
    found = cloud.client("logs").filter_log_events(logGroupName="aws-waf-logs-a")["events"]
    first, second, third = (json.loads(each["message"]) for each in found)
    assert first["terminatingRuleMatchDetails"] == [
        {"conditionType": "SQL_INJECTION", "sensitivityLevel": "LOW", "location": "ALL_QUERY_ARGS", "matchedData": ["1", "OR", "1", "=", "1"], "matchedFieldName": "id"}
    ]
    (seen,) = second["nonTerminatingMatchingRules"]
    assert seen["ruleMatchDetails"] == [{"conditionType": "XSS", "location": "HEADER", "matchedData": ["<", "frameset"], "matchedFieldName": "x-a"}]
    (hidden,) = third["nonTerminatingMatchingRules"]
    assert hidden["ruleMatchDetails"][0]["matchedData"] == ["REDACTED"] and "frameset" not in json.dumps(third)


def test_a_log_tells_which_parts_were_larger_than_what_is_looked_at(cloud):
    """https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html: oversizeFields, of parts that rules look at"""
    headers = {"Headers": {"MatchPattern": {"All": {}}, "MatchScope": "VALUE", "OversizeHandling": "CONTINUE"}}
    cookies = {"Cookies": {"MatchPattern": {"All": {}}, "MatchScope": "VALUE", "OversizeHandling": "NO_MATCH"}}
    json_body = {"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "VALUE", "OversizeHandling": "CONTINUE"}}
    fields = [BODY, headers, cookies, json_body]
    shop, wall = guarded(cloud, *(rule(f"r{at}", sql(field, transforms=NONE), priority=at) for at, field in enumerate(fields)))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-a")
    destination = "arn:aws:logs:us-east-1:000000000000:log-group:aws-waf-logs-a"
    wall.client.put_logging_configuration(LoggingConfiguration={"ResourceArn": wall.arn, "LogDestinationConfigs": [destination]})
    shop.status("/", "POST", body=b"x" * 16_385, Cookie="a=" + "b" * 8_192)
    shop.status("/", "POST", body=b"x" * 16_384)
    cloud.sleep(2)
    large, small = (json.loads(each["message"]) for each in cloud.client("logs").filter_log_events(logGroupName="aws-waf-logs-a")["events"])
    assert large["oversizeFields"] == ["REQUEST_BODY", "REQUEST_HEADERS", "REQUEST_COOKIES", "REQUEST_JSON_BODY"] and "oversizeFields" not in small


# Traps ------------------------------------------------------------------------------------------------------------


def work(look, body: bytes) -> int:
    """How many calls it takes to look at a text, those of built-in functions among them."""
    calls = 0

    def count(frame, event, argument) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        look(body)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("trap", range(len(TRAPS)))
def test_no_body_takes_more_work_than_its_first_pieces(trap):
    body = TRAPS[trap]
    for look in (sql_injection.found, cross_site_script.found):
        assert work(look, body) <= work(look, body[:16_384]) * 2 + 20_000
        assert work(look, body) < 60_000


def test_whatever_is_sent_is_answered(cloud):
    shop, _ = guarded(
        cloud, rule("sql", sql(BODY, SensitivityLevel="HIGH")), rule("xss", script(BODY), priority=1), AssociationConfig=KB_64
    )  # fmt: skip
    assert {shop.status("/", "POST", body=body) for body in TRAPS} <= {200, 403}
