"""Results: what each rule said last of each resource."""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.services.config.recorder import tell_news
from kumoniwa.store.rows import Table

RESULTS = Table(
    "config_result",
    """create table if not exists config_result (rule text, type text, id text, compliance text, annotation text, ordering real, invoked real,
       recorded real, since real, primary key (rule, type, id)) without rowid;
    create index if not exists config_result_by_resource on config_result (type, id)""",
)


class Result(NamedTuple):
    rule: str
    type: str
    id: str
    compliance: str
    annotation: str
    ordering: float
    """Of what the rule judged: the time of the item, or of the question."""
    invoked: float
    recorded: float
    since: float
    """When it became so."""


def of(call: Call, rule: str, type_: str, id_: str) -> Result | None:
    row = call.rows(RESULTS).one("select * from config_result where rule = ? and type = ? and id = ?", rule, type_, id_)
    return Result(*row) if row is not None else None


def put(call: Call, each: Result) -> None:
    call.rows(RESULTS).run("insert or replace into config_result values (?,?,?,?,?,?,?,?,?)", *each)
    tell_news(call)


def of_rule(call: Call, rule: str) -> list[Result]:
    return [Result(*row) for row in call.rows(RESULTS).all("select * from config_result where rule = ? order by type, id", rule)]


def of_resource(call: Call, type_: str, id_: str) -> list[Result]:
    return [Result(*row) for row in call.rows(RESULTS).all("select * from config_result where type = ? and id = ? order by rule", type_, id_)]


def all_of(call: Call) -> list[Result]:
    return [Result(*row) for row in call.rows(RESULTS).all("select * from config_result order by type, id, rule")]


def drop(call: Call, rule: str, type_: str, id_: str) -> None:
    """Of this Config tells no event; Security Hub is told, which archives what it found."""
    if call.rows(RESULTS).run("delete from config_result where rule = ? and type = ? and id = ?", rule, type_, id_):
        call.tell("Config Verdict Dropped", {"configRuleName": rule, "resourceType": type_, "resourceId": id_})
        tell_news(call)


def drop_others(call: Call, rule: str, kept: set[tuple[str, str]]) -> None:
    """Of resources that a rule has no say about any more."""
    for each in of_rule(call, rule):
        if (each.type, each.id) not in kept:
            drop(call, rule, each.type, each.id)


def drop_all(call: Call, rule: str) -> None:
    for each in of_rule(call, rule):
        drop(call, rule, each.type, each.id)
