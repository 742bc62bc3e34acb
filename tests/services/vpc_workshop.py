"""Private networks for tests: a VPC with a subnet in each of two zones, and a function that tells what it reaches from there."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile

from lambda_workshop import invoke, make, put_role

NEEDED = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface", "logs:*")
"""What AWSLambdaVPCAccessExecutionRole allows."""
EVERYWHERE = "0.0.0.0/0"
DRIVER = ("pg8000", "scramp", "asn1crypto", "python-dateutil", "six")
CALLS = """
    import os, socket, uuid

    environment = str(uuid.uuid4())

    def handler(event, context):
        try:
            with socket.create_connection((event["host"], event["port"]), timeout=event.get("within", 0.3)):
                return {"came": "in", "environment": environment}
        except TimeoutError:
            return {"came": "silence", "environment": environment}
        except OSError as error:
            return {"came": str(error), "environment": environment}
"""
ASKS = """
    from datetime import UTC, datetime

    import boto3
    import botocore.auth
    import botocore.crt.auth
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    def handler(event, context):
        # A region refuses a signature of another day.
        for signer in (botocore.auth, botocore.crt.auth):
            signer.get_current_datetime = lambda remove_tzinfo=True: datetime.fromtimestamp(event["now"], UTC)
        config = Config(connect_timeout=1, read_timeout=event["patience"], retries={"max_attempts": 0})
        client = boto3.client(event["service"], region_name=event["region"], config=config)
        try:
            answer = getattr(client, event["operation"])()
        except ClientError as error:
            return error.response["Error"]["Message"]
        except BotoCoreError as error:
            return "silence" if "timeout" in str(error).lower() else str(error)
        return sorted(set(answer) - {"ResponseMetadata"})
"""


class Network:
    """A VPC of 10.N.0.0/16, its subnets in two zones, and a security group that lets everything out and nothing in."""

    def __init__(self, cloud, number: int = 0, **client) -> None:
        self.cloud, self.ec2 = cloud, cloud.client("ec2", **client)
        self.cidr = f"10.{number}.0.0/16"
        self.vpc = self.ec2.create_vpc(CidrBlock=self.cidr)["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.{number}.{place}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"]
            for place, zone in ((1, "a"), (2, "b"))
        ]
        (self.table,) = self._of("route_tables", "RouteTables", "RouteTableId")
        (self.acl,) = self._of("network_acls", "NetworkAcls", "NetworkAclId")

    def _of(self, what, member, id_):
        found = getattr(self.ec2, f"describe_{what}")(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        return [each[id_] for each in found[member]]

    def group(self, name: str) -> str:
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]

    def own_acl(self, place: int) -> str:
        """A network list for one of the subnets alone, which lets everything through."""
        acl = self.ec2.create_network_acl(VpcId=self.vpc)["NetworkAcl"]["NetworkAclId"]
        for egress in (False, True):
            self.ec2.create_network_acl_entry(
                NetworkAclId=acl, RuleNumber=100, Protocol="-1", RuleAction="allow", Egress=egress, CidrBlock=EVERYWHERE
            )  # fmt: skip
        (before,) = [
            each["NetworkAclAssociationId"]
            for found in self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [self.subnets[place]]}])["NetworkAcls"]
            for each in found["Associations"]
            if each["SubnetId"] == self.subnets[place]
        ]
        self.ec2.replace_network_acl_association(AssociationId=before, NetworkAclId=acl)
        return acl

    def config(self, *groups: str) -> dict:
        return {"SubnetIds": self.subnets[:1], "SecurityGroupIds": list(groups)}


def tcp(port: int, *, cidr: str = "", group: str = "") -> dict:
    """A permission for one port."""
    peer = {"IpRanges": [{"CidrIp": cidr}]} if cidr else {"UserIdGroupPairs": [{"GroupId": group}]}
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}


def placed(cloud, network: Network, group: str, source: str, *actions: str, name: str = "f", **more) -> dict:
    """A function in the first subnet of a network."""
    role = put_role(cloud, *NEEDED, *actions)
    return make(cloud, source, name, Role=role, VpcConfig=network.config(group), Timeout=30, **more)


def settled(cloud) -> None:
    """Let what was changed in networks come into force."""
    cloud.sleep(0.3)
    sandboxes = cloud.region("us-east-1").engines.get("lambda")
    for _ in range(2_000):
        if sandboxes is None or not sandboxes.networks.looking:
            return
        cloud.sleep(0.01)
    raise AssertionError("doors are still being opened and shut")


def reached(cloud, host: str, port: int, name: str = "f") -> str:
    """What becomes of a connection that the function begins."""
    settled(cloud)
    return invoke(cloud, {"host": host, "port": port}, name)["Payload"]["came"]


def asked(cloud, service: str, operation: str, patience_s: float = 20, region: str = "us-east-1"):
    """What AWS answers a function that asks: the members of the answer, the words of a refusal, or silence. Who finds no door open learns so
    when he calls; where one is open to others, he must lose patience."""
    settled(cloud)
    return invoke(cloud, {"service": service, "operation": operation, "patience": patience_s, "region": region, "now": cloud.now()})["Payload"]


def with_driver(source: str) -> bytes:
    """A function with a driver of PostgreSQL, as pip would lay it into a folder."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", source)
        for name in DRIVER:
            for file in importlib.metadata.files(name):
                if ".." not in file.parts and file.suffix != ".pyc":
                    archive.write(file.locate(), str(file))
    return held.getvalue()
