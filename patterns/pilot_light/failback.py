"""Before each run: the pilot light burns low again. The service is taken out of the region where a failover lit it."""

import boto3

SURVIVOR, APP = "eu-west-1", "orders-app"

cloudformation = boto3.client("cloudformation", region_name=SURVIVOR)
cloudformation.delete_stack(StackName=APP)  # a stack that is not there is deleted already
cloudformation.get_waiter("stack_delete_complete").wait(StackName=APP, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
