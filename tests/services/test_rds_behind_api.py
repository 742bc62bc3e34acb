"""REST API → Lambda → RDS: who posts an order finds it again, by a function that carries its driver and keeps its connection."""

import importlib.metadata
import io
import json
import zipfile

import pytest
from api_workshop import deploy, proxy, resource, rest_api
from database_workshop import PASSWORD, Databases
from lambda_workshop import make

pytestmark = pytest.mark.database
SOURCE = """
import json, os
import pg8000.dbapi

connection = None

def connected():
    global connection
    if connection is None:
        connection = pg8000.dbapi.connect(
            host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]), user="keeper", password=os.environ["DB_PASSWORD"], database="shop", timeout=10
        )
        connection.autocommit = True
        connection.cursor().execute("create table if not exists orders (id text primary key, body jsonb)")
    return connection

def handler(event, context):
    cursor, key = connected().cursor(), event["pathParameters"]["id"]
    if event["httpMethod"] == "POST":
        cursor.execute("insert into orders values (%s, cast(%s as jsonb))", (key, event["body"]))
        return {"statusCode": 201, "body": "{}"}
    cursor.execute("select body, pg_backend_pid() from orders where id = %s", (key,))
    found = cursor.fetchone()
    return {"statusCode": 200, "body": json.dumps(found)} if found else {"statusCode": 404, "body": "{}"}
"""


def _packaged():
    """The function with its driver, as pip would lay it into a folder."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", SOURCE)
        for name in ("pg8000", "scramp", "asn1crypto", "python-dateutil", "six"):
            for file in importlib.metadata.files(name):
                if ".." not in file.parts and file.suffix != ".pyc":
                    archive.write(file.locate(), str(file))
    return held.getvalue()


def test_what_is_posted_is_a_row_that_is_read_again(cloud):
    place = Databases(cloud).create(DBName="shop")["Endpoint"]
    variables = {"DB_HOST": place["Address"], "DB_PORT": str(place["Port"]), "DB_PASSWORD": PASSWORD}
    made = make(cloud, name="shop", Code={"ZipFile": _packaged()}, Environment={"Variables": variables}, Timeout=30)
    gateway = cloud.client("apigateway")
    api, root = rest_api(gateway)
    proxy(gateway, api, resource(gateway, api, root, "orders", "{id}"), function=made["FunctionArn"])
    deploy(gateway, api)
    cloud.client("lambda").add_permission(
        FunctionName="shop", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/*/*/*",
    )  # fmt: skip

    def ask(verb, body=b""):
        status, _, answer = cloud.http(verb, f"/restapis/{api}/prod/_user_request_/orders/7", body=body)
        return status, json.loads(answer)

    assert ask("GET")[0] == 404
    assert ask("POST", b'{"item": "tea"}')[0] == 201
    status, (body, first) = ask("GET")
    assert (status, body) == (200, {"item": "tea"})
    assert ask("GET")[1][1] == first  # the environment's connection serves the next request, too
