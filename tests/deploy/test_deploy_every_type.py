"""Every resource type made, changed and deleted once: all its calls are well-formed by AWS's models."""

from __future__ import annotations

from typing import Any

import pytest
from samples import DOCUMENT, SAMPLES
from small_world import Stack, World, error, output_shape

from kumoniwa.deploy import schemas, types


def _plausible(shape: Any, name: str, depth: int = 0) -> Any:
    """A reply of the model's shape, with every service content."""
    states = {"CurrentState": "RUNNING", "TableStatus": "ACTIVE", "StreamStatus": "ACTIVE", "ConsumerStatus": "ACTIVE", "State": "Active", "LastUpdateStatus": "Successful"}
    if name in states:
        return states[name]
    if shape.type_name == "structure" and depth < 3:
        return {key: _plausible(member, key, depth + 1) for key, member in shape.members.items()}
    if shape.type_name == "map":
        return {"QueueArn": "arn", "GRAPHQL": "g", "HTTP": "h", "REALTIME": "r"}
    return (
        f"x-{name}-".ljust(70, "0") if shape.type_name == "string" else [] if shape.type_name == "list" else 1
    )


class Agreeable(World):
    """It says yes to everything that is well-formed; what was deleted is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.is_deleted = False

    def act(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        name = operation.split(":")[1]
        self.is_deleted = self.is_deleted or name in ("DeleteTable", "DeleteEventSourceMapping", "DeleteStream", "DeletePipe", "DeleteEndpoint", "DeleteMultiRegionAccessPoint", "DeleteDBInstance", "DeleteDBCluster", "DeleteDBProxy", "DeleteDBProxyEndpoint", "DeleteVolume", "DeleteNatGateway")
        if self.is_deleted and name in ("DescribeTable", "GetEventSourceMapping", "DescribeStreamSummary", "DescribePipe", "DescribeEndpoint"):
            raise error("NotFoundException" if name == "DescribePipe" else "ResourceNotFoundException")
        if self.is_deleted and name == "GetMultiRegionAccessPoint":
            raise error("NoSuchMultiRegionAccessPoint")
        if self.is_deleted and name == "DescribeVolumes":
            raise error("InvalidVolume.NotFound")
        if self.is_deleted and name == "DescribeDBInstances":
            raise error("DBInstanceNotFound")
        if self.is_deleted and name == "DescribeDBClusters":
            raise error("DBClusterNotFoundFault")
        if self.is_deleted and name in ("DescribeDBProxies", "DescribeDBProxyEndpoints"):
            raise error("DBProxyNotFoundFault" if name == "DescribeDBProxies" else "DBProxyEndpointNotFoundFault")
        if self.is_deleted and name == "DescribeNatGateways":
            raise error("NatGatewayNotFound")
        shape = output_shape(operation)
        reply = _plausible(shape, "") if shape is not None else {}
        if name == "GetEventSourceMapping":
            reply["State"] = "Enabled"
        if name == "DescribeEndpoint":
            reply["State"] = "ACTIVE"
        if name == "GetWorkGroup":
            reply["WorkGroup"]["Configuration"]["EngineVersion"] = {"EffectiveEngineVersion": "e"}
        if name == "GetMultiRegionAccessPoint":
            reply["AccessPoint"]["Status"] = "READY"
        if name == "GetMultiRegionAccessPointPolicy":
            document = {"Policy": DOCUMENT.replace("Version", '"Version"').replace("Statement", '"Statement"')}
            reply["Policy"] = {"Established": document, "Proposed": document}
        if name == "DescribeDeliveryStream":
            reply["DeliveryStreamDescription"] |= {"DeliveryStreamStatus": "ACTIVE", "Destinations": [{"DestinationId": "d"}]}
        if name == "GetDistribution":
            reply["Distribution"]["Status"] = "Deployed"
        if name == "GetDistributionConfig":
            # What the first sample made, as it comes back.
            origin = {"Id": "o", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
            behavior = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "c"}
            reply["DistributionConfig"] = {
                "CallerReference": "r", "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": behavior,
            }  # fmt: skip
        if operation.startswith("ec2:Describe"):
            reply = {member: [_plausible(shape.members[member].member, "")] for member in shape.members if shape.members[member].type_name == "list"}
            for each in (one for found in reply.values() for one in found):
                each |= {"State": "available"} if "State" in each else {}
                each |= {"Associations": [{"NetworkAclAssociationId": "a", "SubnetId": "s"}]} if "Associations" in each else {}
                each |= {"NatGatewayAddresses": [{"NetworkInterfaceId": "e"}]} if "NatGatewayAddresses" in each else {}
        if name.startswith("AuthorizeSecurityGroup"):
            reply["SecurityGroupRules"] = [{"SecurityGroupRuleId": "sgr-1"}]
        if name == "DescribeVolumes":
            reply["Volumes"] = [_plausible(shape.members["Volumes"].member, "") | {"State": "available"}]
        if name == "DescribeDBInstances":
            reply["DBInstances"] = [_plausible(shape.members["DBInstances"].member, "") | {"DBInstanceStatus": "available"}]
        if name == "DescribeDBClusters":
            reply["DBClusters"] = [_plausible(shape.members["DBClusters"].member, "") | {"Status": "available"}]
        if name == "GetSecretValue":
            reply |= {"ARN": params["SecretId"], "SecretString": "{}"}
        if name == "DescribeDBSubnetGroups":
            reply["DBSubnetGroups"] = [_plausible(shape.members["DBSubnetGroups"].member, "")]
        if name.startswith("DescribeDBProx"):
            ((member, listed),) = [each for each in shape.members.items() if each[1].type_name == "list"]
            found = _plausible(listed.member, "") | {"Status": "available", "TargetHealth": {"State": "AVAILABLE"}}
            reply[member] = [found]
        if name == "DescribeDBParameterGroups":
            reply["DBParameterGroups"] = [{"DBParameterGroupName": "own"}]
        if name == "DescribeDBClusterParameterGroups":
            reply["DBClusterParameterGroups"] = [{"DBClusterParameterGroupName": "own"}]
        if operation.startswith("elbv2:") and shape is not None:
            # All its answers are lists of one kind of thing.
            reply = {member: [_plausible(found.member, member)] for member, found in shape.members.items() if found.type_name == "list"}
            for each in reply.get("LoadBalancers", ()):
                each["State"] = {"Code": "active"}
        if name == "BatchGetProjects":
            reply["projects"] = [{"name": params["names"][0]}]
        if name.startswith("Describe") and operation.startswith("config:"):
            reply = {member: [_plausible(shape.members[member].member, "")] for member in shape.members if shape.members[member].type_name == "list"}
        if name == "DescribeCreateAccountStatus":
            reply["CreateAccountStatus"]["State"] = "SUCCEEDED"
        if name == "DescribeCertificate":
            reply["Certificate"]["Status"] = "ISSUED"
        if name == "GetChange":
            reply["ChangeInfo"]["Status"] = "INSYNC"
        if name == "DescribeEventBus":
            reply["Policy"] = DOCUMENT.replace("Version", '"Version"').replace("Statement", '"Statement"')
        if name == "ListPolicyVersions":
            reply["Versions"] = [{"VersionId": f"v{n}", "IsDefaultVersion": n == 5} for n in range(1, 6)]
        return reply


def test_there_is_a_sample_of_every_entry():
    declared = {name for name in schemas.type_names() if name.startswith("AWS::") and types.find(name)}
    # CloudFormation's own types wait for others to act (tests/services/test_cloudformation_outside.py), and behind CDK's is nothing.
    assert {name for name in declared if not name.startswith(("AWS::CloudFormation::", "AWS::CDK::"))} == set(SAMPLES)


@pytest.mark.parametrize("type_name", sorted(SAMPLES))
def test_a_type_is_made_changed_and_deleted_by_well_formed_calls(type_name):
    world = Agreeable()
    stack = Stack(world)
    made, changed = SAMPLES[type_name]
    status = stack.create(f"Resources: {{It: {{Type: {type_name}, Properties: {made}}}}}")
    assert status == "CREATE_COMPLETE", stack.reasons("It")
    created = len(world.calls)
    told = set(stack.state.resources["It"].attributes)
    assert set(types.find(type_name).attributes) <= told <= set(types.attributes_of(type_name)), "an attribute could not be read"
    status = stack.update(f"Resources: {{It: {{Type: {type_name}, Properties: {changed}}}}}")
    assert status == "UPDATE_COMPLETE", stack.reasons("It")
    assert len(world.calls) > created or made == changed == "{}"  # a type without properties
    status = stack.delete()
    assert status == "DELETE_COMPLETE", stack.reasons("It")
