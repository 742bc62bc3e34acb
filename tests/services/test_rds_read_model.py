"""DynamoDB's stream → a function that projects → a read model in a cluster: right within seconds, counted once, and made again from zero."""

import pytest
from cluster_workshop import Clusters
from lambda_workshop import invoke, make, put_role, settle

pytestmark = pytest.mark.database
SOURCE = """
import os
import urllib.request
from datetime import UTC, datetime

import boto3
import botocore.auth
import botocore.crt.auth

def cloud_time(remove_tzinfo=True):
    # The cloud's time is virtual, and who signs with another one is refused.
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/now") as answer:
        return datetime.fromtimestamp(float(answer.read()), UTC)

botocore.auth.get_current_datetime = botocore.crt.auth.get_current_datetime = cloud_time

data, orders = boto3.client("rds-data"), boto3.client("dynamodb")
place = {"resourceArn": os.environ["CLUSTER"], "secretArn": os.environ["SECRET"], "database": "shop"}
PUT = '''
    insert into placed (number, customer, amount, version) values (:number, :customer, :amount, :version)
    on conflict (number) do update set customer = excluded.customer, amount = excluded.amount, version = excluded.version
    where placed.version < excluded.version
'''


def parameters(order):
    return [
        {"name": "number", "value": {"stringValue": order["number"]["S"]}},
        {"name": "customer", "value": {"stringValue": order["customer"]["S"]}},
        {"name": "amount", "value": {"stringValue": order["amount"]["N"]}, "typeHint": "DECIMAL"},
        {"name": "version", "value": {"longValue": int(order["version"]["N"])}},
    ]


def project(event, context):
    sets = [parameters(record["dynamodb"]["NewImage"]) for record in event["Records"]]
    data.batch_execute_statement(**place, sql=PUT, parameterSets=sets)


def rebuild(event, context):
    # Whoever reads sees the old model until the new one is whole.
    transaction = data.begin_transaction(**place)["transactionId"]
    data.execute_statement(**place, transactionId=transaction, sql="delete from placed")
    found = orders.scan(TableName="orders", ConsistentRead=True)["Items"]
    data.batch_execute_statement(**place, transactionId=transaction, sql=PUT, parameterSets=[parameters(each) for each in found])
    if event.get("fails"):
        raise ValueError("in the midst of it")
    data.commit_transaction(resourceArn=place["resourceArn"], secretArn=place["secretArn"], transactionId=transaction)
    return len(found)
"""
TOTALS = "select customer, count(*), sum(amount)::text from placed group by customer order by customer"
RIGHTS = (
    "rds-data:*", "secretsmanager:GetSecretValue", "dynamodb:Scan", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream",
    "dynamodb:ListStreams", "logs:*",
)  # fmt: skip


class Shop:
    def __init__(self, cloud) -> None:
        self.cloud, self.clusters, self.dynamodb = cloud, Clusters(cloud), cloud.client("dynamodb")
        arn = self.clusters.create_cluster()["DBClusterArn"]
        secret = self.clusters.keep_secret()
        self.clusters.told("create table placed (number text primary key, customer text, amount numeric, version bigint)")
        stream = self.dynamodb.create_table(
            TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "number", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "number", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]["LatestStreamArn"]  # fmt: skip
        put_role(cloud, *RIGHTS)
        variables = {"CLUSTER": arn, "SECRET": secret}
        for name in ("project", "rebuild"):
            make(cloud, SOURCE, name, Role="arn:aws:iam::000000000000:role/function", Handler=f"app.{name}", Timeout=30, Environment={"Variables": variables})
        cloud.client("lambda").create_event_source_mapping(FunctionName="project", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100)

    def place(self, number, customer, amount, version) -> None:
        said = {"number": {"S": number}, "customer": {"S": customer}, "amount": {"N": amount}, "version": {"N": str(version)}}
        self.dynamodb.put_item(TableName="orders", Item=said)

    def until(self, *totals) -> float:
        """How many seconds of the cloud's pass until the read model says so."""
        began = self.cloud.now()
        for _ in range(100):
            if self.clusters.rows(TOTALS) == list(totals):
                return self.cloud.now() - began
            settle(self.cloud)
        raise AssertionError(self.clusters.rows(TOTALS))


def test_a_read_model_in_a_cluster_follows_a_table_and_is_made_again_from_zero(durable):
    cloud = durable
    shop = Shop(cloud)
    shop.place("1", "ada", "10.50", 1)
    shop.place("2", "bob", "3", 1)
    shop.place("1", "bob", "11", 2)
    assert shop.until(("bob", 2, "14")) < 10
    # What is told twice, or late, changes nothing.
    late = {"number": {"S": "1"}, "customer": {"S": "ada"}, "amount": {"N": "10.50"}, "version": {"N": "1"}}
    for _ in range(2):
        invoke(cloud, {"Records": [{"dynamodb": {"NewImage": late}}]}, "project")
    assert shop.clusters.rows(TOTALS) == [("bob", 2, "14")]

    shop.clusters.told("update placed set amount = 0")
    assert "in the midst of it" in invoke(cloud, {"fails": True}, "rebuild")["Payload"]["errorMessage"]
    assert shop.clusters.rows(TOTALS) == [("bob", 2, "0")]
    # A transaction that nobody ends holds its rows for three minutes.
    cloud.sleep(181)
    assert invoke(cloud, {}, "rebuild")["Payload"] == 2
    assert shop.clusters.rows(TOTALS) == [("bob", 2, "14")]

    # What is written while the cluster rests waits in the stream.
    shop.clusters.rds.stop_db_cluster(DBClusterIdentifier="shop")
    shop.clusters.until_cluster("stopped")
    shop.place("3", "ada", "1", 1)
    cloud.sleep(1)
    shop.clusters.rds.start_db_cluster(DBClusterIdentifier="shop")
    shop.clusters.until_cluster("available")
    shop.until(("ada", 1, "1"), ("bob", 2, "14"))
