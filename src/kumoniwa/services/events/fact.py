"""What other services tell their region, as events of the default bus.

A service tells what it would on AWS, by the detail type and with the detail that AWS documents, in the moment it commits; who may ask
not to be heard of (a bucket without EventBridge) is the teller's to decide. A kind that is not listed here is no event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.gate import tag_changes
from kumoniwa.gate.trail import CLOUDTRAIL, VIA
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.services.events import arrival, bus, delivery, event


def _bucket(call: Call, detail: dict[str, Any]) -> list[str]:
    return [f"arn:{call.home.partition}:s3:::{detail['bucket']['name']}"]


def _configuration_set(call: Call, detail: dict[str, Any]) -> list[str]:
    return [call.arn(f"configuration-set/{name}", "ses") for name in detail["mail"]["tags"]["ses:configuration-set"]]


_MAIL = ("Sent", "Delivered", "Bounced", "Complaint Received", "Rejected", "Rendering Failed")
# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html
_OBJECT = (
    "Created", "Deleted", "Restore Initiated", "Restore Completed", "Restore Expired", "Tags Added", "Tags Deleted", "ACL Updated",
    "Storage Class Changed", "Access Tier Changed",
)  # fmt: skip
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-mapping-troubleshooting.html
_CONFIG = (
    "Configuration Item Change", "Rules Compliance Change", "Rules Re-evaluation Status", "Configuration Snapshot Delivery Status",
    "Configuration History Delivery Status",
)  # fmt: skip
# https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
_CERTIFICATE = ("Approaching Expiration", "Available", "Expired", "Renewal Action Required", "Revoked")
# https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html
_BACKUP = ("Backup Vault", "Backup Plan", "Backup Job", "Copy Job", "Restore Job", "Recovery Point", "Region Setting")
# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-backup.html
_KEY = ("CMK Rotation", "CMK Deletion", "Imported Key Material Expiration")
# https://docs.aws.amazon.com/kms/latest/developerguide/kms-events.html
_STACK = ("Stack", "Resource", "Drift Detection", "StackSet", "StackSet StackInstance", "StackSet Operation")
# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-cloudformation.html


def _parameter(call: Call, detail: dict[str, Any]) -> list[str]:
    return [call.arn(f"parameter/{(detail.get('name') or detail['parameter-name']).lstrip('/')}", "ssm")]


def _window(call: Call, detail: dict[str, Any]) -> list[str]:
    return [call.arn(f"maintenancewindow/{detail['window-id']}", "ssm")]


def _alarm(call: Call, detail: dict[str, Any]) -> list[str]:
    return [call.arn(f"alarm:{detail['alarmName']}", "cloudwatch")]


def _pipeline(call: Call, detail: dict[str, Any]) -> list[str]:
    return [call.arn(detail["pipeline"], "codepipeline")]


KINDS: dict[tuple[str, str], Callable[[Call, dict[str, Any]], list[str]]] = {
    ("athena", "Athena Query State Change"): lambda call, detail: [],
    **{("s3", f"Object {what}"): _bucket for what in _OBJECT},
    **{("ses", f"Email {what}"): _configuration_set for what in _MAIL},
    ("states", "Step Functions Execution Status Change"): lambda call, detail: [detail["executionArn"]],
    # Its resources are empty: https://docs.aws.amazon.com/lambda/latest/dg/durable-monitoring.html
    ("lambda", "Durable Execution Status Change"): lambda call, detail: [],
    ("ssm", "Parameter Store Change"): _parameter,
    ("ssm", "Parameter Store Policy Action"): _parameter,
    **{("ssm", f"EC2 Automation {what} Status-change Notification"): lambda call, detail: detail["resources"] for what in ("Execution", "Step")},
    **{("ssm", f"OpsItem {what}"): lambda call, detail: detail["resources"] for what in ("Create", "Update")},
    **{("ssm", f"EC2 Command {what}Status-change Notification"): lambda call, detail: detail["resources"] for what in ("", "Invocation ")},
    **{("ssm", f"Maintenance Window {what}State-change Notification"): _window for what in ("", "Execution ", "Task Execution ")},
    **{("codepipeline", f"CodePipeline {what} Execution State Change"): _pipeline for what in ("Pipeline", "Stage", "Action")},
    **{("codebuild", f"CodeBuild Build {what} Change"): lambda call, detail: [detail["build-id"]] for what in ("State", "Phase")},
    **{("acm", f"ACM Certificate {what}"): lambda call, detail: detail["resources"] for what in _CERTIFICATE},
    ("access-analyzer", "Access Analyzer Finding"): lambda call, detail: detail["resources"],
    ("access-analyzer", "Unused Access Finding for IAM entities"): lambda call, detail: detail["resources"],
    **{("config", f"Config {what}"): lambda call, detail: detail["resources"] for what in _CONFIG},
    **{("backup", f"{what} State Change"): lambda call, detail: detail["resources"] for what in _BACKUP},
    **{("cloudformation", f"CloudFormation {what} Status Change"): lambda call, detail: detail["resources"] for what in _STACK},
    **{("glue", f"Glue Data Catalog {what} State Change"): lambda call, detail: detail["resources"] for what in ("Database", "Table")},
    # https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html
    **{("ec2", f"EBS {what} Notification"): lambda call, detail: detail["resources"] for what in ("Volume", "Snapshot")},
    **{("ecr", f"ECR {what} Action"): lambda call, detail: [] for what in ("Image", "Referrer")},
    ("application-autoscaling", "Application Auto Scaling Scaling Activity State Change"): lambda call, detail: [],
    ("fis", "FIS Experiment State Change"): lambda call, detail: detail["resources"],
    **{("kms", f"KMS {what}"): lambda call, detail: detail["resources"] for what in _KEY},
    ("glue", "Glue Crawler State Change"): lambda call, detail: [],
    **{("rds", f"RDS DB {what} Event"): lambda call, detail: detail["resources"] for what in ("Instance", "Parameter Group", "Snapshot")},
    # Its resources are empty: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
    ("guardduty", "GuardDuty Finding"): lambda call, detail: [],
    ("securityhub", "Security Hub Findings - Imported"): lambda call, detail: detail["resources"],
    ("xray", "AWS X-Ray Insight Update"): lambda call, detail: detail["resources"],
    (tag_changes.SERVICE, tag_changes.KIND): lambda call, detail: detail["resources"],
    (CLOUDTRAIL, VIA): lambda call, detail: [],
    **{("cloudwatch", f"CloudWatch Alarm {what} Change"): _alarm for what in ("State", "Configuration")},
}
"""How the resources of each kind of event are found in its detail. Where the detail of AWS does not name them, the teller says them
beside it as ``resources``."""


def _call(region: Any, account: str) -> Call:
    return region.call("events", account, principals.service(delivery.SERVICE, account))


def is_wanted(region: Any, service: str, kind: str, account: str) -> bool:
    """Whether a rule or an archive of the default bus may want facts of a kind, which is none of CloudTrail's."""
    return (service, kind) in KINDS and arrival.may_be_wanted(_call(region, account), bus.DEFAULT, f"aws.{service}", kind)


def heard(region: Any, fact: tuple[str, str, str, Any]) -> None:
    service, kind, account, detail = fact
    resources = KINDS.get((service, kind))
    if resources is not None:
        call = _call(region, account)
        # A call's source is the service that was called, as the first label of its name calls it.
        source = f"aws.{detail['eventSource'].partition('.')[0] if kind == VIA else service}"
        if arrival.may_be_wanted(call, bus.DEFAULT, source, kind):
            said = detail if kind == VIA else {name: value for name, value in detail.items() if name != "resources"}
            arrival.route(call, bus.DEFAULT, event.made(call, source, kind, said, resources(call, detail)))
