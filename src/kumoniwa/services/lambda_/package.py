"""The code of functions and layers: zips kept as blobs, unpacked once into folders that many environments share.

A folder is named by what it holds, so it is made at most once and never changes; should it be lost it is made again.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import re
import shutil
from pathlib import Path
from typing import Any

from kumoniwa.engines.lambda_runtime import package as packages
from kumoniwa.gate.address import region_mark
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, RequestEntityTooLargeException
from kumoniwa.services.lambda_.function import Code
from kumoniwa.wire.message import BodyTooLarge, File, whole

ZIPPED_BYTES_MAX = 52_428_800
"""Of what comes in a request. What lies in S3 only has to be small enough unpacked (recorded: test_large_lambda)."""
THREAD_BYTES_MIN = 1 << 18
"""Zips larger than this are unpacked beside the loop."""


async def received(call: Call, said: dict[str, Any]) -> bytes:
    """The zip that a request carries or names in S3. The caller's own permissions count for reading it there."""
    if "SourceKMSKeyArn" in said:
        raise NotImplementedHere("the parameter Code.SourceKMSKeyArn of lambda:CreateFunction")
    if said.get("S3ObjectStorageMode", "COPY") != "COPY":
        raise NotImplementedHere("packages that stay in S3 (lambda S3ObjectStorageMode)")
    if (zipped := said.get("ZipFile")) is not None:
        if said.get("S3Bucket") or said.get("S3Key"):
            raise InvalidParameterValueException("Please do not provide other FunctionCode parameters when providing a ZipFile.")
        if not zipped:
            raise InvalidParameterValueException("Uploaded file must be a non-empty zip")
        if len(zipped) > ZIPPED_BYTES_MAX:
            raise RequestEntityTooLargeException(f"Zipped size must be smaller than {ZIPPED_BYTES_MAX} bytes")
    elif said.get("S3Bucket") and said.get("S3Key"):
        zipped = await _from_s3(call, said)
    elif said.get("S3Bucket") or said.get("S3Key"):
        # As cdk-preflight saw it of AWS (pf-lambda-code-s3-pair) of a bucket alone.
        raise InvalidParameterValueException("S3 Bucket and Key are required for uploading with S3 parameters.")
    else:
        raise InvalidParameterValueException("Please provide a source for function code.")
    return zipped


async def _from_s3(call: Call, said: dict[str, Any]) -> bytes:
    place = {"Bucket": said["S3Bucket"], "Key": said["S3Key"]}
    if said.get("S3ObjectVersion"):
        place["VersionId"] = said["S3ObjectVersion"]
    try:
        reply = await call.ask("s3:GetObject", **place)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise InvalidParameterValueException(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.text}", hint=error.hint
        )
    try:
        return await whole(reply["Body"], packages.UNZIPPED_BYTES_MAX)
    except BodyTooLarge:
        raise InvalidParameterValueException(str(packages.TooLarge())) from None


LINK_LIVES_S = 600
"""How long ``Code.Location`` can be used: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html"""


def link(call: Call, blob: str) -> str:
    """A URL from which anybody may download a package for ten minutes; its name says which and proves that we said so."""
    said = f"{call.account}{int(call.now()) + LINK_LIVES_S:08x}{blob}"
    return f"{call.home.settings.endpoint}/_aws/lambda-code/{region_mark(call.region)}{said}{_proof(call.home, said)}"


def _proof(home, said: str) -> str:
    return hmac.new(home.settings.seal, f"lambda-code {said}".encode(), "sha256").hexdigest()


_LINK = re.compile(r"[a-z0-9]{2}(?P<said>(?P<account>\d{12})(?P<until>[0-9a-f]{8})(?P<blob>[0-9a-f]{32}))(?P<proof>[0-9a-f]{64})")


def linked(home, name: str) -> File | None:
    """The package that a link names, None if the link is not ours, too old, or its package is gone."""
    found = _LINK.fullmatch(name)
    if found is None or not hmac.compare_digest(_proof(home, found["said"]), found["proof"]):
        return None
    path = home.store.blobs(found["account"], "lambda").path(found["blob"])
    if int(found["until"], 16) < home.clock.now() or not os.path.exists(path):
        return None
    return File(path, 0, os.path.getsize(path))


REQUEST_BYTES_MAX = 70_167_211


def check_request(call: Call) -> None:
    """The whole request has a size before anything in it is looked at (recorded: test_oversized_request_create_lambda)."""
    length = call.request.headers.get("content-length", "") if call.request is not None else ""
    if length.isdecimal() and int(length) >= REQUEST_BYTES_MAX:
        raise RequestEntityTooLargeException(f"Request must be smaller than {REQUEST_BYTES_MAX} bytes for the {call.operation} operation")


def folder_of(home, sha256: str) -> Path:
    return Path(home.store.folder) / "lambda" / "code" / base64.b64decode(sha256).hex()


async def unpacked(home, sha256: str, zipped: bytes) -> Path:
    """The folder of a zip. Raises InvalidParameterValueException, in AWS's words, for what is no zip or too large."""
    folder = folder_of(home, sha256)
    if folder.exists():
        return folder
    draft = folder.with_name(f"{folder.name}-{home.ids.hex(8)}")
    try:
        if len(zipped) < THREAD_BYTES_MIN:
            packages.unpack(zipped, draft)
        else:
            await asyncio.to_thread(packages.unpack, zipped, draft)
        os.rename(draft, folder)
    except packages.PackageRefused as error:
        raise InvalidParameterValueException(str(error))
    except OSError:
        # Somebody else unpacked the same code while we did.
        shutil.rmtree(draft, ignore_errors=True)
        if not folder.exists():
            raise
    return folder


async def checked(call: Call, zipped: bytes) -> str:
    """See that a zip can be unpacked, and leave it unpacked; answers its CodeSha256."""
    sha256 = packages.code_sha256(zipped)
    await unpacked(call.home, sha256, zipped)
    return sha256


def kept(call: Call, sha256: str, zipped: bytes) -> Code:
    """The blob is written in the tick that commits whatever names it."""
    return Code(
        blob=call.blobs.put(zipped), sha256=sha256, size=len(zipped), unpacked_bytes=packages.unpacked_bytes(zipped)
    )


async def restored(call: Call, sha256: str, blob: str) -> Path:
    """The folder of code that was accepted before."""
    folder = folder_of(call.home, sha256)
    return folder if folder.exists() else await unpacked(call.home, sha256, call.blobs.get(blob))
