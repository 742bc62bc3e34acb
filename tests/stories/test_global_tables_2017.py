"""Global tables of version 2017.11.29: tables that exist in several regions are joined, as the handbook does it."""

import pytest
from botocore.exceptions import ClientError

US, EU, TOKYO = "us-east-1", "eu-west-1", "ap-northeast-1"
REGIONS = (US, EU, TOKYO)
TABLE = "UserProfiles"
GROUP = [{"RegionName": region} for region in REGIONS]
BOTH = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def make(client, key="user_id", **more):
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **({"StreamSpecification": BOTH} | more),
    )


@pytest.fixture
def regions(make_cloud):
    cloud = make_cloud(*REGIONS, links="aws-p50")
    return cloud, [cloud.client("dynamodb", region) for region in REGIONS]


@pytest.fixture
def joined(regions):
    cloud, clients = regions
    for client in clients:
        make(client)
    answer = clients[0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=GROUP)["GlobalTableDescription"]
    assert (answer["GlobalTableStatus"], answer["GlobalTableArn"]) == ("CREATING", f"arn:aws:dynamodb::000000000000:global-table/{TABLE}")
    cloud.sleep(2)
    return cloud, clients


def test_a_group_names_regions(regions):
    with pytest.raises(ClientError, match="ValidationException.*at least one region"):
        regions[1][0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=[])


def test_as_the_handbook_writes_it_the_tables_are_missing(regions):
    # Text: aws-controllers-k8s/community#1034
    _, clients = regions
    with pytest.raises(clients[0].exceptions.TableNotFoundException) as refused:
        clients[0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=GROUP)
    assert refused.value.response["Error"]["Message"] == f"Table not found: Table: '{TABLE}' not found in region: '{US}'."
    assert "create 'UserProfiles' in us-east-1 with a stream" in refused.value.response["ResponseMetadata"]["HTTPHeaders"]["x-kumoniwa-hint"]


@pytest.mark.parametrize(
    "flaw, refusal",
    [
        ({"StreamSpecification": {"StreamEnabled": False}}, "Stream with view type NEW_AND_OLD_IMAGES must be enabled"),
        ({"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}, "NEW_AND_OLD_IMAGES must be enabled"),
        ({"key": "other"}, "has another key schema"),
    ],
)
def test_tables_that_do_not_fit_are_not_joined(regions, flaw, refusal):
    _, clients = regions
    make(clients[0])
    make(clients[1], **flaw)
    make(clients[2])
    with pytest.raises(ClientError, match=f"ValidationException.*{refusal}"):
        clients[0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=GROUP)
    assert clients[0].list_global_tables()["GlobalTables"] == []


def test_tables_that_hold_items_are_not_joined(regions):
    _, clients = regions
    for client in clients:
        make(client)
    clients[2].put_item(TableName=TABLE, Item={"user_id": {"S": "a"}})
    with pytest.raises(ClientError, match="must be empty"):
        clients[0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=GROUP)


def test_joined_tables_replicate_and_show_who_wrote(joined):
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables_HowItWorks.html: aws:rep:… attributes
    cloud, clients = joined
    clients[1].put_item(TableName=TABLE, Item={"user_id": {"S": "a"}, "name": {"S": "Ann"}})
    cloud.sleep(3)
    for client in clients:
        item = client.get_item(TableName=TABLE, Key={"user_id": {"S": "a"}})["Item"]
        assert item["name"] == {"S": "Ann"}
        assert item["aws:rep:updateregion"] == {"S": EU}
        assert item["aws:rep:deleting"] == {"BOOL": False}
        assert float(item["aws:rep:updatetime"]["N"]) == pytest.approx(cloud.now() - 3, abs=1)
    clients[2].delete_item(TableName=TABLE, Key={"user_id": {"S": "a"}})
    cloud.sleep(3)
    assert [client.scan(TableName=TABLE)["Count"] for client in clients] == [0, 0, 0]


def test_joined_tables_are_described_and_listed_in_every_region(joined):
    _, clients = joined
    for client in clients:
        shown = client.describe_global_table(GlobalTableName=TABLE)["GlobalTableDescription"]
        assert shown["GlobalTableStatus"] == "ACTIVE"
        assert {r["RegionName"]: r["ReplicaStatus"] for r in shown["ReplicationGroup"]} == dict.fromkeys(REGIONS, "ACTIVE")
        [listed] = client.list_global_tables(RegionName=TOKYO)["GlobalTables"]
        assert listed["GlobalTableName"] == TABLE
        assert client.list_global_tables(RegionName="us-west-2")["GlobalTables"] == []
        table = client.describe_table(TableName=TABLE)["Table"]
        assert table["GlobalTableVersion"] == "2017.11.29" and "Replicas" not in table
        settings = client.describe_global_table_settings(GlobalTableName=TABLE)["ReplicaSettings"]
        assert {s["RegionName"]: s["ReplicaBillingModeSummary"]["BillingMode"] for s in settings} == dict.fromkeys(REGIONS, "PAY_PER_REQUEST")


def test_a_replica_that_is_removed_keeps_its_table_and_can_join_again_when_empty(joined):
    cloud, clients = joined
    clients[0].put_item(TableName=TABLE, Item={"user_id": {"S": "a"}})
    cloud.sleep(3)
    clients[0].update_global_table(GlobalTableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": TOKYO}}])
    cloud.sleep(2)
    clients[0].put_item(TableName=TABLE, Item={"user_id": {"S": "b"}})
    cloud.sleep(3)
    assert [client.scan(TableName=TABLE)["Count"] for client in clients] == [2, 2, 1]
    with pytest.raises(clients[2].exceptions.GlobalTableNotFoundException):
        clients[2].describe_global_table(GlobalTableName=TABLE)
    with pytest.raises(ClientError, match="must be empty"):
        clients[0].update_global_table(GlobalTableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": TOKYO}}])


def test_group_changes_are_refused_in_aws_codes(joined):
    _, clients = joined
    with pytest.raises(clients[0].exceptions.ReplicaAlreadyExistsException):
        clients[0].update_global_table(GlobalTableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    with pytest.raises(clients[0].exceptions.ReplicaNotFoundException):
        clients[0].update_global_table(GlobalTableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": "us-west-2"}}])
    with pytest.raises(clients[0].exceptions.GlobalTableAlreadyExistsException):
        clients[0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=GROUP)
    for ask in (clients[0].describe_global_table, clients[0].describe_global_table_settings):
        with pytest.raises(clients[0].exceptions.GlobalTableNotFoundException, match="Global table with name: 'nothing' does not exist"):
            ask(GlobalTableName="nothing")


def test_capacity_is_set_for_the_group_and_reads_for_each_replica(joined):
    cloud, clients = joined
    for wrong in ({"GlobalTableBillingMode": "PROVISIONED"}, {"GlobalTableProvisionedWriteCapacityUnits": 7}):
        with pytest.raises(ClientError, match="ValidationException"):
            clients[0].update_global_table_settings(GlobalTableName=TABLE, **wrong)
    clients[0].update_global_table_settings(
        GlobalTableName=TABLE,
        GlobalTableBillingMode="PROVISIONED",
        GlobalTableProvisionedWriteCapacityUnits=7,
        ReplicaSettingsUpdate=[{"RegionName": EU, "ReplicaProvisionedReadCapacityUnits": 9}],
    )
    cloud.sleep(2)
    units = [client.describe_table(TableName=TABLE)["Table"]["ProvisionedThroughput"] for client in clients]
    assert [(u["ReadCapacityUnits"], u["WriteCapacityUnits"]) for u in units] == [(7, 7), (9, 7), (7, 7)]


def test_tables_joined_by_another_region_are_the_same(regions):
    cloud, clients = regions
    for client in clients[1:]:
        make(client)
    clients[0].create_global_table(GlobalTableName=TABLE, ReplicationGroup=GROUP[1:])
    cloud.sleep(2)
    clients[1].put_item(TableName=TABLE, Item={"user_id": {"S": "a"}})
    cloud.sleep(3)
    assert clients[2].scan(TableName=TABLE)["Count"] == 1
