"""Proxies of MariaDB for tests, and clients of them."""

from __future__ import annotations

import contextlib

import pymysql
from database_workshop import PASSWORD
from mariadb_workshop import GONE, MariaDatabases
from proxy_workshop import Proxies

TLS = {"verify_mode": "none"}


class MariaProxies(MariaDatabases, Proxies):
    engine_family = "MYSQL"
    port = 3_306
    secret = Proxies.secret

    def connect(self, name="pool", user="keeper", password=PASSWORD, database="shop", host=None, **more):
        """A session through the proxy that commits each statement."""
        address = self.address(name, host)
        said = {"user": user, "password": password, "host": address, "port": self.port, "database": database, "autocommit": True, **more}
        return Through(self, self.meanwhile(lambda: pymysql.connect(**said)))

    def hundred(self, count=100):
        """A database that takes so many sessions."""
        self.group("hundred", max_connections=str(count))
        self.create(DBParameterGroupName="hundred")


class Through:
    """A session through a proxy."""

    def __init__(self, proxies, session) -> None:
        self.proxies, self.session = proxies, session

    def ask(self, statement, *values):
        return self.proxies.meanwhile(lambda: self.at_once(statement, *values))

    def at_once(self, statement, *values):
        """Where the proxy need not ask its region meanwhile."""
        with self.session.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def thread(self):
        """That of the database's own session."""
        ((number,),) = self.ask("select connection_id()")
        return number

    def close(self):
        with contextlib.suppress(*GONE):
            self.session.close()
