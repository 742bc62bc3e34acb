"""What a server of PostgreSQL can be told: its own settings, as it lists them itself, and RDS's ``rds.force_ssl``.

What is not said in a group has the default of RDS where that is one of a few formulas, and else the server's own.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from kumoniwa.engines.postgresql import golden
from kumoniwa.services.rds.parameter import Parameter, computed, is_on

FORCE_SSL = "rds.force_ssl"
"""On unless it is turned off, since PostgreSQL 15: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html"""
FORMULAS = {
    "autovacuum_max_workers": "GREATEST({DBInstanceClassMemory/64371566592},3)",
    "effective_cache_size": "{DBInstanceClassMemory/16384}",
    "maintenance_work_mem": "GREATEST({DBInstanceClassMemory*1024/63963136},65536)",
    "max_connections": "LEAST({DBInstanceClassMemory/9531392},5000)",
    "shared_buffers": "{DBInstanceClassMemory/32768}",
}
SHARED_BUFFERS_MOST = 16_384
"""Blocks of 8 KiB. A quarter of the memory that a class has on AWS is not this machine's to give, unless somebody says so in a group."""
_OF_RDS = frozenset({
    "allow_alter_system", "allow_in_place_tablespaces", "allow_system_table_mods", "archive_cleanup_command", "archive_command",
    "archive_library", "archive_mode",
    "bonjour", "bonjour_name", "cluster_name", "config_file", "data_directory", "data_directory_mode", "data_sync_retry", "debug_io_direct",
    "dynamic_library_path",
    "dynamic_shared_memory_type", "event_source", "extension_control_path", "external_pid_file", "fsync", "full_page_writes", "hba_file",
    "ident_file",
    "ignore_checksum_failure", "ignore_invalid_pages", "ignore_system_indexes", "jit_provider", "listen_addresses", "local_preload_libraries",
    "log_directory",
    "log_destination", "log_file_mode", "log_filename", "log_truncate_on_rotation", "logging_collector", "oauth_validator_libraries", "port",
    "primary_conninfo",
    "primary_slot_name", "recovery_end_command", "recovery_init_sync_method", "recovery_prefetch", "recovery_target", "recovery_target_action",
    "recovery_target_inclusive", "recovery_target_lsn", "recovery_target_name", "recovery_target_time", "recovery_target_timeline",
    "recovery_target_xid",
    "remove_temp_files_after_crash", "restart_after_crash", "restore_command", "restrict_nonsystem_relation_kind", "send_abort_for_crash",
    "send_abort_for_kill",
    "session_preload_libraries", "shared_memory_type", "ssl", "ssl_ca_file", "ssl_cert_file", "ssl_crl_dir", "ssl_crl_file", "ssl_key_file",
    "summarize_wal",
    "syslog_facility", "syslog_ident", "syslog_sequence_numbers", "syslog_split_messages", "unix_socket_directories", "unix_socket_group",
    "unix_socket_permissions", "wal_level", "wal_sync_method", "zero_damaged_pages", "backtrace_functions", "krb_server_keyfile",
    "krb_caseins_users",
    "shared_preload_libraries", "ssl_ciphers", "ssl_dh_params_file", "ssl_groups", "ssl_max_protocol_version", "ssl_min_protocol_version",
    "ssl_passphrase_command",
    "ssl_passphrase_command_supports_reload", "ssl_prefer_server_ciphers", "ssl_tls13_ciphers", "io_method", "trace_sort",
})  # fmt: skip
"""What a server's owner decides. That shared_preload_libraries is not the customer's to say is so here alone."""
_TYPES = {"BOOLEAN": "boolean", "INTEGER": "integer", "REAL": "float", "ENUM": "string", "STRING": "string"}


@cache
def known() -> dict[str, Parameter]:
    found = {}
    for spelled, context, _, kind, _, least, most, description, *_ in golden.described():
        name = spelled.lower()
        is_static = context == "postmaster"
        allowed = "0,1" if kind == "BOOLEAN" else f"{least}-{most}" if least else ""
        description = f"({context}) {description}" if is_static else description
        found[name] = Parameter(name, _TYPES[kind], description, is_static, name not in _OF_RDS, allowed)
    found[FORCE_SSL] = Parameter(FORCE_SSL, "boolean", "Force SSL connections.", False, allowed="0,1")
    return dict(sorted(found.items()))


def settings(values: Mapping[str, str], known_values: Mapping[str, float]) -> dict[str, str]:
    """What a server reads for a group's values."""
    found = {name: computed(text, known_values) for name, text in {**FORMULAS, **values}.items() if name != FORCE_SSL}
    if "shared_buffers" not in values:
        found["shared_buffers"] = str(min(int(found["shared_buffers"]), SHARED_BUFFERS_MOST))
    return found


def demands_tls(values: Mapping[str, str]) -> bool:
    return is_on(values.get(FORCE_SSL, "1"))
