"""Functions: creation, change, deletion, and one request after the other."""

from __future__ import annotations

import base64

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import ROLE, invoke, make, put_role, settle, zipped
from refusals import refused


def test_a_function_is_created_and_answers(cloud):
    made = make(cloud)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    # Recorded: test_function_revisions_basic. A creation answers before it is done, under a revision that passes.
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating") and "LastUpdateStatus" not in made
    now = cloud.client("lambda").get_function_configuration(FunctionName="f")
    assert (now["State"], now["LastUpdateStatus"]) == ("Active", "Successful") and now["RevisionId"] != made["RevisionId"]
    assert made["FunctionArn"] == "arn:aws:lambda:us-east-1:000000000000:function:f"
    reply = invoke(cloud, {"a": 1})
    assert (reply["StatusCode"], reply["ExecutedVersion"], reply["Payload"]) == (200, "$LATEST", {"a": 1})
    assert reply["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"


def test_requests_that_name_nothing_are_refused_as_aws_does(cloud):
    make(cloud)
    client = cloud.client("lambda")
    arn = "arn:aws:lambda:us-east-1:000000000000:function"
    # Recorded: test_ops_on_nonexisting_fn, test_ops_on_nonexisting_version, test_get_function_wrong_region, test_function_arns.
    assert refused(client.invoke, FunctionName="no") == ("ResourceNotFoundException", f"Function not found: {arn}:no:$LATEST")
    assert refused(client.get_function, FunctionName="f", Qualifier="7") == (
        "ResourceNotFoundException", f"Function not found: {arn}:f:7",
    )  # fmt: skip
    code, text = refused(client.get_function, FunctionName=f"{arn}:f".replace("us-east-1", "eu-west-1"))
    assert (code, text) == ("ResourceNotFoundException", "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
    code, text = refused(client.get_function, FunctionName="f:1", Qualifier="2")
    assert (code, text) == (
        "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier.",
    )  # fmt: skip
    assert refused(client.create_function, FunctionName="f", Role=ROLE, Runtime="python3.12", Handler="a.b", Code={"ZipFile": b"x"}) == (
        "ResourceConflictException", "Function already exist: f",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["f", "function:f", "000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:function:f", "f:$LATEST"])
def test_a_function_has_many_names(cloud, name):
    make(cloud)
    assert invoke(cloud, 5, name)["Payload"] == 5


def test_code_in_s3_is_named_by_bucket_and_key_together(cloud):
    # As cdk-preflight saw it of AWS (pf-lambda-code-s3-pair).
    with pytest.raises(ClientError, match="S3 Bucket and Key are required for uploading with S3 parameters."):
        make(cloud, Code={"S3Bucket": "bucket"})


def test_what_cannot_be_unzipped_is_refused_and_leaves_nothing(cloud):
    put_role(cloud)
    client = cloud.client("lambda")
    values = {"FunctionName": "g", "Role": ROLE, "Runtime": "python3.12", "Handler": "a.b"}
    assert refused(client.create_function, **values, Code={"ZipFile": b"no zip"}) == (
        "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )  # fmt: skip
    assert client.list_functions()["Functions"] == []


def test_a_runtime_aws_has_withdrawn_is_refused_in_its_words(cloud):
    put_role(cloud)
    values = {"FunctionName": "g", "Role": ROLE, "Handler": "a.b", "Code": {"ZipFile": zipped("")}}
    code, text = refused(cloud.client("lambda").create_function, **values, Runtime="python3.7")
    assert code == "InvalidParameterValueException"
    assert text.startswith("The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions.")
    code, text = refused(cloud.client("lambda").create_function, **values, Runtime="java21")
    assert (code, text) == ("NotImplemented", "Kumoniwa does not implement the Lambda runtime java21; it runs Python, Node.js and provided.*.")


def test_no_file_systems_are_none_and_one_is_refused_by_name(cloud):
    # Zappa always says which there are.
    make(cloud, "def handler(event, context): return 1", FileSystemConfigs=[])
    update = cloud.client("lambda").update_function_configuration
    assert update(FunctionName="f", FileSystemConfigs=[])["FunctionName"] == "f"
    mount = {"Arn": "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-00000000000000000", "LocalMountPath": "/mnt/a"}
    assert refused(update, FunctionName="f", FileSystemConfigs=[mount])[0] == "NotImplemented"


def test_new_code_answers_the_next_request_and_stale_revisions_are_refused(cloud):
    made = make(cloud, "def handler(event, context): return 1")
    client = cloud.client("lambda")
    assert invoke(cloud)["Payload"] == 1
    updated = client.update_function_code(FunctionName="f", ZipFile=zipped("def handler(event, context): return 2"))
    assert updated["CodeSha256"] != made["CodeSha256"] and updated["RevisionId"] != made["RevisionId"]
    assert invoke(cloud)["Payload"] == 2
    assert refused(client.update_function_configuration, FunctionName="f", Timeout=9, RevisionId=made["RevisionId"])[0] == (
        "PreconditionFailedException"
    )
    client.update_function_configuration(FunctionName="f", Timeout=9, Environment={"Variables": {"NAME": "b"}})
    shown = client.get_function_configuration(FunctionName="f")
    assert (shown["Timeout"], shown["Environment"]) == (9, {"Variables": {"NAME": "b"}})


def test_variables_have_aws_limits(cloud):
    # Refused as recorded (test_large_environment_variables_fails), in the words cdk-preflight has seen since (pf-lambda-env-size, of 5,000 letters).
    make(cloud)
    client = cloud.client("lambda")
    code, text = refused(client.update_function_configuration, FunctionName="f", Environment={"Variables": {"BIG_VALUE": "x" * 5000}})
    assert code == "InvalidParameterValueException" and text.endswith("exceeded the 4KB limit. Measured size: 5016 bytes")
    code, text = refused(client.update_function_configuration, FunctionName="f", Environment={"Variables": {"AWS_REGION": "x"}})
    assert text.endswith("Reserved keys used in this request: AWS_REGION")


def test_a_deleted_function_is_gone(cloud):
    make(cloud)
    invoke(cloud)
    client = cloud.client("lambda")
    assert client.delete_function(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(client.invoke, FunctionName="f")[0] == "ResourceNotFoundException"
    make(cloud, "def handler(event, context): return 'new'")
    assert invoke(cloud)["Payload"] == "new"


def test_an_exception_is_the_functions_not_the_callers(cloud):
    make(cloud, "def handler(event, context): raise ValueError('no')")
    reply = invoke(cloud)
    assert (reply["StatusCode"], reply["FunctionError"]) == (200, "Unhandled")
    assert (reply["Payload"]["errorType"], reply["Payload"]["errorMessage"]) == ("ValueError", "no")


def test_a_function_that_takes_too_long_is_stopped(cloud):
    make(cloud, "def handler(event, context):\n    while True: pass", Timeout=1)
    reply = invoke(cloud)
    assert reply["FunctionError"] == "Unhandled"
    assert reply["Payload"]["errorType"] == "Sandbox.Timedout" and "Task timed out after 1.00 seconds" in reply["Payload"]["errorMessage"]


def test_the_tail_of_the_log_comes_with_the_answer(cloud):
    make(cloud, "def handler(event, context): print('said', context.aws_request_id)")
    reply = invoke(cloud, LogType="Tail")
    tail, request_id = base64.b64decode(reply["LogResult"]).decode(), reply["ResponseMetadata"]["RequestId"]
    assert tail.startswith(f"START RequestId: {request_id} Version: $LATEST\nsaid {request_id}\nEND RequestId: {request_id}\nREPORT")


def test_a_payload_that_is_no_json_is_refused(cloud):
    # Recorded: test_lambda_invoke_payload_encoding_error.
    make(cloud)
    code, text = refused(cloud.client("lambda").invoke, FunctionName="f", Payload=b"\x99\xeb")
    assert code == "InvalidRequestContentException"
    assert text == (
        "Could not parse request body into json: Could not parse payload into json: Unexpected character ((CTRL-CHAR, code 153)): "
        "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED "
        "(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"
    )


def test_a_dry_run_runs_nothing(cloud):
    make(cloud, "raise SystemExit('must not start')")
    assert cloud.client("lambda").invoke(FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204


def test_functions_survive_a_kill(cloud):
    make(cloud, Environment={"Variables": {"NAME": "b"}})
    invoke(cloud)
    cloud.restart(kill=True)
    assert cloud.client("lambda").get_function(FunctionName="f")["Configuration"]["Environment"] == {"Variables": {"NAME": "b"}}
    assert invoke(cloud, [1])["Payload"] == [1]


@pytest.mark.parametrize("kind, most", [("RequestResponse", 6_291_456), ("Event", 1_048_576)])
def test_payloads_have_limits(cloud, kind, most):
    make(cloud)
    payload = b'"' + b"x" * (most - 1) + b'"'
    assert refused(cloud.client("lambda").invoke, FunctionName="f", InvocationType=kind, Payload=payload) == (
        "RequestEntityTooLargeException", f"{most + 1} byte payload is too large for the {kind} invocation type (limit {most} bytes)",
    )  # fmt: skip


def test_the_shape_of_a_function_is_aws_own(cloud):
    # Recorded: test_function_lifecycle.
    make(cloud, Environment={"Variables": {}})
    shown = cloud.client("lambda").get_function(FunctionName="f")
    configuration = shown["Configuration"]
    assert set(configuration) == {
        "Architectures", "CodeSha256", "CodeSize", "Description", "Environment", "EphemeralStorage", "FunctionArn", "FunctionName",
        "Handler", "LastModified", "LastUpdateStatus", "LoggingConfig", "MemorySize", "PackageType", "RevisionId", "Role", "Runtime",
        "RuntimeVersionConfig", "SnapStart", "State", "Timeout", "TracingConfig", "Version",
    }  # fmt: skip
    assert configuration["RuntimeVersionConfig"]["RuntimeVersionArn"].startswith("arn:aws:lambda:us-east-1::runtime:")
    assert configuration["LastModified"] == "2030-01-01T00:00:00.000+0000"


def test_at_aws_pace_a_function_is_pending_at_first(make_cloud):
    cloud = make_cloud("us-east-1", pace="real")
    assert make(cloud)["State"] == "Pending"
    assert refused(cloud.client("lambda").invoke, FunctionName="f") == (
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    )
    cloud.sleep(6)
    assert cloud.client("lambda").get_function(FunctionName="f")["Configuration"]["State"] == "Active"
    assert invoke(cloud, 1)["Payload"] == 1
    assert cloud.client("lambda").update_function_configuration(FunctionName="f", Timeout=5)["LastUpdateStatus"] == "InProgress"
    code, text = refused(cloud.client("lambda").update_function_configuration, FunctionName="f", Timeout=6)
    assert code == "ResourceConflictException" and "An update is in progress for resource: arn:aws:lambda" in text


def test_at_aws_pace_a_change_keeps_its_revision_until_it_is_in_force_and_what_it_publishes_is_pending(make_cloud):
    # Recorded: test_lambda_code_location_zipfile, test_publish_with_update.
    cloud = make_cloud("us-east-1", pace="real")
    client = cloud.client("lambda")
    made = make(cloud)

    def shown(qualifier="$LATEST"):
        return client.get_function(FunctionName="f", Qualifier=qualifier)["Configuration"]

    assert shown()["RevisionId"] == made["RevisionId"]
    cloud.sleep(6)
    assert shown()["RevisionId"] != made["RevisionId"]
    published = client.update_function_code(FunctionName="f", ZipFile=zipped("def handler(event, context): return 2"), Publish=True)
    assert (shown("1")["RevisionId"], shown("1")["State"]) == (published["RevisionId"], "Pending")
    assert shown()["LastUpdateStatus"] == "InProgress" and shown()["RevisionId"] != published["RevisionId"]
    cloud.sleep(6)
    assert shown("1")["State"] == "Active" and invoke(cloud, 1, Qualifier="1")["Payload"] == 2


def test_the_code_can_be_downloaded_for_ten_minutes(cloud):
    package = zipped("def handler(event, context): return 1")
    make(cloud, Code={"ZipFile": package})
    path = cloud.client("lambda").get_function(FunctionName="f")["Code"]["Location"].removeprefix("http://127.0.0.1:4566")
    status, _, body = cloud.http("GET", path)
    assert (status, body) == (200, package)
    assert cloud.http("GET", path[:-1] + ("0" if path[-1] != "0" else "1"))[0] == 403
    cloud.sleep(601)
    assert cloud.http("GET", path)[0] == 403


def test_what_is_in_a_list_must_also_be_there(cloud):
    # Recorded: test_create_lambda_exceptions.
    assert refused(make, cloud=cloud, Architectures=["X86_64"]) == (
        "ValidationException",
        "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy "
        "constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
    )


def test_the_old_asynchronous_invocation_is_an_event(cloud):
    make(cloud, "def handler(event, context): print('had', event)")
    assert cloud.client("lambda").invoke_async(FunctionName="f", InvokeArgs=b'{"a": 1}')["Status"] == 202
    settle(cloud)
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f", filterPattern="had")["events"]
    assert [event["message"] for event in events] == ["had {'a': 1}\n"]


def test_a_page_has_fifty_functions_however_many_are_asked_for(cloud):
    # https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
    for number in range(51):
        make(cloud, name=f"f{number:02}")
    client = cloud.client("lambda")
    first = client.list_functions(MaxItems=10_000)
    assert len(first["Functions"]) == len(client.list_functions()["Functions"]) == 50
    assert [f["FunctionName"] for f in client.list_functions(Marker=first["NextMarker"])["Functions"]] == ["f50"]
    assert len(client.list_functions(MaxItems=3)["Functions"]) == 3


def test_an_update_answers_before_it_is_done(cloud):
    # Recorded: test_function_revisions_basic, test_publish_with_update.
    make(cloud)
    client = cloud.client("lambda")
    changed = client.update_function_configuration(FunctionName="f", Timeout=5)
    assert (changed["State"], changed["LastUpdateStatus"], changed["LastUpdateStatusReasonCode"]) == ("Active", "InProgress", "Creating")
    now = client.get_function_configuration(FunctionName="f")
    assert now["LastUpdateStatus"] == "Successful" and now["RevisionId"] != changed["RevisionId"]
    with pytest.raises(client.exceptions.PreconditionFailedException):
        client.update_function_configuration(FunctionName="f", Timeout=6, RevisionId=changed["RevisionId"])
    updated = client.update_function_code(FunctionName="f", ZipFile=zipped("def handler(event, context): return 2"), Publish=True)
    assert (updated["Version"], updated["State"]) == ("1", "Pending") and "LastUpdateStatus" not in updated


def test_a_runtime_that_is_none_is_refused_in_words_of_its_own(cloud):
    # Recorded: test_create_lambda_exceptions, test_update_lambda_exceptions.
    put_role(cloud)
    text = "Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, "
    for call in (
        lambda **more: make(cloud, Role=ROLE, **more),
        lambda **more: cloud.client("lambda").update_function_configuration(FunctionName="f", **more),
    ):
        code, said = refused(call, Runtime="PYTHON3.9")
        assert code == "InvalidParameterValueException" and said.startswith(text) and said.endswith("] or be a valid ARN")


def test_every_version_counts_in_the_size_of_all_code(cloud):
    # Recorded: test_account_settings_total_code_size_config_update.
    client = cloud.client("lambda")
    size = make(cloud)["CodeSize"]
    make(cloud, name="g")
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == 2 * size
    client.publish_version(FunctionName="f")
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == 3 * size


def test_the_whole_request_has_a_size(cloud):
    # Recorded: test_oversized_request_create_lambda.
    code, text = refused(make, cloud=cloud, Code={"ZipFile": b"x" * 53_000_000})
    assert (code, text) == (
        "RequestEntityTooLargeException", "Request must be smaller than 70167211 bytes for the CreateFunction operation",
    )  # fmt: skip


def test_a_trace_names_files_where_aws_would_have_them(cloud):
    # Recorded: test_lambda_handler_error.
    make(cloud, "def handler(event, context):\n    raise Exception('no')")
    assert invoke(cloud)["Payload"]["stackTrace"] == ['  File "/var/task/app.py", line 2, in handler\n    raise Exception(\'no\')\n']
