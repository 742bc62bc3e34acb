"""Where sources come from and artifacts go: buckets, and the folder of the build."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.codebuild.buildspec import Artifacts
from kumoniwa.wire.message import whole


class Wrong(Exception):
    """``code`` and text as the phase tells them."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


# Sources -------------------------------------------------------------------------------------------


async def fetch(speaker: Call, location: str, version: str, folder: str) -> str:
    """Bring an archive, or all that lies under a prefix, into a folder; answers the version of the archive."""
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    if key.endswith("/"):
        await _fetch_all(speaker, bucket, key, folder)
        return ""
    found = await speaker.ask("s3:GetObject", Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
    content = await whole(found["Body"])
    try:
        await asyncio.to_thread(_unpack, content, folder)
    except zipfile.BadZipFile:
        raise Wrong("CLIENT_ERROR", f"The source {location} is no ZIP file") from None
    return found.get("VersionId", "")


async def _fetch_all(speaker: Call, bucket: str, prefix: str, folder: str) -> None:
    token: dict[str, str] = {}
    while True:
        page = await speaker.ask("s3:ListObjectsV2", Bucket=bucket, Prefix=prefix, **token)
        for each in page.get("Contents", ()):
            name = os.path.normpath(each["Key"].removeprefix(prefix))
            if each["Key"].endswith("/") or name.startswith(("..", "/")):
                continue
            content = await whole((await speaker.ask("s3:GetObject", Bucket=bucket, Key=each["Key"]))["Body"])
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if not page.get("NextContinuationToken"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _unpack(content: bytes, folder: str) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, folder)
            if mode := (entry.external_attr >> 16) & 0o777:
                os.chmod(path, mode | 0o600 if not entry.is_dir() else mode | 0o700)


# Artifacts -----------------------------------------------------------------------------------------


def chosen(folder: str, said: Artifacts) -> dict[str, Path]:
    """Files by the name that they have in the artifact. Raises Wrong where nothing is found."""
    bases = sorted(Path(folder).glob(said.folder)) if any(each in said.folder for each in "*?[") else [Path(folder, said.folder)]
    found: dict[str, Path] = {}
    for base in bases:
        for pattern in said.files:
            for path in sorted(base.glob(f"{pattern}/*" if pattern.endswith("**") else pattern)):
                if path.is_file():
                    name = os.path.relpath(path, base)
                    if not any(fnmatchcase(name, excluded.replace("**/*", "*")) for excluded in said.excluded):
                        found[path.name if said.is_flat else name] = path
    if not found:
        raise Wrong("CLIENT_ERROR", f"no matching artifact paths found: {', '.join(said.files)}")
    return found


def _zipped(files: dict[str, Path]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return held.getvalue()


def _prefix(target: dict[str, Any], name: str, build_id: str) -> str:
    """https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectArtifacts.html"""
    parts = [target.get("path", "").strip("/"), build_id if target.get("namespaceType") == "BUILD_ID" else "", name.strip("/")]
    return "/".join(part for part in parts if part)


async def lay_down(
    speaker: Call, target: dict[str, Any], said: Artifacts | None, folder: str, build_id: str, project: str, key_id: str, variables: dict[str, str]
) -> dict[str, Any]:  # fmt: skip
    """Upload one artifact; answers what the build tells of it."""
    if said is None:
        raise Wrong("CLIENT_ERROR", "the buildspec has no artifacts")
    files = await asyncio.to_thread(chosen, folder, said)
    name = target.get("name") or project
    if target.get("overrideArtifactName") and said.name:
        name = said.name
        for variable, value in variables.items():
            name = name.replace(f"${{{variable}}}", value).replace(f"${variable}", value)
    bucket, prefix = target["location"], _prefix(target, name, build_id)
    is_sealed = not target.get("encryptionDisabled") and not key_id.endswith("alias/aws/s3")
    how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if is_sealed else {}
    told: dict[str, Any] = {"location": f"arn:{speaker.home.partition}:s3:::{bucket}/{prefix}"}
    if "artifactIdentifier" in target:
        told["artifactIdentifier"] = target["artifactIdentifier"]
    if target.get("packaging") == "ZIP":
        content = await asyncio.to_thread(_zipped, files)
        await speaker.ask("s3:PutObject", Bucket=bucket, Key=prefix, Body=content, ContentType="application/zip", **how)
        return {**told, "sha256sum": hashlib.sha256(content).hexdigest(), "md5sum": hashlib.md5(content).hexdigest()}
    for inner, path in files.items():
        await speaker.ask("s3:PutObject", Bucket=bucket, Key=f"{prefix}/{inner}", Body=await asyncio.to_thread(path.read_bytes), **how)
    return told
