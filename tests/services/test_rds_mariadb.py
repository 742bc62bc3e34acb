"""Instances of RDS that are MariaDB servers: what comes to be, what is told, what is left."""

import ssl

import pymysql
import pytest
from database_workshop import PASSWORD, code_of, refusal
from mariadb_workshop import GONE, MariaDatabases

from kumoniwa.engines.mariadb import golden

pytestmark = pytest.mark.mariadb


@pytest.fixture
def databases(cloud):
    return MariaDatabases(cloud)


def _refused(session, statement):
    """The number of the error with which a server refuses."""
    with pytest.raises(pymysql.MySQLError) as caught:
        session.ask(statement)
    return caught.value.args[0]


def test_an_instance_is_a_server_that_its_master_user_works_in(databases):
    shown = databases.create()
    assert (shown["Engine"], shown["LicenseModel"], shown["DBName"]) == ("mariadb", "general-public-license", "shop")
    with databases.session(charset="utf8mb4") as session:
        session.ask("create table orders (id int primary key, what text) charset utf8mb4")
        session.ask("insert into orders values (1, %s)", "注文")
        assert session.ask("select what, current_user() from orders") == [("注文", "keeper@%")]
        assert session.ask("select version()")[0][0].startswith(f"{shown['EngineVersion']}-MariaDB")
        assert session.ask("select @@port, @@innodb_flush_log_at_trx_commit") == [(shown["Endpoint"]["Port"], 1)]


def test_clients_are_told_the_servers_own_errors(databases):
    databases.create()
    with databases.session() as session:
        session.ask("create table orders (id int primary key)")
        session.ask("insert into orders values (1)")
        assert _refused(session, "insert into orders values (1)") == 1062
        assert _refused(session, "select * from nothing") == 1146
        assert _refused(session, "selekt") == 1064


def test_the_master_user_has_what_rds_gives_and_no_more(databases):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
    databases.create()
    with databases.session() as session:
        ((granted,),) = session.ask("show grants")
        assert "SUPER" not in granted and "FILE" not in granted and "CREATE USER" in granted and granted.endswith("WITH GRANT OPTION")
        assert _refused(session, "set global max_connections = 5") == 1227
        assert _refused(session, "select 1 into outfile '/tmp/x'") == 1227
        session.ask("create user reader@'%' identified by 'other-secret'")
        session.ask("grant select on shop.* to reader@'%'")
    assert databases.ask("select current_user()", user="reader", password="other-secret") == [("reader@%",)]


def test_who_makes_himself_the_servers_owner_comes_no_further_than_its_folder(databases, tmp_path):
    # RDS's own servers let nobody do that; those of a distribution do.
    outside = tmp_path / "outside"
    outside.mkdir()
    databases.create()
    databases.ask("update mysql.global_priv set priv = json_set(priv, '$.access', 18446744073709551615) where user = 'keeper'")
    databases.ask("flush privileges")
    with databases.session() as session:
        assert _refused(session, f"set global general_log_file = '{outside}/outside.log'") == 1231
        assert _refused(session, f"select 1 into outfile '{outside}/outside.txt'") == 1290
        assert session.ask("select load_file('/etc/hostname')") == [(None,)]
        session.ask(f"create table shop.inside (id int) data directory = '{outside}'")  # whose place the server disregards
    assert not list(outside.iterdir())


def test_nobody_comes_in_with_another_password_or_as_the_servers_owner(databases):
    databases.create()
    for user, password, number in (("keeper", "wrong-secret", 1045), ("nobody", PASSWORD, 1045), ("rdsadmin", PASSWORD, 1045), ("root", "", 1045)):
        with pytest.raises(pymysql.MySQLError) as refused, databases.session(user=user, password=password):
            pass
        assert refused.value.args[0] == number


def test_a_session_is_encrypted_by_the_clouds_own_authority(databases, tmp_path):
    databases.create()
    authority = tmp_path / "ca.pem"
    authority.write_bytes(databases.authority())
    context = ssl.create_default_context(cafile=str(authority))
    with databases.session(ssl=context) as session:
        ((_, cipher),) = session.ask("show status like 'Ssl_cipher'")
        assert cipher


def test_who_speaks_plain_is_refused_where_the_group_says_so(databases):
    databases.group("secure", require_secure_transport="1")
    databases.create(DBParameterGroupName="secure")
    with pytest.raises(pymysql.MySQLError) as refused, databases.session(ssl_disabled=True):
        pass
    assert refused.value.args[0] == 1045, refused.value
    assert databases.ask("select 1", ssl={"verify_mode": "none"}) == [(1,)]


def test_what_was_committed_is_there_after_the_region_was_killed(databases):
    databases.create()
    databases.ask("create table orders (id int primary key)")
    with databases.session() as session:
        for number in range(100):
            session.ask("insert into orders values (%s)", number)
        session.ask("begin")
        session.ask("insert into orders values (1000)")
        databases.cloud.restart(kill=True)
        with pytest.raises(GONE):
            session.ask("commit")
    databases.until_recovered()
    assert databases.ask("select count(*), max(id) from orders") == [(100, 99)]


def test_the_version_told_is_the_one_that_runs_after_the_machine_has_another(databases, monkeypatch):
    before = databases.create()["EngineVersion"]
    later = f"{before.rpartition('.')[0]}.99"
    monkeypatch.setattr(golden, "version", lambda: later)
    databases.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    assert databases.until("available")["EngineVersion"] == later


def test_one_that_is_stopped_lets_nobody_in_and_goes_on_with_its_data(databases):
    databases.create()
    databases.ask("create table orders (id int)")
    with databases.session() as session:
        databases.rds.stop_db_instance(DBInstanceIdentifier="orders")
        databases.until("stopped")
        with pytest.raises(GONE):
            session.ask("select 1")
    with pytest.raises(GONE), databases.session():
        pass
    databases.rds.start_db_instance(DBInstanceIdentifier="orders")
    databases.until("available")
    first = databases.ask("show tables")
    databases.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.until("available")
    assert first == databases.ask("show tables") == [("orders",)]


def test_a_new_password_is_the_only_one_and_gives_back_what_the_master_user_lost(databases):
    # "you can restore them by modifying the DB instance and setting a new master user password":
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
    databases.create()
    databases.ask("revoke all privileges, grant option from keeper@'%'")
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", MasterUserPassword="another-secret")
    databases.until("available")
    assert databases.ask("create table orders (id int)", password="another-secret") == []
    with pytest.raises(GONE), databases.session():
        pass


def test_the_secret_that_rds_keeps_opens_the_database(databases):
    databases.create(ManageMasterUserPassword=True, MasterUserPassword=None)
    held = databases.secret()
    assert databases.ask("select current_user()", user=held["username"], password=held["password"]) == [("keeper@%",)]


def test_the_procedures_of_rds_do_what_a_master_user_may_not(databases):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MariaDB.CommonDBATasks.html
    databases.create()
    with databases.session() as session:
        session.ask("create user reader@'%' identified by 'other-secret'")
        with databases.session(user="reader", password="other-secret", database=None) as other:
            ((number,),) = other.ask("select connection_id()")
            assert _refused(session, f"kill {number}") == 1095
            session.ask("call mysql.rds_kill(%s)", number)
            with pytest.raises(GONE):
                other.ask("select 1")
        session.ask("call mysql.rds_set_configuration('binlog retention hours', 24)")
        assert session.ask("call mysql.rds_show_configuration()")[0][:2] == ("binlog retention hours", "24")
        assert _refused(session, "call mysql.rds_set_configuration('binlog retention hours', 169)") == 1643
        session.ask("call mysql.rds_rotate_slow_log()")
        session.ask("call mysql.rds_rotate_general_log()")


def test_two_engines_stand_side_by_side(databases):
    databases.create()
    told = {each["Engine"]: each for each in databases.rds.describe_db_engine_versions()["DBEngineVersions"]}
    shown = databases.shown()
    assert told["mariadb"]["EngineVersion"] == shown["EngineVersion"]
    # As AWS's answers are seen: "MariaDB Community Edition", "MariaDB 10.11.6".
    assert told["mariadb"]["DBEngineDescription"] == "MariaDB Community Edition"
    assert told["mariadb"]["DBEngineVersionDescription"] == f"MariaDB {shown['EngineVersion']}"
    assert told["mariadb"]["DBParameterGroupFamily"] == f"mariadb{told['mariadb']['MajorEngineVersion']}"
    assert shown["DBParameterGroups"][0]["DBParameterGroupName"] == f"default.{told['mariadb']['DBParameterGroupFamily']}"
    options = databases.rds.describe_orderable_db_instance_options(Engine="mariadb", DBInstanceClass="db.t3.micro")["OrderableDBInstanceOptions"]
    assert {each["LicenseModel"] for each in options} == {"general-public-license"}


@pytest.mark.parametrize(
    "said, code, text",
    [
        ({"EngineVersion": "5.5"}, "InvalidParameterCombination", "Cannot find version 5.5 for mariadb"),
        ({"MasterUsername": "rdsadmin"}, "InvalidParameterValue", "MasterUsername rdsadmin cannot be used"),
        ({"MasterUsername": "m" * 17}, "InvalidParameterValue", "The parameter MasterUsername is not a valid identifier."),
        ({"MasterUserPassword": "p" * 42}, "InvalidParameterValue", "The parameter MasterUserPassword is not a valid password because it is longer"),
        ({"DBName": "mysql"}, "InvalidParameterValue", "Database name mysql cannot be used"),
        ({"DBName": "sh`op"}, "InvalidParameterValue", "DBName must begin with a letter"),
        ({"LicenseModel": "postgresql-license"}, "InvalidParameterCombination", "Invalid license model"),
        ({"AllocatedStorage": 1}, "InvalidParameterCombination", "Invalid storage size for engine name mariadb and storage type gp2: 1"),
        ({"Engine": "mysql"}, "NotImplemented", "Kumoniwa does not implement databases of the engine mysql, whose protocol the engine mariadb speaks"),
    ],
)
def test_what_is_refused_is_refused_for_this_engine(databases, said, code, text):
    told = refusal(databases.rds.create_db_instance, **databases.asked(**said))
    assert told["Code"] == code and told["Message"].startswith(text)


def test_a_group_of_another_engine_is_refused(databases):
    told = refusal(databases.rds.create_db_instance, **databases.asked(DBParameterGroupName="default.postgres18"))
    assert told["Code"] == "InvalidParameterCombination" and "with DBParameterGroupFamily postgres18 can't be used for this instance" in told["Message"]
    assert code_of(databases.rds.create_db_parameter_group, DBParameterGroupName="old", DBParameterGroupFamily="mariadb5.5", Description="-") == "NotImplemented"


def test_cloudwatch_is_told_what_a_server_really_does(databases):
    databases.create()
    with databases.session():
        databases.cloud.sleep(130)
    watch, now = databases.cloud.client("cloudwatch"), databases.cloud.now()

    def most(name):
        points = watch.get_metric_statistics(
            Namespace="AWS/RDS", MetricName=name, Dimensions=[{"Name": "DBInstanceIdentifier", "Value": "orders"}], StartTime=now - 600, EndTime=now,
            Period=60, Statistics=["Maximum"],
        )["Datapoints"]  # fmt: skip
        return max(point["Maximum"] for point in points)

    assert most("DatabaseConnections") == 1
    assert 19 << 30 < most("FreeStorageSpace") < 20 << 30
