"""The registry as docker and its kind speak to it: each request is the operation of ECR that AWS authorizes it as.

https://distribution.github.io/distribution/spec/api/
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from kumoniwa.gate import identity
from kumoniwa.gate.address import Address
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.ecr import layer
from kumoniwa.services.ecr.repository import found
from kumoniwa.wire.message import BodyTooLarge, Request, Response

TAKES_STREAM = True
PATH = "/_aws/ecr/"
MANIFEST_BYTES_MAX = 4 << 20
URL_LIVES_S = 3_600
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_NAME = r"(?P<name>[a-z0-9][a-z0-9._/-]*)"
CODES = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"), "LayersNotFoundException": (404, "BLOB_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"), "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerException": (400, "DIGEST_INVALID"), "InvalidLayerPartException": (416, "BLOB_UPLOAD_INVALID"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"), "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"), "AccessDeniedException": (403, "DENIED"),
}  # fmt: skip


# A layer by an address that whoever has it may read ---------------------------------------------------


def _proof(seal: bytes, place: str) -> str:
    return hmac.new(seal, b"layer " + place.encode(), hashlib.sha256).hexdigest()


def GetDownloadUrlForLayer(call: Call, *, repositoryName: str, layerDigest: str, registryId: str | None = None) -> dict:
    upload = layer.upload_of(call, found(call, repositoryName), layerDigest)
    place, settings = f"{call.account}/{upload}/{int(call.now()) + URL_LIVES_S}", call.home.settings
    url = f"{settings.endpoint}{PATH}{call.region}/{_proof(settings.seal, place)}/{place}"
    return {"downloadUrl": url, "layerDigest": layerDigest}


def _downloaded(home: Any, path: str) -> Response:
    region, proof, account, upload, until = (path.removeprefix(PATH).split("/") + [""] * 5)[:5]
    is_proven = hmac.compare_digest(proof.encode(), _proof(home.settings.seal, f"{account}/{upload}/{until}").encode())
    if region != home.name or not is_proven or int(until) < home.clock.now():
        return Response(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
    call = home.call("ecr", account, principals.service("ecr.amazonaws.com", account))
    return _body(call, upload)


def _body(call: Call, upload: str, headers: dict[str, Any] | None = None) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for part in layer.parts(call, upload):
            yield part

    size = layer.bytes_of(call, upload)
    return Response(200, pieces(), {"Content-Type": "application/octet-stream", "Content-Length": str(size), **(headers or {})})


# The registry ------------------------------------------------------------------------------------------


class _Asked:
    """One request of a client: who asks, for which registry."""

    def __init__(self, home: Any, request: Request, principal: principals.Principal, account: str) -> None:
        self.home, self.request, self.principal, self.account = home, request, principal, account
        self.query = {name: values[0] for name, values in parse_qs(request.query).items()}

    async def ask(self, operation: str, name: str, **params: Any) -> dict[str, Any]:
        named = {"registryId": self.account, "repositoryName": name} | params
        return await self.home.ask(self.principal, f"ecr:{operation}", named)

    async def whole(self) -> bytes:
        """The body of a manifest."""
        return self.request.body if self.request.stream is None else await self.request.stream.whole(MANIFEST_BYTES_MAX)

    async def parts(self) -> AsyncIterator[bytes]:
        """The body of a layer, however long, in parts as large as the operation takes."""
        held = bytearray(self.request.body)
        if self.request.stream is not None:
            async for piece in self.request.stream:
                held += piece
                if len(held) >= layer.PART_BYTES:
                    yield bytes(held[: layer.PART_BYTES])
                    del held[: layer.PART_BYTES]
        for start in range(0, len(held), layer.PART_BYTES):
            yield bytes(held[start : start + layer.PART_BYTES])

    @property
    def call(self) -> Call:
        return self.home.call("ecr", self.account, self.principal)


def _principal(home: Any, request: Request) -> principals.Principal | None:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, token = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    session = identity.unseal(home.settings.seal, token) if kind == "Basic" and user == "AWS" else None
    return session.principal if session is not None and session.expires > home.clock.now() else None


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    path = unquote(address.path)
    if path.startswith(PATH):
        return _downloaded(home, path)
    principal = _principal(home, request)
    if principal is None:
        realm = f'Basic realm="https://{request.headers.get("host", "")}/",service="ecr.amazonaws.com"'
        return Response(401, b"Not Authorized\n", {"WWW-Authenticate": realm, **VERSION})
    asked = _Asked(home, request, principal, address.name)
    try:
        for pattern, methods in _ROUTES:
            if (match := pattern.fullmatch(path)) is not None and request.method in methods:
                response = await methods[request.method](asked, **match.groupdict())
                response.headers.update(VERSION)
                return response
    except BodyTooLarge:
        return _refused(413, "SIZE_INVALID", f"A manifest has {MANIFEST_BYTES_MAX} bytes at most.")
    except AwsError as error:
        status, code = CODES.get(error.code, (error.status or 400, "UNSUPPORTED"))
        return _refused(status, code, error.text)
    return _refused(404, "UNSUPPORTED", f"The registry has nothing at {request.method} {path}.")


def _refused(status: int, code: str, text: str) -> Response:
    body = orjson.dumps({"errors": [{"code": code, "message": text}]})
    return Response(status, body, {"Content-Type": "application/json", **VERSION})


async def _hello(asked: _Asked) -> Response:
    return Response(200, b"{}", {"Content-Type": "application/json"})


async def _tags(asked: _Asked, name: str) -> Response:
    told = (await asked.ask("ListImages", name))["imageIds"]
    tags = sorted(each["imageTag"] for each in told if "imageTag" in each)
    return Response(200, orjson.dumps({"name": name, "tags": tags}), {"Content-Type": "application/json"})


async def _has_blob(asked: _Asked, name: str, digest: str) -> Response:
    (told,) = (await asked.ask("BatchCheckLayerAvailability", name, layerDigests=[digest]))["layers"]
    if "layerSize" not in told:
        return _refused(404, "BLOB_UNKNOWN", f"The layer {digest} does not exist.")
    return Response(200, b"", {"Content-Length": str(told["layerSize"]), "Docker-Content-Digest": digest})


async def _blob(asked: _Asked, name: str, digest: str) -> Response:
    await asked.ask("GetDownloadUrlForLayer", name, layerDigest=digest)
    call = asked.call
    return _body(call, layer.upload_of(call, found(call, name), digest), {"Docker-Content-Digest": digest})


def _place(name: str, upload: str, received: int) -> dict[str, str]:
    return {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Range": f"0-{max(received - 1, 0)}", "Docker-Upload-UUID": upload}


async def _begin(asked: _Asked, name: str) -> Response:
    upload = (await asked.ask("InitiateLayerUpload", name))["uploadId"]
    if "digest" in asked.query:
        return await _finish(asked, name, upload)
    return Response(202, b"", _place(name, upload, 0))


async def _fed(asked: _Asked, name: str, upload: str) -> int:
    """Take a body in parts as large as the operation does; answers how many bytes there are."""
    received = layer.received_of(asked.call, found(asked.call, name), upload)
    async for part in asked.parts():
        range_ = {"partFirstByte": received, "partLastByte": received + len(part) - 1}
        await asked.ask("UploadLayerPart", name, uploadId=upload, layerPartBlob=part, **range_)
        received += len(part)
    return received


async def _feed(asked: _Asked, name: str, upload: str) -> Response:
    return Response(202, b"", _place(name, upload, await _fed(asked, name, upload)))


async def _told(asked: _Asked, name: str, upload: str) -> Response:
    return Response(204, b"", _place(name, upload, layer.received_of(asked.call, found(asked.call, name), upload)))


async def _finish(asked: _Asked, name: str, upload: str) -> Response:
    await _fed(asked, name, upload)
    digest = asked.query.get("digest", "")
    try:
        await asked.ask("CompleteLayerUpload", name, uploadId=upload, layerDigests=[digest])
    except AwsError as error:
        # Who pushes what is there already has what he wants.
        if error.code != "LayerAlreadyExistsException":
            raise
    return Response(201, b"", {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})


def _id(reference: str) -> dict[str, str]:
    return {"imageDigest": reference} if layer.DIGEST.fullmatch(reference) else {"imageTag": reference}


async def _manifest(asked: _Asked, name: str, reference: str) -> Response:
    told = await asked.ask("BatchGetImage", name, imageIds=[_id(reference)])
    if not told["images"]:
        return _refused(404, "MANIFEST_UNKNOWN", told["failures"][0]["failureReason"])
    (image,) = told["images"]
    headers = {"Content-Type": image["imageManifestMediaType"], "Docker-Content-Digest": image["imageId"]["imageDigest"]}
    return Response(200, image["imageManifest"].encode(), headers)


async def _put_manifest(asked: _Asked, name: str, reference: str) -> Response:
    """What is there already may be pushed again."""
    kind, body = asked.request.headers.get("content-type", ""), await asked.whole()
    params = {"imageManifest": body.decode("utf-8", "replace"), **({"imageManifestMediaType": kind} if kind else {}), **_id(reference)}
    try:
        await asked.ask("PutImage", name, **params)
    except AwsError as error:
        if error.code != "ImageAlreadyExistsException":
            raise
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Response(201, b"", {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest})


async def _delete_manifest(asked: _Asked, name: str, reference: str) -> Response:
    told = await asked.ask("BatchDeleteImage", name, imageIds=[_id(reference)])
    if told["failures"]:
        return _refused(404, "MANIFEST_UNKNOWN", told["failures"][0]["failureReason"])
    return Response(202, b"")


_Serve = Callable[..., Awaitable[Response]]
_ROUTES: list[tuple[re.Pattern[str], dict[str, _Serve]]] = [
    (re.compile(r"/v2/?"), {"GET": _hello, "HEAD": _hello}),
    (re.compile(rf"/v2/{_NAME}/tags/list"), {"GET": _tags}),
    (re.compile(rf"/v2/{_NAME}/blobs/uploads/?"), {"POST": _begin}),
    (re.compile(rf"/v2/{_NAME}/blobs/uploads/(?P<upload>[0-9a-f-]+)"), {"PATCH": _feed, "PUT": _finish, "GET": _told}),
    (re.compile(rf"/v2/{_NAME}/blobs/(?P<digest>[^/]+)"), {"HEAD": _has_blob, "GET": _blob}),
    (
        re.compile(rf"/v2/{_NAME}/manifests/(?P<reference>[^/]+)"),
        {"HEAD": _manifest, "GET": _manifest, "PUT": _put_manifest, "DELETE": _delete_manifest},
    ),
]
