"""What the pattern claims: what is logged in three regions is found in one bucket, also when one of them dies meanwhile."""

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path

from botocore.exceptions import ClientError
from central_logging.central_logging import setup_centralized_logging
from stage import KUMONIWA, holds, seconds, until

REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"]
GROUP, BUCKET, STREAM = "/aws/lambda/app-function", "central-logging-files", "app"


def deploy(cloud, region):
    words = ["--stack", "central-logging", "--region", region, "--parameter", f"Bucket={BUCKET}", "Seconds=2"]
    command = [*KUMONIWA, "deploy", str(Path(__file__).with_name("template.yaml")), *words, "--endpoint", cloud.endpoint]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the template was not deployed in {region}:\n{done.stdout}{done.stderr}")
    outputs = cloud.client("cloudformation", region).describe_stacks(StackName="central-logging")["Stacks"][0]["Outputs"]
    return {each["OutputKey"]: each["OutputValue"] for each in outputs}


class Central:
    """The bucket, as whoever reads logs centrally sees it."""

    def __init__(self, cloud):
        self.s3, self.read = cloud.client("s3"), {}

    def messages(self):
        """Every message that was logged anywhere, with what CloudWatch Logs says of it."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for file in page.get("Contents", []):
                if file["Key"] not in self.read:
                    self.read[file["Key"]] = self.s3.get_object(Bucket=BUCKET, Key=file["Key"])["Body"].read()
        told = []
        for key, body in self.read.items():
            text, decoder, at = gzip.decompress(body).decode(), json.JSONDecoder(), 0
            while at < len(text):
                batch, at = decoder.raw_decode(text, at)
                if batch["messageType"] == "DATA_MESSAGE":
                    told += [(key.partition("/")[0], batch, event["message"]) for event in batch["logEvents"]]
        return told

    def has(self, messages):
        return set(messages) <= {message for _, _, message in self.messages()}


def log(cloud, region, *messages):
    at = int(time.time() * 1000)
    cloud.client("logs", region).put_log_events(
        logGroupName=GROUP, logStreamName=STREAM, logEvents=[{"timestamp": at, "message": message} for message in messages]
    )


def as_written(cloud):
    """The handbook's targetArn names its account by a word; answers how that is refused."""
    try:
        cloud.client("logs").put_destination(
            destinationName="CentralLogDestination-us-east-1",
            targetArn="arn:aws:firehose:us-east-1:account:deliverystream/central-logs",
            roleArn="arn:aws:iam::account:role/LogsRole",
        )
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "taken"


def show(cloud):
    holds("as written, with the word account for an account, it is refused", (said := as_written(cloud)) == "InvalidParameterException", said)
    s3 = cloud.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    for region in REGIONS:
        made = deploy(cloud, region)
        setup_centralized_logging(cloud.client("logs", region), region, made["StreamArn"], made["RoleArn"])
        cloud.client("logs", region).create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    found = cloud.client("logs").describe_destinations()["destinations"]
    holds("each region has its destination and its stream", len(found) == 1, f"{len(REGIONS)} regions")

    central, count = Central(cloud), 20 if cloud.is_short else 200
    wanted = {region: [f"{region} says {n}" for n in range(count)] for region in REGIONS}
    for region in REGIONS:
        for start in range(0, count, 10):
            log(cloud, region, *wanted[region][start : start + 10])
    everything = [message for messages in wanted.values() for message in messages]
    took = until(lambda: central.has(everything))
    holds(f"{len(everything)} lines of three regions are in one bucket", took is not None, seconds(took))
    told = central.messages()
    right = all(message.startswith(prefix) for prefix, _, message in told)
    holds("files stand under the region that wrote them", right, ", ".join(sorted({prefix for prefix, _, _ in told})))
    _, batch, _ = told[0]
    is_form = (batch["logGroup"], batch["logStream"], batch["subscriptionFilters"]) == (GROUP, STREAM, ["CentralLogsFilter"])
    holds("in the form of CloudWatch Logs, compressed", is_form, batch["messageType"])

    log(cloud, "eu-west-1", "last words")
    cloud.admin("POST", "regions/eu-west-1/kill")
    log(cloud, "us-east-1", "we go on")
    holds("a region is killed: the others are heard on", (took := until(lambda: central.has(["we go on"]))) is not None, seconds(took))
    cloud.admin("POST", "regions/eu-west-1/restart")
    took = until(lambda: central.has(["last words"]))
    holds("and what it had acknowledged comes when it is back", took is not None, seconds(took))
    again = [message for _, _, message in central.messages() if message == "last words"]
    holds("once", len(again) == 1, f"{len(again)} times")
