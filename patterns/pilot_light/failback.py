"""Before each run: the pilot light burns low again. The service is taken out of the region where a failover lit it."""

import os

import boto3

SURVIVOR, APP = "eu-west-1", "orders-app"

# Only ever in a cloud that was named: without one this would be an order to AWS itself.
cloudformation = boto3.client("cloudformation", region_name=SURVIVOR, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
cloudformation.delete_stack(StackName=APP)  # a stack that is not there is deleted already
cloudformation.get_waiter("stack_delete_complete").wait(StackName=APP, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
