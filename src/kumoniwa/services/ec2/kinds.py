"""What EC2 keeps: each kind by its name, its ids and what is answered for an id that is of none.

Everything is shelved by its id and has ``tags``. A new kind is one row more in ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.ec2 import filters
from kumoniwa.services.ec2.errors import Refused


class Kind(NamedTuple):
    name: str
    """In ARNs, and as the resource type of tags: ``security-group``."""
    prefix: str
    """Of its ids, without the hyphen: ``sg``."""
    record: type[Any]
    code: str
    """Of the refusal where there is none."""
    text: str
    """Of the same, with the id as ``{}``."""
    malformed: str = "InvalidID.Malformed"
    """Of the refusal of what cannot be an id of this kind."""


OF_NO_ACCOUNT = frozenset({"snapshot"})
"""Kinds whose ARNs name no account, because others may use them."""


def arn_of(call: Call, kind: str, id_: str) -> str:
    account = "" if kind in OF_NO_ACCOUNT else call.account
    return f"arn:{call.home.partition}:ec2:{call.region}:{account}:{kind}/{id_}"


def fresh(call: Call, prefix: str) -> str:
    """A new id: the prefix, a hyphen and seventeen digits, of which AWS's first is 0."""
    return f"{prefix}-0{call.ids.hex(16)}"


def check(kind: Kind, id_: str) -> None:
    """See that this can be an id of the kind. The text is quoted by users of InvalidGroupId.Malformed and others."""
    if not id_.startswith(f"{kind.prefix}-"):
        raise Refused(kind.malformed, f'Invalid id: "{id_}" (expecting "{kind.prefix}-...")')


def missing(kind: Kind, id_: str) -> Refused:
    return Refused(kind.code, kind.text.format(id_))


def existing(call: Call, kind: Kind, id_: str) -> Any:
    """The record of that id. Raises what AWS answers where there is none."""
    found = call.shelf(kind.record).get(id_)
    if found is None:
        check(kind, id_)
        raise missing(kind, id_)
    return found


def keep(call: Call, record: Any, **changes: Any) -> Any:
    """Put a record on its shelf, with changes."""
    record = changed(record, **changes) if changes else record
    call.shelf(type(record))[record.id] = record
    return record


def described(
    call: Call, kind: Kind, ids: list[str] | None, said: list[dict[str, Any]] | None, names: filters.Names,
    show: Callable[[Call, Any], dict[str, Any]], tags: str = "Tags",
) -> list[dict[str, Any]]:  # fmt: skip
    """Those of these ids, or all, as they are shown, as far as the filters hold."""
    records = [existing(call, kind, id_) for id_ in dict.fromkeys(ids)] if ids else call.shelf(kind.record).values()
    return filters.kept([show(call, each) for each in records], said, names, tags)
