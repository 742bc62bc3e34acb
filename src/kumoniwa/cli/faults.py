"""``kumoniwa break``, ``heal``, ``faults`` and ``links``: breaking a running cloud by hand."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import orjson

from kumoniwa.cli.admin import admin

MEASURED_ROUNDS = 9


def inject(asked: argparse.Namespace) -> int:
    offered = admin(asked.endpoint, "GET", "faults/catalogue")
    if asked.fault is None:
        for name, kind in offered.items():
            print(f"{name:<22} {kind['does']}\n{'':<22} {', '.join([*kind['targets'], *kind['parameters']])}")
        return 0
    targets = {*offered.get(asked.fault, {}).get("targets", ()), "link"}
    body: dict[str, Any] = {"fault": asked.fault, "target": {}}
    for word in asked.words:
        name, is_there, value = word.partition("=")
        if not is_there:
            print(f"kumoniwa: {word!r} must be like name=value.", file=sys.stderr)
            return 1
        (body["target"] if name in targets else body)[name] = _value(value)
    if asked.duration:
        body["duration"] = asked.duration
    fault = admin(asked.endpoint, "POST", "faults", body)
    print(f"{fault['id']}: {_said(fault)}, confirmed after {(fault['confirmed_at'] - fault['started_at']) * 1e3:.0f} ms")
    return 0


def _value(text: str) -> Any:
    """Numbers, true and false, and lists with commas as they are meant; everything else is a word."""
    if "," in text:
        return [_value(part) for part in text.split(",")]
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _said(fault: dict[str, Any]) -> str:
    parts = [f"{name}={value}" for name, value in (fault["target"] | fault["params"]).items()]
    return " ".join([fault["fault"], *parts])


def heal(asked: argparse.Namespace) -> int:
    done = admin(asked.endpoint, "DELETE", f"faults/{asked.id}" if asked.id else "faults")
    print(f"healed: {', '.join(done['healed']) or 'nothing was broken'}")
    if done["left"]:
        print(f"kumoniwa: not seen to be healed: {', '.join(done['left'])}", file=sys.stderr)
    return 1 if done["left"] else 0


def faults(asked: argparse.Namespace) -> int:
    listed = admin(asked.endpoint, "GET", "faults")["faults"]
    for fault in listed:
        print(f"{fault['id']:<10} {fault['state']:<7} {_said(fault)}")
    if not listed:
        print("nothing was injected")
    return 0


def links(asked: argparse.Namespace) -> int:
    """A table; with ``--measure`` each link is measured through itself, both regions started if need be."""
    told = admin(asked.endpoint, "GET", "links")["links"]
    if not told:
        print("no two regions are in use: name regions with `kumoniwa up --regions`, or call them")
    for link in told:
        if asked.measure and link["from"] > link["to"]:
            continue  # a round trip has both directions in it
        line = f"{link['from']:<15} -> {link['to']:<15} {link['rtt_ms']:>8.1f} ms  {link['state']:<5}"
        if asked.measure:
            measured = admin(asked.endpoint, "POST", "links/measure", {"from": link["from"], "to": link["to"], "count": MEASURED_ROUNDS})
            line += f" measured {measured['p50_ms']:>8.1f} ms" if "p50_ms" in measured else f" {measured['unreachable']}"
        else:
            line += f" {link['messages']:>8} messages {link['bytes']:>12} bytes"
        print(line)
    return 0


