"""DynamoDB: PartiQL statements, one, in batches and in transactions."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from music import G, index, table
from refusals import refused

from kumoniwa.gate.identity import SHARED, Credential, Grant, Identity

MALFORMED = "Statement wasn't well formed, can't be processed: "


@pytest.fixture
def ddb(cloud):
    client = cloud.client("dynamodb")
    table(
        client, attributes=G,
        GlobalSecondaryIndexes=[index("by-g", "g", ProjectionType="INCLUDE", NonKeyAttributes=["kept"])],
    )  # fmt: skip
    for pk, sk in ("a1", "a2", "a3", "b1", "c1"):
        client.put_item(TableName="music", Item={"pk": {"S": pk}, "sk": {"S": sk}, "n": {"N": sk}})
    return client


def run(ddb, statement, *parameters, **more):
    given = {"Parameters": list(parameters)} if parameters else {}
    return ddb.execute_statement(Statement=statement, **given, **more)["Items"]


def keys(items):
    return "".join(item["pk"]["S"] + item["sk"]["S"] for item in items)


def item(ddb, pk, sk):
    return ddb.get_item(TableName="music", Key={"pk": {"S": pk}, "sk": {"S": sk}}).get("Item")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("pk = 'a'", "a1a2a3"),
        ("pk = 'a' AND sk > '1'", "a2a3"),
        ("'a' = pk AND '2' >= sk", "a1a2"),
        ("pk = 'a' AND sk BETWEEN '2' AND '3'", "a2a3"),
        ("pk = 'a' AND begins_with(sk, '3')", "a3"),
        ("pk = 'a' AND NOT sk = '2'", "a1a3"),
        ("pk = 'a' AND n + 1 > 2", None),
        ("pk = 'a' AND (n = 1 OR n = 3) ORDER BY sk DESC", "a3a1"),
        ("pk IN ['b', 'a', 'b'] AND n <= 2", "b1a1a2"),
        ("pk = 'c' OR pk = 'b'", "c1b1"),
        ("pk IN ('b', 'a') ORDER BY pk DESC", "b1a1a2a3"),
        ("pk = 'a' AND n IN [2, 9]", "a2"),
        ("pk = 'a' AND pk = 'b'", ""),
        ("pk = 'a' AND g IS NOT MISSING", ""),
        ("pk = 'a' AND g IS MISSING AND n <> 2 AND attribute_type(n, 'N') AND size(sk) = 1", "a1a3"),
        ("pk = 'a' AND contains(sk, '2')", "a2"),
        ("pk = 'a' AND g IS NULL", ""),
    ],
)
def test_a_select_answers_what_its_where_asks_for(ddb, where, found):
    if found is None:
        assert refused(run, ddb, f'SELECT * FROM "music" WHERE {where}')[1].startswith(MALFORMED)
    else:
        assert keys(run(ddb, f'SELECT * FROM "music" WHERE {where}')) == found


def test_a_select_without_a_partition_reads_the_whole_table(ddb):
    assert sorted(one["pk"]["S"] for one in run(ddb, "SELECT pk FROM music WHERE n = 1")) == ["a", "b", "c"]
    assert refused(run, ddb, "SELECT * FROM music ORDER BY sk")[0] == "ValidationException"


@pytest.mark.parametrize("where", ["pk IN ['c', 'a', 'b']", "n < 9"])
def test_pages_of_a_select_follow_one_another_without_loss(ddb, where):
    statement, pages, more = f"SELECT * FROM music WHERE {where}", [], {}
    while True:
        reply = ddb.execute_statement(Statement=statement, Limit=2, **more)
        pages += reply["Items"]
        assert len(reply["Items"]) <= 2
        if "NextToken" not in reply:
            break
        more = {"NextToken": reply["NextToken"]}
    assert sorted(keys([one]) for one in pages) == ["a1", "a2", "a3", "b1", "c1"]
    # Recorded from AWS by nubo-db/dynoxide.
    other = {"Statement": "SELECT * FROM music", **more}
    assert refused(ddb.execute_statement, **other)[1] == "NextToken does not match request"
    assert refused(ddb.execute_statement, Statement=statement, NextToken="x")[1] == "Invalid NextToken"


def test_an_index_answers_what_it_holds(ddb):
    run(ddb, "INSERT INTO music VALUE {'pk': 'g', 'sk': '1', 'g': 'x', 'kept': 1, 'left': 2}")
    found = {"pk": {"S": "g"}, "sk": {"S": "1"}, "g": {"S": "x"}, "kept": {"N": "1"}}
    assert run(ddb, 'SELECT * FROM "music"."by-g"') == [found]
    assert run(ddb, "SELECT kept FROM \"music\".\"by-g\" WHERE g = 'x'") == [{"kept": {"N": "1"}}]
    # These four recorded from AWS by getmoto/moto (verified tests) and nubo-db/dynoxide.
    assert refused(ddb.execute_statement, Statement="SELECT * FROM music.other") == (
        "ValidationException", "The table does not have the specified index",
    )  # fmt: skip
    consistent = {"Statement": 'SELECT * FROM "music"."by-g"', "ConsistentRead": True}
    assert refused(ddb.execute_statement, **consistent)[1].startswith("Strongly consistent read is not supported")
    unkept = "SELECT * FROM \"music\".\"by-g\" WHERE g = 'x' AND \"left\" = 2"
    assert refused(ddb.execute_statement, Statement=unkept)[1].endswith(
        "Secondary index by-g does not project one or more filter attributes: [left]"
    )
    write = "UPDATE \"music\".\"by-g\" SET n = 1 WHERE pk = 'a' AND sk = '1'"
    assert refused(ddb.execute_statement, Statement=write)[1] == "This operation is not supported on an index"


def test_a_projection_names_values_by_the_last_part_of_their_path(ddb):
    run(ddb, "INSERT INTO music VALUE {'pk': 'd', 'sk': '1', 'm': {'in side': [1, {'x': 'y'}]}}")
    asked = "SELECT m.\"in side\"[1].x, m['in side'][0], nothing FROM music WHERE pk = 'd'"
    assert run(ddb, asked) == [{"x": {"S": "y"}, "in side[0]": {"N": "1"}}]


def test_every_literal_becomes_its_value(ddb):
    literal = "{'pk': 'd', 'sk': 'it''s', 'l': [1.50, -2, ?, TRUE, null], 'm': {'k': ?}, 's': <<'b', 'a'>>, 'n': << ?, 1e2 >>}"
    run(ddb, f"INSERT INTO music VALUE {literal}", {"B": b"\x00"}, {"S": "deep"}, {"N": "7"})
    assert item(ddb, "d", "it's") == {
        "pk": {"S": "d"}, "sk": {"S": "it's"}, "m": {"M": {"k": {"S": "deep"}}}, "s": {"SS": ["a", "b"]}, "n": {"NS": ["7", "100"]},
        "l": {"L": [{"N": "1.5"}, {"N": "-2"}, {"B": b"\x00"}, {"BOOL": True}, {"NULL": True}]},
    }  # fmt: skip
    run(ddb, "INSERT INTO music VALUE ?", {"M": {"pk": {"S": "d"}, "sk": {"S": "whole"}}})
    assert item(ddb, "d", "whole") is not None


def test_an_insert_replaces_nothing(ddb):
    again = {"Statement": "INSERT INTO music VALUE {'pk': 'a', 'sk': '1'}"}
    assert refused(ddb.execute_statement, **again) == ("DuplicateItemException", "Duplicate primary key exists in table")
    assert item(ddb, "a", "1")["n"] == {"N": "1"}


AT_1 = "WHERE pk = 'a' AND sk = '1'"


def test_an_update_changes_what_it_says_and_returns_what_it_is_asked_for(ddb):
    def changed(changes, *parameters):
        return run(ddb, f"UPDATE music {changes}", *parameters)

    assert changed(f"SET l = [1], s = <<'a'>> {AT_1}") == []
    found = changed(f"SET l = list_append(l, ?) SET n = n + 1, s = set_add(s, <<'b'>>) {AT_1} RETURNING MODIFIED NEW *", {"L": []})
    assert found == [{"l": {"L": [{"N": "1"}]}, "n": {"N": "2"}, "s": {"SS": ["a", "b"]}}]
    assert changed(f"SET s = set_delete(s, <<'a', 'b'>>) REMOVE l[0] {AT_1} AND n = 2 RETURNING MODIFIED OLD *")[0]["s"]
    assert item(ddb, "a", "1") == {"pk": {"S": "a"}, "sk": {"S": "1"}, "n": {"N": "2"}, "l": {"L": []}}
    assert changed(f"SET n = n - 2 {AT_1} RETURNING ALL OLD *")[0]["n"] == {"N": "2"}
    assert changed(f"SET x = l {AT_1} RETURNING ALL NEW *")[0]["x"] == {"L": []}
    assert refused(changed, f"SET s = set_add(s, 1) {AT_1}")[0] == "ValidationException"
    assert refused(changed, f"SET pk = 'z' {AT_1}")[1].endswith("This attribute is part of the key")


def test_an_update_whose_item_is_not_there_or_does_not_fit_changes_nothing(ddb):
    failed = ("ConditionalCheckFailedException", "The conditional request failed")
    assert refused(run, ddb, "UPDATE music SET n = 9 WHERE pk = 'a' AND sk = 'none'") == failed
    assert item(ddb, "a", "none") is None
    with pytest.raises(ClientError) as caught:
        run(ddb, f"UPDATE music SET n = 9 {AT_1} AND n = 2", ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.response["Item"]["n"] == {"N": "1"}
    assert item(ddb, "a", "1")["n"] == {"N": "1"}


def test_a_delete_returns_the_old_item_and_minds_only_an_item_that_does_not_fit(ddb):
    delete = "DELETE FROM music WHERE pk = 'a' AND sk = "
    assert run(ddb, f"{delete}'none' AND n = 5 RETURNING ALL OLD *") == []
    assert refused(run, ddb, f"{delete}'1' AND n = 5")[0] == "ConditionalCheckFailedException"
    assert run(ddb, f"{delete}'1' AND n = 1 RETURNING ALL OLD *")[0]["n"] == {"N": "1"}
    assert item(ddb, "a", "1") is None


@pytest.mark.parametrize(
    "statement",
    ["UPDATE music SET n = 1 WHERE pk = 'a'", "DELETE FROM music WHERE pk = 'a' AND sk > '1'", "DELETE FROM music",
     "UPDATE music SET n = 1 WHERE pk = 'a' AND sk IN ['1', '2']", "DELETE FROM music WHERE pk IN ['a', 'b'] AND sk = '1'"],
)  # fmt: skip
def test_a_write_must_name_one_item(ddb, statement):
    # Recorded from AWS by nubo-db/dynoxide.
    text = "Where clause does not contain a mandatory equality on all key attributes"
    assert refused(ddb.execute_statement, Statement=statement) == ("ValidationException", text)
    assert keys(run(ddb, "SELECT * FROM music WHERE pk = 'a'")) == "a1a2a3"


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECTT * FROMM music", MALFORMED + "Expected data manipulation"),
        ("UPDATE a-b SET n = 1", MALFORMED),
        ("SELECT * FROM music WHERE", MALFORMED),
        ("SELECT * FROM music WHERE pk", MALFORMED),
        ("SELECT * FROM music WHERE pk = 'a' nonsense", MALFORMED),
        ("SELECT * FROM music WHERE pk = 'a", MALFORMED),
        ("SELECT * FROM music WHERE " + "(" * 500 + "a = 1", MALFORMED),
        ("SELECT * FROM music WHERE " + "NOT " * 500 + "a = 1", MALFORMED),
        ("INSERT INTO music VALUE {'pk': " + "[" * 900, MALFORMED),
        ("INSERT INTO music VALUE {'pk': <<>>}", "Sets must have"),
        ("SELECT COUNT(*) FROM music", "Unexpected path component at 1:8:5"),
        ("SELECT * FROM music.a.b", "A path may contain at most 2 components in the FROM clause"),
        ('SELECT * FROM ""', "Path component cannot be an empty string"),
        ("SELECT * FROM music WHERE pk = ?", "Number of parameters in request and statement don't match."),
        ("SELECT * FROM music WHERE n < TRUE", "Incorrect operand type for operator or function; operator or function: <"),
        ("DELETE FROM music WHERE pk = 'a' RETURNING ALL NEW *", "Invalid returning clause: RETURNING ALL NEW *."),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_refused_in_awss_words(ddb, statement, text):
    code, message = refused(ddb.execute_statement, Statement=statement)
    assert code == "ValidationException" and message.startswith(text)


def test_a_table_that_is_not_there_is_not_found(ddb):
    missing = {"Statement": "SELECT * FROM none WHERE pk = 'a'"}
    assert refused(ddb.execute_statement, **missing) == ("ResourceNotFoundException", "Requested resource not found")


def test_a_batch_tells_of_each_statement_by_itself(ddb):
    statements = ["SELECT * FROM music " + AT_1, "SELECT * FROM music WHERE pk = 'a'", "SELECT n FROM none " + AT_1, "SELEC",
                  "SELECT * FROM music WHERE pk = 'c' AND sk = '1' AND n = 5"]  # fmt: skip
    reply = ddb.batch_execute_statement(
        Statements=[{"Statement": text} for text in statements], ReturnConsumedCapacity="TOTAL"
    )
    whole, unkeyed, missing, malformed, unfit = reply["Responses"]
    assert whole["TableName"] == "music" and whole["Item"]["n"] == {"N": "1"}
    assert unkeyed["Error"] == {
        "Code": "ValidationError",
        "Message": "Select statements within BatchExecuteStatement must specify the primary key in the where clause.",
    }
    assert missing["Error"]["Code"] == "ResourceNotFound" and malformed["Error"]["Code"] == "ValidationError"
    assert unfit == {"TableName": "music"}
    assert reply["ConsumedCapacity"] == [{"TableName": "music", "CapacityUnits": 1.0}]


def test_what_fails_in_a_batch_hinders_no_other_write(ddb):
    statements = ["INSERT INTO music VALUE {'pk': 'a', 'sk': '1'}", "INSERT INTO music VALUE {'pk': 'new', 'sk': '1'}",
                  "UPDATE music SET n = 7 WHERE pk = 'b' AND sk = '1' AND n = 6"]  # fmt: skip
    duplicate, made, failed = ddb.batch_execute_statement(Statements=[{"Statement": s} for s in statements])["Responses"]
    assert duplicate["Error"]["Code"] == "DuplicateItem" and duplicate["TableName"] == "music"
    assert made == {"TableName": "music"} and item(ddb, "new", "1")
    assert failed["Error"]["Code"] == "ConditionalCheckFailed" and item(ddb, "b", "1")["n"] == {"N": "1"}


def test_a_batch_reads_or_writes_and_names_no_item_twice(ddb):
    read, write = {"Statement": "SELECT * FROM music " + AT_1}, {"Statement": "DELETE FROM music " + AT_1}
    mixed = "Read and write requests together in the same batch is not supported."
    assert refused(ddb.batch_execute_statement, Statements=[read, write])[1] == mixed
    twice = "Provided list of item keys contains duplicates"
    assert refused(ddb.batch_execute_statement, Statements=[write, write])[1] == twice
    assert item(ddb, "a", "1")


def transact(ddb, *statements, **more):
    return ddb.execute_transaction(TransactStatements=[{"Statement": text} for text in statements], **more)


def test_a_transaction_writes_all_or_nothing(ddb):
    insert = "INSERT INTO music VALUE {'pk': 'new', 'sk': '1'}"
    exists = "EXISTS(SELECT * FROM music WHERE pk = 'b' AND sk = '1' AND n = %s)"
    with pytest.raises(ClientError) as caught:
        transact(ddb, insert, exists % 2, "INSERT INTO music VALUE {'pk': 'a', 'sk': '1'}")
    codes = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert codes == ["None", "ConditionalCheckFailed", "DuplicateItem"]
    assert item(ddb, "new", "1") is None
    done = transact(ddb, insert, exists % 1, f"UPDATE music SET n = n + 1 {AT_1}", "DELETE FROM music WHERE pk = 'c' AND sk = '1'")
    assert done["Responses"] == []  # recorded by localstack's test_dynamodb_execute_transaction
    assert item(ddb, "new", "1") and item(ddb, "a", "1")["n"] == {"N": "2"} and item(ddb, "c", "1") is None


def test_a_transaction_with_a_token_happens_once(ddb):
    for _ in range(2):
        transact(ddb, f"UPDATE music SET n = n + 1 {AT_1}", ClientRequestToken="token")
    assert item(ddb, "a", "1")["n"] == {"N": "2"}
    with pytest.raises(ClientError) as caught:
        transact(ddb, f"UPDATE music SET n = n + 2 {AT_1}", ClientRequestToken="token")
    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_a_transaction_reads_items_by_their_keys(ddb):
    read = f"SELECT n FROM music {AT_1}"
    found = transact(ddb, read, "SELECT * FROM music WHERE pk = 'a' AND sk = '2' AND n = 9")["Responses"]
    assert found == [{"Item": {"n": {"N": "1"}}}, {}]
    # Recorded from AWS by nubo-db/dynoxide.
    mixed = "ExecuteTransaction API does not support both read and write operations in the same request."
    assert refused(transact, ddb, read, f"DELETE FROM music {AT_1}")[1] == mixed
    assert refused(transact, ddb, f"DELETE FROM music {AT_1} RETURNING ALL OLD *")[1].startswith(
        "Validation failed in TransactStatements[0]: RETURNING"
    )
    assert refused(transact, ddb, "SELECT * FROM music WHERE pk = 'a'")[0] == "ValidationException"


def test_capacity_is_that_of_the_read_or_write(ddb):
    def units(statement, **more):
        return ddb.execute_statement(Statement=statement, ReturnConsumedCapacity="TOTAL", **more)["ConsumedCapacity"]

    assert units("SELECT * FROM music WHERE pk IN ['a', 'b']", ConsistentRead=True)["CapacityUnits"] == 2.0
    assert units("INSERT INTO music VALUE {'pk': 'u', 'sk': '1', 'g': 'x'}")["CapacityUnits"] == 2.0


def test_policies_speak_of_the_kind_of_statement_and_of_full_scans(cloud, ddb):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html"""
    allow = [
        {"Effect": "Allow", "Action": ["dynamodb:PartiQLSelect", "dynamodb:PartiQLUpdate"], "Resource": "*"},
        {"Effect": "Deny", "Action": "dynamodb:PartiQLSelect", "Resource": "*",
         "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}}},
        {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*",
         "Condition": {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": ["c"]}}},
    ]  # fmt: skip

    async def issue():
        shelf = cloud.region("us-east-1").store.shelf
        arn = "arn:aws:iam::000000000000:user/alice"
        shelf(SHARED, Credential)["AKIABYHAND"] = Credential(
            key_id="AKIABYHAND", secret="s", account="000000000000", arn=arn, user_id="AIDA1"
        )
        grant = Grant(name="own", kind="inline", document=json.dumps({"Version": "2012-10-17", "Statement": allow}))
        shelf(SHARED, Identity)[arn] = Identity(arn=arn, kind="user", account="000000000000", id="AIDA1", grants=(grant,))

    cloud.run(issue())
    hers = cloud.client("dynamodb", key="AKIABYHAND", secret="s")
    assert keys(run(hers, "SELECT * FROM music WHERE pk = 'a'")) == "a1a2a3"
    run(hers, f"UPDATE music SET n = 5 {AT_1}")
    for denied in (
        "SELECT * FROM music", "SELECT * FROM music WHERE pk = 'c'", f"DELETE FROM music {AT_1}",
        "INSERT INTO music VALUE {'pk': 'a', 'sk': '9'}", "UPDATE music SET n = 5 WHERE pk = 'c' AND sk = '1'",
    ):  # fmt: skip
        assert refused(hers.execute_statement, Statement=denied)[0] == "AccessDeniedException"
    both = [{"Statement": f"UPDATE music SET n = 6 {AT_1}"}, {"Statement": "DELETE FROM music WHERE pk = 'b' AND sk = '1'"}]
    assert refused(hers.execute_transaction, TransactStatements=both)[0] == "AccessDeniedException"
    assert item(ddb, "a", "1")["n"] == {"N": "5"}
