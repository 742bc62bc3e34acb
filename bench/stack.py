"""What a stack costs: server CPU seconds to create, update and delete one of N resources.

    python bench/stack.py [--resources 200]

A third of the resources each are SQS queues, DynamoDB tables and IAM roles, so two regions work: the stack's own and the global
one. CPU is summed over Kumoniwa's process and all its living descendants, as in `run.py`. A template in a request holds some 230 of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import boto3
from run import family

ASSUME = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


def template(count, seconds):
    resources = {}
    for index in range(count):
        kinds = (
            ("AWS::SQS::Queue", {"VisibilityTimeout": seconds}),
            (
                "AWS::DynamoDB::Table",
                {
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "DeletionProtectionEnabled": False,
                    "Tags": [{"Key": "seconds", "Value": str(seconds)}],
                },
            ),
            (
                "AWS::IAM::Role",
                {"AssumeRolePolicyDocument": ASSUME, "MaxSessionDuration": 3600 + seconds},
            ),
        )
        kind, properties = kinds[index % len(kinds)]
        resources[f"Thing{index}"] = {"Type": kind, "Properties": properties}
    return json.dumps({"Resources": resources})


def cpu_s(pid):
    """Processor seconds of a process and its living descendants."""
    total = 0
    for each in family(pid):
        try:
            for thread in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{thread}/schedstat") as file:
                    total += int(file.read().split()[0])
        except OSError:
            continue
    return total / 1e9


def settled(client, arn, wanted):
    while True:
        stack = client.describe_stacks(StackName=arn)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.25)
    if stack["StackStatus"] != wanted:
        raise SystemExit(f"{stack['StackStatus']}: {stack.get('StackStatusReason')}")


def measured(name, pid, work):
    cpu, start = cpu_s(pid), time.monotonic()
    work()
    print(f"{name:8} {cpu_s(pid) - cpu:6.2f} s CPU {time.monotonic() - start:6.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--port", type=int, default=4577)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", str(arguments.port)]
        server = subprocess.Popen([*command, "--data", folder], stdout=subprocess.PIPE, text=True)
        try:
            server.stdout.readline()
            run(arguments, server.pid)
        finally:
            server.terminate()
            server.wait()


def run(arguments, pid):
    client = boto3.client(
        "cloudformation",
        endpoint_url=f"http://127.0.0.1:{arguments.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    allowed = {"Capabilities": ["CAPABILITY_IAM"]}

    def create(name, count):
        body = template(count, 60)
        arn = client.create_stack(StackName=name, TemplateBody=body, **allowed)["StackId"]
        settled(client, arn, "CREATE_COMPLETE")
        return arn

    # The child that draws templates, and the regions, are warm afterwards.
    measured("warm-up", pid, lambda: create("small", 3))
    found = []
    measured("create", pid, lambda: found.append(create("large", arguments.resources)))
    listed = client.get_paginator("list_stack_resources").paginate(StackName="large")
    if sum(len(page["StackResourceSummaries"]) for page in listed) != arguments.resources:
        raise SystemExit("some resources are missing")

    def update():
        body = template(arguments.resources, 90)
        client.update_stack(StackName="large", TemplateBody=body, **allowed)
        settled(client, found[0], "UPDATE_COMPLETE")

    def delete():
        client.delete_stack(StackName="large")
        settled(client, found[0], "DELETE_COMPLETE")

    measured("update", pid, update)
    measured("delete", pid, delete)


if __name__ == "__main__":
    main()
