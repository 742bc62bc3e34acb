"""The families of engines that proxies stand before: which protocol each speaks, where, and how its clients prove who they are."""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.rds.aurora import AuroraPostgres
from kumoniwa.services.rds.engine_list import ENGINES
from kumoniwa.services.rds.instance import Instance
from kumoniwa.services.rds.mariadb import MariaDb
from kumoniwa.services.rds.postgres import Postgres


class Family(NamedTuple):
    name: str
    package: str
    """What of ``engines`` speaks its protocol."""
    port: int
    """Where all its proxies listen: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations"""
    engines: tuple[str, ...]
    passwords: dict[str, str]
    """What its package calls each type of authentication. The first is the default, as the model's documentation of UserAuthConfig has it."""
    has_filters: bool
    """Whether a target group may exempt statements from pinning: the model's documentation of ConnectionPoolConfiguration."""


POSTGRESQL = Family(
    "POSTGRESQL", "postgresql_proxy", 5_432, (Postgres.name, AuroraPostgres.name), {"POSTGRES_SCRAM_SHA_256": "scram", "POSTGRES_MD5": "md5"}, False
)
MYSQL = Family(
    "MYSQL", "mariadb_proxy", 3_306, (MariaDb.name,),
    {"MYSQL_CACHING_SHA2_PASSWORD": "caching_sha2_password", "MYSQL_NATIVE_PASSWORD": "mysql_native_password"}, True,
)  # fmt: skip
FAMILIES = {each.name: each for each in (POSTGRESQL, MYSQL)}


def checked(name: str) -> Family:
    """One that proxies can be made for. Raises NotImplementedHere, also where no server of it can run."""
    if name not in FAMILIES:
        raise NotImplementedHere(f"proxies of the engine family {name}")
    ENGINES[FAMILIES[name].engines[0]].version()
    return FAMILIES[name]


def version_told(target: Instance | None) -> str:
    """How a server of MariaDB calls itself to who connects: https://mariadb.com/kb/en/connection/#initial-handshake-packet"""
    version = target.version if target is not None and target.engine == MariaDb.name else ENGINES[MariaDb.name].version()
    mark = "5.5.5-" if int(version.partition(".")[0]) < 11 else ""
    return f"{mark}{version}-MariaDB"
