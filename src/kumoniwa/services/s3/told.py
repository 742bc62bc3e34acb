"""What CloudTrail tells of a request to S3: where it went, its query and its headers as they were spelled, and its body as JSON.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html; the shapes of bodies are those of events
that others published (rules of panther-labs/panther-analysis).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element

import orjson

from kumoniwa.aws import models
from kumoniwa.kernel.call import Call
from kumoniwa.wire.xml import MalformedXML
from kumoniwa.wire.xml_reading import parsed

_SECRET = frozenset({"x-amz-signature", "x-amz-security-token", "x-amz-credential", "signature", "awsaccesskeyid", "x-amz-mfa"})
_OF_THE_BODY = ("x-amz-sdk-checksum-algorithm", "x-amz-checksum-")
"""What SDKs say of a body by themselves."""
_ANSWERED = {"ServerSideEncryption": "x-amz-server-side-encryption", "VersionId": "x-amz-version-id"}
"""What is told of an answer; of most there is nothing."""
DEPTH_MAX = 32


def told_of(call: Call, operation: str, params: dict[str, Any], reply: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The parameters of a request, and what there is to tell of its answer."""
    told = {shown: params[name] for name, shown in (("Bucket", "bucketName"), ("Key", "key")) if name in params}
    answered = {shown: reply[name] for name, shown in _ANSWERED.items() if reply and name in reply}
    request = call.request
    if request is None:
        return told, answered or None
    told["Host"] = request.headers.get("host", "")
    told |= {name: value for name, value in parse_qsl(request.query, keep_blank_values=True) if name.lower() not in _SECRET}
    members = models.service("s3").operation(operation).input
    for member in members.members.values() if members is not None else ():
        name = member.wire_name.lower()
        is_told = member.location == "header" and name.startswith("x-amz-") and not name.startswith(_OF_THE_BODY)
        if is_told and name in request.headers and name not in _SECRET and not member.shape.is_sensitive:
            told[name] = request.headers[name]
    if request.body and "Key" not in params and operation != "DeleteObjects":
        told |= _body(request.body)
    return told, answered or None


def _body(body: bytes) -> dict[str, Any]:
    try:
        if body.lstrip()[:1] == b"{":
            return {"bucketPolicy": orjson.loads(body)}
        root = parsed(body)
        return {_local(root.tag): _plain(root, 0)}
    except (orjson.JSONDecodeError, MalformedXML, RecursionError):
        return {}  # It was refused for it.


def _plain(element: Element, depth: int) -> Any:
    """An element as JSON: a text, or what it holds by name, several of one name as an array."""
    namespace = element.tag.rpartition("}")[0].lstrip("{") if depth == 0 else ""
    found: dict[str, Any] = {"xmlns": namespace} if namespace else {}
    for child in element if depth < DEPTH_MAX else ():
        name, value = _local(child.tag), _plain(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found or (element.text or "").strip()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
