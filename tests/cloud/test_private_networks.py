"""Functions in a VPC of real regions: their requests come to the door out of a network of their own, and die with their region."""

import json
import sys

import pytest
from services.lambda_workshop import TRUST, zipped

from cloud.conftest import eventually

pytestmark = pytest.mark.network
EVERYWHERE = "0.0.0.0/0"
ASKS = """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    brief = Config(connect_timeout=0.3, read_timeout=10, retries={"max_attempts": 0})
    kept = {}

    def client(service, region):
        # It keeps its connection from request to request.
        if (service, region) not in kept:
            kept[service, region] = boto3.client(service, region_name=region, config=brief)
        return kept[service, region]

    def handler(event, context):
        said = {}
        for service, operation, region in event:
            try:
                getattr(client(service, region), operation)()
                said[f"{service} in {region}"] = "answered"
            except ClientError as error:
                said[f"{service} in {region}"] = error.response["Error"]["Code"]
            except BotoCoreError as error:
                said[f"{service} in {region}"] = "silence" if "timeout" in str(error).lower() else str(error)
        return said
"""
PLACES = ("sqs in us-east-1", "dynamodb in us-west-2", "iam in us-east-1")
ASKED = [("sqs", "list_queues", "us-east-1"), ("dynamodb", "list_tables", "us-west-2"), ("iam", "list_roles", "us-east-1")]


def _role(cloud):
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    for policy in ("service-role/AWSLambdaVPCAccessExecutionRole", "AdministratorAccess"):
        iam.attach_role_policy(RoleName="function", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return role


def test_a_function_hears_aws_by_a_nat_gateway_alone_and_again_when_its_region_comes_back(up):
    cloud = up()
    role, ec2, functions = _role(cloud), cloud.client("ec2"), cloud.client("lambda", retries=3)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    private, public = (ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{place}.0/24")["Subnet"]["SubnetId"] for place in (1, 2))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    out, inside = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    ec2.associate_route_table(RouteTableId=out, SubnetId=public)
    ec2.associate_route_table(RouteTableId=inside, SubnetId=private)
    ec2.create_route(RouteTableId=out, DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    group = ec2.create_security_group(GroupName="functions", Description="functions", VpcId=vpc)["GroupId"]
    functions.create_function(
        FunctionName="f", Role=role, Runtime=f"python3.{sys.version_info.minor}", Handler="app.handler", Code={"ZipFile": zipped(ASKS)}, Timeout=30,
        VpcConfig={"SubnetIds": [private], "SecurityGroupIds": [group]},
    )  # fmt: skip

    def answers():
        return json.loads(functions.invoke(FunctionName="f", Payload=json.dumps(ASKED))["Payload"].read())

    assert answers() == dict.fromkeys(PLACES, "silence")
    ec2.create_route(RouteTableId=inside, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat)
    assert eventually(lambda: answers() == dict.fromkeys(PLACES, "answered"), within_s=30)
    cloud.region("us-east-1", "kill")
    cloud.region("us-east-1", "restart")
    assert answers() == dict.fromkeys(PLACES, "answered")
    ec2.delete_route(RouteTableId=inside, DestinationCidrBlock=EVERYWHERE)
    assert eventually(lambda: answers() == dict.fromkeys(PLACES, "silence"), within_s=30)
