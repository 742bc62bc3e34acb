"""The operations of CloudFront KeyValueStore. Whoever changes a store says which version of it he has seen.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Operations_Amazon_CloudFront_KeyValueStore.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.gate import edge_store
from kumoniwa.gate.edge import EdgeResource, key_of
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.record import changed

KEYS_AT_ONCE = 50
PAGE_MAX = 50


class ResourceNotFoundException(AwsError): ...


class ConflictException(AwsError): ...


class ServiceQuotaExceededException(AwsError): ...


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    arn = params.get("KvsARN")
    return arn if isinstance(arn, str) and arn.startswith("arn:") else "*"


def _found(call: Call, arn: str) -> EdgeResource:
    store = edge_store.found(call.home, arn)
    if store is None or store.account != call.account:
        raise ResourceNotFoundException("The key value store was not found.")
    return store


def _sums(store: EdgeResource) -> dict[str, int]:
    pairs = edge_store.items(store)
    return {"ItemCount": len(pairs), "TotalSizeInBytes": edge_store.size(pairs)}


def _put(call: Call, arn: str, if_match: str, puts: dict[str, str], deletes: list[str]) -> dict:
    store = _found(call, arn)
    if store.more["etag"] != if_match:
        raise ConflictException("The pre-condition in If-Match header was not satisfied.", hint="Describe the store for its ETag.")
    pairs = {key: value for key, value in edge_store.items(store).items() if key not in deletes} | puts
    if wrong := edge_store.flaw(puts):
        raise ValidationException(wrong)
    if wrong := edge_store.flaw(pairs):
        raise ServiceQuotaExceededException(wrong)
    store = changed(store, more={"items": pairs, "etag": f"KV{call.ids.upper(13)}", "filled": call.now()})
    call.home.store.shelf(SHARED, EdgeResource)[key_of(edge_store.KIND, store.id)] = store
    return {"ETag": store.more["etag"], **_sums(store)}


def DescribeKeyValueStore(call: Call, *, KvsARN: str) -> dict:
    store = _found(call, KvsARN)
    return {
        "KvsARN": KvsARN, "ETag": store.more["etag"], "Created": store.created, "LastModified": store.more["filled"], "Status": "READY",
        **_sums(store),
    }  # fmt: skip


def GetKey(call: Call, *, KvsARN: str, Key: str) -> dict:
    store = _found(call, KvsARN)
    value = edge_store.items(store).get(Key)
    if value is None:
        raise ResourceNotFoundException(f"Key {Key} was not found.")
    return {"Key": Key, "Value": value, **_sums(store)}


def PutKey(call: Call, *, KvsARN: str, Key: str, Value: str, IfMatch: str) -> dict:
    return _put(call, KvsARN, IfMatch, {Key: Value}, [])


def DeleteKey(call: Call, *, KvsARN: str, Key: str, IfMatch: str) -> dict:
    if Key not in edge_store.items(_found(call, KvsARN)):
        raise ResourceNotFoundException(f"Key {Key} was not found.")
    return _put(call, KvsARN, IfMatch, {}, [Key])


def UpdateKeys(
    call: Call, *, KvsARN: str, IfMatch: str, Puts: list[dict[str, str]] | None = None, Deletes: list[dict[str, str]] | None = None
) -> dict:
    """All of it or nothing."""
    puts, deletes = {each["Key"]: each["Value"] for each in Puts or ()}, [each["Key"] for each in Deletes or ()]
    named = [*(each["Key"] for each in Puts or ()), *deletes]
    if not named or len(named) > KEYS_AT_ONCE or len(set(named)) < len(named):
        raise ValidationException(f"One to {KEYS_AT_ONCE} different keys are put or deleted at once.")
    return _put(call, KvsARN, IfMatch, puts, deletes)


def ListKeys(call: Call, *, KvsARN: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict:
    """By key; the token is the last that was seen."""
    pairs = [each for each in sorted(edge_store.items(_found(call, KvsARN)).items()) if NextToken is None or each[0] > NextToken]
    shown = pairs[: min(MaxResults or 10, PAGE_MAX)]
    return {"Items": [{"Key": key, "Value": value} for key, value in shown]} | ({"NextToken": shown[-1][0]} if len(shown) < len(pairs) else {})
