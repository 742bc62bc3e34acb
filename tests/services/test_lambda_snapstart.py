"""SnapStart: a published version is initialized once, and its environments are restored from there."""

from __future__ import annotations

import json
import re

import pytest
from lambda_workshop import ROLE, invoke, make, put_role, settle
from refusals import refused

RUNTIME, ON = "python3.12", {"ApplyOn": "PublishedVersions"}

# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html has the order of hooks.
STORY = """
import os, random, socket, tempfile, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot

print("initializing")
born = str(uuid.uuid4())
story, files = [], []
near, far = socket.socketpair()
near.settimeout(0.01)
path = os.path.join(tempfile.gettempdir(), "kept")
with open(path, "w") as file:
    file.write(born)

@register_before_snapshot
def first(): story.append("before 1")

register_before_snapshot(story.append, "before 2")
register_after_restore(story.append, "after 1")

@register_after_restore
def last():
    print("restored")
    story.append("after 2")

def handler(event, context):
    story.append("request")
    with open(path) as file:
        kept = file.read()
    with open(path, "w") as file:
        file.write("changed")
    if event.get("exit"):
        os._exit(3)
    return {
        "born": born, "story": story, "kept": kept, "dice": random.random(), "pid": os.getpid(), "heard": near.recv(1).decode(),
        "how": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "log": [context.log_stream_name, os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")],
    }
"""


def publish(cloud, source=STORY, **more):
    """A version, when its snapshot has been taken or not; answers how it was published and how it is then."""
    make(cloud, source, Runtime=RUNTIME, SnapStart=ON, **more)
    client = cloud.client("lambda")
    return client.publish_version(FunctionName="f"), settled(cloud)


def settled(cloud):
    client = cloud.client("lambda")
    for _ in range(600):
        shown = client.get_function_configuration(FunctionName="f", Qualifier="1")
        if shown["State"] != "Pending":
            break
        cloud.sleep(0.1)
    return shown


def lines(cloud) -> list[str]:
    settle(cloud)
    cloud.sleep(5)
    logs = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    return [event["message"] for event in logs]


def test_a_version_is_pending_until_its_snapshot_is_there(cloud):
    # Recorded: test_snapstart_update_function_configuration has the latest version.
    published, shown = publish(cloud)
    assert (published["State"], published["StateReasonCode"]) == ("Pending", "Creating")
    assert published["SnapStart"] == shown["SnapStart"] == ON | {"OptimizationStatus": "On"}
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    latest = cloud.client("lambda").get_function_configuration(FunctionName="f")
    assert (latest["State"], latest["SnapStart"]) == ("Active", ON | {"OptimizationStatus": "Off"})


def test_nothing_is_invoked_before_the_snapshot_is_there(cloud):
    make(cloud, STORY, Runtime=RUNTIME, SnapStart=ON)
    client = cloud.client("lambda")
    client.publish_version(FunctionName="f")
    assert refused(client.invoke, FunctionName="f", Qualifier="1")[0] == "SnapStartNotReadyException"


def test_every_environment_goes_on_where_the_snapshot_was_taken(cloud):
    publish(cloud)
    one = invoke(cloud, {}, Qualifier="1")["Payload"]
    assert (one["how"], one["log"]) == ("snap-start", [None, None])
    assert one["story"] == ["before 2", "before 1", "after 1", "after 2", "request"]
    assert one["kept"] == one["born"] and one["heard"] == ""
    assert invoke(cloud, {}, Qualifier="1")["Payload"]["story"][-2:] == ["request", "request"]
    failed = invoke(cloud, {"exit": True}, Qualifier="1")["Payload"]
    assert failed["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    other = invoke(cloud, {}, Qualifier="1")["Payload"]
    assert other["pid"] != one["pid"] and other["kept"] == other["born"] == one["born"]
    assert other["story"] == one["story"]
    # A snapshot has the state of its random generator: https://github.com/aws/aws-lambda-web-adapter/pull/790.
    assert other["dice"] == one["dice"]
    assert invoke(cloud, {})["FunctionError"]  # the latest version has no snapshot: its connection is alive, and nobody speaks


def test_the_log_tells_of_the_restoration(cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
    publish(cloud)
    invoke(cloud, {}, Qualifier="1")
    invoke(cloud, {}, Qualifier="1")
    told = lines(cloud)
    assert told.count("initializing\n") == 1 and told.count("restored\n") == 1
    kinds = [line.split()[0] for line in told if re.match(r"[A-Z_]+ ", line)]
    wanted = ["INIT_START", "INIT_REPORT", "RESTORE_START", "RESTORE_REPORT", "START", "END", "REPORT", "START", "END", "REPORT"]
    assert kinds == wanted
    first, second = [line for line in told if line.startswith("REPORT")]
    assert re.search(r"\tRestore Duration: \d+\.\d\d ms\tBilled Restore Duration: \d+ ms", first) and "Init Duration" not in first
    assert "Restore" not in second


def test_json_tells_it_in_records(cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
    publish(cloud, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "DEBUG"})
    invoke(cloud, {}, Qualifier="1")
    records = {told["type"]: told["record"] for line in lines(cloud) if '"platform.' in line and (told := json.loads(line))}
    assert records["platform.initStart"]["initializationType"] == "snap-start"
    assert records["platform.restoreStart"]["functionVersion"] == "1"
    assert records["platform.restoreRuntimeDone"] == {"status": "success"}
    assert records["platform.restoreReport"]["metrics"]["durationMs"] > 0
    assert {"restoreDurationMs", "billedRestoreDurationMs"} <= records["platform.report"]["metrics"].keys()


BEFORE = "import snapshot_restore_py\n@snapshot_restore_py.register_before_snapshot\ndef hook(): raise ValueError('no')\ndef handler(e, c): return 1"


@pytest.mark.parametrize("source", ["raise ValueError('no')", BEFORE])
def test_a_version_whose_initialization_fails_is_failed(cloud, source):
    # Reported: https://github.com/aws-samples/bedrock-chat/issues/653 and what SNAPSHOT_FAILED names.
    _, shown = publish(cloud, source)
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "FunctionError")
    assert shown["StateReason"] == "An error occurred during function initialization."
    code, text = refused(cloud.client("lambda").invoke, FunctionName="f", Qualifier="1")
    assert code == "ResourceConflictException" and text.endswith("in the following state: Failed")


def test_a_restoration_that_fails_is_told_to_whoever_asked(cloud):
    publish(cloud, BEFORE.replace("before_snapshot", "after_restore"))
    assert refused(cloud.client("lambda").invoke, FunctionName="f", Qualifier="1")[0] == "SnapStartException"
    assert any(line.startswith("RESTORE_REPORT") and "Status: error" in line for line in lines(cloud))


def test_a_snapshot_that_was_being_taken_when_the_region_was_killed_is_taken_after_all(cloud):
    make(cloud, STORY, Runtime=RUNTIME, SnapStart=ON)
    cloud.client("lambda").publish_version(FunctionName="f")
    cloud.restart(kill=True)
    assert settled(cloud)["State"] == "Active"


def test_a_region_that_comes_back_takes_a_new_snapshot(cloud):
    publish(cloud)
    one = invoke(cloud, {}, Qualifier="1")["Payload"]
    cloud.restart(kill=True)
    other = invoke(cloud, {}, Qualifier="1")["Payload"]
    assert other["born"] != one["born"] and other["story"] == one["story"]


def test_a_snapshot_is_taken_anew_before_the_keys_in_it_are_too_old(cloud):
    publish(cloud)
    one = invoke(cloud, {}, Qualifier="1")["Payload"]
    cloud.sleep(3 * 3600)
    assert invoke(cloud, {}, Qualifier="1")["Payload"]["born"] == one["born"]
    cloud.sleep(9 * 3600)
    assert invoke(cloud, {}, Qualifier="1")["Payload"]["born"] != one["born"]


def stacked(cloud, source: str) -> str:
    """The status of a stack that publishes a version with a snapshot, when it is at rest."""
    put_role(cloud, "logs:*")
    function = {"Runtime": RUNTIME, "Handler": "index.handler", "Role": ROLE, "Code": {"ZipFile": source}, "SnapStart": ON, "FunctionName": "f"}
    published = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}}}
    template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": function}, "V": published}}
    client = cloud.client("cloudformation")
    client.create_stack(StackName="s", TemplateBody=json.dumps(template), OnFailure="DO_NOTHING")
    for _ in range(600):
        stack = client.describe_stacks(StackName="s")["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        cloud.sleep(0.1)
    return stack["StackStatus"]


def test_a_stack_waits_for_the_snapshot(cloud):
    # https://github.com/aws-samples/bedrock-chat/issues/653: a version that fails does not stabilize.
    assert stacked(cloud, "def handler(event, context): return 1") == "CREATE_COMPLETE"
    assert invoke(cloud, Qualifier="1")["Payload"] == 1


def test_a_stack_fails_with_the_initialization(cloud):
    assert stacked(cloud, "raise ValueError") == "CREATE_FAILED"


def test_what_snap_start_cannot_be_is_refused(cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes
    code, text = refused(lambda: make(cloud, Runtime="python3.11", SnapStart=ON))
    assert (code, text) == ("InvalidParameterValueException", "python3.11 is not supported for SnapStart enabled functions.")
    assert refused(lambda: make(cloud, Runtime=RUNTIME, SnapStart=ON, EphemeralStorage={"Size": 1024}))[0] == "InvalidParameterValueException"
    publish(cloud)
    client = cloud.client("lambda")
    assert refused(client.update_function_configuration, FunctionName="f", Runtime="python3.11")[0] == "InvalidParameterValueException"
    wanted = {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1}
    assert refused(client.put_provisioned_concurrency_config, **wanted)[0] == "InvalidParameterValueException"
    client.delete_function(FunctionName="f", Qualifier="1")
    assert refused(client.invoke, FunctionName="f", Qualifier="1")[0] == "ResourceNotFoundException"


def test_a_function_with_a_wrapper_is_restored_too(cloud):
    publish(cloud, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/usr/bin/env"}})
    told = invoke(cloud, {}, Qualifier="1")["Payload"]
    assert told["story"] == ["before 2", "before 1", "after 1", "after 2", "request"] and told["kept"] == told["born"]
