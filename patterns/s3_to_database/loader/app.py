"""Loads lines into the database. A line's row and its share of the file's total are one transaction, which happens once.

The connection is the environment's and serves one batch after the other. A line that cannot be loaded is reported alone: its neighbours in the
batch are done with, and it comes again until the queue has had enough of it.
"""

import json
import os
from decimal import Decimal, InvalidOperation

import boto3
import pg8000.dbapi

secrets = boto3.client("secretsmanager")
connection = None

TABLES = """
create table if not exists rows (id text primary key, file text not null, item text not null, amount numeric not null);
create table if not exists totals (file text primary key, counted int not null, amount numeric not null)
"""


def connected():
    """The environment's connection; a new one if the last was lost."""
    global connection
    if connection is None:
        secret = json.loads(secrets.get_secret_value(SecretId=os.environ["SECRET"])["SecretString"])
        connection = pg8000.dbapi.connect(
            user=secret["username"], password=secret["password"], host=os.environ["DB_HOST"], port=int(os.environ["DB_PORT"]),
            database=os.environ["DB_NAME"], timeout=5,
        )  # fmt: skip
    return connection


def lost():
    global connection
    connection = None


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            load(connected(), json.loads(record["body"]))
        except (KeyError, ValueError, InvalidOperation) as error:
            print(f"{record['messageId']}: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
        except (pg8000.dbapi.Error, OSError) as error:
            print(f"{record['messageId']}: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
            lost()
    return {"batchItemFailures": failed}


def load(session, line):
    amount = Decimal(line["amount"])
    file = line["id"].partition(":")[0]
    cursor = session.cursor()
    try:
        cursor.execute("insert into rows values (%s, %s, %s, %s) on conflict do nothing", (line["id"], file, line["item"], amount))
        if cursor.rowcount:
            cursor.execute(
                """insert into totals values (%s, 1, %s) on conflict (file)
                do update set counted = totals.counted + 1, amount = totals.amount + excluded.amount""",
                (file, amount),
            )
        session.commit()
    except pg8000.dbapi.Error:
        session.rollback()
        raise


def prepare(event, context):
    """Make the tables, if they are not there."""
    session = connected()
    session.cursor().execute(TABLES)
    session.commit()


def count(event, context):
    """What is there of a file: rows, and how many lines and how much its total counts."""
    session = connected()
    try:
        cursor = session.cursor()
        cursor.execute("select count(*) from rows where file = %s", (event["file"],))
        (rows,) = cursor.fetchone()
        cursor.execute("select counted, amount from totals where file = %s", (event["file"],))
        counted, amount = cursor.fetchone() or (0, 0)
        session.commit()
    except (pg8000.dbapi.Error, OSError):
        lost()
        raise
    return [rows, counted, int(amount)]
