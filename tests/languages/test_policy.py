"""Policy documents, conditions and decisions, against what AWS documents and answers."""

from __future__ import annotations

import json
import re
import time
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.principal import Principal
from kumoniwa.languages import policy, policy_pattern
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.languages.policy_decision import Authority, keys_of

HOME, ABROAD = "111122223333", "444455556666"
BUCKET = "arn:aws:s3:::bucket/key"

USER = Principal(
    kind="user",
    account=HOME,
    arn=f"arn:aws:iam::{HOME}:user/team/bob",
    source_arn=f"arn:aws:iam::{HOME}:user/team/bob",
    user_id="AIDAEXAMPLE1234567",
    tags={"Department": "data"},
)
ROLE = f"arn:aws:iam::{HOME}:role/examplerole"
SESSION = Principal(
    kind="role",
    account=HOME,
    arn=f"arn:aws:sts::{HOME}:assumed-role/examplerole/examplerolesessionname",
    source_arn=ROLE,
    user_id="AROAEXAMPLE1234567:examplerolesessionname",
)
FEDERATED = Principal(
    kind="federated",
    account=HOME,
    arn=f"arn:aws:sts::{HOME}:federated-user/fred",
    source_arn=USER.arn,
    user_id=f"{HOME}:fred",
)
ROOT = principals.root(HOME)
FOREIGNER = Principal(
    kind="user",
    account=ABROAD,
    arn=f"arn:aws:iam::{ABROAD}:user/eve",
    source_arn=f"arn:aws:iam::{ABROAD}:user/eve",
)


def document(*statements, version="2012-10-17"):
    return {"Version": version, "Statement": list(statements)}


def allow(action="s3:GetObject", resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def identity(*statements, name="p"):
    return parse(document(*statements), "identity", name=name)


def resource_policy(*statements):
    return parse(document(*statements), "resource", name="r")


def decide(principal, *statements, action="s3:GetObject", resource=BUCKET, context=None, on=None, **limits):
    decision_side = {
        name: limits.pop(name)
        for name in ("resource_account", "resource_must_allow", "rcps")
        if name in limits
    }
    authority = Authority(principal, (identity(*statements),) if statements else (), **limits)
    asked = keys_of(principal) | (context or {})
    return authority.decide(action, resource, asked, resource_policy=on, **decision_side)


def holds(block, version="2012-10-17", principal=USER, **context) -> bool:
    """Whether a statement with this Condition applies; context keys with __ for the colon."""
    found = parse(document(allow(Condition=block), version=version), "identity")
    asked = {key.replace("__", ":").replace("_SLASH_", "/"): value for key, value in context.items()}
    return (
        Authority(principal, (found,)).decide("s3:GetObject", BUCKET, keys_of(principal) | asked).is_allowed
    )


# Documents ---------------------------------------------------------------------------------------

S3 = "arn:aws:s3:::example_bucket"


def one(**elements):
    return document({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": S3, **elements})


def without(*names, **elements):
    statement = one(**elements)["Statement"][0]
    return document({name: value for name, value in statement.items() if name not in names})


SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
VERSION = "Policy document must be version 2012-10-17 or greater."

# AWS's answers as recorded in https://github.com/getmoto/moto/blob/master/tests/test_iam/test_iam_policies.py
MALFORMED = [
    ("This is not a json document", SYNTAX),
    ({"Statement": one()["Statement"]}, VERSION),
    (one() | {"Version": "2008-10-17"}, VERSION),
    (one() | {"Version": "2013-10-17"}, SYNTAX),
    ({"Version": "2012-10-17"}, SYNTAX),
    (document("afd"), SYNTAX),
    (document(), SYNTAX),
    (one() | {"Extra field": "value"}, SYNTAX),
    (one(**{"Extra field": "value"}), SYNTAX),
    (one() | {"Id": {}}, SYNTAX),
    (one(Effect="invalid"), SYNTAX),
    (one(Effect="denY"), LEGACY),
    (without("Effect"), SYNTAX),
    (one(Action="invalid"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    (
        without("Action", NotAction=""),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    (one(Action="a a:ListBucket"), "Vendor a a is not valid"),
    (one(Action="s3:List:Bucket"), "Actions/Condition can contain only one colon."),
    (one(Resource="invalid resource"), 'Resource invalid resource must be in ARN format or "*".'),
    (one(Resource=""), 'Resource  must be in ARN format or "*".'),
    (one(Action="s:3:ListBucket", Resource="sdfsadf"), 'Resource sdfsadf must be in ARN format or "*".'),
    (
        one(Resource="a:bsdfdsafsad"),
        'Partition "bsdfdsafsad" is not valid for resource "arn:bsdfdsafsad:*:*:*:*".',
    ),
    (one(Resource="a:b:c:d:e:f:g:h"), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".'),
    (
        one(Resource=["arn:error:s3:::example_bucket", "arn:error:s3::example_bucket"]),
        'Partition "error" is not valid for resource "arn:error:s3:::example_bucket".',
    ),
    (without("Resource"), "Policy statement must contain resources."),
    (one(Resource=[]), "Policy statement must contain resources."),
    (
        without("Resource", Action="invalid"),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    (without("Action"), "Policy statement must contain actions."),
    (one(Action=[]), "Policy statement must contain actions."),
    (
        one(Resource="arn:aws:iam:::example_bucket"),
        'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, '
        "server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
    ),
    (one(Resource="arn:aws:s3::example_bucket"), LEGACY),
    (one(Resource="arn:aws::::example_bucket"), LEGACY),
    (one(Resource="arn:aws"), "Resource vendor must be fully qualified and cannot contain regexes."),
    (one(Resource={"a": S3}), SYNTAX),
    (one(Resource=["adfdf", {}]), SYNTAX),
    (one(NotResource=[]), SYNTAX),
    (one(NotAction="iam:x"), SYNTAX),
    (one(Action=[[]]), SYNTAX),
    (one(Condition=[]), SYNTAX),
    (one(Condition={"a": "b"}), SYNTAX),
    (one(Condition={"DateGreaterThan": {"a": {}}}), SYNTAX),
    (one(Condition={"x": {"a": "1"}}), SYNTAX),
    (one(Condition={"ForAnyValue::StringEqualsIfExists": {"a": "asf"}}), SYNTAX),
    (one(Condition={"DateGreaterThan": {"a": "sdfdsf"}}), LEGACY),
    (one(Condition={"DateLessThanEquals": {"a": "234-13"}}), LEGACY),
    (one(Condition={"DateLessThan": {"a": "9223372036854775808"}}), LEGACY),
    (
        one(Resource="arn:aws:iam:us-east-1::example_bucket"),
        "IAM resource arn:aws:iam:us-east-1::example_bucket cannot contain region information.",
    ),
    (
        one(Resource="arn:aws:s3:us-east-1::example_bucket"),
        "Resource arn:aws:s3:us-east-1::example_bucket can not contain region information.",
    ),
    (one(Sid=[]), SYNTAX),
    (
        document(allow(Sid="a"), {"Sid": "a", "Effect": "Allow"}),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    (one(Principal="*"), "Policy document should not specify a principal."),
]


@pytest.mark.parametrize(("malformed", "text"), MALFORMED)
def test_a_malformed_managed_policy_is_refused_in_aws_words(malformed, text):
    written = malformed if isinstance(malformed, str) else json.dumps(malformed)
    with pytest.raises(MalformedPolicyDocument) as caught:
        parse(written, "identity", needs_version=True)
    assert caught.value.text == text


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": "*"},
        {"Action": "iam: asdf safdsf af "},
        {"Resource": "arn:aws:fdsasf"},
        {"Resource": "arn:aws:iam:::user/example_bucket"},
        {"Resource": "arn:aws:invalid-service:us-east-1::example_bucket"},
        {"Condition": {"a": {}}},
        {"Condition": {"DateGreaterThan": {"a": []}}},
        {"Condition": {"ForAnyValue:StringEqualsIfExists": {"a": "asf"}}},
        {"Condition": {"DateLessThanEquals": {"a": "2016-12-13t2:00:00.593194+23"}}},
        {"Condition": {"DateLessThan": {"a": "-292275054"}}},
    ],
)
def test_what_looks_odd_but_is_right_is_taken(elements):
    # The same recording's valid documents.
    parse(one(**elements), "identity", needs_version=True)


ASSUME = {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        # https://github.com/versity/versitygw (iamapi) records what IAM answers to CreateRole.
        (ASSUME | {"Resource": "*"}, "Has prohibited field Resource"),
        (ASSUME | {"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (ASSUME | {"Action": "sts:GetCallerIdentity"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (ASSUME | {"Action": ["sts:AssumeRole", "sts:Bad*"]}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (ASSUME | {"Effect": "allow"}, "Invalid effect: allow"),
        (ASSUME | {"Principal": {}}, "Missing required field Principal cannot be empty!"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
        (
            ASSUME | {"Principal": {"AWS": "arn:aws:iam::1:role/x"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::1:role/x"',
        ),
    ],
)
def test_a_malformed_trust_policy_is_refused_in_aws_words(statement, text):
    with pytest.raises(MalformedPolicyDocument) as caught:
        parse(document(statement), "trust")
    assert caught.value.text == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
words = st.sampled_from(
    [
        "*",
        "s3:*",
        "s3:Get?bject",
        "arn:aws:s3:::b/*",
        "${aws:username}",
        "${",
        "Allow",
        "Deny",
        HOME,
        "",
        "a:b:c",
        "${a,'b'}",
    ]
)
near_values = json_values | words | st.lists(words, max_size=3)
operators = st.sampled_from(
    ["StringLike", "Null", "IpAddress", "ForAllValues:NumericEquals", "BoolIfExists", "DateEquals", "x"]
)
near_statements = st.dictionaries(
    st.sampled_from(
        [
            "Sid",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Principal",
            "NotPrincipal",
            "Condition",
            "X",
        ]
    ),
    near_values | st.dictionaries(operators, st.dictionaries(words, near_values, max_size=2), max_size=2),
)


@given(
    json_values | st.lists(near_statements, max_size=3).map(lambda found: document(*found)),
    st.sampled_from(["identity", "resource", "trust", "scp"]),
)
def test_no_document_is_ever_more_than_a_refusal(found, kind):
    try:
        parsed = parse(found if isinstance(found, dict) else json.dumps(found), kind)
    except MalformedPolicyDocument:
        return
    if kind in ("resource", "trust"):
        Authority(USER).decide("s3:GetObject", BUCKET, {}, resource_policy=parsed)
    else:
        Authority(USER, (parsed,)).decide("s3:GetObject", BUCKET, {})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"Statement":' * 100_000, "x" * 200_000, "\ud800"])
def test_a_monstrous_document_is_refused_at_once(text):
    with pytest.raises(MalformedPolicyDocument):
        parse(text, "identity")


# Patterns ----------------------------------------------------------------------------------------

few = st.text("ab*?:", max_size=12)


@given(few, st.text("ab:*", max_size=14))
def test_wildcards_mean_what_they_mean_in_a_shell(pattern, text):
    assert policy_pattern.glob(pattern)(text) == bool(re.match(translate(pattern), text))


@given(few, st.text("ab:*", max_size=14))
def test_wildcards_in_an_arn_stay_between_their_colons(pattern, text):
    parts, found = pattern.split(":", 5), text.split(":", 5)
    parts += ["*"] * (6 - len(parts))
    expected = pattern == "*" or (
        len(found) == 6
        and all(re.match(translate(part), piece) for part, piece in zip(parts, found, strict=True))
    )
    assert policy_pattern.arn(pattern)(text) == expected


def test_no_pattern_takes_long():
    start = time.process_time()
    assert not policy_pattern.glob("*a" * 2000 + "?b")("a" * 2500)
    assert not policy_pattern.arn("arn:" + "*a" * 50 + "b:*:*:*:" + "*?a" * 500 + "b")(
        "arn:" + "a" * 500 + "::::" + "a" * 2500
    )
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("resource", "touched", "is_covered"),
    [
        ("arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::bucket/bob/x", True),
        ("arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::bucket/bobby/x", False),
        ("arn:aws:s3:::bucket/${AWS:UserName}", "arn:aws:s3:::bucket/bob", True),
        ("arn:aws:s3:::bucket/${aws:PrincipalTag/department}", "arn:aws:s3:::bucket/data", True),
        (
            "arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'company-wide'}",
            "arn:aws:s3:::bucket/company-wide",
            True,
        ),
        ("arn:aws:s3:::bucket/${aws:PrincipalTag/team}", "arn:aws:s3:::bucket/", False),
        ("arn:aws:s3:::bucket/${*}", "arn:aws:s3:::bucket/*", True),
        ("arn:aws:s3:::bucket/${*}", "arn:aws:s3:::bucket/x", False),
        ("arn:aws:s3:::bucket/${$}{aws:username}", "arn:aws:s3:::bucket/${aws:username}", True),
    ],
)
def test_variables_stand_for_what_the_request_says(resource, touched, is_covered):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    assert decide(USER, allow(resource=resource), resource=touched).is_allowed is is_covered


def test_a_variable_does_not_smuggle_in_a_wildcard():
    sly = Principal(
        kind="user", account=HOME, arn=f"arn:aws:iam::{HOME}:user/x", source_arn="", tags={"home": "*"}
    )
    statement = allow(resource="arn:aws:s3:::bucket/${aws:PrincipalTag/home}")
    assert not decide(sly, statement, resource="arn:aws:s3:::bucket/secret").is_allowed
    assert decide(sly, statement, resource="arn:aws:s3:::bucket/*").is_allowed


def test_variables_are_plain_text_in_the_old_version():
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
    old = parse(
        document(allow(resource="arn:aws:s3:::bucket/${aws:username}"), version="2008-10-17"), "identity"
    )
    authority = Authority(USER, (old,))
    assert not authority.decide("s3:GetObject", "arn:aws:s3:::bucket/bob", keys_of(USER)).is_allowed
    assert authority.decide("s3:GetObject", "arn:aws:s3:::bucket/${aws:username}", keys_of(USER)).is_allowed


def test_actions_ignore_case_and_incomplete_arns_are_completed():
    assert decide(USER, allow("S3:get*", "arn:aws:s3")).is_allowed
    assert not decide(USER, allow("s3:Put*")).is_allowed
    assert decide(USER, {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}).is_allowed
    assert not decide(
        USER, {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::bucket/*"}
    ).is_allowed


# Conditions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "wanted", "held", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "JohnDoe", "johndoe", True),
        ("StringLike", ["", "home/*"], "home/x", True),
        ("StringLike", "Home/*", "home/x", False),
        ("StringNotLike", "a?", "ab", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericLessThanEquals", 10, 11, False),
        ("NumericEquals", "1.0", "1", True),
        ("NumericEquals", "1", "one", False),
        ("NumericNotEquals", "1", "2", True),
        ("DateGreaterThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:02Z", True),
        ("DateLessThan", "2020-04-01T00:00:00Z", 1585699199, True),
        ("DateLessThan", "1585699200", "2020-04-01T00:00:00Z", False),
        ("DateEquals", "2020-01-01T02:00:00+02:00", "2020-01-01", True),
        ("Bool", "true", True, True),
        ("Bool", "false", True, False),
        ("Bool", True, "true", True),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
        ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("NotIpAddress", ["203.0.113.0/24", "2001:db8::/32"], "10.0.0.1", True),
        ("IpAddress", "203.0.113.0/24", "nonsense", False),
        ("ArnLike", "arn:aws:sns:*:123456789012:t*", "arn:aws:sns:us-east-1:123456789012:topic", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:t*", "arn:aws:sns:us-east-1:123456789012:topic", True),
        ("ArnNotEquals", "arn:aws:sns:*:*:x", "arn:aws:sns:us-east-1:1:x", False),
        ("Null", "true", "x", False),
        ("Null", "false", "x", True),
        ("Null", "true", None, True),
        ("Null", "true", [], True),
        ("stringequalsifexists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        # A key that is missing: positive operators fail, negated ones hold.
        ("StringEquals", "a", None, False),
        ("StringNotEquals", "a", None, True),
        ("NotIpAddress", "10.0.0.0/8", None, True),
        ("Bool", "false", None, False),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
        ("ForAllValues:StringEquals", ["environment", "webserver"], ["environment"], True),
        ("ForAllValues:StringEquals", ["environment", "webserver"], ["environment", "x"], False),
        ("ForAllValues:StringEquals", ["environment"], None, True),
        ("ForAnyValue:StringEquals", ["environment"], ["environment", "x"], True),
        ("ForAnyValue:StringEquals", ["environment"], ["x"], False),
        ("ForAnyValue:StringEquals", ["environment"], None, False),
        ("ForAllValues:StringNotLike", ["secret*"], ["a", "secret1"], False),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "b"], True),
    ],
)
def test_condition_operators(operator, wanted, held, expected):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    assert holds({operator: {"Test:Key": wanted}}, test__key=held) is expected


def test_every_operator_and_every_key_must_hold():
    block = {"StringEquals": {"a:x": "1", "a:y": ["2", "3"]}, "Null": {"a:z": "true"}}
    assert holds(block, a__x="1", a__y="3")
    assert not holds(block, a__x="1", a__y="4")
    assert not holds(block, a__x="1", a__y="3", a__z="here")


def test_variables_in_conditions():
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html
    block = {"StringEquals": {"aws:ResourceTag/Department": "${aws:PrincipalTag/Department}"}}
    assert holds(block, aws__resourcetag_SLASH_department="data")
    assert not holds(block, aws__resourcetag_SLASH_department="sales")
    assert not holds({"StringLike": {"a:b": "${no:such}*"}}, a__b="anything")
    assert not holds(block, "2008-10-17", aws__resourcetag_SLASH_department="data")


def test_a_costly_key_is_asked_once_and_only_if_wanted():
    asked = []

    def tag():
        asked.append(1)
        return "x"

    assert holds({"StringEquals": {"a:b": "x"}, "StringLike": {"A:B": "?"}}, a__b=tag, a__c=tag)
    assert asked == [1]


def test_the_clock_is_not_remembered():
    before = allow(Condition={"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})
    authority = Authority(USER, (identity(before),))
    assert authority.decide("s3:GetObject", BUCKET, {"aws:currenttime": lambda: 1577836799.5}).is_allowed
    assert not authority.decide("s3:GetObject", BUCKET, {"aws:currenttime": lambda: 1577836800.5}).is_allowed
    assert not authority._decisions


# Decisions in one account ------------------------------------------------------------------------


def grant(principal, effect="Allow", **more):
    return allow("s3:*", effect=effect, Principal=principal, **more)


def test_nothing_is_allowed_by_default_except_to_root():
    refused = decide(USER)
    assert refused.text == (
        f"User: {USER.arn} is not authorized to perform: s3:GetObject on resource: {BUCKET} "
        "because no identity-based policy allows the s3:GetObject action"
    )
    assert json.loads(refused.hint[refused.hint.index("{") :]) == {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": BUCKET,
    }
    assert decide(ROOT).is_allowed


def test_the_hint_is_the_statement_that_would_allow():
    hint = decide(USER).hint
    assert decide(USER, json.loads(hint[hint.index("{") :])).is_allowed


def test_an_explicit_deny_wins_and_names_itself():
    refused = decide(USER, allow(), allow(effect="Deny", Sid="Never"))
    assert refused.text.endswith("with an explicit deny in an identity-based policy")
    assert refused.statements == ("p#Never",)
    assert "Never" in refused.hint


@pytest.mark.parametrize(
    ("side", "article", "name"),
    [
        ({"boundary": allow(effect="Deny")}, "a", "permissions boundary"),
        ({"session": allow(effect="Deny")}, "a", "session policy"),
        ({"scps": allow(effect="Deny")}, "a", "service control policy"),
    ],
)
def test_boundary_session_and_scp_limit_but_do_not_grant(side, article, name):
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    def limits(statement):
        (kind,) = side
        one_policy = identity(statement)
        return {kind: {"boundary": one_policy, "session": (one_policy,), "scps": ((one_policy,),)}[kind]}

    (deny,) = side.values()
    assert decide(USER, allow(), **limits(deny)).text.endswith(f"with an explicit deny in {article} {name}")
    text = decide(USER, allow(), **limits(allow("ec2:*"))).text
    assert text.endswith(f"because no {name} allows the s3:GetObject action")
    assert decide(USER, allow(), **limits(allow("s3:*"))).is_allowed
    assert not decide(USER, **limits(allow("s3:*"))).is_allowed


def test_every_level_of_an_organization_must_allow_and_root_obeys():
    everything, only_ec2 = identity(allow("*")), identity(allow("ec2:*"))
    assert decide(USER, allow(), scps=((everything,), (only_ec2, everything))).is_allowed
    assert not decide(USER, allow(), scps=((everything,), (only_ec2,))).is_allowed
    assert not decide(ROOT, scps=((only_ec2,),)).is_allowed
    assert decide(USER, allow(), rcps=((only_ec2,),)).layer.name == "resource control policy"


NOTHING = {"boundary": identity(allow("ec2:*")), "session": (identity(allow("ec2:*")),)}
BOUNDARY = {"boundary": identity(allow("ec2:*"))}


@pytest.mark.parametrize(
    ("principal", "named", "limits", "is_allowed"),
    [
        # The table "Resource-based policies and implicit denies in other policy types (same account)" of
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
        (SESSION, {"AWS": ROLE}, NOTHING, False),
        (SESSION, {"AWS": SESSION.arn}, NOTHING, True),
        (USER, {"AWS": USER.arn}, BOUNDARY, True),
        (FEDERATED, {"AWS": USER.arn}, NOTHING, False),
        (FEDERATED, {"AWS": FEDERATED.arn}, NOTHING, True),
        (ROOT, {"AWS": f"arn:aws:iam::{HOME}:root"}, {}, True),
        (principals.service("sns.amazonaws.com", HOME), {"Service": "sns.amazonaws.com"}, {}, True),
        # Beside the table: what its text says.
        (SESSION, {"AWS": ROLE}, {}, True),
        (SESSION, "*", NOTHING, True),
        (USER, {"AWS": HOME}, {}, False),
        (USER, {"AWS": f"arn:aws:iam::{HOME}:root"}, {}, False),
        (USER, {"AWS": SESSION.arn}, {}, False),
        (principals.service("sqs.amazonaws.com", HOME), {"Service": "sns.amazonaws.com"}, {}, False),
        (principals.ANONYMOUS, "*", {}, True),
        (principals.ANONYMOUS, {"AWS": HOME}, {}, False),
    ],
)
def test_what_a_resource_gives_depends_on_how_directly_it_names(principal, named, limits, is_allowed):
    assert decide(principal, on=resource_policy(grant(named)), **limits).is_allowed is is_allowed


def test_an_account_named_by_a_resource_passes_on_what_its_policies_allow():
    assert decide(USER, allow(), on=resource_policy(grant({"AWS": HOME}))).is_allowed


def test_a_resource_that_must_allow_is_not_opened_by_identity_policies():
    # https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    silent, delegating = resource_policy(grant({"AWS": ABROAD})), resource_policy(grant({"AWS": HOME}))
    assert not decide(USER, allow(), on=silent, resource_must_allow=True).is_allowed
    assert decide(USER, allow(), on=delegating, resource_must_allow=True).is_allowed
    assert not decide(USER, on=delegating, resource_must_allow=True).is_allowed
    assert not decide(ROOT, on=silent, resource_must_allow=True).is_allowed


@pytest.mark.parametrize(
    "named", [{"AWS": HOME}, {"AWS": ROLE}, {"AWS": SESSION.arn}, "*", {"AWS": "AROAEXAMPLE1234567"}]
)
def test_a_resource_that_denies_denies(named):
    refused = decide(SESSION, allow(), on=resource_policy(grant(named, "Deny")))
    assert refused.text.endswith("with an explicit deny in a resource-based policy")


def test_not_principal_spares_only_who_is_listed_with_all_its_names():
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    def closed_to_all_but(*listed):
        return resource_policy(allow("s3:*", effect="Deny", NotPrincipal={"AWS": list(listed)}))

    account = f"arn:aws:iam::{HOME}:root"
    assert decide(SESSION, allow(), on=closed_to_all_but(SESSION.arn, ROLE, account)).is_allowed
    assert not decide(SESSION, allow(), on=closed_to_all_but(ROLE, account)).is_allowed
    assert decide(USER, allow(), on=closed_to_all_but(USER.arn, account)).is_allowed
    assert not decide(USER, allow(), on=closed_to_all_but(USER.arn)).is_allowed
    assert decide(ROOT, on=closed_to_all_but(account)).is_allowed


def test_a_confused_deputy_is_stopped_by_source_arn():
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    topic = f"arn:aws:sns:us-east-1:{HOME}:topic"
    guarded = resource_policy(
        grant({"Service": "sns.amazonaws.com"}, Condition={"ArnEquals": {"aws:SourceArn": topic}})
    )
    for source, is_allowed in ((topic, True), (topic + "2", False)):
        service = principals.service("sns.amazonaws.com", HOME, **{"aws:SourceArn": source})
        assert decide(service, on=guarded).is_allowed is is_allowed
    text = decide(principals.service("sns.amazonaws.com", HOME), on=guarded).text
    assert text.endswith("because no resource-based policy allows the s3:GetObject action")


# Across accounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "named", "layer"),
    [
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
        (True, {"AWS": ABROAD}, None),
        (True, {"AWS": FOREIGNER.arn}, None),
        (False, {"AWS": FOREIGNER.arn}, "identity-based policy"),
        (True, {"AWS": HOME}, "resource-based policy"),
        (False, {"AWS": HOME}, "identity-based policy"),
    ],
)
def test_across_accounts_both_sides_must_allow(own, named, layer):
    statements = [allow()] if own else []
    decision = decide(FOREIGNER, *statements, on=resource_policy(grant(named)), resource_account=HOME)
    assert (decision.layer and decision.layer.name) == layer


def test_a_foreign_root_needs_the_resource_only():
    stranger = principals.root(ABROAD)
    assert decide(stranger, on=resource_policy(grant({"AWS": ABROAD})), resource_account=HOME).is_allowed
    assert not decide(stranger, resource_account=HOME).is_allowed


# Trust -------------------------------------------------------------------------------------------


def assume(principal, trust, *statements, account=HOME, **context):
    authority = Authority(principal, (identity(*statements),) if statements else ())
    trusting = parse(document(trust), "trust", name="trust")
    return authority.decide(
        "sts:AssumeRole",
        ROLE,
        keys_of(principal) | context,
        resource_policy=trusting,
        resource_account=account,
    )


def test_a_role_is_assumed_by_whom_it_trusts():
    may = allow("sts:AssumeRole", ROLE)
    assert assume(USER, ASSUME, may).is_allowed
    assert not assume(USER, ASSUME).is_allowed
    assert assume(USER, ASSUME | {"Principal": {"AWS": USER.arn}}).is_allowed
    text = assume(USER, ASSUME | {"Principal": {"AWS": ABROAD}}, may).text
    assert text.endswith("because no role trust policy allows the sts:AssumeRole action")
    denial = assume(USER, ASSUME | {"Effect": "Deny"}, may)
    assert denial.text.endswith("with an explicit deny in the role trust policy")


def test_a_service_assumes_a_role_that_trusts_it():
    trust = ASSUME | {"Principal": {"Service": ["lambda.amazonaws.com", "logs.eu-west-1.amazonaws.com"]}}
    assert assume(principals.service("lambda.amazonaws.com", HOME), trust).is_allowed
    assert not assume(principals.service("ec2.amazonaws.com", HOME), trust).is_allowed
    logs = principals.service("logs.amazonaws.com", HOME)
    assert assume(logs, trust, **{"aws:requestedregion": "eu-west-1"}).is_allowed
    assert not assume(logs, trust, **{"aws:requestedregion": "us-east-1"}).is_allowed


def test_a_third_party_needs_the_external_id():
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    trust = ASSUME | {
        "Principal": {"AWS": ABROAD},
        "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
    }
    may = allow("sts:AssumeRole", ROLE)
    assert assume(FOREIGNER, trust, may, **{"sts:externalid": "12345"}).is_allowed
    assert not assume(FOREIGNER, trust, may, **{"sts:externalid": "54321"}).is_allowed
    assert not assume(FOREIGNER, trust, may).is_allowed


def test_a_web_identity_is_trusted_by_its_provider():
    provider = f"arn:aws:iam::{HOME}:oidc-provider/token.example.com"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    trusting = parse(document(trust), "trust")
    for held, is_allowed in ((provider, True), (provider + "x", False), (None, False)):
        decision = Authority(principals.ANONYMOUS).decide(
            "sts:AssumeRoleWithWebIdentity", ROLE, {"aws:federatedprovider": held}, resource_policy=trusting
        )
        assert decision.is_allowed is is_allowed


# Memory and simulation ---------------------------------------------------------------------------


def test_equal_questions_share_a_decision_and_others_do_not():
    tagged = allow(Condition={"StringEquals": {"aws:RequestTag/a": "1"}})
    authority = Authority(USER, (identity(tagged),))
    first = authority.decide("s3:GetObject", BUCKET, {"aws:requesttag/a": "1", "aws:useragent": "x"})
    assert first is authority.decide("s3:GetObject", BUCKET, {"aws:requesttag/a": "1", "aws:useragent": "y"})
    assert first.is_allowed
    assert not authority.decide("s3:GetObject", BUCKET, {"aws:requesttag/a": "2"}).is_allowed
    assert not authority.decide("s3:PutObject", BUCKET, {"aws:requesttag/a": "1"}).is_allowed
    guarded = identity(allow(Condition={"Bool": {"aws:SecureTransport": "true"}}))
    for secure in (True, False):
        context = {"aws:requesttag/a": "1", "aws:securetransport": secure}
        assert authority.decide("s3:GetObject", BUCKET, context, rcps=((guarded,),)).is_allowed is secure


def test_memory_is_bounded():
    authority = Authority(USER, (identity(allow("s3:*")),))
    for number in range(10_000):
        authority.decide(f"s3:Get{number}", f"arn:aws:s3:::b/{number}", {})
    assert len(authority._decisions) <= 4_096
    assert policy.plan_of.cache_info().currsize <= 16_384


def test_simulation_lists_all_matched_statements_and_what_was_not_said():
    asking = allow(Sid="B", Condition={"StringEquals": {"aws:RequestTag/Team": "x"}})
    authority = Authority(USER, (identity(allow(Sid="A"), asking),))
    context = {"aws:requesttag/team": "x"}
    assert [found.id for found in authority.matched("s3:GetObject", BUCKET, context)] == ["p#A", "p#B"]
    assert [found.id for found in authority.matched("s3:GetObject", BUCKET, {})] == ["p#A"]
    assert authority.missing_keys("s3:GetObject", {}) == {"aws:requesttag/team"}
    assert authority.missing_keys("s3:GetObject", context) == frozenset()
