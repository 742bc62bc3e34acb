"""The data folder that every MariaDB server of a cloud begins as: made once from the statements that the package brings, and copied.

It holds what RDS puts into each instance: the user ``rdsadmin``, whom nobody else is from anywhere, time zones, and procedures called ``mysql.rds_…``. Its redo
log is of 16 MiB, where RDS has 128: it is copied with each snapshot.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MariaDB.CommonDBATasks.html
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from functools import cache

from kumoniwa.engines.child import child
from kumoniwa.engines.database import golden
from kumoniwa.engines.database.program import ADMINISTRATOR, ServerFailed, administrator_password, can_run, isolated, run
from kumoniwa.engines.mariadb import time_zones
from kumoniwa.engines.mariadb.procedures import PROCEDURES
from kumoniwa.kernel.errors import NotImplementedHere

PLACES = ("/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")
LOG_BYTES = 16 << 20
_SCRIPTS = (
    "mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data", "maria_add_gis_sp_bootstrap", "mysql_sys_schema", "fill_help_tables",
)  # fmt: skip
_VERSION = re.compile(r"Ver (\d+\.\d+\.\d+)-MariaDB")
_DESCRIBED = "variables.json"
_COLUMNS = (
    "variable_name", "variable_scope", "variable_type", "variable_comment", "numeric_min_value", "numeric_max_value", "enum_value_list", "read_only",
    "command_line_argument",
)  # fmt: skip
_OBJECTIONS = ("adjusted to", "wasn't recognized", "[ERROR]", "is not a compiled", "unknown variable", "Unknown suffix")
"""What its words hold when a server does not take a value as it is."""


@cache
def program() -> str:
    """Where the server is. Raises NotImplementedHere."""
    found = shutil.which("mariadbd") or shutil.which("mariadbd", path=os.pathsep.join(PLACES))
    if found is None:
        raise NotImplementedHere("databases of the engine mariadb without its server, which Debian's package mariadb-server-core has")
    return os.path.realpath(found)


@cache
def version() -> str:
    """Such as ``10.11.19``. Raises NotImplementedHere where there is no server, or none can run."""
    if importlib.util.find_spec("pymysql") is None:
        raise NotImplementedHere("databases of RDS without the extra kumoniwa[sql]")
    told = subprocess.run([program(), "--no-defaults", "--version"], check=True, capture_output=True, text=True).stdout
    found = _VERSION.search(told)
    if found is None:
        raise NotImplementedHere(f"databases of the engine mariadb by a server that calls itself {told.strip()}")
    if not can_run():
        raise NotImplementedHere("databases of RDS for root without user namespaces: run the cloud as another user")
    return found[1]


def _base() -> str:
    """The folder that the package was made for."""
    return os.path.dirname(os.path.dirname(program()))


def _script(name: str) -> bytes:
    for folder in ("share/mysql", "share/mariadb", "share"):
        path = os.path.join(_base(), folder, f"{name}.sql")
        if os.path.exists(path):
            with open(path, "rb") as file:
                return file.read()
    raise ServerFailed(f"the package of MariaDB has no {name}.sql")


def verifier(password: str) -> str:
    """What a server keeps of a password: https://mariadb.com/kb/en/password/"""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()  # noqa: S324 - the protocol's own


def common() -> list[str]:
    """What every run of the server is told, whatever it is for."""
    return [f"--basedir={_base()}", f"--innodb-log-file-size={LOG_BYTES}"]


class Golden(golden.Golden):
    @property
    def path(self) -> str:
        known = repr((version(), self.seal, PROCEDURES, LOG_BYTES, _COLUMNS, _SCRIPTS, time_zones.__doc__))
        return os.path.join(self.folder, f"mariadb-{version()}-{hashlib.sha256(known.encode()).hexdigest()[:12]}")

    def described(self) -> list[dict[str, str | None]]:
        """Every variable that the server knows, by columns of its information schema, once the folder is made."""
        with open(f"{self.path}.{_DESCRIBED}", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    async def check(self, name: str, value: str) -> None:
        """Have the server read a setting. Raises ServerFailed with what it has against it."""
        command = isolated(program(), "--no-defaults", f"--{name}={value}", "--verbose", "--help")
        async with child(*command) as process:
            _, err = await process.communicate()
        words = err.decode("utf-8", "replace").splitlines()
        against = [line for line in words if any(each in line for each in _OBJECTIONS)]
        if against or process.returncode:
            raise ServerFailed((against or words or ["the server ended"])[0])

    async def fill(self, data: str, scratch: str) -> None:
        os.mkdir(data, 0o700)
        described = os.path.join(scratch, _DESCRIBED)
        owner = json.dumps({
            "access": (1 << 64) - 1, "plugin": "mysql_native_password", "authentication_string": verifier(administrator_password(self.seal)),
        })  # fmt: skip
        said = b"\n".join([
            b"create database mysql;", b"use mysql;", b"set @auth_root_socket = null;", *map(_script, _SCRIPTS), b"use mysql;",
            await asyncio.to_thread(time_zones.statements), b"delete from global_priv where user in ('root', '');", b"delete from proxies_priv;",
            f"insert into global_priv values ('localhost', '{ADMINISTRATOR}', '{owner}');".encode(), PROCEDURES.encode(),
        ])  # fmt: skip
        # What a server that makes its first data is asked about its variables kills it (10.11.19); so one is started for that, and ends itself.
        told = ", ".join(f"'{name}', {name}" for name in _COLUMNS)
        asked = os.path.join(scratch, "asked.sql")
        with open(asked, "w") as file:
            file.write(f"select json_object({told}) from information_schema.system_variables order by variable_name"
                       f" into outfile '{described}' fields escaped by '';\nshutdown;\n")  # fmt: skip
        command = [
            program(), "--no-defaults", *common(), f"--datadir={data}", f"--tmpdir={scratch}", "--log-warnings=0", "--innodb-flush-method=nosync",
            "--debug-no-sync", "--innodb-flush-log-at-trx-commit=0", "--innodb-autoextend-increment=1", "--skip-log-bin", "--skip-symbolic-links",
        ]  # fmt: skip
        making = ("--bootstrap", "--enforce-storage-engine=", "--max-allowed-packet=8M", "--net-buffer-length=16K")
        await run(*isolated(*command, *making), said=said + b"\n")
        await run(*isolated(*command, f"--init-file={asked}", "--skip-networking", "--socket=.s", "--pid-file=.pid"))
        os.replace(described, f"{self.path}.{_DESCRIBED}")
