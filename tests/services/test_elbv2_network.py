"""Load balancers in private networks: who comes to them from there is the judgement of security groups and network lists."""

from __future__ import annotations

import socket

import pytest
from services.balancer_workshop import fixed, listener
from vpc_workshop import CALLS, Network, placed, reached, tcp

pytestmark = pytest.mark.network
GETS = """
    import urllib.request

    def handler(event, context):
        with urllib.request.urlopen(f"http://{event['host']}:{event['port']}/inside", timeout=5) as answer:
            return {"came": answer.read().decode()}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def test_a_function_comes_to_a_balancer_of_its_network_if_its_security_groups_let_it(cloud):
    elb, network, port = cloud.client("elbv2"), Network(cloud), free_port()
    functions, web = network.group("functions"), network.group("web")
    made = elb.create_load_balancer(Name="inner", Scheme="internal", Subnets=network.subnets, SecurityGroups=[web])["LoadBalancers"][0]
    cloud.sleep(2)
    arn = listener(elb, made, fixed("from within"), Port=port)
    placed(cloud, network, functions, CALLS)
    (interface, _) = network.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["ELB app/inner/*"]}])["NetworkInterfaces"]
    where = interface["PrivateIpAddress"]
    assert reached(cloud, where, port) == "silence"
    network.ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[tcp(port, group=functions)])
    assert reached(cloud, where, port) == "in"
    placed(cloud, network, functions, GETS, name="reader")
    assert reached(cloud, made["DNSName"], port, "reader") == "from within"
    elb.delete_listener(ListenerArn=arn)
    assert reached(cloud, where, port) != "in"
