"""Parameter groups that the servers really read."""

import pytest
from database_workshop import Databases, code_of, refusal

pytestmark = pytest.mark.database


@pytest.fixture
def databases(cloud):
    databases = Databases(cloud)
    databases.rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres18", Description="ours")
    return databases


def _say(databases, name, value, method="immediate"):
    return databases.rds.modify_db_parameter_group(
        DBParameterGroupName="own", Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}]
    )


def _status(databases):
    return databases.shown()["DBParameterGroups"]


def test_a_dynamic_parameter_acts_at_once(databases):
    databases.create(DBParameterGroupName="own")
    assert databases.ask("show work_mem") == [("4MB",)]
    _say(databases, "work_mem", "8192")
    databases.cloud.sleep(0.1)
    assert _status(databases) == [{"DBParameterGroupName": "own", "ParameterApplyStatus": "in-sync"}]
    with databases.session() as session:
        for _ in range(1_000):
            if session.ask("show work_mem") == [("8MB",)]:
                break
        assert session.ask("show work_mem") == [("8MB",)]


def test_a_static_parameter_waits_for_a_reboot(databases):
    databases.create(DBParameterGroupName="own")
    assert code_of(databases.rds.modify_db_parameter_group, DBParameterGroupName="own", Parameters=[
        {"ParameterName": "max_connections", "ParameterValue": "50", "ApplyMethod": "immediate"},
    ]) == "InvalidParameterCombination"  # fmt: skip
    _say(databases, "max_connections", "50", "pending-reboot")
    assert _status(databases)[0]["ParameterApplyStatus"] == "pending-reboot"
    assert databases.ask("show max_connections") == [("112",)]
    databases.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.until("available")
    assert databases.ask("show max_connections") == [("50",)] and _status(databases)[0]["ParameterApplyStatus"] == "in-sync"


def test_a_formula_counts_with_the_class(databases):
    _say(databases, "max_connections", "GREATEST({DBInstanceClassMemory/53687091},10)", "pending-reboot")
    databases.create(DBParameterGroupName="own", DBInstanceClass="db.t3.small")
    assert databases.ask("show max_connections") == [("40",)]


def test_another_group_acts_after_a_reboot(databases):
    databases.create()
    _say(databases, "work_mem", "8192")
    databases.rds.modify_db_instance(DBInstanceIdentifier="orders", DBParameterGroupName="own")
    databases.cloud.sleep(0.1)
    assert _status(databases) == [{"DBParameterGroupName": "own", "ParameterApplyStatus": "pending-reboot"}]
    assert databases.ask("show work_mem") == [("4MB",)]
    databases.rds.reboot_db_instance(DBInstanceIdentifier="orders")
    databases.until("available")
    assert databases.ask("show work_mem") == [("8MB",)]


def test_a_reset_brings_defaults_back(databases):
    databases.create(DBParameterGroupName="own")
    _say(databases, "work_mem", "8192")
    databases.rds.reset_db_parameter_group(DBParameterGroupName="own", ResetAllParameters=True)
    databases.cloud.sleep(0.1)
    assert databases.rds.describe_db_parameters(DBParameterGroupName="own", Source="user")["Parameters"] == []
    assert databases.ask("show work_mem") == [("4MB",)]


def test_parameters_are_told_as_they_are(databases):
    _say(databases, "work_mem", "8192")
    found = {
        each["ParameterName"]: each
        for page in databases.rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName="own")
        for each in page["Parameters"]
    }
    assert len(found) > 340
    told = found["work_mem"]
    assert (told["ParameterValue"], told["Source"], told["ApplyType"], told["DataType"], told["IsModifiable"]) == (
        "8192",
        "user",
        "dynamic",
        "integer",
        True,
    )
    assert found["max_connections"]["ParameterValue"] == "LEAST({DBInstanceClassMemory/9531392},5000)"
    assert (found["max_connections"]["ApplyType"], found["max_connections"]["AllowedValues"]) == ("static", "1-262143")
    assert not found["data_directory"]["IsModifiable"]


@pytest.mark.parametrize(
    "name, value, code, text",
    [
        ("nothing", "1", "InvalidParameterValue", "Could not find parameter with name: nothing"),
        ("data_directory", "/", "InvalidParameterValue", "The parameter data_directory cannot be modified."),
        ("archive_command", "touch /tmp/x", "InvalidParameterValue", "The parameter archive_command cannot be modified."),
        ("work_mem", "1", "InvalidParameterValue", "Invalid parameter value: 1 for: work_mem allowed values are: 64-2147483647"),
        ("work_mem", "{Nothing}", "InvalidParameterValue", "Invalid parameter value: {Nothing}"),
        ("work_mem", "{1/0}", "InvalidParameterValue", "Invalid parameter value: {1/0}"),
        ("work_mem", "(" * 500 + "{", "InvalidParameterValue", None),
        ("work_mem", "64\nport = 1", "InvalidParameterValue", None),
        ("datestyle", "nonsense, style", "InvalidParameterValue", None),
        ("rds.force_ssl", "2", "InvalidParameterValue", "Invalid parameter value: 2 for: rds.force_ssl allowed values are: 0,1"),
    ],
)
def test_what_the_server_would_not_take_is_refused(databases, name, value, code, text):
    told = refusal(
        databases.rds.modify_db_parameter_group, DBParameterGroupName="own",
        Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}],
    )  # fmt: skip
    assert told["Code"] == code and text in (None, told["Message"])
    assert databases.rds.describe_db_parameters(DBParameterGroupName="own", Source="user")["Parameters"] == []


def test_a_value_is_a_value_whatever_signs_are_in_it(databases):
    _say(databases, "log_line_prefix", "it's a \\ %m ")
    databases.create(DBParameterGroupName="own")
    assert databases.ask("show log_line_prefix") == [("it's a \\ %m ",)]


def test_a_group_that_has_members_is_not_deleted(databases):
    databases.create(DBParameterGroupName="own")
    assert code_of(databases.rds.delete_db_parameter_group, DBParameterGroupName="own") == "InvalidDBParameterGroupState"
    databases.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    databases.until_gone()
    databases.rds.delete_db_parameter_group(DBParameterGroupName="own")
    assert code_of(databases.rds.describe_db_parameter_groups, DBParameterGroupName="own") == "DBParameterGroupNotFound"


def test_groups_are_made_of_what_runs_here(databases):
    rds = databases.rds
    assert (
        code_of(rds.create_db_parameter_group, DBParameterGroupName="own", DBParameterGroupFamily="postgres18", Description="-")
        == "DBParameterGroupAlreadyExists"
    )
    assert (
        code_of(rds.create_db_parameter_group, DBParameterGroupName="old", DBParameterGroupFamily="postgres13", Description="-") == "NotImplemented"
    )
    assert (
        code_of(rds.create_db_parameter_group, DBParameterGroupName="none", DBParameterGroupFamily="nonsense", Description="-")
        == "InvalidParameterValue"
    )
    assert (
        code_of(rds.create_db_parameter_group, DBParameterGroupName="1st", DBParameterGroupFamily="postgres18", Description="-")
        == "InvalidParameterValue"
    )
    assert code_of(rds.modify_db_parameter_group, DBParameterGroupName="default.postgres18", Parameters=[
        {"ParameterName": "work_mem", "ParameterValue": "8192", "ApplyMethod": "immediate"},
    ]) == "InvalidParameterValue"  # fmt: skip
    copied = rds.copy_db_parameter_group(
        SourceDBParameterGroupIdentifier="own", TargetDBParameterGroupIdentifier="two", TargetDBParameterGroupDescription="-"
    )
    assert copied["DBParameterGroup"]["DBParameterGroupArn"] == "arn:aws:rds:us-east-1:000000000000:pg:two"
