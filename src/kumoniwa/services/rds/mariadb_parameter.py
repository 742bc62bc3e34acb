"""What a server of MariaDB can be told: its own variables, as it lists them itself, but for those that are its owner's.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MariaDB.Parameters.html
"""

from __future__ import annotations

import asyncio
import re
import zoneinfo
from collections.abc import Mapping

from kumoniwa.engines.database.program import ServerFailed
from kumoniwa.engines.mariadb.golden import LOG_BYTES, Golden
from kumoniwa.services.rds.parameter import Parameter, computed, refused

FORMULAS = {
    "binlog_format": "MIXED",
    "innodb_buffer_pool_size": "{DBInstanceClassMemory*3/4}",
    "innodb_log_file_size": str(LOG_BYTES),
    "log_output": "TABLE",
    "max_connections": "LEAST({DBInstanceClassMemory/25165760},12000)",
    "sync_binlog": "1",
    "time_zone": "UTC",
}
"""That of max_connections: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections. The redo log is
smaller than on AWS."""
BUFFER_POOL_MOST = 128 << 20
"""Three quarters of the memory that a class has on AWS are not this machine's to give, unless somebody says so in a group."""
TIME_ZONE = "time_zone"
_OFFSET = re.compile(r"[-+](0?\d|1[0-4]):[0-5]\d")
_OF_RDS = re.compile(
    r"(basedir|bind_address|character_sets_dir|chroot|core_file|datadir|debug.*|des_key_file|enforce_storage_engine|expire_logs_days|feedback_.*|gtid_.*"
    r"|have_.*|hostname|init_(file|rpl_role|slave)|innodb_(data_.*|flush_method|log_group_home_dir|page_size|read_only.*|force_.*|undo_directory|undo_tablespaces|temp_.*"
    r"|tmpdir|use_native_aio|encrypt.*|log_checksums|buffer_pool_(filename|dump_now|load_now|load_abort)|ft_.*_table|file_format.*|fast_shutdown|fatal_.*"
    r"|doublewrite|checksum_algorithm|disable_.*|monitor_.*|version)"
    r"|aria_(log_dir_path|encrypt.*|log_purge_type|recover.*)|large_.*|lc_messages_dir|license|locked_in_memory|log_bin(_basename|_compress.*|_index)?|log_error|log_tc_size"
    r"|general_log_file|slow_query_log_file|lower_case_file_system|master_verify_checksum|old_.*passw.*|pid_file|plugin_.*|port|port_.*|protocol_.*"
    r"|proxy_protocol_.*|pseudo_.*|read_binlog_.*|relay_log.*|replicate_.*|report_.*|rpl_.*|secure_.*|server_id|server_uid|skip_.*|slave_.*|socket"
    r"|sql_slave_.*|ssl_(ca|capath|cert|crl|crlpath|key)|symbolic_links|sync_(master|relay).*|system_versioning_.*|thread_handling|tmpdir|user|version.*|wsrep_.*"
    r"|binlog_expire_logs_seconds|max_binlog_size|myisam_recover.*|strict_password_validation|userstat_.*|date_format|datetime_format|time_format"
    r"|extra_port|ignore_db_dirs|external_user|last_.*|storage_engine|identity|insert_id|rand_.*|error_count|warning_count|in_.*|timestamp)"
)
"""What a server's owner decides: where its files lie, how it is reached, what it writes down and for whom."""
_KINDS = {"BOOLEAN": "boolean", "ENUM": "string", "SET": "list", "VARCHAR": "string", "FLAGSET": "list", "DOUBLE": "float"}
_INTEGER = re.compile(r"-?\d+")
_BOOLEANS = ("0", "1", "on", "off")


def known(golden: Golden) -> dict[str, Parameter]:
    found = {}
    for each in golden.described():
        name = str(each["variable_name"]).lower()
        if each["variable_scope"] == "SESSION ONLY" or (each["command_line_argument"] is None and name != TIME_ZONE):
            continue
        kind = _KINDS.get(str(each["variable_type"]), "integer")
        if kind == "boolean":
            allowed = "0,1"
        elif each["enum_value_list"]:
            allowed = str(each["enum_value_list"])
        else:
            allowed = f"{each['numeric_min_value']}-{each['numeric_max_value']}" if each["numeric_max_value"] is not None else ""
        is_own = not _OF_RDS.fullmatch(name)
        found[name] = Parameter(name, kind, str(each["variable_comment"] or ""), each["read_only"] == "YES", is_own, allowed)
    return dict(sorted(found.items()))


async def check(golden: Golden, parameter: Parameter, value: str) -> None:
    """Raises ServerFailed with what a server has against a value, InvalidParameterValue."""
    if parameter.kind == "integer" and not _INTEGER.fullmatch(value) or parameter.kind == "boolean" and value.lower() not in _BOOLEANS:
        raise refused(parameter, value)
    if parameter.name == TIME_ZONE:
        if not _OFFSET.fullmatch(value) and value not in await asyncio.to_thread(zoneinfo.available_timezones):
            raise ServerFailed(f"no such time zone: {value}")
        return
    await golden.check(parameter.name, value)


def variable(name: str) -> str:
    """As which a running server is told of a setting."""
    return TIME_ZONE if name == f"default_{TIME_ZONE}" else name


def is_told(name: str) -> bool:
    """Whether a running server may be told, and not only one that starts."""
    return not name.startswith(("relay_log", "log_bin", "innodb_log_file_size"))


def settings(values: Mapping[str, str], known_values: Mapping[str, float]) -> dict[str, str]:
    """What a server reads for a group's values."""
    found = {name: computed(text, known_values) for name, text in {**FORMULAS, **values}.items()}
    zone = found.pop(TIME_ZONE)
    found[f"default_{TIME_ZONE}"] = "+00:00" if zone == "UTC" else zone
    if "innodb_buffer_pool_size" not in values:
        found["innodb_buffer_pool_size"] = str(min(int(found["innodb_buffer_pool_size"]), BUFFER_POOL_MOST))
    return found
