"""Step Functions asks Athena, and waits for what it asked.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
"""

from __future__ import annotations

import json

import pytest
from athena_workshop import Lake
from states_workshop import make, run, start, told, types


@pytest.fixture
def lake(cloud):
    return Lake(cloud).begin()


def asking(text, mode=".sync", **more):
    return {
        "Type": "Task", "Resource": f"arn:aws:states:::athena:startQueryExecution{mode}",
        "Parameters": {"QueryString": text, "WorkGroup": "primary", "ResultConfiguration": {"OutputLocation": "s3://results/states/"}}, **more,
    }  # fmt: skip


def ended(cloud, arn):
    execution = start(cloud, arn)
    for _ in range(60):
        if (found := told(cloud, execution))["status"] != "RUNNING":
            return found
        cloud.sleep(1)
    raise AssertionError(found)


def test_a_state_waits_for_its_query_and_the_next_reads_the_results(cloud, lake):
    results = {
        "Type": "Task", "Resource": "arn:aws:states:::athena:getQueryResults", "End": True,
        "Parameters": {"QueryExecutionId.$": "$.QueryExecution.QueryExecutionId"}, "OutputPath": "$.ResultSet.Rows[1].Data[0].VarCharValue",
    }  # fmt: skip
    arn = make(cloud, {"Ask": asking("SELECT 40 + 2 AS answer", Next="Read"), "Read": results})
    found = ended(cloud, arn)
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", "42")
    assert types(cloud, found["executionArn"])[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_query_that_fails_fails_its_state(cloud, lake):
    found = ended(cloud, make(cloud, {"Ask": asking("SELECT 1 / 0", End=True)}))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(found["cause"])["Status"]["StateChangeReason"] == "DIVISION_BY_ZERO: Division by zero"


def test_a_query_that_takes_too_long_times_out(cloud, lake):
    text = "SELECT count(*) FROM UNNEST(sequence(1, 50000)) a(x) CROSS JOIN UNNEST(sequence(1, 50000)) b(y) WHERE x * y % 7 = 3"
    found = ended(cloud, make(cloud, {"Ask": asking(text, End=True, TimeoutSeconds=3)}))
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")


def test_what_is_no_query_is_refused_as_athena_says(cloud, lake):
    found = run(cloud, {"Ask": asking("SELEC 1 FORM x y", End=True)})
    assert found["error"] == "Athena.InvalidRequestException" and found["cause"].startswith("line 1:")


def test_without_waiting_the_id_is_the_answer(cloud, lake):
    found = run(cloud, {"Ask": asking("SELECT 1", mode="", End=True)})
    assert lake.ended(found["output"]["QueryExecutionId"])["Status"]["State"] == "SUCCEEDED"
