"""What web ACLs let pass and what they block, before a stage of a REST API."""

from __future__ import annotations

import base64
import json

import pytest
from firewall_workshop import NONE, Shop, Wall, contains, guarded, rule, said, visible

HEADER = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "NO_MATCH"}


def regex(pattern: str, field: dict) -> dict:
    return {"RegexMatchStatement": {"RegexString": pattern, "FieldToMatch": field, "TextTransformations": NONE}}


# Actions --------------------------------------------------------------------------------------------------------


def test_what_a_rule_blocks_is_forbidden_and_everybody_else_passes(cloud):
    shop, _ = guarded(cloud, rule("admin", contains("/admin")))
    status, headers, body = shop.ask("/admin/users")
    assert (status, said(body), headers["x-amzn-ErrorType"]) == (403, {"message": "Forbidden"}, "ForbiddenException")
    assert shop.ask("/catalogue")[0] == 200


def test_without_its_web_acl_a_stage_is_open_again_and_a_change_acts_at_once(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    assert shop.status("/admin") == 403
    wall.update(rule("other", contains("/other")))
    assert (shop.status("/admin"), shop.status("/other")) == (200, 403)
    wall.client.disassociate_web_acl(ResourceArn=shop.arn)
    assert shop.status("/other") == 200


def test_the_default_action_takes_what_no_rule_ends(cloud):
    shop, _ = guarded(cloud, rule("shop", contains("/shop"), {"Allow": {}}), DefaultAction={"Block": {}})
    assert (shop.status("/shop"), shop.status("/")) == (200, 403)


def test_the_rule_with_the_lowest_priority_ends_the_matter(cloud):
    shop, _ = guarded(
        cloud, rule("last", contains("/a"), priority=9), rule("first", contains("/a/open"), {"Allow": {}}, priority=3)
    )  # fmt: skip
    assert (shop.status("/a/open"), shop.status("/a/shut")) == (200, 403)


def test_an_owner_words_his_refusals_himself(cloud):
    bodies = {"sorry": {"ContentType": "APPLICATION_JSON", "Content": '{"sorry": true}'}}
    headers = [{"Name": "retry-after", "Value": "60"}]
    response = {"ResponseCode": 429, "CustomResponseBodyKey": "sorry", "ResponseHeaders": headers}
    shop, _ = guarded(cloud, rule("busy", contains("/busy"), {"Block": {"CustomResponse": response}}), CustomResponseBodies=bodies)
    status, headers, body = shop.ask("/busy")
    assert (status, said(body), headers["retry-after"], headers["Content-Type"]) == (429, {"sorry": True}, "60", "application/json")


def test_a_gateway_response_of_the_api_words_what_waf_filters(cloud):
    shop, _ = guarded(cloud, rule("admin", contains("/admin")))
    shop.client.put_gateway_response(
        restApiId=shop.api, responseType="WAF_FILTERED", statusCode="404", responseTemplates={"application/json": '{"message": "nobody"}'}
    )
    shop.client.create_deployment(restApiId=shop.api, stageName="prod")
    status, _, body = shop.ask("/admin")
    assert (status, said(body)) == (404, {"message": "nobody"})


def test_a_counting_rule_lets_pass_and_inserts_its_headers(cloud):
    insert = {"Count": {"CustomRequestHandling": {"InsertHeaders": [{"Name": "seen", "Value": "yes"}]}}}
    shop = Shop(cloud)
    client = shop.client
    client.put_integration(
        restApiId=shop.api, resourceId=client.get_resources(restApiId=shop.api)["items"][0]["id"], httpMethod="ANY", type="MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
    )  # fmt: skip
    for place in client.get_resources(restApiId=shop.api)["items"]:
        client.put_integration_response(
            restApiId=shop.api, resourceId=place["id"], httpMethod="ANY", statusCode="200",
            responseTemplates={"application/json": '{"told": "$input.params(\'x-amzn-waf-seen\')"}'},
        )  # fmt: skip
    client.create_deployment(restApiId=shop.api, stageName="prod")
    shop.guard(Wall(cloud, rule("seen", contains("/"), insert)))
    status, _, body = shop.ask("/x")
    assert (status, said(body)) == (200, {"told": "yes"})


@pytest.mark.parametrize("action", ["Captcha", "Challenge"])
def test_puzzles_for_people_are_refused_by_name(cloud, action):
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as refused:
        Wall(cloud, rule("puzzle", contains("/"), {action: {}}))
    assert refused.value.response["Error"]["Code"] == "NotImplemented" and action in str(refused.value)


# Parts of requests ------------------------------------------------------------------------------------------------


PARTS = [
    ({"SingleHeader": {"Name": "User-Agent"}}, {"User_Agent": "xx-evil-xx"}),
    ({"SingleQueryArgument": {"Name": "Color"}}, "/?a=1&color=evil"),
    ({"AllQueryArguments": {}}, "/?a=1&b=evil"),
    ({"UriPath": {}}, "/an/evil/path"),
    ({"QueryString": {}}, "/?evil"),
    ({"Body": {"OversizeHandling": "CONTINUE"}}, b"something evil"),
    ({"Headers": {"MatchPattern": {"All": {}}, "MatchScope": "KEY", "OversizeHandling": "CONTINUE"}}, {"X_Evil": "1"}),
    ({"Headers": {"MatchPattern": {"IncludedHeaders": ["X-A"]}, "MatchScope": "ALL", "OversizeHandling": "CONTINUE"}}, {"X_A": "evil"}),
    ({"Cookies": {"MatchPattern": {"ExcludedCookies": ["ok"]}, "MatchScope": "VALUE", "OversizeHandling": "CONTINUE"}}, {"Cookie": "ok=1; a=evil"}),
    ({"HeaderOrder": {"OversizeHandling": "CONTINUE"}}, {"X_Evil": "1"}),
    ({"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "VALUE"}}, b'{"a": [1, {"b": "evil"}]}'),
    ({"JsonBody": {"MatchPattern": {"IncludedPaths": ["/a/1/b"]}, "MatchScope": "ALL"}}, b'{"a": [1, {"b": "evil"}]}'),
    ({"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "KEY"}}, b'{"evil": 1}'),
]


@pytest.mark.parametrize(("field", "sent"), PARTS, ids=lambda value: next(iter(value)) if isinstance(value, dict) else None)
def test_a_rule_looks_at_the_part_of_the_request_that_it_names(cloud, field, sent):
    shop, _ = guarded(cloud, rule("evil", contains("evil", field)))
    path, body, headers = (sent if isinstance(sent, str) else "/"), (sent if isinstance(sent, bytes) else b""), (sent if isinstance(sent, dict) else {})
    method = "POST" if body else "GET"
    assert shop.status(path, method, body=body, **headers) == 403
    good = body.replace(b"evil", b"good")
    assert shop.status(path.replace("evil", "good"), method, body=good, **{k.replace("Evil", "Good"): v.replace("evil", "good") for k, v in headers.items()}) == 200


def test_a_rule_on_the_method_and_on_excluded_headers(cloud):
    headers = {"Headers": {"MatchPattern": {"ExcludedHeaders": ["x-free"]}, "MatchScope": "VALUE", "OversizeHandling": "CONTINUE"}}
    shop, _ = guarded(cloud, rule("put", contains("PUT", {"Method": {}}, how="EXACTLY")), rule("evil", contains("evil", headers), priority=1))
    assert (shop.status("/", "PUT"), shop.status("/", "GET")) == (403, 200)
    assert (shop.status("/", X_Free="evil"), shop.status("/", X_Bound="evil")) == (200, 403)


@pytest.mark.parametrize(("handling", "status"), [("MATCH", 403), ("NO_MATCH", 200), ("CONTINUE", 200)])
def test_a_body_that_is_too_large_is_treated_as_the_rule_says(cloud, handling, status):
    shop, _ = guarded(cloud, rule("evil", contains("evil", {"Body": {"OversizeHandling": handling}})))
    assert shop.status("/", "POST", body=b"x" * 16_384 + b"evil") == status
    assert shop.status("/", "POST", body=b"evil" + b"x" * 9_000) == 403


def test_a_web_acl_may_look_at_more_of_a_body(cloud):
    limits = {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_32"}}}
    shop, _ = guarded(cloud, rule("evil", contains("evil", {"Body": {}})), AssociationConfig=limits)
    assert shop.status("/", "POST", body=b"x" * 20_000 + b"evil") == 403


@pytest.mark.parametrize(("fallback", "status"), [("MATCH", 403), ("NO_MATCH", 200), ("EVALUATE_AS_STRING", 403), (None, 200)])
def test_json_that_is_none_is_treated_as_the_rule_says(cloud, fallback, status):
    field = {"MatchPattern": {"All": {}}, "MatchScope": "VALUE"} | ({"InvalidFallbackBehavior": fallback} if fallback else {})
    shop, _ = guarded(cloud, rule("evil", contains("evil", {"JsonBody": field})))
    assert shop.status("/", "POST", body=b'{"a": "good", broken "evil"}') == status
    if fallback is None:
        assert shop.status("/", "POST", body=b'{"a": "evil", broken') == 403


# Comparisons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "matching", "other"), [
    ("EXACTLY", "/prod/bot", "/prod/bots"), ("STARTS_WITH", "/prod/botany", "/prod/a/bot"), ("ENDS_WITH", "/prod/a/bot", "/prod/bots"),
    ("CONTAINS", "/prod/robots", "/prod/x"), ("CONTAINS_WORD", "/prod/a/bot;x", "/prod/robot"),
])  # fmt: skip
def test_strings_are_compared_as_the_rule_says(cloud, how, matching, other):
    text = {"EXACTLY": "/prod/bot", "STARTS_WITH": "/prod/bot"}.get(how, "bot")
    shop, _ = guarded(cloud, rule("bot", contains(text, how=how)))
    assert (shop.status(matching.removeprefix("/prod")), shop.status(other.removeprefix("/prod"))) == (403, 200)


def test_regular_expressions_and_sets_of_them(cloud):
    waf = cloud.client("wafv2")
    patterns = [{"RegexString": r"^sqlmap/\d"}, {"RegexString": "(?i)nikto"}]
    made = waf.create_regex_pattern_set(Name="scanners", Scope="REGIONAL", RegularExpressionList=patterns)["Summary"]
    agent = {"SingleHeader": {"Name": "user-agent"}}
    scanners = {"RegexPatternSetReferenceStatement": {"ARN": made["ARN"], "FieldToMatch": agent, "TextTransformations": NONE}}
    shop, _ = guarded(cloud, rule("scanners", scanners), rule("id", regex(r"/items/[a-z]+$", {"UriPath": {}}), priority=1))
    assert [shop.status("/", User_Agent=name) for name in ("sqlmap/1.7", "NIKTO", "curl/8", "xsqlmap/1")] == [403, 403, 200, 200]
    assert (shop.status("/items/abc"), shop.status("/items/12")) == (403, 200)
    waf.update_regex_pattern_set(
        Name="scanners", Scope="REGIONAL", Id=made["Id"], LockToken=made["LockToken"], RegularExpressionList=[{"RegexString": "curl"}]
    )
    assert [shop.status("/", User_Agent=name) for name in ("sqlmap/1.7", "curl/8")] == [200, 403]


def test_an_expression_that_would_take_for_ever_does_not(cloud):
    shop, _ = guarded(cloud, rule("trap", regex("^(a+)+$", {"Body": {}})))
    assert shop.status("/", "POST", body=b"a" * 8_000 + b"!") == 200


def test_sizes_are_compared(cloud):
    size = {"FieldToMatch": {"QueryString": {}}, "ComparisonOperator": "GT", "Size": 10, "TextTransformations": NONE}
    shop, _ = guarded(cloud, rule("long", {"SizeConstraintStatement": size}))
    assert (shop.status("/?0123456789"), shop.status("/?0123456789a")) == (200, 403)


TRANSFORMED = [
    ("LOWERCASE", "EVIL"), ("URL_DECODE", "%65vil"), ("URL_DECODE_UNI", "%uff45vil"), ("HTML_ENTITY_DECODE", "&#x65;vil"),
    ("BASE64_DECODE", base64.b64encode(b"evil").decode()), ("BASE64_DECODE_EXT", "ZX.Zp*bA"), ("HEX_DECODE", "6576696c"),
    ("JS_DECODE", "\\u0065\\x76il"), ("CSS_DECODE", "\\65vi\\l"), ("ESCAPE_SEQ_DECODE", "\\x65vil"), ("SQL_HEX_DECODE", "0x6576696c"),
    ("REMOVE_NULLS", "ev\0il"), ("NORMALIZE_PATH", "x/../evil"), ("NORMALIZE_PATH_WIN", "x\\..\\evil"), ("CMD_LINE", "e^v'il"),
    ("REMOVE_WHITESPACE", "e v i l"), ("REMOVE_COMMENTS_CHAR", "ev/*il"), ("UTF8_TO_UNICODE", "évil"), ("COMPRESS_WHITE_SPACE", "e \t  vil"),
    ("REPLACE_COMMENTS", "e/* not */vil"), ("REPLACE_NULLS", "e\0vil"), ("TRIM", "  evil "), ("UPPERCASE", "evil"),
]  # fmt: skip
SOUGHT = {"UTF8_TO_UNICODE": "%u00e9vil", "COMPRESS_WHITE_SPACE": "e vil", "REPLACE_COMMENTS": "e vil", "REPLACE_NULLS": "e vil", "UPPERCASE": "EVIL"}


@pytest.mark.parametrize(("transform", "sent"), TRANSFORMED)
def test_a_transformation_finds_what_hides(cloud, transform, sent):
    sought, how = SOUGHT.get(transform, "evil"), "EXACTLY"
    plain, found = contains(sought, {"Body": {}}, how=how), contains(sought, {"Body": {}}, how=how, transforms=[transform])
    shop, wall = guarded(cloud, rule("plain", plain))
    assert shop.status("/", "POST", body=sent.encode()) == 200
    wall.update(rule("found", found))
    assert shop.status("/", "POST", body=sent.encode()) == 403


def test_transformations_follow_their_priorities(cloud):
    twice = contains("evil", {"QueryString": {}}, transforms=["URL_DECODE", "BASE64_DECODE"])
    shop, _ = guarded(cloud, rule("twice", twice))
    assert (shop.status("/?%5a%58ZpbA"), shop.status("/?ZXZpYg")) == (403, 200)


def test_and_or_and_not_nest(cloud):
    inner = {"OrStatement": {"Statements": [contains("/a"), contains("/b")]}}
    whole = {"AndStatement": {"Statements": [inner, {"NotStatement": {"Statement": contains("open", {"QueryString": {}})}}]}}
    shop, _ = guarded(cloud, rule("nested", whole))
    assert [shop.status(path) for path in ("/a", "/b", "/c", "/a?open")] == [403, 403, 200, 200]


# Addresses and places ----------------------------------------------------------------------------------------------------


def ip_set(cloud, *addresses: str, version: str = "IPV4", name: str = "bad") -> str:
    waf = cloud.client("wafv2")
    return waf.create_ip_set(Name=name, Scope="REGIONAL", IPAddressVersion=version, Addresses=list(addresses))["Summary"]["ARN"]


def test_everybody_comes_from_this_machine(cloud):
    shop, _ = guarded(cloud, rule("here", {"IPSetReferenceStatement": {"ARN": ip_set(cloud, "127.0.0.0/8")}}))
    assert shop.status() == 403


@pytest.mark.parametrize(("position", "blocked"), [
    ("FIRST", "192.0.2.7, 10.0.0.1"), ("LAST", "10.0.0.1, 192.0.2.7"), ("ANY", "10.0.0.1, 192.0.2.7, 10.0.0.2"),
])  # fmt: skip
def test_proxies_tell_where_a_request_comes_from(cloud, position, blocked):
    forwarded = {**HEADER, "Position": position}
    shop, _ = guarded(cloud, rule("bad", {"IPSetReferenceStatement": {"ARN": ip_set(cloud, "192.0.2.0/24"), "IPSetForwardedIPConfig": forwarded}}))
    assert shop.status(X_Forwarded_For=blocked) == 403
    assert (shop.status(X_Forwarded_For="10.0.0.1"), shop.status(X_Forwarded_For="nonsense"), shop.status()) == (200, 200, 200)


def test_a_header_without_an_address_falls_back(cloud):
    forwarded = {**HEADER, "FallbackBehavior": "MATCH", "Position": "FIRST"}
    shop, _ = guarded(cloud, rule("bad", {"IPSetReferenceStatement": {"ARN": ip_set(cloud, "2001:db8::/32", version="IPV6"), "IPSetForwardedIPConfig": forwarded}}))
    assert (shop.status(X_Forwarded_For="nonsense"), shop.status(X_Forwarded_For="2001:db8::5"), shop.status()) == (403, 403, 200)


def test_countries_are_those_of_the_clouds_own_table(cloud):
    """See ``gate/place``: of addresses outside its table nobody knows where they are, and no country is theirs."""
    german = {"GeoMatchStatement": {"CountryCodes": ["DE", "AT"], "ForwardedIPConfig": HEADER}}
    virginian = {"LabelMatchStatement": {"Scope": "LABEL", "Key": "awswaf:forwardedip:geo:region:US-VA"}}
    shop, _ = guarded(cloud, rule("german", german), rule("virginian", virginian, priority=1))
    assert [shop.status(X_Forwarded_For=each) for each in ("198.51.100.9", "203.0.113.9", "8.8.8.8", "192.0.2.9")] == [403, 200, 200, 403]


# Labels and groups -------------------------------------------------------------------------------------------------------


def test_rules_say_what_later_rules_look_for(cloud):
    first = rule("mark", contains("/a"), {"Count": {}}, RuleLabels=[{"Name": "shop:seen"}])
    second = rule("block", {"LabelMatchStatement": {"Scope": "NAMESPACE", "Key": "shop:"}}, priority=1)
    shop, wall = guarded(cloud, first, second)
    assert (shop.status("/a"), shop.status("/b")) == (403, 200)
    full = {"LabelMatchStatement": {"Scope": "LABEL", "Key": "awswaf:000000000000:webacl:wall:shop:seen"}}
    wall.update(first, rule("block", full, priority=1))
    assert (shop.status("/a"), shop.status("/b")) == (403, 200)
    wall.update(first, rule("block", {"LabelMatchStatement": {"Scope": "LABEL", "Key": "seen"}}, priority=1))
    assert shop.status("/a") == 200


def group(cloud, *rules: dict, **more) -> str:
    waf = cloud.client("wafv2")
    return waf.create_rule_group(Name="group", Scope="REGIONAL", Capacity=100, VisibilityConfig=visible("group"), Rules=list(rules), **more)["Summary"]["ARN"]


def test_a_rule_group_acts_in_its_place_and_its_actions_may_be_overridden(cloud):
    arn = group(cloud, rule("a", contains("/a")), rule("b", contains("/b"), priority=1, RuleLabels=[{"Name": "b"}]))
    reference = {"RuleGroupReferenceStatement": {"ARN": arn}}
    shop, wall = guarded(cloud, rule("ours", reference))
    assert [shop.status(path) for path in ("/a", "/b", "/c")] == [403, 403, 200]
    overridden = {"RuleGroupReferenceStatement": {"ARN": arn, "RuleActionOverrides": [{"Name": "a", "ActionToUse": {"Count": {}}}]}}
    wall.update(rule("ours", overridden))
    assert [shop.status(path) for path in ("/a", "/b")] == [200, 403]
    excluded = {"RuleGroupReferenceStatement": {"ARN": arn, "ExcludedRules": [{"Name": "b"}]}}
    wall.update(rule("ours", excluded))
    assert [shop.status(path) for path in ("/a", "/b")] == [403, 200]
    labelled = rule("late", {"LabelMatchStatement": {"Scope": "LABEL", "Key": "awswaf:000000000000:rulegroup:group:b"}}, priority=1)
    wall.update(rule("ours", reference, {"Count": {}}), labelled)
    assert [shop.status(path) for path in ("/a", "/b")] == [200, 403]


def test_a_rule_groups_own_words_are_used(cloud):
    bodies = {"sorry": {"ContentType": "TEXT_PLAIN", "Content": "group"}}
    blocked = rule("a", contains("/a"), {"Block": {"CustomResponse": {"ResponseCode": 418, "CustomResponseBodyKey": "sorry"}}})
    arn = group(cloud, blocked, CustomResponseBodies=bodies)
    shop, _ = guarded(cloud, rule("ours", {"RuleGroupReferenceStatement": {"ARN": arn}}))
    assert (shop.ask("/a")[0], shop.ask("/a")[2]) == (418, b"group")


# Rates --------------------------------------------------------------------------------------------------------------------


def rate(**more) -> dict:
    return {"RateBasedStatement": {"Limit": 10, "AggregateKeyType": "IP", "EvaluationWindowSec": 60, **more}}


def test_who_asks_too_often_is_held_off_until_the_window_is_past(cloud):
    shop, wall = guarded(cloud, rule("often", rate()))
    assert [shop.status() for _ in range(12)] == [200] * 10 + [403] * 2
    keys = wall.client.get_rate_based_statement_managed_keys(Scope="REGIONAL", WebACLName="wall", WebACLId=wall.id, RuleName="often")
    assert keys["ManagedKeysIPV4"]["Addresses"] == ["127.0.0.1/32"] and keys["ManagedKeysIPV6"]["Addresses"] == []
    cloud.sleep(61)
    assert shop.status() == 200
    keys = wall.client.get_rate_based_statement_managed_keys(Scope="REGIONAL", WebACLName="wall", WebACLId=wall.id, RuleName="often")
    assert keys["ManagedKeysIPV4"]["Addresses"] == []


def test_each_forwarded_address_is_counted_for_itself(cloud):
    shop, _ = guarded(cloud, rule("often", rate(AggregateKeyType="FORWARDED_IP", ForwardedIPConfig=HEADER)))
    ones = [shop.status(X_Forwarded_For="192.0.2.1") for _ in range(11)]
    assert ones[-1] == 403 and shop.status(X_Forwarded_For="192.0.2.2") == 200 and shop.status() == 200


def test_custom_keys_count_what_they_tell_apart(cloud):
    keys = [{"Header": {"Name": "X-Key", "TextTransformations": NONE}}, {"HTTPMethod": {}}]
    shop, _ = guarded(cloud, rule("often", rate(AggregateKeyType="CUSTOM_KEYS", CustomKeys=keys)))
    assert [shop.status(X_Key="a") for _ in range(11)][-1] == 403
    assert shop.status(X_Key="b") == 200 and shop.status("/", "POST", X_Key="a") == 200
    assert [shop.status() for _ in range(12)] == [200] * 12


def test_a_scope_down_statement_says_what_is_counted(cloud):
    shop, wall = guarded(cloud, rule("often", rate(AggregateKeyType="CONSTANT", ScopeDownStatement=contains("/login"))))
    assert [shop.status("/login") for _ in range(11)][-1] == 403 and shop.status("/") == 200
    wall.update(rule("often", rate(AggregateKeyType="CONSTANT", ScopeDownStatement=contains("/login"))), rule("new", contains("/x"), priority=1))
    assert shop.status("/login") == 403
    wall.update(rule("often", rate(Limit=20, AggregateKeyType="CONSTANT", ScopeDownStatement=contains("/login"))))
    assert shop.status("/login") == 200


@pytest.mark.parametrize("window", [60, 120, 300, 600])
def test_a_window_is_as_long_as_the_rule_says(cloud, window):
    shop, _ = guarded(cloud, rule("often", rate(EvaluationWindowSec=window)))
    for _ in range(11):
        shop.status()
    cloud.sleep(window - window / 60 - 2)
    assert shop.status() == 403
    cloud.sleep(2 * window / 60 + 2)
    assert shop.status() == 200


# What stays --------------------------------------------------------------------------------------------------------------


def test_rules_are_in_force_after_a_kill(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    cloud.restart(kill=True)
    assert (shop.status("/admin"), shop.status("/")) == (403, 200)
    wall.update(rule("other", contains("/other")))
    cloud.restart(kill=True)
    assert (shop.status("/admin"), shop.status("/other")) == (200, 403)


def test_a_stage_that_is_gone_is_guarded_no_more(cloud):
    shop, wall = guarded(cloud, rule("admin", contains("/admin")))
    assert shop.client.get_stage(restApiId=shop.api, stageName="prod")["webAclArn"] == wall.arn
    shop.client.delete_stage(restApiId=shop.api, stageName="prod")
    wall.client.delete_web_acl(**wall.place, LockToken=wall.token)
    assert wall.client.list_web_acls(Scope="REGIONAL")["WebACLs"] == []


def test_what_is_sent_is_looked_at_whatever_it_is(cloud):
    json_body = {"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "ALL"}}
    shop, _ = guarded(cloud, rule("json", contains("evil", json_body)))
    for body in (b"", b"\xff\xfe", b"[" * 5_000, json.dumps("\ud800evil").encode(), b'{"a":' * 900 + b"1", b"null", b"1e999"):
        assert shop.status("/", "POST", body=body) in (200, 403)
