"""The runbook of the pilot light: light the service in the region that survived, and lead the name there.

    AWS_ENDPOINT_URL=http://127.0.0.1:4566 python patterns/pilot_light/failover.py [--app orders-app] [--dns orders-dns]

It asks only the surviving region: the stack of the name was put there from the start, and the table has a replica there. Where the
service is lit already it is only brought up to date, so it may be run again.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import boto3

HERE = Path(__file__).parent
SURVIVOR = "eu-west-1"
APP = HERE.parent / "active_passive" / "app.yaml"


def deploy(template, stack):
    words = [sys.executable, "-m", "kumoniwa.cli.main", "deploy", str(template), "--stack", stack, "--region", SURVIVOR]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{stack} could not be deployed to {SURVIVOR}")


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--app", default="orders-app", help="the stack of the service")
    asked.add_argument("--dns", default="orders-dns", help="the stack of the name")
    asked = asked.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        sys.exit("set AWS_ENDPOINT_URL to the cloud whose name is to be led elsewhere")
    cloudformation = boto3.client("cloudformation", region_name=SURVIVOR)
    print(f"lighting {asked.app} in {SURVIVOR}", flush=True)
    deploy(APP, asked.app)
    (stack,) = cloudformation.describe_stacks(StackName=asked.app)["Stacks"]
    name = next(one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "RegionalName")
    (dns,) = cloudformation.describe_stacks(StackName=asked.dns)["Stacks"]
    kept = [one["ParameterKey"] for one in dns["Parameters"] if one["ParameterKey"] != "ServingName"]
    print(f"leading the name to {name}", flush=True)
    cloudformation.update_stack(
        StackName=asked.dns,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "ServingName", "ParameterValue": name}, *({"ParameterKey": key, "UsePreviousValue": True} for key in kept)],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=asked.dns, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    print(f"{SURVIVOR} serves", flush=True)


if __name__ == "__main__":
    main()
