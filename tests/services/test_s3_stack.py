"""A bucket of a template: what it configures is really so."""

import json

import pytest

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "replicator",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
        },
        "Policies": [{
            "PolicyName": "may",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]},
        }],
    },
}  # fmt: skip


@pytest.fixture
def cloud(make_cloud):
    return make_cloud("us-east-1", "eu-west-1", "aws-global")


def deploy(cloud, resources: dict, name: str = "s", region: str = "us-east-1") -> dict:
    cfn = cloud.client("cloudformation", region)
    cfn.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"])
    cloud.sleep(60)
    stack = cfn.describe_stacks(StackName=name)["Stacks"][0]
    events = cfn.describe_stack_events(StackName=name)["StackEvents"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in events]
    return stack


def bucket(name: str, **properties) -> dict:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **properties}}


def test_a_bucket_of_a_stack_replicates_into_another_region(cloud):
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    deploy(cloud, {"There": bucket("there", **versioned)}, region="eu-west-1")
    rule = {
        "Id": "all", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": "data/"}, "DeleteMarkerReplication": {"Status": "Enabled"},
        "SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": "arn:aws:s3:::there", "StorageClass": "STANDARD_IA",
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
    }  # fmt: skip
    here = bucket("here", **versioned, ReplicationConfiguration={"Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Rules": [rule]})
    deploy(cloud, {"Role": ROLE, "Here": here})
    cloud.client("s3").put_object(Bucket="here", Key="data/k", Body=b"1")
    cloud.sleep(10)
    got = cloud.client("s3", "eu-west-1").get_object(Bucket="there", Key="data/k")
    assert (got["Body"].read(), got["StorageClass"], got["ReplicationStatus"]) == (b"1", "STANDARD_IA", "REPLICA")


def test_a_bucket_of_a_stack_has_its_lifecycle_website_and_locks(cloud):
    s3 = cloud.client("s3")
    rules = [
        {"Id": "gone", "Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": 1},
        {"Id": "cold", "Status": "Enabled", "ExpirationDate": "2031-01-01T00:00:00Z", "Transitions": [{"StorageClass": "GLACIER", "TransitionDate": "2030-06-01T00:00:00Z"}]},
    ]  # fmt: skip
    lifecycle = {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class", "Rules": rules}
    website = {"IndexDocument": "index.html", "ErrorDocument": "e.html", "RoutingRules": [{"RoutingRuleCondition": {"KeyPrefixEquals": "a/"}, "RedirectRule": {"ReplaceKeyPrefixWith": "b/"}}]}  # fmt: skip
    stack = {
        "Logs": bucket("logs"),
        "Site": bucket("site", LifecycleConfiguration=lifecycle, WebsiteConfiguration=website, AccelerateConfiguration={"AccelerationStatus": "Enabled"},
                       LoggingConfiguration={"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "l/"}),
        "Vault": bucket("vault", ObjectLockEnabled=True, ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}}),
    }  # fmt: skip
    deploy(cloud, stack)
    kept = s3.get_bucket_lifecycle_configuration(Bucket="site")
    assert [rule["ID"] for rule in kept["Rules"]] == ["gone", "cold"] and kept["TransitionDefaultMinimumObjectSize"].startswith("varies")
    assert kept["Rules"][1]["Transitions"][0]["Date"].year == 2030
    assert s3.get_bucket_website(Bucket="site")["RoutingRules"][0]["Redirect"] == {"ReplaceKeyPrefixWith": "b/"}
    assert s3.get_bucket_accelerate_configuration(Bucket="site")["Status"] == "Enabled"
    assert s3.get_bucket_logging(Bucket="site")["LoggingEnabled"]["TargetBucket"] == "logs"
    s3.put_object(Bucket="vault", Key="k", Body=b"1")
    assert s3.get_object_retention(Bucket="vault", Key="k")["Retention"]["Mode"] == "GOVERNANCE"
    s3.put_object(Bucket="site", Key="tmp/k", Body=b"1")
    cloud.sleep(3 * 86_400)
    assert "Contents" not in s3.list_objects_v2(Bucket="site")


def test_configurations_with_ids_follow_their_template(cloud):
    team = {"Key": "team", "Value": "a"}
    place = {"BucketArn": "arn:aws:s3:::many", "Format": "CSV", "Prefix": "lists"}
    inventory = {"Id": "i", "Enabled": True, "IncludedObjectVersions": "Current", "ScheduleFrequency": "Weekly", "Destination": place, "Prefix": "p"}
    tiering = {"Id": "t", "Status": "Enabled", "TagFilters": [team], "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}
    metrics = [{"Id": "all"}, {"Id": "some", "Prefix": "p", "TagFilters": [team]}]
    deploy(cloud, {"B": bucket("many", MetricsConfigurations=metrics, InventoryConfigurations=[inventory], IntelligentTieringConfigurations=[tiering])})
    s3, cfn = cloud.client("s3"), cloud.client("cloudformation")
    told = s3.list_bucket_metrics_configurations(Bucket="many")["MetricsConfigurationList"]
    assert told == [{"Id": "all"}, {"Id": "some", "Filter": {"And": {"Prefix": "p", "Tags": [team]}}}]
    told = s3.get_bucket_inventory_configuration(Bucket="many", Id="i")["InventoryConfiguration"]
    assert (told["Schedule"], told["Filter"], told["IsEnabled"]) == ({"Frequency": "Weekly"}, {"Prefix": "p"}, True)
    assert told["Destination"] == {"S3BucketDestination": {"Bucket": "arn:aws:s3:::many", "Format": "CSV", "Prefix": "lists"}}
    told = s3.get_bucket_intelligent_tiering_configuration(Bucket="many", Id="t")["IntelligentTieringConfiguration"]
    assert (told["Filter"], told["Tierings"]) == ({"Tag": team}, tiering["Tierings"])
    template = json.dumps({"Resources": {"B": bucket("many", MetricsConfigurations=metrics[:1])}})
    cfn.update_stack(StackName="s", TemplateBody=template)
    cloud.sleep(60)
    assert [each["Id"] for each in s3.list_bucket_metrics_configurations(Bucket="many")["MetricsConfigurationList"]] == ["all"]
    assert "InventoryConfigurationList" not in s3.list_bucket_inventory_configurations(Bucket="many")
    assert "IntelligentTieringConfigurationList" not in s3.list_bucket_intelligent_tiering_configurations(Bucket="many")


def test_a_prefix_in_the_accounts_own_namespace_names_a_bucket(cloud):
    """CDK's documentation shows the name: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_s3.BucketNamespace.html"""
    properties = {"BucketNamePrefix": "my-app", "BucketNamespace": "account-regional"}
    resource = {"Type": "AWS::S3::Bucket", "Properties": properties}
    deploy(cloud, {"B": resource})
    account = cloud.client("sts").get_caller_identity()["Account"]
    name = f"my-app-{account}-us-east-1-an"
    cfn, s3 = cloud.client("cloudformation"), cloud.client("s3")
    assert cfn.describe_stack_resource(StackName="s", LogicalResourceId="B")["StackResourceDetail"]["PhysicalResourceId"] == name

    # Another prefix is another bucket, and a name that is taken is nobody's to adopt.
    resource["Properties"] = {**properties, "BucketNamePrefix": "your-app"}
    cfn.update_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"B": resource}}))
    cloud.sleep(60)
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [name.replace("my", "your", 1)]
    cfn.create_stack(StackName="other", TemplateBody=json.dumps({"Resources": {"B": resource}}))
    cloud.sleep(60)
    assert cfn.describe_stacks(StackName="other")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert s3.head_bucket(Bucket=name.replace("my", "your", 1))


@pytest.mark.parametrize(("said", "text"), [
    ({"WebsiteConfiguration": {"IndexDocument": "i", "RoutingRules": [{"RoutingRuleCondition": {}, "RedirectRule": {"HostName": "a"}}]}},
     "At least one of [HttpErrorCodeReturnedEquals,KeyPrefixEquals] needs to be specified"),
    ({"WebsiteConfiguration": {"IndexDocument": "i", "RoutingRules": [{"RedirectRule": {}}]}},
     "At least one of [HostName,HttpRedirectCode,Protocol,ReplaceKeyPrefixWith,ReplaceKeyWith] needs to be specified"),
    ({"WebsiteConfiguration": {"IndexDocument": "i", "RoutingRules": [{"RedirectRule": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]}},
     "Both ReplaceKeyWith and ReplaceKeyPrefixWith cannot be specified"),
    ({"WebsiteConfiguration": {"RoutingRules": [{"RedirectRule": {"HostName": "a"}}]}}, "Property IndexDocument cannot be empty."),
    ({"WebsiteConfiguration": {"IndexDocument": "i", "RedirectAllRequestsTo": {"HostName": "a"}}},
     "[IndexDocument, ErrorDocument, RoutingRules] should not be specified if RedirectAllRequestsTo is specified"),
    ({"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Prefix": "a"}]}},
     "At least one of [ExpirationDate,ExpirationInDays,AbortIncompleteMultipartUpload,Transition,Transitions,"
     "NoncurrentVersionExpirationInDays,NoncurrentVersionTransition,NoncurrentVersionTransitions,NoncurrentVersionExpiration,"
     "ExpiredObjectDeleteMarker] needs to be specified"),
])  # fmt: skip
def test_a_buckets_template_makes_sense_as_cdk_preflight_saw_it_of_aws(make_cloud, said, text):
    """Its rules pf-s3-website-… and pf-s3-lifecycle-rule-no-action."""
    cloud = make_cloud("us-east-1", "aws-global")
    with pytest.raises(AssertionError):
        deploy(cloud, {"Bucket": bucket("odd", **said)})
    events = cloud.client("cloudformation").describe_stack_events(StackName="s")["StackEvents"]
    assert any(f'"Invalid request provided: {text}"' in event.get("ResourceStatusReason", "") for event in events)
