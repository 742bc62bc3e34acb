"""Layers: bodies named by what they hash to. They come in parts, which stay apart, each under the cloud's seal."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from typing import Any

from kumoniwa.engines import cipher
from kumoniwa.kernel.call import Call
from kumoniwa.services.ecr.errors import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    LayersNotFoundException,
    UploadNotFoundException,
)
from kumoniwa.services.ecr.repository import Repository, found, named
from kumoniwa.store.rows import Table

PART_BYTES = 20_971_520
"""What one request may bring: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html"""
MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
_PURPOSE = b"layer"

LAYERS = Table(
    "ecr_layer",
    """create table if not exists ecr_layer (repository text, digest text, upload text, size integer, primary key (repository, digest));
       create table if not exists ecr_upload (id text primary key, repository text);
       create table if not exists ecr_part (upload text, first integer, last integer, blob text, primary key (upload, first))""",
)


def in_repository(call: Call, name: str) -> str:
    return f"the repository with name '{name}' {named(call)}"


def size_of(call: Call, repository: Repository, digest: str) -> int | None:
    """How many bytes a layer has; None if it is not there."""
    row = call.rows(LAYERS).one("select size from ecr_layer where repository = ? and digest = ?", repository.id, digest)
    return row[0] if row is not None else None


def sizes(call: Call) -> dict[str, int]:
    """How many bytes the layers of each repository take, by its id."""
    return dict(call.rows(LAYERS).all("select repository, sum(size) from ecr_layer group by repository"))


def parts(call: Call, upload: str) -> Iterator[bytes]:
    """The body of an upload, part by part."""
    for (name,) in call.rows(LAYERS).all("select blob from ecr_part where upload = ? order by first", upload):
        yield cipher.unseal(call.home.settings.seal, call.blobs.get(name), _PURPOSE) or b""


def bytes_of(call: Call, upload: str) -> int:
    return call.rows(LAYERS).one("select coalesce(max(last) + 1, 0) from ecr_part where upload = ?", upload)[0]


def upload_of(call: Call, repository: Repository, digest: str) -> str:
    row = call.rows(LAYERS).one("select upload from ecr_layer where repository = ? and digest = ?", repository.id, digest)
    if row is None:
        raise LayersNotFoundException(
            f"The layer with digest '{digest}' does not exist in {in_repository(call, repository.name)}"
        )
    return row[0]


def discard(call: Call, upload: str) -> None:
    """Forget an upload and its parts."""
    rows = call.rows(LAYERS)
    for (name,) in rows.all("select blob from ecr_part where upload = ?", upload):
        call.home.store.journal.after_commit(lambda name=name: call.blobs.drop(name))
    rows.run("delete from ecr_part where upload = ?", upload)
    rows.run("delete from ecr_upload where id = ?", upload)


def drop_all_but(call: Call, repository: Repository, needed: set[str]) -> None:
    """Delete the layers of a repository that no image needs."""
    rows = call.rows(LAYERS)
    for digest, upload in rows.all("select digest, upload from ecr_layer where repository = ?", repository.id):
        if digest not in needed:
            rows.run("delete from ecr_layer where repository = ? and digest = ?", repository.id, digest)
            discard(call, upload)


def sweep(call: Call) -> None:
    """Remove the files of parts whose upload was never told that they arrived."""
    call.blobs.sweep(name for (name,) in call.rows(LAYERS).all("select blob from ecr_part"))


def drop_uploads(call: Call, repository: Repository) -> None:
    for (upload,) in call.rows(LAYERS).all("select id from ecr_upload where repository = ?", repository.id):
        discard(call, upload)


def InitiateLayerUpload(call: Call, *, repositoryName: str, registryId: str | None = None) -> dict:
    repository = found(call, repositoryName)
    upload = call.new_id()
    call.rows(LAYERS).run("insert into ecr_upload values (?, ?)", upload, repository.id)
    return {"uploadId": upload, "partSize": PART_BYTES}


def received_of(call: Call, repository: Repository, upload: str) -> int:
    """How many bytes of an upload there are."""
    rows = call.rows(LAYERS)
    if rows.one("select 1 from ecr_upload where id = ? and repository = ?", upload, repository.id) is None:
        raise UploadNotFoundException(f"The upload with id '{upload}' does not exist in {in_repository(call, repository.name)}")
    return bytes_of(call, upload)


def UploadLayerPart(
    call: Call, *, repositoryName: str, uploadId: str, partFirstByte: int, partLastByte: int, layerPartBlob: bytes, registryId: str | None = None
) -> dict:
    """Parts come in order. The last one that was taken may come again."""
    repository = found(call, repositoryName)
    received = received_of(call, repository, uploadId)
    rows = call.rows(LAYERS)
    is_again = rows.one("select 1 from ecr_part where upload = ? and first = ? and last = ?", uploadId, partFirstByte, partLastByte) is not None
    if not is_again:
        if partFirstByte != received or partLastByte - partFirstByte + 1 != len(layerPartBlob):
            raise InvalidLayerPartException(
                f"The layer part of upload with id '{uploadId}' is not valid: it begins at byte {partFirstByte} and ends at {partLastByte}, "
                f"has {len(layerPartBlob)} bytes, and byte {received} is the next."
            )
        name = call.blobs.put(cipher.seal(call.home.settings.seal, layerPartBlob, _PURPOSE))
        rows.run("insert into ecr_part values (?, ?, ?, ?)", uploadId, partFirstByte, partLastByte, name)
    return {
        "registryId": call.account, "repositoryName": repositoryName, "uploadId": uploadId, "lastByteReceived": max(received - 1, partLastByte),
    }  # fmt: skip


async def CompleteLayerUpload(
    call: Call, *, repositoryName: str, uploadId: str, layerDigests: list[str], registryId: str | None = None
) -> dict:
    """A layer may be large: the region serves others between its parts."""
    repository = found(call, repositoryName)
    received = received_of(call, repository, uploadId)
    if not received:
        raise EmptyUploadException(f"The upload with id '{uploadId}' in {in_repository(call, repositoryName)} holds no parts")
    digest = hashlib.sha256()
    for part in parts(call, uploadId):
        digest.update(part)
        await asyncio.sleep(0)
    if received_of(call, found(call, repositoryName), uploadId) != received:
        raise InvalidLayerException(f"The upload with id '{uploadId}' went on while it was completed")
    told = f"sha256:{digest.hexdigest()}"
    if told not in layerDigests:
        raise InvalidLayerException(f"The layer digests '{', '.join(layerDigests)}' do not match what was uploaded, which is '{told}'")
    if size_of(call, repository, told) is not None:
        raise LayerAlreadyExistsException(f"The layer with digest '{told}' already exists in {in_repository(call, repositoryName)}")
    rows = call.rows(LAYERS)
    rows.run("insert into ecr_layer values (?, ?, ?, ?)", repository.id, told, uploadId, received)
    rows.run("delete from ecr_upload where id = ?", uploadId)
    return {"registryId": call.account, "repositoryName": repositoryName, "uploadId": uploadId, "layerDigest": told}


def BatchCheckLayerAvailability(call: Call, *, repositoryName: str, layerDigests: list[str], registryId: str | None = None) -> dict:
    repository = found(call, repositoryName)
    layers: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for digest in layerDigests:
        if not DIGEST.fullmatch(digest):
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": "Invalid layer digest"})
            continue
        size = size_of(call, repository, digest)
        there = {"layerAvailability": "AVAILABLE", "layerSize": size} if size is not None else {"layerAvailability": "UNAVAILABLE"}
        layers.append({"layerDigest": digest, "mediaType": MEDIA_TYPE, **there})
    return {"layers": layers, "failures": failures}
