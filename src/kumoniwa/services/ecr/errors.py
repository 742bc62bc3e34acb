"""What ECR refuses. Texts are those that its users report, and that docker and kubectl show."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.errors import AwsError


class InvalidParameterException(AwsError): ...


class InvalidTagParameterException(AwsError): ...


class TooManyTagsException(AwsError): ...


class RepositoryAlreadyExistsException(AwsError): ...


class RepositoryNotFoundException(AwsError): ...


class RepositoryNotEmptyException(AwsError): ...


class RepositoryPolicyNotFoundException(AwsError): ...


class LifecyclePolicyNotFoundException(AwsError): ...


class ImageNotFoundException(AwsError): ...


class ImageAlreadyExistsException(AwsError): ...


class ImageTagAlreadyExistsException(AwsError): ...


class ImageDigestDoesNotMatchException(AwsError): ...


class LayersNotFoundException(AwsError): ...


class ReferencedImagesNotFoundException(AwsError): ...


class UploadNotFoundException(AwsError): ...


class InvalidLayerException(AwsError): ...


class InvalidLayerPartException(AwsError): ...


class EmptyUploadException(AwsError): ...


class LayerAlreadyExistsException(AwsError): ...


_BROKEN = re.compile(r" at '(?P<where>[^']+)' failed to satisfy constraint: (?P<what>.*?)(?=; Value|$)", re.DOTALL)
_PATTERN = "Member must satisfy regular expression pattern: "


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    """ECR tells the first constraint that is broken, in words of its own: https://github.com/boto/boto3/issues/3191 (patterns),
    https://github.com/aws/aws-dotnet-deploy/issues/549 (lengths), moto's test_put_image_tag_mutability_error_invalid_param (enumerations)."""
    broken = _BROKEN.search(error.text)
    if broken is None:
        return error
    what = broken["what"]
    if what.startswith(_PATTERN):
        what = f"must satisfy regular expression '{what.removeprefix(_PATTERN)}'"
    elif "enum value set" not in what:
        what = what.removeprefix("Member ")
    return InvalidParameterException(f"Invalid parameter at '{broken['where']}' failed to satisfy constraint: '{what}'")
