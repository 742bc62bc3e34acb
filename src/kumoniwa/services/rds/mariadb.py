"""The engine ``mariadb``: MariaDB, in the version that the machine's distribution has."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping

from kumoniwa.engines.database.program import ServerFailed
from kumoniwa.engines.mariadb import binary_log, golden
from kumoniwa.engines.mariadb import server as servers
from kumoniwa.engines.mariadb.golden import Golden
from kumoniwa.engines.mariadb.procedures import RETENTION
from kumoniwa.engines.mariadb.server import LOGS, POSITION, Server
from kumoniwa.kernel.clock import Clock
from kumoniwa.services.rds import mariadb_parameter, parameter
from kumoniwa.services.rds.engine import ARCHIVE, HISTORY, Engine
from kumoniwa.services.rds.instance import Instance
from kumoniwa.services.rds.parameter import Parameter

LOOK_S = 0.02
_CONNECTIONS = "select count(*) from information_schema.processlist where user not in ('rdsadmin', 'system user', 'event_scheduler')"
_RELAY = "relay-bin"
_PRIVILEGES = (
    "select, insert, update, delete, create, drop, reload, process, references, index, alter, show databases, create temporary tables, lock tables, "
    "execute, replication client, create view, show view, create routine, alter routine, create user, event, trigger, replication slave"
)
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html"""
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class MariaDb(Engine):
    name = "mariadb"
    title = "MariaDB"
    edition = "MariaDB Community Edition"
    licence = "general-public-license"
    port = 3_306
    user_most, password_most, database_most = 16, 41, 64
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"""
    reserved_users = frozenset({
        "accessible", "add", "all", "alter", "analyze", "and", "as", "asc", "before", "between", "both", "by", "call", "case", "change",
        "check", "column", "condition", "constraint", "convert", "create", "cross", "current_user", "cursor", "database", "databases", "declare",
        "default", "delete", "desc", "describe", "distinct", "div", "drop", "each", "else", "exists", "explain", "false", "fetch", "for", "force",
        "foreign", "from", "grant", "group", "having", "if", "ignore", "in", "index", "inner", "insert", "into", "is", "join", "key", "keys", "kill",
        "leave", "left", "like", "limit", "load", "lock", "loop", "match", "mod", "mysql", "natural", "not", "null", "on", "optimize", "or", "order",
        "out", "outer", "partition", "primary", "procedure", "purge", "range", "rdsadmin", "rdsrepladmin", "read", "references", "release", "rename",
        "repeat", "replace", "require", "restrict", "return", "revoke", "right", "root", "rows", "schema", "select", "separator", "set", "show", "sql",
        "table", "then", "to", "trigger", "true", "undo", "union", "unique", "unlock", "update", "usage", "use", "using", "values", "when", "where",
        "while", "with", "write", "xor",
    })  # fmt: skip
    """Reserved words of MariaDB (https://mariadb.com/kb/en/reserved-words/) and users that are there; ``admin`` is what RDS's console proposes."""
    reserved_databases = frozenset({"information_schema", "innodb", "mysql", "performance_schema", "sys", "tmp"})
    reserved_user_prefixes = ()
    reserved_database_prefixes = ()
    logs = {
        "error/mysql-error.log": f"{LOGS}/mysql-error.log", "general/mysql-general.log": f"{LOGS}/mysql-general.log",
        "slowquery/mysql-slowquery.log": f"{LOGS}/mysql-slowquery.log",
    }  # fmt: skip
    """RDS turns the first over each hour; here there is one. The others are there where ``log_output`` is ``FILE``.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.MariaDB.html"""
    formulas = mariadb_parameter.FORMULAS

    def version(self) -> str:
        return golden.version()

    def major(self) -> str:
        return golden.version().rpartition(".")[0]

    # Parameters -------------------------------------------------------------------------------

    async def ready(self, golden: Golden) -> None:
        await golden.made()

    def parameters(self, golden: Golden) -> dict[str, Parameter]:
        return mariadb_parameter.known(golden)

    async def check(self, golden: Golden, parameter_: Parameter, value: str) -> None:
        await mariadb_parameter.check(golden, parameter_, value)

    def settings(self, instance: Instance, values: Mapping[str, str], known: Mapping[str, float], *, is_fsync: bool) -> dict[str, str]:
        found = mariadb_parameter.settings(values, known) | {"server_id": str(zlib.crc32(instance.id.encode()) or 1)}
        if instance.retention_days:
            found |= {"log_bin": f"../{ARCHIVE}/{binary_log.STEM}", "log_bin_index": f"../{ARCHIVE}/{binary_log.STEM}.index"}
        if instance.origin is not None and instance.origin.source:
            found |= {"relay_log": f"../{HISTORY}/{_RELAY}", "relay_log_index": f"../{HISTORY}/{_RELAY}.index", "relay_log_purge": "0"}
        return found | ({} if is_fsync else {"innodb_flush_method": "nosync", "debug_no_sync": "1", "sync_binlog": "0"})

    def demands_tls(self, values: Mapping[str, str]) -> bool:
        """Of the server itself, which has a parameter for it."""
        return parameter.is_on(values.get("require_secure_transport", "0"))

    # Servers ----------------------------------------------------------------------------------

    def golden(self, folder: str, seal: bytes) -> Golden:
        return Golden(folder, seal)

    def server_of(self, folder: str, seal: bytes, on_ended: Callable[[str], None]) -> Server:
        return Server(folder, seal, on_ended)

    async def reload(self, server: Server, settings: dict[str, str], *, demands_tls: bool) -> bool:
        """A server reads its settings when it starts alone; what it can change besides it is told. Whether it writes down changes it cannot."""
        was = server.settings
        if was.get("log_bin") != settings.get("log_bin"):
            return False
        server.configure(settings)
        async with server.session() as session:
            for name in was.keys() | settings.keys():
                if was.get(name) != settings.get(name) and mariadb_parameter.is_told(name):
                    await session.ask(f"set global {mariadb_parameter.variable(name)} = {_spelled(settings.get(name))}")
        return True

    def verifier(self, password: str) -> str:
        return golden.verifier(password)

    async def furnish(self, server: Server, instance: Instance) -> None:
        async with server.session() as session:
            if instance.origin is None:
                await session.ask(f"create user {_quoted(instance.master)}@'%' identified via mysql_native_password using '{instance.verifier}'")
                await session.ask(f"grant {_PRIVILEGES} on *.* to {_quoted(instance.master)}@'%' with grant option")
                if instance.database:
                    await session.ask(f"create database {_quoted(instance.database)}")
            elif instance.verifier:
                await self._give(session, instance, instance.verifier)

    async def set_password(self, server: Server, instance: Instance, verifier: str) -> None:
        async with server.session() as session:
            await self._give(session, instance, verifier)

    async def _give(self, session: servers.Session, instance: Instance, verifier: str) -> None:
        """A master user that was deleted, or lost what it may do, has it again with a new password:
        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html"""
        master = f"{_quoted(instance.master)}@'%'"
        await session.ask(f"create user if not exists {master}")
        await session.ask(f"alter user {master} identified via mysql_native_password using '{verifier}'")
        await session.ask(f"grant {_PRIVILEGES} on *.* to {master} with grant option")

    async def connections(self, server: Server) -> int | None:
        try:
            async with server.session() as session:
                return int((await session.ask(_CONNECTIONS))[0][0])
        except (OSError, ServerFailed):
            return None

    # Copies, and changes made again ---------------------------------------------------------------

    async def copied(self, source: str, target: str) -> None:
        await servers.copied(source, target)

    async def write_down(self, folder: str, server: Server) -> None:
        async with server.session() as session:
            await session.ask("flush binary logs")

    async def prepare(self, instance: Instance, folder: str, source_folder: str) -> None:
        data = os.path.join(folder, "data")
        if instance.origin is not None and instance.origin.source:
            await asyncio.to_thread(_laid_beside, data, os.path.join(source_folder, ARCHIVE), os.path.join(folder, HISTORY))

    async def caught_up(self, server: Server, instance: Instance, folder: str) -> None:
        """Its own replication makes the changes, which finds them where else it would have put those of a primary."""
        history = os.path.join(folder, HISTORY)
        names = binary_log.files(history)
        begin = _position(server.data)
        stop = await asyncio.to_thread(binary_log.end, history, names, instance.origin.until if instance.origin else None)
        if begin is not None and stop is not None and begin < stop:
            async with server.session() as session:
                await session.ask(
                    f"change master to master_host = '-', master_use_gtid = no, relay_log_file = '{_relayed(begin.file)}', "
                    f"relay_log_pos = {begin.position}"
                )
                last = os.path.basename(_relayed(stop.file))
                await session.ask(f"start slave sql_thread until relay_log_file = '{last}', relay_log_pos = {stop.position}")
                while (told := await session.replication())["Slave_SQL_Running"] != "No":
                    await asyncio.sleep(LOOK_S)
                if (told["Relay_Log_File"], told["Relay_Log_Pos"]) != (last, stop.position):
                    raise ServerFailed(told["Last_SQL_Error"] or "changes could not be made again")
                await session.ask("reset slave all")
                await session.ask("set global gtid_slave_pos = ''")
        await asyncio.to_thread(shutil.rmtree, history, True)

    def is_past_the_last(self, words: str) -> bool:
        return False  # what comes after the last change is like it

    async def forget_changes(self, folder: str, first_copy: str | None, server: Server | None) -> None:
        """For as long as customers said that they want them, they are kept besides."""
        if server is None or not server.settings.get("log_bin"):
            for name in [*binary_log.files(os.path.join(folder, ARCHIVE)), f"{binary_log.STEM}.index"] if first_copy is None else ():
                await asyncio.to_thread(_unlinked, os.path.join(folder, ARCHIVE, name))
            return
        names = binary_log.files(os.path.join(folder, ARCHIVE))
        begin = _position(first_copy) if first_copy else None
        needed = begin.file if begin is not None else names[-1] if names else ""
        async with server.session() as session:
            ((hours,),) = await session.ask(f"select value from mysql.rds_configuration where name = '{RETENTION}'")
            begin_kept = Clock().now() - float(hours or 0) * 3_600.0  # files are dated by the machine's clock, which no fault sets
            young = [name for name in names if hours and _written(os.path.join(folder, ARCHIVE, name)) > begin_kept]
            if needed:
                await session.ask(f"purge binary logs to '{min([needed, *young])}'")


def _noted(copy: str) -> list[str]:
    try:
        with open(os.path.join(copy, POSITION)) as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def _position(copy: str) -> binary_log.Place | None:
    said = _noted(copy)
    return binary_log.Place(said[0], int(said[1])) if said else None


def _relayed(name: str) -> str:
    return f"../{HISTORY}/{_RELAY}.{name.rpartition('.')[2]}"


def _laid_beside(data: str, archive: str, history: str) -> None:
    """The changes after a copy, under the names that they would have as another server's. Raises ServerFailed."""
    begin = _position(data)
    os.makedirs(history, mode=0o700)
    found = [name for name in binary_log.files(archive) if begin is not None and name >= begin.file]
    if begin is None or begin.file not in found or str(binary_log.begun(os.path.join(archive, begin.file))) != _noted(data)[2]:
        raise ServerFailed("the changes that came after the copy are gone")
    for name in found:
        shutil.copyfile(os.path.join(archive, name), os.path.join(history, name))
        os.link(os.path.join(history, name), os.path.join(history, f"{_RELAY}.{name.rpartition('.')[2]}"))
    with open(os.path.join(history, f"{_RELAY}.index"), "w") as file:
        file.writelines(f"{_relayed(name)}\n" for name in found)


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _unlinked(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _spelled(value: str | None) -> str:
    if value is None:
        return "default"
    return value if _NUMBER.fullmatch(value) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return f"`{name}`"
