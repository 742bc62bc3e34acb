"""AppSync's resolvers ask relational databases: statements in templates and of AWS's helpers, joined with items of tables, in the data source's role."""

import json

import pytest
from cluster_workshop import Clusters
from services.appsync_workshop import RUNTIME, TRUST, Graph
from services.lambda_workshop import put_role

pytestmark = pytest.mark.database

SCHEMA = """
type User { id: ID! name: String city: String born: String tags: AWSJSON orders: [Order!] }
type Order { number: ID! total: Int }
input UserInput { id: ID! name: String city: String born: String tags: AWSJSON }
type Query { user(id: ID!): User told(id: ID!): User text(id: ID!): String users(like: String, of: [String!]): [User!] }
type Mutation { add(user: UserInput!): User move(id: ID!, city: String!): User leave(id: ID!): User }
"""
RDS = "import { sql, select, insert, update, remove, createPgStatement, toJsonObject, typeHint } from '@aws-appsync/utils/rds';\n"
ERRORS = "if (ctx.error) util.error(ctx.error.message, ctx.error.type);"
ONE = f"\nexport function response(ctx) {{ {ERRORS} return toJsonObject(ctx.result)[0][0] }}\n"
USER = RDS + "export const request = (ctx) => createPgStatement(select({ from: 'users', where: { id: { eq: ctx.args.id } }, limit: 1 }));" + ONE
ORDERS = """
import * as ddb from '@aws-appsync/utils/dynamodb';
export const request = (ctx) => ddb.query({ query: { user: { eq: ctx.source.id } } });
export const response = (ctx) => ctx.result.items;
"""
BEFORE = """{"version": "2018-05-29", "statements": ["select id, name from users where id = :ID"], "variableMap": {":ID": $util.toJson($ctx.args.id)}}"""
FAILED = "#if($ctx.error) $util.error($ctx.error.message, $ctx.error.type) #end "
RIGHTS = ("rds-data:ExecuteStatement", "secretsmanager:GetSecretValue")


class Shop(Graph):
    """A cluster with users, a table with orders, and an API over both."""

    def __init__(self, cloud) -> None:
        super().__init__(cloud, SCHEMA)
        self.clusters = Clusters(cloud)
        self.clusters.create_cluster()
        self.clusters.keep_secret()
        self.clusters.told("create table users (id text primary key, name text, city text, born date, tags jsonb)")
        self.clusters.told("insert into users values ('1', 'Ann', 'Kyoto', '1990-05-17', '[\"a\"]'), ('2', 'Ben', null, null, null)")
        self.people = self.database("people", *RIGHTS)

    def database(self, name: str, *actions: str) -> str:
        role = put_role(self.cloud, *actions, trust=TRUST, arn=f"arn:aws:iam::000000000000:role/{name}")
        place = self.clusters.place
        config = {"relationalDatabaseSourceType": "RDS_HTTP_ENDPOINT", "rdsHttpEndpointConfig": {
            "awsRegion": "us-east-1", "dbClusterIdentifier": place["resourceArn"], "awsSecretStoreArn": place["secretArn"], "databaseName": "shop",
        }}  # fmt: skip
        self.client.create_data_source(apiId=self.id, name=name, type="RELATIONAL_DATABASE", serviceRoleArn=role, relationalDatabaseConfig=config)
        return name

    def orders(self) -> str:
        dynamodb = self.cloud.client("dynamodb")
        keys = [{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}]
        names = [{"AttributeName": each["AttributeName"], "AttributeType": "S"} for each in keys]
        dynamodb.create_table(TableName="orders", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=names, KeySchema=keys)
        for user, number, total in (("1", "a", 10), ("1", "b", 20), ("2", "c", 30)):
            dynamodb.put_item(TableName="orders", Item={"user": {"S": user}, "number": {"S": number}, "total": {"N": str(total)}})
        return self.source("orders", "AMAZON_DYNAMODB", "dynamodb:*", dynamodbConfig={"tableName": "orders", "awsRegion": "us-east-1"})


@pytest.fixture
def shop(cloud):
    return Shop(cloud)


def test_one_query_joins_a_user_of_the_database_and_orders_of_a_table(shop):
    shop.resolve("Query.user", shop.people, code=USER)
    shop.resolve("Query.told", shop.people, before=BEFORE, after=FAILED + "$util.toJson($util.rds.toJsonObject($ctx.result)[0][0])")
    shop.resolve("User.orders", shop.orders(), code=ORDERS)
    wanted = {"name": "Ann", "orders": [{"number": "a", "total": 10}, {"number": "b", "total": 20}]}
    assert shop.data('{ user(id: "1") { name orders { number total } } }') == {"user": wanted}
    assert shop.data('{ told(id: "1") { name orders { number total } } }') == {"told": wanted}
    assert shop.data('{ user(id: "2") { city orders { number } } }') == {"user": {"city": None, "orders": [{"number": "c"}]}}
    assert shop.data('{ user(id: "3") { name } }') == {"user": None}


def test_helpers_of_javascript_select_insert_update_and_remove(shop):
    shop.resolve("Query.users", shop.people, code=RDS + """
        export const request = (ctx) => createPgStatement(select({
          from: 'users', columns: ['id', 'name', 'tags', 'born'], orderBy: [{ column: 'id', dir: 'DESC' }],
          where: { or: [{ name: { beginsWith: ctx.args.like } }, { city: { attributeExists: true } }] } }));
        export const response = (ctx) => toJsonObject(ctx.result)[0];
    """)  # fmt: skip
    shop.resolve("Mutation.add", shop.people, code=RDS + """
        export function request(ctx) {
          const { born, tags, ...values } = ctx.args.user;
          return createPgStatement(insert({ table: 'users', values: { ...values, born: typeHint.DATE(born), tags: typeHint.JSON(tags) },
                                            returning: '*' }));
        }""" + ONE)  # fmt: skip
    shop.resolve("Mutation.move", shop.people, code=RDS + """
        export const request = (ctx) => createPgStatement(
          update({ table: 'users', values: { city: ctx.args.city }, where: { id: { eq: ctx.args.id } } }),
          sql`select id, city from users where id = ${ctx.args.id}`);
        export const response = (ctx) => toJsonObject(ctx.result)[1][0];
    """)  # fmt: skip
    shop.resolve("Mutation.leave", shop.people, code=RDS + """
        export const request = (ctx) => createPgStatement(remove({ table: 'users', where: { id: { eq: ctx.args.id } }, returning: ['name'] }));
        export function response(ctx) { const gone = toJsonObject(ctx.result)[0][0]; return gone && { id: ctx.args.id, ...gone } }
    """)  # fmt: skip
    user = {"id": "3", "name": "Cleo:x", "city": "Nara", "born": "2001-02-03", "tags": '{"n": [1]}'}
    added = shop.data("mutation($u: UserInput!) { add(user: $u) { id name city born tags } }", {"u": user})["add"]
    assert {**added, "tags": json.loads(added["tags"])} == {**user, "tags": {"n": [1]}}
    assert shop.data('{ users(like: "B") { id name } }')["users"] == [{"id": "3", "name": "Cleo:x"}, {"id": "2", "name": "Ben"}, {"id": "1", "name": "Ann"}]
    assert shop.data('mutation { move(id: "2", city: "Uji") { id city } }') == {"move": {"id": "2", "city": "Uji"}}
    assert shop.data('mutation { leave(id: "2") { id name } }') == {"leave": {"id": "2", "name": "Ben"}}
    assert shop.data('mutation { leave(id: "2") { id } }') == {"leave": None}
    assert shop.clusters.rows("select id, city from users order by id") == [("1", "Kyoto"), ("3", "Nara")]


def test_templates_read_what_was_answered_as_text_and_as_rows(shop):
    shop.resolve("Query.text", shop.people, before=BEFORE, after="$util.toJson($util.rds.toJsonString($ctx.result))")
    assert json.loads(shop.data('{ text(id: "1") }')["text"]) == [[{"id": "1", "name": "Ann"}]]


def test_what_the_database_refuses_is_an_error_of_the_field(shop):
    """In this form it was told in aws/aws-cdk#12735."""
    shop.resolve("Query.user", shop.people, code=RDS + "export const request = (ctx) => createPgStatement(sql`select * from nowhere where id = ${ctx.args.id}`);" + ONE)
    (error,) = shop.ask('{ user(id: "1") { name } }')["errors"]
    kind, _, text = error["message"].partition(":")
    assert (kind, error["errorType"]) == ("RDSHttp", "400 Bad Request")
    assert 'relation "nowhere" does not exist' in json.loads(text)["message"]


@pytest.mark.parametrize("missing", RIGHTS)
def test_the_data_sources_role_needs_rights_to_the_cluster_and_to_its_secret(shop, missing):
    shop.resolve("Query.user", shop.database("poor", *[each for each in RIGHTS if each != missing]), code=USER)
    (error,) = shop.ask('{ user(id: "1") { name } }')["errors"]
    assert error["message"].startswith("RDSHttp:") and missing in error["message"]


def test_no_more_than_two_statements_are_asked_at_once(shop):
    shop.resolve("Query.user", shop.people, code=RDS + "export const request = () => createPgStatement('select 1', 'select 2', 'select 3');" + ONE)
    (error,) = shop.ask('{ user(id: "1") { name } }')["errors"]
    assert error["errorType"] == "MappingTemplate"


@pytest.mark.parametrize(
    "said, text, variables",
    [
        ("select({ table: 'persons' })", 'SELECT * FROM "persons"', {}),
        ("select({ table: 'a.b', limit: 3 })", 'SELECT * FROM "a"."b" LIMIT :P0', {":P0": 3}),
        ("select({ from: { p: 'persons' }, columns: ['p.id'] })", 'SELECT "p"."id" FROM "persons" as "p"', {}),
        ("select({ table: 't', where: { a: { between: [1, 2] } } })", 'SELECT * FROM "t" WHERE "a" BETWEEN :P0 AND :P1', {":P0": 1, ":P1": 2}),
        ("select({ table: 't', where: { or: [{ a: { eq: 1 } }, { b: { ne: 2 } }] } })", 'SELECT * FROM "t" WHERE ("a" = :P0) OR ("b" != :P1)', {":P0": 1, ":P1": 2}),
        ("select({ table: 't', where: { a: { size: { gt: 3 } } } })", 'SELECT * FROM "t" WHERE LENGTH ("a") > :P0', {":P0": 3}),
        ("select({ table: 't', orderBy: [{ column: 'a' }] })", 'SELECT * FROM "t" ORDER BY "a" ASC', {}),
        ("remove({ table: 'persons', where: { name: { beginsWith: 'te' } } })", 'DELETE FROM "persons" WHERE "name" LIKE :P0', {":P0": "te%"}),
        ("update({ table: 'persons', values: { name: 'test' } })", 'UPDATE "persons" SET "name" = :P0', {":P0": "test"}),
        ("insert({ table: 't', values: { a: 1, b: null } })", 'INSERT INTO "t" ("a", "b") VALUES (:P0, NULL)', {":P0": 1}),
        ("sql`select ${1} + ${2}`", "select :P0 + :P1", {":P0": 1, ":P1": 2}),
    ],
)
def test_helpers_spell_statements_as_aws_does(cloud, said, text, variables):
    """As recorded of AWS in the tests of localstack/appsync-utils."""
    code = f"{RDS}export const request = () => createPgStatement({said});\nexport const response = () => null;"
    told = json.loads(cloud.client("appsync").evaluate_code(runtime=RUNTIME, code=code, context="{}", function="request")["evaluationResult"])
    assert told == {"statements": [text], "variableMap": variables, "variableTypeHintMap": {}}


@pytest.mark.parametrize("maps", ['"variableMap": [1]', '"variableMap": {":ID": "1"}, "variableTypeHintMap": "UUID"', '"variableMap": {":ID": "1"}, "variableTypeHintMap": {":ID": 7}'])
def test_variables_that_are_no_map_are_the_templates_mistake(shop, maps):
    before = f"""{{"version": "2018-05-29", "statements": ["select id, name from users where id = :ID"], {maps}}}"""
    shop.resolve("Query.user", shop.people, before=before, after=FAILED + "{}")
    (error,) = shop.ask('{ user(id: "1") { name } }')["errors"]
    assert error["errorType"] in ("MappingTemplate", "400 Bad Request")
