"""Web ACLs and their parts: made, changed by whoever saw the last version, kept while they are used."""

from __future__ import annotations

import pytest
from firewall_workshop import NONE, Shop, Wall, contains, guarded, rule, visible
from refusals import refusal, refused_code


@pytest.fixture
def waf(cloud):
    return cloud.client("wafv2")


def test_only_who_saw_the_last_version_changes_it(cloud, waf):
    wall = Wall(cloud, rule("a", contains("/a")))
    first = wall.token
    second = wall.update(rule("b", contains("/b")))
    assert first != second == wall.token
    stale = refusal(waf.update_web_acl, **wall.place, **wall.settings, Rules=[], LockToken=first)["Error"]
    assert stale["Code"] == "WAFOptimisticLockException"
    assert refused_code(waf.delete_web_acl, **wall.place, LockToken=first) == "WAFOptimisticLockException"
    shown = waf.get_web_acl(ARN=wall.arn)["WebACL"]
    assert [each["Name"] for each in shown["Rules"]] == ["b"] and shown["Capacity"] == 10
    assert shown["LabelNamespace"] == "awswaf:000000000000:webacl:wall:"
    assert wall.arn == f"arn:aws:wafv2:us-east-1:000000000000:regional/webacl/wall/{wall.id}"


def test_how_long_a_puzzle_counts_is_told_and_what_would_set_one_is_refused_by_name(cloud, waf):
    # Terraform's provider sends both, empty or not, with every web ACL and every rule.
    wall = Wall(cloud, {**rule("a", contains("/a")), "CaptchaConfig": {}}, CaptchaConfig={}, ChallengeConfig={"ImmunityTimeProperty": {"ImmunityTime": 600}})
    shown = waf.get_web_acl(ARN=wall.arn)["WebACL"]
    assert shown["ChallengeConfig"] == {"ImmunityTimeProperty": {"ImmunityTime": 600}} and shown["CaptchaConfig"] == {}
    assert refused_code(wall.update, {**rule("a", contains("/a")), "Action": {"Captcha": {}}}) == "NotImplemented"


def test_names_are_unique_and_what_is_not_there_is_said(cloud, waf):
    wall = Wall(cloud)
    assert refused_code(Wall, cloud) == "WAFDuplicateItemException"
    elsewhere = {**wall.place, "Id": "00000000-0000-4000-8000-000000000000"}
    assert refused_code(waf.get_web_acl, **elsewhere) == "WAFNonexistentItemException"
    assert refused_code(waf.get_ip_set, **wall.place) == "WAFNonexistentItemException"


def test_what_is_used_stays(cloud, waf):
    made = waf.create_ip_set(Name="bad", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["192.0.2.0/24"])["Summary"]
    shop, wall = guarded(cloud, rule("bad", {"NotStatement": {"Statement": {"IPSetReferenceStatement": {"ARN": made["ARN"]}}}}, {"Count": {}}))
    place = {"Name": "bad", "Scope": "REGIONAL", "Id": made["Id"], "LockToken": made["LockToken"]}
    assert refused_code(waf.delete_ip_set, **place) == "WAFAssociatedItemException"
    assert refused_code(waf.delete_web_acl, **wall.place, LockToken=wall.token) == "WAFAssociatedItemException"
    assert waf.list_resources_for_web_acl(WebACLArn=wall.arn, ResourceType="API_GATEWAY")["ResourceArns"] == [shop.arn]
    assert waf.list_resources_for_web_acl(WebACLArn=wall.arn)["ResourceArns"] == []
    assert waf.get_web_acl_for_resource(ResourceArn=shop.arn)["WebACL"]["Id"] == wall.id
    waf.disassociate_web_acl(ResourceArn=shop.arn)
    assert "WebACL" not in waf.get_web_acl_for_resource(ResourceArn=shop.arn)
    waf.delete_web_acl(**wall.place, LockToken=wall.token)
    waf.delete_ip_set(**place)
    assert waf.list_ip_sets(Scope="REGIONAL")["IPSets"] == []


def test_an_ip_set_has_blocks_of_its_version(waf):
    def make(*addresses, version="IPV4"):
        return waf.create_ip_set(Name="s", Scope="REGIONAL", IPAddressVersion=version, Addresses=list(addresses))

    for wrong in (["192.0.2.1"], ["0.0.0.0/0"], ["2001:db8::/32"], ["nonsense/8"]):
        assert refused_code(make, *wrong) == "WAFInvalidParameterException"
    made = make("192.0.2.1/24", "192.0.2.0/24")["Summary"]
    shown = waf.get_ip_set(Name="s", Scope="REGIONAL", Id=made["Id"])
    assert shown["IPSet"]["Addresses"] == ["192.0.2.0/24"]
    token = waf.update_ip_set(Name="s", Scope="REGIONAL", Id=made["Id"], Addresses=[], LockToken=shown["LockToken"])["NextLockToken"]
    assert waf.get_ip_set(Name="s", Scope="REGIONAL", Id=made["Id"])["LockToken"] == token


def test_http_apis_and_strangers_are_not_guarded(cloud, waf):
    wall = Wall(cloud)
    for arn in ("arn:aws:apigateway:us-east-1::/apis/abc/stages/prod", "arn:aws:s3:::bucket-name-x", "arn:aws:apigateway:eu-west-1::/restapis/a/stages/b"):
        error = refusal(waf.associate_web_acl, WebACLArn=wall.arn, ResourceArn=arn)["Error"]
        assert error["Code"] == "WAFInvalidParameterException" and "RESOURCE_ARN" in error["Message"]
    balancer = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/a/0123456789abcdef"
    assert refused_code(waf.associate_web_acl, WebACLArn=wall.arn, ResourceArn=balancer) == "WAFNonexistentItemException"
    gone = "arn:aws:apigateway:us-east-1::/restapis/abcdefghij/stages/prod"
    assert refused_code(waf.associate_web_acl, WebACLArn=wall.arn, ResourceArn=gone) == "WAFNonexistentItemException"


BODY = {"Body": {}}
COSTS = [
    (contains("x", how="EXACTLY"), 2), (contains("x", how="STARTS_WITH"), 2), (contains("x"), 10), (contains("x", how="CONTAINS_WORD"), 10),
    (contains("x", how="EXACTLY", transforms=["LOWERCASE", "URL_DECODE"]), 22), (contains("x", {"AllQueryArguments": {}}), 20),
    (contains("x", {"JsonBody": {"MatchPattern": {"All": {}}, "MatchScope": "ALL"}}, transforms=["LOWERCASE"]), 30),
    ({"RegexMatchStatement": {"RegexString": "x", "FieldToMatch": BODY, "TextTransformations": NONE}}, 3),
    ({"SizeConstraintStatement": {"FieldToMatch": BODY, "ComparisonOperator": "GT", "Size": 1, "TextTransformations": NONE}}, 1),
    ({"GeoMatchStatement": {"CountryCodes": ["DE"]}}, 1), ({"LabelMatchStatement": {"Scope": "LABEL", "Key": "a"}}, 1),
    ({"AndStatement": {"Statements": [contains("x"), contains("x", how="EXACTLY")]}}, 12),
    ({"NotStatement": {"Statement": contains("x")}}, 10),
    ({"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}}, 2),
    ({"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP", "ScopeDownStatement": contains("x")}}, 12),
    ({"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "CUSTOM_KEYS", "CustomKeys": [{"HTTPMethod": {}}, {"IP": {}}]}}, 62),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "units"), COSTS)
def test_a_statement_costs_what_aws_documents(waf, statement, units):
    """https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements-match.html"""
    assert waf.check_capacity(Scope="REGIONAL", Rules=[rule("r", statement)])["Capacity"] == units


def test_sets_and_groups_cost_what_they_were_made_to(waf):
    patterns = waf.create_regex_pattern_set(Name="p", Scope="REGIONAL", RegularExpressionList=[{"RegexString": "a"}])["Summary"]["ARN"]
    addresses = waf.create_ip_set(Name="a", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=[])["Summary"]["ARN"]
    group = waf.create_rule_group(Name="g", Scope="REGIONAL", Capacity=77, VisibilityConfig=visible("g"))["Summary"]["ARN"]
    header = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "MATCH", "Position": "ANY"}
    rules = [
        rule("p", {"RegexPatternSetReferenceStatement": {"ARN": patterns, "FieldToMatch": BODY, "TextTransformations": NONE}}),
        rule("a", {"IPSetReferenceStatement": {"ARN": addresses, "IPSetForwardedIPConfig": header}}, priority=1),
        rule("b", {"IPSetReferenceStatement": {"ARN": addresses}}, priority=2),
        rule("g", {"RuleGroupReferenceStatement": {"ARN": group}}, priority=3),
    ]  # fmt: skip
    assert [waf.check_capacity(Scope="REGIONAL", Rules=[each])["Capacity"] for each in rules] == [25, 5, 1, 77]
    assert waf.check_capacity(Scope="REGIONAL", Rules=rules)["Capacity"] == 108


def test_a_rule_group_never_costs_more_than_it_was_made_for(waf):
    made = {"Name": "g", "Scope": "REGIONAL", "Capacity": 5, "VisibilityConfig": visible("g")}
    assert refused_code(waf.create_rule_group, **made, Rules=[rule("a", contains("x"))]) == "WAFInvalidParameterException"
    group = waf.create_rule_group(**made, Rules=[rule("a", contains("x", how="EXACTLY"), RuleLabels=[{"Name": "l"}])])["Summary"]
    shown = waf.get_rule_group(ARN=group["ARN"])["RuleGroup"]
    assert shown["AvailableLabels"] == [{"Name": "awswaf:000000000000:rulegroup:g:l"}] and shown["Capacity"] == 5
    place = {"Name": "g", "Scope": "REGIONAL", "Id": group["Id"], "LockToken": group["LockToken"], "VisibilityConfig": visible("g")}
    assert refused_code(waf.update_rule_group, **place, Rules=[rule("a", contains("x"))]) == "WAFInvalidParameterException"


WRONG = [
    rule("none", {}),
    rule("two", {**contains("a"), "GeoMatchStatement": {"CountryCodes": ["DE"]}}),
    {**rule("actions", contains("a")), "OverrideAction": {"None": {}}},
    {key: value for key, value in rule("no action", contains("a")).items() if key != "Action"},
    rule("one of and", {"AndStatement": {"Statements": [contains("a")]}}),
    rule("no field", {"ByteMatchStatement": {"SearchString": b"a", "FieldToMatch": {}, "TextTransformations": NONE, "PositionalConstraint": "EXACTLY"}}),
    rule("nested-rate", {"NotStatement": {"Statement": {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}}}}),
    rule("window", {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP", "EvaluationWindowSec": 61}}),
    rule("no keys", {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "CUSTOM_KEYS"}}),
    rule("no header", {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "FORWARDED_IP"}}),
    rule("all of them", {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "CONSTANT"}}),
    rule("regex", {"RegexMatchStatement": {"RegexString": "(?=a)b", "FieldToMatch": BODY, "TextTransformations": NONE}}),
    rule("reference", {"IPSetReferenceStatement": {"ARN": "arn:aws:wafv2:us-east-1:000000000000:global/ipset/a/b"}}),
    rule("body", contains("a"), {"Block": {"CustomResponse": {"ResponseCode": 400, "CustomResponseBodyKey": "nowhere"}}}),
    rule("label", contains("a"), RuleLabels=[{"Name": "awswaf:mine"}]),
]


@pytest.mark.parametrize("wrong", [{**each, "Name": each["Name"].replace(" ", "-"), "VisibilityConfig": visible("m")} for each in WRONG], ids=lambda each: each["Name"])
def test_rules_that_aws_does_not_take_are_refused(cloud, waf, wrong):
    error = refusal(Wall, cloud, wrong)["Error"]
    assert error["Code"] == "WAFInvalidParameterException" and error["Message"].startswith("Error reason: ")
    assert waf.list_web_acls(Scope="REGIONAL")["WebACLs"] == []


def test_priorities_and_names_are_unique(cloud):
    assert refused_code(Wall, cloud, rule("a", contains("a")), rule("b", contains("b"))) == "WAFInvalidParameterException"
    assert refused_code(Wall, cloud, rule("a", contains("a")), rule("a", contains("b"), priority=1)) == "WAFInvalidParameterException"


@pytest.mark.parametrize("statement", [
    {"AsnMatchStatement": {"AsnList": [64496]}},
    contains("a", {"JA3Fingerprint": {"FallbackBehavior": "MATCH"}}),
    contains("a", BODY, transforms=["JS_DECODE_EXT"]),
], ids=lambda each: next(iter(each)))  # fmt: skip
def test_what_cannot_be_told_as_aws_tells_it_is_refused_by_name(cloud, statement):
    error = refusal(Wall, cloud, rule("r", statement))["Error"]
    assert error["Code"] == "NotImplemented" and "wafv2" in error["Message"]


def test_tags_and_pages(cloud, waf):
    wall = Wall(cloud, Tags=[{"Key": "team", "Value": "blue"}])
    waf.tag_resource(ResourceARN=wall.arn, Tags=[{"Key": "stage", "Value": "test"}])
    waf.untag_resource(ResourceARN=wall.arn, TagKeys=["team"])
    told = waf.list_tags_for_resource(ResourceARN=wall.arn)["TagInfoForResource"]
    assert told == {"ResourceARN": wall.arn, "TagList": [{"Key": "stage", "Value": "test"}]}
    for name in ("b", "a"):
        Wall(cloud, name=name)
    first = waf.list_web_acls(Scope="REGIONAL", Limit=2)
    rest = waf.list_web_acls(Scope="REGIONAL", Limit=2, NextMarker=first["NextMarker"])
    assert [each["Name"] for each in (*first["WebACLs"], *rest["WebACLs"])] == ["a", "b", "wall"] and "NextMarker" not in rest


def test_cloudfronts_are_made_in_us_east_1_alone(cloud):
    cloud.region("aws-global")
    cloud.region("eu-west-1")
    away = cloud.client("wafv2", region="eu-west-1")
    error = refusal(away.list_web_acls, Scope="CLOUDFRONT")["Error"]
    assert error["Code"] == "WAFInvalidParameterException" and "SCOPE_VALUE" in error["Message"]
    wall = Wall(cloud, rule("a", contains("/a")), scope="CLOUDFRONT")
    assert wall.arn == f"arn:aws:wafv2:us-east-1:000000000000:global/webacl/wall/{wall.id}"
    assert wall.client.list_web_acls(Scope="REGIONAL")["WebACLs"] == []
    assert [each["ARN"] for each in wall.client.list_web_acls(Scope="CLOUDFRONT")["WebACLs"]] == [wall.arn]
    shop = Shop(cloud)
    assert refused_code(wall.client.associate_web_acl, WebACLArn=wall.arn, ResourceArn=shop.arn) == "WAFInvalidParameterException"
    stale = wall.token
    wall.update()
    assert refused_code(wall.client.delete_web_acl, **wall.place, LockToken=stale) == "WAFOptimisticLockException"


def test_who_associates_must_be_allowed_to_by_the_service_that_is_guarded(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    shop, wall = Shop(cloud), Wall(cloud)
    statement = '{"Effect": "Allow", "Action": "wafv2:*", "Resource": "*"}'
    iam.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=f'{{"Version": "2012-10-17", "Statement": [{statement}]}}')
    eve = cloud.client("wafv2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    error = refusal(eve.associate_web_acl, WebACLArn=wall.arn, ResourceArn=shop.arn)["Error"]
    assert "apigateway:SetWebACL" in error["Message"]
