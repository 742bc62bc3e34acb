"""Parameter groups that MariaDB servers really read, and the logs that they say to write."""

import pytest
from database_workshop import code_of, refusal
from mariadb_workshop import MariaDatabases

pytestmark = pytest.mark.mariadb


@pytest.fixture
def databases(cloud):
    databases = MariaDatabases(cloud)
    databases.group("own")
    return databases


def _until(databases, statement, rows):
    """Until what was said at once has reached the server."""
    with databases.session() as session:
        for _ in range(1_000):
            if session.ask(statement) == rows:
                return
            databases.cloud.sleep(0.01)
        assert session.ask(statement) == rows


def test_a_dynamic_parameter_acts_at_once_and_a_reset_brings_the_default_back(databases):
    databases.create(DBParameterGroupName="own")
    assert databases.ask("select @@global.long_query_time") == [(10.0,)]
    databases.say("own", "long_query_time", "0.5")
    databases.say("own", "max_allowed_packet", "33554432")
    databases.say("own", "sql_mode", "ANSI_QUOTES,NO_ZERO_DATE")
    _until(databases, "select @@global.long_query_time, @@global.max_allowed_packet, @@global.sql_mode", [(0.5, 33_554_432, "ANSI_QUOTES,NO_ZERO_DATE")])
    databases.cloud.sleep(0.1)
    assert databases.shown()["DBParameterGroups"] == [{"DBParameterGroupName": "own", "ParameterApplyStatus": "in-sync"}]
    databases.rds.reset_db_parameter_group(DBParameterGroupName="own", ResetAllParameters=True)
    _until(databases, "select @@global.long_query_time, @@global.max_allowed_packet", [(10.0, 16_777_216)])


def test_a_static_parameter_waits_for_a_reboot(databases):
    databases.create(DBParameterGroupName="own")
    said = [{"ParameterName": "innodb_log_file_size", "ParameterValue": "8388608", "ApplyMethod": "immediate"}]
    told = refusal(databases.rds.modify_db_parameter_group, DBParameterGroupName="own", Parameters=[{**said[0], "ParameterName": "innodb_open_files"}])
    assert told["Code"] == "InvalidParameterCombination"
    databases.say("own", "innodb_open_files", "500", "pending-reboot")
    databases.say("own", "max_connections", "GREATEST({DBInstanceClassMemory/53687091},10)", "pending-reboot")
    assert databases.shown()["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"
    assert databases.ask("select @@max_connections") == [(42,)]  # LEAST({DBInstanceClassMemory/25165760},12000)
    databases.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.until("available")
    assert databases.ask("select @@innodb_open_files, @@max_connections") == [(500, 20)]
    assert databases.shown()["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"


def test_parameters_are_told_as_the_server_lists_them(databases):
    databases.say("own", "long_query_time", "2")
    pages = databases.rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="own")
    found = {each["ParameterName"]: each for page in pages for each in page["Parameters"]}
    assert len(found) > 450
    told = found["long_query_time"]
    assert (told["ParameterValue"], told["Source"], told["ApplyType"], told["DataType"], told["IsModifiable"]) == ("2", "user", "dynamic", "float", True)
    assert (found["innodb_open_files"]["ApplyType"], found["innodb_flush_log_at_trx_commit"]["AllowedValues"]) == ("static", "0-3")
    assert found["max_connections"]["ParameterValue"] == "LEAST({DBInstanceClassMemory/25165760},12000)"
    assert (found["binlog_format"]["AllowedValues"], found["binlog_format"]["ParameterValue"]) == ("MIXED,STATEMENT,ROW", "MIXED")
    assert found["log_bin_trust_function_creators"]["IsModifiable"] and not found["datadir"]["IsModifiable"]


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("nothing", "1", "Could not find parameter with name: nothing"),
        ("datadir", "/", "The parameter datadir cannot be modified."),
        ("plugin_dir", "/tmp", "The parameter plugin_dir cannot be modified."),
        ("general_log_file", "/tmp/x", "The parameter general_log_file cannot be modified."),
        ("secure_file_priv", "", "The parameter secure_file_priv cannot be modified."),
        ("max_connections", "0", "Invalid parameter value: 0 for: max_connections allowed values are: 10-100000"),
        ("max_connections", "ten", "Invalid parameter value: ten for: max_connections allowed values are: 10-100000"),
        ("general_log", "2", "Invalid parameter value: 2 for: general_log allowed values are: 0,1"),
        ("binlog_format", "SIDEWAYS", "Invalid parameter value: SIDEWAYS for: binlog_format allowed values are: MIXED,STATEMENT,ROW"),
        ("sql_mode", "NONSENSE", None),
        ("character_set_server", "nonsense", None),
        ("time_zone", "Mars/Olympus", None),
        ("init_connect", "set @a = 1\nplugin-load=x", None),
    ],
)
def test_what_the_server_would_not_take_is_refused(databases, name, value, text):
    said = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}]
    told = refusal(databases.rds.modify_db_parameter_group, DBParameterGroupName="own", Parameters=said)
    assert told["Code"] == "InvalidParameterValue" and text in (None, told["Message"])
    assert databases.rds.describe_db_parameters(DBParameterGroupName="own", Source="user")["Parameters"] == []


def test_a_value_is_a_value_whatever_signs_are_in_it_and_a_time_zone_has_its_name(databases):
    databases.say("own", "init_connect", """set @word = "it's \\\\ # a \\" [sign]" """)
    databases.say("own", "time_zone", "Asia/Tokyo", "pending-reboot")
    databases.create(DBParameterGroupName="own")
    with databases.session() as session:
        assert session.ask("select @@time_zone, timediff(now(), utc_timestamp()) = '09:00:00'") == [("Asia/Tokyo", 1)]
        noon = "convert_tz('2030-07-01 12:00:00', 'UTC', %s)"
        ((there, then),) = session.ask(f"select {noon}, {noon}", "America/New_York", "Asia/Tokyo")
        assert (str(there), str(then)) == ("2030-07-01 08:00:00", "2030-07-01 21:00:00")
    assert databases.ask("select @word") == [("""it's \\ # a " [sign]""",)]


def test_logs_are_read_that_the_group_has_written_to_files(databases):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.MariaDB.html
    for parameter, value in (("log_output", "FILE"), ("slow_query_log", "1"), ("general_log", "1"), ("long_query_time", "0")):
        databases.say("own", parameter, value)
    databases.create(DBParameterGroupName="own")
    databases.ask("select 'a word in the log'")
    rds = databases.rds
    assert [each["LogFileName"] for each in rds.describe_db_log_files(DBInstanceIdentifier="orders")["DescribeDBLogFiles"]] == [
        "error/mysql-error.log", "general/mysql-general.log", "slowquery/mysql-slowquery.log",
    ]  # fmt: skip

    def read(name):
        return rds.download_db_log_file_portion(DBInstanceIdentifier="orders", LogFileName=name, Marker="0")["LogFileData"]

    assert "ready for connections" in read("error/mysql-error.log")
    assert "a word in the log" in read("general/mysql-general.log") and "Query_time" in read("slowquery/mysql-slowquery.log")
    assert code_of(rds.download_db_log_file_portion, DBInstanceIdentifier="orders", LogFileName="../data/instance.cnf") == "DBLogFileNotFoundFault"


def test_slow_queries_are_rows_of_a_table_if_nobody_says_otherwise(databases):
    databases.say("own", "slow_query_log", "1")
    databases.say("own", "long_query_time", "0")
    databases.create(DBParameterGroupName="own")
    databases.ask("select 'a word'")
    assert ("select 'a word'",) in databases.ask("select sql_text from mysql.slow_log")
