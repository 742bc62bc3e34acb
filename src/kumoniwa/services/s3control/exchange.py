"""What is asked of ``aws-global`` and ``aws-edge``: to tell all regions of an account's public access and of Multi-Region Access Points,
and to keep and tell which of their regions are active."""

from __future__ import annotations

from typing import Any

import msgspec

from kumoniwa.gate.multi_region import MultiRegionPoint, multi_region_points
from kumoniwa.gate.public_access import PublicAccess, of_accounts
from kumoniwa.services.s3control import routes


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    what = message["do"]
    if what == "where":
        return routes.active(home, message["alias"])
    if what == "routes":
        return routes.told(home, message)
    if what == "forget routes":
        routes.forget(home, message["account"], message["alias"])
    elif what == "publish":
        _keep(multi_region_points(home), message["alias"], message["point"], MultiRegionPoint)
    else:
        _keep(of_accounts(home), message["account"], message["access"], PublicAccess)
    return {}


def _keep(shelf: Any, key: str, said: dict[str, Any] | None, kind: type) -> None:
    if said is not None:
        shelf[key] = msgspec.convert(said, kind)
    else:
        shelf.pop(key, None)
