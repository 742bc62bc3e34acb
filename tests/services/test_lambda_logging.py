"""What functions and their platform write to CloudWatch Logs: text, or JSON of the wanted level."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make

JSON = {"LogFormat": "JSON"}
SPEAKS = """
    import logging
    def handler(event, context):
        print("printed")
        print('{"level": "debug", "message": "printed too"}')
        for level in (logging.DEBUG, logging.INFO, logging.ERROR):
            logging.getLogger("mine").log(level, "said %s", level, extra={"colour": "green"})
        return 1 / event
"""


def messages(cloud, group: str = "/aws/lambda/f") -> list[str]:
    cloud.sleep(1)
    return [event["message"] for event in cloud.client("logs").filter_log_events(logGroupName=group)["events"]]


def records(cloud) -> list[dict]:
    return [json.loads(message) for message in messages(cloud) if message.startswith("{")]


def platform(cloud) -> list[tuple[str, dict]]:
    return [(record["type"], record["record"]) for record in records(cloud) if "type" in record]


def test_levels_come_and_go_with_the_format(cloud):
    # Recorded: test_advanced_logging_configuration_format_switch and its neighbours.
    client, group = cloud.client("lambda"), "/aws/lambda/f"
    assert make(cloud)["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": group}

    def update(**config) -> dict:
        return client.update_function_configuration(FunctionName="f", LoggingConfig=config)["LoggingConfig"]

    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    assert update(LogFormat="JSON", ApplicationLogLevel="DEBUG") == JSON | levels | {"ApplicationLogLevel": "DEBUG", "LogGroup": group}
    assert update(LogGroup="cool") == JSON | levels | {"ApplicationLogLevel": "DEBUG", "LogGroup": "cool"}
    assert update(LogFormat="Text") == {"LogFormat": "Text", "LogGroup": "cool"}
    assert update(LogFormat="JSON") == JSON | levels | {"LogGroup": "cool"}


def test_text_has_no_levels(cloud):
    with pytest.raises(ClientError) as caught:
        make(cloud, LoggingConfig={"LogFormat": "Text", "SystemLogLevel": "DEBUG"})
    # https://github.com/aws/aws-cdk/pull/28045
    assert caught.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": 'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the '
        'LogFormat to "JSON" and try again.',
    }


def test_the_platform_speaks_json(cloud):
    make(cloud, LoggingConfig=JSON)
    request_id = invoke(cloud)["ResponseMetadata"]["RequestId"]
    (first, begun), (second, started), (third, report) = platform(cloud)
    assert (first, second, third) == ("platform.initStart", "platform.start", "platform.report")
    assert (begun["initializationType"], begun["phase"], begun["functionName"]) == ("on-demand", "init", "f")
    assert started == {"requestId": request_id, "version": "$LATEST"}
    assert (report["requestId"], report["status"]) == (request_id, "success")
    assert report["metrics"].keys() == {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"}
    assert not any(message.startswith(("START", "END", "REPORT")) for message in messages(cloud))


def test_the_platforms_level_chooses_its_records(cloud):
    make(cloud, SPEAKS, LoggingConfig=JSON | {"SystemLogLevel": "WARN"})
    invoke(cloud, 1)
    assert platform(cloud) == []
    invoke(cloud, 0)
    assert [(kind, record["status"]) for kind, record in platform(cloud)] == [
        ("platform.runtimeDone", "error"), ("platform.report", "error"),
    ]  # fmt: skip


def test_debug_tells_every_step(cloud):
    make(cloud, LoggingConfig=JSON | {"SystemLogLevel": "DEBUG"})
    invoke(cloud)
    assert [kind.removeprefix("platform.") for kind, _ in platform(cloud)] == [
        "initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report",
    ]  # fmt: skip


def test_a_timeout_is_told_in_the_report(cloud):
    make(cloud, "import threading\ndef handler(event, context): threading.Event().wait()", Timeout=1, LoggingConfig=JSON)
    assert "Task timed out after 1.00 seconds" in invoke(cloud)["Payload"]["errorMessage"]
    kind, report = platform(cloud)[-1]
    assert (kind, report["status"], report["errorType"]) == ("platform.report", "timeout", "Sandbox.Timedout")


@pytest.mark.parametrize(("level", "said", "prints"), [("DEBUG", 3, 2), ("INFO", 2, 1), ("ERROR", 1, 0)])
def test_a_function_says_what_its_level_lets_through(cloud, level, said, prints):
    """Lines that name no level count as INFO: monitoring-cloudwatchlogs-log-level.html."""
    make(cloud, SPEAKS, LoggingConfig=JSON | {"ApplicationLogLevel": level})
    request_id = invoke(cloud, 1)["ResponseMetadata"]["RequestId"]
    logged = [record for record in records(cloud) if record.get("logger") == "mine"]
    assert len(logged) == said
    assert (logged[-1]["message"], logged[-1]["requestId"], logged[-1]["colour"]) == ("said 40", request_id, "green")
    assert len([message for message in messages(cloud) if "printed" in message]) == prints


def test_an_error_is_a_record_of_its_own(cloud):
    make(cloud, SPEAKS, LoggingConfig=JSON | {"ApplicationLogLevel": "ERROR"})
    invoke(cloud, 0)
    failed = [record for record in records(cloud) if record.get("errorType")]
    assert [record["errorType"] for record in failed] == ["ZeroDivisionError"]
