"""Proxies in networks: the interface of each endpoint, whether their database is to be reached from there, and who reaches them."""

import contextlib

import pytest
from botocore.exceptions import ConnectionClosedError
from database_workshop import refusal
from proxy_workshop import ROLE, Proxies
from vpc_workshop import CALLS, EVERYWHERE, Network, placed, reached, tcp

pytestmark = pytest.mark.database


@pytest.fixture
def network(cloud):
    return Network(cloud)


@pytest.fixture
def proxies(cloud, network):
    """A database in the network, behind a group that lets nobody in."""
    made = Proxies(cloud)
    made.rds.create_db_subnet_group(DBSubnetGroupName="shop", DBSubnetGroupDescription="-", SubnetIds=network.subnets)
    made.behind = network.group("databases")
    made.create(DBSubnetGroupName="shop", VpcSecurityGroupIds=[made.behind])
    return made


def _interfaces(network):
    found = network.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["NetworkInterfaces"]
    return {each["Groups"][0]["GroupId"]: each for each in found}


def test_a_proxy_reaches_its_database_as_security_groups_let_it(proxies, network):
    group = network.group("proxies")
    shown = proxies.make(target=None, VpcSubnetIds=network.subnets, VpcSecurityGroupIds=[group])
    assert (shown["VpcId"], shown["VpcSecurityGroupIds"], shown["VpcSubnetIds"]) == (network.vpc, [group], network.subnets)
    assert _interfaces(network)[group]["SubnetId"] == network.subnets[0] and _interfaces(network)[group]["RequesterManaged"]
    proxies.rds.register_db_proxy_targets(DBProxyName="pool", DBInstanceIdentifiers=["orders"])
    assert proxies.until_health("UNAVAILABLE", reason="UNREACHABLE")["Description"]
    network.ec2.authorize_security_group_ingress(GroupId=proxies.behind, IpPermissions=[tcp(5_432, group=group)])
    proxies.until_health("AVAILABLE")
    one = proxies.connect()
    assert one.ask("select 1") == [(1,)]
    network.ec2.revoke_security_group_ingress(GroupId=proxies.behind, IpPermissions=[tcp(5_432, group=group)])
    proxies.until_health("UNAVAILABLE", reason="UNREACHABLE")
    assert one.ask("select 1") == [(1,)]  # security groups let those stay who are connected
    other = network.group("others")
    proxies.rds.modify_db_proxy(DBProxyName="pool", SecurityGroups=[other])
    assert proxies.until_proxy("available")["VpcSecurityGroupIds"] == [other] and other in _interfaces(network)
    proxies.cloud.restart(kill=True)
    proxies.until_proxy("available")
    proxies.rds.delete_db_proxy(DBProxyName="pool")
    proxies.until_no_proxy()
    assert set(_interfaces(network)) == {proxies.behind}


def test_the_subnets_of_a_proxy_are_of_one_vpc_and_two_zones(proxies, network, cloud):
    there = Network(cloud, 1)
    said = {
        "DBProxyName": "pool", "EngineFamily": "POSTGRESQL", "RoleArn": ROLE,
        "Auth": [{"SecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:of-keeper-abcdef"}],
    }  # fmt: skip
    for subnets in (network.subnets[:1], [network.subnets[0], there.subnets[1]], [*network.subnets, "subnet-0123456789abcdef0"]):
        assert refusal(proxies.rds.create_db_proxy, **said, VpcSubnetIds=subnets)["Code"] == "InvalidSubnet"
    foreign = there.group("foreign")
    assert refusal(proxies.rds.create_db_proxy, **said, VpcSubnetIds=network.subnets, VpcSecurityGroupIds=[foreign])["Code"] == "InvalidParameterCombination"
    assert set(_interfaces(network)) == {proxies.behind}


@pytest.mark.network
def test_a_function_of_the_network_reaches_the_endpoints_that_its_groups_let_it(proxies, network, cloud):
    group, callers = network.group("proxies"), network.group("callers")
    shown = proxies.make(target=None, VpcSubnetIds=network.subnets, VpcSecurityGroupIds=[group])
    placed(cloud, network, callers, CALLS)
    assert reached(cloud, shown["Endpoint"], 5_432) == "silence"
    network.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[tcp(5_432, group=callers)])
    assert reached(cloud, shown["Endpoint"], 5_432) == "in"
    said = {"DBProxyName": "pool", "DBProxyEndpointName": "side", "VpcSubnetIds": network.subnets, "VpcSecurityGroupIds": [network.group("side")]}
    side = proxies.rds.create_db_proxy_endpoint(**said)["DBProxyEndpoint"]
    proxies._until(lambda: proxies.rds.describe_db_proxy_endpoints()["DBProxyEndpoints"], lambda found: found[0]["Status"] == "available")
    assert reached(cloud, side["Endpoint"], 5_432) == "silence"
    network.ec2.authorize_security_group_ingress(GroupId=side["VpcSecurityGroupIds"][0], IpPermissions=[tcp(5_432, cidr=EVERYWHERE)])
    assert reached(cloud, side["Endpoint"], 5_432) == "in"


@pytest.mark.parametrize("turns", [1, 3, 8])
def test_a_kill_in_the_midst_leaves_a_proxy_with_its_interface_or_neither(proxies, network, turns):
    proxies.make_role()
    group, secret = network.group("proxies"), proxies.secret()
    proxies.cloud.kill_in_midst(turns)
    with contextlib.suppress(ConnectionClosedError):
        proxies.rds.create_db_proxy(
            DBProxyName="pool", EngineFamily="POSTGRESQL", RoleArn=ROLE, VpcSubnetIds=network.subnets, VpcSecurityGroupIds=[group],
            Auth=[{"SecretArn": secret}],
        )  # fmt: skip
    found = [each["DBProxyName"] for each in proxies.rds.describe_db_proxies()["DBProxies"]]
    assert found == (["pool"] if group in _interfaces(network) else [])
    if found:
        proxies.until_proxy("available")
        proxies.rds.delete_db_proxy(DBProxyName="pool")
        proxies.cloud.restart(kill=True)
        proxies.until_no_proxy()
    assert set(_interfaces(network)) == {proxies.behind}
