"""The engine ``postgres``: PostgreSQL, in the version that is packaged with the extra ``sql``."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from kumoniwa.engines.postgresql import golden, replication
from kumoniwa.engines.postgresql import server as servers
from kumoniwa.engines.postgresql.golden import Golden
from kumoniwa.engines.postgresql.server import Server
from kumoniwa.services.rds import parameter, postgres_parameter
from kumoniwa.services.rds.engine import ARCHIVE, HISTORY, Engine
from kumoniwa.services.rds.instance import Instance
from kumoniwa.services.rds.parameter import Parameter

WRITTEN_EVERY_S = 300
LOOK_S, WITHIN_S = 0.05, 60.0
_START = re.compile(r"START WAL LOCATION: .* \(file ([0-9A-F]{24})\)")
_LAST_CONF = "postgresql.auto.conf"
"""What a server reads after all else."""
_CONNECTIONS = "select count(*) from pg_stat_activity where backend_type = 'client backend' and usename <> 'rdsadmin'"
_ITERATIONS = 4_096


class Postgres(Engine):
    name = "postgres"
    title = edition = "PostgreSQL"
    licence = "postgresql-license"
    port = 5_432
    has_replicas = True
    user_most = database_most = 63
    password_most = 128
    reserved_users = frozenset({
        "admin", "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "both", "case", "cast", "check",
        "collate",
        "column", "constraint", "create", "cross", "current_catalog", "current_date", "current_role", "current_time", "current_timestamp",
        "current_user",
        "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "from", "grant", "group",
        "having",
        "in", "initially", "intersect", "into", "lateral", "leading", "limit", "localtime", "localtimestamp", "master", "none", "not", "null",
        "offset", "on", "only",
        "or", "order", "placing", "primary", "public", "rdsadmin", "references", "returning", "select", "session_user", "some", "symmetric", "table",
        "then",
        "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "when", "where", "window", "with",
    })  # fmt: skip
    """The reserved key words of PostgreSQL 18 (its appendix C), and the names that are seen to be refused besides: admin, master, rdsadmin,
    public."""
    reserved_databases = reserved_users | {"template0", "template1"}
    reserved_user_prefixes = ("pg_", "rds_")
    reserved_database_prefixes = ("pg_",)
    logs = {"error/postgresql.log": "postgresql.log"}
    """RDS begins a file each hour; here there is one. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.html"""
    formulas = postgres_parameter.FORMULAS

    def version(self) -> str:
        return golden.version()

    def major(self) -> str:
        return golden.version().partition(".")[0]

    # Parameters -------------------------------------------------------------------------------

    async def ready(self, golden: Golden) -> None:
        """Its program says them itself."""

    def parameters(self, golden: Golden) -> dict[str, Parameter]:
        return postgres_parameter.known()

    def default(self, name: str) -> str | None:
        return "1" if name == postgres_parameter.FORCE_SSL else super().default(name)

    async def check(self, golden: Any, parameter_: Parameter, value: str) -> None:
        if parameter_.name == postgres_parameter.FORCE_SSL:
            if value not in ("0", "1"):
                raise parameter.refused(parameter_, value)
            return
        if parameter_.kind == "boolean" and value.lower() not in ("0", "1", "on", "off", "true", "false"):
            raise parameter.refused(parameter_, value)
        await golden.check({parameter_.name: value})

    def settings(self, instance: Instance, values: Mapping[str, str], known: Mapping[str, float], *, is_fsync: bool) -> dict[str, str]:
        return {
            "timezone": "UTC", "log_timezone": "UTC", "log_line_prefix": "%t:%r:%u@%d:[%p]:", **replication.own_settings(),
            **postgres_parameter.settings(values, known), **_written_down(instance), "fsync": "on" if is_fsync else "off",
        }  # fmt: skip

    def demands_tls(self, values: Mapping[str, str]) -> bool:
        return postgres_parameter.demands_tls(values)

    # Servers ----------------------------------------------------------------------------------

    def golden(self, folder: str, seal: bytes) -> Golden:
        return Golden(folder, seal)

    def server_of(self, folder: str, seal: bytes, on_ended: Callable[[str], None]) -> Server:
        return Server(folder, seal, on_ended)

    async def reload(self, server: Server, settings: dict[str, str], *, demands_tls: bool) -> bool:
        server.configure(settings)
        server.reload(demands_tls=demands_tls)
        return True

    def verifier(self, password: str) -> str:
        """RFC 5802, as PostgreSQL spells it (its documentation of pg_authid.rolpassword)."""
        salt = os.urandom(16)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        parts = [base64.b64encode(each).decode() for each in (salt, stored, hmac.digest(salted, b"Server Key", "sha256"))]
        return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"

    async def furnish(self, server: Server, instance: Instance) -> None:
        """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html"""
        async with server.session() as session:
            master = _quoted(instance.master)
            if instance.origin is None:
                await session.execute(f"create role {master} login createdb createrole valid until 'infinity' password '{instance.verifier}'")
                await session.execute(f"grant rds_superuser to {master}")
                await session.execute(f"alter database postgres owner to {master}")
                await session.execute(f"alter database template1 owner to {master}")
                if instance.database and instance.database != "postgres":
                    await session.execute(f"create database {_quoted(instance.database)} owner {master}")
            elif instance.verifier:
                await session.execute(f"alter role {master} password '{instance.verifier}'")

    async def set_password(self, server: Server, instance: Instance, verifier: str) -> None:
        async with server.session() as session:
            await session.execute(f"alter role {_quoted(instance.master)} password '{verifier}'")

    async def connections(self, server: Server) -> int | None:
        from asyncpg import PostgresError  # noqa: PLC0415 (an extra)

        try:
            async with server.session() as session:
                return int(await session.fetchval(_CONNECTIONS))
        except (OSError, PostgresError):
            return None

    # Copies, and changes made again ---------------------------------------------------------------

    async def copied(self, source: str, target: str) -> None:
        await servers.copied(source, target)

    async def write_down(self, folder: str, server: Server) -> None:
        """Have it close the file of changes that it writes at now, after a change that is later than all others."""
        async with server.session() as session:
            await session.execute("select pg_current_xact_id()")
            last = await session.fetchval("select pg_walfile_name(pg_switch_wal())")
            async with asyncio.timeout(WITHIN_S):
                while not os.path.exists(os.path.join(folder, ARCHIVE, last)):
                    await asyncio.sleep(LOOK_S)

    async def prepare(self, instance: Instance, folder: str, source_folder: str) -> None:
        data = os.path.join(folder, "data")
        for name in ("postmaster.pid", "postmaster.opts"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(data, name))
        replication.become_own(data)
        if instance.origin is not None and instance.origin.source:
            await asyncio.to_thread(shutil.copytree, os.path.join(source_folder, ARCHIVE), os.path.join(folder, HISTORY))
            with open(os.path.join(data, "recovery.signal"), "w"):
                pass
            # A server makes no changes again that one with more room made, such as one of a larger class.
            room = await replication.room(data)
            with open(os.path.join(data, _LAST_CONF), "w") as file:
                file.writelines(f"{name} = {value}\n" for name, value in room.items())

    async def caught_up(self, server: Server, instance: Instance, folder: str) -> None:
        async with server.session() as session:
            while await session.fetchval("select pg_is_in_recovery()"):
                await asyncio.sleep(LOOK_S)
        shutil.rmtree(os.path.join(folder, HISTORY), ignore_errors=True)
        os.truncate(os.path.join(folder, "data", _LAST_CONF), 0)

    def is_past_the_last(self, words: str) -> bool:
        return "recovery ended before configured recovery target was reached" in words

    async def forget_changes(self, folder: str, first_copy: str | None, server: Server) -> None:
        first = _first_needed(first_copy) if first_copy else "~"
        archive = os.path.join(folder, ARCHIVE)
        for name in os.listdir(archive) if os.path.isdir(archive) else ():
            if len(name) >= 24 and name[8:24] < first[8:24]:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(archive, name))


def _written_down(instance: Instance) -> dict[str, str]:
    """What a server is told so that changes are written down: the whole time, so that this can be begun without stopping it."""
    keep = f"test -e ../{ARCHIVE}/%f || {{ cp %p ../{ARCHIVE}/%f.new && mv ../{ARCHIVE}/%f.new ../{ARCHIVE}/%f; }}"
    found = {
        "archive_mode": "on", "archive_command": keep if instance.retention_days else "true",
        "archive_timeout": str(WRITTEN_EVERY_S) if instance.retention_days else "0",
    }  # fmt: skip
    if instance.origin is not None and instance.origin.source:
        found |= {"restore_command": f"cp ../{HISTORY}/%f %p", "recovery_target_action": "promote"}
        if instance.origin.until is not None:
            found["recovery_target_time"] = datetime.fromtimestamp(instance.origin.until, UTC).isoformat()
    return found


def _first_needed(copy: str) -> str:
    """Which file of changes a copy begins with, as it says itself."""
    try:
        with open(os.path.join(copy, "backup_label")) as file:
            found = _START.search(file.read())
    except FileNotFoundError:
        return ""
    return found[1] if found is not None else ""


def _quoted(name: str) -> str:
    """As it was said, large letters and all: who connects says it again."""
    return f'"{name}"'
