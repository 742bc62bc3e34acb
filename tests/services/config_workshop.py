"""Recorders that record, what they saw, and what rules say of it."""

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


class Audit:
    """A cloud that is recorded, all of it or some types, and what rules say of it."""

    def __init__(self, cloud, *types: str) -> None:
        self.cloud = cloud
        put_recorder(cloud, **({"resourceTypes": list(types)} if types else {"allSupported": True, "includeGlobalResourceTypes": True}))
        self.config = cloud.client("config")
        self.names: dict[str, str] = {}

    def client(self, service: str):
        return self.cloud.client(service)

    def judged(self, identifier: str, **parameters: str) -> dict[str, str]:
        """What a rule says of each resource but those the recorder brought, by their names where they have ids of their own."""
        name = f"{identifier.lower()}-{len(self.names)}"
        self.names[name] = identifier
        put_rule(self.config, identifier, name, parameters or None)
        self.cloud.sleep(3)
        (status,) = self.config.describe_config_rule_evaluation_status(ConfigRuleNames=[name])["ConfigRulesEvaluationStatus"]
        assert "LastErrorCode" not in status, status
        found = verdicts(self.config, name)
        known = {
            each["resourceId"]: each["resourceName"]
            for type_ in ("User", "Role", "Group", "Policy")
            for each in self.config.list_discovered_resources(resourceType=f"AWS::IAM::{type_}")["resourceIdentifiers"]
        }
        return {known.get(id_, id_): verdict for id_, verdict in found.items() if id_ not in (f"{FILES}-us-east-1",) and known.get(id_) != "recorder"}
