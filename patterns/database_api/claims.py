"""What the pattern claims: users are rows of a real database, its connections are kept by environments, and no row that was acknowledged is lost."""

import json
from pathlib import Path

import pg8000.dbapi
from stage import all_at_once, built, holds, until

LIBRARIES = ("pg8000", "scramp", "asn1crypto", "python-dateutil", "six")


def show(cloud):
    with built(Path(__file__).parent, "users", LIBRARIES) as template:
        made = cloud.deploy(template, "database-api")
    count = 40 if cloud.is_short else 400

    def asked(method, path, body=None):
        return cloud.call_api(f"{made['Url']}/{path}", method, body)

    def create(number):
        return asked("POST", "users", {"id": f"user-{number}", "name": f"name {number}"})

    status, first = create(0)
    read_status, read = asked("GET", "users/user-0")
    interfaces = cloud.client("ec2").describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [made["Network"]]}])["NetworkInterfaces"]
    kinds = sorted(f"{each['InterfaceType']} {each['PrivateIpAddress']}" for each in interfaces)
    holds("function, database and endpoint stand in private subnets", not any("Association" in each for each in interfaces), ", ".join(kinds))
    holds("POST stores a row, GET reads it", (status, read_status) == (201, 200) and read["name"] == "name 0", f"{status}, {read_status}: {read['name']}")
    asked("PUT", "users/user-0", {"name": "another"})
    name = asked("GET", "users/user-0")[1]["name"]
    holds("what is changed is read so", name == "another", name)
    (stored,) = rows(cloud, made, "select name from users where id = 'user-0'")
    holds("any client of PostgreSQL finds the row", stored == ["another"], f"{made['Host']}:{made['Port']}")

    answers = [first, read, *(asked("GET", "users/user-0")[1] for _ in range(20))]
    kept = {(each["environment"], each["session"]) for each in answers}
    holds("requests one after the other share a connection", len(kept) == 1, f"{len(answers)} requests, {len(kept)} connection")

    workers = 8
    with cloud.fault("lambda.delay", {"function": made["Function"]}, ms=300, percent=100):
        answers = [said for _, said in all_at_once(create, range(1, count), workers=workers)]
    environments, sessions = {each["environment"] for each in answers}, {each["session"] for each in answers}
    right = 1 < len(sessions) == len(environments) <= workers
    holds(f"{workers} clients at once: a connection for each environment, not for each request", right, f"{len(answers)} requests, {len(environments)} environments, {len(sessions)} connections")

    cloud.kill_and_restart()
    until(lambda: state(cloud, made) == "available" and asked("GET", "users/user-0")[0] == 200)
    (there,) = rows(cloud, made, "select count(*) from users")
    holds("a killed region brings its database back, with every row acknowledged", there == [count], f"{there[0]} of {count} rows")

    old = password(cloud, made)
    cloud.client("rds").modify_db_instance(DBInstanceIdentifier=made["Database"], RotateMasterUserPassword=True, ApplyImmediately=True)
    until(lambda: state(cloud, made) == "available" and password(cloud, made) != old)
    cloud.client("rds").reboot_db_instance(DBInstanceIdentifier=made["Database"])
    until(lambda: state(cloud, made) == "available")
    refused = "let in"
    try:
        rows(cloud, made, "select 1", old)
    except pg8000.dbapi.DatabaseError as error:
        refused = error.args[0]["M"]
    holds("a password that was rotated opens nothing any more", "authentication failed" in refused, refused)
    status, said = asked("GET", "users/user-0")
    holds("and environments, cut off by a reboot, connect with the new one", status == 200 and said["name"] == "another", f"{status}")


def state(cloud, made):
    return shown(cloud, made)["DBInstanceStatus"]


def shown(cloud, made):
    return cloud.client("rds").describe_db_instances(DBInstanceIdentifier=made["Database"])["DBInstances"][0]


def password(cloud, made):
    return json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=made["Secret"])["SecretString"])["password"]


def rows(cloud, made, statement, key=None):
    """What the database itself answers a client of this machine, which no network keeps out. Not every system resolves names under ``.localhost``; and
    another's server may have taken the port while the database was down."""
    port = shown(cloud, made)["Endpoint"]["Port"]
    with pg8000.dbapi.connect("keeper", "127.0.0.1", "users", port, key or password(cloud, made), ssl_context=True) as database:
        cursor = database.cursor()
        cursor.execute(statement)
        return [list(row) for row in cursor.fetchall()]
