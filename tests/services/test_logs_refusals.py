"""What AWS refuses of CloudWatch Logs, in its words as cdk-preflight saw them in live deployments (rules/logs): each case is named after its rule.
It told no codes; they are those of other refusals of the same operation, where no recording is named.
https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

INVALID, DENIED = "InvalidParameterException", "AccessDeniedException"
ROLE = "arn:aws:iam::000000000000:role/r"
LAMBDA_THERE = "arn:aws:lambda:us-east-1:111111111111:function:f"
CROSS_ACCOUNT = "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create cross account lambda triggers."
UNPARSED = "Error occurred while parsing accessPolicy. Please check if the accessPolicy has been constructed correctly using IAM grammar."
TWO = "Policy can only have two statements. One for Audit Operation and one for Deidentify Operation"
PARSERS = (
    "parsePostgres, parseWAF, parseCloudfront, parseCloudfrontOCSF, parseRoute53, parseLambda, parseVPC, parseSyslog, parseRDS, parseCiscoFTD, parseF5BigIP, "
    "parseCiscoISE, parseForescoutNac, parseInfobloxDDI, parseToOCSF, parseJSON, grok, csv, parseKeyValue"
)
MAIL, ADDRESS = (f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in ("EmailAddress", "IpAddress"))
GROUP_ARN = "arn:aws:logs:us-east-1:000000000000:log-group:g"


def of_account(kind, document, criteria=None):
    said = document if isinstance(document, str) else json.dumps(document)
    return "put_account_policy", {"policyName": "p", "policyType": kind, "policyDocument": said} | ({"selectionCriteria": criteria} if criteria else {})


def protection(identifiers=(MAIL,), masked=None, mask=None, version="2021-06-01", statements=2):
    audit = {"Sid": "a", "DataIdentifier": list(identifiers), "Operation": {"Audit": {"FindingsDestination": {}}}}
    masking = {"Sid": "m", "DataIdentifier": list(masked or identifiers), "Operation": {"Deidentify": {"MaskConfig": mask or {}}}}
    said = {"Name": "p", "Version": version, "Statement": [audit, masking][:statements]}
    return "put_data_protection_policy", {"logGroupIdentifier": "g", "policyDocument": json.dumps(said)}


def metric(name="f", pattern="{ $.a = 1 }", namespace="app", **more):
    said = {"metricName": "m", "metricNamespace": namespace, "metricValue": "1"} | more
    return "put_metric_filter", {"logGroupName": "g", "filterName": name, "filterPattern": pattern, "metricTransformations": [said]}


def subscription(target, role=None, pattern="", group="g"):
    said = {"logGroupName": group, "filterName": "f", "filterPattern": pattern, "destinationArn": target}
    return "put_subscription_filter", said | ({"roleArn": role} if role else {})


def delivered(target, form):
    return "put_delivery_destination", {"name": "d", "outputFormat": form, "deliveryDestinationConfiguration": {"destinationResourceArn": target}}


def transformer(*processors):
    return "put_transformer", {"logGroupIdentifier": "g", "transformerConfig": list(processors)}


STREAM, FIREHOSE = "arn:aws:kinesis:us-east-1:000000000000:stream/s", "arn:aws:firehose:us-east-1:000000000000:deliverystream/s"
FUNCTION, TOPIC = "arn:aws:lambda:us-east-1:000000000000:function:f", "arn:aws:sns:us-east-1:000000000000:t"
NO_ROLE = "destinationArn for vendor {} cannot be used without roleArn"
CASES = [
    ("account-policy-document-json", of_account("SUBSCRIPTION_FILTER_POLICY", "{not json"), "Malformed Subscription filter policy"),
    ("account-policy-selection-criteria-prefix", of_account("FIELD_INDEX_POLICY", {"Fields": ["a"]}, 'LogGroupName NOT IN ["x"]'), "Invalid selection criteria provided."),
    ("account-policy-selection-criteria-subscription",
     of_account("SUBSCRIPTION_FILTER_POLICY", {"DestinationArn": FUNCTION}, 'LogGroupNamePrefix "pf"'), "The provided SelectionCriteria string is invalid."),
    ("account-policy-selection-criteria-subscription", of_account("SUBSCRIPTION_FILTER_POLICY", {"DestinationArn": LAMBDA_THERE}, "bad"), (DENIED, CROSS_ACCOUNT)),
    ("account-policy-selection-criteria-unsupported", of_account("DATA_PROTECTION_POLICY", protection()[1]["policyDocument"], 'LogGroupName NOT IN ["x"]'),
     "SelectionCriteria is not yet supported for the DATA_PROTECTION_POLICY policy type."),
    ("account-policy-subscription-document", of_account("SUBSCRIPTION_FILTER_POLICY", {"FilterPattern": ""}), "MissingDestinationArnfield in policy document"),
    ("account-policy-transformer-document", of_account("TRANSFORMER_POLICY", {"parseJSON": {}}), "Invalid json transformer config provided"),
    ("anomaly-detector-single-log-group", ("create_log_anomaly_detector", {"logGroupArnList": [GROUP_ARN, f"{GROUP_ARN}2"]}), "Only 1 log group arn is supported in the list."),
    ("data-protection-identifier-arn", protection(["EmailAddress"]), "EmailAddress is not a valid Data Identifier"),
    ("data-protection-identifiers-match", protection([MAIL], [ADDRESS]), "Audit Statement and Deidentify Statement must have the same Data Identifiers"),
    ("data-protection-mask-config-empty", protection(mask={"MaskWith": "*"}), "MaskWith is not a valid field"),
    ("data-protection-policy-statements", protection(statements=1), TWO),
    ("data-protection-policy-version", protection(version="2012-10-17"), "Policy Version must be 2021-06-01"),
    ("delivery-destination-output-format-target", delivered(GROUP_ARN, "parquet"), ("ValidationException", "Invalid output format value provided.")),
    ("delivery-destination-region", delivered(GROUP_ARN.replace("us-east-1", "eu-west-1"), "json"),
     ("ValidationException", "Region from identity does not match the Destination Resource ARN.")),
    ("destination-policy-json", ("put_destination", {"destinationName": "d", "targetArn": STREAM, "roleArn": ROLE.replace("0" * 12, "1" * 12)}),
     (DENIED, "Cross-account role passing is not allowed.")),
    ("resource-policy-json", ("put_resource_policy", {"policyName": "p", "policyDocument": '{"foo": "bar"}'}), UNPARSED),
    ("field-index-fields-max", ("put_index_policy", {"logGroupIdentifier": "g", "policyDocument": json.dumps({"Fields": [f"f{n}" for n in range(21)]})}),
     "Policy document contains more than 20 fields."),
    ("filter-name-charset", metric("pf:filter"),
     "1 validation error detected: Value 'pf:filter' at 'filterName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"),
    ("filter-pattern-bracket", metric(pattern="[unclosed"), "If a filter pattern starts with '[' it must end with ']'"),
    ("filter-pattern-bracket", metric(pattern="{ $.status = }"), "Invalid metric filter pattern"),
    ("filter-pattern-bracket", subscription(STREAM, pattern="[unclosed"), "If a filter pattern starts with '[' it must end with ']'"),
    ("metric-dimension-selector", metric(dimensions={"A": "literal"}), "Invalid metric transformation: dimension value must be valid selector"),
    ("metric-dimensions-default-exclusive", metric(dimensions={"A": "$.a"}, defaultValue=1.0),
     "Invalid metric transformation: dimensions and default value are mutually exclusive properties"),
    ("metric-namespace-reserved", metric(namespace="AWS/Custom"), "Metric namespaces starting with AWS/ are reserved for AWS."),
    ("query-definition-log-groups-max", ("put_query_definition", {"name": "q", "queryString": "fields @message", "logGroupNames": [f"g{n}" for n in range(51)]}),
     "Too many log groups specified"),
    ("subscription-destination-vendor", subscription(TOPIC), "PutSubscriptionFilter operation cannot work with destinationArn for vendor sns"),
    ("subscription-firehose-role", subscription(FIREHOSE), NO_ROLE.format("firehose")),
    ("subscription-kinesis-role", subscription(STREAM), NO_ROLE.format("kinesis")),
    ("subscription-lambda-no-role", subscription(FUNCTION, ROLE), "destinationArn for vendor lambda cannot be used with roleArn"),
    ("transformer-grok-pattern", transformer({"grok": {"match": "%{NOT_A_PATTERN:field}"}}), "No definition for key 'NOT_A_PATTERN' found"),
    ("transformer-parser-first", transformer({"addKeys": {"entries": [{"key": "a", "value": "b"}]}}), f"Transformer config should begin with parser. Allowed parsers are {PARSERS}"),
    # Recorded: localstack's test_put_subscription_filter_errors.
    ("the account is looked at before the group", subscription(LAMBDA_THERE, group="no"), (DENIED, CROSS_ACCOUNT)),
]  # fmt: skip


def test_what_aws_refuses_is_refused_in_its_words(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    for rule, (method, said), expected in CASES:
        with pytest.raises(ClientError) as raised:
            getattr(logs, method)(**said)
        error = raised.value.response["Error"]
        assert (error["Code"], error["Message"]) == (expected if isinstance(expected, tuple) else (INVALID, expected)), rule


def test_what_aws_took_of_it_is_taken(cloud):
    # The other half of pf-logs-account-policy-selection-criteria-prefix.
    made = cloud.client("logs").put_account_policy(
        policyName="p", policyType="FIELD_INDEX_POLICY", policyDocument='{"Fields": ["a"]}', selectionCriteria='LogGroupNamePrefix "pf"'
    )
    assert made["accountPolicy"]["selectionCriteria"] == 'LogGroupNamePrefix "pf"'
