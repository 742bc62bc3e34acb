"""Data protection policies: sensitive data is masked as it comes in.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDataProtectionPolicy.html"""

from __future__ import annotations

import json

import pytest
from refusals import refused_code

MAIL = "arn:aws:dataprotection::aws:data-identifier/EmailAddress"


def policy(*identifiers, custom=(), findings=None):
    named = [each if each in dict(custom) else f"arn:aws:dataprotection::aws:data-identifier/{each}" for each in identifiers]
    made = {
        "Name": "p", "Version": "2021-06-01",
        "Statement": [
            {"Sid": "audit", "DataIdentifier": named, "Operation": {"Audit": {"FindingsDestination": findings or {}}}},
            {"Sid": "mask", "DataIdentifier": named, "Operation": {"Deidentify": {"MaskConfig": {}}}},
        ],
    }  # fmt: skip
    if custom:
        made["Configuration"] = {"CustomDataIdentifier": [{"Name": name, "Regex": regex} for name, regex in custom]}
    return json.dumps(made)


@pytest.fixture
def logs(cloud):
    made = cloud.client("logs")
    made.create_log_group(logGroupName="g")
    made.create_log_stream(logGroupName="g", logStreamName="s")
    return made


def put(cloud, logs, *messages):
    now = int(cloud.now() * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": now + n, "message": each} for n, each in enumerate(messages)])


def got(logs, **params):
    return [each["message"] for each in logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True, **params)["events"]]


def asked(cloud, logs, text):
    number = logs.start_query(logGroupName="g", startTime=0, endTime=int(cloud.now()) + 5, queryString=text)["queryId"]
    while (found := logs.get_query_results(queryId=number))["status"] in ("Scheduled", "Running"):
        cloud.sleep(0.05)
    return [{each["field"]: each["value"] for each in row if each["field"] != "@ptr"} for row in found["results"]]


@pytest.mark.parametrize(("identifier", "message", "masked"), [
    ("EmailAddress", "to ann.b+c@mail.example.com, done", "to " + "*" * 24 + ", done"),
    ("EmailAddress", "not@mail and @home", "not@mail and @home"),
    ("IpAddress", "from 10.0.0.1 and 999.1.1.1", "from ******** and 999.1.1.1"),
    ("IpAddress", "at 2001:db8::1.", "at ***********."),
    ("IpAddress", "::ffff:10.0.0.1 at 12:30", "*" * 15 + " at 12:30"),
    ("CreditCardNumber", "card 4111 1111 1111 1111 of", "card ******************* of"),
    ("CreditCardNumber", "order 4111111111111112", "order 4111111111111112"),
    ("Ssn-US", "ssn 123-45-6789 000-45-6789", "ssn *********** 000-45-6789"),
    ("VehicleIdentificationNumber", "car 1M8GDM9AXKP042788 1M8GDM9A0KP042788", "car ***************** 1M8GDM9A0KP042788"),
    ("AwsSecretKey", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = " + "*" * 40),
    ("AwsSecretKey", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("OpenSshPrivateKey", "x -----BEGIN OPENSSH PRIVATE KEY-----", "x " + "*" * 35),
])  # fmt: skip
def test_managed_identifiers_are_masked_by_their_form(cloud, logs, identifier, message, masked):
    logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=policy(identifier))
    put(cloud, logs, message)
    assert got(logs) == [masked] and got(logs, unmask=True) == [message]


def test_whoever_reads_gets_what_is_masked(cloud, logs):
    put(cloud, logs, "before: a@b.example")
    logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=policy("EmailAddress"))
    cloud.sleep(1)
    put(cloud, logs, '{"mail": "a@b.example", "n": 1}')
    cloud.restart(kill=True)
    assert got(logs) == ["before: a@b.example", '{"mail": "***********", "n": 1}']
    assert [each["message"] for each in logs.filter_log_events(logGroupName="g", filterPattern="{ $.n = 1 }")["events"]] == ['{"mail": "***********", "n": 1}']
    assert logs.filter_log_events(logGroupName="g", filterPattern='{ $.mail = "a@b.example" }')["events"] == []
    assert len(logs.filter_log_events(logGroupName="g", filterPattern='{ $.mail = "a@b.example" }', unmask=True)["events"]) == 1
    assert asked(cloud, logs, "filter n = 1 | fields mail") == [{"mail": "***********"}]
    assert asked(cloud, logs, "filter n = 1 | unmask mail | fields mail") == [{"mail": "a@b.example"}]
    (group,) = logs.describe_log_groups()["logGroups"]
    assert group["dataProtectionStatus"] == "ACTIVATED"
    logs.delete_data_protection_policy(logGroupIdentifier="g")
    cloud.sleep(1)
    put(cloud, logs, "after: a@b.example")
    assert got(logs)[-1] == "after: a@b.example" and logs.describe_log_groups()["logGroups"][0]["dataProtectionStatus"] == "DELETED"
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier="g")


def test_policies_of_the_group_and_the_account_add_up(cloud, logs):
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-custom-data-identifiers.html
    logs.put_account_policy(policyName="p", policyType="DATA_PROTECTION_POLICY", policyDocument=policy("EmailAddress"))
    document = policy("EmployeeId", custom=[("EmployeeId", r"EmployeeId-\d{9}")])
    assert logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=document)["policyDocument"] == document
    put(cloud, logs, "EmployeeId-123456789 is a@b.example")
    assert got(logs) == ["******************** is ***********"]
    assert logs.get_data_protection_policy(logGroupIdentifier="g")["policyDocument"] == document


def test_who_unmasks_needs_leave(cloud, logs):
    logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=policy("EmailAddress"))
    put(cloud, logs, "a@b.example")
    iam = cloud.client("iam")
    iam.create_user(UserName="u")
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:GetLogEvents", "Resource": "*"}]}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(allowed))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    theirs = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert got(theirs) == ["***********"]
    assert refused_code(theirs.get_log_events, logGroupName="g", logStreamName="s", unmask=True) == "AccessDeniedException"


def test_what_is_no_policy_is_refused(cloud, logs):
    good = json.loads(policy("EmailAddress"))
    audit, mask = good["Statement"]
    for statements in ([audit], [audit, audit], [audit, mask | {"DataIdentifier": [MAIL, MAIL]}], [audit, mask | {"Operation": {"Deidentify": {}}}],
                       [audit | {"Operation": {"Audit": {}}}, mask], ["x", "y"]):  # fmt: skip
        assert refused_code(logs.put_data_protection_policy, logGroupIdentifier="g", policyDocument=json.dumps(good | {"Statement": statements})) == "InvalidParameterException"
    for text in ("no json", "[]", policy("X", custom=[("X", "(a)")]), policy("X", custom=[("X", "[")]), policy("Y", custom=[("X", "a")]).replace(MAIL[:-12], "")):
        assert refused_code(logs.put_data_protection_policy, logGroupIdentifier="g", policyDocument=text) in ("InvalidParameterException", "NotImplemented")
    for text in (policy("Name"), policy("EmailAddress", findings={"S3": {"Bucket": "b"}})):
        assert refused_code(logs.put_data_protection_policy, logGroupIdentifier="g", policyDocument=text) == "NotImplemented"
    assert refused_code(logs.put_data_protection_policy, logGroupIdentifier="no", policyDocument=policy("EmailAddress")) == "ResourceNotFoundException"


def test_an_expression_that_takes_too_long_masks_everything(cloud, logs):
    logs.put_data_protection_policy(logGroupIdentifier="g", policyDocument=policy("X", custom=[("X", ".*.*.*.*.*.*.*.*.*x$")]))
    put(cloud, logs, "a" * 300)
    assert got(logs) == ["*" * 300]
