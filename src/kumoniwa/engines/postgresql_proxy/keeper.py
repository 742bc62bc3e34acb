"""The process of a proxy that speaks PostgreSQL's protocol."""

from __future__ import annotations

from kumoniwa.engines.database_proxy import keeper
from kumoniwa.engines.postgresql_proxy.client import Client
from kumoniwa.engines.postgresql_proxy.session import Session

PORT = 5_432
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg: all proxies listen there."""


def main() -> None:
    keeper.serve(keeper.Wire(Client, Session, PORT))
