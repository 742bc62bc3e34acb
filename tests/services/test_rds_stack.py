"""Databases that stacks make, with their parameters and passwords, and what becomes of them."""

import json

import pytest
from database_workshop import PASSWORD, Databases
from vpc_workshop import Network

pytestmark = pytest.mark.database


@pytest.fixture
def databases(cloud):
    return Databases(cloud)


def _deploy(databases, resources, verb="create", outputs=None):
    stacks = databases.cloud.client("cloudformation")
    if verb == "delete":
        stack = stacks.describe_stacks(StackName="shop")["Stacks"][0]["StackId"]
        stacks.delete_stack(StackName="shop")
    else:
        body = json.dumps({"Resources": resources, **({"Outputs": outputs} if outputs else {})})
        stack = getattr(stacks, f"{verb}_stack")(StackName="shop", TemplateBody=body)["StackId"]
    for _ in range(3_000):
        (shown,) = stacks.describe_stacks(StackName=stack)["Stacks"]
        if not shown["StackStatus"].endswith("IN_PROGRESS"):
            break
        databases.cloud.sleep(0.05)
    reasons = [each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName=stack)["StackEvents"]]
    assert shown["StackStatus"] == f"{verb.upper()}_COMPLETE", "\n".join(each for each in reasons if each)
    return {each["OutputKey"]: each["OutputValue"] for each in shown.get("Outputs", ())}


def _resources(**more):
    return {
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "shop", "GenerateSecretString": {
                "SecretStringTemplate": '{"username": "keeper"}', "GenerateStringKey": "password", "ExcludePunctuation": True,
            }},
        },
        "Group": {"Type": "AWS::RDS::DBParameterGroup", "Properties": {
            "Family": "postgres18", "Description": "ours", "Parameters": {"work_mem": "8192", "max_connections": "40"},
        }},
        "Database": {"Type": "AWS::RDS::DBInstance", "Properties": {
            "DBInstanceIdentifier": "orders", "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "AllocatedStorage": "20", "DBName": "shop",
            "BackupRetentionPeriod": 0, "DBParameterGroupName": {"Ref": "Group"},
            "MasterUsername": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:username}}"},
            "MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"}, **more,
        }},
    }  # fmt: skip


OUTPUTS = {
    "Host": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}}, "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}},
    "Name": {"Value": {"Ref": "Database"}}, "Arn": {"Value": {"Fn::GetAtt": ["Database", "DBInstanceArn"]}},
}  # fmt: skip


def test_a_stack_makes_a_database_changes_it_and_keeps_a_snapshot_when_it_goes(databases):
    told = _deploy(databases, _resources(), outputs=OUTPUTS)
    shown = databases.shown()
    assert told == {
        "Host": shown["Endpoint"]["Address"], "Port": str(shown["Endpoint"]["Port"]), "Name": "orders", "Arn": shown["DBInstanceArn"],
    }  # fmt: skip
    secret = json.loads(databases.cloud.client("secretsmanager").get_secret_value(SecretId="shop")["SecretString"])
    with databases.session(password=secret["password"], database="shop") as session:
        assert session.ask("show work_mem") + session.ask("show max_connections") == [("8MB",), ("40",)]
        session.ask("create table orders as select 7 as id")

    changed = _resources(AllocatedStorage="40", DBInstanceClass="db.t3.small", Tags=[{"Key": "team", "Value": "blue"}])
    changed["Group"]["Properties"]["Parameters"] = {"work_mem": "16384"}
    _deploy(databases, changed, "update")
    shown = databases.shown()
    assert (shown["AllocatedStorage"], shown["DBInstanceClass"]) == (40, "db.t3.small")
    assert {"Key": "team", "Value": "blue"} in shown["TagList"]
    assert databases.ask("show work_mem", password=secret["password"]) == [("16MB",)]

    # A stack deletes a database without a policy of its own with a final snapshot:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    _deploy(databases, {}, "delete")
    (kept,) = databases.rds.describe_db_snapshots()["DBSnapshots"]
    assert kept["DBSnapshotIdentifier"].startswith("shop-snapshot-database-") and databases.rds.describe_db_instances()["DBInstances"] == []
    again = _resources(DBSnapshotIdentifier=kept["DBSnapshotIdentifier"], AllocatedStorage="40")
    again["Database"]["DeletionPolicy"] = "Delete"
    del again["Database"]["Properties"]["MasterUsername"]
    again["Database"]["Properties"]["MasterUserPassword"] = PASSWORD
    _deploy(databases, again)
    assert databases.ask("select id from orders", database="shop") == [(7,)]
    _deploy(databases, {}, "delete")
    assert len(databases.rds.describe_db_snapshots()["DBSnapshots"]) == 1


def _cluster(**more):
    """As CDK's ``rds.DatabaseCluster`` with a serverless writer spells it."""
    said = "{{resolve:secretsmanager:${Secret}:SecretString:%s::}}"
    return {
        "Subnets": {"Type": "AWS::RDS::DBSubnetGroup", "Properties": {
            "DBSubnetGroupDescription": "Subnets for Database database", "SubnetIds": more.pop("subnets"),
        }},
        "Secret": {"Type": "AWS::SecretsManager::Secret", "DeletionPolicy": "Delete", "Properties": {"GenerateSecretString": {
            "SecretStringTemplate": '{"username":"keeper"}', "GenerateStringKey": "password", "PasswordLength": 30, "ExcludeCharacters": " %+~`#$&*()|[]{}:;<>?!'/@\"\\",
        }}},
        "Attachment": {"Type": "AWS::SecretsManager::SecretTargetAttachment", "Properties": {
            "SecretId": {"Ref": "Secret"}, "TargetId": {"Ref": "Database"}, "TargetType": "AWS::RDS::DBCluster",
        }},
        "Group": {"Type": "AWS::RDS::DBClusterParameterGroup", "Properties": {
            "Family": "aurora-postgresql18", "Description": "Cluster parameter group for aurora-postgresql18", "Parameters": {"work_mem": "8192"},
        }},
        "Database": {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot", "Properties": {
            "CopyTagsToSnapshot": True, "DBClusterParameterGroupName": {"Ref": "Group"}, "DBSubnetGroupName": {"Ref": "Subnets"},
            "DatabaseName": "shop", "EnableHttpEndpoint": True, "Engine": "aurora-postgresql", "MasterUsername": {"Fn::Sub": said % "username"},
            "MasterUserPassword": {"Fn::Sub": said % "password"}, "Port": 5432,
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 2}, **more,
        }},
        "Writer": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Delete", "Properties": {
            "DBClusterIdentifier": {"Ref": "Database"}, "DBInstanceClass": "db.serverless", "Engine": "aurora-postgresql", "PromotionTier": 0,
        }},
    }  # fmt: skip


def test_a_stack_makes_a_cluster_with_its_writer_and_its_secret_leads_there(databases):
    cloud, subnets = databases.cloud, Network(databases.cloud).subnets
    outputs = {
        "Arn": {"Value": {"Fn::GetAtt": ["Database", "DBClusterArn"]}}, "Secret": {"Value": {"Ref": "Attachment"}},
        "Host": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Address"]}}, "Reader": {"Value": {"Fn::GetAtt": ["Database", "ReadEndpoint.Address"]}},
        "Port": {"Value": {"Fn::GetAtt": ["Database", "Endpoint.Port"]}}, "Writer": {"Value": {"Ref": "Writer"}},
    }  # fmt: skip
    told = _deploy(databases, _cluster(subnets=subnets), outputs=outputs)
    (shown,) = databases.rds.describe_db_clusters()["DBClusters"]
    assert (told["Host"], told["Reader"], told["Port"]) == (shown["Endpoint"], shown["ReaderEndpoint"], str(shown["Port"]))
    assert [(each["DBInstanceIdentifier"], each["PromotionTier"]) for each in shown["DBClusterMembers"]] == [(told["Writer"], 0)]
    secret = json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=told["Secret"])["SecretString"])
    assert {name: value for name, value in secret.items() if name != "password"} == {
        "username": "keeper", "engine": "postgres", "host": shown["Endpoint"], "port": shown["Port"], "dbname": "shop",
        "dbClusterIdentifier": shown["DBClusterIdentifier"],
    }  # fmt: skip
    ask = {"resourceArn": told["Arn"], "secretArn": told["Secret"], "database": "shop"}
    data = cloud.client("rds-data")
    assert data.execute_statement(**ask, sql="show work_mem")["records"] == [[{"stringValue": "8MB"}]]
    data.execute_statement(**ask, sql="create table orders as select 7 as id")

    changed = _cluster(subnets=subnets, ServerlessV2ScalingConfiguration={"MinCapacity": 1, "MaxCapacity": 4}, BackupRetentionPeriod=3)
    changed["Group"]["Properties"]["Parameters"] = {"work_mem": "16384"}
    _deploy(databases, changed, "update")
    (shown,) = databases.rds.describe_db_clusters()["DBClusters"]
    assert (shown["ServerlessV2ScalingConfiguration"], shown["BackupRetentionPeriod"]) == ({"MinCapacity": 1.0, "MaxCapacity": 4.0}, 3)

    _deploy(databases, {}, "delete")
    assert databases.rds.describe_db_clusters()["DBClusters"] == databases.rds.describe_db_instances()["DBInstances"] == []
    (kept,) = databases.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    again = _cluster(subnets=subnets, SnapshotIdentifier=kept["DBClusterSnapshotIdentifier"])
    again["Database"]["DeletionPolicy"] = "Delete"
    told = _deploy(databases, again, outputs=outputs)
    ask |= {"resourceArn": told["Arn"], "secretArn": told["Secret"]}
    assert data.execute_statement(**ask, sql="select id from orders")["records"] == [[{"longValue": 7}]]
    _deploy(databases, {}, "delete")
    assert len(databases.rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]) == 1


def test_a_cluster_that_is_made_again_has_a_password_of_rds_if_its_template_says_so(databases):
    key = databases.cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    own = {"Engine": "aurora-postgresql", "ManageMasterUserPassword": True, "MasterUserSecret": {"KmsKeyId": key}}

    def cluster(**more):
        return {"Database": {"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Delete", "Properties": {**own, **more}}}

    rds = databases.rds
    _deploy(databases, cluster(MasterUsername="keeper"))
    # What else changes has nothing to do with the key.
    _deploy(databases, cluster(MasterUsername="keeper", BackupRetentionPeriod=3), "update")
    (shown,) = rds.describe_db_clusters()["DBClusters"]
    assert (shown["BackupRetentionPeriod"], shown["MasterUserSecret"]["KmsKeyId"]) == (3, key)
    rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="kept", DBClusterIdentifier=shown["DBClusterIdentifier"])
    for _ in range(3_000):
        if rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="kept")["DBClusterSnapshots"][0]["Status"] == "available":
            break
        databases.cloud.sleep(0.05)
    _deploy(databases, {}, "delete")
    _deploy(databases, cluster(SnapshotIdentifier="kept"))
    (shown,) = rds.describe_db_clusters()["DBClusters"]
    assert shown["MasterUserSecret"]["KmsKeyId"] == key
    _deploy(databases, {}, "delete")


def test_a_stack_makes_a_read_replica_and_promotes_it_when_its_source_is_taken_away(databases):
    resources = _resources(BackupRetentionPeriod=1)
    replica = {"DBInstanceIdentifier": "copy", "DBInstanceClass": "db.t3.small", "SourceDBInstanceIdentifier": {"Ref": "Database"}}
    _deploy(databases, resources | {"Copy": {"Type": "AWS::RDS::DBInstance", "Properties": replica}})
    copy = databases.shown("copy")
    assert (copy["ReadReplicaSourceDBInstanceIdentifier"], copy["DBInstanceClass"]) == ("orders", "db.t3.small")
    del replica["SourceDBInstanceIdentifier"]
    _deploy(databases, resources | {"Copy": {"Type": "AWS::RDS::DBInstance", "Properties": replica}}, "update")
    assert "ReadReplicaSourceDBInstanceIdentifier" not in databases.shown("copy")
    assert databases.shown()["ReadReplicaDBInstanceIdentifiers"] == []
