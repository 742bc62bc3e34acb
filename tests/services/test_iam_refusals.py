"""What AWS refuses of IAM, with its codes and in its words as cdk-preflight saw them in live calls and deployments (rules/iam): each case is named
after its rule. https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT, MALFORMED = "000000000000", "MalformedPolicyDocument"
SYNTAX, LEGACY = "Syntax errors in policy.", "The policy failed legacy parsing"
STS_ONLY = "AssumeRole policy may only specify STS AssumeRole actions."
WILD_VENDOR = "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards."
ONE_VENDOR = "Resource vendor must be fully qualified and cannot contain regexes."
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
ROLE = {"RoleName": "new", "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})}
CHINESE = "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"
ABROAD = 'Partition "{}" is not valid for resource "arn:{}:s3:::b".'


def changed(statement, change):
    return {name: value for name, value in (statement | change).items() if value is not None}


def of_policy(document):
    return "put_role_policy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": json.dumps(document)}


def inline(change=None, **more):
    """A policy with one statement, a change of it, and what stands beside it."""
    return of_policy({"Version": "2012-10-17", "Statement": [changed(ALLOW, change or {})]} | more)


def on(operator, value, key="aws:SourceArn"):
    return inline({"Condition": {operator: {key: value}}})


def trust(**change):
    return "update_assume_role_policy", {"RoleName": "r", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [changed(TRUST, change)]})}


def unknown(kind, name):
    return f'Invalid principal in policy: "{kind}":"{name}"'


def badly_named(what):
    return "ValidationError", f"The specified value for {what} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"


CASES = [
    ("identity-policy-no-principal", inline({"Principal": "*"}), "Policy document should not specify a principal."),
    ("identity-policy-no-principal", inline({"NotPrincipal": {"AWS": "*"}}), "Policy document should not specify a principal."),
    ("inline-policy-size", ("put_user_policy", {"UserName": "u", "PolicyName": "p", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [ALLOW | {"Sid": "x" * 2048}]})}),
     ("LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user u")),
    ("instance-profile-single-role", ("add_role_to_instance_profile", {"InstanceProfileName": "i", "RoleName": "other"}),
     ("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")),
    ("managed-policy-size", ("create_policy", {"PolicyName": "p", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [ALLOW | {"Sid": "x" * 6144}]})}),
     ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")),
    ("name-format", ("create_role", ROLE | {"RoleName": "テスト用"}), badly_named("roleName")),
    ("name-format", ("create_user", {"UserName": "テスト用"}), badly_named("userName")),
    ("name-format", ("create_policy", {"PolicyName": "テスト用", "PolicyDocument": "{}"}), badly_named("policyName")),
    ("name-format", ("put_user_policy", {"UserName": "u", "PolicyName": "テスト用", "PolicyDocument": "{}"}), badly_named("policyName")),
    ("oidc-provider-client-id-count", ("create_open_id_connect_provider", {"Url": "https://a.example", "ClientIDList": [f"c{number}" for number in range(101)]}),
     ("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")),
    ("path-service-role-reserved", ("create_role", ROLE | {"Path": "/aws-service-role/"}),
     ("InvalidInput", "Paths beginning with '/aws-service-role' are reserved for AWS Service Linked Roles")),
    ("permissions-boundary-policy-arn", ("create_role", ROLE | {"PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:role/r"}),
     ("InvalidInput", f"ARN arn:aws:iam::{ACCOUNT}:role/r is not valid.")),
    ("policy-arn-partition", ("attach_role_policy", {"RoleName": "r", "PolicyArn": CHINESE}), ("ValidationError", "Invalid ARN partition")),
    ("policy-arn-partition", ("create_role", ROLE | {"PermissionsBoundary": CHINESE}), ("ValidationError", "Invalid ARN partition")),
    ("slr-service-name-format", ("create_service_linked_role", {"AWSServiceName": "elasticloadbalancing"}),
     ("AccessDenied", "elasticloadbalancing is not a valid AWS service name (Service Principal)")),
    ("slr-service-name-format", ("create_service_linked_role", {"AWSServiceName": "notreal.amazonaws.com"}),
     ("AccessDenied", "notreal.amazonaws.com is not a valid AWS service name (Service Principal)")),
    ("policy-action-format", inline({"Action": "GetObject"}), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ("policy-action-required", inline({"Action": None}), "Policy statement must contain actions."),
    ("policy-action-required", inline({"Action": []}), "Policy statement must contain actions."),
    ("policy-action-single-colon", inline({"Action": "s3:Get:Object"}), "Actions/Condition can contain only one colon."),
    *[("policy-action-vendor-wildcard", inline({"Action": action}), WILD_VENDOR) for action in ("*:GetObject", "s3*:GetObject", "s3?:Get")],
    *[("policy-condition-arn-value", on("ArnLike", value), LEGACY) for value in ("nope", "arn:aws:s3:b", "${aws:PrincipalArn}")],
    *[("policy-condition-binary-value", on("BinaryEquals", value, "s3:x-amz-meta-x"), SYNTAX) for value in ("!!!", "abc", "YWJj==")],
    *[("policy-condition-date-value", on("DateGreaterThan", value, "aws:CurrentTime"), LEGACY)
      for value in ("tomorrow", "2026/01/01", "2026-13-45", "Thu, 01 Jan 2026 00:00:00 GMT")],
    *[("policy-condition-ip-value", on("IpAddress", value, "aws:SourceIp"), LEGACY)
      for value in ("203.0.113.999/24", "example.com", "1.2.3", "10.0.0.0/33", "203.0.113.0/24 ")],
    ("policy-condition-null-ifexists", on("NullIfExists", "true", "aws:TokenIssueTime"), SYNTAX),
    *[("policy-condition-numeric-value", on("NumericLessThan", value, "s3:max-keys"), LEGACY) for value in ("abc", " 10", "0x10")],
    ("policy-condition-operator", on("StringEqualz", "a"), SYNTAX),
    *[("policy-condition-value-type", on("StringEquals", value), SYNTAX) for value in ({"a": "b"}, [{"a": "b"}])],
    ("policy-duplicate-sid", of_policy({"Version": "2012-10-17", "Statement": [ALLOW | {"Sid": "Dup"}] * 2}), "Statement IDs (SID) in a single policy must be unique."),
    ("policy-effect-case", inline({"Effect": "allow"}), LEGACY),
    ("policy-effect-required", inline({"Effect": None}), SYNTAX),
    ("policy-exclusive-fields", inline({"NotAction": "s3:PutObject"}), SYNTAX),
    ("policy-exclusive-fields", inline({"NotResource": "*"}), SYNTAX),
    ("policy-resource-arn-segments", inline({"Resource": "arn:aws:s3:b"}), LEGACY),
    ("policy-resource-format", inline({"Resource": "my-bucket"}), 'Resource my-bucket must be in ARN format or "*".'),
    *[("policy-resource-global-service-arn", inline({"Resource": arn}), f"Resource {arn} can not contain region information.")
      for arn in ("arn:aws:s3:us-east-1::b", "arn:aws:route53:us-east-1::hostedzone/z")],
    # The rule tells only the end of this text, and of IAM's that it is such a one; getmoto/moto's test_iam_policies has it from AWS.
    ("policy-resource-global-service-arn", inline({"Resource": "arn:aws:s3::111122223333:b"}), "Resource arn:aws:s3::111122223333:b cannot contain an account id."),
    ("policy-resource-global-service-arn", inline({"Resource": "arn:aws:iam:us-east-1:111122223333:role/r"}),
     "IAM resource arn:aws:iam:us-east-1:111122223333:role/r cannot contain region information."),
    *[("policy-resource-partition", inline({"Resource": f"arn:{name}:s3:::b"}), ABROAD.format(name, name)) for name in ("aws-cn", "aws-nope", "", "AWS")],
    *[("policy-resource-service-wildcard", inline({"Resource": f"arn:aws:{name}:::b"}), ONE_VENDOR) for name in ("*", "s3*")],
    *[("policy-sid-format", inline({"Sid": sid}), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
      for sid in ("allow-s3-read", "allow s3 read")],
    ("policy-statement-required", of_policy({"Version": "2012-10-17"}), SYNTAX),
    ("policy-statement-required", of_policy({"Version": "2012-10-17", "Statement": []}), SYNTAX),
    ("policy-statement-resource-required", inline({"Resource": None}), "Policy statement must contain resources."),
    *[("policy-statement-unknown-field", inline({name: "x"}), SYNTAX) for name in ("Effects", "Sids", "Id", "Version")],
    *[("policy-unknown-toplevel-field", inline(**{name: "x"}), SYNTAX) for name in ("Description", "Comment", "Statement2", "version")],
    ("policy-version", inline(Version="2012-10-18"), SYNTAX),
    *[("trust-policy-action-sts-only", trust(Action=action), STS_ONLY)
      for action in ("s3:GetObject", "sts:*", "*", "sts:AssumeRoot", "sts:GetCallerIdentity", "sts:GetSessionToken", "sts:assumerole")],
    *[("trust-policy-aws-principal-format", trust(Principal={"AWS": name}), unknown("AWS", name))
      for name in ("12345", "arn:aws:sts::111122223333:assumed-role/x/y", f"arn:aws:iam::{ACCOUNT}:user/*", f"arn:aws:iam::{ACCOUNT}:*", f"{ACCOUNT} ")],
    ("trust-policy-cognito-condition", trust(Principal={"Federated": "cognito-identity.amazonaws.com"}, Action="sts:AssumeRoleWithWebIdentity"),
     "A condition block must be present for the Cognito provider"),
    ("trust-policy-no-resource", trust(Resource="*"), "Has prohibited field Resource"),
    ("trust-policy-principal-star-string", trust(Principal="*"), 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'),
    ("trust-policy-service-principal", trust(Principal={"Service": "lambda.example.com"}), unknown("SERVICE", "lambda.example.com")),
    ("trust-policy-service-wildcard", trust(Principal={"Service": "*"}), unknown("SERVICE", "*")),
]  # fmt: skip


@pytest.fixture
def iam(cloud):
    client = cloud.client("iam")
    for name in ("r", "other"):
        client.create_role(**ROLE | {"RoleName": name})
    client.create_user(UserName="u")
    client.create_instance_profile(InstanceProfileName="i")
    client.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    return client


@pytest.mark.parametrize("rule, asked, expected", CASES, ids=[rule for rule, *_ in CASES])
def test_what_aws_refuses_is_refused_in_its_words(iam, rule, asked, expected):
    method, said = asked
    assert refused(getattr(iam, method), **said) == (expected if isinstance(expected, tuple) else (MALFORMED, expected))


@pytest.mark.parametrize("kind, most", [("user", 10), ("group", 10), ("role", 20)])
def test_so_many_policies_may_be_attached(iam, kind, most):
    # managed-policy-count: the quotas of an account that asked for no others.
    iam.create_group(GroupName="g")
    name = {f"{kind.title()}Name": kind[0]}
    arns = [each["Arn"] for each in iam.list_policies(Scope="AWS", PathPrefix="/service-role/", MaxItems=40)["Policies"]][: most + 1]
    for arn in arns[:most]:
        getattr(iam, f"attach_{kind}_policy")(**name, PolicyArn=arn)
    expected = ("LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind.title()}: {most}")
    assert refused(getattr(iam, f"attach_{kind}_policy"), **name, PolicyArn=arns[most]) == expected


def test_a_provider_of_plain_http_is_refused_without_a_word(iam):
    # oidc-provider-url-https; what lives on a loopback address is the exception that this machine makes.
    assert refused(iam.create_open_id_connect_provider, Url="http://nope.example.com") == ("InvalidInput", "")


TAKEN = [
    *[inline({"Action": action}) for action in ("s3:Get*", "s3:*", "*")],
    *[on("ArnLike", value) for value in ("arn:*:s3:::b", "arn:aws:*:*:*:*", "*")],
    *[on("BinaryEquals", value, "s3:x-amz-meta-x") for value in ("YWJj", "YWJjZA==")],
    *[on("DateGreaterThan", value, "aws:CurrentTime")
      for value in ("2026", "2026-01", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00+09:00", "1767225600")],
    *[on("IpAddress", value, "aws:SourceIp") for value in ("203.0.113.0/24", "203.0.113.5", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1", "::/0")],
    *[on(name, "true", "aws:TokenIssueTime") for name in ("Null", "ForAllValues:Null")],
    *[on("NumericLessThan", value, "s3:max-keys") for value in ("10", 10, "10.5", "-1", "1e3")],
    *[inline({"Resource": arn}) for arn in ("arn:*:s3:::b", "arn:aws:s3:::b*", "arn:aws:s3:us-east-1:111122223333:accesspoint/ap", "arn:aws:cloudfront:us-east-1:111122223333:d/x")],
    inline(Id="x"),
    *[trust(Action=f"sts:{name}") for name in ("AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "TagSession", "SetSourceIdentity", "SetContext")],
    *[trust(Principal={"AWS": name}) for name in ("*", "111122223333", "1111-2222-3333", "arn:aws:iam::111122223333:root", f"arn:aws:iam::{ACCOUNT}:user/u")],
    trust(Principal={"Federated": "cognito-identity.amazonaws.com"}, Action="sts:AssumeRoleWithWebIdentity",
          Condition={"StringEquals": {"cognito-identity.amazonaws.com:aud": "p"}}),
]  # fmt: skip


def test_what_aws_took_is_taken(iam):
    """The other halves of these rules."""
    for method, said in TAKEN:
        getattr(iam, method)(**said)
