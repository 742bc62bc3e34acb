"""One tagged thing of each kind that services keep, and the parameters by which operations name it.

``KINDS[prefix][kind](make)`` makes it; kinds are called as in AWS's Service Authorization Reference. ``make`` has the clients, a fresh
name, and the tag in each of the forms that AWS writes tags in.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import zipfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/servant"
SERVICES = [f"{name}.amazonaws.com" for name in (
    "lambda", "firehose", "config", "states", "pipes", "scheduler", "codebuild", "codepipeline", "fis", "backup", "cloudformation", "ssm", "appsync",
    "streams.metrics.cloudwatch", "events", "logs",
)]  # fmt: skip


class Make:
    """What is needed to make one thing more."""

    def __init__(self, cloud, value: str, number: int) -> None:
        self.cloud, self.name, self.number = cloud, f"thing{number}", number
        self.pairs = [{"Key": "team", "Value": value}]
        self.small_pairs = [{"key": "team", "value": value}]
        self.map = {"team": value}
        self.value = value

    def __getattr__(self, service: str):
        return self.cloud.client(service.strip("_").replace("_", "-"))


def furnish(cloud) -> None:
    """The role that everything made here works as, and the places where it works."""
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}}
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam = cloud.client("iam")
    iam.create_role(RoleName="servant", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="servant", PolicyName="all", PolicyDocument=json.dumps(everything))


def _bucket(m: Make) -> str:
    m.s3.create_bucket(Bucket=m.name)
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:*", "Resource": [f"arn:aws:s3:::{m.name}", f"arn:aws:s3:::{m.name}/*"]}}
    m.s3.put_bucket_policy(Bucket=m.name, Policy=json.dumps(document))
    return m.name


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass")
    return held.getvalue()


def _certificate(domain: str = "x.example") -> tuple[str, str]:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, begins + datetime.timedelta(days=36_500))
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False).sign(key, hashes.SHA256())
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return built.public_bytes(serialization.Encoding.PEM).decode(), text


# Access Analyzer to Backup -------------------------------------------------------------------------


def analyzer(m):
    for each in m.accessanalyzer.list_analyzers()["analyzers"]:
        m.accessanalyzer.delete_analyzer(analyzerName=each["name"])
    arn = m.accessanalyzer.create_analyzer(analyzerName=m.name, type="ACCOUNT", tags=m.map)["arn"]
    return {"analyzerArn": arn, "resourceArn": arn, "analyzerName": m.name}


def certificate(m):
    arn = m.acm.request_certificate(DomainName=f"{m.name}.example.com", Tags=m.pairs)["CertificateArn"]
    return {"CertificateArn": arn, "ResourceArn": arn}


def rest_api(m):
    api = m.apigateway.create_rest_api(name=m.name, tags=m.map)
    return {"restApiId": api["id"], "resourceId": api["rootResourceId"]}


def rest_stage(m):
    id_ = m.apigateway.create_rest_api(name=m.name)["id"]
    root = m.apigateway.get_resources(restApiId=id_)["items"][0]["id"]
    m.apigateway.put_method(restApiId=id_, resourceId=root, httpMethod="GET", authorizationType="NONE")
    m.apigateway.put_integration(restApiId=id_, resourceId=root, httpMethod="GET", type="MOCK")
    deployment = m.apigateway.create_deployment(restApiId=id_)["id"]
    m.apigateway.create_stage(restApiId=id_, stageName="live", deploymentId=deployment, tags=m.map)
    return {"restApiId": id_, "stageName": "live"}


def api_key(m):
    return {"apiKey": m.apigateway.create_api_key(name=m.name, tags=m.map)["id"]}


def usage_plan(m):
    return {"usagePlanId": m.apigateway.create_usage_plan(name=m.name, tags=m.map)["id"]}


def client_certificate(m):
    return {"clientCertificateId": m.apigateway.generate_client_certificate(tags=m.map)["clientCertificateId"]}


def http_api(m):
    return {"ApiId": m.apigatewayv2.create_api(Name=m.name, ProtocolType="HTTP", Tags=m.map)["ApiId"]}


def http_stage(m):
    id_ = m.apigatewayv2.create_api(Name=m.name, ProtocolType="HTTP")["ApiId"]
    m.apigatewayv2.create_stage(ApiId=id_, StageName="live", Tags=m.map)
    return {"ApiId": id_, "StageName": "live"}


def http_domain(m):
    certificate_arn = m.acm.import_certificate(**dict(zip(("Certificate", "PrivateKey"), (each.encode() for each in _certificate(f"{m.name}.example.com")))))["CertificateArn"]
    configuration = {"CertificateArn": certificate_arn, "EndpointType": "REGIONAL"}
    m.apigatewayv2.create_domain_name(DomainName=f"{m.name}.example.com", DomainNameConfigurations=[configuration], Tags=m.map)
    return {"DomainName": f"{m.name}.example.com"}


def scalable_target(m):
    keys = {"KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}
    m.dynamodb.create_table(TableName=m.name, **keys, ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
    place = {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{m.name}", "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}
    arn = m.application_autoscaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=9, Tags=m.map)["ScalableTargetARN"]
    return {**place, "ResourceARN": arn}


def graphql_api(m):
    api = m.appsync.create_graphql_api(name=m.name, authenticationType="API_KEY", tags=m.map)["graphqlApi"]
    return {"apiId": api["apiId"], "resourceArn": api["arn"]}


_AUTH = {"authProviders": [{"authType": "API_KEY"}], "connectionAuthModes": [{"authType": "API_KEY"}],
         "defaultPublishAuthModes": [{"authType": "API_KEY"}], "defaultSubscribeAuthModes": [{"authType": "API_KEY"}]}  # fmt: skip


def event_api(m):
    api = m.appsync.create_api(name=m.name, eventConfig=_AUTH, tags=m.map)["api"]
    return {"apiId": api["apiId"], "resourceArn": api["apiArn"]}


def channel_namespace(m):
    id_ = m.appsync.create_api(name=m.name, eventConfig=_AUTH)["api"]["apiId"]
    made = m.appsync.create_channel_namespace(apiId=id_, name=m.name, tags=m.map)["channelNamespace"]
    return {"apiId": id_, "name": m.name, "resourceArn": made["channelNamespaceArn"]}


def vault(m):
    arn = m.backup.create_backup_vault(BackupVaultName=m.name, BackupVaultTags=m.map)["BackupVaultArn"]
    return {"BackupVaultName": m.name, "ResourceArn": arn}


def plan(m):
    rule = {"RuleName": "r", "TargetBackupVaultName": "Default", "ScheduleExpression": "cron(0 5 ? * * *)"}
    made = m.backup.create_backup_plan(BackupPlan={"BackupPlanName": m.name, "Rules": [rule]}, BackupPlanTags=m.map)
    return {"BackupPlanId": made["BackupPlanId"], "ResourceArn": made["BackupPlanArn"]}


def legal_hold(m):
    made = m.backup.create_legal_hold(Title=m.name, Description="d", RecoveryPointSelection={"VaultNames": ["none"]}, Tags=m.map)
    return {"LegalHoldId": made["LegalHoldId"], "ResourceArn": made["LegalHoldArn"]}


def restore_testing_plan(m):
    chosen = {"Algorithm": "LATEST_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"]}
    said = {"RestoreTestingPlanName": m.name.replace("-", "_"), "ScheduleExpression": "cron(0 5 ? * * *)", "RecoveryPointSelection": chosen}
    made = m.backup.create_restore_testing_plan(RestoreTestingPlan=said, Tags=m.map)
    return {"RestoreTestingPlanName": made["RestoreTestingPlanName"], "ResourceArn": made["RestoreTestingPlanArn"]}


# CloudFormation to Config --------------------------------------------------------------------------


def stack(m):
    body = json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}})
    m.cloudformation.create_stack(StackName=m.name, TemplateBody=body, Tags=m.pairs)
    return {"StackName": m.name}


def stack_set(m):
    body = json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}})
    m.cloudformation.create_stack_set(StackSetName=m.name, TemplateBody=body, Tags=m.pairs)
    return {"StackSetName": m.name}


def distribution(m):
    origin = {"Id": "o", "DomainName": "o.example.com", "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}}
    cache = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}
    config = {"CallerReference": m.name, "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": cache}
    made = m.cloudfront.create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": m.pairs}})
    return {"Id": made["Distribution"]["Id"], "DistributionId": made["Distribution"]["Id"], "Resource": made["Distribution"]["ARN"]}


def query_workgroup(m):
    m.athena.create_work_group(Name=m.name, Tags=m.pairs)
    place = {"OutputLocation": f"s3://{_bucket(m)}/"}
    query = m.athena.start_query_execution(QueryString="SHOW TABLES", WorkGroup=m.name, ResultConfiguration=place)["QueryExecutionId"]
    named = m.athena.create_named_query(Name=m.name, Database="d", QueryString="SELECT 1", WorkGroup=m.name)["NamedQueryId"]
    m.athena.create_prepared_statement(StatementName="statement", WorkGroup=m.name, QueryStatement="SELECT 1")
    return {
        "WorkGroup": m.name, "ResourceARN": f"arn:aws:athena:us-east-1:{ACCOUNT}:workgroup/{m.name}", "QueryExecutionId": query,
        "QueryExecutionIds": [query], "NamedQueryId": named, "NamedQueryIds": [named], "StatementName": "statement",
    }  # fmt: skip


def trail(m):
    for each in m.cloudtrail.list_trails()["Trails"][2:]:
        m.cloudtrail.delete_trail(Name=each["TrailARN"])
    arn = m.cloudtrail.create_trail(Name=m.name, S3BucketName=_bucket(m), TagsList=m.pairs)["TrailARN"]
    return {"Name": arn, "TrailName": arn, "ResourceId": arn, "ResourceIdList": [arn]}


def alarm(m):
    m.cloudwatch.put_metric_alarm(
        AlarmName=m.name, Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold", Tags=m.pairs,
    )  # fmt: skip
    return {"AlarmName": m.name, "AlarmNames": [m.name], "ResourceARN": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{m.name}"}


def mute_rule(m):
    rule = {"Schedule": {"Expression": "cron(0 2 * * *)", "Duration": "PT1H"}}
    m.cloudwatch.put_alarm_mute_rule(Name=m.name, Rule=rule, MuteTargets={"AlarmNames": []}, Tags=m.pairs)
    return {"Name": m.name, "AlarmMuteRuleName": m.name, "ResourceARN": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm-mute-rule:{m.name}"}


def insight_rule(m):
    definition = {"Schema": {"Name": "CloudWatchLogRule", "Version": 1}, "LogGroupNames": ["g"], "LogFormat": "JSON", "Contribution": {"Keys": ["$.ip"], "Filters": []}, "AggregateOn": "Count"}
    m.cloudwatch.put_insight_rule(RuleName=m.name, RuleDefinition=json.dumps(definition), Tags=m.pairs)
    return {"RuleName": m.name, "RuleNames": [m.name], "ResourceARN": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:insight-rule/{m.name}"}


def metric_stream(m):
    arn = m.cloudwatch.put_metric_stream(Name=m.name, FirehoseArn=f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/{delivery_stream(m)['DeliveryStreamName']}", RoleArn=ROLE, OutputFormat="json", Tags=m.pairs)["Arn"]
    return {"Name": m.name, "Names": [m.name], "ResourceARN": arn}


def project(m):
    environment = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
    m.codebuild.create_project(name=m.name, source={"type": "NO_SOURCE", "buildspec": "version: 0.2"}, artifacts={"type": "NO_ARTIFACTS"}, environment=environment, serviceRole=ROLE, tags=m.small_pairs)
    return {"name": m.name, "projectName": m.name, "names": [m.name], "id": f"{m.name}:1", "ids": [f"{m.name}:1"]}


def pipeline(m):
    def action(name, category, provider, **more):
        return {"name": name, "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"}, **more}

    bucket = _bucket(m)
    m.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    get = action("Get", "Source", "S3", configuration={"S3Bucket": bucket, "S3ObjectKey": "s.zip", "PollForSourceChanges": "false"}, outputArtifacts=[{"name": "Code"}])
    stages = [{"name": "Source", "actions": [get]}, {"name": "Check", "actions": [action("Ask", "Approval", "Manual")]}]
    said = {"name": m.name, "roleArn": ROLE, "artifactStore": {"type": "S3", "location": bucket}, "stages": stages}
    m.codepipeline.create_pipeline(pipeline=said, tags=m.small_pairs)
    return {"name": m.name, "pipelineName": m.name, "pipeline": said, "resourceArn": f"arn:aws:codepipeline:us-east-1:{ACCOUNT}:{m.name}"}


def stage_of_pipeline(m):
    return {"stageName": "Check", **pipeline(m)}


def action_of_pipeline(m):
    return {"actionName": "Ask", **stage_of_pipeline(m)}


def identity_pool(m):
    id_ = m.cognito_identity.create_identity_pool(IdentityPoolName=m.name, AllowUnauthenticatedIdentities=True, IdentityPoolTags=m.map)["IdentityPoolId"]
    return {"IdentityPoolId": id_, "ResourceArn": f"arn:aws:cognito-identity:us-east-1:{ACCOUNT}:identitypool/{id_}"}


def user_pool(m):
    made = m.cognito_idp.create_user_pool(PoolName=m.name, UserPoolTags=m.map)["UserPool"]
    return {"UserPoolId": made["Id"], "ResourceArn": made["Arn"]}


def config_recorder(m):
    for each in m.config.describe_configuration_recorders()["ConfigurationRecorders"]:
        m.config.delete_configuration_recorder(ConfigurationRecorderName=each["name"])
    m.config.put_configuration_recorder(ConfigurationRecorder={"name": m.name, "roleARN": ROLE}, Tags=m.pairs)
    arn = m.config.describe_configuration_recorders()["ConfigurationRecorders"][0]["arn"]
    return {"ConfigurationRecorderName": m.name, "ConfigurationRecorderNames": [m.name], "ConfigurationRecorder": {"name": m.name, "roleARN": ROLE}, "ResourceArn": arn}


def config_rule(m):
    if not m.config.describe_configuration_recorders()["ConfigurationRecorders"]:
        m.config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": ROLE})
    said = {"ConfigRuleName": m.name, "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}}
    m.config.put_config_rule(ConfigRule=said, Tags=m.pairs)
    arn = m.config.describe_config_rules(ConfigRuleNames=[m.name])["ConfigRules"][0]["ConfigRuleArn"]
    return {"ConfigRuleName": m.name, "ConfigRuleNames": [m.name], "ConfigRule": said, "ResourceArn": arn}


def aggregator(m):
    sources = [{"AccountIds": [ACCOUNT], "AllAwsRegions": True}]
    made = m.config.put_configuration_aggregator(ConfigurationAggregatorName=m.name, AccountAggregationSources=sources, Tags=m.pairs)
    return {"ConfigurationAggregatorName": m.name, "ConfigurationAggregatorNames": [m.name], "ResourceArn": made["ConfigurationAggregator"]["ConfigurationAggregatorArn"]}


def aggregation_authorization(m):
    place = {"AuthorizedAccountId": f"{int(m.name[5:]):012}", "AuthorizedAwsRegion": "us-east-1"}
    made = m.config.put_aggregation_authorization(**place, Tags=m.pairs)
    return {**place, "ResourceArn": made["AggregationAuthorization"]["AggregationAuthorizationArn"]}


def stored_query(m):
    said = {"QueryName": m.name, "Expression": "SELECT resourceId"}
    return {"QueryName": m.name, "StoredQuery": said, "ResourceArn": m.config.put_stored_query(StoredQuery=said, Tags=m.pairs)["QueryArn"]}


# DynamoDB to Lambda --------------------------------------------------------------------------------


def table(m):
    keys = {"KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}
    arn = m.dynamodb.create_table(TableName=m.name, **keys, BillingMode="PAY_PER_REQUEST", Tags=m.pairs)["TableDescription"]["TableArn"]
    key = {"k": {"S": "1"}}
    return {
        "TableName": m.name, "ResourceArn": arn, "SourceTableName": m.name, "TableArn": arn, "GlobalTableName": m.name,
        "RequestItems": {m.name: {"Keys": [key]}}, "Statement": f'select * from "{m.name}"', "Statements": [{"Statement": f"select * from \"{m.name}\" where k='1'"}],
        "TransactStatements": [{"Statement": f"select * from \"{m.name}\" where k='1'"}], "TransactItems": [{"Get": {"TableName": m.name, "Key": key}}],
    }  # fmt: skip


def volume(m):
    specification = [{"ResourceType": "volume", "Tags": m.pairs}]
    id_ = m.ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=specification)["VolumeId"]
    m.cloud.sleep(0.1)
    return {"VolumeId": id_, "AvailabilityZone": "us-east-1a", "Size": 1}


def disk_snapshot(m):
    id_ = m.ebs.start_snapshot(VolumeSize=1, Tags=m.pairs)["SnapshotId"]
    return {"SnapshotId": id_, "FirstSnapshotId": id_, "SecondSnapshotId": id_, "Attribute": "createVolumePermission"}


def repository(m):
    arn = m.ecr.create_repository(repositoryName=m.name, tags=m.pairs)["repository"]["repositoryArn"]
    return {"repositoryName": m.name, "repositoryNames": [m.name], "resourceArn": arn}


def bus(m):
    arn = m.events.create_event_bus(Name=m.name, Tags=m.pairs)["EventBusArn"]
    return {"Name": m.name, "EventBusName": m.name, "ResourceARN": arn, "Entries": [{"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": m.name}]}


def rule(m):
    arn = m.events.put_rule(Name=m.name, EventPattern='{"source": ["x"]}', Tags=m.pairs)["RuleArn"]
    return {"Name": m.name, "Rule": m.name, "ResourceARN": arn}


def rule_on_custom(m):
    m.events.create_event_bus(Name=m.name)
    arn = m.events.put_rule(Name=m.name, EventBusName=m.name, EventPattern='{"source": ["x"]}', Tags=m.pairs)["RuleArn"]
    return {"Name": m.name, "Rule": m.name, "EventBusName": m.name, "ResourceARN": arn}


def delivery_stream(m):
    bucket = _bucket(m)
    m.firehose.create_delivery_stream(DeliveryStreamName=m.name, ExtendedS3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}"}, Tags=m.pairs)
    return {"DeliveryStreamName": m.name}


def experiment_template(m):
    actions = {"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}}
    made = m.fis.create_experiment_template(description="d", stopConditions=[{"source": "none"}], roleArn=ROLE, actions=actions, tags=m.map)["experimentTemplate"]
    return {"id": made["id"], "resourceArn": made["arn"], "experimentTemplateId": made["id"]}


def experiment(m):
    made = m.fis.start_experiment(experimentTemplateId=experiment_template(m)["id"], tags=m.map)["experiment"]
    return {"id": made["id"], "experimentId": made["id"], "resourceArn": made["arn"]}


def user(m):
    m.iam.create_user(UserName=m.name, Tags=m.pairs)
    return {"UserName": m.name, "PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/{m.name}", "Arn": f"arn:aws:iam::{ACCOUNT}:user/{m.name}"}


def role(m):
    m.iam.create_role(RoleName=m.name, AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}', Tags=m.pairs)
    return {"RoleName": m.name, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{m.name}"}


def policy(m):
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    return {"PolicyArn": m.iam.create_policy(PolicyName=m.name, PolicyDocument=document, Tags=m.pairs)["Policy"]["Arn"]}


def instance_profile(m):
    m.iam.create_instance_profile(InstanceProfileName=m.name, Tags=m.pairs)
    return {"InstanceProfileName": m.name}


def mfa(m):
    return {"SerialNumber": m.iam.create_virtual_mfa_device(VirtualMFADeviceName=m.name, Tags=m.pairs)["VirtualMFADevice"]["SerialNumber"]}


def oidc_provider(m):
    arn = m.iam.create_open_id_connect_provider(Url=f"https://{m.name}.example.com", ThumbprintList=["0" * 40], Tags=m.pairs)["OpenIDConnectProviderArn"]
    return {"OpenIDConnectProviderArn": arn}


def saml_provider(m):
    body = "".join(_certificate()[0].splitlines()[1:-1])
    described = (
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://{m.name}.example.com"><IDPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">'
        f'<X509Data><X509Certificate>{body}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="b" Location="https://x"/>'
        '</IDPSSODescriptor></EntityDescriptor>' + " " * 1_000
    )  # fmt: skip
    return {"SAMLProviderArn": m.iam.create_saml_provider(Name=m.name, SAMLMetadataDocument=described, Tags=m.pairs)["SAMLProviderArn"]}


def server_certificate(m):
    body, key = _certificate()
    m.iam.upload_server_certificate(ServerCertificateName=m.name, CertificateBody=body, PrivateKey=key, Tags=m.pairs)
    return {"ServerCertificateName": m.name}


def stream(m):
    m.kinesis.create_stream(StreamName=m.name, ShardCount=1, Tags=m.map)
    m.cloud.sleep(1)
    arn = m.kinesis.describe_stream_summary(StreamName=m.name)["StreamDescriptionSummary"]["StreamARN"]
    iterator = m.kinesis.get_shard_iterator(StreamName=m.name, ShardId="shardId-000000000000", ShardIteratorType="LATEST")["ShardIterator"]
    return {"StreamName": m.name, "ResourceARN": arn, "StreamARN": arn, "ShardIterator": iterator}


def consumer(m):
    held = stream(m)["StreamARN"]
    arn = m.kinesis.register_stream_consumer(StreamARN=held, ConsumerName=m.name, Tags=m.map)["Consumer"]["ConsumerARN"]
    return {"ConsumerARN": arn, "ResourceARN": arn}


def key(m):
    pairs = [{"TagKey": "team", "TagValue": m.value}]
    id_ = m.kms.create_key(Tags=pairs)["KeyMetadata"]["KeyId"]
    return {"KeyId": id_, "CiphertextBlob": m.kms.encrypt(KeyId=id_, Plaintext=b"x")["CiphertextBlob"], "DestinationKeyId": id_, "SourceKeyId": id_, "TargetKeyId": id_}


def function(m):
    made = m.lambda_.create_function(FunctionName=m.name, Runtime="python3.12", Role=ROLE, Handler="index.handler", Code={"ZipFile": _zip()}, Tags=m.map)
    return {"FunctionName": m.name, "Resource": made["FunctionArn"]}


def function_version(m):
    m.lambda_.create_function(FunctionName=m.name, Runtime="python3.12", Role=ROLE, Handler="index.handler", Code={"ZipFile": _zip()}, Tags=m.map, Publish=True)
    return {"FunctionName": f"{m.name}:1", "Qualifier": "1"}


def function_alias(m):
    function_version(m)
    m.lambda_.create_alias(FunctionName=m.name, Name="live", FunctionVersion="1")
    return {"FunctionName": f"{m.name}:live", "Qualifier": "live", "Name": "live"}


def mapping(m):
    m.lambda_.create_function(FunctionName=m.name, Runtime="python3.12", Role=ROLE, Handler="index.handler", Code={"ZipFile": _zip()})
    m.sqs.create_queue(QueueName=m.name)
    made = m.lambda_.create_event_source_mapping(FunctionName=m.name, EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:{m.name}", Enabled=False, Tags=m.map)
    return {"UUID": made["UUID"], "Resource": made["EventSourceMappingArn"]}


def signing_config(m):
    publisher = {"SigningProfileVersionArns": [f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p/0123456789"]}
    arn = m.lambda_.create_code_signing_config(AllowedPublishers=publisher, Tags=m.map)["CodeSigningConfig"]["CodeSigningConfigArn"]
    return {"CodeSigningConfigArn": arn, "Resource": arn}


# Logs to X-Ray -------------------------------------------------------------------------------------


def log_group(m):
    m.logs.create_log_group(logGroupName=m.name, tags=m.map)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{m.name}"
    return {"logGroupName": m.name, "resourceArn": arn, "logGroupIdentifiers": [arn], "logGroupIdentifier": arn}


def log_stream(m):
    m.logs.create_log_group(logGroupName=m.name, tags=m.map)
    m.logs.create_log_stream(logGroupName=m.name, logStreamName="s")
    return {"logGroupName": m.name, "logStreamName": "s"}


def lookup_table(m):
    arn = m.logs.create_lookup_table(lookupTableName=m.name, tableBody="a,b\n1,2\n", tags=m.map)["lookupTableArn"]
    return {"lookupTableArn": arn, "lookupTableName": m.name, "resourceArn": arn}


def delivery_destination(m):
    log_group(m)
    arn = m.logs.put_delivery_destination(name=m.name, deliveryDestinationConfiguration={"destinationResourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{m.name}"}, tags=m.map)["deliveryDestination"]["arn"]
    return {"name": m.name, "deliveryDestinationName": m.name, "resourceArn": arn}


def anomaly_detector(m):
    log_group(m)
    arn = m.logs.create_log_anomaly_detector(logGroupArnList=[f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{m.name}"], tags=m.map)["anomalyDetectorArn"]
    return {"anomalyDetectorArn": arn, "resourceArn": arn}


def log_destination(m):
    m.kinesis.create_stream(StreamName=m.name, ShardCount=1)
    m.cloud.sleep(1)
    arn = m.logs.put_destination(destinationName=m.name, targetArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{m.name}", roleArn=ROLE, tags=m.map)["destination"]["arn"]
    return {"destinationName": m.name, "resourceArn": arn}


def unit(m):
    root = _root(m)
    id_ = m.organizations.create_organizational_unit(ParentId=root, Name=m.name, Tags=m.pairs)["OrganizationalUnit"]["Id"]
    return {"OrganizationalUnitId": id_, "ResourceId": id_, "ParentId": id_, "TargetId": id_, "ChildId": id_}


def _root(m) -> str:
    try:
        return m.organizations.list_roots()["Roots"][0]["Id"]
    except m.organizations.exceptions.AWSOrganizationsNotInUseException:
        m.organizations.create_organization(FeatureSet="ALL")
        return _root(m)


def control_policy(m):
    _root(m)
    content = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    id_ = m.organizations.create_policy(Name=m.name, Description="", Content=content, Type="SERVICE_CONTROL_POLICY", Tags=m.pairs)["Policy"]["PolicySummary"]["Id"]
    return {"PolicyId": id_, "ResourceId": id_}


def pipe(m):
    arns = []
    for end in ("a", "b"):
        m.sqs.create_queue(QueueName=f"{m.name}-{end}")
        arns.append(f"arn:aws:sqs:us-east-1:{ACCOUNT}:{m.name}-{end}")
    arn = m.pipes.create_pipe(Name=m.name, Source=arns[0], Target=arns[1], RoleArn=ROLE, DesiredState="STOPPED", Tags=m.map)["Arn"]
    return {"Name": m.name, "resourceArn": arn}


def bucket(m):
    m.s3.create_bucket(Bucket=m.name, CreateBucketConfiguration={"Tags": m.pairs})
    m.s3.put_bucket_abac(Bucket=m.name, AbacStatus={"Status": "Enabled"})
    return {"Bucket": m.name, "ResourceArn": f"arn:aws:s3:::{m.name}"}


def object_of_bucket(m):
    bucket(m)
    m.s3.put_object(Bucket=m.name, Key="k", Body=b"x")
    return {"Bucket": m.name, "Key": "k", "CopySource": f"{m.name}/k"}


def schedule_group(m):
    return {"Name": m.name, "ResourceArn": m.scheduler.create_schedule_group(Name=m.name, Tags=m.pairs)["ScheduleGroupArn"]}


def schedule(m):
    schedule_group(m)
    return {"Name": m.name, "GroupName": m.name}


def secret(m):
    return {"Name": m.name, "SecretId": m.secretsmanager.create_secret(Name=m.name, SecretString="x", Tags=m.pairs)["ARN"]}


def email_identity(m):
    m.sesv2.create_email_identity(EmailIdentity=f"{m.name}@example.com", Tags=m.pairs)
    return {"EmailIdentity": f"{m.name}@example.com", "FromEmailAddress": f"{m.name}@example.com", "Source": f"{m.name}@example.com", "ResourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:identity/{m.name}@example.com"}


def configuration_set(m):
    m.sesv2.create_configuration_set(ConfigurationSetName=m.name, Tags=m.pairs)
    return {"ConfigurationSetName": m.name, "ResourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:configuration-set/{m.name}"}


def email_template(m):
    m.sesv2.create_email_template(TemplateName=m.name, TemplateContent={"Subject": "s", "Text": "t"}, Tags=m.pairs)
    return {"TemplateName": m.name, "Template": m.name, "ResourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:template/{m.name}"}


def contact_list(m):
    for each in m.sesv2.list_contact_lists()["ContactLists"]:
        m.sesv2.delete_contact_list(ContactListName=each["ContactListName"])
    m.sesv2.create_contact_list(ContactListName=m.name, Tags=m.pairs)
    return {"ContactListName": m.name, "ResourceArn": f"arn:aws:ses:us-east-1:{ACCOUNT}:contact-list/{m.name}"}


def topic(m):
    arn = m.sns.create_topic(Name=m.name, Tags=m.pairs)["TopicArn"]
    return {"Name": m.name, "TopicArn": arn, "ResourceArn": arn, "TargetArn": arn}


def queue(m):
    url = m.sqs.create_queue(QueueName=m.name, tags=m.map)["QueueUrl"]
    return {"QueueUrl": url, "QueueName": m.name, "SourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{m.name}"}


def parameter(m):
    m.ssm.put_parameter(Name=m.name, Type="String", Value="x", Tags=m.pairs)
    return {"Name": m.name, "Names": [m.name], "ResourceType": "Parameter", "ResourceId": m.name}


def document(m):
    content = json.dumps({"schemaVersion": "0.3", "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1M"}}]})
    m.ssm.create_document(Name=m.name, Content=content, DocumentType="Automation", Tags=m.pairs)
    return {"Name": m.name, "ResourceType": "Document", "ResourceId": m.name}


def ops_item(m):
    id_ = m.ssm.create_ops_item(Title=m.name, Description="d", Source="s", Tags=m.pairs)["OpsItemId"]
    return {"OpsItemId": id_, "ResourceType": "OpsItem", "ResourceId": id_}


def maintenance_window(m):
    told = {"Schedule": "rate(1 day)", "Duration": 2, "Cutoff": 1, "AllowUnassociatedTargets": True}
    id_ = m.ssm.create_maintenance_window(Name=m.name, Tags=m.pairs, **told)["WindowId"]
    task = m.ssm.register_task_with_maintenance_window(WindowId=id_, TaskArn="f", TaskType="LAMBDA", ServiceRoleArn=ROLE)["WindowTaskId"]
    return {"WindowId": id_, "WindowTaskId": task, "ResourceType": "MaintenanceWindow", "ResourceId": id_}


def state_machine(m):
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
    arn = m.stepfunctions.create_state_machine(name=m.name, definition=definition, roleArn=ROLE, tags=m.small_pairs)["stateMachineArn"]
    version = m.stepfunctions.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    alias = m.stepfunctions.create_state_machine_alias(name="live", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])["stateMachineAliasArn"]
    return {"stateMachineArn": arn, "resourceArn": arn, "stateMachineVersionArn": version, "stateMachineAliasArn": alias}


def machine_version(m):
    arn = state_machine(m)["stateMachineVersionArn"]
    return {"stateMachineVersionArn": arn, "stateMachineArn": arn}


def machine_alias(m):
    arn = state_machine(m)["stateMachineAliasArn"]
    return {"stateMachineAliasArn": arn, "stateMachineArn": arn}


def execution(m):
    return {"executionArn": m.stepfunctions.start_execution(stateMachineArn=state_machine(m)["stateMachineArn"])["executionArn"]}


def activity(m):
    arn = m.stepfunctions.create_activity(name=m.name, tags=m.small_pairs)["activityArn"]
    return {"name": m.name, "activityArn": arn, "resourceArn": arn}


_VISIBLE = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}


def web_acl(m):
    made = m.wafv2.create_web_acl(Name=m.name, Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=_VISIBLE, Tags=m.pairs)["Summary"]
    return {"Name": m.name, "Scope": "REGIONAL", "Id": made["Id"], "ResourceARN": made["ARN"], "WebACLArn": made["ARN"], "WebAclArn": made["ARN"], "ResourceArn": made["ARN"],
            "LoggingConfiguration": {"ResourceArn": made["ARN"], "LogDestinationConfigs": [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:aws-waf-logs-x"]}, "WebACLName": m.name, "WebACLId": made["Id"]}  # fmt: skip


def rule_group(m):
    made = m.wafv2.create_rule_group(Name=m.name, Scope="REGIONAL", Capacity=10, VisibilityConfig=_VISIBLE, Tags=m.pairs)["Summary"]
    return {"Name": m.name, "Scope": "REGIONAL", "Id": made["Id"], "ResourceARN": made["ARN"]}


def ip_set(m):
    made = m.wafv2.create_ip_set(Name=m.name, Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=[], Tags=m.pairs)["Summary"]
    return {"Name": m.name, "Scope": "REGIONAL", "Id": made["Id"], "ResourceARN": made["ARN"]}


def pattern_set(m):
    made = m.wafv2.create_regex_pattern_set(Name=m.name, Scope="REGIONAL", RegularExpressionList=[], Tags=m.pairs)["Summary"]
    return {"Name": m.name, "Scope": "REGIONAL", "Id": made["Id"], "ResourceARN": made["ARN"]}


def automation_rule(m):
    """Of Security Hub's, which is enabled for the first."""
    with contextlib.suppress(m.securityhub.exceptions.ResourceConflictException):
        m.securityhub.enable_security_hub(EnableDefaultStandards=False)
    action = {"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Confidence": 1}}
    arn = m.securityhub.create_automation_rule(
        RuleName=m.name, Description="d", RuleOrder=1, Criteria={"Confidence": [{"Eq": 2}]}, Actions=[action], Tags=m.map
    )["RuleArn"]
    return {"ResourceArn": arn, "AutomationRulesArns": [arn], "UpdateAutomationRulesRequestItems": [{"RuleArn": arn}]}


def _detector(m):
    with contextlib.suppress(m.guardduty.exceptions.BadRequestException):
        m.guardduty.create_detector(Enable=True)
    (id_,) = m.guardduty.list_detectors()["DetectorIds"]
    return id_


def findings_detector(m):
    for id_ in m.guardduty.list_detectors()["DetectorIds"]:
        m.guardduty.delete_detector(DetectorId=id_)
    id_ = m.guardduty.create_detector(Enable=True, Tags=m.map)["DetectorId"]
    return {"DetectorId": id_, "ResourceArn": f"arn:aws:guardduty:us-east-1:{ACCOUNT}:detector/{id_}"}


def findings_filter(m):
    id_ = _detector(m)
    m.guardduty.create_filter(DetectorId=id_, Name=m.name, FindingCriteria={"Criterion": {"type": {"Eq": ["x"]}}}, Tags=m.map)
    return {"DetectorId": id_, "FilterName": m.name, "ResourceArn": f"arn:aws:guardduty:us-east-1:{ACCOUNT}:detector/{id_}/filter/{m.name}"}


def trace_group(m):
    arn = m.xray.create_group(GroupName=m.name, FilterExpression="fault", Tags=m.pairs)["Group"]["GroupARN"]
    return {"GroupName": m.name, "GroupARN": arn, "ResourceARN": arn}


def sampling_rule(m):
    said = {"RuleName": m.name, "ResourceARN": "*", "Priority": 1, "FixedRate": 0.1, "ReservoirSize": 1, "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1}
    arn = m.xray.create_sampling_rule(SamplingRule=said, Tags=m.pairs)["SamplingRuleRecord"]["SamplingRule"]["RuleARN"]
    return {"RuleName": m.name, "RuleARN": arn, "ResourceARN": arn, "SamplingRuleUpdate": {"RuleName": m.name}}


def objective(m):
    """Of a metric of a customer's own."""
    query = {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}}
    said = {"SliMetricConfig": {"MetricDataQueries": [query]}, "MetricThreshold": 1, "ComparisonOperator": "LessThan"}
    arn = m.application_signals.create_service_level_objective(Name=m.name, SliConfig=said, Tags=m.pairs)["Slo"]["Arn"]
    return {"Id": arn, "SloIds": [arn], "ResourceArn": arn}


# Networks of EC2. Quotas are small: what is not about a network itself lies in the account's default one. ------


def _specified(m, kind: str) -> dict:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": m.pairs}]}


def _default(m) -> tuple[str, str]:
    """The default VPC and one of its subnets."""
    subnet = m.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]
    return subnet["VpcId"], subnet["SubnetId"]


def vpc(m):
    """One of each value is enough, and more than two would be too many."""
    held = m.ec2.describe_vpcs(Filters=[{"Name": "tag:team", "Values": [m.value]}])["Vpcs"]
    id_ = held[0]["VpcId"] if held else m.ec2.create_vpc(CidrBlock="10.0.0.0/16", **_specified(m, "vpc"))["Vpc"]["VpcId"]
    association = m.ec2.describe_vpcs(VpcIds=[id_])["Vpcs"][0]["CidrBlockAssociationSet"][0]["AssociationId"]
    return {"VpcId": id_, "Resources": [id_], "AssociationId": association}


def subnet(m):
    block = f"172.31.{96 + m.number // 16}.{m.number % 16 * 16}/28"
    made = m.ec2.create_subnet(VpcId=_default(m)[0], CidrBlock=block, **_specified(m, "subnet"))["Subnet"]
    return {"SubnetId": made["SubnetId"], "Resources": [made["SubnetId"]]}


def route_table(m):
    id_ = m.ec2.create_route_table(VpcId=_default(m)[0], **_specified(m, "route-table"))["RouteTable"]["RouteTableId"]
    return {"RouteTableId": id_, "Resources": [id_]}


def internet_gateway(m):
    id_ = m.ec2.create_internet_gateway(**_specified(m, "internet-gateway"))["InternetGateway"]["InternetGatewayId"]
    return {"InternetGatewayId": id_, "Resources": [id_]}


def egress_gateway(m):
    made = m.ec2.create_egress_only_internet_gateway(VpcId=_default(m)[0], **_specified(m, "egress-only-internet-gateway"))
    id_ = made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    return {"EgressOnlyInternetGatewayId": id_, "Resources": [id_]}


def nat_gateway(m):
    made = m.ec2.create_nat_gateway(SubnetId=_default(m)[1], ConnectivityType="private", **_specified(m, "natgateway"))
    id_ = made["NatGateway"]["NatGatewayId"]
    return {"NatGatewayId": id_, "Resources": [id_]}


def elastic_ip(m):
    held = m.ec2.describe_addresses(Filters=[{"Name": "tag:team", "Values": [m.value]}])["Addresses"]
    made = held[0] if held else m.ec2.allocate_address(**_specified(m, "elastic-ip"))
    return {"AllocationId": made["AllocationId"], "Resources": [made["AllocationId"]]}


def security_group(m):
    made = m.ec2.create_security_group(GroupName=m.name, Description="d", **_specified(m, "security-group"))
    return {"GroupId": made["GroupId"], "Resources": [made["GroupId"]]}


def network_acl(m):
    id_ = m.ec2.create_network_acl(VpcId=_default(m)[0], **_specified(m, "network-acl"))["NetworkAcl"]["NetworkAclId"]
    return {"NetworkAclId": id_, "Resources": [id_]}


def network_interface(m):
    id_ = m.ec2.create_network_interface(SubnetId=_default(m)[1], **_specified(m, "network-interface"))["NetworkInterface"]["NetworkInterfaceId"]
    return {"NetworkInterfaceId": id_, "Resources": [id_]}


def vpc_endpoint(m):
    made = m.ec2.create_vpc_endpoint(VpcId=_default(m)[0], ServiceName="com.amazonaws.us-east-1.s3", **_specified(m, "vpc-endpoint"))
    id_ = made["VpcEndpoint"]["VpcEndpointId"]
    return {"VpcEndpointId": id_, "VpcEndpointIds": [id_], "Resources": [id_]}


def prefix_list(m):
    made = m.ec2.create_managed_prefix_list(PrefixListName=m.name, MaxEntries=1, AddressFamily="IPv4", **_specified(m, "prefix-list"))
    id_ = made["PrefixList"]["PrefixListId"]
    return {"PrefixListId": id_, "Resources": [id_]}


def peering(m):
    made = m.ec2.create_vpc_peering_connection(VpcId=_default(m)[0], PeerVpcId=vpc(m)["VpcId"], **_specified(m, "vpc-peering-connection"))
    id_ = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    return {"VpcPeeringConnectionId": id_, "Resources": [id_]}


def dhcp_options(m):
    made = m.ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["x"]}], **_specified(m, "dhcp-options"))
    id_ = made["DhcpOptions"]["DhcpOptionsId"]
    return {"DhcpOptionsId": id_, "Resources": [id_]}


KINDS = {
    "access-analyzer": {"Analyzer": analyzer},
    "acm": {"certificate": certificate},
    "application-signals": {"slo": objective},
    "application-autoscaling": {"ScalableTarget": scalable_target},
    "appsync": {"graphqlapi": graphql_api, "api": event_api, "channelNamespace": channel_namespace},
    "athena": {"workgroup": query_workgroup},
    "backup": {"backupVault": vault, "backupPlan": plan, "legalHold": legal_hold, "restoreTestingPlan": restore_testing_plan},
    "cloudformation": {"stack": stack, "stackset": stack_set},
    "cloudfront": {"distribution": distribution},
    "cloudtrail": {"trail": trail},
    "cloudwatch": {"alarm": alarm, "alarm-mute-rule": mute_rule, "insight-rule": insight_rule, "metric-stream": metric_stream},
    "codebuild": {"project": project},
    "codepipeline": {"pipeline": pipeline, "stage": stage_of_pipeline, "action": action_of_pipeline},
    "cognito-identity": {"identitypool": identity_pool},
    "cognito-idp": {"userpool": user_pool},
    "config": {"ConfigurationRecorder": config_recorder, "ConfigRule": config_rule, "ConfigurationAggregator": aggregator,
               "AggregationAuthorization": aggregation_authorization, "StoredQuery": stored_query},
    "dynamodb": {"table": table},
    "ebs": {"snapshot": disk_snapshot},
    "ec2": {"snapshot": disk_snapshot, "volume": volume, "vpc": vpc, "subnet": subnet, "route-table": route_table, "internet-gateway": internet_gateway,
            "egress-only-internet-gateway": egress_gateway, "natgateway": nat_gateway, "elastic-ip": elastic_ip, "security-group": security_group,
            "network-acl": network_acl, "network-interface": network_interface, "vpc-endpoint": vpc_endpoint, "prefix-list": prefix_list,
            "vpc-peering-connection": peering, "dhcp-options": dhcp_options},
    "ecr": {"repository": repository},
    "events": {"event-bus": bus, "rule-on-default-event-bus": rule, "rule-on-custom-event-bus": rule_on_custom},
    "firehose": {"deliverystream": delivery_stream},
    "fis": {"experiment-template": experiment_template, "experiment": experiment},
    "iam": {"user": user, "role": role, "policy": policy, "instance-profile": instance_profile, "mfa": mfa, "oidc-provider": oidc_provider, "saml-provider": saml_provider,
            "server-certificate": server_certificate},
    "kinesis": {"stream": stream, "consumer": consumer},
    "kms": {"key": key},
    "lambda": {"function": function, "function version": function_version, "function alias": function_alias, "eventSourceMapping": mapping, "code signing config": signing_config},
    "logs": {"log-group": log_group, "log-stream": log_stream, "lookup-table": lookup_table, "delivery-destination": delivery_destination, "destination": log_destination,
             "anomaly-detector": anomaly_detector},
    "organizations": {"organizationalunit": unit, "policy": control_policy},
    "pipes": {"pipe": pipe},
    "s3": {"bucket": bucket, "object": object_of_bucket},
    "scheduler": {"schedule-group": schedule_group, "schedule": schedule},
    "secretsmanager": {"Secret": secret},
    "securityhub": {"automation-rule": automation_rule}, "guardduty": {"detector": findings_detector, "filter": findings_filter},
    "ses": {"identity": email_identity, "configuration-set": configuration_set, "template": email_template, "contact-list": contact_list},
    "sns": {"topic": topic},
    "sqs": {"queue": queue},
    "ssm": {"parameter": parameter, "document": document, "opsitem": ops_item, "maintenancewindow": maintenance_window},
    "states": {"statemachine": state_machine, "statemachineversion": machine_version, "statemachinealias": machine_alias, "execution": execution, "activity": activity},
    "sts": {"role": role},
    "wafv2": {"webacl": web_acl, "rulegroup": rule_group, "ipset": ip_set, "regexpatternset": pattern_set},
    "xray": {"group": trace_group, "sampling-rule": sampling_rule},
}  # fmt: skip
OF_PATHS = {
    "apigateway": (rest_api, rest_stage, api_key, usage_plan, client_certificate),
    "apigatewayv2": (http_api, http_stage, http_domain),
}
"""API Gateway's actions are methods of paths: what an operation touches are the things of whose path its own begins."""

SPELLED = {
    "dynamodb:BatchWriteItem": lambda names: {"RequestItems": {names["TableName"]: [{"DeleteRequest": {"Key": {"k": {"S": "1"}}}}]}},
    "dynamodb:TransactWriteItems": lambda names: {"TransactItems": [{"Delete": {"TableName": names["TableName"], "Key": {"k": {"S": "1"}}}}]},
    "logs:StartQuery": lambda names: {"logGroupName": names["logGroupName"], "queryString": "fields @message"},
}
"""Operations that name things in a way of their own."""
