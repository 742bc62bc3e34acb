"""Orders as rows of a database that only a proxy reaches. No password is known here: each new connection shows a token of IAM."""

import os
import time
import uuid

import boto3
import pg8000.dbapi

USER, DATABASE, PORT = "keeper", "orders", 5432
ENVIRONMENT = str(uuid.uuid4())
rds = boto3.client("rds")
LOST = (pg8000.dbapi.InterfaceError, OSError)
"""What a connection says that is gone."""
kept = []
"""All that were ever made here: the last is the one that is used."""


def connect():
    token = rds.generate_db_auth_token(DBHostname=os.environ["PROXY"], Port=PORT, DBUsername=USER)
    kept.append(pg8000.dbapi.connect(USER, os.environ["PROXY"], DATABASE, PORT, token, ssl_context=True))


def connection():
    """The one that this environment keeps. Transactions through it go to whichever of the database's sessions is free."""
    if not kept:
        connect()
    return kept[-1]


def handler(event, context):
    try:
        return ordered(connection(), event)
    except LOST:
        connect()
        return ordered(kept[-1], event)


def ordered(database, event):
    cursor = database.cursor()
    if "zone" in event:
        cursor.execute("select set_config('timezone', %s, false)", (event["zone"],))
    cursor.execute("insert into orders values (%s) on conflict do nothing", (event["id"],))
    cursor.execute("select pg_backend_pid()")
    (session,) = cursor.fetchone()
    database.commit()
    time.sleep(event.get("busy_s", 0))  # whatever else it has to do, for which it needs no session
    return {"environment": ENVIRONMENT, "session": session, "connections": len(kept)}
