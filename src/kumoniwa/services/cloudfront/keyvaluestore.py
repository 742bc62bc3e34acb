"""Key-value stores: made, described and deleted here; filled by CloudFront KeyValueStore, or at once from an object of S3."""

from __future__ import annotations

import json
from typing import Any

from kumoniwa.gate import edge_store
from kumoniwa.gate.edge import EdgeResource
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.cloudfront import errors, held
from kumoniwa.services.cloudfront.held import Kind

STORE = Kind(edge_store.KIND, "key-value-store", errors.EntityNotFound)


def _named(call: Call, name: str) -> EdgeResource:
    found = next((each for each in held.all_of(call, STORE.name) if each.config["Name"] == name), None)
    if found is None:
        raise errors.EntityNotFound
    return found


def _matched(call: Call, name: str, if_match: str) -> EdgeResource:
    found = _named(call, name)
    if found.etag != if_match:
        raise errors.PreconditionFailed
    return found


def _shown(call: Call, store: EdgeResource) -> dict[str, Any]:
    return {
        "Name": store.config["Name"], "Id": store.id, "Comment": store.config["Comment"], "ARN": held.arn(call, STORE.name, store.id),
        "Status": "READY", "LastModifiedTime": store.modified,
    }  # fmt: skip


def _told(call: Call, store: EdgeResource) -> dict[str, Any]:
    return {"KeyValueStore": _shown(call, store), "ETag": store.etag}


def CreateKeyValueStore(call: Call, *, Name: str, Comment: str = "", ImportSource: dict[str, Any] | None = None) -> Any:
    if ImportSource is not None:
        return _imported(call, Name, Comment, ImportSource)
    return _made(call, Name, Comment, {})


def _made(call: Call, name: str, comment: str, pairs: dict[str, str]) -> dict:
    if any(each.config["Name"] == name for each in held.all_of(call, STORE.name)):
        raise errors.EntityAlreadyExists
    if wrong := edge_store.flaw(pairs):
        raise errors.EntitySizeLimitExceeded(wrong)
    more = {"items": pairs, "etag": f"KV{call.ids.upper(13)}", "filled": call.now()}
    made = held.make(call, STORE.name, call.new_id(), {"Name": name, "Comment": comment}, more)
    return _told(call, made) | {"Location": f"{held.ADDRESS}/key-value-store/{made.id}"}


async def _imported(call: Call, name: str, comment: str, source: dict[str, Any]) -> dict:
    """From ``{"data": [{"key": …, "value": …}]}``, which the caller must be allowed to read.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/kvs-with-functions-create-s3-kvp.html"""
    bucket, _, key = source["SourceARN"].rpartition(":")[2].partition("/")
    try:
        read = await call.ask("s3:GetObject", to_region=region_of_bucket(call.home, bucket), Bucket=bucket, Key=key)
        if not isinstance(read["Body"], bytes):
            raise NotImplementedHere("import sources of more than 1 MiB of CloudFront key-value stores")
        pairs = {str(each["key"]): str(each["value"]) for each in json.loads(read["Body"])["data"]}
    except (ValueError, KeyError, TypeError):
        raise errors.InvalidArgument('The import source is not of the form {"data": [{"key": "…", "value": "…"}]}.') from None
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise errors.InvalidArgument("The parameter ImportSource cannot be read.", hint=error.text) from None
    return call.atomically(lambda: _made(call, name, comment, pairs))


def DescribeKeyValueStore(call: Call, *, Name: str) -> dict:
    return _told(call, _named(call, Name))


def UpdateKeyValueStore(call: Call, *, Name: str, Comment: str, IfMatch: str) -> dict:
    found = _matched(call, Name, IfMatch)
    return _told(call, held.keep(call, found, config={**found.config, "Comment": Comment}))


def DeleteKeyValueStore(call: Call, *, Name: str, IfMatch: str) -> None:
    found = _matched(call, Name, IfMatch)
    if any(
        held.arn(call, STORE.name, found.id) in associated(each.config)
        for kind in ("function", "function-live")
        for each in held.all_of(call, kind)
    ):
        raise errors.CannotDeleteEntityWhileInUse
    held.drop(call, found)


def ListKeyValueStores(call: Call, *, Marker: str | None = None, MaxItems: str | None = None, Status: str | None = None) -> dict:
    items = [_shown(call, each) for each in held.all_of(call, STORE.name) if Status in (None, "READY")]
    return {"KeyValueStoreList": held.page(items, Marker, MaxItems, is_marked=False)}


def associated(config: dict[str, Any]) -> list[str]:
    """The ARNs of the stores of a function."""
    return [each["KeyValueStoreARN"] for each in (config.get("KeyValueStoreAssociations") or {}).get("Items") or ()]


def check(call: Call, config: dict[str, Any]) -> None:
    """Raise what a function is refused with that is given a store which is not there."""
    arns = associated(config)
    if len(arns) > 1 or any((store := edge_store.found(call.home, arn)) is None or store.account != call.account for arn in arns):
        raise errors.InvalidArgument("The parameter KeyValueStoreAssociations names a key-value store that does not exist, or more than one.")
    if arns and config["Runtime"] != "cloudfront-js-2.0":
        raise errors.InvalidArgument("The runtime cloudfront-js-2.0 is needed to associate a key-value store.")


