"""Functions from container images, which are not built here: what AWS refuses of them before it looks for the image, and by name all others."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.lambda_.errors import InvalidParameterValueException

_PRIVATE = re.compile(r"\d{12}\.dkr[.-]ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/[^/].*")
"""An image in a private registry of ECR, at whatever domain that is."""


def refusal_of(call: Call, code: dict[str, Any], code_signing: str) -> AwsError:
    """In AWS's words, as cdk-preflight saw them: pf-lambda-code-signing-zip-only, -image-requires-imageuri, -image-uri-…, -s3-storage-mode-zip-only."""
    uri = code.get("ImageUri") or ""
    found = _PRIVATE.fullmatch(uri)
    if code_signing:
        return InvalidParameterValueException("Code signing is not supported for functions created with container images.")
    if not uri:
        return InvalidParameterValueException("ImageUri is required.")
    if "S3ObjectStorageMode" in code:
        return InvalidParameterValueException("Do not include S3ObjectStorageMode when the function PackageType is Image.")
    if found is None or found["region"] != call.region:
        return InvalidParameterValueException(f"Source image {uri} is not valid. Provide a valid source image.")
    return NotImplementedHere("functions from container images (lambda PackageType Image)")
