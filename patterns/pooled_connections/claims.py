"""What the pattern claims: however many environments work at once, the database has few sessions, and what becomes of it functions do not notice."""

import json
import threading
from pathlib import Path

import pg8000.dbapi
from stage import all_at_once, built, holds, until

LIBRARIES = ("pg8000", "scramp", "asn1crypto", "python-dateutil", "six")
MOST = 5
SESSIONS = "select count(*) from pg_stat_activity where usename = 'keeper' and backend_type = 'client backend' and pid <> pg_backend_pid()"


def show(cloud):
    with built(Path(__file__).parent, "orders", LIBRARIES) as template:
        made = cloud.deploy(template, "pooled")
    workers, count = (12, 60) if cloud.is_short else (40, 800)
    rows(cloud, made, "create table orders (id text primary key)")

    def order(number, **more):
        return cloud.invoke(made["Function"], {"id": f"order-{number}", **more})

    most, over = [0], threading.Event()
    watching = threading.Thread(target=watch, args=(cloud, made, most, over))
    watching.start()
    answers = all_at_once(lambda number: order(number, busy_s=0.3), range(count), workers=workers)
    over.set()
    watching.join()
    environments = {each["environment"] for each in answers}
    (stored,) = rows(cloud, made, "select count(*) from orders")
    told = f"{len(answers)} invocations, {len(environments)} environments, at most {most[0]} sessions"
    holds(f"many environments at once need no more than {MOST} sessions", len(environments) > MOST >= most[0] >= 1 and stored == [count], told)

    all_at_once(order, range(count, count + workers), workers=workers)
    cloud.client("rds").reboot_db_instance(DBInstanceIdentifier=made["Database"])
    until(lambda: "DB instance shutdown" in happened(cloud, made))  # who is in the midst of a transaction then loses it, and the connection with it
    answers = all_at_once(order, range(count + workers, count + 2 * workers), workers=workers)
    until(lambda: state(cloud, made) == "available")
    kept = sum(each["connections"] == 1 for each in answers)
    holds("while the database reboots, transactions wait and no connection is lost", kept == workers, f"{kept} of {workers} answered on the first they made")

    old = password(cloud, made)
    cloud.client("rds").modify_db_instance(DBInstanceIdentifier=made["Database"], RotateMasterUserPassword=True, ApplyImmediately=True)
    until(lambda: state(cloud, made) == "available" and password(cloud, made) != old)
    cloud.client("rds").reboot_db_instance(DBInstanceIdentifier=made["Database"])
    until(lambda: state(cloud, made) == "available")
    answers = all_at_once(order, range(count + 2 * workers, count + 3 * workers), workers=workers)
    kept = sum(each["connections"] == 1 for each in answers)
    holds("a rotated password is the proxy's affair", kept == workers, f"{kept} of {workers} answered on the first they made")

    order("pinned", zone="Asia/Tokyo")
    until(lambda: pins(cloud, made))
    holds("who changes its session keeps it, and the log says why", len(pins(cloud, made)) == 1, pins(cloud, made)[0].partition("Reason: ")[2][:78])

    (acknowledged,) = rows(cloud, made, "select count(*) from orders")
    cloud.kill_and_restart()
    until(lambda: health(cloud, made) == "AVAILABLE")
    order("after")
    (there,) = rows(cloud, made, "select count(*) from orders")
    holds("a killed region brings database and proxy back, with every row", there[0] == acknowledged[0] + 1, f"{there[0]} rows")


def watch(cloud, made, most, over):
    """How many sessions the database has, asked of itself."""
    with connected(cloud, made) as database:
        cursor = database.cursor()
        while not over.wait(0.02):
            cursor.execute(SESSIONS)
            most[0] = max(most[0], cursor.fetchone()[0])
            database.commit()


def state(cloud, made):
    return cloud.client("rds").describe_db_instances(DBInstanceIdentifier=made["Database"])["DBInstances"][0]["DBInstanceStatus"]


def happened(cloud, made):
    found = cloud.client("rds").describe_events(SourceType="db-instance", SourceIdentifier=made["Database"])["Events"]
    return [each["Message"] for each in found]


def health(cloud, made):
    return cloud.client("rds").describe_db_proxy_targets(DBProxyName=made["Proxy"])["Targets"][0]["TargetHealth"]["State"]


def pins(cloud, made):
    found = cloud.client("logs").filter_log_events(logGroupName=f"/aws/rds/proxy/{made['Proxy']}", filterPattern="pinned")["events"]
    return [each["message"] for each in found]


def password(cloud, made):
    return json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=made["Secret"])["SecretString"])["password"]


def connected(cloud, made):
    """A client that is no part of the pattern, and asks the database itself."""
    return pg8000.dbapi.connect("keeper", "127.0.0.1", "orders", int(made["Port"]), password(cloud, made), ssl_context=True)


def rows(cloud, made, statement):
    with connected(cloud, made) as database:
        cursor = database.cursor()
        cursor.execute(statement)
        found = [list(row) for row in cursor.fetchall()] if cursor.description else []
        database.commit()
        return found
