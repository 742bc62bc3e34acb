"""Service-linked roles: roles under ``/aws-service-role/`` that one AWS service alone may assume, and nobody else may change.

AWS attaches a policy of the service's own to each. Most of those are among the policies held here; a role whose policy is not trusts its
service and grants nothing. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.aws import managed_policies
from kumoniwa.aws.actions import PREFIXES
from kumoniwa.aws.models import service_names
from kumoniwa.kernel.record import Record
from kumoniwa.services.iam.entity import SERVICE_PATH, Role, check_new, drop, found, keep, new_id, now_s
from kumoniwa.services.iam.errors import AccessDenied, InvalidInput, NoSuchEntity
from kumoniwa.services.iam.role import shown_new

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

_SERVICE = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)*)\.amazonaws\.com(?:\.cn)?")

_NAMES = {
    "access-analyzer": "AccessAnalyzer", "accountdiscovery.ssm": "AmazonSSM_AccountDiscovery", "acm": "CertificateManager",
    "apigateway": "ServiceForAPIGateway", "application-signals.cloudwatch": "CloudWatchApplicationSignals",
    "appmesh": "AppMesh", "autoscaling": "AutoScaling", "autoscaling-plans": "AutoScalingPlans_EC2AutoScaling",
    "backup": "Backup", "batch": "Batch", "cassandra.application-autoscaling": "ApplicationAutoScaling_CassandraTable",
    "cks.kms": "KeyManagementServiceCustomKeyStores", "cloudtrail": "CloudTrail",
    "codestar-notifications": "CodeStarNotifications", "config": "Config", "connect": "AmazonConnect",
    "custom-resource.application-autoscaling": "ApplicationAutoScaling_CustomResource", "dms": "DMSServerless",
    "dms-fleet-advisor": "DMSFleetAdvisor", "docdb-elastic": "DocDB-Elastic",
    "dynamodb.application-autoscaling": "ApplicationAutoScaling_DynamoDBTable",
    "ec2-instance-connect": "Ec2InstanceConnect",
    "ec2.application-autoscaling": "ApplicationAutoScaling_EC2SpotFleetRequest", "ecr": "ECRTemplate", "ecs": "ECS",
    "ecs.application-autoscaling": "ApplicationAutoScaling_ECSService", "eks": "AmazonEKS",
    "eks-connector": "AmazonEKSConnector", "eks-fargate": "AmazonEKSForFargate", "eks-nodegroup": "AmazonEKSNodegroup",
    "elasticache": "ElastiCache", "elasticbeanstalk": "ElasticBeanstalk", "elasticfilesystem": "AmazonElasticFileSystem",
    "elasticloadbalancing": "ElasticLoadBalancing", "email.cognito-idp": "AmazonCognitoIdpEmailService",
    "emr-containers": "AmazonEMRContainers", "emrwal": "EMRWAL", "es": "AmazonElasticsearchService", "fis": "FIS",
    "globalaccelerator": "GlobalAccelerator", "grafana": "AmazonGrafana", "guardduty": "AmazonGuardDuty",
    "imagebuilder": "ImageBuilder", "iotmanagedintegrations": "IoTManagedIntegrations", "kafka": "Kafka",
    "kafkaconnect": "KafkaConnect", "lakeformation": "LakeFormationDataAccess",
    "lambda.application-autoscaling": "ApplicationAutoScaling_LambdaConcurrency", "lex": "LexBots", "lexv2": "LexV2Bots",
    "lightsail": "Lightsail", "m2": "AWSM2", "memorydb": "MemoryDB", "mq": "AmazonMQ",
    "member.org.stacksets.cloudformation": "CloudFormationStackSetsOrgMember",
    "mrk.kms": "KeyManagementServiceMultiRegionKeys", "notifications": "AwsUserNotifications",
    "observability.aoss": "AmazonOpenSearchServerless", "opensearchservice": "AmazonOpenSearchService",
    "ops.apigateway": "APIGateway", "ops.emr-serverless": "AmazonEMRServerless",
    "opsdatasync.ssm": "SystemsManagerOpsDataSync", "opsinsights.ssm": "AmazonSSM_OpsInsights",
    "organizations": "Organizations", "pullthroughcache.ecr": "ECRPullThroughCache", "ram": "ResourceAccessManager",
    "rds": "RDS", "rds.application-autoscaling": "ApplicationAutoScaling_RDSCluster", "redshift": "Redshift",
    "remediation.config": "ConfigRemediation",
    "replication.cassandra": "KeyspacesReplication", "replication.dynamodb": "DynamoDBReplication",
    "replication.ecr": "ECRReplication", "repository.sync.codeconnections": "GitSync",
    "resource-explorer-2": "ResourceExplorer", "restore-testing.backup": "BackupRestoreTesting", "rolesanywhere": "RolesAnywhere",
    "s3-outposts": "S3OnOutposts", "securityhub": "SecurityHub", "ses": "AmazonSES", "shield": "AWSShield", "spot": "EC2Spot", "spotfleet": "EC2SpotFleet",
    "ssm": "AmazonSSM", "ssm-incidents": "IncidentManager", "ssm-quicksetup": "SSMQuickSetup", "sso": "SSO",
    "stacksets.cloudformation": "CloudFormationStackSetsOrgAdmin",
    "support": "Support", "transitgateway": "VPCTransitGateway", "trustedadvisor": "TrustedAdvisor",
    "vpcorigin.cloudfront": "CloudFrontVPCOrigin", "waf": "WAFLogging", "wafv2": "WAFV2Logging",
}  # fmt: skip
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html links each of them; most are
recorded: localstack's TestIAMServiceRoles."""

_POLICIES = {
    "access-analyzer": "AccessAnalyzerServiceRolePolicy",
    "accountdiscovery.ssm": "AWSSystemsManagerAccountDiscoveryServicePolicy", "acm": "CertificateManagerServiceRolePolicy",
    "application-signals.cloudwatch": "CloudWatchApplicationSignalsServiceRolePolicy",
    "appmesh": "AWSAppMeshServiceRolePolicy", "autoscaling": "AutoScalingServiceRolePolicy",
    "autoscaling-plans": "AWSAutoScalingPlansEC2AutoScalingPolicy", "backup": "AWSBackupServiceLinkedRolePolicyForBackup",
    "batch": "BatchServiceRolePolicy", "cassandra.application-autoscaling": "AWSApplicationAutoscalingCassandraTablePolicy",
    "cks.kms": "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy", "cloudtrail": "CloudTrailServiceRolePolicy",
    "codestar-notifications": "AWSCodeStarNotificationsServiceRolePolicy", "config": "AWSConfigServiceRolePolicy",
    "connect": "AmazonConnectServiceLinkedRolePolicy", "dms": "AWSDMSServerlessServiceRolePolicy",
    "dms-fleet-advisor": "AWSDMSFleetAdvisorServiceRolePolicy", "docdb-elastic": "AmazonDocDB-ElasticServiceRolePolicy",
    "dynamodb.application-autoscaling": "AWSApplicationAutoscalingDynamoDBTablePolicy",
    "ec2-instance-connect": "Ec2InstanceConnectEndpoint",
    "ec2.application-autoscaling": "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy", "ecr": "ECRTemplateServiceRolePolicy",
    "ecs": "AmazonECSServiceRolePolicy", "eks": "AmazonEKSServiceRolePolicy",
    "eks-connector": "AmazonEKSConnectorServiceRolePolicy", "eks-fargate": "AmazonEKSForFargateServiceRolePolicy",
    "eks-nodegroup": "AWSServiceRoleForAmazonEKSNodegroup", "elasticache": "ElastiCacheServiceRolePolicy",
    "elasticbeanstalk": "AWSElasticBeanstalkServiceRolePolicy", "elasticfilesystem": "AmazonElasticFileSystemServiceRolePolicy",
    "elasticloadbalancing": "AWSElasticLoadBalancingServiceRolePolicy",
    "email.cognito-idp": "AmazonCognitoIdpEmailServiceRolePolicy", "emr-containers": "AmazonEMRContainersServiceRolePolicy",
    "emrwal": "EMRDescribeClusterPolicyForEMRWAL", "fis": "AmazonFISServiceRolePolicy",
    "grafana": "AmazonGrafanaServiceLinkedRolePolicy", "guardduty": "AmazonGuardDutyServiceRolePolicy", "imagebuilder": "AWSServiceRoleForImageBuilder",
    "iotmanagedintegrations": "AWSIoTManagedIntegrationsRolePolicy", "kafka": "KafkaServiceRolePolicy",
    "kafkaconnect": "KafkaConnectServiceRolePolicy", "lakeformation": "LakeFormationDataAccessServiceRolePolicy",
    "lambda.application-autoscaling": "AWSApplicationAutoscalingLambdaConcurrencyPolicy", "lexv2": "AmazonLexV2BotPolicy",
    "lightsail": "LightsailExportAccess", "m2": "AWSM2ServicePolicy", "memorydb": "MemoryDBServiceRolePolicy",
    "member.org.stacksets.cloudformation": "CloudFormationStackSetsOrgMemberServiceRolePolicy",
    "mq": "AmazonMQServiceRolePolicy", "mrk.kms": "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",
    "notifications": "AWSUserNotificationsServiceLinkedRolePolicy",
    "observability.aoss": "AmazonOpenSearchServerlessServiceRolePolicy",
    "opensearchservice": "AmazonOpenSearchServiceRolePolicy", "ops.apigateway": "APIGatewayServiceRolePolicy",
    "ops.emr-serverless": "AmazonEMRServerlessServiceRolePolicy",
    "opsdatasync.ssm": "AWSSystemsManagerOpsDataSyncServiceRolePolicy", "opsinsights.ssm": "AWSSSMOpsInsightsServiceRolePolicy",
    "organizations": "AWSOrganizationsServiceTrustPolicy",
    "pullthroughcache.ecr": "AWSECRPullThroughCache_ServiceRolePolicy", "ram": "AWSResourceAccessManagerServiceRolePolicy",
    "rds": "AmazonRDSServiceRolePolicy", "redshift": "AmazonRedshiftServiceLinkedRolePolicy",
    "remediation.config": "AWSConfigRemediationServiceRolePolicy",
    "replication.cassandra": "KeyspacesReplicationServiceRolePolicy", "replication.ecr": "ECRReplicationServiceRolePolicy",
    "repository.sync.codeconnections": "AWSGitSyncServiceRolePolicy",
    "resource-explorer-2": "AWSResourceExplorerServiceRolePolicy", "restore-testing.backup": "AWSServiceRolePolicyForBackupRestoreTesting",
    "rolesanywhere": "AWSRolesAnywhereServicePolicy",
    "s3-outposts": "AWSS3OnOutpostsServiceRolePolicy", "securityhub": "AWSSecurityHubServiceRolePolicy", "ses": "AmazonSESServiceRolePolicy",
    "shield": "AWSShieldServiceRolePolicy", "ssm": "AmazonSSMServiceRolePolicy",
    "ssm-incidents": "AWSIncidentManagerServiceRolePolicy", "ssm-quicksetup": "SSMQuickSetupRolePolicy",
    "sso": "AWSSSOServiceRolePolicy", "stacksets.cloudformation": "CloudFormationStackSetsOrgAdminServiceRolePolicy",
    "vpcorigin.cloudfront": "AWSCloudFrontVPCOriginServiceRolePolicy",
    "waf": "WAFLoggingServiceRolePolicy", "wafv2": "WAFV2LoggingServiceRolePolicy",
}  # fmt: skip
"""Recorded: localstack's TestIAMServiceRoles; https://docs.aws.amazon.com/autoscaling/application/userguide/security-iam-awsmanpol.html"""

_WITH_SUFFIX = frozenset({"autoscaling", "connect", "lexv2"})


class Deletion(Record):
    """A role that was deleted; shelved by its task's id."""

    at: float


def place_of(service: str, suffix: Any) -> str:
    """The path and name of the role that a service would have, as policies are asked about it: ``aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS``."""
    found = _SERVICE.fullmatch(service)
    name = _NAMES.get(found[1]) if found is not None else None
    end = f"_{suffix}" if isinstance(suffix, str) and suffix else ""
    return f"role{SERVICE_PATH}{service}/{f'AWSServiceRoleFor{name}{end}' if name else '*'}"


def CreateServiceLinkedRole(
    call: Call, *, AWSServiceName: str, Description: str | None = None, CustomSuffix: str | None = None
) -> dict:
    service = _SERVICE.fullmatch(AWSServiceName)
    if service is None or service[1] not in _NAMES and service[1].rpartition(".")[2] not in service_names() | {*PREFIXES.values()}:
        # pf-iam-slr-service-name-format of badmintoncryer/cdk-preflight.
        raise AccessDenied(f"{AWSServiceName} is not a valid AWS service name (Service Principal)")
    if service[1] not in _NAMES:
        raise InvalidInput(
            f"AWS service principal {AWSServiceName} is not valid or does not support service-linked roles.",
            hint="Kumoniwa knows the commonest names of service-linked roles only.",
        )
    if CustomSuffix and service[1] not in _WITH_SUFFIX:
        raise InvalidInput(f"Custom suffix is not allowed for {AWSServiceName}")
    name = f"AWSServiceRoleFor{_NAMES[service[1]]}" + (f"_{CustomSuffix}" if CustomSuffix else "")
    if name.lower() in call.shelf(Role):
        # https://github.com/Rayraegah/terraform-aws-hasura/issues/17
        raise InvalidInput(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    check_new(call, Role, name)
    statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": AWSServiceName}}
    policy = _POLICIES.get(service[1])
    role = Role(
        name=name, path=f"{SERVICE_PATH}{AWSServiceName}/", id=new_id(call, "AROA"), created=now_s(call),
        attached=(f"{managed_policies.PREFIX}aws-service-role/{policy}",) if policy else (),
        trust=orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode(), description=Description,
    )  # fmt: skip
    keep(call, role)
    return {"Role": shown_new(call, role)}


def DeleteServiceLinkedRole(call: Call, *, RoleName: str) -> dict:
    """At once: whether a service still uses a role only that service could say."""
    role = found(call, Role, RoleName)
    if not role.path.startswith(SERVICE_PATH):
        raise NoSuchEntity(f"The role with name {RoleName} cannot be found.")
    drop(call, role)
    task = f"task{role.path}{role.name}/{call.new_id()}"
    call.shelf(Deletion)[task] = Deletion(at=call.now())
    return {"DeletionTaskId": task}


def GetServiceLinkedRoleDeletionStatus(call: Call, *, DeletionTaskId: str) -> dict:
    if DeletionTaskId not in call.shelf(Deletion):
        raise NoSuchEntity(f"Deletion id {DeletionTaskId} cannot be found.")
    return {"Status": "SUCCEEDED"}
