"""Procedures that RDS puts into each MariaDB instance, where a master user may not do a thing itself.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.SQLRef.html (MariaDB's are the same)
"""

from __future__ import annotations

RETENTION = "binlog retention hours"
RETENTION_MOST_H = 168
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-stored-proc-configuring.html"""
_BODIES = {
    "rds_kill(in thread bigint)": (
        "if exists (select 1 from information_schema.processlist where id = thread and user in ('rdsadmin', 'system user')) then "
        "signal sqlstate '45000' set message_text = 'This is an RDS internal thread', mysql_errno = 1643; end if; kill connection thread;"
    ),
    "rds_kill_query(in thread bigint)": (
        "if exists (select 1 from information_schema.processlist where id = thread and user in ('rdsadmin', 'system user')) then "
        "signal sqlstate '45000' set message_text = 'This is an RDS internal thread', mysql_errno = 1643; end if; kill query thread;"
    ),
    "rds_rotate_slow_log()": (
        "declare was int default @@sql_log_bin; set sql_log_bin = 0; "
        "create table if not exists mysql.slow_log2 like mysql.slow_log; drop table if exists mysql.slow_log_backup; "
        "rename table mysql.slow_log to mysql.slow_log_backup, mysql.slow_log2 to mysql.slow_log; set sql_log_bin = was;"
    ),
    "rds_rotate_general_log()": (
        "declare was int default @@sql_log_bin; set sql_log_bin = 0; "
        "create table if not exists mysql.general_log2 like mysql.general_log; drop table if exists mysql.general_log_backup; "
        "rename table mysql.general_log to mysql.general_log_backup, mysql.general_log2 to mysql.general_log; set sql_log_bin = was;"
    ),
    "rds_set_configuration(in name varchar(30), in value int)": (
        f"if name <> '{RETENTION}' then signal sqlstate '45000' set message_text = 'Invalid configuration name', mysql_errno = 1643; end if; "
        f"if value < 1 or value > {RETENTION_MOST_H} then signal sqlstate '45000' set message_text = "
        f"'For {RETENTION} the value must be between 1 and {RETENTION_MOST_H} inclusive or be NULL', mysql_errno = 1643; end if; "
        "update mysql.rds_configuration set rds_configuration.value = value where rds_configuration.name = name; commit;"
    ),
    "rds_show_configuration()": "select name, value, description from mysql.rds_configuration;",
}
"""What they do, each on one line: that is where a statement of a server that makes its first data ends."""

PROCEDURES = "\n".join([
    "set sql_mode = '';",
    "create table rds_configuration (name varchar(100) not null primary key, value varchar(100), description varchar(300) not null) engine = InnoDB;",
    f"insert into rds_configuration values ('{RETENTION}', null, '{RETENTION} specifies the duration in hours before binary logs are automatically deleted.');",
    *(f"create definer = `rdsadmin`@`localhost` procedure {head} sql security definer begin {body} end ;" for head, body in _BODIES.items()),
])  # fmt: skip
