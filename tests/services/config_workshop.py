"""Recorders that record, and what they saw."""

from __future__ import annotations

import json

ACCOUNT = "000000000000"
FILES, ROLE = "config-files", "recorder"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
CONFIG_POLICY = "arn:aws:iam::aws:policy/service-role/AWS_ConfigRole"


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put_recorder(cloud, region: str = "us-east-1", *, role_policy: str = CONFIG_POLICY, topic: str | None = None, **group) -> None:
    """A recorder of everything, or of a group, that delivers into a bucket of its own; started."""
    iam, s3, config = cloud.client("iam"), cloud.client("s3", region), cloud.client("config", region)
    if ROLE not in [each["RoleName"] for each in iam.list_roles()["Roles"]]:
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust("config.amazonaws.com"))
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=role_policy)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    name = f"{FILES}-{region}"
    s3.create_bucket(Bucket=name, **place)
    allow = {"Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject", "s3:ListBucket"]}
    document = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    recorder = {"name": "default", "roleARN": ROLE_ARN} | ({"recordingGroup": group} if group else {})
    config.put_configuration_recorder(ConfigurationRecorder=recorder)
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": name} | ({"snsTopicARN": topic} if topic else {}))
    config.start_configuration_recorder(ConfigurationRecorderName="default")


def history(config, type_: str, id_: str) -> list[dict]:
    """The items of a resource, the oldest first, with configurations read."""
    shown = config.get_resource_config_history(resourceType=type_, resourceId=id_, chronologicalOrder="Forward")["configurationItems"]
    return [{**each, "configuration": json.loads(each.get("configuration", "null"))} for each in shown]


def part(item: dict, name: str):
    """One of an item's supplementary parts, read."""
    return json.loads(item["supplementaryConfiguration"][name])


def verdicts(config, rule: str) -> dict[str, str]:
    """What a rule says of each resource."""
    found = config.get_compliance_details_by_config_rule(ConfigRuleName=rule)["EvaluationResults"]
    return {each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]: each["ComplianceType"] for each in found}


def put_rule(config, identifier: str, name: str | None = None, parameters: dict | None = None, **more) -> str:
    name = name or identifier.lower().replace("_", "-")
    said = {"ConfigRuleName": name, "Source": {"Owner": "AWS", "SourceIdentifier": identifier}, **more}
    if parameters is not None:
        said["InputParameters"] = json.dumps(parameters)
    config.put_config_rule(ConfigRule=said)
    return name
