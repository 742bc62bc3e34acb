"""The control plane of load balancers: what is kept, told again and refused.
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html"""

from __future__ import annotations

import contextlib
import gzip
import json
import re

import pytest
from botocore.exceptions import ClientError
from services.balancer_workshop import Visitor, balancer, fixed, forward, listener, network, servers, target
from services.bill_workshop import used
from services.certificate_workshop import brought
from services.endpoint_workshop import Endpoint
from services.firewall_workshop import Wall, contains, rule

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName
from kumoniwa.kernel.record import changed

ACCOUNT = "000000000000"


@pytest.fixture
def elb(cloud):
    return cloud.client("elbv2")


@pytest.fixture
def made(cloud, elb):
    return balancer(cloud, elb)


def refused(method, **params) -> tuple[str, str]:
    with pytest.raises(ClientError) as found:
        method(**params)
    said = found.value.response["Error"]
    return said["Code"], said["Message"]


def test_a_balancer_is_told_as_it_was_made(cloud, elb):
    vpc, subnets = network(cloud)
    (group,) = cloud.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    made = balancer(cloud, elb, "shop", Scheme="internal", Tags=[{"Key": "a", "Value": "b"}])
    (told,) = elb.describe_load_balancers(Names=["shop"])["LoadBalancers"]
    assert re.fullmatch(r"arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/shop/[0-9a-f]{16}", made["LoadBalancerArn"])
    assert re.fullmatch(r"internal-shop-\d+\.us-east-1\.elb\.localhost", told["DNSName"])
    assert (told["VpcId"], told["SecurityGroups"], told["CanonicalHostedZoneId"]) == (vpc, [group["GroupId"]], "Z35SXDOTRQ7X7K")
    assert [each["SubnetId"] for each in told["AvailabilityZones"]] == subnets
    assert [each["ZoneName"] for each in told["AvailabilityZones"]] == ["us-east-1a", "us-east-1b"]
    assert (told["Scheme"], told["Type"], told["IpAddressType"], told["State"]["Code"]) == ("internal", "application", "ipv4", "active")
    again = elb.create_load_balancer(Name="shop", Subnets=subnets, Scheme="internal", Tags=[{"Key": "a", "Value": "b"}])["LoadBalancers"][0]
    assert again["LoadBalancerArn"] == made["LoadBalancerArn"]
    assert refused(elb.create_load_balancer, Name="shop", Subnets=subnets) == (
        "DuplicateLoadBalancerName", "A load balancer with the same name 'shop' exists, but with different settings",
    )  # fmt: skip


def test_a_balancer_has_an_interface_in_each_of_its_subnets(cloud, elb):
    ec2, subnets = cloud.client("ec2"), [each["SubnetId"] for each in cloud.client("ec2").describe_subnets()["Subnets"][:3]]

    def interfaces() -> list[dict]:
        return ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/web/*"]}])["NetworkInterfaces"]

    made = balancer(cloud, elb, Subnets=subnets[:2])
    assert sorted(each["SubnetId"] for each in interfaces()) == sorted(subnets[:2])
    assert all(each["RequesterManaged"] and each["RequesterId"] == "amazon-elb" for each in interfaces())
    # Nobody else may take it away.
    assert refused(ec2.delete_network_interface, NetworkInterfaceId=interfaces()[0]["NetworkInterfaceId"])[0] == "AuthFailure"
    elb.set_subnets(LoadBalancerArn=made["LoadBalancerArn"], Subnets=subnets[1:])
    assert sorted(each["SubnetId"] for each in interfaces()) == sorted(subnets[1:])
    group = ec2.create_security_group(GroupName="web", Description="d", VpcId=made["VpcId"])["GroupId"]
    assert elb.set_security_groups(LoadBalancerArn=made["LoadBalancerArn"], SecurityGroups=[group])["SecurityGroupIds"] == [group]
    assert all([one["GroupId"] for one in each["Groups"]] == [group] for each in interfaces())
    assert refused(ec2.delete_security_group, GroupId=group)[0] == "DependencyViolation"
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert interfaces() == []
    ec2.delete_security_group(GroupId=group)


def test_a_balancer_stands_in_two_zones_of_one_network(cloud, elb):
    ec2, (vpc, subnets) = cloud.client("ec2"), network(cloud)
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    strange = ec2.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    same = ec2.create_subnet(VpcId=vpc, CidrBlock="172.31.240.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    few = ("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    assert refused(elb.create_load_balancer, Name="x", Subnets=subnets[:1]) == few
    assert refused(elb.create_load_balancer, Name="x", Subnets=[subnets[0], same]) == few
    assert refused(elb.create_load_balancer, Name="x", Subnets=[*subnets, same])[0] == "InvalidConfigurationRequest"
    assert refused(elb.create_load_balancer, Name="x", Subnets=[subnets[0], strange])[0] == "InvalidConfigurationRequest"
    gone = "subnet-0123456789abcdef0"
    assert refused(elb.create_load_balancer, Name="x", Subnets=[subnets[0], gone]) == ("SubnetNotFound", f"The subnet ID '{gone}' does not exist")
    group = "sg-0123456789abcdef0"
    assert refused(elb.create_load_balancer, Name="x", Subnets=subnets, SecurityGroups=[group]) == (
        "InvalidSecurityGroup", f"Security group '{group}' does not exist",
    )  # fmt: skip


REFUSED = [
    ("create_load_balancer", {"Name": "x" * 33}, "ValidationError", f"The load balancer name '{'x' * 33}' cannot be longer than '32' characters"),
    ("create_load_balancer", {"Name": "a_b"}, "ValidationError", "The load balancer name 'a_b' can only contain characters that are alphanumeric"),
    ("create_load_balancer", {"Name": "internal-a"}, "ValidationError", "cannot begin with 'internal-'"),
    ("create_load_balancer", {"Name": "a", "Type": "network"}, "NotImplemented", "network load balancers"),
    ("create_load_balancer", {"Name": "a", "IpAddressType": "dualstack"}, "NotImplemented", "address type dualstack"),
    ("describe_load_balancers", {"Names": ["a", "b"]}, "LoadBalancerNotFound", "Load balancers '[a, b]' not found"),
    ("describe_target_groups", {"Names": ["a"]}, "TargetGroupNotFound", "One or more target groups not found"),
    ("describe_listeners", {}, "ValidationError", "You must specify either listener ARNs or a load balancer ARN"),
    ("describe_rules", {}, "ValidationError", "You must specify either listener rule ARNs or a listener ARN"),
    ("delete_listener", {"ListenerArn": "arn:aws:elasticloadbalancing:us-east-1:0:listener/app/a/b/c"}, "ListenerNotFound", "One or more listeners not found"),
    ("delete_rule", {"RuleArn": "arn:aws:elasticloadbalancing:us-east-1:0:listener-rule/app/a/b/c/d"}, "RuleNotFound", "One or more rules not found"),
    ("create_target_group", {"Name": "a-"}, "NotImplemented", "target groups of type instance"),
    ("create_target_group", {"Name": "a", "TargetType": "instance"}, "NotImplemented", "target groups of type instance"),
    ("create_target_group", {"Name": "a", "TargetType": "ip"}, "ValidationError", "A protocol must be specified"),
    ("create_target_group", {"Name": "a", "TargetType": "ip", "Protocol": "HTTP", "Port": 80}, "ValidationError", "A VPC ID must be specified"),
    ("create_target_group", {"Name": "a", "TargetType": "ip", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-0123456789abcdef0"}, "ValidationError", "The VPC ID 'vpc-0123456789abcdef0' is not found"),
    ("create_target_group", {"Name": "a", "TargetType": "ip", "Protocol": "TCP", "Port": 80}, "NotImplemented", "protocol TCP"),
    ("create_target_group", {"Name": "a", "TargetType": "lambda", "Port": 80}, "ValidationError", "Port cannot be specified for target groups with target type 'lambda'"),
    ("create_target_group", {"Name": "a", "TargetType": "lambda", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5}, "ValidationError", "Health check timeout '5' must be smaller than the interval '5'"),
    ("create_target_group", {"Name": "a", "TargetType": "lambda", "Matcher": {"HttpCode": "abc"}}, "ValidationError", "Health check matcher"),
    ("describe_ssl_policies", {"Names": ["x"]}, "SSLPolicyNotFound", "SSL policy 'x' not found"),
    ("describe_ssl_policies", {"Names": ["ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04"]}, "NotImplemented", "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04"),
    ("describe_tags", {"ResourceArns": ["arn:aws:s3:::b"]}, "ValidationError", "is not a valid load balancer"),
]  # fmt: skip


@pytest.mark.parametrize("method, params, code, text", REFUSED, ids=[f"{each[0]}-{at}" for at, each in enumerate(REFUSED)])
def test_what_cannot_be_is_refused(cloud, elb, method, params, code, text):
    if method == "create_load_balancer":
        params = {"Subnets": network(cloud)[1], **params}
    if "a-" in params.values():
        params, text = {**params, "TargetType": "lambda"}, "Value 'a-' at 'targetGroup.targetGroupArn.targetGroupName' failed to satisfy constraint"
        code = "ValidationError"
    said = refused(getattr(elb, method), **params)
    assert said[0] == code and text in said[1]


ACTIONS = [
    ([], "ValidationError", "Actions must be specified"),
    ([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}], "InvalidLoadBalancerAction", "creates a loop"),
    ([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Port": "99999"}}], "ValidationError", "The port '99999'"),
    ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "ContentType": "image/png"}}], "InvalidLoadBalancerAction",
     "The ContentType must be one of:'text/html', 'application/json', 'application/javascript', 'text/css', 'text/plain'"),
    ([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "300"}}], "ValidationError", "Member must satisfy regular expression pattern"),
    ([{"Type": "forward", "TargetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/a/b"}], "TargetGroupNotFound", "not found"),
    ([{"Type": "jwt-validation"}, *fixed()], "NotImplemented", "jwt-validation actions"),
    ([*fixed(), *fixed()], "InvalidLoadBalancerAction", "A rule has one action of type forward, redirect or fixed-response"),
]  # fmt: skip


@pytest.mark.parametrize("actions, code, text", ACTIONS, ids=range(len(ACTIONS)))
def test_actions_that_lead_nowhere_are_refused(elb, made, actions, code, text):
    said = refused(elb.create_listener, LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=actions)
    assert said[0] == code and text in said[1]
    assert elb.describe_listeners(LoadBalancerArn=made["LoadBalancerArn"])["Listeners"] == []


CONDITIONS = [
    ({"Field": "color", "Values": ["red"]}, "Condition field 'color' must be one of"),
    ({"Field": "host-header", "Values": []}, "A condition value must be specified"),
    ({"Field": "path-pattern", "Values": ["/a", "/b"]}, "The 'path-pattern' field contains too many values; the limit is '1'"),
    ({"Field": "path-pattern", "Values": ["/" + "x" * 128]}, "The 'path-pattern' value is too long; the limit is '128'"),
    ({"Field": "http-header", "Values": ["a"]}, "The 'Values' field is not compatible with 'http-header'"),
    ({"Field": "http-request-method"}, "A 'HttpRequestMethodConfig' must be specified with 'http-request-method'"),
    ({"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}, "the allowed characters are A-Z, hyphen and underscore"),
    ({"Field": "source-ip", "SourceIpConfig": {"Values": ["here"]}}, "'here' is not a valid CIDR block"),
    ({"Field": "host-header", "HostHeaderConfig": {"Values": [f"{at}.example" for at in range(6)]}}, "too many condition values; the limit is '5'"),
    ({"Field": "path-pattern", "Values": ["/*/*/*/*/*/*"]}, "too many wildcards; the limit is '5'"),
]


@pytest.mark.parametrize("condition, text", CONDITIONS, ids=range(len(CONDITIONS)))
def test_conditions_that_nobody_could_meet_are_refused(elb, made, condition, text):
    arn = listener(elb, made, fixed())
    code, said = refused(elb.create_rule, ListenerArn=arn, Priority=1, Conditions=[condition], Actions=fixed())
    assert code == "ValidationError" and text in said


def test_rules_have_priorities_of_their_own_and_the_last_is_the_default(elb, made):
    arn, condition = listener(elb, made, fixed()), [{"Field": "path-pattern", "Values": ["/a"]}]
    first = elb.create_rule(ListenerArn=arn, Priority=5, Conditions=condition, Actions=fixed("a"), Tags=[{"Key": "a", "Value": "b"}])["Rules"][0]
    assert first["Conditions"] == [{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}]
    assert refused(elb.create_rule, ListenerArn=arn, Priority=5, Conditions=condition, Actions=fixed()) == ("PriorityInUse", "Priority '5' is currently in use")
    second = elb.create_rule(ListenerArn=arn, Priority=6, Conditions=condition, Actions=fixed("b"))["Rules"][0]
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": first["RuleArn"], "Priority": 6}, {"RuleArn": second["RuleArn"], "Priority": 5}])
    told = elb.describe_rules(ListenerArn=arn)["Rules"]
    assert [(each["Priority"], each["IsDefault"]) for each in told] == [("5", False), ("6", False), ("default", True)]
    last = told[-1]["RuleArn"]
    for method, more in (("delete_rule", {}), ("modify_rule", {"Actions": fixed()})):
        assert refused(getattr(elb, method), RuleArn=last, **more)[0] == "OperationNotPermitted"
    assert elb.describe_tags(ResourceArns=[first["RuleArn"]])["TagDescriptions"][0]["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_listener_of_tls_needs_a_certificate_and_has_a_policy(cloud, elb, made):
    at = {"LoadBalancerArn": made["LoadBalancerArn"], "Protocol": "HTTPS", "Port": 443, "DefaultActions": fixed()}
    assert refused(elb.create_listener, **at) == ("ValidationError", "A certificate must be specified for HTTPS listeners")
    assert refused(elb.create_listener, **at, Certificates=[]) == (
        "InvalidConfigurationRequest", "You must provide a list containing exactly one certificate if the listener protocol is HTTPS.",
    )  # fmt: skip
    gone = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/11111111-2222-3333-4444-555555555555"
    assert refused(elb.create_listener, **at, Certificates=[{"CertificateArn": gone}]) == ("CertificateNotFound", f"Certificate '{gone}' not found")
    arn = brought(cloud, "a.example")
    told = elb.create_listener(**at, Certificates=[{"CertificateArn": arn}])["Listeners"][0]
    assert (told["SslPolicy"], told["Certificates"]) == ("ELBSecurityPolicy-2016-08", [{"CertificateArn": arn}])
    assert refused(elb.create_listener, **at, Certificates=[{"CertificateArn": arn}])[0] == "DuplicateListener"
    acm = cloud.client("acm")
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [made["LoadBalancerArn"]]
    assert refused(acm.delete_certificate, CertificateArn=arn)[0] == "ResourceInUseException"
    elb.delete_listener(ListenerArn=told["ListenerArn"])
    acm.delete_certificate(CertificateArn=arn)
    assert refused(elb.create_listener, **at | {"Protocol": "TCP"})[1] == "Listener protocol 'TCP' must be one of 'HTTP, HTTPS'"


def test_a_target_group_belongs_to_one_balancer_and_stays_while_it_is_used(cloud, elb, made):
    group, other = servers(elb), balancer(cloud, elb, "other")
    arn = listener(elb, made, forward(group))
    assert elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]["LoadBalancerArns"] == [made["LoadBalancerArn"]]
    assert refused(elb.delete_target_group, TargetGroupArn=group) == (
        "ResourceInUse", f"Target group '{group}' is currently in use by a listener or a rule",
    )  # fmt: skip
    code, text = refused(elb.create_listener, LoadBalancerArn=other["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward(group))
    assert (code, text) == ("TargetGroupAssociationLimit", f"The following target groups cannot be associated with more than one load balancer: {group}")
    elb.delete_listener(ListenerArn=arn)
    elb.delete_target_group(TargetGroupArn=group)
    elb.delete_target_group(TargetGroupArn=group)


def test_targets_are_addresses_of_this_machine(elb, made):
    group = servers(elb)
    assert refused(elb.register_targets, TargetGroupArn=group, Targets=[{"Id": "i-0123456789abcdef0"}])[0] == "ValidationError"
    assert refused(elb.register_targets, TargetGroupArn=group, Targets=[{"Id": "8.8.8.8"}])[0] == "NotImplemented"
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1"}, {"Id": "127.0.0.1", "Port": 81}, {"Id": "127.0.0.1", "Port": 81}])
    told = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert [(each["Target"], each["HealthCheckPort"]) for each in told] == [({"Id": "127.0.0.1", "Port": 80}, "80"), ({"Id": "127.0.0.1", "Port": 81}, "81")]
    # Nobody uses the group: who leaves is gone at once.
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": 81}, {"Id": "127.0.0.9"}])
    assert len(elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]) == 1


def test_a_protected_balancer_is_not_deleted(elb, made):
    arn = made["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}])
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn) == (
        "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
    )  # fmt: skip
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    assert elb.describe_load_balancers()["LoadBalancers"] == []


def test_attributes_are_obeyed_or_refused(elb, made):
    arn = made["LoadBalancerArn"]

    def set_to(key: str, value: str) -> tuple[str, str]:
        return refused(elb.modify_load_balancer_attributes, LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value}])

    assert set_to("color", "red") == ("ValidationError", "Load balancer attribute key 'color' is not recognized")
    assert set_to("idle_timeout.timeout_seconds", "4001") == (
        "ValidationError", "'idle_timeout.timeout_seconds' value '4001' must be between '1-4000' inclusive",
    )  # fmt: skip
    assert set_to("routing.http.desync_mitigation_mode", "monitor")[0] == "NotImplemented"
    told = {each["Key"]: each["Value"] for each in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]}
    assert (told["idle_timeout.timeout_seconds"], told["routing.http2.enabled"], told["access_logs.s3.enabled"]) == ("60", "true", "false")
    group = servers(elb)
    sticky = [{"Key": "stickiness.enabled", "Value": "true"}, {"Key": "stickiness.type", "Value": "app_cookie"}]
    assert refused(elb.modify_target_group_attributes, TargetGroupArn=group, Attributes=sticky) == (
        "InvalidConfigurationRequest", "You must set an application cookie name to enable stickiness of type 'app_cookie'",
    )  # fmt: skip
    for kind, code in (("source_ip", "InvalidConfigurationRequest"), ("source_ip_dest_ip", "ValidationError")):
        assert refused(elb.modify_target_group_attributes, TargetGroupArn=group, Attributes=[{"Key": "stickiness.type", "Value": kind}])[0] == code
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "3601"}]
    assert refused(elb.modify_target_group_attributes, TargetGroupArn=group, Attributes=delay) == (
        "ValidationError", "'deregistration_delay.timeout_seconds' value '3601' must be between '0-3600' inclusive",
    )  # fmt: skip


def test_security_policies_tell_their_versions_and_ciphers(elb):
    told = {each["Name"]: each for each in elb.describe_ssl_policies()["SslPolicies"]}
    old, strict = told["ELBSecurityPolicy-2016-08"], told["ELBSecurityPolicy-TLS13-1-2-Res-2021-06"]
    assert (old["SslProtocols"], len(old["Ciphers"])) == (["TLSv1.2", "TLSv1.1", "TLSv1"], 18)
    assert (strict["SslProtocols"], len(strict["Ciphers"]), strict["Ciphers"][0]) == (["TLSv1.3", "TLSv1.2"], 7, {"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1})


def test_tags_are_kept_with_everything(cloud, elb, made):
    group = servers(elb)
    arn = listener(elb, made, fixed(), Tags=[{"Key": "kind", "Value": "listener"}])
    elb.add_tags(ResourceArns=[made["LoadBalancerArn"], group], Tags=[{"Key": "team", "Value": "shop"}])
    told = elb.describe_tags(ResourceArns=[made["LoadBalancerArn"], arn, group])["TagDescriptions"]
    assert [each["Tags"] for each in told] == [[{"Key": "team", "Value": "shop"}], [{"Key": "kind", "Value": "listener"}], [{"Key": "team", "Value": "shop"}]]
    found = cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team"}])["ResourceTagMappingList"]
    assert {each["ResourceARN"] for each in found} == {made["LoadBalancerArn"], group}
    elb.remove_tags(ResourceArns=[group], TagKeys=["team", "none"])
    assert elb.describe_tags(ResourceArns=[group])["TagDescriptions"][0]["Tags"] == []
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert refused(elb.add_tags, ResourceArns=[group], Tags=twice) == ("DuplicateTagKeys", "Tag key was specified more than once: a")


def test_what_was_acknowledged_is_there_after_a_kill(cloud, elb):
    _, subnets = network(cloud)
    cloud.kill_at_answer()
    made = elb.create_load_balancer(Name="kept", Subnets=subnets)["LoadBalancers"][0]
    cloud.kill_at_answer()
    listener(cloud.client("elbv2"), made, fixed("kept"))
    cloud.sleep(2)
    assert Visitor(cloud, made).text() == "kept"
    found = cloud.client("ec2").describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/kept/*"]}])["NetworkInterfaces"]
    assert len(found) == 2


# Beside it ----------------------------------------------------------------------------------------------------------


def test_a_web_acl_guards_a_balancer(cloud, elb, made):
    listener(elb, made, fixed("in"))
    wall, visit = Wall(cloud, rule("no", contains("evil"))), Visitor(cloud, made)
    wall.client.associate_web_acl(WebACLArn=wall.arn, ResourceArn=made["LoadBalancerArn"])
    assert wall.client.list_resources_for_web_acl(WebACLArn=wall.arn)["ResourceArns"] == [made["LoadBalancerArn"]]
    status, headers, body = visit("/evil")
    assert (status, headers["server"]) == (403, "awselb/2.0") and b"403 Forbidden" in body
    assert visit.text("/good") == "in"
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    assert wall.client.list_resources_for_web_acl(WebACLArn=wall.arn)["ResourceArns"] == []


LOG = re.compile(
    r'http (?P<time>\S+) (?P<elb>\S+) 127\.0\.0\.1:0 (?P<target>\S+) (?P<times>\S+ \S+ \S+) (?P<status>\d+) (?P<target_status>\S+) \d+ \d+ '
    r'"(?P<request>[^"]+)" "(?P<agent>[^"]+)" - - (?P<group>\S+) "Root=\S+" "-" "-" (?P<rule>\S+) \S+ "(?P<actions>[^"]+)" '
    r'"(?P<redirect>[^"]+)" "(?P<error>[^"]+)" "(?P<targets>[^"]+)" "(?P<statuses>[^"]+)" "-" "-" TID_[0-9a-f]{32} "-" "-" "-"'
)


def test_each_request_is_a_line_in_the_access_log(cloud, elb, made):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html"""
    s3, arn = cloud.client("s3"), made["LoadBalancerArn"]
    s3.create_bucket(Bucket="logs")
    wanted = [{"Key": "access_logs.s3.enabled", "Value": "true"}, {"Key": "access_logs.s3.bucket", "Value": "logs"}, {"Key": "access_logs.s3.prefix", "Value": "web"}]
    assert refused(elb.modify_load_balancer_attributes, LoadBalancerArn=arn, Attributes=wanted) == (
        "InvalidConfigurationRequest", "Access Denied for bucket: logs. Please check S3bucket permission",
    )  # fmt: skip
    allow = {"Effect": "Allow", "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}, "Action": "s3:PutObject"}
    allow["Resource"] = f"arn:aws:s3:::logs/web/AWSLogs/{ACCOUNT}/*"
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=wanted)
    endpoint = Endpoint()
    try:
        group = servers(elb, endpoint)
        held = listener(elb, made, forward(group))
        elb.create_rule(ListenerArn=held, Priority=7, Conditions=[{"Field": "path-pattern", "Values": ["/x"]}], Actions=fixed(status="404"))
        visit = Visitor(cloud, made)
        visit("/a?b=c", headers={"User-Agent": 'a "b"'}), visit("/x")
        cloud.sleep(3)
    finally:
        endpoint.close()
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="logs")["Contents"]]
    assert f"web/AWSLogs/{ACCOUNT}/ELBAccessLogTestFile" in keys
    (key,) = [each for each in keys if each.endswith(".log.gz")]
    name = made["LoadBalancerArn"].partition(":loadbalancer/")[2]
    assert re.fullmatch(
        rf"web/AWSLogs/{ACCOUNT}/elasticloadbalancing/us-east-1/\d{{4}}/\d\d/\d\d/{ACCOUNT}_elasticloadbalancing_us-east-1_{name.replace('/', '.')}_"
        r"\d{8}T\d{4}Z_127\.0\.0\.1_\w{8}\.log\.gz", key,
    )  # fmt: skip
    lines = gzip.decompress(s3.get_object(Bucket="logs", Key=key)["Body"].read()).decode().splitlines()
    first, second = [LOG.fullmatch(line) for line in lines]
    port = endpoint.server.server_port
    assert (first["elb"], first["target"], first["status"], first["target_status"], first["rule"]) == (name, f"127.0.0.1:{port}", "200", "200", "0")
    assert (first["request"], first["agent"], first["actions"]) == (f"GET http://{made['DNSName']}:80/a?b=c HTTP/1.1", "a \\x22b\\x22", "forward")
    assert (second["target"], second["times"], second["status"], second["target_status"]) == ("-", "-1 -1 -1", "404", "-")
    assert (second["rule"], second["actions"]) == ("7", "fixed-response")


def test_figures_say_how_much_was_asked_and_how_it_went(cloud, elb, made):
    endpoint = Endpoint()
    try:
        group = servers(elb, endpoint)
        listener(elb, made, forward(group))
        cloud.sleep(1)
        endpoint.will(200), endpoint.will(500), endpoint.will(404)
        for _ in range(3):
            Visitor(cloud, made)("/x")
        cloud.sleep(60)
        elb.deregister_targets(TargetGroupArn=group, Targets=[target(endpoint)])
        Visitor(cloud, made)("/x")
        cloud.sleep(60)
    finally:
        endpoint.close()
    where = [{"Name": "LoadBalancer", "Value": made["LoadBalancerArn"].partition(":loadbalancer/")[2]}]
    there = [*where, {"Name": "TargetGroup", "Value": group.rpartition(":")[2]}]

    def total(name: str, dimensions: list[dict]) -> float:
        asked = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions, "Period": 3600, "Statistics": ["Sum"]}
        found = cloud.client("cloudwatch").get_metric_statistics(StartTime=cloud.now() - 3600, EndTime=cloud.now() + 60, **asked)["Datapoints"]
        return sum(each["Sum"] for each in found)

    assert [total(name, where) for name in ("RequestCount", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_5XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_ELB_503_Count")] == [3, 1, 1, 1, 1]  # fmt: skip
    assert (total("RequestCount", there), total("HTTPCode_Target_5XX_Count", there)) == (3, 1)
    assert total("HealthyHostCount", there) > 0


def test_a_balancer_is_billed_by_the_hour_and_what_passes_by_units(cloud, elb, made):
    """https://aws.amazon.com/elasticloadbalancing/pricing/"""
    arn = listener(elb, made, fixed("x" * 1_000))
    cloud.sleep_dark(2 * 3_600)
    assert used(cloud)["elb:application_load_balancer", "web"] == pytest.approx(2, rel=0.01)
    for _ in range(10):
        Visitor(cloud, made)()
    assert 10_000 < used(cloud)["elb:application_capacity_units", "web"] * (1 << 30) < 20_000
    elb.delete_listener(ListenerArn=arn)
    elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    cloud.sleep(1)
    before = used(cloud)["elb:application_load_balancer", "web"]
    cloud.sleep_dark(3_600)
    assert used(cloud)["elb:application_load_balancer", "web"] == before


def test_policies_go_by_what_is_asked_for_and_by_tags(cloud, elb):
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html#awselasticloadbalancingv2-policy-keys"""
    def allowed(action: str, **condition: str) -> dict:
        keys = {f"elasticloadbalancing:{name.replace('__', '/')}": value for name, value in condition.items()}
        return {"Effect": "Allow", "Action": f"elasticloadbalancing:{action}", "Resource": "*", "Condition": {"StringEquals": keys}}

    iam, made = cloud.client("iam"), balancer(cloud, elb, Tags=[{"Key": "team", "Value": "shop"}])
    statements = [
        allowed("CreateLoadBalancer", Scheme="internal"), allowed("CreateListener", ListenerProtocol="HTTPS", SecurityPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06"),
        allowed("ModifyLoadBalancerAttributes", ResourceTag__team="shop"),
    ]  # fmt: skip
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    cloud.sleep(1)
    ann = cloud.client("elbv2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    _, subnets = network(cloud)
    assert refused(ann.create_load_balancer, Name="open", Subnets=subnets)[0] == "AccessDenied"
    ann.create_load_balancer(Name="closed", Subnets=subnets, Scheme="internal")
    at = {"LoadBalancerArn": made["LoadBalancerArn"], "DefaultActions": fixed()}
    secure = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": brought(cloud, "a.example")}]}
    assert refused(ann.create_listener, **at, Protocol="HTTP", Port=80)[0] == "AccessDenied"
    assert refused(ann.create_listener, **at, **secure, SslPolicy="ELBSecurityPolicy-2016-08")[0] == "AccessDenied"
    ann.create_listener(**at, **secure, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    attributes = [{"Key": "idle_timeout.timeout_seconds", "Value": "61"}]
    ann.modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"], Attributes=attributes)
    other = elb.describe_load_balancers(Names=["closed"])["LoadBalancers"][0]["LoadBalancerArn"]
    assert refused(ann.modify_load_balancer_attributes, LoadBalancerArn=other, Attributes=attributes)[0] == "AccessDenied"


@pytest.mark.parametrize("turns", range(1, 9))
def test_a_balancer_is_there_with_its_interfaces_or_not_at_all(cloud, elb, turns):
    """Whatever moment the region is killed in."""
    _, subnets = network(cloud)
    balancer(cloud, elb, "first")

    def check() -> None:
        client, ec2 = cloud.client("elbv2"), cloud.client("ec2")
        names = sorted(each["LoadBalancerName"] for each in client.describe_load_balancers()["LoadBalancers"])
        held = ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/*"]}])["NetworkInterfaces"]
        assert sorted(each["Description"].split("/")[1] for each in held) == sorted(names * 2)

    cloud.kill_in_midst(turns)
    with contextlib.suppress(Exception):
        elb.create_load_balancer(Name="second", Subnets=subnets)
    check()
    for each in cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]:
        cloud.kill_in_midst(turns)
        with contextlib.suppress(Exception):
            cloud.client("elbv2").delete_load_balancer(LoadBalancerArn=each["LoadBalancerArn"])
        check()


def test_what_the_gate_goes_by_is_put_right_after_a_kill(cloud, elb, made):
    """A kill between two files loses or leaves a name: as if it had, one is taken away and one is left over."""
    arn = listener(elb, made, fixed("in"))
    elb.create_rule(ListenerArn=arn, Priority=1, Conditions=[{"Field": "host-header", "Values": ["a.example"]}], Actions=fixed("a"))

    async def damage() -> None:
        shelf = cloud.region().store.shelf(SHARED, HostName)
        shelf["gone.example"] = changed(shelf["a.example"], name="gone.example", target=made["LoadBalancerArn"][:-1])
        del shelf["a.example"]
        await cloud.region().store.journal.settled()

    cloud.run(damage())
    cloud.restart(kill=True)
    cloud.sleep(0.1)
    assert Visitor(cloud, made).text(host="a.example") == "a"
    assert "gone.example" not in cloud.region().store.shelf(SHARED, HostName)
