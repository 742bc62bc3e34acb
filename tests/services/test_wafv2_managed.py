"""AWS's managed rule groups: what they say of themselves, what they end, and how a web ACL takes the edge off them.

Names, labels, actions and capacity: https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html. What the rules look
for AWS does not publish beyond examples, which are the first cases here; the other cases are this model's.
"""

from __future__ import annotations

import datetime
import json

import pytest
from attack_workshop import HARMLESS
from edge_workshop import Edge
from firewall_workshop import Shop, Wall, contains, guarded, rule, said, visible
from refusals import refusal, refused_code

from kumoniwa.gate.address import GLOBAL

CORE, BAD, SQL = "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet"
COUNT = {"Count": {}}


def managed(name: str = CORE, action: dict | None = None, *, priority: int = 0, **more) -> dict:
    statement = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": name, **more}}
    does = {"None": {}} if action is None else action
    return {"Name": "group", "Priority": priority, "Statement": statement, "VisibilityConfig": visible("group"), "OverrideAction": does}


def label(namespace: str, name: str) -> dict:
    return {"LabelMatchStatement": {"Scope": "LABEL", "Key": f"awswaf:managed:aws:{namespace}:{name}"}}


def status(shop: Shop, path: str = "/", method: str = "GET", *, body: bytes = b"", **headers: str) -> int:
    return shop.status(path, method, body=body, **{"User_Agent": "browser", **headers})


# What there is ----------------------------------------------------------------------------------------------------


def test_the_groups_are_listed_in_awss_order_page_by_page(cloud):
    waf = cloud.client("wafv2")
    first = waf.list_available_managed_rule_groups(Scope="REGIONAL", Limit=3)
    rest = waf.list_available_managed_rule_groups(Scope="REGIONAL", NextMarker=first["NextMarker"])
    groups = [*first["ManagedRuleGroups"], *rest["ManagedRuleGroups"]]
    assert [each["Name"].removeprefix("AWSManagedRules").removesuffix("RuleSet") for each in groups] == [
        "Common", "AdminProtection", "KnownBadInputs", "SQLi", "Linux", "Unix", "Windows", "PHP", "WordPress",
    ]  # fmt: skip
    assert all(each["VendorName"] == "AWS" and each["VersioningSupported"] for each in groups) and "NextMarker" not in rest


def test_a_group_tells_its_rules_its_labels_and_what_it_costs(cloud):
    waf = cloud.client("wafv2")
    told = waf.describe_managed_rule_group(VendorName="AWS", Name=CORE, Scope="REGIONAL")
    assert (told["Capacity"], told["LabelNamespace"], len(told["Rules"])) == (700, "awswaf:managed:aws:core-rule-set:", 22)
    assert told["Rules"][0] == {"Name": "NoUserAgent_HEADER", "Action": {"Block": {}}}
    assert {"Name": "awswaf:managed:aws:core-rule-set:BadBots_Header"} in told["AvailableLabels"]
    versions = waf.list_available_managed_rule_group_versions(VendorName="AWS", Name=CORE, Scope="REGIONAL")
    assert versions["CurrentDefaultVersion"] == told["VersionName"] == versions["Versions"][0]["Name"] == "Version_1.19"
    assert versions["Versions"][0]["LastUpdateTimestamp"].date() == datetime.date(2025, 8, 14)
    costs = {each["Name"]: waf.describe_managed_rule_group(VendorName="AWS", Name=each["Name"], Scope="REGIONAL")["Capacity"]
             for each in waf.list_available_managed_rule_groups(Scope="REGIONAL")["ManagedRuleGroups"]}  # fmt: skip
    assert list(costs.values()) == [700, 100, 200, 200, 200, 100, 200, 100, 100]
    assert waf.check_capacity(Scope="REGIONAL", Rules=[managed(), managed(SQL, priority=1) | {"Name": "b", "VisibilityConfig": visible("b")}])["Capacity"] == 900


def test_what_aws_alone_can_know_and_other_versions_are_refused_by_name(cloud):
    for name in ("AmazonIpReputationList", "AnonymousIpList", "BotControlRuleSet", "ATPRuleSet", "ACFPRuleSet", "AntiDDoSRuleSet"):
        error = refusal(Wall, cloud, managed(f"AWSManagedRules{name}"))["Error"]
        assert error["Code"] == "NotImplemented" and name in error["Message"]
    assert refused_code(Wall, cloud, managed(Version="Version_1.2")) == "NotImplemented"
    waf = cloud.client("wafv2")
    place = {"Name": CORE, "Scope": "REGIONAL"}
    assert refused_code(waf.describe_managed_rule_group, VendorName="AWS", **place, VersionName="Version_9.9") == "NotImplemented"
    for vendor, name in (("Nobody", CORE), ("AWS", "AWSManagedRulesTeaRuleSet")):
        # https://github.com/trussworks/terraform-aws-wafv2/issues/23
        error = refusal(waf.describe_managed_rule_group, VendorName=vendor, Name=name, Scope="REGIONAL")["Error"]
        assert (error["Code"], error["Message"]) == (
            "WAFNonexistentItemException", f"ManagedRules with name {name} by vendor {vendor} does not exist. Please check your inputs",
        )  # fmt: skip


def test_a_group_stands_alone_in_a_rule_of_a_web_acl(cloud):
    inner = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": CORE}}
    assert refused_code(Wall, cloud, rule("nested", {"NotStatement": {"Statement": inner}})) == "WAFInvalidParameterException"
    assert refused_code(Wall, cloud, rule("action", inner)) == "WAFInvalidParameterException"
    # https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-label-add.html
    assert refused_code(Wall, cloud, managed() | {"RuleLabels": [{"Name": "mine"}]}) == "WAFInvalidParameterException"
    waf = cloud.client("wafv2")
    error = refusal(waf.create_rule_group, Name="g", Scope="REGIONAL", Capacity=700, VisibilityConfig=visible("g"), Rules=[managed()])["Error"]
    assert error["Code"] == "WAFInvalidParameterException"


def test_cloudfronts_groups_are_asked_for_in_us_east_1(cloud):
    cloud.region("eu-west-1")
    away = cloud.client("wafv2", region="eu-west-1")
    assert refused_code(away.list_available_managed_rule_groups, Scope="CLOUDFRONT") == "WAFInvalidParameterException"
    assert len(cloud.client("wafv2").list_available_managed_rule_groups(Scope="CLOUDFRONT")["ManagedRuleGroups"]) == 9


# What they end ----------------------------------------------------------------------------------------------------


MET = [
    (CORE, "core-rule-set", "BadBots_Header", {"User_Agent": "Nessus/8"}), (CORE, "core-rule-set", "BadBots_Header", {"User_Agent": "x nmap x"}),
    (CORE, "core-rule-set", "SizeRestrictions_QueryString", "/?" + "a" * 2_049), (CORE, "core-rule-set", "SizeRestrictions_URIPath", "/" + "a" * 1_020),
    (CORE, "core-rule-set", "SizeRestrictions_Cookie_Header", {"Cookie": "a=" + "b" * 10_240}),
    (CORE, "core-rule-set", "SizeRestrictions_Body", b"a" * 8_193), (CORE, "core-rule-set", "SizeRestrictions_Body", b"a" * 20_000),
    (CORE, "core-rule-set", "EC2MetaDataSSRF_Body", b'{"url": "http://169.254.169.254/latest/meta-data/"}'),
    (CORE, "core-rule-set", "EC2MetaDataSSRF_Cookie", {"Cookie": "u=http://169.254.169.254/"}),
    (CORE, "core-rule-set", "EC2MetaDataSSRF_QueryArguments", "/?u=http%253A%252F%252F169.254.169.254%252F"),
    (CORE, "core-rule-set", "EC2MetaDataSSRF_URIPath", "/go/http://169.254.169.254/"),
    (CORE, "core-rule-set", "GenericLFI_QueryArguments", "/?f=..%2F..%2Fsecret"), (CORE, "core-rule-set", "GenericLFI_URIPath", "/a/%2e%2e/%2e%2e/b"),
    (CORE, "core-rule-set", "GenericLFI_Body", b"file=../../secret"), (CORE, "core-rule-set", "RestrictedExtensions_URIPath", "/var/app.log"),
    (CORE, "core-rule-set", "RestrictedExtensions_QueryArguments", "/?f=php.ini"),
    (CORE, "core-rule-set", "GenericRFI_QueryArguments", "/?u=ftp://192.0.2.2/x"), (CORE, "core-rule-set", "GenericRFI_Body", b"u=https://192.0.2.2/x"),
    (CORE, "core-rule-set", "GenericRFI_URIPath", "/go/http://192.0.2.2/x"),
    (CORE, "core-rule-set", "CrossSiteScripting_Cookie", {"Cookie": "a=<script>alert(1)</script>"}),
    (CORE, "core-rule-set", "CrossSiteScripting_QueryArguments", '/?a=%3Cscript%3Ealert("hello")%3C/script%3E'),
    (CORE, "core-rule-set", "CrossSiteScripting_Body", b"<script>alert(1)</script>"), (CORE, "core-rule-set", "CrossSiteScripting_URIPath", "/%3Cscript%3E"),
    ("AWSManagedRulesAdminProtectionRuleSet", "admin-protection", "AdminProtection_URIPath", "/sqlmanager"),
    (BAD, "known-bad-inputs", "JavaDeserializationRCE_Header", {"X_A": '(java.lang.Runtime).getRuntime().exec("whoami")'}),
    (BAD, "known-bad-inputs", "JavaDeserializationRCE_Body", b'(java.lang.Runtime).getRuntime().exec("whoami")'),
    (BAD, "known-bad-inputs", "JavaDeserializationRCE_URIPath", "/java.lang.Runtime"),
    (BAD, "known-bad-inputs", "JavaDeserializationRCE_QueryString", "/?class.module.classLoader.x=1"),
    (BAD, "known-bad-inputs", "ExploitablePaths_URIPath", "/web-inf/web.xml"), (BAD, "known-bad-inputs", "Propfind_Method", "PROPFIND"),
    (BAD, "known-bad-inputs", "Log4JRCE_Header", {"X_A": "${jndi:ldap://example.com/}"}), (BAD, "known-bad-inputs", "Log4JRCE_Body", b"${jndi:ldap://example.com/}"),
    (BAD, "known-bad-inputs", "Log4JRCE_QueryString", "/?a=%24%7B%24%7Blower:j%7Dndi:ldap://example.com/%7D"),
    (BAD, "known-bad-inputs", "Log4JRCE_URIPath", "/%24%7Bjndi:dns://example.com%7D"),
    (BAD, "known-bad-inputs", "ReactJSRCE_Body", b'{"then": "$1:__proto__:then", "status": "resolved_model"}'),
    (SQL, "sql-database", "SQLi_QueryArguments", "/?id=1%20or%201=1"), (SQL, "sql-database", "SQLi_Body", b"' or 1=1--"),
    (SQL, "sql-database", "SQLi_Cookie", {"Cookie": "id=1%27%20or%201=1--"}), (SQL, "sql-database", "SQLi_URIPath", "/x'%20or%201=1--"),
    (SQL, "sql-database", "SQLiExtendedPatterns_QueryArguments", "/?q=say%20what/**/union/**/all/**/select%202"),
    (SQL, "sql-database", "SQLiExtendedPatterns_Body", b"q=say&r=union+all+select+2"), (SQL, "sql-database", "SQLiExtendedPatterns_Header", {"X_A": "x benchmark(1,2)"}),
    (SQL, "sql-database", "SQLiExtendedPatterns_UriPath", "/say/information_schema.tables"),
    ("AWSManagedRulesLinuxRuleSet", "linux-os", "LFI_URIPath", "/x/%252e/proc/version"), ("AWSManagedRulesLinuxRuleSet", "linux-os", "LFI_QueryString", "/?f=/proc/version"),
    ("AWSManagedRulesLinuxRuleSet", "linux-os", "LFI_Header", {"X_A": "/proc/version"}),
    ("AWSManagedRulesUnixRuleSet", "posix-os", "UNIXShellCommandsVariables_QueryString", "/?c=echo%20$HOME"),
    ("AWSManagedRulesUnixRuleSet", "posix-os", "UNIXShellCommandsVariables_Body", b"echo $PATH"),
    ("AWSManagedRulesUnixRuleSet", "posix-os", "UNIXShellCommandsVariables_Header", {"X_A": "x; cat /x"}),
    ("AWSManagedRulesWindowsRuleSet", "windows-os", "WindowsShellCommands_Cookie", {"Cookie": "a=||nslookup"}),
    ("AWSManagedRulesWindowsRuleSet", "windows-os", "WindowsShellCommands_QueryArguments", "/?a=x;cmd"),
    ("AWSManagedRulesWindowsRuleSet", "windows-os", "WindowsShellCommands_Body", b"x || nslookup y"),
    ("AWSManagedRulesWindowsRuleSet", "windows-os", "PowerShellCommands_Cookie", {"Cookie": "a=Invoke-Expression"}),
    ("AWSManagedRulesWindowsRuleSet", "windows-os", "PowerShellCommands_QueryArguments", "/?a=Invoke-Expression"),
    ("AWSManagedRulesWindowsRuleSet", "windows-os", "PowerShellCommands_Body", b"Invoke-Expression x"),
    ("AWSManagedRulesPHPRuleSet", "php-app", "PHPHighRiskMethodsVariables_Header", {"X_A": "$_GET[x]"}),
    ("AWSManagedRulesPHPRuleSet", "php-app", "PHPHighRiskMethodsVariables_QueryString", "/?a=fsockopen(1)"),
    ("AWSManagedRulesPHPRuleSet", "php-app", "PHPHighRiskMethodsVariables_Body", b"fsockopen('x')"),
    ("AWSManagedRulesPHPRuleSet", "php-app", "PHPHighRiskMethodsVariables_URIPath", "/$_GET"),
    ("AWSManagedRulesWordPressRuleSet", "wordpress-app", "WordPressExploitableCommands_QUERYSTRING", "/?do-reset-wordpress"),
    ("AWSManagedRulesWordPressRuleSet", "wordpress-app", "WordPressExploitablePaths_URIPATH", "/xmlrpc.php"),
]


@pytest.mark.parametrize("name", sorted({each[0] for each in MET}))
def test_each_rule_of_a_group_ends_what_it_is_there_for_and_labels_it(cloud, name):
    """That it was this rule and no other is seen by its label, when the group only counts and a later rule blocks what bears it."""
    shop, wall = guarded(cloud, managed(name))
    cases = [each[1:] for each in MET if each[0] == name]
    everything = {each["Name"] for each in wall.client.describe_managed_rule_group(VendorName="AWS", Name=name, Scope="REGIONAL")["AvailableLabels"]}
    missing = everything - {f"awswaf:managed:aws:{namespace}:{tail}" for namespace, tail, _ in cases}
    assert missing <= {"awswaf:managed:aws:core-rule-set:NoUserAgent_Header", "awswaf:managed:aws:known-bad-inputs:Host_Localhost_Header"}
    for _, _, sent in cases:
        assert send(shop, sent) == 403, sent
    overrides = [{"Name": each["Name"], "ActionToUse": COUNT}
                 for each in wall.client.describe_managed_rule_group(VendorName="AWS", Name=name, Scope="REGIONAL")["Rules"]]  # fmt: skip
    for namespace, tail, sent in cases:
        wall.update(managed(name, RuleActionOverrides=overrides), rule("met", label(namespace, tail), priority=1))
        assert send(shop, sent) == 403, tail
    assert status(shop) == 200


def send(shop: Shop, sent: str | bytes | dict) -> int:
    if isinstance(sent, dict):
        return status(shop, **sent)
    if isinstance(sent, bytes):
        return status(shop, "/", "POST", body=sent)
    return status(shop, sent) if sent.startswith("/") else status(shop, "/", sent)


def test_a_request_says_who_sends_it_and_names_no_local_host(cloud):
    shop, wall = guarded(cloud, managed())
    assert (shop.status(), status(shop)) == (403, 200)
    wall.update(managed(BAD))
    assert shop.status() == 200
    assert cloud.http("GET", f"/restapis/{shop.api}/prod/_user_request_/", host="localhost")[0] == 403


def test_people_pass_all_groups(cloud):
    """The core rules end what is written in HTML with a style or with quotes in it no more than what is not."""
    names = [each["Name"] for each in cloud.client("wafv2").list_available_managed_rule_groups(Scope="REGIONAL")["ManagedRuleGroups"]]
    rules = [managed(name, priority=at) | {"Name": name, "VisibilityConfig": visible(name)} for at, name in enumerate(names)]
    shop, _ = guarded(cloud, *rules)
    ended = [text for text in HARMLESS if status(shop, "/comments", "POST", body=text.encode()) != 200]
    assert ended == []
    assert status(shop, "/shop/items/12?sort=price&page=2&id=5&user=bob", Cookie="session=abc123; theme=dark", Accept="text/html, */*;q=0.8") == 200


# What a web ACL makes of them -----------------------------------------------------------------------------------------


def test_actions_are_overridden_rule_by_rule_and_unknown_names_do_nothing(cloud):
    bodies = {"sorry": {"ContentType": "TEXT_PLAIN", "Content": "blocked by the wall"}}
    worded = {"Block": {"CustomResponse": {"ResponseCode": 400, "CustomResponseBodyKey": "sorry"}}}
    overrides = [
        {"Name": "NoUserAgent_HEADER", "ActionToUse": COUNT}, {"Name": "GenericLFI_QUERYARGUMENTS", "ActionToUse": worded},
        {"Name": "Tea_HEADER", "ActionToUse": COUNT},
    ]  # fmt: skip
    shop, wall = guarded(cloud, managed(RuleActionOverrides=overrides), CustomResponseBodies=bodies)
    assert (shop.status(), status(shop, "/x.log")) == (200, 403)
    code, _, body = shop.ask("/?f=../../x", User_Agent="browser")
    assert (code, body) == (400, b"blocked by the wall")
    wall.update(managed(ExcludedRules=[{"Name": "RestrictedExtensions_URIPATH"}]))
    assert (status(shop, "/x.log"), status(shop, "/?f=../../x")) == (200, 403)
    wall.update(managed(RuleActionOverrides=[{"Name": "RestrictedExtensions_URIPATH", "ActionToUse": {"Allow": {}}}]))
    assert (status(shop, "/x.log"), shop.status("/x.log")) == (200, 403)
    assert refused_code(wall.update, managed(RuleActionOverrides=[{"Name": "x", "ActionToUse": {"Captcha": {}}}])) == "NotImplemented"


def test_a_group_that_is_counted_labels_and_lets_pass(cloud):
    later = rule("later", label("core-rule-set", "RestrictedExtensions_URIPath"), {"Block": {"CustomResponse": {"ResponseCode": 418}}}, priority=1)
    shop, _ = guarded(cloud, managed(action=COUNT), later)
    assert (status(shop, "/x.log"), status(shop, "/?f=../../x")) == (418, 200)


def test_a_scope_down_statement_says_what_a_group_sees(cloud):
    shop, wall = guarded(cloud, managed(ScopeDownStatement=contains("/upload")))
    assert (status(shop, "/upload/x.log"), status(shop, "/x.log")) == (403, 200)
    place = {"Scope": "REGIONAL", "Rules": [managed(ScopeDownStatement=contains("/upload"))]}
    assert wall.client.check_capacity(**place)["Capacity"] == 710
    shown = wall.client.get_web_acl(**wall.place)["WebACL"]
    assert shown["Capacity"] == 710 and shown["Rules"][0]["Statement"]["ManagedRuleGroupStatement"]["Name"] == CORE


def test_the_pinned_version_is_the_groups_own(cloud):
    shop, _ = guarded(cloud, managed(Version="Version_1.19"))
    assert status(shop, "/x.log") == 403


def figure(cloud, name: str, **dimensions: str) -> float:
    now = datetime.datetime.fromtimestamp(cloud.region().clock.now(), datetime.UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/WAFV2", MetricName=name, Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - datetime.timedelta(hours=1), EndTime=now + datetime.timedelta(minutes=1), Period=7200, Statistics=["Sum"],
    )["Datapoints"]  # fmt: skip
    return sum(each["Sum"] for each in found)


def test_figures_samples_and_logs_name_the_rule_of_the_group(cloud):
    """Figures by ManagedRuleGroup, ManagedRuleGroupRule, WebACL and Region, and by LabelName, LabelNamespace, WebACL and Region, as dashboards
    ask for them; samples: https://docs.aws.amazon.com/cli/latest/reference/wafv2/get-sampled-requests.html; logs:
    https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"""
    overrides = [{"Name": "NoUserAgent_HEADER", "ActionToUse": COUNT}]
    shop, wall = guarded(cloud, managed(Version="Version_1.19", RuleActionOverrides=overrides))
    cloud.client("logs").create_log_group(logGroupName="aws-waf-logs-m")
    destination = "arn:aws:logs:us-east-1:000000000000:log-group:aws-waf-logs-m"
    wall.client.put_logging_configuration(LoggingConfiguration={"ResourceArn": wall.arn, "LogDestinationConfigs": [destination]})
    shop.status("/?a=%3Cscript%3E")
    shop.status("/")
    cloud.sleep(61)
    place = {"WebACL": "wall", "Region": "us-east-1"}
    assert figure(cloud, "BlockedRequests", ManagedRuleGroup=CORE, ManagedRuleGroupRule="CrossSiteScripting_QUERYARGUMENTS", **place) == 1
    assert figure(cloud, "CountedRequests", ManagedRuleGroup=CORE, ManagedRuleGroupRule="NoUserAgent_HEADER", **place) == 2
    assert figure(cloud, "BlockedRequests", Rule="group", **place) == 1
    assert figure(cloud, "AllowedRequests", LabelNamespace="awswaf:managed:aws:core-rule-set", LabelName="NoUserAgent_Header", **place) == 1
    now = datetime.datetime.fromtimestamp(cloud.region().clock.now(), datetime.UTC)
    window = {"StartTime": now - datetime.timedelta(hours=1), "EndTime": now}
    samples = wall.client.get_sampled_requests(WebAclArn=wall.arn, RuleMetricName="group", Scope="REGIONAL", TimeWindow=window, MaxItems=9)
    group = f"AWS#{CORE}#Version_1.19"
    assert sorted((each["Action"], each["RuleNameWithinRuleGroup"]) for each in samples["SampledRequests"]) == [
        ("BLOCK", f"{group}#CrossSiteScripting_QUERYARGUMENTS"), ("COUNT", f"{group}#NoUserAgent_HEADER"), ("COUNT", f"{group}#NoUserAgent_HEADER"),
    ]  # fmt: skip
    first, second = (json.loads(each["message"]) for each in cloud.client("logs").filter_log_events(logGroupName="aws-waf-logs-m")["events"])
    assert (first["terminatingRuleId"], first["terminatingRuleType"], first["action"]) == ("group", "MANAGED_RULE_GROUP", "BLOCK")
    (told,) = first["ruleGroupList"]
    assert (told["ruleGroupId"], told["terminatingRule"]["ruleId"]) == (group, "CrossSiteScripting_QUERYARGUMENTS")
    assert first["terminatingRuleMatchDetails"][0]["conditionType"] == "XSS"
    assert [(each["ruleId"], each["action"], each["overriddenAction"]) for each in told["nonTerminatingMatchingRules"]] == [("NoUserAgent_HEADER", "COUNT", "BLOCK")]
    assert second["action"] == "ALLOW" and {"name": "awswaf:managed:aws:core-rule-set:NoUserAgent_Header"} in second["labels"]


def test_groups_stand_at_the_edge_and_after_a_kill(cloud):
    cloud.region(GLOBAL)
    edge = Edge(cloud)
    edge.put("index.html", "hello")
    overrides = [{"Name": "NoUserAgent_HEADER", "ActionToUse": COUNT}]
    site = edge.site(WebACLId=Wall(cloud, managed(RuleActionOverrides=overrides), scope="CLOUDFRONT").arn)
    assert site.get("/").status == 200 and b"Request blocked" in site.get("/x.log").body
    cloud.restart(kill=True)
    assert b"Request blocked" in site.get("/x.log").body


# From a template ------------------------------------------------------------------------------------------------------


TEMPLATE = """
Parameters: {Stage: {Type: String}}
Resources:
  Wall:
    Type: AWS::WAFv2::WebACL
    Properties:
      Scope: REGIONAL
      DefaultAction: {Allow: {}}
      VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: wall}
      Rules:
        - Name: core
          Priority: 0
          OverrideAction: {None: {}}
          Statement:
            ManagedRuleGroupStatement:
              VendorName: AWS
              Name: AWSManagedRulesCommonRuleSet
              ExcludedRules: [{Name: NoUserAgent_HEADER}]
              RuleActionOverrides: [{Name: GenericLFI_QUERYARGUMENTS, ActionToUse: {Count: {}}}]
              ScopeDownStatement:
                NotStatement:
                  Statement:
                    ByteMatchStatement:
                      FieldToMatch: {UriPath: {}}
                      PositionalConstraint: ENDS_WITH
                      SearchString: /free.log
                      TextTransformations: [{Priority: 0, Type: NONE}]
          VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: core}
        - Name: sql
          Priority: 1
          Action: {Block: {}}
          Statement:
            SqliMatchStatement: {FieldToMatch: {QueryString: {}}, SensitivityLevel: HIGH, TextTransformations: [{Priority: 0, Type: URL_DECODE}]}
          VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: sql}
  Guard: {Type: 'AWS::WAFv2::WebACLAssociation', Properties: {ResourceArn: !Ref Stage, WebACLArn: !GetAtt Wall.Arn}}
Outputs: {Capacity: {Value: !GetAtt Wall.Capacity}}
"""


def test_a_template_puts_up_managed_groups(cloud):
    shop, client = Shop(cloud), cloud.client("cloudformation")
    client.create_stack(StackName="wall", TemplateBody=TEMPLATE, Parameters=[{"ParameterKey": "Stage", "ParameterValue": shop.arn}])
    cloud.sleep(30)
    (stack,) = client.describe_stacks(StackName="wall")["Stacks"]
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"]) == ("CREATE_COMPLETE", "742")
    assert [shop.status(path) for path in ("/x.log", "/free.log", "/?f=../../x", "/?id=1%20or%201=1", "/")] == [403, 200, 200, 403, 200]


def test_what_a_group_forbids_is_worded_by_the_api(cloud):
    shop, _ = guarded(cloud, managed())
    code, headers, body = shop.ask("/x.log", User_Agent="browser")
    assert (code, said(body), headers["x-amzn-ErrorType"]) == (403, {"message": "Forbidden"}, "ForbiddenException")
