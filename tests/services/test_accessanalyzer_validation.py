"""ValidatePolicy and the checks of single policies: each finding by its code, its words and its place.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

GOOD = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:111122223333:q"}
TRUST = "AWS::IAM::AssumeRolePolicyDocument"


@pytest.fixture(scope="module")
def aa(lasting_cloud):
    return lasting_cloud.client("accessanalyzer")


def codes(aa, *statements: dict, kind: str = "IDENTITY_POLICY", version: str | None = "2012-10-17", **more) -> list[str]:
    document = {"Statement": list(statements)} | ({"Version": version} if version else {})
    found = aa.validate_policy(policyDocument=json.dumps(document), policyType=kind, **more)["findings"]
    return [each["issueCode"] for each in found]


def test_a_good_policy_has_no_findings(aa):
    assert codes(aa, GOOD) == []
    assert codes(aa, {**GOOD, "Principal": {"AWS": "111122223333"}}, kind="RESOURCE_POLICY") == []


def test_a_finding_tells_what_where_and_where_to_read_more(aa):
    text = '{\n  "Version": "2012-10-17",\n  "Statement": [{"Effect": "Allow", "Action": ["sqs:SendMesage"], "Resource": "*"}]\n}'
    [found] = aa.validate_policy(policyDocument=text, policyType="IDENTITY_POLICY")["findings"]
    assert found["findingType"] == "ERROR"
    assert found["issueCode"] == "INVALID_ACTION"
    assert found["findingDetails"] == "The action sqs:SendMesage does not exist. Did you mean sqs:SendMessage?"
    assert found["learnMoreLink"].endswith("access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-error-invalid-action")
    [location] = found["locations"]
    assert location["path"] == [{"value": "Statement"}, {"index": 0}, {"value": "Action"}, {"index": 0}]
    start, end = location["span"]["start"], location["span"]["end"]
    assert text[start["offset"] : end["offset"]] == '"sqs:SendMesage"'
    assert (start["line"], start["column"]) == (3, text.split("\n")[2].index('"sqs:SendMesage"'))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Effect": "allow"}, ["INVALID_EFFECT"]),
        ({"Effect": None}, ["MISSING_EFFECT"]),
        ({"Action": None}, ["MISSING_ACTION"]),
        ({"Action": []}, ["EMPTY_ARRAY_ACTION"]),
        ({"Action": ["sqs:SendMessage", 1]}, ["DATA_TYPE_MISMATCH"]),
        ({"NotAction": "sqs:*"}, ["UNSUPPORTED_ELEMENT_COMBINATION"]),
        ({"Action": "sqss:SendMessage"}, ["INVALID_SERVICE_IN_ACTION"]),
        ({"Action": "sqs:Frobnicate*"}, ["INVALID_ACTION"]),
        ({"Action": "sq*:SendMessage"}, ["WILDCARD_IN_SERVICE_NAME"]),
        ({"Action": ["sqs:SendMessage", "sqs:Send*"]}, ["REDUNDANT_ACTION"]),
        ({"Action": "sqs:${aws:username}"}, ["VARIABLE_UNSUPPORTED_IN_ELEMENT"]),
        ({"Resource": None}, ["MISSING_RESOURCE"]),
        ({"Resource": []}, ["EMPTY_ARRAY_RESOURCE"]),
        ({"Resource": "sqs:us-east-1:111122223333:q"}, ["INVALID_ARN_PREFIX"]),
        ({"Resource": "arn:aws:sqs:us-east-1:1111:q"}, ["INVALID_ARN_ACCOUNT"]),
        ({"Resource": "arn:aws:SQS:us-east-1:111122223333:q"}, ["INVALID_ARN_SERVICE_CASE"]),
        ({"Resource": "arn:aws:nosuch:us-east-1:111122223333:q"}, ["INVALID_SERVICE"]),
        ({"Resource": "arn:aws:sqs:us-east-1"}, ["MISSING_ARN_FIELD"]),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3::111122223333:b/*"}, ["ARN_ACCOUNT_NOT_ALLOWED"]),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:us-east-1::b/*"}, ["ARN_REGION_NOT_ALLOWED"]),
        ({"Resource": ["arn:aws:sqs:us-east-1:111122223333:q", "arn:aws:sqs:us-east-1:111122223333:*"]}, ["REDUNDANT_RESOURCE"]),
        ({"Sid": ""}, ["EMPTY_SID_VALUE"]),
        ({"Sid": "a b"}, ["UNSUPPORTED_SID"]),
        ({"Principal": "*"}, ["UNSUPPORTED_PRINCIPAL"]),
        ({"Colour": "red"}, ["INVALID_POLICY_ELEMENT"]),
        ({"Condition": {}}, ["EMPTY_OBJECT_CONDITION"]),
        ({"Condition": {"StringIs": {"aws:username": "a"}}}, ["INVALID_CONDITION_OPERATOR"]),
        ({"Condition": {"NullIfExists": {"aws:username": "true"}}}, ["NULL_WITH_IF_EXISTS"]),
        ({"Condition": {"ForAnyValue:Null": {"aws:TagKeys": "true"}}}, ["NULL_WITH_QUALIFIER"]),
        ({"Condition": {"StringEquals": {"username": "a"}}}, ["INVALID_CONDITION_KEY_FORMAT"]),
        ({"Condition": {"StringEquals": {"aws:nosuchkey": "a"}}}, ["INVALID_GLOBAL_CONDITION_KEY"]),
        ({"Condition": {"ArnLike": {"aws:ARN": "arn:aws:iam::111122223333:user/a"}}}, ["UNSUPPORTED_GLOBAL_CONDITION_KEY"]),
        ({"Condition": {"StringEquals": {"s3:nosuchkey": "a"}}}, ["INVALID_SERVICE_CONDITION_KEY"]),
        ({"Condition": {"StringEquals": {"aws:username": [], }}}, ["EMPTY_ARRAY_CONDITION"]),
        ({"Condition": {"StringEquals": {"aws:username": "a", "aws:UserName": "b"}}}, ["DUPLICATE_KEYS_WITH_DIFFERENT_CASE"] * 2),
        ({"Condition": {"Bool": {"aws:SecureTransport": ["true", "false"]}}}, ["INVALID_CONDITION_MULTIPLE_BOOLEAN"]),
        ({"Condition": {"Bool": {"aws:SecureTransport": "yes"}}}, ["TYPE_MISMATCH_BOOLEAN"]),
        ({"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "soon"}}}, ["TYPE_MISMATCH_NUMBER"]),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}}, ["TYPE_MISMATCH_DATE"]),
        ({"Condition": {"DateLessThan": {"aws:CurrentTime": "1893456000"}}}, ["INVALID_DATE_VALUE"]),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "home"}}}, ["TYPE_MISMATCH_IP_RANGE"]),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.7/24"}}}, ["IMPROVE_IP_RANGE"]),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, ["PRIVATE_IP_ADDRESS"]),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}}, ["PRIVATE_NOT_IP_ADDRESS_SUBSET"]),
        ({"Condition": {"StringEquals": {"aws:PrincipalTag/team": "red*"}}}, ["WILDCARD_WITHOUT_LIKE_OPERATOR"]),
        ({"Condition": {"ForAllValues:StringEquals": {"aws:username": "a"}}}, ["FORALLVALUES_WITH_SINGLE_VALUED_KEY"]),
        ({"Condition": {"StringEquals": {"aws:TagKeys": "a"}}}, ["MISSING_QUALIFIER"]),
        ({"Condition": {"NumericEquals": {"aws:MultiFactorAuthAge": "${aws:username}"}}}, ["INVALID_VARIABLE_FOR_OPERATOR"]),
        ({"Condition": {"StringLike": {"aws:username": "${}"}}}, ["EMPTY_VARIABLE"]),
        ({"Condition": {"StringLike": {"aws:username": "${aws:username"}}}, ["MISSING_BRACE_IN_VARIABLE"]),
    ],
)  # fmt: skip
def test_identity_policies(aa, statement, expected):
    assert codes(aa, {name: value for name, value in (GOOD | statement).items() if value is not None}) == expected


@pytest.mark.parametrize(
    ("statement", "suffix"),
    [
        ({"Action": "*", "Resource": "*"}, "STAR_IN_ACTION_AND_RESOURCE"),
        ({"Action": "iam:*", "NotResource": "arn:aws:iam::111122223333:role/a"}, "STAR_IN_ACTION_AND_NOT_RESOURCE"),
        ({"NotAction": "s3:*", "Resource": "*"}, "STAR_IN_RESOURCE_AND_NOT_ACTION"),
        ({"NotAction": "s3:*", "NotResource": "arn:aws:iam::111122223333:role/a"}, "NOT_ACTION_AND_NOT_RESOURCE"),
        ({"Action": ["iam:PassRole", "iam:CreateServiceLinkedRole"], "Resource": "*"}, "STAR_IN_RESOURCE"),
        ({"Action": ["iam:PassRole", "iam:CreateServiceLinkedRole"], "NotResource": "arn:aws:iam::111122223333:role/a"}, "NOT_RESOURCE"),
    ],
)
def test_roles_that_may_be_passed_or_made_anywhere_are_warned_of(aa, statement, suffix):
    assert codes(aa, {"Effect": "Allow", **statement}) == [f"PASS_ROLE_WITH_{suffix}", f"CREATE_SLR_WITH_{suffix}"]
    narrowed = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert codes(aa, {"Effect": "Allow", **statement, "Condition": narrowed}) == [f"CREATE_SLR_WITH_{suffix}"]
    assert codes(aa, {"Effect": "Deny", **statement}) == []


def test_whole_documents(aa):
    def of(text: str, kind: str = "IDENTITY_POLICY") -> list[str]:
        return [each["issueCode"] for each in aa.validate_policy(policyDocument=text, policyType=kind)["findings"]]

    assert codes(aa, GOOD, version=None) == ["MISSING_VERSION"]
    assert codes(aa, GOOD, version="2024-01-01") == ["INVALID_VERSION"]
    assert codes(aa, {**GOOD, "Resource": "arn:aws:sqs:us-east-1:111122223333:${aws:username}"}, version="2008-10-17") == ["VARIABLE_UNSUPPORTED_IN_VERSION"]
    assert codes(aa, {**GOOD, "Sid": "a"}, {**GOOD, "Sid": "a", "Effect": "Deny"}) == ["UNIQUE_SIDS_REQUIRED"]
    assert codes(aa, GOOD, GOOD) == ["REDUNDANT_STATEMENT"]
    assert of('{"Version": "2012-10-17"}') == ["MISSING_STATEMENT"]
    assert of("[]") == ["DATA_TYPE_MISMATCH"]
    assert of('{"Version": "2012-10-17", "Statement": [1]}') == ["DATA_TYPE_MISMATCH"]
    assert of("[" * 5_000) == ["JSON_SYNTAX_ERROR"]
    [broken] = aa.validate_policy(policyDocument='{"Version": "2012-10-17",\n  Statement: []}', policyType="IDENTITY_POLICY")["findings"]
    assert broken["findingDetails"] == "Fix the JSON syntax error at index 28 line 2 column 2."
    long = {**GOOD, "Resource": [f"arn:aws:sqs:us-east-1:111122223333:queue{n:06}" for n in range(150)]}
    assert codes(aa, long) == ["POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({}, ["MISSING_PRINCIPAL"]),
        ({"Principal": "somebody"}, ["INVALID_PRINCIPAL_FORMAT"]),
        ({"Principal": {"Person": "a"}}, ["INVALID_PRINCIPAL_KEY"]),
        ({"Principal": {"AWS": []}}, ["EMPTY_ARRAY_PRINCIPAL"]),
        ({"Principal": {}}, ["EMPTY_OBJECT_PRINCIPAL"]),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}, ["UNSUPPORTED_WILDCARD_IN_PRINCIPAL"]),
        ({"Principal": {"AWS": "AROAABCDEFGHIJKLMNOPQ"}}, ["INVALID_ROLE_REFERENCE"]),
        ({"Principal": {"AWS": "AIDAABCDEFGHIJKLMNOPQ"}}, ["INVALID_USER_REFERENCE"]),
        ({"NotPrincipal": {"AWS": "111122223333"}}, ["ALLOW_WITH_NOT_PRINCIPAL"]),
        ({"Principal": "*"}, []),
    ],
)
def test_resource_policies(aa, statement, expected):
    assert codes(aa, GOOD | statement, kind="RESOURCE_POLICY") == expected


GITHUB = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
SAML = "arn:aws:iam::111122223333:saml-provider/idp"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}, []),
        ({"Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole", "Resource": "*"}, ["ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE"]),
        ({"NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}, ["ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL"]),
        ({"Principal": {"Federated": SAML}, "Action": "sts:AssumeRoleWithWebIdentity"}, ["MISMATCHED_ACTION_FOR_PRINCIPAL"]),
        ({"Principal": {"Federated": "accounts.google.com"}, "Action": "sts:AssumeRoleWithWebIdentity"}, ["MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"]),
        ({"Principal": {"Federated": GITHUB}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}}, ["MISSING_GITHUB_REPO_CONDITION_KEY"]),
        ({"Principal": {"Federated": GITHUB}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:a/b:ref:refs/heads/main"}}}, []),
    ],
)  # fmt: skip
def test_role_trust_policies(aa, statement, expected):
    assert codes(aa, {"Effect": "Allow", **statement}, kind="RESOURCE_POLICY", validatePolicyResourceType=TRUST) == expected


def test_control_policies_name_nobody(aa):
    assert codes(aa, {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}, kind="SERVICE_CONTROL_POLICY") == ["SCP_SYNTAX_ERROR_PRINCIPAL"]
    assert codes(aa, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, kind="SERVICE_CONTROL_POLICY") == []


def test_findings_are_given_in_pages(aa):
    text = json.dumps({"Statement": [{**GOOD, "Effect": "x"} for _ in range(5)]})
    first = aa.validate_policy(policyDocument=text, policyType="IDENTITY_POLICY", maxResults=3)
    assert len(first["findings"]) == 3
    assert len(aa.validate_policy(policyDocument=text, policyType="IDENTITY_POLICY", nextToken=first["nextToken"])["findings"]) > 3


def test_what_is_not_decided_here_is_refused_by_name(aa):
    for params in ({"policyType": "RESOURCE_CONTROL_POLICY"}, {"policyType": "IDENTITY_POLICY", "locale": "DE"}):
        with pytest.raises(ClientError) as refused:
            aa.validate_policy(policyDocument="{}", **params)
        assert refused.value.response["Error"]["Code"] == "NotImplemented"


# Checks --------------------------------------------------------------------------------------------


def public(aa, type_: str, *statements: dict) -> dict:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})
    return aa.check_no_public_access(policyDocument=document, resourceType=type_)


def test_a_policy_that_lets_everybody_in_is_public_and_says_by_which_statement(aa):
    ours = {"Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    assert public(aa, "AWS::S3::Bucket", ours)["result"] == "PASS"
    told = public(aa, "AWS::S3::Bucket", ours, {**ours, "Sid": "All", "Principal": "*"})
    assert told["result"] == "FAIL"
    assert [(each["statementIndex"], each["statementId"]) for each in told["reasons"]] == [(1, "All")]
    narrow = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    assert public(aa, "AWS::S3::Bucket", {**ours, "Principal": "*", "Condition": narrow})["result"] == "PASS"
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    assert public(aa, "AWS::S3::Bucket", {**ours, "Principal": "*"}, denied)["result"] == "PASS"
    assert public(aa, TRUST, {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})["result"] == "FAIL"
    assert public(aa, "AWS::SQS::Queue", {"Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}})["result"] == "PASS"


def test_what_is_no_policy_cannot_be_decided_or_is_of_an_unknown_type_is_refused(aa):
    with pytest.raises(aa.exceptions.InvalidParameterException):
        aa.check_no_public_access(policyDocument="{}", resourceType="AWS::SQS::Queue")
    undecided = {"Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/a": "${aws:username}"}}}
    with pytest.raises(aa.exceptions.UnprocessableEntityException):
        public(aa, "AWS::SQS::Queue", undecided)
    with pytest.raises(ClientError) as refused:
        public(aa, "AWS::S3Tables::Table", undecided)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"


def not_granted(aa, *statements: dict, kind: str = "IDENTITY_POLICY", **access: list[str]) -> dict:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})
    return aa.check_access_not_granted(policyDocument=document, access=[access], policyType=kind)


def test_access_that_must_not_be_granted_is_looked_for(aa):
    reads = {"Action": "s3:Get*", "Resource": "arn:aws:s3:::data/*"}
    assert not_granted(aa, reads, actions=["s3:PutObject", "iam:*"])["result"] == "PASS"
    told = not_granted(aa, {**reads, "Sid": "Reads"}, actions=["s3:GetObject"])
    assert (told["result"], told["reasons"][0]["statementId"], told["reasons"][0]["statementIndex"]) == ("FAIL", "Reads", 0)
    assert not_granted(aa, reads, resources=["arn:aws:s3:::other/*"])["result"] == "PASS"
    assert not_granted(aa, reads, resources=["arn:aws:s3:::data/secret/*"])["result"] == "FAIL"
    assert not_granted(aa, reads, actions=["s3:GetObject"], resources=["arn:aws:s3:::other/*"])["result"] == "PASS"
    shut = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    assert not_granted(aa, reads, shut, actions=["s3:GetObject"])["result"] == "PASS"
    partly = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert not_granted(aa, reads, partly, actions=["s3:GetObject"])["result"] == "FAIL"
    trusted = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    assert not_granted(aa, trusted, kind="RESOURCE_POLICY", actions=["sqs:SendMessage"])["result"] == "FAIL"
    for wrong in ({}, {"actions": ["nosuch:Action"]}):
        with pytest.raises(aa.exceptions.InvalidParameterException):
            not_granted(aa, reads, **wrong)


def new_access(aa, new: list[dict], old: list[dict], kind: str = "IDENTITY_POLICY") -> dict:
    texts = [json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in held]}) for held in (new, old)]
    return aa.check_no_new_access(newPolicyDocument=texts[0], existingPolicyDocument=texts[1], policyType=kind)


def test_new_access_is_told_by_the_statement_that_grants_it(aa):
    reads = {"Action": ["s3:Get*", "s3:List*"], "Resource": "arn:aws:s3:::data/*"}
    narrow = {**reads, "Action": "s3:GetObject", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert new_access(aa, [narrow], [reads])["result"] == "PASS"
    assert new_access(aa, [reads], [narrow])["result"] == "FAIL"
    told = new_access(aa, [reads, {"Sid": "Writes", "Action": "s3:PutObject", "Resource": "*"}], [reads])
    assert (told["result"], [each["statementIndex"] for each in told["reasons"]]) == ("FAIL", [1])
    assert told["message"] == "The modified permissions grant new access compared to your existing policy."
    assert new_access(aa, [reads], [reads, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}])["result"] == "FAIL"
    ours = {"Principal": {"AWS": "111122223333"}, "Action": "sqs:SendMessage", "Resource": "*"}
    theirs = {**ours, "Principal": {"AWS": ["111122223333", "444455556666"]}}
    assert new_access(aa, [ours], [theirs], "RESOURCE_POLICY")["result"] == "PASS"
    assert new_access(aa, [theirs], [ours], "RESOURCE_POLICY")["result"] == "FAIL"


def test_what_cannot_be_shown_is_not_answered(aa):
    variable = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/${aws:username}/*"}
    with pytest.raises(aa.exceptions.UnprocessableEntityException):
        not_granted(aa, variable, actions=["s3:GetObject"])
    with pytest.raises(aa.exceptions.UnprocessableEntityException):
        new_access(aa, [variable], [{**variable, "Resource": "arn:aws:s3:::data/x*"}])
    older = json.dumps({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", **variable}]})
    with pytest.raises(aa.exceptions.UnprocessableEntityException):
        aa.check_no_new_access(newPolicyDocument=older.replace("2008", "2012"), existingPolicyDocument=older, policyType="IDENTITY_POLICY")
