"""One MariaDB server as its region sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kumoniwa.engines.database import server
from kumoniwa.engines.database.program import ADMINISTRATOR, ServerFailed, administrator_password
from kumoniwa.engines.mariadb import binary_log, golden
from kumoniwa.engines.mariadb.keeper import SOCKET
from kumoniwa.kernel.clock import outside

LOGS, SCRATCH = "log", "tmp"
"""Folders beside the data."""
POSITION = "backup_position"
"""The file of a copy that says up to which place of which binary log it is, and when that was begun."""
STANDS_WITHIN_S = 60.0
WAIT_S = 300
"""For sessions that hold what a copy must have."""
_NOT_COPIED = (SOCKET, "mariadbd.pid", "ibtmp1", "instance.cnf", "*.log.new")


class Session:
    """Statements are the owner's, and no part of what is written down of changes."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def ask(self, statement: str, *values: Any) -> list[tuple]:
        """The rows of its answer. Raises ServerFailed."""
        return await asyncio.to_thread(self._ask, statement, values)

    async def replication(self) -> dict[str, Any]:
        """How far the server is with the changes of another's."""
        return await asyncio.to_thread(self._replication)

    def _replication(self) -> dict[str, Any]:
        with self.connection.cursor() as cursor:
            cursor.execute("show slave status")
            row = cursor.fetchone()
            return dict(zip((each[0] for each in cursor.description), row))

    def _ask(self, statement: str, values: tuple) -> list[tuple]:
        from pymysql import MySQLError  # noqa: PLC0415 (an extra)

        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return list(cursor.fetchall()) if cursor.description else []
        except (OSError, MySQLError) as error:
            raise ServerFailed(str(error)) from None


class Server(server.Server):
    keeper_module = "kumoniwa.engines.mariadb.keeper"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.settings: dict[str, str] = {}
        """What it read last."""
        self._stands: asyncio.Future[None] | None = None

    def order(self, port: int) -> dict[str, Any]:
        for name in (LOGS, SCRATCH):
            os.makedirs(os.path.join(self.folder, name), mode=0o700, exist_ok=True)
        command = [
            golden.program(), f"--defaults-file={self.data}/instance.cnf", *golden.common(), "--datadir=.", "--pid-file=mariadbd.pid",
            f"--tmpdir=../{SCRATCH}", f"--secure-file-priv=../{SCRATCH}", f"--plugin-dir={self.folder}/{SCRATCH}", "--skip-name-resolve",
            "--skip-symbolic-links", "--skip-slave-start", "--innodb-use-native-aio=0", f"--general-log-file=../{LOGS}/mysql-general.log",
            f"--slow-query-log-file=../{LOGS}/mysql-slowquery.log",
        ]  # fmt: skip
        return {"log": os.path.join(self.folder, LOGS, "mysql-error.log"), "command": command}

    def configure(self, settings: dict[str, str]) -> None:
        """Write what the server shall read when it starts."""
        path = os.path.join(self.data, "instance.cnf")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write("[mariadbd]\n")
            file.writelines(f'{name} = "{_quoted(value)}"\n' for name, value in sorted(settings.items()))
        os.replace(f"{path}.new", path)
        self.settings = dict(settings)

    def heard(self, told: dict[str, Any]) -> None:
        if self._stands is not None and not self._stands.done():
            self._stands.set_result(None)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A session of the server's owner. Raises ServerFailed."""
        from pymysql import MySQLError, connect  # noqa: PLC0415 (an extra)

        # The name of a socket is short, that of a data folder need not be.
        here = os.open(self.data, os.O_PATH | os.O_DIRECTORY)
        try:
            with outside():
                try:
                    connection = await asyncio.to_thread(
                        connect, unix_socket=f"/proc/self/fd/{here}/{SOCKET}", user=ADMINISTRATOR, password=administrator_password(self.seal),
                        charset="utf8mb4", autocommit=True, init_command=f"set sql_log_bin = 0, lock_wait_timeout = {WAIT_S}",
                    )  # fmt: skip
                except (OSError, MySQLError) as error:
                    raise ServerFailed(str(error)) from None
                try:
                    yield Session(connection)
                finally:
                    with contextlib.suppress(OSError, MySQLError):
                        connection.close()
        finally:
            os.close(here)

    async def copy(self, target: str) -> None:
        """A consistent copy of the data as of a moment at which no change was being committed and all files were as the server wants them, for which
        it stands still meanwhile: it is what a volume's snapshot would be, and tables without transactions are whole besides.
        https://mariadb.com/kb/en/backup-stage/. Raises ServerFailed."""
        async with self.session() as session:
            for stage in ("start", "flush", "block_ddl", "block_commit"):
                await session.ask(f"backup stage {stage}")
            place = await session.ask("show master status")
            self._stands = asyncio.get_running_loop().create_future()
            self.say({"do": "stand"})
            try:
                async with asyncio.timeout(STANDS_WITHIN_S):
                    await self._stands
                await copied(self.data, target)
            except TimeoutError:
                raise ServerFailed("the server does not stand still") from None
            finally:
                with contextlib.suppress(ConnectionError):
                    self.say({"do": "go on"})
            await session.ask("backup stage end")
        with open(os.path.join(target, POSITION), "w") as file:
            if place:
                name = os.path.basename(place[0][0])
                begun = binary_log.begun(os.path.join(self.data, os.path.dirname(self.settings["log_bin"]), name))
                file.write(f"{name} {place[0][1]} {begun}\n")


async def copied(source: str, target: str) -> None:
    """Copy the data of a server that does not run, or stands. Raises ServerFailed."""
    await server.copied(source, target, *_NOT_COPIED)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
