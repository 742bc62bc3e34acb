"""What a database's server wrote of itself, as customers read it."""

import pytest
from database_workshop import Databases, code_of

pytestmark = pytest.mark.database


def test_a_log_is_read_piece_by_piece(cloud):
    databases = Databases(cloud)
    databases.create()
    rds = databases.rds
    (told,) = rds.describe_db_log_files(DBInstanceIdentifier="orders")["DescribeDBLogFiles"]
    assert told["LogFileName"] == "error/postgresql.log" and told["Size"] > 0
    named = {"DBInstanceIdentifier": "orders", "LogFileName": told["LogFileName"]}
    whole = rds.download_db_log_file_portion(**named, Marker="0")
    assert "database system is ready to accept connections" in whole["LogFileData"] and not whole["AdditionalDataPending"]
    first = rds.download_db_log_file_portion(**named, Marker="0", NumberOfLines=1)
    rest = rds.download_db_log_file_portion(**named, Marker=first["Marker"])
    assert first["AdditionalDataPending"] and whole["LogFileData"] == first["LogFileData"] + rest["LogFileData"]
    (last,) = rds.download_db_log_file_portion(**named, NumberOfLines=1)["LogFileData"].splitlines()
    assert last == whole["LogFileData"].splitlines()[-1]
    databases.ask("do $$ begin raise warning 'a word in the log'; end $$")
    later = rds.download_db_log_file_portion(**named, Marker=whole["Marker"])["LogFileData"]
    assert "keeper@postgres" in later and "a word in the log" in later
    assert rds.describe_db_log_files(DBInstanceIdentifier="orders", FilenameContains="slow")["DescribeDBLogFiles"] == []


def test_what_is_no_log_is_not_read(cloud):
    databases = Databases(cloud)
    databases.create()
    portion = databases.rds.download_db_log_file_portion
    for name in ("error/nothing.log", "../data/PG_VERSION", "/etc/passwd"):
        assert code_of(portion, DBInstanceIdentifier="orders", LogFileName=name) == "DBLogFileNotFoundFault"
    assert code_of(portion, DBInstanceIdentifier="orders", LogFileName="error/postgresql.log", Marker="-1") == "InvalidParameterValue"
    assert code_of(portion, DBInstanceIdentifier="nothing", LogFileName="error/postgresql.log") == "DBInstanceNotFound"
