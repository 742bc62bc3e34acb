"""Clusters of Aurora that are asked for more than one thing at a time, or for something by another name."""

import json
import time

import pytest
from cluster_workshop import ENGINE, Clusters
from database_workshop import PASSWORD, code_of
from lambda_workshop import put_user

pytestmark = pytest.mark.database
ARN = "arn:aws:rds:us-east-1:000000000000:cluster:"


@pytest.fixture
def clusters(cloud):
    return Clusters(cloud)


def _new(clusters, name, **said):
    """A cluster that nobody waits for."""
    clusters.rds.create_db_cluster(DBClusterIdentifier=name, Engine=ENGINE, MasterUsername="keeper", MasterUserPassword=PASSWORD, **said)


def _immediately(name, value):
    return {"Parameters": [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"}]}


def test_what_rests_is_not_started_by_whatever_else_is_asked(clusters):
    rds = clusters.rds
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="ours", DBParameterGroupFamily="aurora-postgresql18", Description="-")
    clusters.create_cluster(DBClusterParameterGroupName="ours")
    rds.stop_db_cluster(DBClusterIdentifier="shop")
    clusters.until_cluster("stopped")
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="ours", **_immediately("work_mem", "5000"))
    rds.delete_db_instance(DBInstanceIdentifier="writer")
    clusters.until_gone("writer")
    clusters.cloud.sleep(60)
    assert clusters.shown_cluster()["Status"] == "stopped"
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    clusters.cloud.sleep(7 * 86_400)
    clusters.until_cluster("available")


def test_an_instance_is_as_large_as_its_load_only_in_a_cluster_that_says_how_large(clusters):
    clusters.create_cluster()
    ask = {"DBInstanceIdentifier": "writer", "DBInstanceClass": "db.serverless", "ApplyImmediately": True}
    assert code_of(clusters.rds.modify_db_instance, **ask) == "InvalidDBClusterStateFault"
    clusters.rds.modify_db_cluster(DBClusterIdentifier="shop", ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2})
    clusters.rds.modify_db_instance(**ask)
    clusters.until("available", "writer")
    assert clusters.shown("writer")["DBInstanceClass"] == "db.serverless"


def test_a_name_that_was_taken_meanwhile_stays_with_whom_it_is(clusters):
    begins, ends = (time.strftime("%a:%H:%M", time.gmtime(clusters.cloud.now() + seconds)) for seconds in (1_800, 3_600))
    first = clusters.create_cluster("first", writer="one", PreferredMaintenanceWindow=f"{begins}-{ends}")
    clusters.rds.modify_db_cluster(DBClusterIdentifier="first", NewDBClusterIdentifier="second")  # in its window
    second = clusters.create_cluster("second", writer="")
    clusters.cloud.sleep(3_600)
    for name, before in (("first", first), ("second", second)):
        assert clusters.until_cluster("available", name)["DbClusterResourceId"] == before["DbClusterResourceId"]
    clusters.until("available", "one")
    assert "PendingModifiedValues" not in clusters.shown_cluster("first")


def test_a_copy_comes_back_at_the_port_that_it_had(clusters):
    # "Default: The same port as the original DB cluster": API_RestoreDBClusterFromSnapshot.html
    clusters.create_cluster(writer="", Port=6_000)
    clusters.rds.create_db_cluster_snapshot(DBClusterSnapshotIdentifier="first", DBClusterIdentifier="shop")
    assert clusters.until_cluster_snapshot("first")["Port"] == 6_000
    said = {"DBClusterIdentifier": "then", "SnapshotIdentifier": "first", "Engine": ENGINE}
    assert code_of(clusters.rds.restore_db_cluster_from_snapshot, DatabaseName="other", **said) == "NotImplemented"
    made = clusters.rds.restore_db_cluster_from_snapshot(**said)
    assert made["DBCluster"]["Port"] == 6_000


def test_a_name_is_what_policies_were_asked_about(clusters):
    _new(clusters, "shop")
    allowed = {"Effect": "Allow", "Action": "rds:*", "Resource": f"{ARN}dev-*"}
    put_user(clusters.cloud, "ann", "AKIAANN", document=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    ann = clusters.cloud.client("rds", key="AKIAANN", secret="secret")
    assert code_of(ann.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True) == "AccessDenied"
    for name in ("dev-a:cluster:shop", f"{ARN}dev-a:cluster:shop"):
        assert code_of(ann.delete_db_cluster, DBClusterIdentifier=name, SkipFinalSnapshot=True) == "DBClusterNotFoundFault"
    for name in (f"{ARN}shop", "SHOP"):
        assert clusters.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["DBClusterIdentifier"] == "shop"
    elsewhere = f"{ARN}shop".replace("us-east-1", "eu-west-1")
    assert code_of(clusters.rds.describe_db_clusters, DBClusterIdentifier=elsewhere) == "DBClusterNotFoundFault"
    assert code_of(clusters.rds.enable_http_endpoint, ResourceArn=elsewhere) == "ResourceNotFoundFault"
    assert code_of(clusters.rds.list_tags_for_resource, ResourceName=elsewhere) == "InvalidParameterValue"
