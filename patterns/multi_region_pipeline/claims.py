"""What the pattern claims: what is put at the source stands in the primary region first and then in the secondary, or in neither."""

import io
import subprocess
import zipfile
from pathlib import Path

from stage import KUMONIWA, holds, seconds, until

US, EU = "us-east-1", "eu-west-1"
HERE = Path(__file__).parent
APP = """
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties: {QueueName: app-orders, VisibilityTimeout: %s}
"""


def put(cloud, bucket, timeout):
    """A new version of the application; answers the version of the object."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("template.yaml", APP % timeout)
    return cloud.client("s3").put_object(Bucket=bucket, Key="source.zip", Body=held.getvalue())["VersionId"]


def stands(cloud, region):
    """The visibility timeout of the application's queue in a region, None where there is none."""
    sqs = cloud.client("sqs", region)
    urls = sqs.list_queues(QueueNamePrefix="app-orders").get("QueueUrls")
    if not urls:
        return None
    return int(sqs.get_queue_attributes(QueueUrl=urls[0], AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"])


def execution_of(cloud, version):
    """The execution that read this version of the source; None before there is one."""
    for each in cloud.client("codepipeline").list_pipeline_executions(pipelineName="multi-region")["pipelineExecutionSummaries"]:
        if any(source.get("revisionId") == version for source in each["sourceRevisions"]):
            return each
    return None


def ended(cloud, version, status):
    return until(lambda: (execution_of(cloud, version) or {}).get("status") == status)


def actions(cloud, version):
    """By name: what each action of an execution came to; nothing before it has begun."""
    execution = execution_of(cloud, version)
    if execution is None:
        return {}
    chosen = {"pipelineExecutionId": execution["pipelineExecutionId"]}
    listed = cloud.client("codepipeline").list_action_executions(pipelineName="multi-region", filter=chosen)["actionExecutionDetails"]
    return {each["actionName"]: each for each in listed}


def show(cloud):
    command = [*KUMONIWA, "deploy", str(HERE / "as-written.yaml"), "--stack", "as-written", "--endpoint", cloud.endpoint]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    holds("the handbook's template is refused, as AWS refuses it", done.returncode != 0 and "CodePipelineRole" in said, "Unresolved resource dependencies")

    cloud.deploy(HERE / "store.yaml", "multi-region-store", EU)
    bucket = cloud.deploy(HERE / "template.yaml", "multi-region")["SourceBucket"]

    version = put(cloud, bucket, 40)
    took = ended(cloud, version, "Succeeded")
    holds("putting source.zip runs the pipeline to its end", took is not None, seconds(took))
    holds("the application stands in both regions", (stands(cloud, US), stands(cloud, EU)) == (40, 40))
    ran = actions(cloud, version)
    is_after = ran["DeploySecondary"]["startTime"] >= ran["DeployPrimary"]["lastUpdateTime"]
    holds("the secondary began after the primary was done", is_after)
    (place,) = ran["DeployPrimary"]["input"]["inputArtifacts"]
    copies = cloud.client("s3", EU).list_objects_v2(Bucket=bucket.replace("source", "artifacts") + f"-{EU}")["Contents"]
    holds("the artifact was copied to the second region's store", place["s3location"]["key"] in [each["Key"] for each in copies])

    version = put(cloud, bucket, 50)
    took = ended(cloud, version, "Succeeded")
    holds("a new version changes both stacks", took is not None and (stands(cloud, US), stands(cloud, EU)) == (50, 50), seconds(took))

    version = put(cloud, bucket, 999_999)
    took = ended(cloud, version, "Failed")
    holds("a version that fails in the primary ends the execution", took is not None, seconds(took))
    ran = actions(cloud, version)
    holds("and the secondary was not touched", "DeploySecondary" not in ran and stands(cloud, EU) == 50)
    reason = ran["DeployPrimary"]["output"]["executionResult"]["errorDetails"]["message"]
    holds("the action says which resource failed and why", "Orders" in reason, reason.partition("Reason: ")[2][:60])

    cloud.admin("POST", f"regions/{EU}/kill")
    version = put(cloud, bucket, 60)
    waits = until(lambda: "DeploySecondary" in actions(cloud, version))
    holds("with the secondary dark the primary is deployed", waits is not None and stands(cloud, US) == 60, seconds(waits))
    cloud.admin("POST", f"regions/{EU}/restart")
    took = ended(cloud, version, "Succeeded")
    holds("the secondary follows when its region is back", took is not None and stands(cloud, EU) == 60, seconds(took))
