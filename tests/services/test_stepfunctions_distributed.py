"""The distributed mode of a Map: executions of their own, items from a bucket, results into one."""

import io
import json
from datetime import date

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyarrow import parquet
from states_workshop import events, make, run, start, told
from test_s3_inventory import configure, manifests, prepared

CONFIG = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def processor(states: dict) -> dict:
    return {"ProcessorConfig": CONFIG, "StartAt": next(iter(states)), "States": states}


ECHO = processor({"I": {"Type": "Pass", "End": True}})


def test_each_item_is_an_execution_of_its_own_and_the_history_tells_only_of_the_run(cloud):
    selector = {"v.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index"}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemSelector": selector, "Label": "L", "End": True}}, ["a", "b"])
    assert found["output"] == [{"v": "a", "at": 0}, {"v": "b", "at": 1}]
    # The order was recorded: scenarios/test_base_scenarios, test_map_state_config_distributed_item_selector.
    assert events(cloud, found["executionArn"]) == [
        (1, 0, "ExecutionStarted"), (2, 0, "MapStateEntered"), (3, 2, "MapStateStarted"), (4, 3, "MapRunStarted"), (5, 4, "MapRunSucceeded"),
        (6, 5, "MapStateSucceeded"), (7, 5, "MapStateExited"), (8, 7, "ExecutionSucceeded"),
    ]  # fmt: skip
    client = cloud.client("stepfunctions")
    map_run = client.list_map_runs(executionArn=found["executionArn"])["mapRuns"][0]["mapRunArn"]
    assert ":mapRun:m/L:" in map_run
    described = client.describe_map_run(mapRunArn=map_run)
    assert (described["status"], described["itemCounts"]["succeeded"], described["itemCounts"]["total"]) == ("SUCCEEDED", 2, 2)
    children = client.list_executions(mapRunArn=map_run)["executions"]
    assert [told(cloud, one["executionArn"])["output"] for one in children] == ['{"v":"a","at":0}', '{"v":"b","at":1}']
    assert len(client.list_executions(stateMachineArn=found["stateMachineArn"])["executions"]) == 1


@pytest.mark.parametrize(
    ("kind", "body", "config", "output"),
    [
        ("JSON", '[{"x": 1}, {"x": 2}]', {}, [{"x": 1}, {"x": 2}]),
        ("JSON", '{"a": {"b": [1, 2]}}', {"ItemsPointer": "/a/b"}, [1, 2]),
        ("JSONL", '{"x": 1}\n{"x": 2}\n', {"MaxItems": 1}, [{"x": 1}]),
        ("CSV", "a,b\n1,2\n3,4\n", {"CSVHeaderLocation": "FIRST_ROW"}, [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("CSV", "1|2\n", {"CSVHeaderLocation": "GIVEN", "CSVHeaders": ["p", "q"], "CSVDelimiter": "PIPE"}, [{"p": "1", "q": "2"}]),
    ],
)
def test_items_are_read_from_a_file_in_a_bucket(cloud, kind, body, config, output):
    cloud.client("s3").create_bucket(Bucket="box")
    cloud.client("s3").put_object(Bucket="box", Key="items", Body=body)
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": kind, **config}, "Parameters": {"Bucket": "box", "Key.$": "$.key"}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemReader": reader, "End": True}}, {"key": "items"}, seconds=5)
    assert found["output"] == output


def test_a_file_that_is_no_list_fails_the_run(cloud):
    cloud.client("s3").create_bucket(Bucket="box")
    cloud.client("s3").put_object(Bucket="box", Key="items", Body="{}")
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "box", "Key": "items"}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemReader": reader, "End": True}}, seconds=5)
    assert (found["error"], found["cause"]) == ("States.ItemReaderFailed", "Attempting to map over non-iterable node.")
    assert [type_ for _, _, type_ in events(cloud, found["executionArn"])][3:] == ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("most", "history", "cause"),
    [
        (-1, ["MapStateStarted", "MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"], "field MaxItems must be positive"),
        (1.5, ["MapStateStarted", "ExecutionFailed"],
         'An error occurred while executing the state \'M\' (entered at the event id #2). '
         'The MaxItemsPath field refers to value "1.5" which is not a valid integer: $.most'),
    ],
)  # fmt: skip
def test_a_number_of_items_that_is_none_fails_as_aws_lets_it(cloud, most, history, cause):
    # Recorded: test_map_item_reader_csv_max_items_paths.
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "MaxItemsPath": "$.most"},
              "Parameters": {"Bucket": "box", "Key": "items"}}  # fmt: skip
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemReader": reader, "End": True}}, {"most": most})
    assert found["cause"] == cause
    assert [type_ for _, _, type_ in events(cloud, found["executionArn"])][2:] == history


def test_items_are_batched_and_results_written_to_a_bucket(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="out")
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "jobs"}}
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"of.$": "$$.Execution.Name"}}
    states = {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemBatcher": batcher, "ResultWriter": writer, "End": True}}
    found = run(cloud, states, [1, 2, 3], seconds=5)
    assert found["output"]["ResultWriterDetails"]["Bucket"] == "out"
    manifest = json.loads(s3.get_object(Bucket="out", Key=found["output"]["ResultWriterDetails"]["Key"])["Body"].read())
    written = json.loads(s3.get_object(Bucket="out", Key=manifest["ResultFiles"]["SUCCEEDED"][0]["Key"])["Body"].read())
    assert [json.loads(one["Output"]) for one in written] == [
        {"BatchInput": {"of": found["name"]}, "Items": [1, 2]}, {"BatchInput": {"of": found["name"]}, "Items": [3]},
    ]  # fmt: skip


# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html; which file of lines is ``.jsonl`` is ours.
FLAT = processor({
    "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 3, "Next": "F"}], "Default": "P"},
    "F": {"Type": "Fail", "Error": "E", "Cause": "three"}, "P": {"Type": "Pass", "Result": [1, 2], "End": True},
})  # fmt: skip


@pytest.mark.parametrize(("how", "shown"), [({"Transformation": "COMPACT"}, [[1, 2], [1, 2]]), ({"Transformation": "FLATTEN"}, [1, 2, 1, 2]), ({}, [[1, 2], [1, 2]])])
def test_what_came_of_executions_is_told_as_a_writer_without_a_bucket_wants_it(cloud, how, shown):
    writer = {"WriterConfig": {"OutputType": "JSON", **how}}
    states = {"M": {"Type": "Map", "ItemProcessor": FLAT, "ResultWriter": writer, "ToleratedFailureCount": 1, "End": True}}
    *done, failed = run(cloud, states, [1, 2, 3], seconds=5)["output"]
    assert done == shown
    # What failed is told whole whatever is asked for.
    assert (failed["Status"], failed["Error"], failed["Cause"], failed["Input"]) == ("FAILED", "E", "three", "3")


def test_a_writer_tells_executions_whole_if_nothing_else_is_asked_for(cloud):
    states = {"M": {"Type": "Map", "ItemProcessor": ECHO, "ResultWriter": {"WriterConfig": {"Transformation": "NONE"}}, "End": True}}
    (one,) = run(cloud, states, [{"a": 1}], seconds=5)["output"]
    assert (one["Status"], one["Input"], one["Output"], one["InputDetails"]) == ("SUCCEEDED", '{"a":1}', '{"a":1}', {"Included": True})


def test_results_are_written_to_a_bucket_as_lines(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="out")
    writer = {
        "Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}, "WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"},
    }  # fmt: skip
    states = {"M": {"Type": "Map", "ItemProcessor": FLAT, "ResultWriter": writer, "ToleratedFailureCount": 1, "End": True}}
    found = run(cloud, states, [1, 3], seconds=5)
    manifest = json.loads(s3.get_object(Bucket="out", Key=found["output"]["ResultWriterDetails"]["Key"])["Body"].read())

    def lines(status):
        key = manifest["ResultFiles"][status][0]["Key"]
        assert key.endswith(f"/{status}_0.jsonl")
        return [json.loads(line) for line in s3.get_object(Bucket="out", Key=key)["Body"].read().splitlines()]

    assert lines("SUCCEEDED") == [1, 2]
    assert [(one["Status"], one["Error"]) for one in lines("FAILED")] == [("FAILED", "E")]


def test_a_writer_that_says_nothing_is_refused(cloud):
    with pytest.raises(ClientError, match="InvalidDefinition"):
        make(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ResultWriter": {}, "End": True}})


@pytest.mark.parametrize("config", [{"InputType": "MANIFEST"}, {"InputType": "CSV", "ManifestType": "S3_INVENTORY", "MaxItems": 1}])
def test_the_objects_of_an_inventory_are_the_items(cloud, config):
    s3 = prepared(cloud)
    for key in ("a b", "c"):
        s3.put_object(Bucket="shop", Key=key, Body=key.encode())
    configure(s3, versions="Current", OptionalFields=["Size"])
    cloud.sleep(5)
    (manifest,) = manifests(s3)
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config, "Parameters": {"Bucket": "books", "Key": manifest}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemReader": reader, "End": True}}, seconds=5)
    # Keys as the list has them: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html
    listed = [{"Bucket": "shop", "Key": "a+b", "Size": "3"}, {"Bucket": "shop", "Key": "c", "Size": "1"}]
    assert found["output"] == listed[: config.get("MaxItems", 2)]


def test_items_are_the_rows_of_a_parquet_file(cloud):
    rows = [{"a": 1, "b": "x", "c": [1.5], "d": {"e": True}, "day": date(2026, 11, 28)}, {"a": 2, "b": None, "c": [], "d": {"e": False}, "day": None}]
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), file)
    cloud.client("s3").create_bucket(Bucket="box")
    cloud.client("s3").put_object(Bucket="box", Key="items", Body=file.getvalue())
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "PARQUET"}, "Parameters": {"Bucket": "box", "Key": "items"}}
    states = {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemReader": reader, "End": True}}
    told = [row | {"day": row["day"] and row["day"].isoformat()} for row in rows]
    assert run(cloud, states, seconds=5)["output"] == told
    reader["ReaderConfig"]["MaxItems"] = 1
    assert run(cloud, states, seconds=5, name="n")["output"] == told[:1]
    cloud.client("s3").put_object(Bucket="box", Key="items", Body=b"no Parquet")
    found = run(cloud, states, seconds=5, name="o")
    assert (found["status"], found["error"]) == ("FAILED", "States.ItemReaderFailed") and "no Parquet file" in found["cause"]


@pytest.mark.parametrize(
    "manifest", [b"{", b"[]", b'{"fileFormat": "CSV"}', b'{"fileFormat": "CSV", "fileSchema": "Key", "destinationBucket": "box", "files": [{"key": "items"}]}']
)
def test_a_manifest_that_is_none_fails_the_run(cloud, manifest):
    cloud.client("s3").create_bucket(Bucket="box")
    cloud.client("s3").put_object(Bucket="box", Key="items", Body=manifest)
    reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "MANIFEST"}, "Parameters": {"Bucket": "box", "Key": "items"}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemReader": reader, "End": True}}, seconds=5)
    assert (found["status"], found["error"]) == ("FAILED", "States.ItemReaderFailed")


@pytest.mark.parametrize(("tolerated", "status"), [({}, "FAILED"), ({"ToleratedFailureCount": 1}, "SUCCEEDED"), ({"ToleratedFailurePercentage": 20}, "FAILED")])
def test_a_run_fails_when_more_fails_than_is_tolerated(cloud, tolerated, status):
    inner = processor({
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}], "Default": "P"},
        "F": {"Type": "Fail", "Error": "E"}, "P": {"Type": "Pass", "End": True},
    })  # fmt: skip
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True, **tolerated}}, [1, 2, 3], seconds=5)
    assert found["status"] == status
    if status == "FAILED":
        assert (found["error"], found["cause"]) == (
            "States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded",
        )  # fmt: skip


def test_a_run_goes_on_after_a_kill_and_no_more_run_at_once_than_allowed(cloud):
    inner = processor({"W": {"Type": "Wait", "Seconds": 10, "End": True}})
    execution = start(cloud, make(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "MaxConcurrency": 2, "End": True}}), [1, 2, 3, 4])
    cloud.sleep(5)
    client = cloud.client("stepfunctions")
    map_run = client.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    assert client.describe_map_run(mapRunArn=map_run)["executionCounts"]["running"] == 2
    cloud.restart(kill=True)
    cloud.sleep(10)
    cloud.restart(kill=True)
    cloud.sleep(12)
    assert told(cloud, execution)["output"] == "[1,2,3,4]"


def test_who_stops_an_execution_stops_its_map_run(cloud):
    inner = processor({"W": {"Type": "Wait", "Seconds": 100, "End": True}})
    execution = start(cloud, make(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}), [1, 2])
    cloud.sleep(1)
    client = cloud.client("stepfunctions")
    client.stop_execution(executionArn=execution)
    map_run = client.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    assert client.describe_map_run(mapRunArn=map_run)["status"] == "ABORTED"
    assert {one["status"] for one in client.list_executions(mapRunArn=map_run)["executions"]} == {"ABORTED"}


def test_a_run_may_be_inside_of_a_run_and_an_iterator_may_be_distributed_too(cloud):
    inner = processor({"N": {"Type": "Map", "Iterator": ECHO, "End": True}})
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}, [[1, 2], [3]], seconds=5)
    assert found["output"] == [[1, 2], [3]]
    assert len(cloud.client("stepfunctions").list_map_runs(executionArn=found["executionArn"])["mapRuns"]) == 1


def test_a_tolerance_that_is_none_fails_after_the_map_has_started(cloud):
    # Recorded: test_map_state_tolerated_failure_count_path.
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": ECHO, "ItemsPath": "$.l", "ToleratedFailureCountPath": "$.c", "End": True}}, {"l": [1], "c": -1})
    assert found["cause"].endswith("ToleratedFailureCount cannot be negative.")
    assert [type_ for _, _, type_ in events(cloud, found["executionArn"])][2:] == ["MapStateStarted", "ExecutionFailed"]


EXPRESS = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}


def test_executions_of_a_map_may_be_express_and_leave_nothing_but_their_results(cloud):
    # https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    inner = {"ProcessorConfig": EXPRESS, "StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id"}, "End": True}}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "Label": "L", "End": True}}, [1, 2], seconds=3)
    assert all(":express:m/L:" in one["id"] for one in found["output"]) and len(found["output"]) == 2
    client = cloud.client("stepfunctions")
    map_run = client.list_map_runs(executionArn=found["executionArn"])["mapRuns"][0]["mapRunArn"]
    assert client.describe_map_run(mapRunArn=map_run)["executionCounts"]["succeeded"] == 2
    assert client.list_executions(mapRunArn=map_run)["executions"] == []


def test_an_express_execution_of_a_map_fails_its_run(cloud):
    inner = {"ProcessorConfig": EXPRESS, "StartAt": "I", "States": {"I": {"Type": "Fail", "Error": "No"}}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}, [1], seconds=3)
    assert found["error"] == "States.ExceedToleratedFailureThreshold"


def test_an_express_execution_of_a_map_ends_after_five_minutes(cloud):
    inner = {"ProcessorConfig": EXPRESS, "StartAt": "I", "States": {"I": {"Type": "Wait", "Seconds": 400, "End": True}}}
    found = run(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}, [1], seconds=350)
    assert found["status"] == "FAILED"


def test_what_express_executions_cannot_do_is_refused_in_a_map_too(cloud):
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": "b"}, "End": True}
    inner = {"ProcessorConfig": EXPRESS, "StartAt": "I", "States": {"I": task}}
    with pytest.raises(ClientError, match="Express state machine does not support '.waitForTaskToken'"):
        make(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}})


def test_express_executions_of_a_map_survive_a_kill(cloud):
    inner = {"ProcessorConfig": EXPRESS, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "P"}, "P": {"Type": "Pass", "End": True}}}
    execution = start(cloud, make(cloud, {"M": {"Type": "Map", "ItemProcessor": inner, "End": True}}), [1, 2, 3])
    cloud.sleep(1)
    cloud.restart(kill=True)
    cloud.sleep(10)
    assert json.loads(told(cloud, execution)["output"]) == [1, 2, 3]
