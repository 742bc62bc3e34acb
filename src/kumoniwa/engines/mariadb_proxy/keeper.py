"""The process of a proxy that speaks MariaDB's protocol."""

from __future__ import annotations

import ssl

from kumoniwa.engines.database_proxy import keeper
from kumoniwa.engines.mariadb_proxy.client import Opening
from kumoniwa.engines.mariadb_proxy.session import Session

PORT = 3_306
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-mdb: all proxies listen there."""


def main() -> None:
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-mdb: no later TLS
    keeper.serve(keeper.Wire(Opening, Session, PORT, ssl.TLSVersion.TLSv1_2))
