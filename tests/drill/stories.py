"""Hand-made histories: operations written down in one line each, so that the answers can be computed on paper."""

import itertools

from kumoniwa.drill.history import Op

_numbers = itertools.count(1)


def op(f="write", key="k", value=None, *, at=0.0, took=0.01, due=None, out="ok", client="c0", journey="j", served_by="", entry="", code="", ver=None, old=None, phase=""):
    """An operation that began at ``at`` (and was due then) and took so many seconds."""
    return Op(
        id=f"{journey}-{next(_numbers)}", client=client, journey=journey, f=f, key=key, value=value, due=at if due is None else due,
        t0=at, t1=at + took, out=out, served_by=served_by, entry_region=entry, code=code, ver=ver, old=old, phase=phase,
    )  # fmt: skip


def steady(since, until, *, every=0.1, out="ok", took=0.01, **more):
    """The same request again and again: due at ``since``, ``since + every``, … before ``until``."""
    count = round((until - since) / every)
    return [op(at=since + n * every, took=took, out=out, value=f"{since}-{n}", key=f"k{since}-{n}", **more) for n in range(count)]
