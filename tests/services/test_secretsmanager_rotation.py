"""Secrets Manager: rotation. A function is called with four steps, again where it fails, and by a schedule."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
from lambda_workshop import make, put_user, settle
from refusals import refused

DAY = 86_400
FUNCTION = """
    import json, os
    def handler(event, context):
        with open({log!r}, "a") as log:
            log.write(json.dumps(event) + "\\n")
        if os.path.exists({log!r} + "." + event["Step"]):
            raise ValueError("not yet")
"""


class Rotor:
    """A secret and its function, which writes down how it is called and does nothing else: what the function would put, a test puts."""

    def __init__(self, cloud, tmp_path) -> None:
        self.cloud, self.log = cloud, tmp_path / "calls"
        self.log.touch()
        self.secrets = cloud.client("secretsmanager")
        self.function = make(cloud, FUNCTION.format(log=str(self.log)), name="rotate")["FunctionArn"]
        cloud.client("lambda").add_permission(
            FunctionName="rotate", StatementId="s", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com"
        )
        self.arn = self.secrets.create_secret(Name="s", SecretString="1")["ARN"]

    def steps(self) -> list[str]:
        return [json.loads(line)["Step"] for line in self.log.read_text().splitlines()]

    def calls(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def fail(self, step: str, *, fails: bool = True) -> None:
        mark = self.log.with_name(f"{self.log.name}.{step}")
        mark.touch() if fails else mark.unlink()

    def rotate(self, **how) -> dict:
        return self.secrets.rotate_secret(SecretId="s", **how)

    def stages(self) -> dict[str, list[str]]:
        return self.secrets.describe_secret(SecretId="s")["VersionIdsToStages"]

    def finish(self, version: str) -> None:
        """What a function does in its first and its last step."""
        current = self.secrets.get_secret_value(SecretId="s")["VersionId"]
        self.secrets.put_secret_value(SecretId="s", ClientRequestToken=version, SecretString=f"of {version}", VersionStages=["AWSPENDING"])
        self.secrets.update_secret_version_stage(
            SecretId="s", VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=current
        )
        self.secrets.update_secret_version_stage(SecretId="s", VersionStage="AWSPENDING", RemoveFromVersionId=version)


@pytest.fixture
def rotor(cloud, tmp_path):
    return Rotor(cloud, tmp_path)


STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]


def test_four_steps_make_a_new_version(rotor):
    rotor.fail("finishSecret")
    token = rotor.rotate(RotationLambdaARN=rotor.function, RotationRules={"AutomaticallyAfterDays": 30})["VersionId"]
    assert rotor.stages()[token] == ["AWSPENDING"]
    assert refused(rotor.secrets.get_secret_value, SecretId="s", VersionId=token)[0] == "ResourceNotFoundException"
    settle(rotor.cloud)
    assert rotor.calls()[0] == {"SecretId": rotor.arn, "ClientRequestToken": token, "Step": "createSecret"}
    rotor.finish(token)
    rotor.fail("finishSecret", fails=False)
    rotor.cloud.sleep(60)
    settle(rotor.cloud)
    assert rotor.steps()[:3] == STEPS[:3] and set(rotor.steps()[3:]) == {"finishSecret"}
    shown = rotor.secrets.describe_secret(SecretId="s")
    assert shown["RotationEnabled"] is True and shown["RotationLambdaARN"] == rotor.function
    assert shown["RotationRules"] == {"AutomaticallyAfterDays": 30} and "LastRotatedDate" in shown
    assert shown["VersionIdsToStages"][token] == ["AWSCURRENT"]
    assert rotor.secrets.get_secret_value(SecretId="s")["SecretString"] == f"of {token}"


def test_a_step_that_fails_is_asked_again_and_then_given_up(rotor):
    rotor.fail("setSecret")
    token = rotor.rotate(RotationLambdaARN=rotor.function)["VersionId"]
    rotor.cloud.sleep(3_600)
    settle(rotor.cloud)
    assert rotor.steps() == ["createSecret"] + ["setSecret"] * 5
    assert rotor.stages()[token] == ["AWSPENDING"]
    assert refused(rotor.rotate) == ("InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
    rotor.fail("setSecret", fails=False)
    assert rotor.rotate(ClientRequestToken=token)["VersionId"] == token
    settle(rotor.cloud)
    assert rotor.steps()[6:10] == STEPS


def test_a_turn_that_is_under_way_is_asked_for_twice_and_taken_once(rotor):
    rotor.fail("setSecret")
    token = rotor.rotate(RotationLambdaARN=rotor.function)["VersionId"]
    settle(rotor.cloud)
    assert rotor.rotate(ClientRequestToken=token)["VersionId"] == token
    settle(rotor.cloud)
    assert rotor.steps().count("createSecret") == 1


def test_a_function_that_does_not_finish_has_not_rotated(rotor):
    rotor.rotate(RotationLambdaARN=rotor.function)
    rotor.cloud.sleep(3_600)
    settle(rotor.cloud)
    assert rotor.steps() == STEPS[:3] + ["finishSecret"] * 5
    assert "LastRotatedDate" not in rotor.secrets.describe_secret(SecretId="s")


def test_a_killed_region_goes_on_with_the_step_it_was_at(rotor):
    rotor.fail("testSecret")
    token = rotor.rotate(RotationLambdaARN=rotor.function)["VersionId"]
    settle(rotor.cloud)
    assert "testSecret" in rotor.steps()
    rotor.cloud.restart(kill=True)
    rotor.fail("testSecret", fails=False)
    before = len(rotor.steps())
    rotor.finish(token)
    rotor.cloud.sleep(600)
    settle(rotor.cloud)
    assert rotor.steps()[before:] == ["testSecret", "finishSecret"]
    assert "LastRotatedDate" in rotor.secrets.describe_secret(SecretId="s")


def test_a_schedule_rotates(rotor):
    rotor.rotate(RotationLambdaARN=rotor.function, RotationRules={"ScheduleExpression": "cron(0 4 ? * SUN *)", "Duration": "2h"}, RotateImmediately=False)
    settle(rotor.cloud)
    assert rotor.steps() == ["testSecret"] and len(rotor.stages()) == 1
    closes = rotor.secrets.describe_secret(SecretId="s")["NextRotationDate"].astimezone(UTC)
    assert closes.weekday() == 6 and (closes.hour, closes.minute) == (6, 0)
    rotor.cloud.sleep(closes.timestamp() - 2 * 3_600 - rotor.cloud.now() - 60)
    assert rotor.steps() == ["testSecret"]
    rotor.cloud.sleep(120)
    settle(rotor.cloud)
    assert rotor.steps()[1:4] == STEPS[:3]
    (pending,) = [version for version, stages in rotor.stages().items() if stages == ["AWSPENDING"]]
    rotor.cloud.sleep(7 * DAY)
    settle(rotor.cloud)
    again = [call["ClientRequestToken"] for call in rotor.calls() if call["Step"] == "createSecret"]
    assert again == [pending, pending]


@pytest.mark.parametrize(
    ("rules", "after"),
    [
        ({"AutomaticallyAfterDays": 1}, 2 * DAY - 1),
        ({"ScheduleExpression": "rate(10 days)", "Duration": "3h"}, 10 * DAY + 3 * 3_600),
        ({"ScheduleExpression": "rate(4 hours)"}, None),
    ],
)
def test_windows_of_days_open_at_midnight(rotor, rules, after):
    rotor.rotate(RotationLambdaARN=rotor.function, RotationRules=rules, RotateImmediately=False)
    closes = rotor.secrets.describe_secret(SecretId="s")["NextRotationDate"]
    midnight = rotor.cloud.now() // DAY * DAY
    if after is not None:
        assert closes.timestamp() == midnight + after
    else:
        assert (closes.timestamp() - midnight) % (4 * 3_600) == 3_600 and closes.timestamp() > rotor.cloud.now()
    assert closes == datetime.fromtimestamp(closes.timestamp(), closes.tzinfo)


def test_what_cannot_rotate_is_refused(rotor):
    assert refused(rotor.rotate) == ("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
    said = (
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal "
        "secretsmanager.amazonaws.com.",
    )
    assert refused(rotor.rotate, RotationLambdaARN=f"{rotor.function}-none") == said
    stranger = make(rotor.cloud, name="stranger")["FunctionArn"]
    assert refused(rotor.rotate, RotationLambdaARN=stranger) == said
    both = {"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"}
    for rules in (both, {"ScheduleExpression": "rate(1 hour)"}, {"ScheduleExpression": "cron(5 4 * * ? *)"}, {"ScheduleExpression": "rate(5)"}):
        assert refused(rotor.rotate, RotationLambdaARN=rotor.function, RotationRules=rules)[0] == "InvalidParameterException"
    assert "RotationEnabled" not in rotor.secrets.describe_secret(SecretId="s")
    put_user(rotor.cloud, "keeper", "AKIAKEEPER000000", "secretsmanager:RotateSecret")
    keeper = rotor.cloud.client("secretsmanager", key="AKIAKEEPER000000", secret="secret")
    denied = refused(keeper.rotate_secret, SecretId="s", RotationLambdaARN=rotor.function, ClientRequestToken=str(uuid.uuid4()))
    assert denied[0] == "AccessDeniedException" and "lambda:InvokeFunction" in denied[1]


def test_rotation_that_is_cancelled_leaves_its_version_where_it_is(rotor):
    rotor.fail("createSecret")
    token = rotor.rotate(RotationLambdaARN=rotor.function, RotationRules={"AutomaticallyAfterDays": 1})["VersionId"]
    settle(rotor.cloud)
    assert rotor.secrets.cancel_rotate_secret(SecretId="s")["VersionId"] == token
    before = len(rotor.steps())
    rotor.cloud.sleep(3 * DAY)
    settle(rotor.cloud)
    assert len(rotor.steps()) == before and rotor.stages()[token] == ["AWSPENDING"]
    shown = rotor.secrets.describe_secret(SecretId="s")
    assert shown["RotationEnabled"] is False and "NextRotationDate" not in shown
