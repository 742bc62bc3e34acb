"""DynamoDB: names, types and tags that AWS refuses of tables and indexes, in its words as aws-controllers-k8s/dynamodb-controller met them
(docs/api-quirks, DDB-TABLE-442), or where it is named another who saw them."""

from __future__ import annotations

import pytest
from music import G, index, table
from refusals import refused

INVALID = "One or more parameter values were invalid: "
INCLUDE_TWICE = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a", "b", "a"]}


@pytest.fixture
def ddb(cloud):
    return cloud.client("dynamodb")


def key(*elements: tuple[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in elements]


def test_a_table_has_a_name_of_three_characters_whoever_asks_for_it(ddb):
    # Of PutItem: scylladb/scylladb, test_item_operations_improper_named_table.
    told = "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"
    for method, params in ((ddb.update_table, {}), (ddb.put_item, {"Item": {"pk": {"S": "a"}}}), (ddb.describe_table, {}), (ddb.scan, {})):
        assert refused(method, TableName="ab", **params) == ("ValidationException", told)


def test_an_attribute_is_defined_once(ddb):
    twice = [{"AttributeName": "p", "AttributeType": kind} for kind in "SN"]
    answer = refused(ddb.create_table, TableName="made", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=twice, KeySchema=key(("p", "HASH")))
    assert answer == ("ValidationException", "Attribute Name is duplicated: p")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (key(("a", "HASH"), ("b", "RANGE"), ("c", "HASH")), INVALID + "All HASH key attributes must precede RANGE key attributes in the KeySchema"),
        (key(("a", "HASH"), ("a", "HASH")), "The KeySchema contains multiple key attributes with the same name"),
        (key(("a", "HASH"), ("b", "HASH"), ("a", "RANGE")), "The KeySchema contains multiple key attributes with the same name"),
        (key(*((n, "HASH") for n in "abcde")), INVALID + "The KeySchema exceeds the maximum allowed number of HASH key attributes"),
        (key(("a", "RANGE"), ("b", "HASH")), "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
    ],
)
def test_keys_of_several_attributes_are_refused_in_awss_words(ddb, schema, text):
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in "abcde"]
    made = {"IndexName": "made", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}
    answer = refused(
        ddb.create_table, TableName="made", BillingMode="PAY_PER_REQUEST", KeySchema=key(("a", "HASH")), AttributeDefinitions=attributes,
        GlobalSecondaryIndexes=[made],
    )  # fmt: skip
    assert answer == ("ValidationException", text)


def test_an_index_projects_an_attribute_once(ddb):
    for made in ({"GlobalSecondaryIndexes": [index("own", "g", **INCLUDE_TWICE)]}, {"LocalSecondaryIndexes": [index("own", "pk", "g", **INCLUDE_TWICE)]}):
        answer = refused(lambda made=made: table(ddb, attributes=G, **made))
        assert answer == ("ValidationException", INVALID + "Duplicate element in NonKeyAttributes: a")


@pytest.mark.parametrize(
    ("updates", "code", "text"),
    [
        ([], "ValidationException", INVALID + "List of GlobalSecondaryIndexUpdates is empty"),
        (
            [{}], "ValidationException",
            INVALID + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
        ),
        (
            [{"Create": index("new", "g"), "Delete": {"IndexName": "old"}}], "ValidationException",
            INVALID + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
        ),
        # scylladb/scylladb, test_gsi_updatetable_errors.
        (
            [{"Create": index("new", "g")}, {"Delete": {"IndexName": "old"}}], "LimitExceededException",
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        ),
    ],
)  # fmt: skip
def test_indexes_are_made_and_deleted_one_by_one(ddb, updates, code, text):
    table(ddb, attributes=G, GlobalSecondaryIndexes=[index("old", "g")])
    assert refused(ddb.update_table, TableName="music", AttributeDefinitions=G, GlobalSecondaryIndexUpdates=updates) == (code, text)


def test_an_index_made_later_gives_no_attribute_another_type(ddb):
    # scylladb/scylladb, test_gsi_key_type_conflict_on_update.
    table(ddb, attributes=G, GlobalSecondaryIndexes=[index("old", "g")])
    answer = refused(
        ddb.update_table, TableName="music", AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "N"}],
        GlobalSecondaryIndexUpdates=[{"Create": index("new", "g")}],
    )  # fmt: skip
    told = (
        INVALID + "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. "
        "Existing schema: Schema:[SchemaElement: key{g:S:HASH}] New schema: Schema:[SchemaElement: key{g:N:HASH}]"
    )
    assert answer == ("ValidationException", told)
    ddb.put_item(TableName="music", Item={"pk": {"S": "a"}, "sk": {"S": "1"}, "g": {"S": "x"}})


def test_a_deleted_tables_indexes_are_not_shown(ddb):
    # scylladb/scylladb, test_delete_table_description_with_si.
    table(ddb, attributes=G, GlobalSecondaryIndexes=[index("global", "g")], LocalSecondaryIndexes=[index("local", "pk", "g")])
    last = ddb.delete_table(TableName="music")["TableDescription"]
    assert last["TableStatus"] == "DELETING"
    assert not last.keys() & {"GlobalSecondaryIndexes", "LocalSecondaryIndexes", "KeySchema", "AttributeDefinitions"}


# Tags ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([("d%g", "1")], "The Tag Key provided is invalid, Key: d%g"),
        ([("dog", "hi!")], "The Tag Value provided is invalid, Value: hi!"),
        ([("a_b", "1"), ("aws:b", "1")], "Tag Key cannot be prefixed with aws:, Key: aws:b"),
        ([("a", "1"), ("b", "1"), ("a", "2")], "Duplicate Tag Keys provided as input: Duplicate Tag Key found a"),
        ([(f"a{n}", "") for n in range(51)], "Number of Tags exceed the current limit for the provided ResourceArn"),
        ([], "Atleast one Tag needs to be provided as Input."),
    ],
)
def test_tags_are_refused_in_awss_words(ddb, tags, text):
    table(ddb, Tags=[{"Key": "Größe + @/:=._-", "Value": "é 1"}])
    arn = ddb.describe_table(TableName="music")["Table"]["TableArn"]
    given = [{"Key": name, "Value": value} for name, value in tags]
    assert refused(ddb.tag_resource, ResourceArn=arn, Tags=given) == ("ValidationException", text)
    assert len(ddb.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 1


def test_only_tables_are_tagged(ddb):
    table(ddb, attributes=G, GlobalSecondaryIndexes=[index("by-g", "g")])
    arn = ddb.describe_table(TableName="music")["Table"]["TableArn"]
    words = {
        "music": f"{INVALID}ARNs must start with 'arn:': music",
        f"{arn}/index/by-g": (
            f"{INVALID}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}/index/by-g"
        ),
        "arn:aws:sqs:us-east-1:000000000000:music": f"{INVALID}Provided Arn is not a DynamoDB resource arn: arn:aws:sqs:us-east-1:000000000000:music",
        arn.replace("us-east-1", "us-west-2"): f"Invalid TableArn: Invalid ResourceArn provided as input {arn.replace('us-east-1', 'us-west-2')}",
    }
    for given, text in words.items():
        assert refused(ddb.list_tags_of_resource, ResourceArn=given) == ("ValidationException", text)
        assert refused(ddb.tag_resource, ResourceArn=given, Tags=[{"Key": "a", "Value": "b"}]) == ("ValidationException", text)
    assert refused(ddb.untag_resource, ResourceArn=arn, TagKeys=[]) == ("ValidationException", "Atleast one Tag Key needs to be provided as Input.")
