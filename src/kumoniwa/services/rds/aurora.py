"""The engine ``aurora-postgresql``: clusters whose server is PostgreSQL, as that of instances is.

What Aurora has besides, its storage above all, is not here: a cluster's data lies with its server. Aurora has the major version 18, too:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraPostgreSQLReleaseNotes/AuroraPostgreSQL.Extensions.html
"""

from __future__ import annotations

from kumoniwa.services.rds.postgres import Postgres


class AuroraPostgres(Postgres):
    name = "aurora-postgresql"
    title = edition = "Aurora PostgreSQL"
    has_replicas = False
    has_clusters = True
