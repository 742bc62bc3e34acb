"""Journeys as a file declares them: who comes, how often, by which door, with which key.

The load is an *open model*: requests start when they are due, whatever became of earlier ones. So a journey never retries:
a client that retries hides the outage it should measure.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kumoniwa.drill.format import quantity
from kumoniwa.drill.format.page import Section
from kumoniwa.drill.format.plan import Guard, Journey, Slo, Stack, Workload

SCHEMES = ("dns", "http", "https", "queue", "table", "function")
MEANT_FOR = {
    "web": ("method", "path", "body", "headers", "served-by", "ttl"),
    "table": ("body",),
    "function": ("body",),
    "queue": ("group",),
}
"""Fields that mean something for some doors only; elsewhere they would be ignored, and are refused."""
KINDS = {"web": ("write", "read"), "table": ("write", "read"), "function": ("write", "read"), "queue": ("send", "receive")}


def _entry(value: Any) -> str:
    spoken = quantity.text(value)
    if spoken.startswith("${"):
        return spoken
    parts = urlsplit(spoken)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise ValueError(f"{spoken!r} is no entry: write dns://NAME/PATH, https://NAME/PATH, queue://REGION/NAME, table://REGION/NAME or function://REGION/NAME")
    if parts.scheme in ("queue", "table", "function") and not parts.path.strip("/"):
        raise ValueError(f"{spoken!r} names no {parts.scheme}: write {parts.scheme}://REGION/NAME")
    return spoken


def _no_retries(value: Any) -> int:
    if value != 0 or isinstance(value, bool):
        raise ValueError(f"{value!r}: journeys never retry, because a retrying client hides the outage; write 0 or leave it out")
    return 0


def _keys(value: Any) -> int:
    return 0 if value == "fresh" else quantity.count(value)


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"{value!r} is not a mapping of texts")
    return tuple(value.items())


def journey(section: Section, name: str | None = None, rate: float | None = None) -> Journey:
    """One journey. ``name`` and ``rate`` stand elsewhere in the short form."""
    entry = section.take("entry", _entry) or "http://nowhere"
    scheme = "web" if entry.startswith("${") else urlsplit(entry).scheme
    door = scheme if scheme in KINDS else "web"
    for field in {field for fields in MEANT_FOR.values() for field in fields} & section.value.keys() - set(MEANT_FOR[door]):
        section.complain(field, f"means nothing for a journey to {entry}", f"such fields there are {', '.join(MEANT_FOR[door])}")
    kind = section.take("kind", quantity.one_of("write", "read", "send", "receive"), KINDS[door][0])
    if kind not in KINDS[door]:
        section.complain("kind", f": a journey to {entry} can {' or '.join(KINDS[door])}, not {kind}")
    read = Journey(
        name=name if name is not None else section.take("name", quantity.text) or "?",
        entry=entry,
        kind=kind,
        rate=rate if rate is not None else section.take("rate", quantity.rate_per_s) or 1.0,
        arrival=section.take("arrival", quantity.one_of("poisson", "constant"), "poisson"),
        timeout_s=section.take("timeout", quantity.duration_s, 3.0),
        key=section.take("key", quantity.text, "id"),
        value=section.take("value", quantity.text, "value"),
        keys=section.take("keys", _keys, 0),
        reads=section.take("reads", quantity.text, ""),
        consistency=section.take("consistency", quantity.one_of("eventual", "strong"), "eventual"),
        method=section.take("method", quantity.one_of("GET", "POST", "PUT", "PATCH", "DELETE"), ""),
        path=section.take("path", quantity.text, ""),
        body=section.take("body", None, None),
        headers=section.take("headers", _headers, ()),
        served_by=section.take("served-by", quantity.text, ""),
        group=section.take("group", quantity.text, ""),
        ttl=section.take("ttl", quantity.one_of("honour", "ignore"), "honour"),
    )
    if read.consistency == "strong" and door != "table":
        section.complain("consistency", f": nobody can ask {entry} for a strong read", "only a table can be asked for one")
    section.take("retries", _no_retries, 0)
    section.end()
    return read


def workload(section: Section, journeys: list[Journey]) -> Workload:
    """The load and its frame. Every read is tied to the writes whose keys it reads."""
    if not journeys:
        section.complain(None, "has no journey", "a drill without traffic can say nothing: declare at least one")
    elif all(one.kind == "receive" for one in journeys):
        section.complain(None, "has only journeys that receive", "declare one that sends what they are to receive")
    names = [one.name for one in journeys]
    for name in sorted({name for name in names if names.count(name) > 1}):
        section.complain(None, f"declares the journey {name!r} twice")
    tied = []
    for one in journeys:
        writers = [other for other in journeys if other.kind == "write"]
        if one.kind == "read":
            if one.reads and one.reads not in [writer.name for writer in writers]:
                section.complain(None, f"has the journey {one.name!r}, which reads {one.reads!r}, which is no writing journey")
            elif not one.reads and len(writers) == 1:
                one = _reading(one, writers[0])
            elif not one.reads:
                section.complain(None, f"does not say whose keys {one.name!r} reads", "add `reads: NAME` of a writing journey to it")
            else:
                one = _reading(one, next(writer for writer in writers if writer.name == one.reads))
        tied.append(one)
    return Workload(
        journeys=tuple(tied),
        warmup_s=section.take("warmup", quantity.duration_s, 20.0),
        cooldown_s=section.take("cooldown", quantity.duration_s, 60.0),
        seed=section.take("seed", quantity.whole, 1),
        clients=section.take("clients", quantity.count, 4),
    )


def _reading(one: Journey, writer: Journey) -> Journey:
    """A reading journey speaks of keys and values as its writer does, unless it says otherwise."""
    told = {name: getattr(writer, name) for name in ("key", "value") if getattr(one, name) == getattr(Journey, name)}
    return Journey(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, **told, "reads": writer.name})


def slo(section: Section) -> Slo:
    read = Slo(
        success=section.take("success", quantity.share, Slo.success),
        p99_ms=section.take("p99_ms", quantity.positive, Slo.p99_ms),
        window_s=section.take("window", quantity.duration_s, Slo.window_s),
        hold=section.take("hold", quantity.count, Slo.hold),
    )
    if not read.window_s:
        section.complain("window", "must be longer than nothing")
    section.end()
    return read


def guard(section: Section) -> Guard:
    stop = section.section("stop-when") if "stop-when" in section else None
    read = Guard(
        success_below=None if stop is None else stop.take("success-below", quantity.share),
        for_s=Guard.for_s if stop is None else stop.take("for", quantity.duration_s, Guard.for_s),
        max_duration_s=section.take("max-duration", quantity.duration_s, None),
    )
    if stop is not None:
        stop.end()
    section.end()
    return read


def stack(section: Section) -> Stack:
    parameters = section.take("parameters", None, {})
    if not isinstance(parameters, dict):
        section.complain("parameters", "must be a mapping of names and values")
        parameters = {}
    read = Stack(
        name=section.take("name", quantity.text) or "?",
        template=section.take("template", quantity.text) or "?",
        regions=section.take("regions", quantity.texts) or (),
        parameters={name: str(value) for name, value in parameters.items()},
    )
    section.end()
    return read
