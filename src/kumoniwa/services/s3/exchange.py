"""What S3 in one region says to S3 in another."""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.services.s3 import replica, source
from kumoniwa.services.s3.bucket import S3_ITSELF, Bucket
from kumoniwa.services.s3.watched import look_again


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``do``: take versions in, keep a piece of a large body, say whether a bucket keeps versions, make a data key for a replica,
    be the source of a copy, tell which buckets there are here (of which AWS Backup chooses), or look again which are logged."""
    what = message["do"]
    if what == "take":
        return await replica.taken(home, origin, message["items"])
    if what == "piece":
        account = message["account"]
        return replica.piece(home.call("s3", account, principals.service(S3_ITSELF, account)), message)
    if what in ("source", "read source"):
        return await source.told(home, message)
    if what == "buckets":
        return [{"name": bucket.name, "tags": bucket.tags} for bucket in home.store.shelf(message["account"], Bucket).values()]
    if what == "look again":
        return look_again(home.call("s3", message["account"], principals.service(S3_ITSELF, message["account"])))
    if what == "data key":
        return await replica.data_key(home, message)
    return replica.versioning(home, message)
