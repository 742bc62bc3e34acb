"""What happened to databases, their copies and their parameters: told for two weeks, and to EventBridge.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html, …/USER_ListEvents.html, …/rds-cloud-watch-events.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.rds.instance import Cluster, Instance
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

KEPT_S = 14 * 86_400.0
EVENTS = Table(
    "rds_event",
    """create table if not exists rds_event (place integer primary key, at real, kind text, source text, arn text, message text, categories text);
    create index if not exists rds_event_at on rds_event (at)""",
)
_ARNS = {"db-instance": "db", "db-snapshot": "snapshot", "db-parameter-group": "pg", "db-proxy": "db-proxy", "db-cluster": "cluster",
         "db-cluster-snapshot": "cluster-snapshot"}  # fmt: skip
_DETAIL = {
    "db-instance": ("RDS DB Instance Event", "DB_INSTANCE"), "db-snapshot": ("RDS DB Snapshot Event", "SNAPSHOT"),
    "db-parameter-group": ("RDS DB Parameter Group Event", "DB_PARAM"), "db-proxy": ("RDS DB Proxy Event", "DB_PROXY"),
    "db-cluster": ("RDS DB Cluster Event", "CLUSTER"), "db-cluster-snapshot": ("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT"),
}  # fmt: skip
KINDS = ("db-instance", "db-parameter-group", "db-security-group", "db-snapshot", "db-cluster", "db-cluster-snapshot", "custom-engine-version",
         "db-proxy", "blue-green-deployment", "db-shard-group", "zero-etl")  # fmt: skip
CATEGORIES = {
    "db-instance": (
        "availability", "backup", "configuration change", "creation", "deletion", "failover", "failure", "low storage", "maintenance",
        "notification", "read replica",
        "recovery", "restoration", "security",
    ),
    "db-parameter-group": ("configuration change",),
    "db-proxy": ("configuration change", "creation", "deletion", "failure"),
    "db-snapshot": ("creation", "deletion", "notification", "restoration"),
    "db-cluster": ("configuration change", "creation", "deletion", "failover", "failure", "global-failover", "maintenance", "notification"),
    "db-cluster-snapshot": ("backup", "notification"),
}  # fmt: skip
_OF = {
    "0203": "creation", "0204": "configuration change", "0205": "deletion", "0206": "creation", "0208": "deletion", "0214": "configuration change", "0215": "configuration change",
    "0001": "backup", "0002": "backup", "0003": "deletion", "0004": "availability", "0005": "creation", "0006": "availability",
    "0012": "configuration change", "0014": "configuration change",
    "0016": "configuration change", "0017": "configuration change", "0019": "restoration", "0020": "recovery", "0021": "recovery", "0031": "failure",
    "0037": "configuration change", "0045": "read replica", "0046": "read replica", "0057": "read replica", "0040": "creation", "0041": "deletion", "0042": "creation", "0043": "restoration", "0087": "notification",
    "0088": "notification", "0090": "creation", "0091": "creation", "0022": "availability", "0170": "creation", "0171": "deletion",
    "0150": "notification", "0151": "notification", "0074": "backup", "0075": "backup", "0168": "backup", "0169": "backup",
}  # fmt: skip


def tell(call: Call, kind: str, source: str, id_: str, message: str, resource: str = "") -> None:
    """``resource`` is what the source is called in its ARN, if that is not its name."""
    category, arn = _OF[id_[-4:]], call.arn(f"{_ARNS[kind]}:{resource or source}")
    rows, now = call.rows(EVENTS), call.now()
    rows.run("delete from rds_event where at < ?", now - KEPT_S)
    rows.run(
        "insert into rds_event (at, kind, source, arn, message, categories) values (?, ?, ?, ?, ?, ?)", now, kind, source, arn, message, category
    )
    name, type_ = _DETAIL[kind]
    call.tell(name, {
        "resources": [arn], "EventCategories": [category], "SourceType": type_, "SourceArn": arn, "Date": timestamps.to_millisecond(now),
        "Message": message,
        "SourceIdentifier": source, "EventID": id_,
    })  # fmt: skip


_OF_CLUSTERS = {
    "RDS-EVENT-0003": ("RDS-EVENT-0171", "DB cluster deleted"), "RDS-EVENT-0005": ("RDS-EVENT-0170", "DB cluster created"),
    "RDS-EVENT-0019": ("RDS-EVENT-0170", "DB cluster created"), "RDS-EVENT-0043": ("RDS-EVENT-0170", "DB cluster created"),
    "RDS-EVENT-0087": ("RDS-EVENT-0150", "DB cluster stopped"), "RDS-EVENT-0088": ("RDS-EVENT-0151", "DB cluster started"),
    "RDS-EVENT-0016": ("RDS-EVENT-0016", "Reset master credentials"),
}  # fmt: skip
"""What is told of a cluster where that would be told of an instance; all else is not."""


def of(call: Call, instance: Instance, id_: str, message: str) -> None:
    if isinstance(instance, Cluster):
        if id_ in _OF_CLUSTERS:
            tell(call, "db-cluster", instance.name, *_OF_CLUSTERS[id_])
        return
    tell(call, "db-instance", instance.name, id_, message)
