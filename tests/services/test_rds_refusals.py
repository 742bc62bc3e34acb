"""What RDS does not take: what AWS refuses, in its words, and what nobody here has built, by name."""

import json

import pytest
from database_workshop import PASSWORD, Databases, code_of, refusal

pytestmark = pytest.mark.database

MADE = {
    "DBInstanceIdentifier": "orders", "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "MasterUsername": "keeper",
    "MasterUserPassword": PASSWORD,
    "AllocatedStorage": 20,
}  # fmt: skip


@pytest.fixture
def rds(cloud):
    return cloud.client("rds")


@pytest.mark.parametrize(
    "said, code, text",
    [
        ({"DBInstanceIdentifier": "1orders"}, "InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier."),
        ({"DBInstanceIdentifier": "or--ders"}, "InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier."),
        ({"DBInstanceIdentifier": "orders-"}, "InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier."),
        ({"DBInstanceIdentifier": "o" * 64}, "InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier"),
        ({"DBInstanceIdentifier": "../../etc"}, "InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier."),
        ({"DBInstanceClass": "db.t9.enormous"}, "InvalidParameterValue", "Invalid DB Instance class: db.t9.enormous"),
        ({"DBInstanceClass": "t3.micro"}, "InvalidParameterValue", "Invalid DB Instance class: t3.micro"),
        ({"Engine": "postgresql"}, "InvalidParameterValue",
        "Value postgresql for parameter Engine is invalid. Reason: engine postgresql not supported"),
        ({"EngineVersion": "9.6"}, "InvalidParameterCombination", "Cannot find version 9.6 for postgres"),
        ({"MasterUsername": "admin"}, "InvalidParameterValue", "MasterUsername admin cannot be used as it is a reserved word used by the engine"),
        ({"MasterUsername": "rdsadmin"}, "InvalidParameterValue", "MasterUsername rdsadmin cannot be used"),
        ({"MasterUsername": "pg_monitor"}, "InvalidParameterValue", "MasterUsername pg_monitor cannot be used"),
        ({"MasterUsername": "x'; drop"}, "InvalidParameterValue", "The parameter MasterUsername is not a valid identifier."),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue",
        "The parameter MasterUserPassword is not a valid password because it is shorter than 8"),
        ({"MasterUserPassword": "with space"}, "InvalidParameterValue",
        "The parameter MasterUserPassword is not a valid password. Only printable ASCII"),
        ({"MasterUserPassword": "with@sign"}, "InvalidParameterValue",
        "The parameter MasterUserPassword is not a valid password. Only printable ASCII"),
        ({"MasterUserPassword": "größenwahn"}, "InvalidParameterValue",
        "The parameter MasterUserPassword is not a valid password. Only printable ASCII"),
        ({"MasterUserPassword": "p" * 129}, "InvalidParameterValue",
        "The parameter MasterUserPassword is not a valid password because it is longer"),
        ({"ManageMasterUserPassword": True}, "InvalidParameterCombination", "You can't specify MasterUserPassword"),
        ({"MasterUserSecretKmsKeyId": "alias/own"}, "InvalidParameterCombination", "You can't specify MasterUserSecretKmsKeyId"),
        ({"DBName": "1shop"}, "InvalidParameterValue", "DBName must begin with a letter"),
        ({"DBName": 'shop"; drop'}, "InvalidParameterValue", "DBName must begin with a letter"),
        ({"DBName": "template1"}, "InvalidParameterValue", "Database name template1 cannot be used"),
        ({"AllocatedStorage": 1}, "InvalidParameterCombination", "Invalid storage size for engine name postgres and storage type gp2: 1"),
        ({"StorageType": "gp3", "AllocatedStorage": 5}, "InvalidParameterCombination",
        "Invalid storage size for engine name postgres and storage type gp3: 5"),
        ({"StorageType": "tape"}, "StorageTypeNotSupported", "Invalid storage type: tape"),
        ({"Port": 80}, "InvalidParameterValue", "Invalid port: 80."),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue", "Invalid backup retention period: 36."),
        ({"PreferredBackupWindow": "nonsense"}, "InvalidParameterValue", "Invalid backup window format: nonsense."),
        ({"PreferredBackupWindow": "01:00-01:10"}, "InvalidParameterValue", "The backup window must be at least 30 minutes."),
        ({"PreferredMaintenanceWindow": "sun:01:00-tue:01:00"}, "InvalidParameterValue", "Maintenance window must be less than 24 hours."),
        ({"PreferredMaintenanceWindow": "sun:01:00-sun:01:10"}, "InvalidParameterValue", "The maintenance window must be at least 30 minutes."),
        ({"PreferredMaintenanceWindow": "sun:25:00-sun:26:00"}, "InvalidParameterValue", "Invalid day:hour:minute value: sun:25:00"),
        ({"PreferredMaintenanceWindow": "nonsense"}, "InvalidParameterValue", "Invalid maintenance window format: nonsense."),
        (
            {"PreferredBackupWindow": "01:00-02:00", "PreferredMaintenanceWindow": "sun:01:30-sun:02:30"}, "InvalidParameterValue",
            "The backup window and maintenance window must not overlap.",
        ),
        ({"DBParameterGroupName": "nothing"}, "DBParameterGroupNotFound", "DBParameterGroup not found: nothing"),
        ({"OptionGroupName": "nothing"}, "OptionGroupNotFoundFault", "Specified OptionGroupName: nothing not found."),
        ({"DBSubnetGroupName": "nothing"}, "DBSubnetGroupNotFoundFault", "DB subnet group 'nothing' does not exist."),
        ({"AvailabilityZone": "mars-1a"}, "InvalidParameterValue", "mars-1a is not a valid availability zone."),
        ({"LicenseModel": "bring-your-own-license"}, "InvalidParameterCombination", "Invalid license model"),
        ({"Tags": [{"Key": "aws:own", "Value": "x"}]}, "InvalidParameterValue", "Tag keys that begin with aws:"),
    ],
)  # fmt: skip
def test_what_aws_refuses_is_refused(rds, said, code, text):
    told = refusal(rds.create_db_instance, **{**MADE, **said})
    assert told["Code"] == code and told["Message"].startswith(text)
    assert rds.describe_db_instances()["DBInstances"] == []


@pytest.mark.parametrize(
    "said",
    [
        {"Engine": "mysql"}, {"Engine": "aurora-mysql"}, {"MultiAZ": True}, {"StorageEncrypted": True}, {"KmsKeyId": "alias/own"},
        {"EnableIAMDatabaseAuthentication": True}, {"MonitoringInterval": 60}, {"EnablePerformanceInsights": True}, {"MaxAllocatedStorage": 100},
        {"EnableCloudwatchLogsExports": ["postgresql"]}, {"Domain": "d-0123"},
        {"NetworkType": "DUAL"}, {"Timezone": "UTC"}, {"EngineLifecycleSupport": "open-source-rds-extended-support-disabled"},
    ],
)  # fmt: skip
def test_what_is_not_built_is_refused_by_name(rds, said):
    told = refusal(rds.create_db_instance, **{**MADE, **said})
    assert told["Code"] == "NotImplemented" and (next(iter(said)) in told["Message"] or said.get("Engine", "-") in told["Message"])


@pytest.mark.parametrize(
    "operation, said",
    [
        ("create_db_cluster", {"DBClusterIdentifier": "cluster", "Engine": "aurora-mysql"}),
        ("create_global_cluster", {"GlobalClusterIdentifier": "global"}),
        ("create_option_group", {"OptionGroupName": "own", "EngineName": "postgres", "MajorEngineVersion": "18", "OptionGroupDescription": "-"}),
        ("create_blue_green_deployment", {"BlueGreenDeploymentName": "b", "Source": "arn:aws:rds:us-east-1:000000000000:db:orders"}),
    ],
)
def test_operations_that_are_not_built_are_refused_by_name(rds, operation, said):
    assert code_of(getattr(rds, operation), **said) == "NotImplemented"


def test_what_is_missing_is_said(rds):
    for member in ("MasterUsername", "MasterUserPassword", "AllocatedStorage"):
        told = refusal(rds.create_db_instance, **{name: value for name, value in MADE.items() if name != member})
        assert told["Code"] == "InvalidParameterValue" and told["Message"].startswith(f"The parameter {member} must be provided and must not be")


def test_a_name_is_taken_whatever_the_size_of_its_letters(rds):
    rds.create_db_instance(**MADE)
    assert refusal(rds.create_db_instance, **{**MADE, "DBInstanceIdentifier": "ORDERS"}) == {
        "Type": "Sender", "Code": "DBInstanceAlreadyExists", "Message": "DB instance already exists",
    }  # fmt: skip


def test_an_account_has_forty_instances(make_cloud):
    # At AWS's pace none of them is there yet.
    rds = make_cloud(pace="real").client("rds")
    for number in range(40):
        rds.create_db_instance(**{**MADE, "DBInstanceIdentifier": f"orders-{number}"})
    assert code_of(rds.create_db_instance, **MADE) == "InstanceQuotaExceeded"


def test_a_refused_change_changes_nothing(cloud):
    databases = Databases(cloud)
    databases.create()
    databases.rds.create_db_instance(**{**MADE, "DBInstanceIdentifier": "other"})
    before = databases.shown()
    for said, code in (
        ({"AllocatedStorage": 10}, "InvalidParameterCombination"), ({"AllocatedStorage": 21}, "InvalidParameterCombination"),
        ({"DBInstanceClass": "db.none"}, "InvalidParameterValue"), ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"NewDBInstanceIdentifier": "1st"}, "InvalidParameterValue"), ({"NewDBInstanceIdentifier": "other"}, "DBInstanceAlreadyExists"),
        ({"DBPortNumber": 1}, "InvalidParameterValue"), ({"EngineVersion": "99"}, "InvalidParameterCombination"),
        ({"DBParameterGroupName": "nothing"}, "DBParameterGroupNotFound"), ({"MultiAZ": True}, "NotImplemented"),
        ({"RotateMasterUserPassword": True, "ApplyImmediately": True}, "InvalidParameterCombination"),
        ({"PreferredMaintenanceWindow": "nonsense"}, "InvalidParameterValue"),
    ):  # fmt: skip
        assert code_of(databases.rds.modify_db_instance, DBInstanceIdentifier="orders", **{"DeletionProtection": True, **said}) == code, said
    assert databases.shown() == before


@pytest.mark.parametrize("operation", ["modify_db_instance", "reboot_db_instance", "stop_db_instance", "start_db_instance"])
def test_what_is_not_there_is_not_found(rds, operation):
    assert refusal(getattr(rds, operation), DBInstanceIdentifier="Nothing")["Code"] == "DBInstanceNotFound"


def test_versions_told_are_those_that_run(rds):
    told = {each["Engine"]: each for each in rds.describe_db_engine_versions()["DBEngineVersions"]}
    version, of_aurora = told["postgres"], told["aurora-postgresql"]
    assert (of_aurora["Engine"], of_aurora["EngineVersion"]) == ("aurora-postgresql", version["EngineVersion"])
    assert version["Engine"] == "postgres" and version["DBParameterGroupFamily"] == f"postgres{version['MajorEngineVersion']}"
    assert rds.describe_db_engine_versions(Engine="mysql")["DBEngineVersions"] == []
    options = rds.describe_orderable_db_instance_options(Engine="postgres", DBInstanceClass="db.t3.micro")["OrderableDBInstanceOptions"]
    assert {each["StorageType"] for each in options} == {"gp2", "gp3"} and {each["EngineVersion"] for each in options} == {version["EngineVersion"]}


def test_lenient_runs_the_version_that_is_here_and_says_so(make_cloud):
    rds = make_cloud(is_lenient=True, pace="real").client("rds")
    made = rds.create_db_instance(**MADE, EngineVersion="15.4")["DBInstance"]
    assert made["EngineVersion"] == rds.describe_db_engine_versions()["DBEngineVersions"][0]["EngineVersion"]


def test_policies_judge_by_instance_snapshot_and_tag(make_cloud):
    cloud = make_cloud(pace="real")
    iam, root = cloud.client("iam"), cloud.client("rds")
    iam.create_user(UserName="clerk")
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    arn = "arn:aws:rds:us-east-1:000000000000"
    iam.put_user_policy(UserName="clerk", PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "rds:Describe*", "Resource": f"{arn}:db:orders"},
        {"Effect": "Allow", "Action": "rds:CreateDBInstance", "Resource": [f"{arn}:db:clerk-*", f"{arn}:pg:*"],
        "Condition": {"StringEquals": {"rds:DatabaseClass": "db.t3.micro"}}},
        {"Effect": "Allow", "Action": "rds:DeleteDBInstance", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "clerks"}}},
    ]}))  # fmt: skip
    rds = cloud.client("rds", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    root.create_db_instance(**MADE)
    root.create_db_instance(**{**MADE, "DBInstanceIdentifier": "others"}, Tags=[{"Key": "team", "Value": "clerks"}])
    assert rds.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"]
    assert code_of(rds.describe_db_instances, DBInstanceIdentifier="others") == "AccessDenied"
    assert code_of(rds.describe_db_instances) == "AccessDenied"
    assert code_of(rds.create_db_instance, **{**MADE, "DBInstanceIdentifier": "boss"}) == "AccessDenied"
    assert code_of(rds.create_db_instance, **{**MADE, "DBInstanceIdentifier": "clerk-1", "DBInstanceClass": "db.m5.large"}) == "AccessDenied"
    assert rds.create_db_instance(**{**MADE, "DBInstanceIdentifier": "clerk-1"})
    assert code_of(rds.delete_db_instance, DBInstanceIdentifier="orders", SkipFinalSnapshot=True) == "AccessDenied"
    assert rds.delete_db_instance(DBInstanceIdentifier="others", SkipFinalSnapshot=True)
    assert code_of(rds.create_db_snapshot, DBInstanceIdentifier="orders", DBSnapshotIdentifier="mine") == "AccessDenied"


def test_tags_are_kept_of_everything(cloud):
    databases = Databases(cloud)
    rds = databases.rds
    arn = databases.create(Tags=[{"Key": "team", "Value": "blue"}])["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "stage", "Value": "test"}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["team"])
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "stage", "Value": "test"}]
    found = cloud.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["rds:db"])["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in found] == [arn]
    assert code_of(rds.list_tags_for_resource, ResourceName="arn:aws:rds:us-east-1:000000000000:db:nothing") == "DBInstanceNotFound"
    assert code_of(rds.list_tags_for_resource, ResourceName="nonsense") == "InvalidParameterValue"


def test_a_password_stands_in_no_record(cloud):
    databases = Databases(cloud)
    databases.create(MasterUserPassword="a-very-secret-word")
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", MasterUserPassword="another-secret-word")
    databases.until("available")
    cloud.sleep(1)
    for name in ("CreateDBInstance", "ModifyDBInstance"):
        (told,) = cloud.client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
        assert "keeper" in told["CloudTrailEvent"] or name == "ModifyDBInstance"
        assert "secret-word" not in told["CloudTrailEvent"]
