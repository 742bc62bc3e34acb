"""Users as rows of a database. The connection stands outside the handler: as long as an environment is kept, so is its connection."""

import json
import os

import boto3
import pg8000.dbapi

LOST = (pg8000.dbapi.InterfaceError, pg8000.dbapi.OperationalError, OSError)
"""What a session says that is gone."""
secrets = boto3.client("secretsmanager")
kept = []


def connect():
    """A session that commits each statement, with the password that the secret has now."""
    secret = json.loads(secrets.get_secret_value(SecretId=os.environ["SECRET"])["SecretString"])
    database = pg8000.dbapi.connect(
        secret["username"], os.environ["HOST"], "users", int(os.environ["PORT"]), secret["password"], ssl_context=True
    )
    database.autocommit = True
    database.cursor().execute("create table if not exists users (id text primary key, name text not null)")
    return database


def ask(statement, *values):
    """The rows that a statement answers. A connection that the database has closed is made anew: each statement here may be said twice."""
    try:
        return said(statement, values)
    except LOST:
        kept.clear()
        return said(statement, values)


def said(statement, values):
    if not kept:
        kept.append(connect())
    cursor = kept[0].cursor()
    cursor.execute(statement, values)
    return cursor.fetchall()


def handler(event, context):
    id_ = event.get("pathParameters", {}).get("id")
    said = json.loads(event.get("body") or "{}")
    match event["requestContext"]["http"]["method"]:
        case "POST":
            rows = ask(
                "insert into users values (%s, %s) on conflict (id) do update set name = excluded.name returning id, name, pg_backend_pid()",
                said["id"], said["name"],
            )  # fmt: skip
            return answer(201, rows)
        case "PUT":
            rows = ask("update users set name = %s where id = %s returning id, name, pg_backend_pid()", said["name"], id_)
        case _:
            rows = ask("select id, name, pg_backend_pid() from users where id = %s", id_)
    return answer(200, rows)


def answer(status, rows):
    if not rows:
        return {"statusCode": 404, "body": json.dumps({"message": "no such user"})}
    id_, name, session = rows[0]
    return {"statusCode": status, "body": json.dumps({"id": id_, "name": name, "session": session, "environment": os.getpid()})}
