"""What AWS says to params that break the model's constraints, word for word.

Texts marked (recorded) were answered by real AWS and recorded in the snapshot tests of LocalStack (Apache-2.0), except
that enumerations come in the model's order: AWS prints them in the order of a Java hash table.
"""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumoniwa.aws.models import service, service_names
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire import constraints
from kumoniwa.wire.codec import Codec, codec


def refusal(name, operation, protocol=None, /, **params):
    with pytest.raises(AwsError) as refused:
        codec(service(name).operation(operation), protocol or service(name).protocol).check(params)
    return refused.value.code, refused.value.text


def accepts(name, operation, protocol=None, /, **params):
    codec(service(name).operation(operation), protocol or service(name).protocol).check(params)


@pytest.mark.parametrize(
    "name, operation, params, text",
    [
        # (recorded: lambda)
        (
            "lambda",
            "ListEventSourceMappings",
            {"MaxItems": 10001},
            "1 validation error detected: Value '10001' at 'maxItems' failed to satisfy constraint: "
            "Member must have value less than or equal to 10000",
        ),
        # (recorded: lambda)
        (
            "lambda",
            "CreateEventSourceMapping",
            {"FunctionName": "f", "StartingPosition": "invalid"},
            "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: "
            "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
        ),
        # (recorded: lambda)
        (
            "lambda",
            "AddPermission",
            {"FunctionName": "f", "StatementId": "example.com", "Action": "lambda:*", "Principal": "*"},
            "1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
        ),
        # (recorded: lambda) A map's values and keys are judged together.
        (
            "lambda",
            "CreateAlias",
            {
                "FunctionName": "f",
                "Name": "a",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"2": 2.0}},
            },
            "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
            "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
            "Member must have value greater than or equal to 0.0, Member must not be null]",
        ),
        # (recorded: lambda)
        (
            "lambda",
            "CreateAlias",
            {
                "FunctionName": "f",
                "Name": "a",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}},
            },
            "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to "
            "satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
            "Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]",
        ),
        # (recorded: events) Structures in lists are numbered from 1.
        (
            "events",
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "a", "Arn": "arn"}, {"Id": "x" * 65, "Arn": "arn"}]},
            f"1 validation error detected: Value '{'x' * 65}' at 'targets.2.member.id' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        # (recorded: events) The pattern is named before the length.
        (
            "events",
            "CreateConnection",
            {
                "Name": "This should fail with two errors 123467890123412341234123412341234",
                "AuthorizationType": "INVALID",
                "AuthParameters": {},
            },
            "3 validation errors detected: Value 'This should fail with two errors 123467890123412341234123412341234' at "
            "'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; "
            "Value 'This should fail with two errors 123467890123412341234123412341234' at 'name' failed to satisfy "
            "constraint: Member must have length less than or equal to 64; Value 'INVALID' at 'authorizationType' failed "
            "to satisfy constraint: Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]",
        ),
        # (recorded: stepfunctions)
        (
            "stepfunctions",
            "ListExecutions",
            {"statusFilter": "succeeded"},
            "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy constraint: "
            "Member must satisfy enum value set: [SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ),
        # (recorded: stepfunctions, through DynamoDB)
        (
            "dynamodb",
            "PutItem",
            {"TableName": "t"},
            "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null",
        ),
        # (recorded: apigateway) One object per body, and its violations before those of the path.
        (
            "apigateway",
            "CreateRestApi",
            {"name": "n", "endpointConfiguration": {"types": ["wrong"], "ipAddressType": "wrong"}},
            "2 validation errors detected: Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to "
            "satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, "
            "REGIONAL]]; Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [ipv4, dualstack]",
        ),
        # (recorded: apigateway) Values that share a bucket.
        (
            "apigateway",
            "GetGatewayResponse",
            {"restApiId": "a", "responseType": "FAKE"},
            "1 validation error detected: Value 'FAKE' at 'responseType' failed to satisfy constraint: Member must satisfy enum value set: "
            "[REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, "
            "INVALID_SIGNATURE, INVALID_API_KEY, BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, "
            "ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, API_CONFIGURATION_ERROR, "
            "UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN]",
        ),
        # (recorded: apigateway)
        (
            "apigateway",
            "UpdateMethodResponse",
            {
                "restApiId": "a",
                "resourceId": "b",
                "httpMethod": "GET",
                "statusCode": "wrong",
                "patchOperations": [{"op": "wrong_op"}],
            },
            "2 validation errors detected: Value 'wrong_op' at 'updateMethodResponseInput.patchOperations.1.member.op' "
            "failed to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]; "
            "Value 'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            "[1-5]\\d\\d",
        ),
    ],
)
def test_a_violation_is_said_in_awss_words(name, operation, params, text):
    assert refusal(name, operation, **params) == ("ValidationException", text)


def test_a_sensitive_value_is_not_repeated():
    # https://github.com/aws-amplify/amplify-js/issues/1067: "Value at 'password' failed to satisfy constraint: …"
    code, text = refusal("cognito-idp", "SignUp", ClientId="c", Username="u", Password=" ")
    assert (
        "Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        in text
    )
    # https://github.com/amazon-archives/amazon-cognito-identity-js/issues/388
    assert code == "InvalidParameterException"


def test_the_query_protocol_says_validation_error():
    # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    code, text = refusal("iam", "CreateRole", RoleName="a b", AssumeRolePolicyDocument="{}")
    assert code == "ValidationError"
    assert text == (
        "1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\w+=,.@-]+"
    )


@pytest.mark.parametrize(
    "name, operation, missing", [("sqs", "SendMessage", "QueueUrl"), ("ec2", "RunInstances", "MinCount")]
)
def test_ec2_and_sqs_only_miss_what_is_required(name, operation, missing):
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#CommonErrors
    required = {
        member: 1 for member in service(name).operation(operation).input.required if member != missing
    }
    code, text = refusal(name, operation, **required)
    assert (code, text) == ("MissingParameter", f"The request must contain the parameter {missing}.")
    accepts(name, operation, **required, **{missing: 1})


def test_cloudfront_says_malformed_xml():
    # https://github.com/fog/fog/issues/3428
    code, text = refusal("cloudfront", "CreateInvalidation", DistributionId="d")
    assert (code, text) == (
        "MalformedXML",
        "1 validation error detected: Value null at 'invalidationBatch' failed to satisfy constraint: Member must not be null",
    )


def test_a_dangerous_pattern_still_judges_short_values():
    code, text = refusal(
        "rds",
        "CreateBlueGreenDeployment",
        BlueGreenDeploymentName="a--b",
        Source="arn:aws:rds:us-east-1:123456789012:db:d",
    )
    assert text.startswith(
        "1 validation error detected: Value 'a--b' at 'blueGreenDeploymentName' failed to satisfy"
    )


def test_s3_checks_for_itself():
    accepts("s3", "PutObject")


def test_structures_inside_recursive_shapes_are_checked():
    def asked(key):
        return {
            "TimePeriod": {"Start": "2026-01-01", "End": "2026-02-01"},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
            "Filter": {"Or": [{"Not": {"Or": [{"Dimensions": {"Key": key, "Values": ["x"]}}]}}]},
        }

    code, text = refusal("ce", "GetCostAndUsage", **asked("NONE_SUCH"))
    assert text.startswith(
        "1 validation error detected: Value 'NONE_SUCH' at 'filter.or.1.member.not.or.1.member.dimensions.key' failed"
    )
    accepts("ce", "GetCostAndUsage", **asked("SERVICE"))


@pytest.mark.parametrize(
    "name, operation, params",
    [
        ("lambda", "GetFunction", {"FunctionName": "a" * 1_000_000 + "!"}),
        # '[a-zA-Z](?:-?[a-zA-Z0-9]+)*' takes exponential time to refuse this.
        ("rds", "CreateBlueGreenDeployment", {"BlueGreenDeploymentName": "a" * 59 + "!", "Source": "s"}),
        # '^[ \\t]*[\\x20-\\x7E]+([ \\t]+[\\x20-\\x7E]+)*[ \\t]*$'
        (
            "events",
            "CreateApiDestination",
            {
                "Name": "n",
                "ConnectionArn": "c",
                "HttpMethod": "GET",
                "InvocationEndpoint": "https://" + "a." * 1000 + "!",
            },
        ),
        (
            "events",
            "CreateConnection",
            {
                "Name": "n",
                "AuthorizationType": "API_KEY",
                "AuthParameters": {
                    "ApiKeyAuthParameters": {"ApiKeyName": " " * 400 + "é", "ApiKeyValue": "a b " * 100 + "é"}
                },
            },
        ),
    ],
)
def test_no_pattern_of_awss_takes_long(name, operation, params):
    check = codec(service(name).operation(operation), service(name).protocol).check
    started = time.process_time()
    try:
        check(params)
    except AwsError:
        pass
    assert time.process_time() - started < 1


CHECKED = (
    "lambda",
    "dynamodb",
    "apigateway",
    "iam",
    "logs",
    "events",
    "stepfunctions",
    "kinesis",
    "sts",
    "secretsmanager",
)


def _anything(draw, shape, depth=0):
    if shape.type == "structure":
        names = (
            draw(st.lists(st.sampled_from(sorted(shape.members)), max_size=5, unique=True))
            if shape.members
            else []
        )
        names = sorted({*names, *(shape.required if depth < 3 else ())} & set(shape.members))
        return (
            {name: _anything(draw, shape.members[name].shape, depth + 1) for name in names}
            if depth < 5
            else {}
        )
    if shape.type == "list":
        return [
            _anything(draw, shape.element.shape, depth + 1)
            for _ in range(draw(st.integers(0, 2)) if depth < 5 else 0)
        ]
    if shape.type == "map":
        return {draw(st.text(max_size=3)): _anything(draw, shape.value.shape, depth + 1)} if depth < 5 else {}
    if shape.type == "string":
        return draw(
            st.sampled_from([*shape.enum, "", "a", "x" * 40, "arn:aws:iam::123456789012:role/r", "1"])
        )
    return {
        "integer": draw(st.integers(-5, 50)), "long": 3, "float": 0.5, "double": 0.5,
        "boolean": True, "timestamp": 1.0, "blob": b"x" * draw(st.integers(0, 3)),
    }[shape.type]  # fmt: skip


@pytest.mark.parametrize("name", CHECKED)
@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(data=st.data())
def test_the_fast_check_and_the_explaining_one_agree(name, data):
    """The fast check refuses exactly when there is something to explain."""
    operation = service(name).operation(data.draw(st.sampled_from(service(name).operation_names)))
    if operation.input is None:
        return
    params = _anything(data.draw, operation.input)
    explained = list(constraints.violations(operation.input, params))
    try:
        codec(operation, service(name).protocol).check(params)
        is_refused = False
    except AwsError:
        is_refused = True
    assert is_refused == bool(explained)


@pytest.mark.parametrize(
    "name, operation, params, code",
    [
        ("iam", "CreateUser", {"UserName": 7}, "ValidationError"),
        ("iam", "TagUser", {"UserName": "a", "Tags": "tags"}, "ValidationError"),
        ("iam", "TagUser", {"UserName": "a", "Tags": ["tag"]}, "ValidationError"),
        ("dynamodb", "CreateTable", {"TableName": ["t"], "AttributeDefinitions": 1, "KeySchema": {}}, "SerializationException"),
        ("lambda", "ListEventSourceMappings", {"MaxItems": "many"}, "SerializationException"),
        ("lambda", "CreateFunction", {"FunctionName": {}, "Role": 1, "Code": "zip", "Runtime": []}, "SerializationException"),
    ],
)
def test_a_call_from_inside_with_wrong_types_is_refused_like_a_broken_body(name, operation, params, code):
    assert refusal(name, operation, **params)[0] == code


@pytest.mark.slow
def test_every_operation_of_every_service_compiles():
    for name in sorted(service_names()):
        its = service.__wrapped__(name)
        for operation in its.operation_names:
            for protocol in its.protocols:
                made = Codec(its.operation(operation), protocol)
                assert all((made.read, made.check, made.write, made.refuse))


def test_letters_of_other_scripts_are_no_word_characters():
    # pf-iam-name-format and pf-cognito-user-pool-name of badmintoncryer/cdk-preflight; a tag's [\p{L}…] takes them.
    assert "failed to satisfy constraint" in refusal("iam", "CreateUser", UserName="テスト用")[1]
    assert list(constraints.violations(service("iam").operation("TagUser").input, {"UserName": "a", "Tags": [{"Key": "鍵", "Value": "値"}]})) == []


def test_a_structure_is_shown_with_all_its_members_and_no_secret():
    # Recorded: localstack's test_put_events_with_too_many_entries; that a secret in it is not shown stands to reason.
    entries = [{"Source": "s", "DetailType": "d"}] * 11
    shown = "PutEventsRequestEntry(time=null, source=s, resources=null, detailType=d, detail=null, eventBusName=null, traceHeader=null)"
    assert refusal("events", "PutEvents", Entries=entries)[1].startswith(f"1 validation error detected: Value '[{', '.join([shown] * 11)}]' at 'entries'")
    sources = [{"Name": "deb", "Products": ["*"], "Configuration": "secret"}] * 21
    text = refusal("ssm", "CreatePatchBaseline", Name="abc", Sources=sources)[1]
    assert "PatchSource(name=deb, products=[*], configuration=***)" in text and "secret" not in text
