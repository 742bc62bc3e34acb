"""``AWS::CDK::Metadata``: what the CDK says of its libraries in every template it writes. There is nothing behind it, on AWS neither."""

from __future__ import annotations

import uuid
from typing import Any

from kumoniwa.deploy.resource import ResourceType, Work, carries, made


@carries("Analytics Modules")
async def _create(work: Work) -> dict[str, Any]:
    return {"Id": str(uuid.uuid5(uuid.NAMESPACE_OID, work.token))}


@carries("Analytics Modules")
async def _keep(work: Work) -> None:
    """The next version of the libraries is said in its place."""


Metadata = ResourceType(create=_create, id=made.Id, update=(_keep,))
