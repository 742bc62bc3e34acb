"""Clusters of Aurora: data that outlives its instances, endpoints, copies, and what is refused."""

import json
import socket

import pytest
from cluster_workshop import ENGINE, Clusters, given
from database_workshop import PASSWORD, code_of, refusal
from lambda_workshop import put_user
from vpc_workshop import CALLS, Network, placed, reached, tcp

pytestmark = pytest.mark.database


@pytest.fixture
def clusters(cloud):
    return Clusters(cloud)


def test_a_cluster_has_data_and_whoever_is_its_member_serves_it(clusters):
    shown = clusters.create_cluster(writer="")
    assert (shown["DBClusterMembers"], shown["EngineVersion"][:3], shown["HttpEndpointEnabled"]) == ([], "18.", True)
    clusters.keep_secret()
    said = refusal(clusters.data.execute_statement, **clusters.place, database="shop", sql="select 1")
    assert (said["Code"], said["Message"]) == ("DatabaseNotFoundException", "The DB cluster doesn't have a DB instance.")

    clusters.rds.create_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier="shop")
    instance = clusters.until("available", "writer")
    shown = clusters.shown_cluster()
    assert (instance["DBClusterIdentifier"], instance["Endpoint"]["Port"]) == ("shop", shown["Port"])
    assert [(each["DBInstanceIdentifier"], each["IsClusterWriter"]) for each in shown["DBClusterMembers"]] == [("writer", True)]
    assert shown["Endpoint"].startswith("shop.cluster-") and shown["ReaderEndpoint"].startswith("shop.cluster-ro-")
    clusters.told("create table orders as select 7 as id")
    assert clusters.ask("select id, current_user from orders", name="writer", database="shop") == [(7, "keeper")]

    assert code_of(clusters.rds.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True) == "InvalidDBClusterStateFault"
    clusters.rds.delete_db_instance(DBInstanceIdentifier="writer")
    clusters.until_gone("writer")
    clusters.rds.create_db_instance(DBInstanceIdentifier="next", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier="shop")
    clusters.until("available", "next")
    assert clusters.rows("select id from orders") == [(7,)]

    clusters.rds.delete_db_instance(DBInstanceIdentifier="next")
    clusters.rds.delete_db_cluster(DBClusterIdentifier="shop", SkipFinalSnapshot=True)
    for _ in range(1_000):
        if not clusters.rds.describe_db_clusters()["DBClusters"]:
            break
        clusters.cloud.sleep(0.01)
    assert code_of(clusters.rds.describe_db_clusters, DBClusterIdentifier="shop") == "DBClusterNotFoundFault"
    told = [(each["SourceType"], each["Message"]) for each in clusters.rds.describe_events(SourceType="db-cluster", Duration=60)["Events"]]
    assert told == [("db-cluster", "DB cluster created"), ("db-cluster", "DB cluster deleted")]


def test_a_kill_leaves_what_was_answered_and_undoes_what_was_under_way(clusters):
    clusters.create_cluster()
    clusters.keep_secret()
    clusters.told("create table orders (id int)")
    clusters.told("insert into orders values (1)")
    transaction = clusters.data.begin_transaction(**clusters.place, database="shop")["transactionId"]
    clusters.told("insert into orders values (2)", transactionId=transaction)
    clusters.cloud.restart(kill=True)
    for _ in range(1_000):
        try:
            found = clusters.rows("select id from orders")
            break
        except clusters.data.exceptions.DatabaseUnavailableException:
            clusters.cloud.sleep(0.01)
    assert found == [(1,)]
    said = refusal(clusters.data.commit_transaction, **clusters.place, transactionId=transaction)
    assert said["Code"] == "TransactionNotFoundException"


def test_a_kill_in_the_midst_of_its_making_makes_it_again(clusters):
    clusters.rds.create_db_cluster(
        DBClusterIdentifier="shop", Engine=ENGINE, MasterUsername="keeper", MasterUserPassword=PASSWORD, DatabaseName="shop"
    )
    clusters.rds.create_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier="shop")
    clusters.cloud.sleep(0.05)
    clusters.cloud.restart(kill=True)
    clusters.until("available", "writer")
    assert clusters.ask("select current_user", name="writer", database="shop") == [("keeper",)]


def test_a_snapshot_and_any_second_come_back_as_clusters(clusters):
    clusters.create_cluster()
    clusters.keep_secret()
    clusters.told("create table orders as select 1 as id")
    clusters.rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="first", DBClusterIdentifier="shop")
    snapshot = clusters.until_cluster_snapshot("first")
    assert (snapshot["DBClusterIdentifier"], snapshot["SnapshotType"], snapshot["Engine"]) == ("shop", "manual", ENGINE)
    for _ in range(1_000):  # of the day
        if clusters.shown_cluster().get("LatestRestorableTime"):
            break
        clusters.cloud.sleep(0.01)
    clusters.until_cluster("available")
    clusters.told("insert into orders values (2)")

    clusters.rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="then", SnapshotIdentifier="first", Engine=ENGINE)
    clusters.rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="latest", SourceDBClusterIdentifier="shop", UseLatestRestorableTime=True, RestoreType="copy-on-write"
    )
    for name, found in (("then", [(1,)]), ("latest", [(1,), (2,)])):
        clusters.rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-writer", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier=name
        )
        clusters.until("available", f"{name}-writer")
        assert clusters.ask("select id from orders order by id", name=f"{name}-writer", database="shop") == found
    clusters.rds.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier="first", TargetDBClusterSnapshotIdentifier="second")
    clusters.until_cluster_snapshot("second")
    clusters.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="first")
    kinds = {each["DBClusterSnapshotIdentifier"] for each in clusters.rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]}
    assert kinds == {"second"}


def test_it_rests_with_its_instances_and_comes_back(clusters):
    clusters.create_cluster()
    clusters.keep_secret()
    clusters.told("create table orders as select 1 as id")
    clusters.rds.stop_db_cluster(DBClusterIdentifier="shop")
    clusters.until_cluster("stopped")
    assert clusters.shown("writer")["DBInstanceStatus"] == "stopped"
    assert refusal(clusters.data.execute_statement, **clusters.place, sql="select 1")["Code"] == "InvalidResourceStateException"
    assert code_of(clusters.rds.stop_db_instance, DBInstanceIdentifier="writer") == "InvalidParameterCombination"
    clusters.rds.start_db_cluster(DBClusterIdentifier="shop")
    clusters.until_cluster("available")
    assert clusters.shown("writer")["DBInstanceStatus"] == "available"
    assert clusters.rows("select id from orders") == [(1,)]
    clusters.rds.reboot_db_instance(DBInstanceIdentifier="writer")
    clusters.until("available", "writer")
    assert clusters.rows("select id from orders") == [(1,)]


def test_both_groups_say_what_its_server_reads_and_an_instances_own_comes_first(clusters):
    rds, family = clusters.rds, "aurora-postgresql18"
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="ours", DBParameterGroupFamily=family, Description="-")
    rds.create_db_parameter_group(DBParameterGroupName="its", DBParameterGroupFamily=family, Description="-")

    def say(name, value, **group):
        parameters = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"}]
        verb = rds.modify_db_parameter_group if "DBParameterGroupName" in group else rds.modify_db_cluster_parameter_group
        verb(**group, Parameters=parameters)

    ours, its = {"DBClusterParameterGroupName": "ours"}, {"DBParameterGroupName": "its"}
    say("work_mem", "8192", **ours)
    say("statement_timeout", "70000", **ours)
    say("work_mem", "16384", **its)
    clusters.create_cluster(writer="", **ours)
    rds.create_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier="shop", **its)
    clusters.until("available", "writer")
    clusters.keep_secret()
    assert clusters.rows("show work_mem") + clusters.rows("show statement_timeout") == [("16MB",), ("70s",)]

    def until(name, value):
        for _ in range(1_000):
            found = clusters.rows(f"show {name}")
            if found == [(value,)]:
                return
            clusters.cloud.sleep(0.01)
        raise AssertionError(found)

    say("statement_timeout", "80000", **ours)
    until("statement_timeout", "80s")
    say("work_mem", "4096", **ours)
    rds.reset_db_parameter_group(**its, Parameters=[{"ParameterName": "work_mem", "ApplyMethod": "immediate"}])
    until("work_mem", "4MB")
    (told,) = rds.describe_db_cluster_parameter_groups(**ours)["DBClusterParameterGroups"]
    assert (told["DBParameterGroupFamily"], told["DBClusterParameterGroupArn"][-15:]) == (family, "cluster-pg:ours")
    assert code_of(rds.delete_db_cluster_parameter_group, **ours) == "InvalidDBParameterGroupState"


def test_rds_keeps_its_master_users_password_and_changes_it(clusters):
    clusters.rds.create_db_cluster(
        DBClusterIdentifier="shop", Engine=ENGINE, MasterUsername="keeper", ManageMasterUserPassword=True, DatabaseName="shop", EnableHttpEndpoint=True
    )
    clusters.rds.create_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier="shop")
    clusters.until("available", "writer")
    shown = clusters.shown_cluster()
    clusters.secret = shown["MasterUserSecret"]["SecretArn"]
    name = clusters.cloud.client("secretsmanager").describe_secret(SecretId=clusters.secret)["Name"]
    assert name.startswith("rds!cluster-")
    other = {"ManageMasterUserPassword": True, "MasterUserSecretKmsKeyId": "alias/other", "ApplyImmediately": True}
    assert code_of(clusters.rds.modify_db_cluster, DBClusterIdentifier="shop", **other) == "NotImplemented"
    assert clusters.rows("select current_user::text") == [("keeper",)]
    clusters.rds.modify_db_cluster(DBClusterIdentifier="shop", RotateMasterUserPassword=True, ApplyImmediately=True)
    clusters.until_cluster("available")
    assert clusters.rows("select current_user::text") == [("keeper",)]


def test_it_can_be_called_otherwise_and_given_another_password(clusters):
    clusters.create_cluster()
    clusters.keep_secret()
    clusters.rds.modify_db_cluster(DBClusterIdentifier="shop", MasterUserPassword="another-password", DeletionProtection=True)
    clusters.until_cluster("available")
    assert clusters.ask("select 1", name="writer", password="another-password") == [(1,)]
    said = refusal(clusters.rds.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True)
    assert said["Message"] == "Cannot delete protected Cluster, please disable deletion protection and try again."
    clusters.rds.modify_db_cluster(DBClusterIdentifier="shop", NewDBClusterIdentifier="market", ApplyImmediately=True)
    for _ in range(1_000):
        if clusters.rds.describe_db_clusters()["DBClusters"][0]["DBClusterIdentifier"] == "market":
            break
        clusters.cloud.sleep(0.01)
    clusters.until_cluster("available", "market")
    assert clusters.shown("writer")["DBClusterIdentifier"] == "market"
    assert clusters.rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": ["market"]}])["DBInstances"]


def test_serverless_instances_have_the_capacity_that_their_cluster_says(clusters):
    said = {"DBInstanceIdentifier": "writer", "DBInstanceClass": "db.serverless", "Engine": ENGINE, "DBClusterIdentifier": "shop"}
    clusters.create_cluster(writer="")
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-administration.html
    assert refusal(clusters.rds.create_db_instance, **said)["Message"] == (
        "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance."
    )
    scaling = {"MinCapacity": 0.5, "MaxCapacity": 2.0}
    clusters.rds.modify_db_cluster(DBClusterIdentifier="shop", ServerlessV2ScalingConfiguration=scaling)
    clusters.rds.create_db_instance(**said)
    clusters.until("available", "writer")
    assert clusters.shown_cluster()["ServerlessV2ScalingConfiguration"] == scaling
    assert clusters.shown("writer")["DBInstanceClass"] == "db.serverless"


def test_what_aurora_alone_has_is_refused_by_name(clusters):
    said = {"DBClusterIdentifier": "shop", "Engine": ENGINE, "MasterUsername": "keeper", "MasterUserPassword": PASSWORD}

    def told(**more):
        found = refusal(clusters.rds.create_db_cluster, **{**said, **more})
        return found["Code"], found["Message"]

    for more in ({"BacktrackWindow": 60}, {"GlobalClusterIdentifier": "world"}, {"EnableLimitlessDatabase": True}, {"StorageEncrypted": True}):
        (name,) = more
        assert told(**more) == ("NotImplemented", f"Kumoniwa does not implement rds:CreateDBCluster({name}).")
    assert told(ServerlessV2ScalingConfiguration={"MinCapacity": 0, "MaxCapacity": 1})[0] == "NotImplemented"
    assert told(Engine="aurora-mysql")[0] == told(Engine="postgres")[0] == "NotImplemented"
    assert told(EngineMode="serverless")[0] == "InvalidParameterValue"
    assert told(EngineVersion="16.4") == ("InvalidParameterCombination", f"Cannot find version 16.4 for {ENGINE}")
    assert told(BackupRetentionPeriod=0)[0] == told(ServerlessV2ScalingConfiguration={"MinCapacity": 0.7, "MaxCapacity": 1})[0] == "InvalidParameterValue"
    assert told(DBClusterParameterGroupName="missing")[0] == "DBClusterParameterGroupNotFound"


def test_an_instance_is_not_asked_what_its_cluster_says(clusters):
    clusters.create_cluster(writer="")
    said = {"DBInstanceIdentifier": "writer", "DBInstanceClass": "db.r6g.large", "Engine": ENGINE, "DBClusterIdentifier": "shop"}

    def told(**more):
        return refusal(clusters.rds.create_db_instance, **{**said, **more})["Message"]

    member = "The requested DB Instance will be a member of a DB Cluster."
    assert told(MasterUserPassword=PASSWORD) == f"{member} Set master user password for the DB Cluster."
    assert told(BackupRetentionPeriod=2) == f"{member} Set backup retention period for the DB Cluster."
    assert told(AllocatedStorage=20) == "The requested DB instance will be a member of a DB cluster. You don't need to set storage size."
    assert told(Engine="postgres") == (
        f"The engine name requested for your DB instance (postgres) doesn't match the engine name of your DB cluster ({ENGINE})."
    )
    assert told(DBInstanceClass="db.t3.micro").startswith("RDS does not support creating a DB instance with the following combination: ")
    assert told(DBClusterIdentifier="missing") == "DBCluster missing not found."
    assert code_of(clusters.rds.create_db_instance, **{key: value for key, value in said.items() if key != "DBClusterIdentifier"}) == (
        "InvalidParameterCombination"
    )
    clusters.rds.create_db_instance(**said)
    clusters.until("available", "writer")
    assert code_of(clusters.rds.create_db_instance, **{**said, "DBInstanceIdentifier": "reader"}) == "NotImplemented"
    assert code_of(clusters.rds.modify_db_instance, DBInstanceIdentifier="writer", MasterUserPassword=PASSWORD) == "InvalidParameterCombination"
    assert refusal(clusters.rds.create_db_snapshot, DBInstanceIdentifier="writer", DBSnapshotIdentifier="x")["Message"] == (
        "The specified instance is a member of a cluster and a snapshot cannot be created directly. Please use the CreateDBClusterSnapshot API instead."
    )
    assert code_of(clusters.rds.failover_db_cluster, DBClusterIdentifier="shop") == "InvalidDBClusterStateFault"


def test_the_data_api_asks_who_calls_for_the_cluster_and_for_its_secret(clusters):
    clusters.create_cluster(Tags=[{"Key": "team", "Value": "blue"}])
    secret = clusters.keep_secret()
    put_user(clusters.cloud, "ann", "AKIAANN", "rds-data:ExecuteStatement")
    put_user(clusters.cloud, "bob", "AKIABOB", "rds-data:ExecuteStatement", "secretsmanager:GetSecretValue")
    put_user(clusters.cloud, "cy", "AKIACY", "secretsmanager:GetSecretValue")

    def told(key):
        client = clusters.cloud.client("rds-data", key=key, secret="secret")
        try:
            return client.execute_statement(**clusters.place, database="shop", sql="select 1")["records"]
        except client.exceptions.AccessDeniedException as error:
            return error.response["Error"]["Message"]

    words = f"User: arn:aws:iam::000000000000:user/ann is not authorized to perform: secretsmanager:GetSecretValue on resource: {secret}"
    assert told("AKIAANN").startswith(words)
    assert "rds-data:ExecuteStatement on resource: arn:aws:rds:us-east-1:000000000000:cluster:shop" in told("AKIACY")
    assert told("AKIABOB") == [[{"longValue": 1}]]
    tagged = clusters.cloud.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["rds:cluster"])["ResourceTagMappingList"]
    assert [each["Tags"] for each in tagged] == [[{"Key": "team", "Value": "blue"}]]


def test_a_sealed_secret_that_cannot_be_opened_leads_nowhere(clusters):
    clusters.create_cluster()
    kms = clusters.cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    made = clusters.cloud.client("secretsmanager").create_secret(
        Name="sealed", KmsKeyId=key, SecretString=json.dumps({"username": "keeper", "password": PASSWORD})
    )
    clusters.secret = made["ARN"]
    assert clusters.rows("select :x", given("x", longValue=1)) == [(1,)]
    kms.disable_key(KeyId=key)
    clusters.cloud.sleep(600)
    assert refusal(clusters.data.execute_statement, **clusters.place, sql="select 1")["Code"] == "SecretsErrorException"


def test_its_instances_have_interfaces_in_its_network_behind_its_groups(clusters):
    cloud, rds = clusters.cloud, clusters.rds
    network = Network(cloud)
    rds.create_db_subnet_group(DBSubnetGroupName="own", DBSubnetGroupDescription="-", SubnetIds=network.subnets)
    one, other = network.group("one"), network.group("other")
    made = clusters.create_cluster(DBSubnetGroupName="own", VpcSecurityGroupIds=[one])
    assert made["DBSubnetGroup"] == "own" and made["VpcSecurityGroups"] == [{"VpcSecurityGroupId": one, "Status": "active"}]

    def interfaces():
        found = network.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["NetworkInterfaces"]
        return [[group["GroupId"] for group in each["Groups"]] for each in found if each["Description"] == "RDSNetworkInterface"]

    assert interfaces() == [[one]]
    (writer,) = rds.describe_db_instances()["DBInstances"]
    assert writer["DBSubnetGroup"]["DBSubnetGroupName"] == "own" and [each["VpcSecurityGroupId"] for each in writer["VpcSecurityGroups"]] == [one]
    placed(cloud, network, other, CALLS)
    assert reached(cloud, made["Endpoint"], 5432) == "silence"
    network.ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[tcp(5432, cidr=network.cidr)])
    assert [reached(cloud, made[name], 5432) for name in ("Endpoint", "ReaderEndpoint")] == ["in", "in"]
    changed = rds.modify_db_cluster(DBClusterIdentifier="shop", VpcSecurityGroupIds=[other])["DBCluster"]
    assert [each["VpcSecurityGroupId"] for each in changed["VpcSecurityGroups"]] == [other] and interfaces() == [[other]]
    assert code_of(rds.delete_db_subnet_group, DBSubnetGroupName="own") == "InvalidDBSubnetGroupStateFault"
    rds.delete_db_instance(DBInstanceIdentifier="writer")
    clusters.until_gone("writer")
    assert interfaces() == []


def test_the_port_that_it_tells_before_it_has_an_instance_is_the_one_where_that_serves(clusters):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        told = clusters.create_cluster(writer=None, Port=wanted)["Port"]
        assert told != wanted
        (end, _) = clusters.rds.describe_db_cluster_endpoints(DBClusterIdentifier="shop")["DBClusterEndpoints"]
        assert end["Status"] == "inactive"
        clusters.rds.create_db_instance(DBInstanceIdentifier="writer", DBInstanceClass="db.r6g.large", Engine=ENGINE, DBClusterIdentifier="shop")
        assert clusters.until("available", "writer")["Endpoint"]["Port"] == told == clusters.shown_cluster()["Port"]
