"""AWS Config: aggregators, who lets them see, and what they show when a source is dead."""

from __future__ import annotations

import json

import pytest
from config_aggregation import S3, US, record
from config_workshop import ACCOUNT, put_rule, trust
from organization_workshop import MASTER, Garden
from refusals import refused

EU = "eu-west-1"
OTHER = "222222222222"


@pytest.fixture
def cloud(make_cloud):
    return make_cloud(US, EU, "aws-global")


def status(config, name: str = "all") -> dict[tuple[str, str], str]:
    listed = config.describe_configuration_aggregator_sources_status(ConfigurationAggregatorName=name)["AggregatedSourceStatusList"]
    return {(each["SourceId"], each["AwsRegion"]): each["LastUpdateStatus"] for each in listed}


def buckets(config, name: str = "all", **filters: str) -> list[str]:
    listed = config.list_aggregate_discovered_resources(ConfigurationAggregatorName=name, ResourceType=S3, Filters=filters)["ResourceIdentifiers"]
    return sorted(f"{each['SourceAccountId']}/{each['SourceRegion']}/{each['ResourceId']}" for each in listed)


def aggregate(config, *accounts: str, **where) -> None:
    source = {"AccountIds": list(accounts), **(where or {"AllAwsRegions": True})}
    config.put_configuration_aggregator(ConfigurationAggregatorName="all", AccountAggregationSources=[source])


def test_what_regions_and_accounts_recorded_comes_to_the_aggregator_over_the_links(cloud):
    here = record(cloud, ACCOUNT, US)
    record(cloud, ACCOUNT, EU)
    there = record(cloud, OTHER, EU)
    there.put_aggregation_authorization(AuthorizedAccountId=ACCOUNT, AuthorizedAwsRegion=US)
    put_rule(there, "S3_BUCKET_VERSIONING_ENABLED", "versioned")
    put_rule(here, "S3_BUCKET_VERSIONING_ENABLED", "versioned")
    cloud.sleep(3)
    aggregate(here, ACCOUNT, OTHER)
    cloud.sleep(3)
    assert status(here) == {(ACCOUNT, US): "SUCCEEDED", (ACCOUNT, EU): "SUCCEEDED", (OTHER, EU): "SUCCEEDED"}
    assert buckets(here) == [f"{a}/{r}/files-{a}-{r}" for a, r in ((ACCOUNT, EU), (ACCOUNT, US), (OTHER, EU))]
    # What comes later is told at once, and so is what goes.
    s3 = cloud.client("s3", EU, key=OTHER)
    s3.create_bucket(Bucket="later", CreateBucketConfiguration={"LocationConstraint": EU})
    s3.put_bucket_versioning(Bucket="later", VersioningConfiguration={"Status": "Enabled"})
    cloud.sleep(5)
    assert buckets(here, AccountId=OTHER, Region=EU) == [f"{OTHER}/{EU}/files-{OTHER}-{EU}", f"{OTHER}/{EU}/later"]
    assert buckets(here, ResourceName="later") == [f"{OTHER}/{EU}/later"]
    details = here.get_aggregate_compliance_details_by_config_rule(
        ConfigurationAggregatorName="all", ConfigRuleName="versioned", AccountId=OTHER, AwsRegion=EU
    )["AggregateEvaluationResults"]
    told = {each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]: each["ComplianceType"] for each in details}
    assert told == {"later": "COMPLIANT", f"files-{OTHER}-{EU}": "NON_COMPLIANT"}
    key = {"SourceAccountId": OTHER, "SourceRegion": EU, "ResourceId": "later", "ResourceType": S3}
    item = here.get_aggregate_resource_config(ConfigurationAggregatorName="all", ResourceIdentifier=key)["ConfigurationItem"]
    (own,) = there.get_resource_config_history(resourceType=S3, resourceId="later", limit=1)["configurationItems"]
    assert (item, item["accountId"], item["awsRegion"]) == (own, OTHER, EU)
    s3.delete_bucket(Bucket="later")
    cloud.sleep(5)
    assert buckets(here, ResourceName="later") == []
    code, _ = refused(here.get_aggregate_resource_config, ConfigurationAggregatorName="all", ResourceIdentifier=key)
    assert code == "ResourceNotDiscoveredException"
    batch = here.batch_get_aggregate_resource_config(
        ConfigurationAggregatorName="all", ResourceIdentifiers=[key, {**key, "ResourceId": f"files-{OTHER}-{EU}"}]
    )
    assert [each["resourceId"] for each in batch["BaseConfigurationItems"]] == [f"files-{OTHER}-{EU}"]
    assert batch["UnprocessedResourceIdentifiers"] == [key]


def test_verdicts_counts_packs_and_queries_of_all_sources(cloud):
    template = json.dumps({"Resources": {"V": {"Type": "AWS::Config::ConfigRule", "Properties": {
        "ConfigRuleName": "v", "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"}}}}})  # fmt: skip
    clients = {region: record(cloud, ACCOUNT, region) for region in (US, EU)}
    for region, config in clients.items():
        config.put_conformance_pack(ConformancePackName="pack", TemplateBody=template)
        put_rule(config, "S3_BUCKET_VERSIONING_ENABLED", "versioned")
        if region == EU:
            cloud.client("s3", EU).put_bucket_versioning(Bucket=f"files-{ACCOUNT}-{EU}", VersioningConfiguration={"Status": "Enabled"})
    here = clients[US]
    cloud.sleep(3)
    aggregate(here, ACCOUNT, AwsRegions=[US, EU])
    cloud.sleep(3)
    listed = here.describe_aggregate_compliance_by_config_rules(ConfigurationAggregatorName="all", Filters={"ConfigRuleName": "versioned"})
    assert [(each["AwsRegion"], each["Compliance"]) for each in listed["AggregateComplianceByConfigRules"]] == [
        (EU, {"ComplianceType": "COMPLIANT"}),
        (US, {"ComplianceType": "NON_COMPLIANT", "ComplianceContributorCount": {"CappedCount": 1, "CapExceeded": False}}),
    ]
    counted = here.get_aggregate_config_rule_compliance_summary(ConfigurationAggregatorName="all", GroupByKey="AWS_REGION")
    told = {each["GroupName"]: each["ComplianceSummary"] for each in counted["AggregateComplianceCounts"]}
    counts = {name: (each["CompliantResourceCount"]["CappedCount"], each["NonCompliantResourceCount"]["CappedCount"]) for name, each in told.items()}
    assert (counted["GroupByKey"], counts) == ("AWS_REGION", {EU: (2, 0), US: (0, 2)})
    packs = here.describe_aggregate_compliance_by_conformance_packs(ConfigurationAggregatorName="all")["AggregateComplianceByConformancePacks"]
    assert [(each["AwsRegion"], each["Compliance"]) for each in packs] == [
        (EU, {"ComplianceType": "COMPLIANT", "CompliantRuleCount": 1, "NonCompliantRuleCount": 0, "TotalRuleCount": 1}),
        (US, {"ComplianceType": "NON_COMPLIANT", "CompliantRuleCount": 0, "NonCompliantRuleCount": 1, "TotalRuleCount": 1}),
    ]
    (group,) = here.get_aggregate_conformance_pack_compliance_summary(ConfigurationAggregatorName="all", GroupByKey="ACCOUNT_ID")[
        "AggregateConformancePackComplianceSummaries"
    ]
    assert group == {"GroupName": ACCOUNT, "ComplianceSummary": {"CompliantConformancePackCount": 1, "NonCompliantConformancePackCount": 1}}
    resources = here.get_aggregate_discovered_resource_counts(ConfigurationAggregatorName="all", GroupByKey="AWS_REGION")
    assert resources["TotalDiscoveredResources"] == 2
    assert resources["GroupedResourceCounts"] == [{"GroupName": EU, "ResourceCount": 1}, {"GroupName": US, "ResourceCount": 1}]
    rows = here.select_aggregate_resource_config(
        ConfigurationAggregatorName="all",
        Expression="SELECT resourceId, awsRegion, accountId WHERE resourceType = 'AWS::S3::Bucket' AND configuration.name LIKE 'files%'",
    )["Results"]
    assert [json.loads(row)["awsRegion"] for row in rows] == [EU, US]
    rows = here.select_aggregate_resource_config(
        ConfigurationAggregatorName="all", MaxResults=1,
        Expression="SELECT awsRegion, COUNT(*) WHERE resourceType = 'AWS::Config::ResourceCompliance' AND configuration.complianceType = 'NON_COMPLIANT' GROUP BY awsRegion",
    )["Results"]  # fmt: skip
    assert [json.loads(row) for row in rows] == [{"awsRegion": US, "COUNT(*)": 1}]
    # A rule that is gone is gone here, too.
    clients[EU].delete_config_rule(ConfigRuleName="versioned")
    cloud.sleep(3)
    (left,) = here.describe_aggregate_compliance_by_config_rules(ConfigurationAggregatorName="all", Filters={"ConfigRuleName": "versioned"})[
        "AggregateComplianceByConfigRules"
    ]
    assert left["AwsRegion"] == US


def test_a_dead_region_leaves_its_last_known_and_is_outdated_until_it_is_back(cloud):
    here = record(cloud, ACCOUNT, US)
    record(cloud, ACCOUNT, EU)
    aggregate(here, ACCOUNT)
    cloud.sleep(5)
    known = buckets(here)
    assert len(known) == 2
    cloud.kill(EU)
    cloud.sleep(90)
    assert status(here) == {(ACCOUNT, US): "SUCCEEDED", (ACCOUNT, EU): "OUTDATED"}
    assert buckets(here) == known
    (told,) = here.describe_configuration_aggregator_sources_status(ConfigurationAggregatorName="all", UpdateStatus=["OUTDATED"])[
        "AggregatedSourceStatusList"
    ]
    assert told["LastErrorCode"] == "ServiceUnavailable" and EU in told["LastErrorMessage"]
    # An aggregator that is made meanwhile has never read it.
    here.put_configuration_aggregator(
        ConfigurationAggregatorName="new", AccountAggregationSources=[{"AccountIds": [ACCOUNT], "AwsRegions": [EU]}]
    )
    cloud.sleep(20)
    assert (status(here, "new"), buckets(here, "new")) == ({(ACCOUNT, EU): "FAILED"}, [])
    cloud.region(EU)
    cloud.client("s3", EU).create_bucket(Bucket="after", CreateBucketConfiguration={"LocationConstraint": EU})
    cloud.sleep(90)
    assert set(status(here).values()) == set(status(here, "new").values()) == {"SUCCEEDED"}
    assert f"{ACCOUNT}/{EU}/after" in buckets(here) and f"{ACCOUNT}/{EU}/after" in buckets(here, "new")


def test_an_aggregator_that_was_killed_goes_on_where_it_was(cloud):
    here = record(cloud, ACCOUNT, US)
    there = record(cloud, ACCOUNT, EU)
    aggregate(here, ACCOUNT)
    cloud.sleep(5)
    cloud.kill(US)
    cloud.client("s3", EU).create_bucket(Bucket="meanwhile", CreateBucketConfiguration={"LocationConstraint": EU})
    cloud.sleep(5)
    assert there.list_discovered_resources(resourceType=S3, resourceName="meanwhile")["resourceIdentifiers"]
    cloud.region(US)
    cloud.sleep(5)
    assert f"{ACCOUNT}/{EU}/meanwhile" in buckets(here)


def test_an_account_that_has_not_authorized_is_asked_to_and_not_read(cloud):
    here, there = record(cloud, ACCOUNT, US), record(cloud, OTHER, US)
    cloud.sleep(3)
    aggregate(here, ACCOUNT, OTHER)
    cloud.sleep(5)
    assert status(here) == {(ACCOUNT, US): "SUCCEEDED", (OTHER, US): "FAILED"}
    assert all(OTHER not in each for each in buckets(here))
    pending = [{"RequesterAccountId": ACCOUNT, "RequesterAwsRegion": US}]
    assert there.describe_pending_aggregation_requests()["PendingAggregationRequests"] == pending
    # A request that is deleted is not made again by itself.
    there.delete_pending_aggregation_request(RequesterAccountId=ACCOUNT, RequesterAwsRegion=US)
    cloud.sleep(130)
    assert there.describe_pending_aggregation_requests()["PendingAggregationRequests"] == []
    aggregate(here, ACCOUNT, OTHER)
    cloud.sleep(2)
    assert there.describe_pending_aggregation_requests()["PendingAggregationRequests"] == pending
    arn = there.put_aggregation_authorization(AuthorizedAccountId=ACCOUNT, AuthorizedAwsRegion=US)["AggregationAuthorization"]["AggregationAuthorizationArn"]
    assert arn == f"arn:aws:config:{US}:{OTHER}:aggregation-authorization/{ACCOUNT}/{US}"
    assert there.describe_pending_aggregation_requests()["PendingAggregationRequests"] == []
    cloud.sleep(61)
    assert set(status(here).values()) == {"SUCCEEDED"} and any(OTHER in each for each in buckets(here))
    # Whoever takes it back is not shown any more.
    there.delete_aggregation_authorization(AuthorizedAccountId=ACCOUNT, AuthorizedAwsRegion=US)
    cloud.sleep(61)
    assert status(here)[OTHER, US] == "FAILED" and all(OTHER not in each for each in buckets(here))


def test_an_organization_is_aggregated_by_whoever_speaks_for_it(cloud):
    garden = Garden(cloud)
    member = garden.member()
    record(cloud, member, EU)
    here = record(cloud, MASTER, US)
    iam = cloud.client("iam", key=MASTER)
    role = iam.create_role(RoleName="asks", AssumeRolePolicyDocument=trust("config.amazonaws.com"))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="asks", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSConfigRoleForOrganizations")
    source = {"RoleArn": role, "AllAwsRegions": True}
    theirs, own = cloud.client("config", EU, key=member), {**source, "RoleArn": f"arn:aws:iam::{member}:role/recorder"}
    code, _ = refused(theirs.put_configuration_aggregator, ConfigurationAggregatorName="all", OrganizationAggregationSource=own)
    assert code == "OrganizationAccessDeniedException"
    code, _ = refused(
        cloud.client("config", key=OTHER).put_configuration_aggregator, ConfigurationAggregatorName="all", OrganizationAggregationSource=source
    )
    assert code == "NoAvailableOrganizationException"
    here.put_configuration_aggregator(ConfigurationAggregatorName="all", OrganizationAggregationSource=source)
    trusted = garden.api.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [each["ServicePrincipal"] for each in trusted] == ["config.amazonaws.com"]
    cloud.sleep(70)
    assert status(here) == {(garden.id, US): "SUCCEEDED", (MASTER, US): "SUCCEEDED", (member, EU): "SUCCEEDED"}
    assert f"{member}/{EU}/files-{member}-{EU}" in buckets(here)
    # A member that comes is found, and one that is closed is forgotten.
    second = garden.member()
    record(cloud, second, EU)
    garden.api.close_account(AccountId=member)
    cloud.sleep(130)
    assert status(here) == {(garden.id, US): "SUCCEEDED", (MASTER, US): "SUCCEEDED", (second, EU): "SUCCEEDED"}
    assert all(member not in each for each in buckets(here))
    iam.detach_role_policy(RoleName="asks", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSConfigRoleForOrganizations")
    cloud.sleep(70)
    assert status(here)[garden.id, US] == "OUTDATED" and status(here)[second, EU] == "SUCCEEDED"


def test_what_is_refused_and_what_is_described(cloud):
    config = cloud.client("config")
    put, sources = config.put_configuration_aggregator, [{"AccountIds": [OTHER], "AllAwsRegions": True}]
    # Words recorded in getmoto/moto's test_put_configuration_aggregator.
    invalid = "InvalidParameterValueException"
    both = {"AccountAggregationSources": sources, "OrganizationAggregationSource": {"RoleArn": "arn:aws:iam::000000000000:role/r", "AllAwsRegions": True}}
    for params, part in (
        ({}, "AccountAggregationSource or the OrganizationAggregationSource"), (both, "AccountAggregationSource and the OrganizationAggregationSource"),
        ({"AccountAggregationSources": [{"AccountIds": [OTHER]}]}, "Your request does not specify any regions"),
        ({"AccountAggregationSources": [{"AccountIds": [OTHER], "AwsRegions": [EU], "AllAwsRegions": True}]}, "You must choose one of these options"),
    ):  # fmt: skip
        code, text = refused(put, ConfigurationAggregatorName="all", **params)
        assert (code, part in text) == (invalid, True), text
    made = put(ConfigurationAggregatorName="all", AccountAggregationSources=sources, Tags=[{"Key": "a", "Value": "b"}])["ConfigurationAggregator"]
    assert made["ConfigurationAggregatorArn"].startswith(f"arn:aws:config:{US}:{ACCOUNT}:config-aggregator/config-aggregator-")
    assert made["CreationTime"] == made["LastUpdatedTime"] and made["AccountAggregationSources"] == sources
    assert config.list_tags_for_resource(ResourceArn=made["ConfigurationAggregatorArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    cloud.sleep(1)
    again = put(ConfigurationAggregatorName="all", AccountAggregationSources=[{"AccountIds": [OTHER], "AwsRegions": [EU]}])["ConfigurationAggregator"]
    assert again["ConfigurationAggregatorArn"] == made["ConfigurationAggregatorArn"] and again["LastUpdatedTime"] > made["CreationTime"]
    assert config.describe_configuration_aggregators()["ConfigurationAggregators"] == [again]
    code, text = refused(config.describe_configuration_aggregators, ConfigurationAggregatorNames=["all", "none"])
    assert (code, text.startswith("At least one of the configuration aggregators does not exist.")) == ("NoSuchConfigurationAggregatorException", True)
    config.delete_configuration_aggregator(ConfigurationAggregatorName="all")
    for operation in (config.delete_configuration_aggregator, config.describe_configuration_aggregator_sources_status):
        code, text = refused(operation, ConfigurationAggregatorName="all")
        assert (code, text.startswith("The configuration aggregator does not exist.")) == ("NoSuchConfigurationAggregatorException", True)


def test_aggregators_and_authorizations_of_a_template(cloud):
    template = {"Resources": {
        "All": {"Type": "AWS::Config::ConfigurationAggregator", "Properties": {
            "ConfigurationAggregatorName": "all", "AccountAggregationSources": [{"AccountIds": [OTHER], "AllAwsRegions": True}], "Tags": [{"Key": "a", "Value": "b"}]}},
        "May": {"Type": "AWS::Config::AggregationAuthorization", "Properties": {"AuthorizedAccountId": OTHER, "AuthorizedAwsRegion": EU}}},
        "Outputs": {"Name": {"Value": {"Ref": "All"}}, "Arn": {"Value": {"Fn::GetAtt": ["All", "ConfigurationAggregatorArn"]}}, "May": {"Value": {"Ref": "May"}}}}  # fmt: skip
    cloudformation, config = cloud.client("cloudformation"), cloud.client("config")
    cloudformation.create_stack(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(5)
    (stack,) = cloudformation.describe_stacks(StackName="s")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    (held,) = config.describe_configuration_aggregators()["ConfigurationAggregators"]
    (may,) = config.describe_aggregation_authorizations()["AggregationAuthorizations"]
    told = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert told == {"Name": "all", "Arn": held["ConfigurationAggregatorArn"], "May": may["AggregationAuthorizationArn"]}
    template["Resources"]["All"]["Properties"] |= {"AccountAggregationSources": [{"AccountIds": [OTHER], "AwsRegions": [EU]}], "Tags": [{"Key": "c", "Value": "d"}]}
    cloudformation.update_stack(StackName="s", TemplateBody=json.dumps(template))
    cloud.sleep(5)
    (held,) = config.describe_configuration_aggregators()["ConfigurationAggregators"]
    assert held["AccountAggregationSources"] == [{"AccountIds": [OTHER], "AwsRegions": [EU]}]
    tags = config.list_tags_for_resource(ResourceArn=held["ConfigurationAggregatorArn"])["Tags"]
    assert [each for each in tags if not each["Key"].startswith("aws:")] == [{"Key": "c", "Value": "d"}]
    cloudformation.delete_stack(StackName="s")
    cloud.sleep(5)
    assert not config.describe_configuration_aggregators()["ConfigurationAggregators"] and not config.describe_aggregation_authorizations()["AggregationAuthorizations"]
