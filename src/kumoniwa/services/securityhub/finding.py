"""Findings: rows, each with the finding in the AWS Security Finding Format, what is asked of it most beside it, and how it became so.

A finding is its product's and has an id there. It is kept for 90 days after it was last changed, and so is its history.
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

KEPT_S = 90 * 86_400.0
IMPORTED = "Security Hub Findings - Imported"
FINDINGS = Table(
    "securityhub_finding",
    """create table if not exists securityhub_finding (number integer primary key, product text, id text, origin text, body blob, customers text,
       changed real, account text, state text, workflow text, compliance text, severity text, control text, generator text,
       unique (product, id));
    create index if not exists securityhub_finding_by_origin on securityhub_finding (origin);
    create index if not exists securityhub_finding_by_age on securityhub_finding (changed)""",
)
HISTORY = Table(
    "securityhub_history",
    """create table if not exists securityhub_history (number integer primary key, product text, id text, at real, body blob);
    create index if not exists securityhub_history_by_finding on securityhub_history (product, id, at);
    create index if not exists securityhub_history_by_age on securityhub_history (at)""",
)
COLUMNS = {
    "ProductArn": "product", "Id": "id", "AwsAccountId": "account", "RecordState": "state", "WorkflowStatus": "workflow",
    "ComplianceStatus": "compliance", "SeverityLabel": "severity", "ComplianceSecurityControlId": "control", "GeneratorId": "generator",
}  # fmt: skip
"""What filters may ask of the row itself."""
_SELECTED = "number, product, id, origin, body, customers"
_OWN = frozenset({"UpdatedAt", "ProcessedAt", "LastObservedAt"})
"""What a change always changes, so that no history tells it."""


class Held(NamedTuple):
    """A finding as it is kept."""

    number: int
    body: dict[str, Any]
    customers: frozenset[str]
    """The attributes that customers have set, whatever its provider says."""
    origin: str
    """What a finding of ours comes from, so that it is the same finding when it is found again; empty for imported ones."""


class Source(NamedTuple):
    """Who changed a finding, by which door: BATCH_IMPORT_FINDINGS or BATCH_UPDATE_FINDINGS."""

    type: str
    identity: str


def _held(row: tuple) -> Held:
    number, _, _, origin, body, customers = row
    return Held(number, orjson.loads(body), frozenset(customers.split()), origin)


def one(call: Call, product: str, id_: str) -> Held | None:
    row = call.rows(FINDINGS).one(f"select {_SELECTED} from securityhub_finding where product = ? and id = ?", product, id_)
    return _held(row) if row is not None else None


def of_origin(call: Call, origin: str) -> Held | None:
    row = call.rows(FINDINGS).one(f"select {_SELECTED} from securityhub_finding where origin = ?", origin)
    return _held(row) if row is not None else None


def of_origins(call: Call, prefix: str) -> list[Held]:
    """Those whose origins begin so, which are many only where resources are."""
    rows = call.rows(FINDINGS).all(
        f"select {_SELECTED} from securityhub_finding where origin >= ? and origin < ? order by origin", prefix, prefix + "\U0010ffff"
    )
    return [_held(row) for row in rows]


def has_active(call: Call, prefix: str) -> bool:
    """Whether any of those whose origins begin so is active."""
    sql = "select 1 from securityhub_finding where origin >= ? and origin < ? and state = 'ACTIVE' limit 1"
    return call.rows(FINDINGS).one(sql, prefix, prefix + "\U0010ffff") is not None


def put(call: Call, body: dict[str, Any], before: Held | None, source: Source, *, origin: str = "", customers: frozenset[str] = frozenset()) -> None:
    """Keep a finding, new or changed; tell it, and write down what changed. It is told again where nothing changed but its times."""
    now = call.now()
    body = {**body, "ProcessedAt": timestamps.to_millisecond(now)}
    told = orjson.dumps(body)
    columns = (
        told, " ".join(sorted(customers)), now, body["AwsAccountId"], body["RecordState"], body["Workflow"]["Status"],
        body.get("Compliance", {}).get("Status"), body["Severity"]["Label"], body.get("Compliance", {}).get("SecurityControlId"), body["GeneratorId"],
    )  # fmt: skip
    rows = call.rows(FINDINGS)
    if before is None:
        rows.run(
            "insert into securityhub_finding (product, id, origin, body, customers, changed, account, state, workflow, compliance, severity, control, "
            "generator) values (?,?,?,?,?,?,?,?,?,?,?,?,?)", body["ProductArn"], body["Id"], origin, *columns,
        )  # fmt: skip
    else:
        rows.run(
            "update securityhub_finding set body = ?, customers = ?, changed = ?, account = ?, state = ?, workflow = ?, compliance = ?, severity = ?, "
            "control = ?, generator = ? where number = ?", *columns, before.number,
        )  # fmt: skip
    _remember(call, body, before, source)
    tell(call, body)


def tell(call: Call, body: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html"""
    call.tell(IMPORTED, {"findings": [body], "resources": [f"{body['ProductArn']}/{body['Id']}"]})


# History -------------------------------------------------------------------------------------------


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The parts of a finding by their paths; lists are parts as a whole."""
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, Any] = {}
    for name, part in value.items():
        found |= _leaves(part, f"{path}.{name}" if path else name)
    return found


def _said(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _remember(call: Call, body: dict[str, Any], before: Held | None, source: Source) -> None:
    updates: list[dict[str, str]] = []
    if before is not None:
        old, new = _leaves(before.body), _leaves(body)
        for path in sorted(old.keys() | new.keys()):
            if path not in _OWN and old.get(path) != new.get(path):
                told = {"UpdatedField": path, "OldValue": _said(old[path]) if path in old else "", "NewValue": _said(new[path]) if path in new else ""}
                updates.append({name: value for name, value in told.items() if value})
        if not updates:
            return
    record = {"FindingCreated": before is None, "UpdateSource": {"Type": source.type, "Identity": source.identity}, "Updates": updates}
    call.rows(HISTORY).run(
        "insert into securityhub_history (product, id, at, body) values (?,?,?,?)", body["ProductArn"], body["Id"], call.now(), orjson.dumps(record)
    )


def history(call: Call, product: str, id_: str, start: float, end: float) -> list[dict[str, Any]]:
    """What happened to a finding, the last first."""
    rows = call.rows(HISTORY).all(
        "select at, body from securityhub_history where product = ? and id = ? and at >= ? and at <= ? order by number desc", product, id_, start, end
    )
    identifier = {"Id": id_, "ProductArn": product}
    return [{"FindingIdentifier": identifier, "UpdateTime": at, **orjson.loads(body)} for at, body in rows]


# Age -----------------------------------------------------------------------------------------------


def forget_old(call: Call, most: int) -> bool:
    """Delete some of what is too old; whether there may be more."""
    until = call.now() - KEPT_S
    gone = [
        call.rows(FINDINGS, HISTORY).run(f"delete from {name} where number in (select number from {name} where {column} <= ? limit ?)", until, most)
        for name, column in (("securityhub_finding", "changed"), ("securityhub_history", "at"))
    ]
    return most in gone
