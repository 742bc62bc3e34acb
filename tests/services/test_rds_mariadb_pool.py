"""The handbook's function that keeps its connection to a MySQL server in a global, with a server that speaks MySQL's protocol."""

import importlib.metadata
import io
import json
import zipfile

import pytest
from database_workshop import PASSWORD
from lambda_workshop import make
from maria_proxy_workshop import MariaProxies
from mariadb_workshop import MariaDatabases

pytestmark = pytest.mark.mariadb
SOURCE = """
import pymysql
import os

# As written, but for the port, which another database of the same machine may have already, and for what the handler does.
connection = None

def get_connection():
    global connection
    if connection is None or not connection.open:
        connection = pymysql.connect(
            host=os.environ['DB_HOST'],
            port=int(os.environ['DB_PORT']),
            user=os.environ['DB_USER'],
            password=os.environ['DB_PASSWORD'],
            database=os.environ['DB_NAME'],
            charset='utf8mb4'
        )
    return connection

def lambda_handler(event, context):
    conn = get_connection()
    with conn.cursor() as cursor:
        cursor.execute("create table if not exists orders (id int primary key, what varchar(40)) charset utf8mb4")
        if event.get("id") is not None:
            cursor.execute("insert into orders values (%s, %s)", (event["id"], event["what"]))
            conn.commit()
        cursor.execute("select connection_id(), count(*), max(what) from orders")
        row = cursor.fetchone()
    conn.commit()  # who reads has begun a transaction, too, and would keep a session of a proxy until its end
    return row
"""


def _packaged():
    """The function with its driver, as pip would lay it into a folder."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("app.py", SOURCE)
        for file in importlib.metadata.files("pymysql"):
            if ".." not in file.parts and file.suffix != ".pyc":
                archive.write(file.locate(), str(file))
    return held.getvalue()


def test_a_connection_in_a_global_serves_all_calls_and_no_acknowledged_row_is_lost(cloud):
    databases = MariaDatabases(cloud)

    def variables():
        place = databases.shown()["Endpoint"]
        return {"Variables": {
            "DB_HOST": place["Address"], "DB_PORT": str(place["Port"]), "DB_USER": "keeper", "DB_PASSWORD": PASSWORD, "DB_NAME": "shop",
        }}  # fmt: skip

    databases.create()
    make(cloud, name="shop", Code={"ZipFile": _packaged()}, Handler="app.lambda_handler", Environment=variables(), Timeout=30)
    functions = cloud.client("lambda")

    def call(**event):
        reply = functions.invoke(FunctionName="shop", Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, answer
        return answer

    first, count, _ = call(id=1, what="お茶")
    assert count == 1
    assert [call(id=number, what="tea")[:2] for number in (2, 3)] == [[first, 2], [first, 3]]  # CONNECTION_ID() of the same connection
    cloud.restart(kill=True)
    databases.until_recovered()
    functions.update_function_configuration(FunctionName="shop", Environment=variables())  # another server may have taken the port meanwhile
    assert call()[1:] == [3, "お茶"]


def test_a_connection_in_a_global_through_a_proxy_outlives_the_reboot_of_its_database(cloud):
    proxies = MariaProxies(cloud)
    proxies.create()
    host = proxies.make()["Endpoint"]
    variables = {"DB_HOST": host, "DB_PORT": "3306", "DB_USER": "keeper", "DB_PASSWORD": PASSWORD, "DB_NAME": "shop"}
    make(cloud, name="shop", Code={"ZipFile": _packaged()}, Handler="app.lambda_handler", Environment={"Variables": variables}, Timeout=30)

    def call(**event):
        reply = cloud.client("lambda").invoke(FunctionName="shop", Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read())
        assert "FunctionError" not in reply, answer
        return answer[1:]

    assert call(id=1, what="お茶") == [1, "お茶"]
    proxies.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    proxies.until("available")
    assert [call(id=number, what="tea")[0] for number in (2, 3)] == [2, 3]
    assert proxies.ask("select count(*) from orders") == [(3,)]
