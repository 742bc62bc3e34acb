"""What `aws cloudformation package` does: local code is zipped and uploaded, and the template names the upload.

May: read the files that a template names and ask for `s3:PutObject`. May not: build anything; dependencies that are not in the
folder will not be in the zip. The same files always give the same bytes (sorted names, a fixed date), so an unchanged
function keeps its key and an update leaves it alone.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from kumoniwa.deploy.template import parse
from kumoniwa.kernel.errors import ValidationError

ZIP_BYTES_MAX = 512 * 1024 * 1024
DATE = (1980, 1, 1, 0, 0, 0)

Ask = Callable[..., Awaitable[Any]]

_APPSYNC_STEP = tuple(
    (f"{name}S3Location", "uri", False)
    for name in ("Code", "RequestMappingTemplate", "ResponseMappingTemplate")
)

# type → ((property, how a location is written, whether it must be a zip), …); ``*`` in a way to a property is any member
LOCATIONS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "AWS::Serverless::Function": (("CodeUri", "uri", True),),
    "AWS::Serverless::LayerVersion": (("ContentUri", "uri", True),),
    "AWS::Serverless::Api": (("DefinitionUri", "uri", False),),
    "AWS::Serverless::HttpApi": (("DefinitionUri", "uri", False),),
    "AWS::Serverless::StateMachine": (("DefinitionUri", "uri", False),),
    "AWS::Serverless::GraphQLApi": (
        ("SchemaUri", "uri", False),
        ("Functions.*.CodeUri", "uri", False),
        ("Resolvers.*.*.CodeUri", "uri", False),
    ),
    "AWS::Lambda::Function": (("Code", "S3Bucket S3Key", True),),
    "AWS::Lambda::LayerVersion": (("Content", "S3Bucket S3Key", True),),
    "AWS::ApiGateway::RestApi": (("BodyS3Location", "Bucket Key", False),),
    "AWS::ApiGatewayV2::Api": (("BodyS3Location", "Bucket Key", False),),
    "AWS::StepFunctions::StateMachine": (("DefinitionS3Location", "Bucket Key", False),),
    "AWS::AppSync::GraphQLSchema": (("DefinitionS3Location", "uri", False),),
    "AWS::AppSync::FunctionConfiguration": _APPSYNC_STEP,
    "AWS::AppSync::Resolver": _APPSYNC_STEP,
    "AWS::CloudFormation::Stack": (("TemplateURL", "url", False),),
}


def zipped(folder: Path) -> bytes:
    """A folder, or a single file, as a zip that depends on nothing but names, contents and the executable bit."""
    if folder.is_file():
        files = [(folder.name, folder)]
    else:
        found = (
            Path(place) / name for place, _, names in os.walk(folder, followlinks=True) for name in names
        )
        files = sorted((path.relative_to(folder).as_posix(), path) for path in found)
    out, total = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files:
            total += path.stat().st_size
            if total > ZIP_BYTES_MAX:
                raise ValidationError(f"{folder} holds more than {ZIP_BYTES_MAX} bytes.")
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(entry, path.read_bytes())
    return out.getvalue()


def _written(style: str, bucket: str, key: str) -> Any:
    if style == "uri":
        return f"s3://{bucket}/{key}"
    if style == "url":
        return f"https://s3.amazonaws.com/{bucket}/{key}"
    bucket_name, key_name = style.split()
    return {bucket_name: bucket, key_name: key}


def _is_local(value: Any) -> bool:
    return isinstance(value, str) and not value.startswith(("s3://", "http://", "https://"))


async def package(template_path: Path, ask: Ask, bucket: str, prefix: str = "") -> dict[str, Any]:
    """The template's body with every local path replaced by its upload. ``ask("s3:PutObject", Bucket=…, Key=…, Body=…)``.

    A function without CodeUri means the template's own folder, as for AWS. Raises ``ValidationError`` for a path that is
    not there.
    """
    body = copy.deepcopy(parse(template_path.read_text("utf-8")).body)
    globals_ = body.get("Globals")
    shared = globals_.get("Function") if isinstance(globals_, dict) else None
    if isinstance(shared, dict) and _is_local(shared.get("CodeUri")):
        shared["CodeUri"] = await _upload(
            template_path, "Globals", shared["CodeUri"], True, ask, bucket, prefix, "uri"
        )
    resources = body.get("Resources")
    for name, entry in (resources if isinstance(resources, dict) else {}).items():
        if not isinstance(entry, dict):
            continue
        properties = entry.setdefault("Properties", {}) if entry.get("Type") in LOCATIONS else None
        if not isinstance(properties, dict):
            continue
        if (
            entry["Type"] == "AWS::Serverless::Function"
            and not shared
            and not {"CodeUri", "InlineCode", "ImageUri"} & set(properties)
        ):
            properties["CodeUri"] = "."
        for way, style, is_zip in LOCATIONS[entry["Type"]]:
            for holder, member in _places(properties, way):
                if _is_local(holder.get(member)):
                    holder[member] = await _upload(
                        template_path, name, holder[member], is_zip, ask, bucket, prefix, style
                    )
    return body


def _places(held: Any, way: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Where a way leads: each place as its holder and the member's name."""
    step, _, rest = way.partition(".")
    if not isinstance(held, dict):
        return
    if not rest:
        yield held, step
        return
    for below in held.values() if step == "*" else [held.get(step)]:
        yield from _places(below, rest)


async def _upload(
    template_path: Path, name: str, value: str, is_zip: bool, ask: Ask, bucket: str, prefix: str, style: str
) -> Any:
    path = (template_path.parent / value).resolve()
    if not path.exists():
        raise ValidationError(
            f"Unable to upload artifact {value} referenced by a property of {name} resource. "
            f"Parameter of resource {name} refers to a file or folder that does not exist {path}"
        )
    if style == "url":
        content = json.dumps(await package(path, ask, bucket, prefix)).encode()
        ending = ".template"
    elif is_zip and not (path.is_file() and path.suffix in (".zip", ".jar")):
        content, ending = zipped(path), ""
    else:
        content, ending = path.read_bytes(), ""
    key = f"{prefix}/" * bool(prefix) + hashlib.sha256(content).hexdigest()[:32] + ending
    await ask("s3:PutObject", Bucket=bucket, Key=key, Body=content)
    return _written(style, bucket, key)
