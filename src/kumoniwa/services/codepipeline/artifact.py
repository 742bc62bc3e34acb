"""Artifacts: zipped files that an action gives and later ones take, each in the store of the region that acts on it.

https://docs.aws.amazon.com/codepipeline/latest/userguide/welcome-introducing-artifacts.html
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.wire.message import whole


class NoSuchFile(Exception):
    """The artifact has no file of that name, or is no archive."""


def store_of(declaration: dict[str, Any], region: str) -> dict[str, Any]:
    stores = declaration.get("artifactStores")
    return stores[region] if stores is not None else declaration["artifactStore"]


def key_of(pipeline: str, name: str, run_id: str) -> str:
    """As AWS builds it: names cut short, and seven letters that make it unique. The same run writes the same key again."""
    return f"{pipeline[:20]}/{name[:10]}/{run_id[:7]}"


async def put(call: Call, declaration: dict[str, Any], region: str, key: str, content: bytes) -> dict[str, str]:
    """Lay content into a region's store; answers where it lies."""
    store = store_of(declaration, region)
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store["encryptionKey"]["id"]} if store.get("encryptionKey") else {}
    to = {"to_region": region} if region != call.region else {}
    await call.ask("s3:PutObject", Bucket=store["location"], Key=key, Body=content, **sealed, **to)
    return {"bucket": store["location"], "key": key, "region": region}


async def read(call: Call, place: dict[str, str]) -> bytes:
    return await whole((await call.ask("s3:GetObject", Bucket=place["bucket"], Key=place["key"]))["Body"])


def file_in(content: bytes, path: str) -> bytes:
    """One file of a zipped artifact. Raises NoSuchFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise NoSuchFile(str(error)) from None


def files_in(content: bytes) -> dict[str, bytes]:
    """Every file of a zipped artifact. Raises NoSuchFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except zipfile.BadZipFile as error:
        raise NoSuchFile(str(error)) from None


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()
