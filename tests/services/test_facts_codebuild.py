"""What builds tell EventBridge.

https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html; what it leaves open is as public recordings
of such events have it.
"""

from __future__ import annotations

import re

import pytest
from fact_workshop import ACCOUNT, US, heard, hears
from test_codebuild import Yard, spec

STATE, PHASE = "CodeBuild Build State Change", "CodeBuild Build Phase Change"
MOMENT = re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M")


@pytest.fixture
def yard(cloud):
    return Yard(cloud)


def phases(events: list[dict]) -> list[tuple[str, str]]:
    return [(each["detail"]["completed-phase"], each["detail"]["completed-phase-status"]) for each in events if each["detail-type"] == PHASE]


def test_a_build_tells_that_it_begins_and_how_it_ends(yard):
    hears(yard.cloud, "aws.codebuild", STATE)
    variables = [{"name": "A", "value": "b", "type": "PLAINTEXT"}]
    build = yard.build(spec(build=["true"]), overrides={"environmentVariablesOverride": variables, "sourceVersion": "v7"})
    first, last = heard(yard.cloud)
    link = f"https://console.aws.amazon.com/cloudwatch/home?region={US}#logEvent:group="
    assert first["resources"] == [build["arn"]]
    more = first["detail"].pop("additional-information")
    assert first["detail"] == {
        "build-status": "IN_PROGRESS", "project-name": "app", "build-id": build["arn"], "current-phase": "SUBMITTED", "current-phase-context": "[]",
        "version": "1",
    }  # fmt: skip
    assert MOMENT.fullmatch(more.pop("build-start-time"))
    assert more == {
        "cache": {"type": "NO_CACHE"}, "build-number": 1, "timeout-in-minutes": 60, "build-complete": False, "initiator": build["initiator"],
        "source": {"type": "NO_SOURCE", "buildspec": spec(build=["true"])}, "source-version": "v7", "artifact": {"location": ""},
        "environment": {
            "image": "aws/codebuild/standard:7.0", "privileged-mode": False, "image-pull-credentials-type": "CODEBUILD",
            "compute-type": "BUILD_GENERAL1_SMALL", "type": "LINUX_CONTAINER", "environment-variables": variables,
        },
        "logs": {"deep-link": f"{link}null;stream=null"}, "queued-timeout-in-minutes": 480,
    }  # fmt: skip
    detail, stream = last["detail"], build["id"].partition(":")[2]
    assert [detail[name] for name in ("build-status", "current-phase", "current-phase-context")] == ["SUCCEEDED", "COMPLETED", "[: ]"]
    more = detail["additional-information"]
    assert more["build-complete"] is True
    assert more["logs"] == {
        "group-name": "/aws/codebuild/app", "stream-name": stream, "deep-link": f"{link}/aws/codebuild/app;stream={stream}",
    }  # fmt: skip
    told = {each["phase-type"]: each for each in more["phases"]}
    assert list(told) == [each["phaseType"] for each in build["phases"]]
    assert sorted(told["COMPLETED"]) == ["phase-type", "start-time"]
    assert [told[name]["phase-context"] for name in ("SUBMITTED", "QUEUED", "BUILD")] == [[], [], [": "]]
    assert MOMENT.fullmatch(told["BUILD"].pop("start-time")) and MOMENT.fullmatch(told["BUILD"].pop("end-time"))
    assert told["BUILD"] == {"phase-type": "BUILD", "phase-status": "SUCCEEDED", "phase-context": [": "], "duration-in-seconds": 0}


def test_each_phase_that_is_over_is_told_with_what_went_wrong_in_it(yard):
    hears(yard.cloud, "aws.codebuild", PHASE)
    build = yard.build(spec(build=["exit 3"]))
    events = heard(yard.cloud)
    assert phases(events) == [
        ("SUBMITTED", "SUCCEEDED"), ("QUEUED", "SUCCEEDED"), ("PROVISIONING", "SUCCEEDED"), ("DOWNLOAD_SOURCE", "SUCCEEDED"),
        ("INSTALL", "SUCCEEDED"), ("PRE_BUILD", "SUCCEEDED"), ("BUILD", "FAILED"), ("POST_BUILD", "SUCCEEDED"),
        ("UPLOAD_ARTIFACTS", "SUCCEEDED"), ("FINALIZING", "SUCCEEDED"),
    ]  # fmt: skip
    assert {each["resources"][0] for each in events} == {build["arn"]}
    detail = events[6]["detail"]
    assert MOMENT.fullmatch(detail.pop("completed-phase-start")) and MOMENT.fullmatch(detail.pop("completed-phase-end"))
    more = detail.pop("additional-information")
    assert detail == {
        "completed-phase": "BUILD", "completed-phase-status": "FAILED", "completed-phase-duration-seconds": 0, "version": "1",
        "completed-phase-context": "[COMMAND_EXECUTION_ERROR: Error while executing command: exit 3. Reason: exit status 3]",
        "project-name": "app", "build-id": f"arn:aws:codebuild:{US}:{ACCOUNT}:build/{build['id']}",
    }  # fmt: skip
    assert (more["build-complete"], more["phases"][-1]["phase-type"]) == (False, "BUILD")
    assert [each["detail"]["completed-phase-context"] for each in events[:3]] == ["[]", "[]", "[: ]"]


def test_a_build_that_is_stopped_tells_the_phase_that_it_was_in_once(yard, tmp_path):
    hears(yard.cloud, "aws.codebuild")
    yard.make(spec(build=[f"echo on > {tmp_path}/on; sleep 1000"]))
    id_ = yard.client.start_build(projectName="app")["build"]["id"]
    while not (tmp_path / "on").exists():
        yard.cloud.sleep(0.02)
    heard(yard.cloud)
    yard.client.stop_build(id=id_)
    yard.client.stop_build(id=id_)
    events = heard(yard.cloud)
    assert phases(events) == [("BUILD", "STOPPED")]
    assert [each["detail"]["build-status"] for each in events if each["detail-type"] == STATE] == ["STOPPED"]


def test_a_build_whose_region_was_killed_tells_so_when_the_region_is_back(yard, tmp_path):
    hears(yard.cloud, "aws.codebuild")
    yard.make(spec(build=[f"echo on > {tmp_path}/on; sleep 1000"]))
    yard.client.start_build(projectName="app")
    while not (tmp_path / "on").exists():
        yard.cloud.sleep(0.02)
    heard(yard.cloud)
    yard.cloud.restart(kill=True)
    events = heard(yard.cloud)
    assert phases(events)[-1] == ("BUILD", "FAULT")
    assert events[-1]["detail"]["build-status"] == "FAULT"
    assert "[INTERNAL_ERROR: " in events[-2]["detail"]["completed-phase-context"]
