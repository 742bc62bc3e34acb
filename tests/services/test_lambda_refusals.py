"""What AWS refuses of Lambda, in its words as cdk-preflight saw them in live deployments (rules/lambda): each case is named after its rule.
It told no codes; they are those of other refusals of the same operation, where no recording is named.
https://github.com/badmintoncryer/cdk-preflight"""

from __future__ import annotations

import json
from typing import Any

import pytest
from lambda_workshop import ACCOUNT, ECHO, ROLE, RUNTIME, make, put_role, zipped
from refusals import refused
from source_workshop import READS

INVALID, CONSTRAINT = "InvalidParameterValueException", "ValidationException"
HERE = f"arn:aws:lambda:us-east-1:{ACCOUNT}"
QUEUE, FIFO = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"
STREAM = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/things/stream/2026-09-07T04:55:10.784"
DOCUMENTS = f"arn:aws:docdb:us-east-1:{ACCOUNT}:cluster:c"
IMAGE, SIGNED = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/repo:latest", f"{HERE}:code-signing-config:csc-0123456789abcdef0"
PINNED = f"arn:aws:lambda:eu-west-1::runtime:{'8b993aab' * 8}"
LONG = f"arn:aws:sqs:us-east-1:{ACCOUNT}:".ljust(351, "q")
NO_IMAGE = "Source image {} is not valid. Provide a valid source image."
BATCH = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
ELSEWHERE = "Event source region must match Lambda region us-east-1"
METRICS = "Invalid EventSourceMapping metrics. Expected values: [EventCount]"
POLLERS = "MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]"
WILDCARD = "You can't specify additional fields for {} because you already specified the wildcard character (*)."


def rule(name: str, operation: str, said: dict[str, Any], text: str, code: str = INVALID):
    return pytest.param(operation, said, code, text, id=name)


def function(name: str, text: str, code: str = INVALID, **said):
    whole = {"FunctionName": "g", "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": zipped(ECHO)}}
    return rule(name, "create_function", whole | said, text, code)


def image(name: str, text: str, **said):
    return rule(name, "create_function", {"FunctionName": "g", "Role": ROLE, "PackageType": "Image"} | said, text)


def alias(name: str, text: str, code: str = INVALID, **said):
    return rule(name, "create_alias", {"FunctionName": "f", "Name": "a", "FunctionVersion": "1"} | said, text, code)


def dead(why: str) -> str:
    return f"Invalid dead letter queue ARN: {why}"


def destination(name: str, target: str, text: str = ""):
    said = {"FunctionName": "f", "DestinationConfig": {"OnFailure": {"Destination": target}}}
    invalid = f"The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={target})) is invalid."
    return rule(name, "put_function_event_invoke_config", said, text or invalid)


def mapping(name: str, text: str, source: str = "", **said):
    return rule(name, "create_event_source_mapping", {"FunctionName": "f", "EventSourceArn": source or QUEUE} | said, text)


def unsupported(parameter: str) -> str:
    return f"Unsupported {parameter} parameter for given event source mapping type."


def shared(name: str, text: str, code: str = INVALID, **said):
    share = {"LayerName": "a", "VersionNumber": 1, "StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    return rule(name, "add_layer_version_permission", share | said, text, code)


def foreign(name: str, layer: str):
    denied = "is not authorized to perform: lambda:GetLayerVersion on resource"
    text = f"User: arn:aws:iam::{ACCOUNT}:root {denied}: {layer} because no resource-based policy allows the lambda:GetLayerVersion action"
    return function(name, text, "AccessDeniedException", Layers=[layer])


def permission(name: str, text: str, code: str = INVALID, **said):
    grant = {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    return rule(name, "add_permission", grant | said, text, code)


def managed(name: str, text: str, **said):
    return rule(name, "put_runtime_management_config", {"FunctionName": "f"} | said, text)


def url(name: str, text: str, code: str = INVALID, **said):
    return rule(name, "create_function_url_config", {"FunctionName": "f", "AuthType": "NONE"} | said, text, code)


CASES = [
    # Aliases.
    alias(
        "alias-additional-version-distinct", "Invalid function version 1. Function version 1 is already included in routing configuration.",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.2}},
    ),
    alias(
        "alias-additional-version-not-latest",
        "1 validation error detected: Value '{$LATEST=0.2}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy "
        "constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular "
        "expression pattern: [0-9]+]",
        CONSTRAINT, RoutingConfig={"AdditionalVersionWeights": {"$LATEST": 0.2}},
    ),
    alias(
        "alias-additional-versions-max-one", "Number of items in AdditionalVersionWeights cannot be greater than 1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.2, "3": 0.2}},
    ),
    alias(
        "alias-routing-not-latest", "$LATEST is not supported for an alias pointing to more than 1 version",
        FunctionVersion="$LATEST", RoutingConfig={"AdditionalVersionWeights": {"1": 0.2}},
    ),
    alias(
        "alias-version-not-alias",
        f"1 validation error detected: Value '{HERE}:function:f:blue' at 'functionVersion' failed to satisfy constraint: Member must satisfy regular "
        r"expression pattern: (\$LATEST(\.PUBLISHED)?|[0-9]+)",
        CONSTRAINT, FunctionVersion=f"{HERE}:function:f:blue",
    ),
    alias(
        "alias-version-weight-range",
        "1 validation error detected: Value '{2=1.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy "
        "constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
        CONSTRAINT, RoutingConfig={"AdditionalVersionWeights": {"2": 1.5}},
    ),
    # Functions.
    function(
        "code-signing-arn-region",
        "The code signing configuration must be in the same account as the Lambda function. Check the provided ARN: "
        "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0.",
        CodeSigningConfigArn="arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0123456789abcdef0",
    ),
    function("code-s3-pair", "S3 Bucket and Key are required for uploading with S3 parameters.", Code={"S3Bucket": "bucket"}),
    function(
        "code-zipfile-exclusive", "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        Code={"ZipFile": b"x", "S3Bucket": "bucket", "S3Key": "key"},
    ),
    function(
        "env-key-start-letter",
        "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy "
        "regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        CONSTRAINT, Environment={"Variables": {"1A": "b"}},
    ),
    function("imageconfig-requires-image", "The ImageConfig parameter is not supported for functions created with deployment packages.", ImageConfig={}),
    function("loggroup-no-aws-prefix", "Log groups starting with AWS/ are reserved for AWS. Update the LogGroup value and try again.", LoggingConfig={"LogGroup": "aws/g"}),
    function(
        "loggroup-pattern",
        "1 validation error detected: Value 'my group!' at 'loggingConfig.logGroup' failed to satisfy constraint: Member must satisfy regular expression "
        r"pattern: [\.\-_/#A-Za-z0-9]+",
        CONSTRAINT, LoggingConfig={"LogGroup": "my group!"},
    ),
    function(
        "loglevel-requires-json",
        'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.',
        LoggingConfig={"LogFormat": "Text", "ApplicationLogLevel": "INFO"},
    ),
    function("memory-max", "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240", CONSTRAINT, MemorySize=20000),
    function(
        "timeout-max", "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
        CONSTRAINT, Timeout=901,
    ),
    function("vpc-non-empty", "SubnetIds and SecurityIds must coexist or be both empty list.", VpcConfig={"SubnetIds": ["subnet-12345678"], "SecurityGroupIds": []}),
    function("zip-no-imageuri", "Please provide a source for function code.", Code={"ImageUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/repo:latest"}),
    # Functions from images, which are refused by name as soon as AWS would not refuse them.
    image("code-signing-zip-only", "Code signing is not supported for functions created with container images.", Code={"ImageUri": IMAGE}, CodeSigningConfigArn=SIGNED),
    image("image-requires-imageuri", "ImageUri is required.", Code={}),
    image("image-uri-no-fips", NO_IMAGE.format(f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com/repo:latest"), Code={"ImageUri": f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com/repo:latest"}),
    image("image-uri-private-ecr", NO_IMAGE.format("public.ecr.aws/lambda/python:3.12"), Code={"ImageUri": "public.ecr.aws/lambda/python:3.12"}),
    image("image-uri-region", NO_IMAGE.format(IMAGE.replace("us-east-1", "eu-west-1")), Code={"ImageUri": IMAGE.replace("us-east-1", "eu-west-1")}),
    image("s3-storage-mode-zip-only", "Do not include S3ObjectStorageMode when the function PackageType is Image.", Code={"ImageUri": IMAGE, "S3ObjectStorageMode": "COPY"}),
    # Dead letters and destinations.
    function("dlq-no-fifo", dead("FIFO SQS queue is not supported for dead letter configuration"), DeadLetterConfig={"TargetArn": FIFO}),
    function(
        "dlq-region", dead("The resource specified by the TargetArn must be in the same region as the Lambda function it's associated with."),
        DeadLetterConfig={"TargetArn": QUEUE.replace("us-east-1", "eu-west-1")},
    ),
    function(
        "dlq-service", dead("The service specified by the TargetArn is not supported for dead letter configuration."),
        DeadLetterConfig={"TargetArn": f"{HERE}:function:g"},
    ),
    destination("eic-destination-no-sns-fifo", f"arn:aws:sns:us-east-1:{ACCOUNT}:t.fifo", "FIFO-type Amazon SNS topics aren't supported as a destination."),
    destination("eic-destination-no-sqs-fifo", FIFO),
    destination("eic-destination-region", QUEUE.replace("us-east-1", "eu-west-1")),
    destination("eic-destination-service", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"),
    rule(
        "eic-onsuccess-no-s3", "put_function_event_invoke_config",
        {"FunctionName": "f", "DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::my-bucket"}, "OnFailure": {"Destination": ""}}},
        "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::my-bucket), onFailure=OnFailure(destination=)) is invalid.",
    ),
    # Event source mappings.
    mapping("esm-batchsize-window", BATCH, BatchSize=11),
    mapping("esm-bisect-batch-stream-only", unsupported("BisectBatchOnFunctionError"), BisectBatchOnFunctionError=True),
    mapping("esm-ddb-at-timestamp-unsupported", f"Unsupported starting position for arn type: {STREAM}", STREAM, StartingPosition="AT_TIMESTAMP"),
    mapping("esm-ddb-cross-region", ELSEWHERE, STREAM.replace("us-east-1", "eu-west-1"), StartingPosition="LATEST"),
    mapping(
        "esm-ddb-destination-standard-only", "FIFO-type Amazon SQS queues aren't supported as a destination.", STREAM, StartingPosition="LATEST",
        DestinationConfig={"OnFailure": {"Destination": FIFO}},
    ),
    mapping("esm-destination-config-stream-only", unsupported("DestinationConfig"), DestinationConfig={"OnFailure": {"Destination": QUEUE}}),
    mapping("esm-documentdb-arn-rds-service", f"Unrecognized event source. Unsupported source arn : {DOCUMENTS}", DOCUMENTS),
    mapping("esm-event-source-arn-service", "Unrecognized event source. Unsupported source arn : arn:aws:s3:::bucket", "arn:aws:s3:::bucket"),
    mapping("esm-fifo-batch-size-max", BATCH, FIFO, BatchSize=11),
    mapping("esm-fifo-batching-window", "Batching window is not supported for FIFO queues", FIFO, MaximumBatchingWindowInSeconds=1),
    mapping("esm-filter-pattern-eventbridge-syntax", "Invalid filter pattern definition.", FilterCriteria={"Filters": [{"Pattern": "[1]"}]}),
    mapping("esm-filter-pattern-leaf-array", "Invalid filter pattern definition.", FilterCriteria={"Filters": [{"Pattern": '{"a": "b"}'}]}),
    mapping(
        "esm-filters-hard-limit-ten", "Too many filter patterns, maximum allowed 5 patterns, provided 11 patterns.",
        FilterCriteria={"Filters": [{"Pattern": '{"body": ["x"]}'}] * 11},
    ),
    mapping("esm-function-name-bare-max-length", "Function does not exist", FunctionName="f" * 65),
    rule(
        "esm-function-name-format", "create_event_source_mapping", {"FunctionName": "a function", "EventSourceArn": QUEUE},
        "1 validation error detected: Value 'a function' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)"
        r"(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
        CONSTRAINT,
    ),
    mapping("esm-logging-config-kafka-only", unsupported("LoggingConfig"), LoggingConfig={}),
    mapping("esm-max-concurrency-vs-reserved", "MaximumConcurrency: 100 is greater than Function Reserved Concurrency: 5", ScalingConfig={"MaximumConcurrency": 100}),
    mapping("esm-maximum-record-age-stream-only", unsupported("MaximumRecordAgeInSeconds"), MaximumRecordAgeInSeconds=60),
    mapping("esm-maximum-retry-attempts-stream-only", unsupported("MaximumRetryAttempts"), MaximumRetryAttempts=1),
    mapping("esm-metrics-error-count-kafka-only", METRICS, MetricsConfig={"Metrics": ["ErrorCount"]}),
    mapping("esm-metrics-kafka-metrics-kafka-only", METRICS, MetricsConfig={"Metrics": ["KafkaMetrics"]}),
    rule(
        "esm-on-failure-destination-api-max-length", "create_event_source_mapping",
        {"FunctionName": "f", "EventSourceArn": STREAM, "StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Destination": LONG}}},
        f"1 validation error detected: Value '{LONG}' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must have length less "
        "than or equal to 350",
        CONSTRAINT,
    ),
    mapping(
        "esm-on-failure-destination-service", "The service specified by the TargetArn isn't supported as a destination.", STREAM, StartingPosition="LATEST",
        DestinationConfig={"OnFailure": {"Destination": f"{HERE}:function:f"}},
    ),
    mapping("esm-parallelization-factor-stream-only", unsupported("ParallelizationFactor"), ParallelizationFactor=2),
    mapping("esm-poller-group-name-kafka-only", "Invalid parameter: pollerGroupName", ProvisionedPollerConfig={"PollerGroupName": "g"}),
    mapping(
        "esm-pollers-max-ge-min", "MinimumPollers must be less than or equal to MaximumPollers.",
        ProvisionedPollerConfig={"MinimumPollers": 5, "MaximumPollers": 4},
    ),
    mapping("esm-provisioned-poller-source-support", unsupported("ProvisionedPollerConfig"), STREAM, StartingPosition="LATEST", ProvisionedPollerConfig={}),
    mapping(
        "esm-record-age-effective-min", "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)", STREAM,
        StartingPosition="LATEST", MaximumRecordAgeInSeconds=30,
    ),
    mapping("esm-scaling-config-sqs-only", unsupported("ScalingConfig"), STREAM, StartingPosition="LATEST", ScalingConfig={"MaximumConcurrency": 2}),
    mapping(
        "esm-scaling-provisioned-mutually-exclusive",
        "Provisioned mode for SQS ESM does not support maximum concurrency feature. Use MaximumPollers as the control mechanism and remove maximum concurrency.",
        ScalingConfig={"MaximumConcurrency": 2}, ProvisionedPollerConfig={"MinimumPollers": 2},
    ),
    mapping("esm-sqs-maximum-pollers-min", POLLERS, ProvisionedPollerConfig={"MaximumPollers": 1}),
    mapping("esm-sqs-minimum-pollers-min", POLLERS, ProvisionedPollerConfig={"MinimumPollers": 1}),
    mapping("esm-sqs-same-region", ELSEWHERE, QUEUE.replace("us-east-1", "eu-west-1")),
    mapping("esm-sqs-starting-position", "StartingPosition is not valid for SQS event sources.", StartingPosition="LATEST"),
    mapping(
        "esm-starting-position-timestamp-requires-at-timestamp", "Timestamp only valid with StartingPosition AT_TIMESTAMP", STREAM,
        StartingPosition="LATEST", StartingPositionTimestamp=1,
    ),
    mapping("esm-starting-position-timestamp-sqs-unsupported", "Timestamp is not valid for SQS event sources.", StartingPositionTimestamp=1),
    mapping("esm-tumbling-window-stream-only", unsupported("TumblingWindowInSeconds"), TumblingWindowInSeconds=1),
    # Layers.
    rule(
        "layer-compatible-architectures-enum", "publish_layer_version",
        {"LayerName": "b", "Content": {"ZipFile": zipped(ECHO)}, "CompatibleArchitectures": ["vax"]},
        "1 validation error detected: Value '[vax]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy constraint: [Member must "
        "satisfy enum value set: [x86_64, arm64], Member must not be null]",
        CONSTRAINT,
    ),
    rule(
        "layer-compatible-runtimes-enum", "publish_layer_version",
        {"LayerName": "b", "Content": {"ZipFile": zipped(ECHO)}, "CompatibleRuntimes": ["cobol"]},
        "1 validation error detected: Value '[cobol]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, "
        "python3.14, provided.al2023, python3.15, python3.12, python3.13, nodejs24.x, nodejs22.x, nodejs26.x, java25, python3.10, python3.11, java21, ruby3.3, "
        "ruby3.4, ruby4.0, ruby3.2, python3.8, python3.9, java17.al2023, java17, nodejs16.x, dotnet10, dotnet8, java8.al2023, java11, dotnet6, nodejs18.x, "
        "provided.al2, java8.al2, java11.al2023]",
        CONSTRAINT,
    ),
    shared("layerperm-arn-length", f"Layer version {HERE}:layer:{'l' * 93}:1 does not exist.", "ResourceNotFoundException", LayerName=f"{HERE}:layer:{'l' * 93}"),
    shared(
        "layerperm-organization-id-needs-wildcard-principal", "If organization id is specified then principal should be *",
        Principal="111111111111", OrganizationId="o-abcdefghij",
    ),
    foreign("layer-arn-region", "arn:aws:lambda:eu-west-1:111122223333:layer:l1:1"),
    foreign("layer-cross-account-needs-permission", "arn:aws:lambda:us-east-1:444455556666:layer:l:1"),
    # Permissions.
    permission(
        "perm-cross-region-function", "Functions from 'us-west-2' are not reachable in this region ('us-east-1')", "ResourceNotFoundException",
        FunctionName=f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f",
    ),
    permission("perm-function-name-latest", "We currently do not support adding policies for $LATEST.", FunctionName="f:$LATEST"),
    permission("perm-principal-service-domain", "The provided principal was invalid. Please check the principal and try again.", Principal="s3"),
    permission(
        "perm-principal-whitespace",
        "1 validation error detected: Value 's3 .amazonaws.com' at 'principal' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        r"[^\s]+",
        CONSTRAINT, Principal="s3 .amazonaws.com",
    ),
    permission(
        "perm-source-arn-with-account-principal", "The provided principal was invalid. Please check the principal and try again.",
        Principal=f"arn:aws:iam::{ACCOUNT}:role/nobody", SourceArn="arn:aws:s3:::bucket",
    ),
    permission(
        "perm-url-auth-action", "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action", Principal="*", FunctionUrlAuthType="NONE",
    ),
    # Concurrency and runtimes.
    rule(
        "provisioned-concurrency-not-latest", "put_provisioned_concurrency_config",
        {"FunctionName": "f", "Qualifier": "newest", "ProvisionedConcurrentExecutions": 1},
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    ),
    rule(
        "provisioned-sum-not-exceed-reserved", "put_provisioned_concurrency_config",
        {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 6},
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
    ),
    managed(
        "runtime-arn-manual-only", "Unexpected runtime version ARN when UpdateRuntimeVersionOn=Auto. Remove the runtime version ARN and retry the request.",
        UpdateRuntimeOn="Auto", RuntimeVersionArn=PINNED,
    ),
    managed(
        "runtime-manual-requires-arn",
        "Missing runtime version ARN. A runtime version ARN is required when UpdateRuntimeVersionOn=Manual. Provide a valid runtime version ARN and retry "
        "the request.",
        UpdateRuntimeOn="Manual",
    ),
    managed(
        "runtime-version-arn-region", f"Invalid runtime version ARN ({PINNED}). Check the runtime version ARN and retry the request.",
        UpdateRuntimeOn="Manual", RuntimeVersionArn=PINNED,
    ),
    # Function URLs.
    url("url-cors-allow-methods-wildcard-mix", WILDCARD.format("AllowMethods"), Cors={"AllowMethods": ["*", "GET"]}),
    url("url-cors-allow-origins-wildcard-mix", WILDCARD.format("AllowOrigins"), Cors={"AllowOrigins": ["https://example.com", "*"]}),
    url("url-qualifier-permission-match", "Function does not exist", "ResourceNotFoundException", Qualifier="green"),
    url(
        "url-target-arn-and-qualifier", "Cross-account access is not allowed.", "AccessDeniedException",
        FunctionName="arn:aws:lambda:us-east-1:111122223333:function:f",
    ),
]


@pytest.fixture
def functions(cloud):
    put_role(cloud, *READS)
    make(cloud, Role=ROLE)
    client = cloud.client("lambda")
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="newest", FunctionVersion="$LATEST")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)
    client.publish_layer_version(LayerName="a", Content={"ZipFile": zipped(ECHO)})
    return client


@pytest.mark.parametrize(("operation", "said", "code", "text"), CASES)
def test_what_aws_refuses_is_refused_in_its_words(functions, operation, said, code, text):
    assert refused(getattr(functions, operation), **said) == (code, text)


def test_a_policy_has_a_size(functions):
    # pf-lambda-perm-policy-size
    for sid in ("a", "b", "c"):
        said = {"FunctionName": "f", "StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        if sid == "c":
            assert refused(functions.add_permission, SourceArn="arn:aws:s3:::" + "b" * 1000, **said) == (
                "PolicyLengthExceededException", "The final policy size (21528) is bigger than the limit (20480)."
            )  # fmt: skip
        else:
            functions.add_permission(SourceArn="arn:aws:s3:::" + "b" * 9900, **said)


def test_variables_have_a_size_that_the_refusal_tells(functions):
    # pf-lambda-env-size, of 5,000 letters.
    code, text = refused(functions.update_function_configuration, FunctionName="f", Environment={"Variables": {"BIG_VALUE": "x" * 5000}})
    assert code == INVALID and text.endswith("exceeded the 4KB limit. Measured size: 5016 bytes")


def test_a_stack_says_when_its_functions_get_another_runtime(cloud):
    put_role(cloud)
    stacks, functions = cloud.client("cloudformation"), cloud.client("lambda")
    code = {"ZipFile": "def handler(event, context): return 1"}
    managed = {"Role": ROLE, "Runtime": RUNTIME, "Handler": "index.handler", "Code": code, "RuntimeManagementConfig": {"UpdateRuntimeOn": "FunctionUpdate"}}

    def deployed(name: str, policy: dict[str, str]) -> list[str]:
        version = {"FunctionName": {"Ref": "F"}, "RuntimePolicy": policy}
        resources = {"F": {"Type": "AWS::Lambda::Function", "Properties": managed | {"FunctionName": name}}}
        resources["V"] = {"Type": "AWS::Lambda::Version", "Properties": version}
        stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), DisableRollback=True)
        cloud.sleep(20)
        return [each.get("ResourceStatusReason", "") for each in stacks.describe_stack_events(StackName=name)["StackEvents"]]

    deployed("g", {"UpdateRuntimeOn": "FunctionUpdate"})
    for qualifier in ("$LATEST", "1"):
        assert functions.get_runtime_management_config(FunctionName="g", Qualifier=qualifier)["UpdateRuntimeOn"] == "FunctionUpdate"
    # pf-lambda-version-runtime-policy-manual-requires-arn
    assert any("Missing runtime version ARN. A runtime version ARN is required" in each for each in deployed("h", {"UpdateRuntimeOn": "Manual"}))


def test_what_aws_would_take_and_is_not_built_is_refused_by_name(functions):
    code, text = refused(functions.create_function, FunctionName="g", Role=ROLE, PackageType="Image", Code={"ImageUri": IMAGE})
    assert code == "NotImplemented" and "PackageType Image" in text
    stays = {"S3Bucket": "bucket", "S3Key": "key", "S3ObjectStorageMode": "REFERENCE"}
    code, text = refused(functions.publish_layer_version, LayerName="b", Content=stays)
    assert code == "NotImplemented" and "S3ObjectStorageMode" in text
