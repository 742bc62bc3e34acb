"""What AWS bills for repositories: what their layers take, by the month.

A layer that several images of a repository share is kept once. What is pulled from elsewhere than the region is traffic, which is not counted.
https://aws.amazon.com/ecr/pricing/
"""

from __future__ import annotations

from kumoniwa.aws.prices import GIB
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.ecr import layer
from kumoniwa.services.ecr.repository import Repository


def standing_of(call: Call) -> list[Use]:
    sizes = layer.sizes(call)
    return [("ecr:storage", each.name, sizes.get(each.id, 0) / GIB) for each in call.shelf(Repository).values()]
