"""Functions in a VPC: what they say of it, the interfaces that Lambda keeps for them, and what they reach from there."""

import base64
import json
import textwrap

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from database_workshop import PASSWORD, Databases
from lambda_workshop import ROLE, RUNTIME, invoke, make, put_role, put_user, zipped
from vpc_workshop import ASKS, CALLS, EVERYWHERE, NEEDED, Network, asked, placed, reached, settled, tcp, with_driver

from kumoniwa.services.lambda_.sandbox import of

pytestmark = pytest.mark.network
STORES = """
import os
import pg8000.dbapi

connection = None

def handler(event, context):
    global connection
    if connection is None:
        connection = pg8000.dbapi.connect(
            host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]), user="keeper", password=os.environ["DB_PASSWORD"], database="postgres", timeout=30
        )
        connection.autocommit = True
        connection.cursor().execute("create table if not exists orders (id text primary key, item text)")
    cursor = connection.cursor()
    if "item" in event:
        cursor.execute("insert into orders values (%s, %s)", (event["id"], event["item"]))
        return "stored"
    cursor.execute("select item from orders where id = %s", (event["id"],))
    return cursor.fetchone()
"""


def _interfaces(network):
    return network.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["NetworkInterfaces"]


def _refusal(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _database(cloud, network, group, name="orders"):
    databases = Databases(cloud)
    databases.rds.create_db_subnet_group(DBSubnetGroupName="shop", DBSubnetGroupDescription="shop", SubnetIds=network.subnets)
    return databases.create(
        name, DBSubnetGroupName="shop", VpcSecurityGroupIds=[group], PubliclyAccessible=False, AvailabilityZone="us-east-1b"
    )["Endpoint"]


@pytest.mark.database
def test_a_function_in_a_private_subnet_stores_a_row_in_its_database_and_reads_it(cloud):
    network = Network(cloud)
    functions, databases = network.group("functions"), network.group("databases")
    network.ec2.authorize_security_group_ingress(GroupId=databases, IpPermissions=[tcp(5432, group=functions)])
    place = _database(cloud, network, databases)
    variables = {"DB_HOST": place["Address"], "DB_PORT": str(place["Port"]), "DB_PASSWORD": PASSWORD}
    placed(cloud, network, functions, "", Code={"ZipFile": with_driver(STORES)}, Environment={"Variables": variables})
    assert invoke(cloud, {"id": "7", "item": "tea"})["Payload"] == "stored"
    assert invoke(cloud, {"id": "7"})["Payload"] == ["tea"]
    cloud.restart(kill=True)
    Databases(cloud).until_recovered()
    assert invoke(cloud, {"id": "7"})["Payload"] == ["tea"]
    network.ec2.revoke_security_group_ingress(GroupId=databases, IpPermissions=[tcp(5432, group=functions)])
    settled(cloud)
    assert invoke(cloud, {"id": "7"})["Payload"] == ["tea"]  # a security group remembers who is connected
    Databases(cloud).rds.stop_db_instance(DBInstanceIdentifier="orders")
    Databases(cloud).until("stopped")
    settled(cloud)
    assert invoke(cloud, {"id": "7"})["Payload"]["errorType"] in ("InterfaceError", "OperationalError")  # and a database that ends says so


@pytest.mark.database
def test_each_layer_alone_keeps_a_function_from_its_database_and_none_takes_a_new_environment(cloud):
    network = Network(cloud)
    ec2, lists = network.ec2, [network.own_acl(place) for place in (0, 1)]
    functions, databases = network.group("functions"), network.group("databases")
    place = _database(cloud, network, databases)
    host, port = place["Address"], place["Port"]
    placed(cloud, network, functions, CALLS)
    let_in = {"GroupId": databases, "IpPermissions": [tcp(5432, cidr=network.cidr)]}
    let_out = {"GroupId": functions, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": EVERYWHERE}]}]}
    low, high = {"From": 5432, "To": 5432}, {"From": 1024, "To": 65535}

    def listed(acl, ports, *, egress):
        rule = {"NetworkAclId": acl, "RuleNumber": 50, "Egress": egress}
        more = {"Protocol": "6", "RuleAction": "deny", "CidrBlock": network.cidr, "PortRange": ports}
        return lambda: ec2.create_network_acl_entry(**rule, **more), lambda: ec2.delete_network_acl_entry(**rule)

    assert reached(cloud, host, port) == "silence"
    ec2.authorize_security_group_ingress(**let_in)
    assert reached(cloud, host, port) == "in"
    environment = invoke(cloud, {"host": host, "port": port})["Payload"]["environment"]
    layers = {
        "egress of the function's group": (lambda: ec2.revoke_security_group_egress(**let_out), lambda: ec2.authorize_security_group_egress(**let_out)),
        "ingress of the database's group": (lambda: ec2.revoke_security_group_ingress(**let_in), lambda: ec2.authorize_security_group_ingress(**let_in)),
        "list at the way out": listed(lists[0], low, egress=True),
        "list at the way in": listed(lists[1], low, egress=False),
        "list at the answer's way out": listed(lists[1], high, egress=True),
        "list at the answer's way in": listed(lists[0], high, egress=False),
    }
    for layer, (forbid, allow) in layers.items():
        forbid()
        assert (layer, reached(cloud, host, port)) == (layer, "silence")
        allow()
        assert (layer, reached(cloud, host, port)) == (layer, "in")
    assert invoke(cloud, {"host": host, "port": port})["Payload"]["environment"] == environment


def test_a_nat_gateway_leads_a_function_to_all_of_aws_under_its_own_address_and_without_it_nobody_hears(cloud):
    network = Network(cloud)
    ec2, group = network.ec2, network.group("functions")
    placed(cloud, network, group, ASKS, "sqs:*")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    public = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=public, SubnetId=network.subnets[1])
    ec2.create_route(RouteTableId=public, DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")
    nat = ec2.create_nat_gateway(SubnetId=network.subnets[1], AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
    assert asked(cloud, "sqs", "list_queues") == "silence"
    ec2.create_route(RouteTableId=network.table, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat)
    assert asked(cloud, "sqs", "list_queues") == []
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": f"{address['PublicIp']}/32"}}},
    }
    put_role(cloud, document=json.dumps(document))
    assert asked(cloud, "sqs", "list_queues") == []
    ec2.delete_route(RouteTableId=network.table, DestinationCidrBlock=EVERYWHERE)
    assert asked(cloud, "sqs", "list_queues") == "silence"


@pytest.mark.database
def test_a_peering_connection_leads_to_a_database_if_both_sides_route_there(cloud):
    network, there = Network(cloud), Network(cloud, 1)
    ec2 = network.ec2
    functions, databases = network.group("functions"), there.group("databases")
    place = _database(cloud, there, databases)
    host, port = place["Address"], place["Port"]
    placed(cloud, network, functions, CALLS)
    assert reached(cloud, host, port) == "silence"
    peering = ec2.create_vpc_peering_connection(VpcId=network.vpc, PeerVpcId=there.vpc)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    ec2.authorize_security_group_ingress(GroupId=databases, IpPermissions=[tcp(5432, group=functions)])
    routes = [{"RouteTableId": near.table, "DestinationCidrBlock": far.cidr} for near, far in ((network, there), (there, network))]
    ec2.create_route(**routes[0], VpcPeeringConnectionId=peering)
    assert reached(cloud, host, port) == "silence"  # no way back
    ec2.create_route(**routes[1], VpcPeeringConnectionId=peering)
    assert reached(cloud, host, port) == "in"
    ec2.delete_route(**routes[0])
    assert reached(cloud, host, port) == "silence"


def test_an_endpoint_leads_to_its_service_alone_and_its_policy_must_let_pass_too(cloud):
    network = Network(cloud)
    group = network.group("functions")
    placed(cloud, network, group, ASKS, "dynamodb:*", "sqs:*")
    ec2, service = network.ec2, "com.amazonaws.us-east-1.dynamodb"
    endpoint = ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=service, RouteTableIds=[network.table])["VpcEndpoint"]["VpcEndpointId"]
    assert asked(cloud, "dynamodb", "list_tables") == ["TableNames"]
    told = cloud.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListTables"}])["Events"]
    event = json.loads(told[0]["CloudTrailEvent"])
    assert (event["vpcEndpointId"], event["sourceIPAddress"][:7]) == (endpoint, "10.0.1.")
    assert asked(cloud, "sqs", "list_queues", patience_s=0.5) == "silence"
    assert asked(cloud, "dynamodb", "list_tables", patience_s=0.5, region="us-west-2") == "silence"  # nor is it of another region
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": "*"}]}
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(policy))
    assert "because no VPC endpoint policy allows the dynamodb:ListTables action" in asked(cloud, "dynamodb", "list_tables")
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"})
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=json.dumps(policy))
    assert "with an explicit deny in a VPC endpoint policy" in asked(cloud, "dynamodb", "list_tables")
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    comes = {"StringEquals": {"aws:SourceVpce": endpoint, "aws:SourceVpc": network.vpc}, "IpAddress": {"aws:VpcSourceIp": network.cidr}}
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": comes}}
    put_role(cloud, document=json.dumps(document))
    assert asked(cloud, "dynamodb", "list_tables") == ["TableNames"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert asked(cloud, "dynamodb", "list_tables") == "silence"


def test_lambda_keeps_an_interface_for_each_subnet_and_set_of_groups_as_long_as_a_function_uses_it(cloud):
    network = Network(cloud)
    one, other = network.group("one"), network.group("other")
    put_role(cloud, *NEEDED)
    both = {"SubnetIds": network.subnets, "SecurityGroupIds": [one]}
    made = make(cloud, Role=ROLE, VpcConfig=both)
    told = both | {"VpcId": network.vpc, "Ipv6AllowedForDualStack": False}
    assert (made["State"], made["VpcConfig"]) == ("Pending", told)
    client = cloud.client("lambda")
    assert client.get_function_configuration(FunctionName="f")["VpcConfig"] == told
    kept = _interfaces(network)
    assert sorted(each["SubnetId"] for each in kept) == sorted(network.subnets)
    assert {each["InterfaceType"] for each in kept} == {"lambda"} and all(each["RequesterManaged"] for each in kept)
    assert all(each["Description"].startswith("AWS Lambda VPC ENI-f-") for each in kept)
    assert _refusal(network.ec2.delete_network_interface, NetworkInterfaceId=kept[0]["NetworkInterfaceId"])
    make(cloud, name="g", Role=ROLE, VpcConfig=both)
    assert len(_interfaces(network)) == 2
    client.update_function_configuration(FunctionName="f", VpcConfig={"SubnetIds": network.subnets[:1], "SecurityGroupIds": [one, other]})
    settled(cloud)
    assert len(_interfaces(network)) == 3
    client.update_function_configuration(FunctionName="f", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    assert "VpcConfig" not in client.get_function_configuration(FunctionName="f")
    client.delete_function(FunctionName="g")
    settled(cloud)
    assert _interfaces(network) == []


def test_what_lambda_refuses_of_a_vpc(cloud):
    network, there = Network(cloud), Network(cloud, 1)
    group, foreign = network.group("functions"), there.group("functions")
    put_role(cloud, *NEEDED)
    client = cloud.client("lambda")

    def refused(subnets, groups, **more):
        values = {"FunctionName": "f", "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": zipped("")}}
        return _refusal(client.create_function, **values, VpcConfig={"SubnetIds": subnets, "SecurityGroupIds": groups, **more})

    code = "InvalidParameterValueException"
    assert refused(["subnet-1234567890abcdef0"], [group]) == (
        code, "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: "
        "The subnet ID 'subnet-1234567890abcdef0' does not exist",
    )  # fmt: skip
    assert refused(network.subnets, ["sg-1234567890abcdef0"]) == (
        code, "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: "
        "The security group 'sg-1234567890abcdef0' does not exist",
    )  # fmt: skip
    assert refused(network.subnets, [foreign]) == (code, "Security Groups are required to be in the same VPC.")
    assert refused([network.subnets[0], there.subnets[0]], [group]) == (code, "Subnets are required to be in the same VPC.")
    assert refused(network.subnets, [group], Ipv6AllowedForDualStack=True)[0] == "NotImplemented"
    put_role(cloud, "logs:*")
    assert refused(network.subnets, [group]) == (
        code, "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
    )  # fmt: skip
    assert _interfaces(network) == []


@pytest.mark.parametrize("key", ["VpcIds", "SubnetIds", "SecurityGroupIds"])
def test_policies_know_the_vpc_of_a_function(cloud, key):
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"""
    network, there = Network(cloud), Network(cloud, 1)
    one, other = (each.group("functions") for each in (network, there))
    put_role(cloud, *NEEDED)
    allowed = {"VpcIds": [network.vpc], "SubnetIds": network.subnets, "SecurityGroupIds": [one]}[key]
    statements = [
        {"Effect": "Allow", "Action": ["lambda:*", "iam:PassRole"], "Resource": "*"},
        {"Effect": "Deny", "Action": "lambda:CreateFunction", "Resource": "*", "Condition": {"ForAnyValue:StringNotEquals": {f"lambda:{key}": allowed}}},
    ]
    put_user(cloud, "builder", "AKIABUILDER", document=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    client = cloud.client("lambda", key="AKIABUILDER", secret="secret")

    def create(each, group):
        values = {"FunctionName": "f", "Role": ROLE, "Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": zipped("")}}
        return client.create_function(**values, VpcConfig=each.config(group))

    with pytest.raises(ClientError, match="explicit deny"):
        create(there, other)
    assert create(network, one)["VpcConfig"]["VpcId"] == network.vpc


def test_a_region_that_was_killed_forgets_no_interface_and_keeps_none_that_nobody_uses(cloud):
    network = Network(cloud)
    group = network.group("functions")
    placed(cloud, network, group, CALLS)
    (before,) = _interfaces(network)
    assert reached(cloud, "10.0.1.200", 80) == "silence"
    cloud.restart(kill=True)
    assert [each["NetworkInterfaceId"] for each in _interfaces(network)] == [before["NetworkInterfaceId"]]
    assert reached(cloud, "10.0.1.200", 80) == "silence"
    assert of(cloud.region("us-east-1")).networks.places[0].interface == before["NetworkInterfaceId"]
    cloud.client("lambda").delete_function(FunctionName="f")
    cloud.restart(kill=True)
    settled(cloud)
    assert _interfaces(network) == []


@pytest.mark.parametrize("turns", [0, 1, 2, 4, 8, 16, 32])
def test_a_kill_in_the_midst_leaves_no_interface_that_no_function_has(cloud, turns):
    network = Network(cloud)
    group = network.group("functions")
    put_role(cloud, *NEEDED)
    cloud.kill_in_midst(turns)
    try:
        make(cloud, Role=ROLE, VpcConfig=network.config(group))
        is_told = True
    except ConnectionClosedError:
        is_told = False
    put_role(cloud, *NEEDED)
    settled(cloud)
    functions = [each["FunctionName"] for each in cloud.client("lambda").list_functions()["Functions"]]
    assert len(_interfaces(network)) == len(functions) and (functions or not is_told)


def test_a_gateway_that_takes_its_time_opens_the_door_when_it_is_there(make_cloud):
    cloud = make_cloud(pace="real")
    network = Network(cloud)
    ec2, group = network.ec2, network.group("functions")
    placed(cloud, network, group, ASKS, "sqs:*")
    cloud.sleep(10)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    public = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=public, SubnetId=network.subnets[1])
    ec2.create_route(RouteTableId=public, DestinationCidrBlock=EVERYWHERE, GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    assert asked(cloud, "sqs", "list_queues") == "silence"
    nat = ec2.create_nat_gateway(SubnetId=network.subnets[1], AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=network.table, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat)
    assert asked(cloud, "sqs", "list_queues") == "silence"
    cloud.sleep(300)
    assert asked(cloud, "sqs", "list_queues") == []


def test_an_environment_that_has_still_to_answer_keeps_its_network_when_its_function_is_deleted(cloud):
    network = Network(cloud)
    group = network.group("functions")
    source = """
        import threading
        def handler(event, context):
            threading.Event().wait(0.5)
            return "done"
    """
    placed(cloud, network, group, source)
    client = cloud.client("lambda")
    task = cloud.start(client.invoke, FunctionName="f")
    sandboxes = of(cloud.region("us-east-1"))
    for _ in range(2_000):
        if any(each.interface for each in sandboxes.networks.places):
            break
        cloud.sleep(0.01)
    client.delete_function(FunctionName="f")
    assert len(_interfaces(network)) == 1
    assert cloud.wait(task)["Payload"] == '"done"'
    settled(cloud)
    assert _interfaces(network) == []


def test_where_the_kernel_gives_no_networks_a_vpc_is_refused_by_name(cloud, monkeypatch):
    from kumoniwa.engines.vpc_network import network as engine

    monkeypatch.setattr(engine, "refusal", lambda: "where the kernel gives no network namespaces (unshare: Operation not permitted)")
    network = Network(cloud)
    put_role(cloud, *NEEDED)
    with pytest.raises(ClientError, match=r"functions in a VPC .* where the kernel gives no network namespaces") as caught:
        make(cloud, Role=ROLE, VpcConfig=network.config(network.group("functions")))
    assert caught.value.response["Error"]["Code"] == "NotImplemented" and _interfaces(network) == []


def test_a_stack_of_a_network_and_a_function_in_it_is_made_and_deleted_whole(cloud):
    put_role(cloud, *NEEDED)
    get = {"Fn::GetAtt": ["Functions", "GroupId"]}
    resources = {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Private": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.0.1.0/24"}},
        "Functions": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "functions", "VpcId": {"Ref": "Network"}}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "f", "Role": ROLE, "Runtime": RUNTIME, "Handler": "index.handler", "Code": {"ZipFile": textwrap.dedent(CALLS)},
            "VpcConfig": {"SubnetIds": [{"Ref": "Private"}], "SecurityGroupIds": [get]},
        }},
    }  # fmt: skip
    stacks = cloud.client("cloudformation")
    name = stacks.create_stack(StackName="net", TemplateBody=json.dumps({"Resources": resources}))["StackId"]

    def until(status):
        for _ in range(600):
            found = stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            if not found.endswith("IN_PROGRESS"):
                break
            cloud.sleep(0.5)
        assert found == status, [each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName=name)["StackEvents"]]

    until("CREATE_COMPLETE")
    assert reached(cloud, "10.0.1.200", 80) == "silence"
    stacks.delete_stack(StackName="net")
    until("DELETE_COMPLETE")
    managed = [{"Name": "interface-type", "Values": ["lambda"]}]
    assert cloud.client("ec2").describe_network_interfaces(Filters=managed)["NetworkInterfaces"] == []


def test_who_asks_for_a_database_from_outside_of_its_network_is_told_so(cloud):
    network = Network(cloud)
    source = """
        import socket
        def handler(event, context):
            return len(socket.getaddrinfo("orders.c1.us-east-1.rds.localhost", 5432)) > 0
    """
    placed(cloud, network, network.group("functions"), source, name="inside")
    make(cloud, source, "outside")
    logs = {name: base64.b64decode(invoke(cloud, name=name, LogType="Tail")["LogResult"]).decode() for name in ("inside", "outside")}
    warning = "WARNING Kumoniwa: orders.c1.us-east-1.rds.localhost is in a VPC and this function is not"
    assert {name: warning in log for name, log in logs.items()} == {"inside": False, "outside": True}
