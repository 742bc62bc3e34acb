"""AWS FIS templates become drills: every action of AWS's reference maps to a fault or is refused by name."""

import json

import pytest

from kumoniwa.cli.main import main
from kumoniwa.drill.format.fault_names import fault_kinds
from kumoniwa.drill.format.fis import fis_actions, import_template
from kumoniwa.drill.format.page import Page, Refused
from kumoniwa.drill.format.quantity import duration_s


def action(action_id, after=(), targets=None, **parameters):
    return {"actionId": action_id, "parameters": parameters, "targets": targets or {}, **({"startAfter": list(after)} if after else {})}


def imported(actions, targets=None, **more):
    return import_template(Page("template.json", json.dumps({"actions": actions, "targets": targets or {}, **more})), "us-east-1", "template")


# "AZ Availability: Power Interruption" and "Cross-Region: Connectivity" of the FIS scenario library, by the action ids that its pages list
# (FIS user guide, "AZ Availability: Power Interruption" and "Cross-Region: Connectivity").
POWER = {
    "Stop-Instances": action("aws:ec2:stop-instances", targets={"Instances": "IAZ"}, startInstancesAfterDuration="PT30M"),
    "Stop-ASG-Instances": action("aws:ec2:stop-instances", targets={"Instances": "IAZ"}),
    "Pause-instance-launches": action("aws:ec2:api-insufficient-instance-capacity-error", targets={"Roles": "Roles"}, duration="PT30M", percentage="100"),
    "Pause-ASG-Scaling": action("aws:ec2:asg-insufficient-instance-capacity-error", targets={"AutoScalingGroups": "ASG"}, duration="PT30M", percentage="100"),
    "Pause-network-connectivity": action("aws:network:disrupt-connectivity", targets={"Subnets": "Subnets"}, duration="PT2M", scope="all"),
    "Failover-RDS": action("aws:rds:failover-db-cluster", targets={"Clusters": "RDS"}),
    "Pause-ElastiCache": action("aws:elasticache:replicationgroup-interrupt-az-power", targets={"ReplicationGroups": "Cache"}, duration="PT30M"),
    "Start-ARC-Zonal-Autoshift": action("aws:arc:start-zonal-autoshift", after=["Stop-Instances"], targets={"ManagedResources": "ZAS"}, duration="PT25M"),
    "Pause-EBS-IO": action("aws:ebs:pause-volume-io", after=["Stop-Instances"], targets={"Volumes": "Volumes"}, duration="PT28M"),
}
POWER_TARGETS = {
    "IAZ": {"resourceType": "aws:ec2:instance", "resourceTags": {"AzImpairmentPower": "StopInstances"}, "selectionMode": "ALL",
            "filters": [{"path": "State.Name", "values": ["running"]}]},
    "Roles": {"resourceType": "aws:iam:role", "resourceArns": ["arn:aws:iam::111122223333:role/app"], "selectionMode": "ALL"},
    "ASG": {"resourceType": "aws:ec2:autoscaling-group", "resourceTags": {"AzImpairmentPower": "IceAsg"}, "selectionMode": "ALL"},
    "Subnets": {"resourceType": "aws:ec2:subnet", "selectionMode": "COUNT(1)", "parameters": {"availabilityZoneIdentifier": "us-east-1a"}},
    "RDS": {"resourceType": "aws:rds:cluster", "resourceTags": {"AzImpairmentPower": "DisruptRds"}, "selectionMode": "PERCENT(50)"},
    "Cache": {"resourceType": "aws:elasticache:replicationgroup", "resourceTags": {"a": "b"}, "selectionMode": "ALL"},
    "ZAS": {"resourceType": "aws:arc:zonal-shift-managed-resource", "resourceTags": {"a": "b"}, "selectionMode": "ALL"},
    "Volumes": {"resourceType": "aws:ec2:ebs-volume", "resourceTags": {"a": "b"}, "selectionMode": "COUNT(1)"},
}  # fmt: skip
CROSS_REGION = {
    "Disrupt-Route-Table": action("aws:network:route-table-disrupt-cross-region-connectivity", targets={"Subnets": "S"}, duration="PT3H", region="eu-west-1"),
    "Disrupt-TGW": action("aws:network:transit-gateway-disrupt-cross-region-connectivity", targets={"TransitGateways": "T"}, duration="PT3H", region="eu-west-1"),
    "Pause-S3-Replication": action("aws:s3:bucket-pause-replication", targets={"Buckets": "B"}, duration="PT3H", region="eu-west-1"),
    "Pause-DynamoDB-Replication": action("aws:dynamodb:global-table-pause-replication", targets={"Tables": "D"}, duration="PT3H"),
}
CROSS_REGION_TARGETS = {
    "S": {"resourceType": "aws:ec2:subnet", "resourceTags": {"a": "b"}, "selectionMode": "ALL"},
    "T": {"resourceType": "aws:ec2:transit-gateway", "resourceTags": {"a": "b"}, "selectionMode": "ALL"},
    "B": {"resourceType": "aws:s3:bucket", "resourceArns": ["arn:aws:s3:::orders"], "selectionMode": "ALL"},
    "D": {"resourceType": "aws:dynamodb:global-table", "resourceArns": ["arn:aws:dynamodb:us-east-1:111122223333:table/Orders"], "selectionMode": "ALL"},
}


def test_every_action_of_fis_is_known_and_maps_or_is_refused():
    verdicts = [mapping.importable for mapping in fis_actions().values()]
    assert [verdicts.count(word) for word in ("yes", "partly", "no")] == [33, 6, 11]


@pytest.mark.parametrize("action_id", sorted(fis_actions()))
def test_an_action_becomes_a_fault_or_is_refused_by_name(action_id):
    if fis_actions()[action_id].importable == "no":
        with pytest.raises(Refused) as refused:
            imported({"a": action(action_id)})
        assert action_id in refused.value.complaints[0]
    else:
        drill, remarks = imported({"a": action(action_id, duration="PT1M")})
        (step,) = drill["steps"]
        assert step["fault"] in fault_kinds()
        assert any("in part" in remark for remark in remarks) == (fis_actions()[action_id].importable == "partly")


def test_the_power_interruption_of_a_zone_maps_each_action():
    drill, remarks = imported(POWER, POWER_TARGETS)
    assert [step["fault"] for step in drill["steps"]] == [
        "compute.stop", "compute.stop", "service.error", "service.error", "subnet.isolate", "db.failover", "az.power-off", "az.evacuate", "disk.pause"
    ]  # fmt: skip
    assert sum("in part" in remark for remark in remarks) == 2
    by_fault = {step["fault"]: step for step in drill["steps"]}
    assert by_fault["db.failover"]["target"]["selection"] == "PERCENT(50)"
    assert by_fault["subnet.isolate"]["target"]["selection"] == "COUNT(1)"
    assert by_fault["compute.stop"]["target"]["filters"] == [{"path": "State.Name", "values": ["running"]}]
    assert by_fault["compute.stop"]["target"]["tags"] == {"AzImpairmentPower": "StopInstances"}
    assert by_fault["subnet.isolate"] | {"for": "2m", "scope": "all"} == by_fault["subnet.isolate"]


def test_the_loss_of_connectivity_between_regions_maps_each_action():
    drill, _ = imported(CROSS_REGION, CROSS_REGION_TARGETS)
    assert [step["fault"] for step in drill["steps"]] == ["link.cut", "link.cut", "replication.pause", "replication.pause"]
    assert {duration_s(step["for"]) for step in drill["steps"]} == {3 * 3600.0}
    assert drill["steps"][0]["to"] == "eu-west-1"
    assert drill["steps"][2]["target"] == {"region": "us-east-1", "bucket": "orders"}
    assert drill["steps"][3]["target"] == {"region": "us-east-1", "table": "Orders"}


def test_start_after_becomes_the_order_of_steps():
    drill, _ = imported({
        "last": action("aws:fis:wait", after=["second", "first"], duration="PT1S"),
        "first": action("aws:fis:wait", duration="PT2M"),
        "second": action("aws:lambda:invocation-error", after=["first"], duration="PT30S", invocationPercentage="25", preventExecution="true"),
    })  # fmt: skip
    assert [(step["at"], step["fault"]) for step in drill["steps"]] == [("0s", "wait"), ("2m", "lambda.error"), ("150s", "wait")]
    assert drill["steps"][1] | {"percent": 25.0, "prevent_execution": True} == drill["steps"][1]


def test_actions_that_wait_for_each_other_or_for_nobody_are_refused():
    for actions in ({"a": action("aws:fis:wait", after=["a"])}, {"a": action("aws:fis:wait", after=["b"])}):
        with pytest.raises(Refused):
            imported(actions)


def test_an_action_that_fis_does_not_have_is_refused():
    with pytest.raises(Refused) as refused:
        imported({"a": action("aws:ec2:explode")})
    assert "AWS FIS has no action 'aws:ec2:explode'" in refused.value.complaints[0]


def test_the_command_writes_a_drill(tmp_path, capsys):
    template = tmp_path / "cross-region.json"
    template.write_text(json.dumps({"description": "Cross-Region: Connectivity", "actions": CROSS_REGION, "targets": CROSS_REGION_TARGETS,
                                    "stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:us-east-1:1:alarm:x"}]}))  # fmt: skip
    assert main(["drill", "import", "fis", str(template)]) == 0
    said = capsys.readouterr()
    assert "says: 'Cross-Region: Connectivity'" in said.out
    assert "success-below: 0.5" in said.out
    assert "alarm:x became `guard`" in said.err
