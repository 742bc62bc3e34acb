"""CodeBuild: projects, and builds whose commands really run.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import put_role
from pipeline_workshop import ACCOUNT, TRUST, Works, action, deploy, zipped
from refusals import refuses

ROLE = f"arn:aws:iam::{ACCOUNT}:role/build"
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}


class Yard:
    def __init__(self, cloud, *allowed: str) -> None:
        cloud.region()
        put_role(cloud, *(allowed or ("*",)), trust=TRUST, arn=ROLE)
        self.cloud, self.client, self.s3 = cloud, cloud.client("codebuild"), cloud.client("s3")

    def make(self, spec: str | None = None, name: str = "app", **more) -> dict:
        said = {
            "source": {"type": "NO_SOURCE", "buildspec": spec}, "artifacts": {"type": "NO_ARTIFACTS"}, "environment": ENVIRONMENT,
            "serviceRole": ROLE, **more,
        }  # fmt: skip
        return self.client.create_project(name=name, **said)["project"]

    def build(self, spec: str | None = None, *, overrides: dict | None = None, **more) -> dict:
        """Make the project, build it, wait for the end."""
        self.make(spec, **more)
        return self.again(**(overrides or {}))

    def again(self, **overrides) -> dict:
        return self.ended(self.client.start_build(projectName="app", **overrides)["build"]["id"])

    def ended(self, id_: str) -> dict:
        """Commands run in real time, during which virtual time waits for them."""
        for _ in range(200):
            (build,) = self.client.batch_get_builds(ids=[id_])["builds"]
            if build["buildComplete"]:
                return build
            self.cloud.sleep(0.1)
        raise AssertionError(build)

    def printed(self, build: dict) -> list[str]:
        events = self.cloud.client("logs").get_log_events(
            logGroupName=build["logs"]["groupName"], logStreamName=build["logs"]["streamName"], startFromHead=True
        )["events"]
        return [each["message"].rstrip("\n") for each in events]

    def own(self, build: dict) -> list[str]:
        """What commands printed."""
        return [line for line in self.printed(build) if not line.startswith("[Container]")]


@pytest.fixture
def yard(cloud):
    return Yard(cloud)


def states(build: dict) -> dict[str, str]:
    return {each["phaseType"]: each.get("phaseStatus", "") for each in build["phases"]}


def spec(*, env: dict | None = None, artifacts: dict | None = None, **phases) -> str:
    said = {"version": 0.2, "phases": {name: each if isinstance(each, dict) else {"commands": each} for name, each in phases.items()}}
    return json.dumps(said | ({"env": env} if env else {}) | ({"artifacts": artifacts} if artifacts else {}))


# Projects ------------------------------------------------------------------------------------------


def test_a_project_is_made_changed_listed_and_deleted(yard):
    made = yard.make(spec(build=["true"]), description="d")
    assert made["arn"] == f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/app" and made["timeoutInMinutes"] == 60
    refuses(yard.make, "ResourceAlreadyExistsException", "Project already exists", spec="version: 0.2")
    assert yard.client.update_project(name="app", timeoutInMinutes=9)["project"]["description"] == "d"
    found = yard.client.batch_get_projects(names=["app", "none"])
    assert found["projects"][0]["timeoutInMinutes"] == 9 and found["projectsNotFound"] == ["none"]
    assert yard.client.list_projects()["projects"] == ["app"]
    yard.client.delete_project(name="app")
    yard.client.delete_project(name="app")
    assert yard.client.list_projects()["projects"] == []
    refuses(yard.client.start_build, "ResourceNotFoundException", "Project cannot be found", projectName="app")


@pytest.mark.parametrize(
    "more, code, words",
    [
        ({"source": {"type": "GITHUB", "location": "https://github.com/a/b"}}, "NotImplemented", "the source type GITHUB"),
        ({"source": {"type": "S3", "location": "nothing"}}, "InvalidInputException", "Invalid project source"),
        ({"source": {"type": "NO_SOURCE"}}, "InvalidInputException", "buildspec is required"),
        ({"artifacts": {"type": "S3"}}, "InvalidInputException", "Invalid artifacts"),
        ({"artifacts": {"type": "CODEPIPELINE"}}, "InvalidInputException", "CODEPIPELINE"),
        ({"environment": {**ENVIRONMENT, "privilegedMode": True}}, "NotImplemented", "privilegedMode"),
        ({"environment": {**ENVIRONMENT, "type": "WINDOWS_SERVER_2022_CONTAINER"}}, "NotImplemented", "WINDOWS"),
        ({"serviceRole": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "InvalidInputException", "CodeBuild is not authorized to perform: sts:AssumeRole"),
        ({"cache": {"type": "LOCAL"}}, "NotImplemented", "caches"),
    ],
)
def test_what_is_no_project_or_is_not_here_is_refused(yard, more, code, words):
    refuses(yard.make, code, words, spec="version: 0.2", **more)


# Commands ------------------------------------------------------------------------------------------


def test_commands_run_in_one_shell_that_remembers(yard):
    build = yard.build(spec(install=["export A=1", "mkdir d && cd d"], build=["echo $A in $(basename $PWD)", "f() { echo called; }"], post_build=["f"]))
    assert build["buildStatus"] == "SUCCEEDED" and yard.own(build) == ["1 in d", "called"]
    assert list(states(build)) == [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING",
        "COMPLETED",
    ]  # fmt: skip
    assert any("does not run the image aws/codebuild/standard:7.0" in line for line in yard.printed(build))


def test_each_command_of_version_0_1_has_a_shell_of_its_own(yard):
    build = yard.build("version: 0.1\nphases:\n  build:\n    commands: [export A=1, 'echo \"[$A]\"']\n")
    assert yard.own(build) == ["[]"]


def test_a_failure_in_the_build_is_told_and_what_comes_after_still_runs(yard):
    build = yard.build(spec(
        pre_build=["echo before"], build={"commands": ["false", "echo never"], "finally": ["echo at last"]}, post_build=["echo $CODEBUILD_BUILD_SUCCEEDING"],
    ))  # fmt: skip
    assert build["buildStatus"] == "FAILED" and yard.own(build) == ["before", "at last", "0"]
    (failed,) = [each for each in build["phases"] if each.get("phaseStatus") == "FAILED"]
    # The wording AWS documents: https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html
    assert failed["phaseType"] == "BUILD" and failed["contexts"] == [
        {"statusCode": "COMMAND_EXECUTION_ERROR", "message": "Error while executing command: false. Reason: exit status 1"}
    ]


def test_a_failure_before_the_build_ends_it_unless_it_shall_go_on(yard):
    build = yard.build(spec(pre_build=["exit 3"], build=["echo never"]))
    assert build["buildStatus"] == "FAILED" and "BUILD" not in states(build) and yard.own(build) == []
    going = {"commands": ["exit 3"], "on-failure": "CONTINUE"}
    build = yard.again(buildspecOverride=spec(pre_build=going, build=["echo on"]))
    assert build["buildStatus"] == "FAILED" and yard.own(build) == ["on"]
    build = yard.again(buildspecOverride=spec(build={"commands": ["false"], "on-failure": "ABORT"}, post_build=["echo never"]))
    assert "POST_BUILD" not in states(build)


def test_what_commands_start_ends_with_the_build(yard, tmp_path):
    build = yard.build(spec(build=[f"(echo $BASHPID > {tmp_path}/pid; exec sleep 1000) &", f"while [ ! -s {tmp_path}/pid ]; do :; done"]))
    assert build["buildStatus"] == "SUCCEEDED"
    pid = (tmp_path / "pid").read_text().strip()
    assert any(is_gone(pid) for _ in range(100_000)), "it still runs"


def is_gone(pid: str) -> bool:
    """A process that was killed is gone once the kernel has come round to it."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    "text, words",
    [
        ("version: 7", "invalid buildspec version"),
        ("version: 0.2\nphases: {deploy: {commands: [a]}}", "unknown phase deploy"),
        ("version: 0.2\nphases: {build: {commands: [{a: b}]}}", "Expected Commands[0] to be of string type"),
        ("version: 0.2\nreports: {r: {files: [a]}}", "Kumoniwa does not implement reports"),
        ("version: 0.2\nphases: {build: {commands: [a], run-as: root}}", "Kumoniwa does not implement run-as"),
        ("version: 0.2\nphases: [", "while parsing"),
    ],
)
def test_a_buildspec_that_cannot_be_followed_fails_the_build_by_name(yard, text, words):
    build = yard.build(text)
    (failed,) = [each for each in build["phases"] if each.get("phaseStatus") == "FAILED"]
    assert failed["phaseType"] == "DOWNLOAD_SOURCE" and words in failed["contexts"][0]["message"]


# Variables -----------------------------------------------------------------------------------------


def test_variables_of_the_build_beat_the_projects_and_those_beat_the_buildspecs(yard):
    yard.cloud.client("ssm").put_parameter(Name="/p", Value="from ssm", Type="SecureString")
    yard.cloud.client("secretsmanager").create_secret(Name="s", SecretString='{"k": "from secrets"}')
    text = spec(
        env={"variables": {"A": "spec", "B": "spec", "C": "spec"}, "parameter-store": {"P": "/p"}, "secrets-manager": {"S": "s:k"}, "exported-variables": ["OUT", "NONE"]},
        build=["echo $A $B $C", 'echo "$P, $S, $Q"', "export OUT=$CODEBUILD_BUILD_NUMBER"],
    )  # fmt: skip
    variables = [{"name": "B", "value": "project"}, {"name": "C", "value": "project"}, {"name": "Q", "value": "/p", "type": "PARAMETER_STORE"}]
    yard.make(text, environment={**ENVIRONMENT, "environmentVariables": variables})
    build = yard.again(environmentVariablesOverride=[{"name": "C", "value": "build"}])
    assert yard.own(build) == ["spec project build", "from ssm, from secrets, from ssm"]
    assert build["exportedEnvironmentVariables"] == [{"name": "OUT", "value": "1"}]


def test_a_role_that_may_not_read_a_secret_fails_the_build(cloud):
    yard = Yard(cloud, "logs:*")
    cloud.client("ssm").put_parameter(Name="/p", Value="x", Type="String")
    build = yard.build(spec(env={"parameter-store": {"P": "/p"}}, build=["echo never"]))
    assert build["buildStatus"] == "FAILED" and build["phases"][3]["contexts"][0]["statusCode"] == "ACCESS_DENIED"


def test_a_role_that_may_not_write_the_log_fails_the_build(cloud):
    build = Yard(cloud, "s3:*").build(spec(build=["echo never"]))
    assert states(build)["PROVISIONING"] == "FAILED" and build["phases"][2]["contexts"][0]["statusCode"] == "ACCESS_DENIED"


# Sources and artifacts -----------------------------------------------------------------------------


def test_a_source_is_unpacked_and_artifacts_are_uploaded(yard):
    yard.s3.create_bucket(Bucket="place")
    text = spec(
        build=["mkdir -p out/deep && tr a-z A-Z < in.txt > out/deep/loud.txt && echo skip > out/no.log"],
        artifacts={"base-directory": "out", "files": ["**/*"], "exclude-paths": ["*.log"], "secondary-artifacts": {"flat": {"files": ["out/**/*.txt"], "discard-paths": "yes"}}},
    )  # fmt: skip
    yard.s3.put_object(Bucket="place", Key="src.zip", Body=zipped(buildspec_yml=text, in_txt="hello"))
    flat = {"type": "S3", "location": "place", "artifactIdentifier": "flat", "name": "flat"}
    build = yard.build(
        source={"type": "S3", "location": "place/src.zip"}, secondaryArtifacts=[flat],
        artifacts={"type": "S3", "location": "place", "path": "builds", "name": "app.zip", "packaging": "ZIP", "namespaceType": "BUILD_ID"},
    )  # fmt: skip
    assert build["buildStatus"] == "SUCCEEDED", states(build)
    key = f"builds/{build['id'].partition(':')[2]}/app.zip"
    assert build["artifacts"]["location"] == f"arn:aws:s3:::place/{key}"
    archive = zipfile.ZipFile(io.BytesIO(yard.s3.get_object(Bucket="place", Key=key)["Body"].read()))
    assert archive.namelist() == ["deep/loud.txt"] and archive.read("deep/loud.txt") == b"HELLO"
    assert yard.s3.get_object(Bucket="place", Key="flat/loud.txt")["Body"].read() == b"HELLO"


def test_files_that_are_not_there_fail_the_upload(yard):
    yard.s3.create_bucket(Bucket="place")
    build = yard.build(spec(build=["true"], artifacts={"files": ["none/*"]}), artifacts={"type": "S3", "location": "place"})
    assert states(build)["UPLOAD_ARTIFACTS"] == "FAILED" and build["buildStatus"] == "FAILED"
    assert "no matching artifact paths found" in build["phases"][8]["contexts"][0]["message"]


def test_a_source_that_is_not_there_fails_by_name(yard):
    yard.s3.create_bucket(Bucket="place")
    build = yard.build(source={"type": "S3", "location": "place/none.zip"})
    assert "NoSuchKey" in build["phases"][3]["contexts"][0]["message"]


# Life ----------------------------------------------------------------------------------------------


def test_builds_are_numbered_listed_retried_and_deleted(yard):
    first = yard.build(spec(build=["true"]))
    second = yard.ended(yard.client.retry_build(id=first["id"])["build"]["id"])
    assert (first["buildNumber"], second["buildNumber"]) == (1, 2)
    assert yard.client.list_builds_for_project(projectName="app")["ids"] == [second["id"], first["id"]]
    assert yard.client.list_builds_for_project(projectName="app", sortOrder="ASCENDING")["ids"] == [first["id"], second["id"]]
    assert yard.client.batch_delete_builds(ids=[first["id"]])["buildsDeleted"] == [first["arn"]]
    assert yard.client.batch_get_builds(ids=[first["id"]])["buildsNotFound"] == [first["id"]]
    refuses(yard.client.batch_get_builds, "InvalidInputException", "Invalid build ID provided", ids=["app"])


def test_a_token_starts_a_build_once(yard):
    yard.make(spec(build=["true"]))
    first, second = (yard.client.start_build(projectName="app", idempotencyToken="t")["build"]["id"] for _ in range(2))
    assert first == second
    yard.ended(first)
    # "valid for 5 minutes", "a parameter mismatch error": https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
    with pytest.raises(ClientError):
        yard.client.start_build(projectName="app", idempotencyToken="t", timeoutInMinutesOverride=10)
    yard.cloud.sleep(300)
    again = yard.client.start_build(projectName="app", idempotencyToken="t")["build"]["id"]
    assert again != first
    yard.ended(again)


def test_a_build_is_stopped_with_its_processes(yard, tmp_path):
    yard.make(spec(build=[f"echo on > {tmp_path}/on; sleep 1000"]))
    id_ = yard.client.start_build(projectName="app")["build"]["id"]
    while not (tmp_path / "on").exists():
        yard.cloud.sleep(0.02)
    assert yard.client.stop_build(id=id_)["build"]["buildStatus"] == "STOPPED"
    build = yard.ended(id_)
    assert states(build)["BUILD"] == "STOPPED" and yard.client.stop_build(id=id_)["build"]["buildStatus"] == "STOPPED"


def test_a_region_that_ends_while_a_build_is_being_stopped_waits_for_its_shell(yard, tmp_path):
    yard.make(spec(build=[f"echo $$ > {tmp_path}/.on; mv {tmp_path}/.on {tmp_path}/on; sleep 1000"]))
    id_ = yard.client.start_build(projectName="app")["build"]["id"]
    while not (tmp_path / "on").exists():
        yard.cloud.sleep(0.02)
    yard.client.stop_build(id=id_)
    yard.cloud.run(asyncio.sleep(0))  # the build has begun to end
    yard.cloud.restart()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "on").read_text()), 0)


def test_a_build_whose_region_was_killed_is_a_fault_and_one_that_waited_runs(yard, tmp_path):
    yard.make(spec(build=[f"echo on >> {tmp_path}/on; [ -e {tmp_path}/go ] || sleep 1000"]), concurrentBuildLimit=1)
    first = yard.client.start_build(projectName="app")["build"]["id"]
    while not (tmp_path / "on").exists():
        yard.cloud.sleep(0.02)
    second = yard.client.start_build(projectName="app")["build"]["id"]
    (tmp_path / "go").write_text("")
    yard.cloud.restart(kill=True)
    assert yard.ended(first)["buildStatus"] == "FAULT" and yard.ended(second)["buildStatus"] == "SUCCEEDED"


def test_a_build_that_waits_too_long_for_its_turn_is_timed_out(yard, tmp_path):
    yard.make(spec(build=[f"echo on >> {tmp_path}/on; sleep 1000"]), concurrentBuildLimit=1, queuedTimeoutInMinutes=5)
    first = yard.client.start_build(projectName="app")["build"]["id"]
    while not (tmp_path / "on").exists():
        yard.cloud.sleep(0.02)
    second = yard.client.start_build(projectName="app")["build"]["id"]
    yard.cloud.fault("clock.skew", {"region": "us-east-1"}, offset=301)
    yard.client.stop_build(id=first)
    build = yard.ended(second)
    assert (build["buildStatus"], states(build)["QUEUED"]) == ("TIMED_OUT", "TIMED_OUT")
    assert (tmp_path / "on").read_text() == "on\n"


def test_a_stack_has_a_project(yard):
    template = f"""Resources:
  App:
    Type: AWS::CodeBuild::Project
    Properties:
      ServiceRole: {ROLE}
      Source: {{Type: NO_SOURCE, BuildSpec: "version: 0.2\\nphases: {{build: {{commands: ['echo $HELLO']}}}}"}}
      Artifacts: {{Type: NO_ARTIFACTS}}
      Name: app
      TimeoutInMinutes: %s
      Environment:
        {{Type: LINUX_CONTAINER, Image: i, ComputeType: BUILD_GENERAL1_SMALL, EnvironmentVariables: [{{Name: HELLO, Value: hello}}]}}
Outputs: {{Arn: {{Value: !GetAtt App.Arn}}}}"""
    stacks = yard.cloud.client("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=template % 9)
    yard.cloud.sleep(5)
    assert yard.own(yard.again()) == ["hello"]
    stacks.update_stack(StackName="s", TemplateBody=template % 7)
    yard.cloud.sleep(5)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    (project,) = yard.client.batch_get_projects(names=["app"])["projects"]
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"], project["timeoutInMinutes"]) == ("UPDATE_COMPLETE", project["arn"], 7)
    stacks.delete_stack(StackName="s")
    yard.cloud.sleep(5)
    assert yard.client.list_projects()["projects"] == []


# In a pipeline -------------------------------------------------------------------------------------


def test_a_pipeline_builds_and_deploys_what_was_built_and_stops_where_tests_fail(cloud):
    works = Works(cloud)
    yard = Yard(cloud)
    source, artifacts = {"type": "CODEPIPELINE"}, {"type": "CODEPIPELINE"}
    yard.make(source=source, artifacts=artifacts)
    refuses(yard.client.start_build, "InvalidInputException", "CODEPIPELINE", projectName="app")
    text = spec(
        env={"exported-variables": ["SECONDS_HIDDEN"]}, build=["grep -q good test.txt", "sed s/TIME/77/ in.yaml > template.yaml", "export SECONDS_HIDDEN=77"],
        artifacts={"files": ["template.yaml"]},
    )  # fmt: skip
    template = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: made, VisibilityTimeout: TIME}\n"
    works.put(buildspec_yml=text, in_yaml=template, test_txt="good")
    build = action("Make", "Build", "CodeBuild", takes="Code", gives="Built", ProjectName="app", namespace="made")
    last = {**deploy(TemplatePath="Built::template.yaml"), "inputArtifacts": [{"name": "Built"}]}
    id_ = works.make(("Build", build), ("Deploy", last))
    settled(works, id_)
    assert works.status(id_) == "Succeeded", works.latest("Build")
    url = cloud.client("sqs").get_queue_url(QueueName="made")["QueueUrl"]
    assert cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"] == "77"
    made = [each for each in works.pipelines.list_action_executions(pipelineName="line")["actionExecutionDetails"] if each["actionName"] == "Make"]
    assert made[0]["output"]["outputVariables"] == {"SECONDS_HIDDEN": "77"}
    (told,) = yard.client.batch_get_builds(ids=yard.client.list_builds_for_project(projectName="app")["ids"])["builds"]
    assert told["initiator"] == "codepipeline/line"
    works.put(buildspec_yml=text, in_yaml=template, test_txt="bad")
    id_ = works.start()
    settled(works, id_)
    assert works.status(id_) == "Failed" and "grep -q good" in works.latest("Build")["errorDetails"]["message"]


def settled(works: Works, id_: str) -> None:
    for _ in range(200):
        if works.status(id_) != "InProgress":
            return
        works.cloud.sleep(0.1)
