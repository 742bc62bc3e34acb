"""Images: manifests named by what they hash to, and the tags that point at them."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.services.ecr import layer
from kumoniwa.services.ecr.errors import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    LayersNotFoundException,
    ReferencedImagesNotFoundException,
)
from kumoniwa.services.ecr.repository import Repository, expect, found, named
from kumoniwa.store.rows import Table

IMAGES = Table(
    "ecr_image",
    """create table if not exists ecr_image (repository text, digest text, manifest text, kind text, artifact text, size integer,
         pushed real, pulled real, primary key (repository, digest));
       create table if not exists ecr_tag (repository text, tag text, digest text, primary key (repository, tag))""",
)
IMAGE_ACTION, REFERRER_ACTION = "ECR Image Action", "ECR Referrer Action"
PULLED_EVERY_S = 86_400.0
"""A pull is noted once a day: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html, lastRecordedPullTime"""


class Image(NamedTuple):
    digest: str
    manifest: str
    kind: str
    artifact: str
    size: int
    pushed: float
    pulled: float


_COLUMNS = "digest, manifest, kind, artifact, size, pushed, pulled"


def of(call: Call, repository: Repository) -> list[Image]:
    """The images of a repository, those pushed first first."""
    rows = call.rows(IMAGES)
    return [Image(*row) for row in rows.all(f"select {_COLUMNS} from ecr_image where repository = ? order by pushed, rowid", repository.id)]


def _by_digest(call: Call, repository: Repository, digest: str) -> Image | None:
    row = call.rows(IMAGES).one(f"select {_COLUMNS} from ecr_image where repository = ? and digest = ?", repository.id, digest)
    return Image(*row) if row is not None else None


def _tagged(call: Call, repository: Repository, tag: str) -> str | None:
    row = call.rows(IMAGES).one("select digest from ecr_tag where repository = ? and tag = ?", repository.id, tag)
    return row[0] if row is not None else None


def tags_of(call: Call, repository: Repository, digest: str) -> list[str]:
    return [
        tag
        for (tag,) in call.rows(IMAGES).all(
            "select tag from ecr_tag where repository = ? and digest = ? order by tag", repository.id, digest
        )
    ]


# Pushed ------------------------------------------------------------------------------------------------


def _read(manifest: str) -> dict[str, Any]:
    try:
        read = orjson.loads(manifest)
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict) or not (isinstance(read.get("layers"), list) or isinstance(read.get("manifests"), list)):
        raise InvalidParameterException("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
    return read


def _digests(described: list[Any]) -> list[str]:
    return [each["digest"] for each in described if isinstance(each, dict) and isinstance(each.get("digest"), str)]


def needs_of(manifest: str) -> set[str]:
    """The layers that a manifest names, its configuration among them."""
    read = orjson.loads(manifest)
    return set(_digests([read.get("config"), *(read.get("layers") or ())]))


def _check_whole(call: Call, repository: Repository, read: dict[str, Any]) -> None:
    wanted = _digests([read.get("config"), *(read.get("layers") or ())])
    if missing := [digest for digest in wanted if layer.size_of(call, repository, digest) is None]:
        raise LayersNotFoundException(
            f"Layers with digests '[{', '.join(missing)}]' required for pushing image into repository with name '{repository.name}' "
            f"{named(call)} do not exist"
        )
    if missing := [digest for digest in _digests(read.get("manifests") or []) if _by_digest(call, repository, digest) is None]:
        raise ReferencedImagesNotFoundException(
            f"Images with digests '[{', '.join(missing)}]' required for pushing image into repository with name '{repository.name}' "
            f"{named(call)} do not exist"
        )


def PutImage(
    call: Call,
    *,
    repositoryName: str,
    imageManifest: str,
    registryId: str | None = None,
    imageManifestMediaType: str | None = None,
    imageTag: str | None = None,
    imageDigest: str | None = None,
) -> dict:
    repository = found(call, repositoryName)
    read = _read(imageManifest)
    kind = imageManifestMediaType or read.get("mediaType")
    if not kind:
        # "If you push an image manifest that does not contain the mediaType field, you must specify the imageManifestMediaType in the request":
        # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html. The text: moto's test_put_image_without_mediatype.
        raise InvalidParameterException("image manifest mediatype not provided in manifest or parameter")
    digest = f"sha256:{hashlib.sha256(imageManifest.encode()).hexdigest()}"
    if imageDigest is not None and imageDigest != digest:
        raise ImageDigestDoesNotMatchException(f"The digest '{imageDigest}' does not match that of the manifest, '{digest}'")
    held = _by_digest(call, repository, digest)
    if held is not None and (imageTag is None or _tagged(call, repository, imageTag) == digest):
        with_tag = f" and tag '{imageTag}'" if imageTag is not None else ""
        raise ImageAlreadyExistsException(
            f"Image with digest '{digest}'{with_tag} already exists in the repository with name '{repositoryName}' in registry with id "
            f"'{call.account}'"
        )
    _check_whole(call, repository, read)
    rows = call.rows(IMAGES)
    if imageTag is not None and _tagged(call, repository, imageTag) is not None and not repository.may_move(imageTag):
        raise ImageTagAlreadyExistsException(
            f"The image tag '{imageTag}' already exists in the '{repositoryName}' repository and cannot be overwritten because the "
            "repository is immutable."
        )
    if held is None:
        size = sum(each.get("size", 0) for each in [read.get("config") or {}, *(read.get("layers") or ())])
        artifact = (read.get("config") or {}).get("mediaType", "")
        row = (repository.id, digest, imageManifest, kind, artifact, size, call.now(), 0.0)
        rows.run("insert into ecr_image values (?, ?, ?, ?, ?, ?, ?, ?)", *row)
    if imageTag is not None:
        rows.run("insert or replace into ecr_tag values (?, ?, ?)", repository.id, imageTag, digest)
    tell(call, repository, "PUSH", digest, kind, (read.get("config") or {}).get("mediaType", ""), imageTag, is_referrer="subject" in read)
    expect(call, repositoryName)
    return {"image": _image(call, repository, Image(digest, imageManifest, kind, "", 0, 0.0, 0.0), imageTag)}


def tell(
    call: Call, repository: Repository, action: str, digest: str, kind: str, artifact: str, tag: str | None, *, is_referrer: bool
) -> None:  # fmt: skip
    """What was done to an image under one of its tags, or to one without (recorded: nudgebee's TestAwsEvenBridge_Mock_ECR, of 2025). AWS keeps
    those apart that refer to other images: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""
    detail = {"result": "SUCCESS", "repository-name": repository.name, "image-digest": digest, "action-type": action, "image-tag": tag or ""}
    media = {"manifest-media-type": kind, "artifact-media-type": artifact}
    call.tell(REFERRER_ACTION if is_referrer else IMAGE_ACTION, detail | {name: value for name, value in media.items() if value})


# Looked for ----------------------------------------------------------------------------------------------


def _id(digest: str | None, tag: str | None) -> dict[str, str]:
    return ({"imageDigest": digest} if digest else {}) | ({"imageTag": tag} if tag else {})


def _image(call: Call, repository: Repository, image: Image, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": call.account, "repositoryName": repository.name, "imageId": _id(image.digest, tag), "imageManifest": image.manifest,
        "imageManifestMediaType": image.kind,
    }  # fmt: skip


def _meant(call: Call, repository: Repository, id: dict[str, str]) -> tuple[Image | None, str, str]:
    """The image that an id means; or None, a code and a reason."""
    digest, tag = id.get("imageDigest"), id.get("imageTag")
    if digest is None and tag is None:
        return None, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    if digest is not None and not layer.DIGEST.fullmatch(digest):
        regex = layer.DIGEST.pattern
        return None, "InvalidImageDigest", f"Invalid request parameters: image digest should satisfy the regex '{regex}'"
    named_digest = _tagged(call, repository, tag) if tag is not None else digest
    image = _by_digest(call, repository, named_digest) if named_digest is not None else None
    if image is None:
        return None, "ImageNotFound", "Requested image not found"
    if digest is not None and digest != image.digest:
        return None, "ImageTagDoesNotMatchDigest", f"Tag does not match the digest that is given, but {image.digest}"
    return image, "", ""


def BatchGetImage(
    call: Call,
    *,
    repositoryName: str,
    imageIds: list[dict[str, str]],
    registryId: str | None = None,
    acceptedMediaTypes: list[str] | None = None,
) -> dict:
    """A manifest is given as it was pushed, whatever is accepted: AWS turns none into another either, but for those of schema 1."""
    repository = found(call, repositoryName)
    images, failures = [], []
    for id in imageIds:
        image, code, reason = _meant(call, repository, id)
        if image is None:
            failures.append({"imageId": id, "failureCode": code, "failureReason": reason})
            continue
        images.append(_image(call, repository, image, id.get("imageTag")))
        if call.now() >= image.pulled + PULLED_EVERY_S:
            pulled = "update ecr_image set pulled = ? where repository = ? and digest = ?"
            call.rows(IMAGES).run(pulled, call.now(), repository.id, image.digest)
    return {"images": images, "failures": failures}


def _is_wanted(tags: list[str], filter: dict[str, str] | None) -> bool:
    wanted = (filter or {}).get("tagStatus", "ANY")
    return wanted == "ANY" or (wanted == "TAGGED") == bool(tags)


def ListImages(call: Call, *, repositoryName: str, registryId: str | None = None, filter: dict[str, str] | None = None) -> dict:
    repository = found(call, repositoryName)
    ids = []
    for image in of(call, repository):
        tags = tags_of(call, repository, image.digest)
        if _is_wanted(tags, filter):
            ids += [_id(image.digest, tag) for tag in tags or [None]]
    return {"imageIds": ids}


def DescribeImages(
    call: Call,
    *,
    repositoryName: str,
    registryId: str | None = None,
    imageIds: list[dict[str, str]] | None = None,
    filter: dict[str, str] | None = None,
) -> dict:
    repository = found(call, repositoryName)
    if imageIds is None:
        images = of(call, repository)
    else:
        images = list({image.digest: image for image in (_described(call, repository, id) for id in imageIds)}.values())
    told = ((image, tags_of(call, repository, image.digest)) for image in images)
    return {"imageDetails": [_detail(call, repository, image, tags) for image, tags in told if _is_wanted(tags, filter)]}


def _described(call: Call, repository: Repository, id: dict[str, str]) -> Image:
    image, code, reason = _meant(call, repository, id)
    if image is not None:
        return image
    if code in ("MissingDigestAndTag", "InvalidImageDigest"):
        raise InvalidParameterException(reason)
    digest, tag = id.get("imageDigest", "null"), id.get("imageTag", "null")
    raise ImageNotFoundException(
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within {layer.in_repository(call, repository.name)}"
    )


def _detail(call: Call, repository: Repository, image: Image, tags: list[str]) -> dict[str, Any]:
    told = {
        "registryId": call.account, "repositoryName": repository.name, "imageDigest": image.digest, "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed, "imageManifestMediaType": image.kind, "imageStatus": "ACTIVE",
    }  # fmt: skip
    optional = {"imageTags": tags, "artifactMediaType": image.artifact, "lastRecordedPullTime": image.pulled}
    return told | {name: value for name, value in optional.items() if value}


# Deleted -------------------------------------------------------------------------------------------------


def _lists_that_name(call: Call, repository: Repository, digest: str) -> list[str]:
    return [each.digest for each in of(call, repository) if digest in _digests(orjson.loads(each.manifest).get("manifests") or [])]


def delete(call: Call, repository: Repository, digests: set[str]) -> None:
    """Delete images with their tags, and the layers that no other image of the repository needs."""
    rows = call.rows(IMAGES)
    for digest in sorted(digests):
        image = _by_digest(call, repository, digest)
        is_referrer = "subject" in orjson.loads(image.manifest)
        for tag in tags_of(call, repository, digest) or [None]:
            tell(call, repository, "DELETE", digest, image.kind, image.artifact, tag, is_referrer=is_referrer)
        rows.run("delete from ecr_image where repository = ? and digest = ?", repository.id, digest)
        rows.run("delete from ecr_tag where repository = ? and digest = ?", repository.id, digest)
    if digests:
        needed = set().union(*(needs_of(image.manifest) for image in of(call, repository)))
        layer.drop_all_but(call, repository, needed)


def BatchDeleteImage(call: Call, *, repositoryName: str, imageIds: list[dict[str, str]], registryId: str | None = None) -> dict:
    """An image whose last tag is deleted is deleted with it.
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html"""
    repository = found(call, repositoryName)
    gone: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    for id in imageIds:
        image, code, reason = _meant(call, repository, id)
        if image is None:
            failures.append({"imageId": id, "failureCode": code, "failureReason": reason})
            continue
        tags = tags_of(call, repository, image.digest)
        tag = id.get("imageTag")
        if tag is not None and len(tags) > 1:
            call.rows(IMAGES).run("delete from ecr_tag where repository = ? and tag = ?", repository.id, tag)
            gone.append(_id(image.digest, tag))
        elif lists := _lists_that_name(call, repository, image.digest):
            text = f"Requested image referenced by manifest list: [{', '.join(lists)}]"
            failures.append({"imageId": id, "failureCode": "ImageReferencedByManifestList", "failureReason": text})
        else:
            delete(call, repository, {image.digest})
            gone += [_id(image.digest, each) for each in tags or [None]]
    return {"imageIds": gone, "failures": failures}
