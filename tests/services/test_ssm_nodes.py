"""Systems Manager: machines outside AWS become managed nodes, by the protocol that AWS's agent speaks.

What the agent sends is as https://github.com/aws/amazon-ssm-agent has it.
"""

from __future__ import annotations

import json

import pytest
from lambda_workshop import ACCOUNT, put_role, put_user
from node_workshop import ROLE, ROLE_ARN, TRUST, Agent, Fleet
from refusals import refused, refused_code

from kumoniwa.cli.node_client import Refused
from kumoniwa.engines import node_key

DAY = 86_400


@pytest.fixture
def fleet(cloud):
    return Fleet(cloud)


def told(fleet: Fleet, **more) -> list[dict]:
    return fleet.ssm.describe_instance_information(**more)["InstanceInformationList"]


def said(call, *args, **params) -> str:
    """The code that an agent is refused with."""
    with pytest.raises(Refused) as caught:
        call(*args, **params)
    return caught.value.code


# Activations ---------------------------------------------------------------------------------------


def test_an_activation_is_listed_and_deleted(fleet):
    id_, code = fleet.activate(DefaultInstanceName="web", Description="shop", Tags=[{"Key": "stage", "Value": "prod"}])
    assert len(code) == 20
    (shown,) = fleet.ssm.describe_activations(Filters=[{"FilterKey": "ActivationIds", "FilterValues": [id_]}])["ActivationList"]
    assert (shown["DefaultInstanceName"], shown["IamRole"], shown["RegistrationLimit"], shown["RegistrationsCount"]) == ("web", ROLE, 10, 0)
    # "If you don't provide an expiration date, the activation code expires in 24 hours": API_CreateActivation.
    assert shown["Expired"] is False and shown["ExpirationDate"].timestamp() - shown["CreatedDate"].timestamp() == DAY
    assert fleet.ssm.describe_activations(Filters=[{"FilterKey": "IamRole", "FilterValues": ["other"]}])["ActivationList"] == []
    fleet.cloud.sleep(DAY)
    assert fleet.ssm.describe_activations()["ActivationList"][0]["Expired"] is True
    fleet.ssm.delete_activation(ActivationId=id_)
    assert fleet.ssm.describe_activations()["ActivationList"] == []
    assert refused_code(fleet.ssm.delete_activation, ActivationId=id_) == "InvalidActivationId"


def test_a_role_that_systems_manager_cannot_be_activates_nothing(fleet):
    put_role(fleet.cloud, trust=TRUST.replace("ssm.", "lambda."), arn=ROLE_ARN.replace(ROLE, "other"))
    for role in ("nobody", "other"):
        # The words as https://github.com/hashicorp/terraform-provider-aws/issues/27952 has them.
        assert refused(fleet.ssm.create_activation, IamRole=role) == (
            "ValidationException", f"Nonexistent role or missing ssm service principal in trust policy: {ROLE_ARN.replace(ROLE, role)}"
        )  # fmt: skip


@pytest.mark.parametrize("days", [-1, 31])
def test_an_activation_is_good_for_thirty_days_at_most(fleet, days):
    assert refused_code(fleet.ssm.create_activation, IamRole=ROLE, ExpirationDate=fleet.cloud.now() + days * DAY) == "ValidationException"


# Registration --------------------------------------------------------------------------------------


def test_a_registered_node_is_online_while_it_is_heard(fleet):
    node = fleet.node(DefaultInstanceName="web", Tags=[{"Key": "stage", "Value": "prod"}])
    (shown,) = told(fleet)
    assert (shown["InstanceId"], shown["PingStatus"], shown["Name"], shown["IamRole"]) == (node.id, "Online", "web", ROLE)
    assert (shown["ComputerName"], shown["IPAddress"], shown["AgentVersion"], shown["PlatformType"]) == ("web.example", "10.0.0.7", "3.3.0.0", "Linux")
    assert shown["ResourceType"] == "ManagedInstance" and node.id.startswith("mi-") and len(node.id) == 20
    assert fleet.ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node.id)["TagList"] == [{"Key": "stage", "Value": "prod"}]
    fleet.cloud.sleep(299)
    assert told(fleet)[0]["PingStatus"] == "Online"
    fleet.cloud.sleep(2)
    assert told(fleet)[0]["PingStatus"] == "ConnectionLost"
    assert node.messages() == []
    assert told(fleet)[0]["PingStatus"] == "Online"
    assert fleet.ssm.describe_activations()["ActivationList"][0]["RegistrationsCount"] == 1


def test_an_activation_registers_so_many_nodes_until_its_day(fleet):
    id_, code = fleet.activate(RegistrationLimit=1)
    assert said(Agent(fleet.cloud).register, id_, "x" * 20, "m") == "InvalidActivation"
    assert said(Agent(fleet.cloud).register, "0" * 36, code, "m") == "InvalidActivation"
    Agent(fleet.cloud).register(id_, code, "m")
    assert said(Agent(fleet.cloud).register, id_, code, "m") == "RegistrationLimitExceeded"
    id_, code = fleet.activate()
    fleet.cloud.sleep(DAY)
    assert said(Agent(fleet.cloud).register, id_, code, "m") == "ActivationExpired"


def test_keys_are_given_to_whoever_has_the_nodes_own_key_and_is_the_same_machine(fleet):
    node, other = fleet.node(), fleet.node()
    assert said(node.by_own_key, "RequestManagedInstanceRoleToken", Fingerprint="another") == "MachineFingerprintDoesNotMatch"
    stolen = Agent(fleet.cloud)
    stolen.identity = node.identity._replace(private=other.identity.private)
    assert said(stolen.by_own_key, "RequestManagedInstanceRoleToken", Fingerprint="a machine") == "InvalidSignatureException"
    stolen.identity = node.identity._replace(id="mi-00000000000000000")
    assert said(stolen.by_own_key, "RequestManagedInstanceRoleToken", Fingerprint="a machine") == "InvalidInstanceId"
    keys = node.role_keys()
    sts = fleet.cloud.client("sts", key=keys.id, secret=keys.secret, token=keys.token)
    assert sts.get_caller_identity()["Arn"].endswith(f":assumed-role/{ROLE}/{node.id}")


def test_a_node_changes_its_key(fleet):
    node, pair = fleet.node(), node_key.make()
    node.by_own_key("UpdateManagedInstancePublicKey", NewPublicKey=pair.public, NewPublicKeyType="Rsa")
    assert said(node.by_own_key, "RequestManagedInstanceRoleToken", Fingerprint="a machine") == "InvalidSignatureException"
    node.identity = node.identity._replace(private=pair.private)
    assert node.by_own_key("RequestManagedInstanceRoleToken", Fingerprint="a machine")["UpdateKeyPair"] is False


def test_nobody_speaks_for_another_node(fleet):
    node, other = fleet.node(), fleet.node()
    assert said(node.ask, "ec2messages", "GetMessages", Destination=other.id, MessagesRequestId="0" * 16) == "AccessDeniedException"
    assert said(node.ask, "ssm", "UpdateInstanceInformation", InstanceId=other.id) == "AccessDeniedException"
    impostor = fleet.cloud.client("sts").assume_role
    put_role(fleet.cloud, "ec2messages:*", trust=TRUST.replace("Service", "AWS").replace("ssm.amazonaws.com", "*"), arn=ROLE_ARN)
    given = impostor(RoleArn=ROLE_ARN, RoleSessionName=node.id)["Credentials"]
    other.keys = node.role_keys()._replace(id=given["AccessKeyId"], secret=given["SecretAccessKey"], token=given["SessionToken"])
    assert said(other.ask, "ec2messages", "GetMessages", Destination=node.id, MessagesRequestId="0" * 16) == "AccessDeniedException"


def test_a_node_may_do_what_its_role_may(cloud):
    fleet = Fleet(cloud)
    node = fleet.node()
    put_role(cloud, "ssm:UpdateInstanceInformation", trust=TRUST, arn=ROLE_ARN)
    assert said(node.messages) == "AccessDeniedException"
    node.ping()


def test_a_policy_may_tell_nodes_apart(cloud):
    fleet = Fleet(cloud)
    one, other = fleet.node(), fleet.node()
    arn = f"arn:aws:ssm:us-east-1:{ACCOUNT}:managed-instance/{one.id}"
    allow = {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "*", "Condition": {"ArnEquals": {"ssm:SourceInstanceARN": arn}}}
    put_role(cloud, document=json.dumps({"Version": "2012-10-17", "Statement": [allow]}), trust=TRUST, arn=ROLE_ARN)
    assert one.ask("ssm", "GetParameters", Names=["none"])["InvalidParameters"] == ["none"]
    assert said(other.ask, "ssm", "GetParameters", Names=["none"]) == "AccessDeniedException"


def test_a_node_is_given_another_role(fleet):
    node = fleet.node()
    put_role(fleet.cloud, "ec2messages:*", trust=TRUST, arn=ROLE_ARN.replace(ROLE, "other"))
    assert refused_code(fleet.ssm.update_managed_instance_role, InstanceId=node.id, IamRole="nobody") == "ValidationException"
    fleet.ssm.update_managed_instance_role(InstanceId=node.id, IamRole="other")
    node.forget_keys()
    assert node.messages() == []
    assert said(node.ping) == "AccessDeniedException"
    assert told(fleet)[0]["IamRole"] == "other"


def test_a_deregistered_node_is_nobodys(fleet):
    node = fleet.node()
    fleet.ssm.deregister_managed_instance(InstanceId=node.id)
    assert told(fleet) == []
    assert said(node.messages) == "InvalidInstanceId"
    node.forget_keys()
    assert said(node.ping) == "InvalidInstanceId"
    assert refused_code(fleet.ssm.deregister_managed_instance, InstanceId=node.id) == "InvalidInstanceId"


def test_nodes_and_their_keys_outlive_a_kill(fleet):
    node = fleet.node()
    fleet.cloud.restart(kill=True)
    assert told(fleet)[0]["PingStatus"] == "Online"
    node.forget_keys()
    assert node.messages() == []


def test_two_regions_have_nodes_of_their_own(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", "aws-global")
    here, there = Fleet(cloud), Fleet(cloud, "eu-west-1")
    node = there.node()
    assert [each["InstanceId"] for each in told(there)] == [node.id]
    assert told(here) == []


# Finding -------------------------------------------------------------------------------------------


def test_nodes_are_found_by_what_they_are(fleet):
    web = fleet.node(Tags=[{"Key": "kind", "Value": "web"}])
    fleet.cloud.sleep(400)
    data = fleet.node(Tags=[{"Key": "kind", "Value": "data"}])

    def found(key: str, *values: str) -> list[str]:
        return [each["InstanceId"] for each in told(fleet, Filters=[{"Key": key, "Values": list(values)}])]

    assert found("PingStatus", "Online") == [data.id]
    assert found("PingStatus", "ConnectionLost") == [web.id]
    assert found("InstanceIds", web.id, data.id) == [web.id, data.id]
    assert found("tag:kind", "data") == [data.id]
    assert found("tag-key", "kind") == [web.id, data.id]
    assert found("PlatformTypes", "Windows") == []
    both = [{"Key": "tag:kind", "Values": ["web"]}, {"Key": "PingStatus", "Values": ["Online"]}]
    # "Tag filters can't be combined with other filter types": API_DescribeInstanceInformation.
    assert refused_code(fleet.ssm.describe_instance_information, Filters=both) == "InvalidFilterKey"
    assert refused_code(fleet.ssm.describe_instance_information, Filters=[{"Key": "Mood", "Values": ["good"]}]) == "InvalidFilterKey"
    old = [{"key": "InstanceIds", "valueSet": [data.id]}]
    assert [each["InstanceId"] for each in told(fleet, InstanceInformationFilterList=old)] == [data.id]
    refusal = refused_code(fleet.ssm.describe_instance_information, InstanceInformationFilterList=old, Filters=both[:1])
    assert refusal == "InvalidInstanceInformationFilterValue"


def test_properties_of_nodes_are_compared(fleet):
    web, data = fleet.node(DefaultInstanceName="web"), fleet.node(DefaultInstanceName="data")

    def found(key: str, operator: str, *values: str) -> list[str]:
        wanted = [{"Key": key, "Operator": operator, "Values": list(values)}]
        return [each["Name"] for each in fleet.ssm.describe_instance_properties(FiltersWithOperator=wanted)["InstanceProperties"]]

    assert found("InstanceIds", "Equal", web.id) == ["web"]
    assert found("InstanceIds", "NotEqual", web.id) == ["data"]
    assert found("IamRole", "BeginWith", "nod") == ["web", "data"]
    assert found("AgentVersion", "LessThan", "3.10.0.0") == ["web", "data"]
    assert found("AgentVersion", "GreaterThan", "3.3.0.0") == []
    old = [{"key": "InstanceIds", "valueSet": [data.id]}]
    (shown,) = fleet.ssm.describe_instance_properties(InstancePropertyFilterList=old)["InstanceProperties"]
    assert (shown["InstanceId"], shown["PingStatus"], shown["ComputerName"]) == (data.id, "Online", "web.example")
    for key, operator, code in (("Mood", "Equal", "InvalidFilterKey"), ("IamRole", "LessThan", "NotImplemented")):
        wanted = [{"Key": key, "Operator": operator, "Values": ["x"]}]
        assert refused_code(fleet.ssm.describe_instance_properties, FiltersWithOperator=wanted) == code


def test_nodes_are_tagged(fleet):
    node = fleet.node()
    fleet.ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node.id, Tags=[{"Key": "kind", "Value": "web"}])
    assert [each["InstanceId"] for each in told(fleet, Filters=[{"Key": "tag:kind", "Values": ["web"]}])] == [node.id]
    fleet.ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node.id, TagKeys=["kind"])
    assert told(fleet, Filters=[{"Key": "tag-key", "Values": ["kind"]}]) == []
    assert refused_code(fleet.ssm.list_tags_for_resource, ResourceType="ManagedInstance", ResourceId="mi-00000000000000000") == "InvalidResourceId"


# Rights --------------------------------------------------------------------------------------------


def test_who_activates_passes_the_role(cloud):
    Fleet(cloud)
    put_user(cloud, "operator", "AKIAOPERATOR0000TEST", "ssm:*")
    denied = refused(cloud.client("ssm", key="AKIAOPERATOR0000TEST", secret="secret").create_activation, IamRole=ROLE)
    assert denied[0] == "AccessDeniedException" and "iam:PassRole" in denied[1]


# What is no request of an agent --------------------------------------------------------------------


def asked(cloud, target: str, body: bytes, **headers: str) -> tuple[int, str]:
    told = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1", **headers}
    status, _, answer = cloud.http("POST", "/", host="ssm.us-east-1.localhost:4566", headers=told, body=body)
    return status, json.loads(answer).get("__type", "")


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b'"x"', b"\xff"])
def test_what_is_no_object_is_refused(cloud, body):
    assert asked(cloud, "AmazonSSM.RegisterManagedInstance", body) == (400, "SerializationException")


@pytest.mark.parametrize(
    "said_", [{}, {"ActivationId": 1}, {"ActivationId": ["x"]}, {"ActivationId": None, "ActivationCode": {}}]
)
def test_what_names_no_activation_is_refused(cloud, said_):
    assert asked(cloud, "AmazonSSM.RegisterManagedInstance", json.dumps(said_).encode()) == (400, "ValidationException")


@pytest.mark.parametrize("key", ["", "x", "!!!", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"])
def test_what_is_no_key_registers_nobody(fleet, key):
    id_, code = fleet.activate()
    body = {"ActivationId": id_, "ActivationCode": code, "PublicKey": key, "PublicKeyType": "Rsa", "Fingerprint": "m"}
    status, kind = asked(fleet.cloud, "AmazonSSM.RegisterManagedInstance", json.dumps(body).encode())
    assert (status, kind) in [(400, "InvalidPublicKey"), (400, "ValidationException")]
    assert told(fleet) == []


@pytest.mark.parametrize("authorization", [None, "AWS4-HMAC-SHA256 x", "Basic x"])
def test_unsigned_requests_are_refused(fleet, authorization):
    headers = {"authorization": authorization} if authorization else {}
    for operation in ("AmazonSSM.UpdateInstanceInformation", "AmazonSSM.RequestManagedInstanceRoleToken", "EC2WindowsMessageDeliveryService.GetMessages"):
        status, kind = asked(fleet.cloud, operation, b"{}", **headers)
        assert status in (400, 403) and kind, (operation, status, kind)


def test_other_operations_of_the_agent_are_refused_by_name(fleet):
    node = fleet.node()
    with pytest.raises(Refused) as caught:
        node.ask("ec2messages", "GetEndpoint", Destination=node.id)
    assert caught.value.status == 501
