"""One PostgreSQL server as its region sees it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kumoniwa.engines.database import server
from kumoniwa.engines.database.program import ADMINISTRATOR, administrator_password, run
from kumoniwa.engines.postgresql import golden
from kumoniwa.kernel.clock import outside


class Server(server.Server):
    keeper_module = "kumoniwa.engines.postgresql.keeper"

    @property
    def log(self) -> str:
        return os.path.join(self.folder, "postgresql.log")

    def order(self, port: int) -> dict[str, Any]:
        command = [
            os.path.join(golden.programs(), "postgres"), "-D", self.data, "-c", "listen_addresses=", "-c", "unix_socket_directories=.",
            # What lies in /dev/shm stays when a server is killed; this goes with its namespace.
            "-c", "dynamic_shared_memory_type=sysv",
        ]  # fmt: skip
        # As whom it follows another server; so the password lies in no file.
        return {"log": self.log, "command": command, "environment": {"PGPASSWORD": administrator_password(self.seal)}}

    def configure(self, parameters: dict[str, str]) -> None:
        """Write what the server shall read when it starts, or reloads."""
        lines = [f"{name} = '{_quoted(value)}'\n" for name, value in sorted(parameters.items())]
        path = os.path.join(self.data, "instance.conf")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(f"{path}.new", path)

    def reload(self, *, demands_tls: bool) -> None:
        self.say({"do": "reload", "demands_tls": demands_tls})

    # As its owner -----------------------------------------------------------------------------

    @asynccontextmanager
    async def session(self, database: str = "postgres") -> AsyncIterator[Any]:
        """A session of the server's owner."""
        import asyncpg  # noqa: PLC0415 (an extra)

        # The name of a socket is short, that of a data folder need not be.
        here = os.open(self.data, os.O_PATH | os.O_DIRECTORY)
        try:
            with outside():
                session = await asyncpg.connect(
                    host=f"/proc/self/fd/{here}", user=ADMINISTRATOR, password=administrator_password(self.seal), database=database,
                )  # fmt: skip
                try:
                    yield session
                finally:
                    await session.close()
        finally:
            os.close(here)

    async def copy(self, target: str) -> None:
        """A consistent copy of the data as of the moment at which it ends, while sessions go on. Raises ServerFailed."""
        await copied_from(self.data, target, self.seal)


async def copied_from(socket_folder: str, target: str, seal: bytes) -> None:
    """The same of whichever server answers at the socket in a folder. Raises ServerFailed."""
    here = os.open(socket_folder, os.O_PATH | os.O_DIRECTORY)  # the name of a socket is short
    try:
        await run(
            os.path.join(golden.programs(), "pg_basebackup"), "-D", target, "-h", f"/proc/{os.getpid()}/fd/{here}", "-U", ADMINISTRATOR,
            "--checkpoint", "fast", "-X", "fetch", "--no-sync", env={"PGPASSWORD": administrator_password(seal)},
        )  # fmt: skip
    finally:
        os.close(here)


async def copied(source: str, target: str) -> None:
    """Copy the data of a server that does not run. Raises ServerFailed."""
    await server.copied(source, target, ".s.PGSQL.*", "postmaster.pid")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
