"""All kinds there are. Whoever adds one adds its row here, and it has tags, an ARN and a place in DescribeTags."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.ec2.ebs_record import SNAPSHOT, VOLUME
from kumoniwa.services.ec2.errors import Refused
from kumoniwa.services.ec2.kinds import Kind, check, missing
from kumoniwa.services.ec2.net_access import KINDS as OF_NETWORKS

KINDS: tuple[Kind, ...] = (*OF_NETWORKS, SNAPSHOT, VOLUME)
BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(id_: str) -> Kind | None:
    """By the prefix of an id."""
    prefix = id_.rpartition("-")[0]
    return next((kind for kind in KINDS if kind.prefix == prefix), None)


def named(call: Call, id_: str) -> Kind:
    """The kind of something that exists. Raises what AWS answers for an id of nothing."""
    kind = kind_of(id_)
    if kind is None:
        raise Refused("InvalidID", f"The ID '{id_}' is not valid")
    if id_ not in call.shelf(kind.record):
        check(kind, id_)
        raise missing(kind, id_)
    return kind
