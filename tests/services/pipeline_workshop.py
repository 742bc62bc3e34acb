"""Pipelines for tests: a source bucket with versions, stores of artifacts, a role that may do everything, and short ways to declare."""

from __future__ import annotations

import io
import json
import zipfile

from lambda_workshop import put_role

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
SERVICES = ["codepipeline.amazonaws.com", "codebuild.amazonaws.com", "cloudformation.amazonaws.com", "events.amazonaws.com"]
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}})
QUEUE = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: made, VisibilityTimeout: %s}\nOutputs:\n  Url: {Value: !Ref Queue}\n"


def zipped(**files: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return held.getvalue()


def action(name: str, category: str, provider: str, gives: str = "", takes: str = "", **more) -> dict:
    """An action; what is left over is its configuration, but for members that begin small."""
    own = {key: more.pop(key) for key in list(more) if key[0].islower()}
    return {
        "name": name, "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"}, "configuration": {key: value for key, value in more.items() if value},
        "inputArtifacts": [{"name": each} for each in takes.split()], "outputArtifacts": [{"name": each} for each in gives.split()], **own,
    }  # fmt: skip


def source(**more) -> dict:
    return action("Get", "Source", "S3", gives="Code", **{"S3Bucket": "source", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false", **more})


def approval(name: str = "Ask", **more) -> dict:
    return action(name, "Approval", "Manual", **more)


def deploy(name: str = "Deploy", **more) -> dict:
    said = {"ActionMode": "CREATE_UPDATE", "StackName": "app", "TemplatePath": "Code::template.yaml", "RoleArn": ROLE, **more}
    return action(name, "Deploy", "CloudFormation", takes="Code", **said)


class Works:
    """A cloud with what pipelines need. ``regions`` have a store each, called ``store-REGION``."""

    def __init__(self, cloud, *regions: str, allowed: tuple[str, ...] = ("*",)) -> None:
        self.cloud, self.regions = cloud, regions or ("us-east-1",)
        for region in self.regions:
            cloud.region(region)
        put_role(cloud, *allowed, trust=TRUST, arn=ROLE)
        self.pipelines, self.s3 = cloud.client("codepipeline"), cloud.client("s3")
        self.s3.create_bucket(Bucket="source")
        self.s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
        for region in self.regions:
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            cloud.client("s3", region).create_bucket(Bucket=f"store-{region}", **where)

    def declared(self, *stages: tuple, name: str = "line", **more) -> dict:
        """``stages`` are tuples: a name and its actions; the source comes first by itself if they do not begin with one."""
        listed = [{"name": each[0], "actions": list(each[1:])} for each in stages]
        if not any(each["actionTypeId"]["category"] == "Source" for stage in listed for each in stage["actions"]):
            listed.insert(0, {"name": "Source", "actions": [source()]})
        stores = {region: {"type": "S3", "location": f"store-{region}"} for region in self.regions}
        where = {"artifactStores": stores} if len(stores) > 1 else {"artifactStore": stores["us-east-1"]}
        return {"name": name, "roleArn": ROLE, "stages": listed, **where, **more}

    def put(self, **files: str) -> str:
        """A new version of the source."""
        return self.s3.put_object(Bucket="source", Key="source.zip", Body=zipped(**files)).get("VersionId", "")

    def make(self, *stages: tuple, **more) -> str:
        """Create a pipeline; answers its first execution."""
        self.pipelines.create_pipeline(pipeline=self.declared(*stages, **more))
        self.cloud.sleep(5)
        return self.executions()[0]["pipelineExecutionId"]

    def start(self, **more) -> str:
        id_ = self.pipelines.start_pipeline_execution(name="line", **more)["pipelineExecutionId"]
        self.cloud.sleep(5)
        return id_

    def executions(self) -> list[dict]:
        return self.pipelines.list_pipeline_executions(pipelineName="line")["pipelineExecutionSummaries"]

    def status(self, id_: str) -> str:
        return self.pipelines.get_pipeline_execution(pipelineName="line", pipelineExecutionId=id_)["pipelineExecution"]["status"]

    def stage(self, name: str) -> dict:
        (found,) = [each for each in self.pipelines.get_pipeline_state(name="line")["stageStates"] if each["stageName"] == name]
        return found

    def latest(self, stage: str, number: int = 0) -> dict:
        return self.stage(stage)["actionStates"][number]["latestExecution"]

    def decide(self, status: str = "Approved", stage: str = "Check", action: str = "Ask") -> None:
        token = self.latest(stage)["token"]
        result = {"summary": f"{status} by me", "status": status}
        self.pipelines.put_approval_result(pipelineName="line", stageName=stage, actionName=action, result=result, token=token)
        self.cloud.sleep(5)
