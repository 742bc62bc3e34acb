"""What AWS would bill for what is recorded and kept: trails, AWS Config, images and backups."""

from __future__ import annotations

import json

import pytest
from backup_workshop import ROLE, Calendar, backed_up, bucket, copied, points, restored, role, table
from bill_workshop import used
from config_workshop import put_recorder, put_rule
from organization_workshop import MASTER, Garden
from test_backup_continuous import Papers
from test_cloudtrail_organization import put_trail
from test_ecr import push

HOUR_S = 3_600
GB = 1 << 30


def per_hour(cloud, usage: str, resource: str, region: str = "us-east-1") -> float:
    """What stands of it now."""
    cloud.sleep(2)
    before = used(cloud, region).get((usage, resource), 0.0)
    cloud.sleep(HOUR_S)
    return used(cloud, region).get((usage, resource), 0.0) - before


# CloudTrail: https://aws.amazon.com/cloudtrail/pricing/ --------------------------------------------------------


@pytest.fixture
def trails(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="trail-files")
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": ["s3:GetBucketAcl", "s3:PutObject"]}
    document = {"Version": "2012-10-17", "Statement": {**allow, "Resource": ["arn:aws:s3:::trail-files", "arn:aws:s3:::trail-files/*"]}}
    s3.put_bucket_policy(Bucket="trail-files", Policy=json.dumps(document))
    return cloud.client("cloudtrail")


def trail(trails, name: str, **selector) -> None:
    trails.create_trail(Name=name, S3BucketName="trail-files")
    if selector:
        trails.put_event_selectors(TrailName=name, EventSelectors=[{"ReadWriteType": "All", **selector}])
    trails.start_logging(Name=name)


DATA = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::papers/"]}]


def test_events_of_data_are_billed_as_they_are_delivered_and_management_events_from_the_second_copy_on(cloud, trails):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="papers")
    trail(trails, "first", IncludeManagementEvents=True, DataResources=DATA)
    cloud.sleep(1)
    trail(trails, "data", IncludeManagementEvents=False, DataResources=DATA)
    for key in "abc":
        s3.put_object(Bucket="papers", Key=key, Body=b"x")
    assert not [usage for usage, _ in used(cloud) if usage.startswith("cloudtrail")]
    cloud.sleep(600)
    found = {key: count for key, count in used(cloud).items() if key[0].startswith("cloudtrail")}
    assert found == {("cloudtrail:data_events", "first"): 3, ("cloudtrail:data_events", "data"): 3}
    trail(trails, "second")
    cloud.sleep(1)
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.sleep(600)
    found = {key: count for key, count in used(cloud).items() if key[0] == "cloudtrail:management_events"}
    assert found.keys() == {("cloudtrail:management_events", "second")} and found["cloudtrail:management_events", "second"] >= 1


def test_a_trail_of_data_alone_does_not_take_the_free_copy_of_management_events(cloud, trails):
    trail(trails, "data", IncludeManagementEvents=False, DataResources=DATA)
    fields = [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]
    trails.create_trail(Name="advanced", S3BucketName="trail-files")
    trails.put_event_selectors(TrailName="advanced", AdvancedEventSelectors=[{"Name": "data", "FieldSelectors": fields}])
    trails.start_logging(Name="advanced")
    cloud.sleep(1)
    trail(trails, "first")
    cloud.sleep(1)
    trail(trails, "second")
    cloud.sleep(1)
    cloud.client("sqs").create_queue(QueueName="q")
    cloud.sleep(600)
    assert {name for usage, name in used(cloud) if usage == "cloudtrail:management_events"} == {"second"}


def test_what_an_organizations_trail_delivers_of_its_members_is_on_the_bill_of_whose_trail_it_is(make_cloud):
    garden = Garden(make_cloud("us-east-1", "eu-west-1", "aws-global"))
    member = garden.member()
    put_trail(garden)
    more = {"ReadWriteType": "All", "IncludeManagementEvents": False, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::members-papers/"]}]}
    garden.cloud.client("cloudtrail", key=MASTER).put_event_selectors(TrailName="all", EventSelectors=[more])
    garden.cloud.sleep(1)
    s3 = garden.cloud.client("s3", key=member)
    s3.create_bucket(Bucket="members-papers")
    s3.put_object(Bucket="members-papers", Key="a", Body=b"x")
    garden.cloud.sleep(601)

    async def told():
        return garden.cloud.region().gate.ledger.told()

    rows = garden.cloud.run(told())["used"]
    assert {(row[0], row[3]) for row in rows if row[2] == "cloudtrail:data_events"} == {(MASTER, "all")}
    assert sum(row[4] for row in rows if row[2] == "cloudtrail:data_events") == 1


# AWS Config: https://aws.amazon.com/config/pricing/ ------------------------------------------------------------


def test_each_item_and_each_evaluation_is_billed(cloud):
    put_recorder(cloud, resourceTypes=["AWS::SQS::Queue", "AWS::DynamoDB::Table"])
    cloud.sleep(5)
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    cloud.sleep(5)
    assert used(cloud)["config:configuration_item", "AWS::SQS::Queue"] == 1
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    cloud.sleep(5)
    sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    cloud.sleep(2 * HOUR_S)
    assert used(cloud)["config:configuration_item", "AWS::SQS::Queue"] == 2
    table(cloud)
    rule = put_rule(cloud.client("config"), "DYNAMODB_PITR_ENABLED")
    cloud.sleep(60)
    assert used(cloud)["config:rule_evaluations", rule] == 1


def test_evaluations_of_packs_have_a_price_of_their_own(cloud):
    put_recorder(cloud, resourceTypes=["AWS::DynamoDB::Table"])
    table(cloud)
    template = {"Resources": {"Pitr": {"Type": "AWS::Config::ConfigRule", "Properties": {"ConfigRuleName": "pitr", "Source": {"Owner": "AWS", "SourceIdentifier": "DYNAMODB_PITR_ENABLED"}}}}}
    cloud.client("config").put_conformance_pack(ConformancePackName="pack", TemplateBody=json.dumps(template))
    cloud.sleep(120)
    found = {usage for usage, _ in used(cloud) if usage.startswith("config")}
    assert found == {"config:configuration_item", "config:conformance_pack_evaluations"}


# ECR: https://aws.amazon.com/ecr/pricing/ ----------------------------------------------------------------------


def test_what_the_layers_of_a_repository_take_is_billed_once_however_many_images_share_them(cloud):
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="shop/web")
    push(ecr, "one", b"x" * 50_000)
    assert per_hour(cloud, "ecr:storage", "shop/web") * GB == pytest.approx(50_002)
    push(ecr, "two", b"x" * 50_000, b"y" * 10_000)
    assert per_hour(cloud, "ecr:storage", "shop/web") * GB == pytest.approx(60_002)
    rule = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName="shop/web", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    cloud.sleep(60)
    ecr.delete_lifecycle_policy(repositoryName="shop/web")
    ecr.delete_repository(repositoryName="shop/web", force=True)
    assert per_hour(cloud, "ecr:storage", "shop/web") == 0


def test_images_that_expire_by_themselves_cost_no_more(cloud):
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="shop/web")
    rule = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName="shop/web", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    push(ecr, "one", b"x" * 50_000)
    cloud.sleep(10 * 24 * HOUR_S)
    assert used(cloud)["ecr:storage", "shop/web"] * GB < 3 * 24 * 50_002


# AWS Backup: https://aws.amazon.com/backup/pricing/ ------------------------------------------------------------


@pytest.fixture
def vault(cloud):
    cloud.region()
    role(cloud)
    backup = cloud.client("backup")
    backup.create_backup_vault(BackupVaultName="vault")
    return backup


def test_each_point_of_a_table_is_kept_and_restores_are_billed(cloud, vault):
    arn = table(cloud, items=100)
    jobs = [backed_up(cloud, arn) for _ in range(2)]
    sizes = [int(job["BackupSizeInBytes"]) for job in jobs]
    assert per_hour(cloud, "backup:dynamodb_warm", "orders") * GB == pytest.approx(sum(sizes))
    restored(cloud, jobs[0]["RecoveryPointArn"], {"targetTableName": "again"})
    assert used(cloud)["backup:dynamodb_warm_restore", "orders"] * GB == pytest.approx(sizes[0])
    vault.delete_recovery_point(BackupVaultName="vault", RecoveryPointArn=jobs[0]["RecoveryPointArn"])
    assert per_hour(cloud, "backup:dynamodb_warm", "orders") * GB == pytest.approx(sizes[1])


def test_a_point_that_cools_has_another_price_and_one_that_ends_none(cloud, vault):
    job = backed_up(cloud, table(cloud), Lifecycle={"MoveToColdStorageAfterDays": 1, "DeleteAfterDays": 91})
    size, calendar = int(job["BackupSizeInBytes"]), Calendar(cloud)
    calendar.move(1.1)
    assert per_hour(cloud, "backup:dynamodb_cold", "orders") * GB == pytest.approx(size)
    assert per_hour(cloud, "backup:dynamodb_warm", "orders") == 0
    calendar.move(95)
    assert per_hour(cloud, "backup:dynamodb_cold", "orders") == 0


def test_what_a_plan_keeps_is_billed_from_the_hour_of_its_backup_to_its_end_though_nobody_asks(cloud, vault):
    arn = table(cloud, items=100)
    rule = {"RuleName": "r", "TargetBackupVaultName": "vault", "ScheduleExpression": "cron(0 3 1 * ? *)", "Lifecycle": {"DeleteAfterDays": 1}}
    plan = vault.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    vault.create_backup_selection(BackupPlanId=plan, BackupSelection={"SelectionName": "s", "IamRoleArn": ROLE, "Resources": [arn]})
    while not (kept := points(cloud)):
        cloud.sleep(6 * HOUR_S)
    cloud.sleep(5 * 24 * HOUR_S)
    assert points(cloud) == []
    assert used(cloud)["backup:dynamodb_warm", "orders"] * GB == pytest.approx(24 * kept[0]["BackupSizeInBytes"], rel=0.02)


def test_of_a_buckets_points_in_a_vault_the_largest_is_counted(cloud, vault):
    arn, s3 = bucket(cloud), cloud.client("s3")
    s3.put_object(Bucket="papers", Key="a", Body=b"x" * 20_000)
    sizes = [int(backed_up(cloud, arn)["BackupSizeInBytes"])]
    s3.put_object(Bucket="papers", Key="b", Body=b"x" * 20_000)
    sizes.append(int(backed_up(cloud, arn)["BackupSizeInBytes"]))
    assert sizes[1] > 40_000 > sizes[0]
    assert per_hour(cloud, "backup:s3_warm", "papers") * GB == pytest.approx(sizes[1])


def test_a_buckets_points_in_another_vault_are_counted_for_themselves(cloud, vault):
    arn, s3 = bucket(cloud), cloud.client("s3")
    s3.put_object(Bucket="papers", Key="a", Body=b"x" * 20_000)
    vault.create_backup_vault(BackupVaultName="other")
    sizes = [int(backed_up(cloud, arn, name)["BackupSizeInBytes"]) for name in ("vault", "other")]
    assert per_hour(cloud, "backup:s3_warm", "papers") * GB == pytest.approx(sum(sizes))


def test_a_continuous_backup_of_a_bucket_is_billed_by_what_it_still_holds(cloud):
    cloud.region()
    papers = Papers(cloud)
    large = papers.put("a", "x" * 20_000)
    papers.follow()
    papers.put("b", "x" * 10_000)
    cloud.sleep(60)
    assert 30_000 < per_hour(cloud, "backup:s3_warm", "papers") * GB < 35_000
    papers.s3.delete_object(Bucket="papers", Key="a", VersionId=large)
    cloud.sleep(9 * 24 * HOUR_S)
    assert 10_000 < per_hour(cloud, "backup:s3_warm", "papers") * GB < 15_000


def test_a_copy_is_billed_where_it_lies_and_its_way_into_another_region_where_it_comes_from(make_cloud):
    cloud = make_cloud("aws-global", "us-east-1", "eu-west-1")
    role(cloud)
    for region, name in (("us-east-1", "vault"), ("us-east-1", "near"), ("eu-west-1", "far")):
        cloud.client("backup", region).create_backup_vault(BackupVaultName=name)
    point = backed_up(cloud, table(cloud, items=100))["RecoveryPointArn"]
    copied(cloud, point, "arn:aws:backup:us-east-1:000000000000:backup-vault:near")
    assert not [usage for usage, _ in used(cloud) if "copy" in usage]
    job = copied(cloud, point, "arn:aws:backup:eu-west-1:000000000000:backup-vault:far")
    assert used(cloud)["backup:dynamodb_cross_region_copy", "orders"] * GB == pytest.approx(job["BackupSizeInBytes"])
    assert per_hour(cloud, "backup:dynamodb_warm", "orders", "eu-west-1") * GB == pytest.approx(job["BackupSizeInBytes"])
