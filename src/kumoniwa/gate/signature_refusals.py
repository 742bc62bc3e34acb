"""What AWS answers to a signature it does not accept.

The same fault has another code in each family of protocols: the table at the end of each rule says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from kumoniwa.kernel.errors import AwsError

if TYPE_CHECKING:
    from kumoniwa.gate.signature import Claim


class IncompleteSignature(AwsError):
    status = 400


class IncompleteSignatureException(AwsError):
    status = 400


class MissingAuthenticationToken(AwsError):
    status = 403
    message = "Request is missing Authentication Token"


class MissingAuthenticationTokenException(AwsError):
    status = 400
    message = "Request is missing Authentication Token"


class RestMissingAuthenticationTokenException(AwsError):
    code = "MissingAuthenticationTokenException"
    status = 403
    message = "Missing Authentication Token"


class SignatureDoesNotMatch(AwsError):
    status = 403


class InvalidSignatureException(AwsError):
    status = 400


class RestInvalidSignatureException(AwsError):
    code = "InvalidSignatureException"
    status = 403


class AuthFailure(AwsError):
    """EC2 tells nobody more."""

    status = 401
    message = "AWS was not able to validate the provided access credentials"


class AccessDenied(AwsError):
    status = 403
    message = "Access Denied"


class InvalidRequest(AwsError):
    status = 400


class InvalidArgument(AwsError):
    status = 400


class AuthorizationHeaderMalformed(AwsError):
    status = 400


class AuthorizationQueryParametersError(AwsError):
    status = 400


class RequestTimeTooSkewed(AwsError):
    status = 403
    message = "The difference between the request time and the current time is too large."


class XAmzContentSHA256Mismatch(AwsError):
    status = 400
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."


MISSING: dict[str, type[AwsError]] = {
    "json": MissingAuthenticationTokenException,
    "rest-json": RestMissingAuthenticationTokenException,
    "s3": AccessDenied,
}
INVALID: dict[str, type[AwsError]] = {
    "json": InvalidSignatureException,
    "rest-json": RestInvalidSignatureException,
    "ec2": AuthFailure,
}


def missing(family: str) -> NoReturn:
    """A request without any signature where one is needed."""
    raise MISSING.get(family, MissingAuthenticationToken)


def incomplete(family: str, text: str) -> NoReturn:
    raise (IncompleteSignatureException if family in ("json", "rest-json") else IncompleteSignature)(text)


def invalid(family: str, text: str) -> NoReturn:
    kind = INVALID.get(family, SignatureDoesNotMatch)
    raise kind(hint=text) if kind is AuthFailure else kind(text)


def malformed_header(text: str, **members: Any) -> NoReturn:
    raise AuthorizationHeaderMalformed(f"The authorization header is malformed; {text}", **members)


def malformed_query(text: str, **members: Any) -> NoReturn:
    raise AuthorizationQueryParametersError(
        f"Error parsing the X-Amz-Credential parameter; {text}", **members
    )


def query_error(text: str) -> NoReturn:
    raise AuthorizationQueryParametersError(text)


def refuse_version_2(family: str) -> NoReturn:
    if family == "s3":
        raise InvalidRequest(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            hint="This request is signed with Signature Version 2; configure signature_version='s3v4'.",
        )
    missing(family)


def refuse_both_mechanisms(family: str) -> NoReturn:
    if family == "s3":
        raise InvalidArgument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            ArgumentName="Authorization",
        )
    text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    invalid(family, text)


def refuse_unknown_scheme(family: str, header: str) -> NoReturn:
    if family == "s3":
        raise InvalidArgument(
            "Unsupported Authorization Type", ArgumentName="Authorization", ArgumentValue=header[:1024]
        )
    missing(family)


def refuse_algorithm(family: str, algorithm: str, header: str) -> NoReturn:
    if family == "s3":
        refuse_unknown_scheme(family, header)
    incomplete(family, f"Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now). ")


def refuse_content_sha256(declared: str) -> NoReturn:
    raise InvalidArgument(
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 "
        "value.",
        ArgumentName="x-amz-content-sha256",
        ArgumentValue=declared[:1024],
    )


def _hex(text: str) -> str:
    return text.encode("latin-1", "replace").hex(" ")


def mismatch(family: str, claim: Claim, canonical: str, to_sign: str) -> NoReturn:
    """The signature is another. S3 and the JSON services show what they signed, so that clients can compare. Without a
    ``canonical`` request are URLs of version 2 and forms: localstack's test_post_request_malformed_policy."""
    if family == "s3":
        more = {"CanonicalRequest": canonical, "CanonicalRequestBytes": _hex(canonical)} if canonical else {}
        raise SignatureDoesNotMatch(
            "The request signature we calculated does not match the signature you provided. Check your key and signing "
            "method.",
            AWSAccessKeyId=claim.access_key,
            StringToSign=to_sign,
            SignatureProvided=claim.signature,
            StringToSignBytes=_hex(to_sign),
            **more,
        )
    text = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
        "and signing method. Consult the service documentation for details."
    )
    if family in ("json", "rest-json"):
        text += (
            f"\n\nThe Canonical String for this request should have been\n'{canonical}'"
            f"\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
        )
    invalid(family, text)
