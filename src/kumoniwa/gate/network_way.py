"""The ways by which requests of private networks come to the services of a region: out into the internet, or through an endpoint of the VPC.

EC2 judges which it is, if any; what is found out is remembered until something in EC2 changes.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import private_network
from kumoniwa.gate.address import locate
from kumoniwa.gate.private_network import Network, Way
from kumoniwa.gate.trail import CHANGED
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.wire.message import Request

INTERNET = ""
"""In the place of a service: any that has no endpoint."""
_NAMES = {
    "cloudwatch": "monitoring", "stepfunctions": "states", "kinesis": "kinesis-streams", "firehose": "kinesis-firehose", "apigateway": "execute-api",
    "apigatewayv2": "execute-api", "apigatewaymanagementapi": "execute-api", "application-autoscaling": "application-autoscaling", "ecr": "ecr.api",
    "elbv2": "elasticloadbalancing", "accessanalyzer": "access-analyzer", "appsync": "appsync-api", "dynamodbstreams": "dynamodb-streams",
    "resourcegroupstaggingapi": "tagging", "sesv2": "email", "ses": "email", "s3control": "s3",
}  # fmt: skip
"""Where a service's name in the names of endpoints is not boto3's.
https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html"""

_DOORS = frozenset(("execute-api", "s3", "appsync-api", "appsync-realtime-api", "registry"))
"""Data planes to which endpoints lead; others are of the internet alone, such as URLs of functions."""


def endpoint_name(service: str) -> str:
    return _NAMES.get(service, service)


class Ways:
    def __init__(self, home: Any) -> None:
        self.home = home
        self.known: dict[tuple[Network, str], Way] | None = None
        """What was found out; None before somebody asks."""

    def _hear(self, fact: tuple) -> None:
        if fact[0] == CHANGED and fact[3] == "ec2":
            self.forget()

    def forget(self) -> None:
        if self.known:
            self.known.clear()

    async def of(self, request: Request) -> Way | None:
        """How a request that names its network comes here; None if it does not."""
        network: Network = request.network  # type: ignore[assignment]
        address = request.address or locate(request)
        if network.region != self.home.name or address.region not in (None, self.home.name):
            # Endpoints lead to services of their own region.
            return _from(network.public_ip) if network.public_ip else None
        return await self.way(network, self._service(request))

    def _service(self, request: Request) -> str:
        try:
            route = self.home.gate.routes.find(request)
        except AwsError:
            return INTERNET  # whoever asks for what there is not hears so if he can hear at all
        if route.door is not None and route.address.door not in _DOORS:
            return INTERNET
        return endpoint_name(route.service.name)

    async def way(self, network: Network, service: str) -> Way | None:
        if self.known is None:
            self.known = {}
            self.home.listen(self._hear)
        found = self.known.get((network, service))
        if found is not None:
            return found
        owner = principals.linked("ec2.amazonaws.com", network.account, self.home.partition)
        call: Call = self.home.call("ec2", network.account, owner)
        verdict = await private_network.judged(call, network.interface, service=service, port=443)
        if not verdict["is_allowed"]:
            return None
        way = verdict["way"]
        if way.startswith("vpce-"):
            (endpoint,) = (await call.ask("ec2:DescribeVpcEndpoints", VpcEndpointIds=[way]))["VpcEndpoints"]
            (interface,) = (await call.ask("ec2:DescribeNetworkInterfaces", NetworkInterfaceIds=[network.interface]))["NetworkInterfaces"]
            vpc = endpoint["VpcId"]
            keys = {
                "aws:sourcevpc": vpc, "aws:sourcevpce": way, "aws:vpcsourceip": interface["PrivateIpAddress"], "aws:vpceaccount": network.account,
                "aws:sourcevpcarn": call.arn(f"vpc/{vpc}", "ec2"),
            }  # fmt: skip
            found = Way(keys, interface["PrivateIpAddress"], way, endpoint.get("PolicyDocument") or "")
        else:
            found = _from(await self.public_ip(call, network, way))
        self.known[network, service] = found
        return found

    async def public_ip(self, call: Call, network: Network, way: str) -> str:
        """By which address what leaves by a gateway is seen."""
        if way.startswith("nat-"):
            (gateway,) = (await call.ask("ec2:DescribeNatGateways", NatGatewayIds=[way]))["NatGateways"]
            return next((each["PublicIp"] for each in gateway["NatGatewayAddresses"] if each.get("PublicIp")), "")
        (interface,) = (await call.ask("ec2:DescribeNetworkInterfaces", NetworkInterfaceIds=[network.interface]))["NetworkInterfaces"]
        return (interface.get("Association") or {}).get("PublicIp", "")


def _from(public_ip: str) -> Way:
    return Way({"aws:sourceip": public_ip}, public_ip)
