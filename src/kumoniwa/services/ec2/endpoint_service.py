"""The services of AWS that a VPC can have endpoints of, by the last part of their names.

https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.zones import zones
from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2 import filters
from kumoniwa.services.ec2.dry_run import may_be_dry
from kumoniwa.services.ec2.errors import Refused
from kumoniwa.services.ec2.prefix_names import SERVICES as BY_GATEWAY

BY_INTERFACE = frozenset((
    "access-analyzer", "acm-pca", "airflow.api", "airflow.env", "airflow.ops", "apprunner", "appconfig", "appconfigdata", "appmesh", "appsync-api",
    "application-autoscaling", "athena", "autoscaling", "autoscaling-plans", "backup", "backup-gateway", "batch", "bedrock", "bedrock-agent",
    "bedrock-agent-runtime", "bedrock-runtime", "cloudcontrolapi", "cloudformation", "cloudtrail", "codeartifact.api", "codeartifact.repositories",
    "codebuild", "codecommit", "codedeploy", "codepipeline", "cognito-idp", "config", "databrew", "datasync", "dms", "dynamodb", "dynamodb-streams", "ebs",
    "ec2", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "eks", "eks-auth", "elasticache", "elasticbeanstalk",
    "elasticfilesystem", "elasticloadbalancing", "elasticmapreduce", "email-smtp", "events", "execute-api", "fis", "git-codecommit", "glue",
    "guardduty-data", "imagebuilder", "inspector2", "kafka", "kinesis-firehose", "kinesis-streams", "kms", "lakeformation", "lambda", "license-manager",
    "logs", "monitoring", "notebook", "organizations", "pipes", "pipes-data", "rds", "rds-data", "redshift", "redshift-data", "rekognition",
    "resource-groups", "s3", "sagemaker.api", "sagemaker.runtime", "scheduler", "schemas", "secretsmanager", "securityhub", "securitylake", "servicecatalog",
    "servicediscovery", "signin", "sns", "sqs", "ssm", "ssm-contacts", "ssm-incidents", "ssmmessages", "states", "storagegateway", "sts", "swf",
    "sync-states", "synthetics", "tagging", "textract", "transcribe", "transfer", "translate", "wafv2", "xray",
))  # fmt: skip
_NAMED_OTHERWISE = {
    "kinesis-streams": "kinesis", "kinesis-firehose": "firehose", "ecr.api": "api.ecr", "ecr.dkr": "dkr.ecr", "sagemaker.api": "api.sagemaker",
    "sagemaker.runtime": "runtime.sagemaker", "codeartifact.api": "codeartifact",
}  # fmt: skip


def types_of(call: Call, name: str) -> list[str]:
    """The types of endpoints that a service can have. Raises what AWS answers for a name that is none."""
    head, _, service = name.partition(f"com.amazonaws.{call.region}.")
    found = [kind for kind, known in (("Gateway", BY_GATEWAY), ("Interface", BY_INTERFACE)) if not head and service in known]
    if not found:
        raise Refused("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")
    return found


def private_name(call: Call, name: str) -> str:
    """The name that leads to an interface endpoint inside its VPC."""
    service = name.removeprefix(f"com.amazonaws.{call.region}.")
    return f"{_NAMED_OTHERWISE.get(service, service)}.{call.region}.amazonaws.com"


def _detail(call: Call, name: str, kind: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ServiceName": name, "ServiceType": [{"ServiceType": kind}], "Owner": "amazon",
        "AvailabilityZones": [each.name for each in zones(call.region)], "VpcEndpointPolicySupported": True, "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False, "Tags": [], "ServiceRegion": call.region, "SupportedIpAddressTypes": ["ipv4"],
    }  # fmt: skip
    if kind == "Interface":
        shown |= {
            "PrivateDnsName": private_name(call, name), "PrivateDnsNameVerificationState": "verified",
            "BaseEndpointDnsNames": [f"{name.removeprefix(f'com.amazonaws.{call.region}.')}.{call.region}.vpce.amazonaws.com"],
        }  # fmt: skip
    return shown


@may_be_dry
def DescribeVpcEndpointServices(call: Call, *, ServiceNames: list[str] | None = None, Filters: list[dict] | None = None) -> dict:
    names = ServiceNames or sorted(f"com.amazonaws.{call.region}.{each}" for each in {*BY_GATEWAY, *BY_INTERFACE})
    details = [_detail(call, name, kind) for name in names for kind in types_of(call, name)]
    known: filters.Names = {"service-name": "ServiceName", "service-type": "ServiceType.ServiceType", "owner": "Owner", "service-region": "ServiceRegion"}
    kept = filters.kept(details, Filters, known)
    return {"ServiceNames": list(dict.fromkeys(each["ServiceName"] for each in kept)), "ServiceDetails": kept}
