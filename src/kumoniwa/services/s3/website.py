"""A bucket as a website: what is configured, and where a request for a page leads. Pure rules and their operations.

``page`` answers the requests. https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.s3 import body as bodies
from kumoniwa.services.s3.bucket import InvalidArgument, InvalidRequest, found
from kumoniwa.wire.xml import MalformedXML

RULES_MAX = 50


class NoSuchWebsiteConfiguration(AwsError):
    status = 404
    message = "The specified bucket does not have a website configuration"


class Redirect(NamedTuple):
    status: int
    host: str
    """Empty: the one that was asked."""
    protocol: str
    """Empty: the one that was spoken."""
    key: str


def index_key(website: dict[str, Any], key: str) -> str:
    """The key that a page's address means: of a folder its index document."""
    suffix = website["IndexDocument"]["Suffix"]
    return key + suffix if not key or key.endswith("/") else key


def redirect_of(website: dict[str, Any], key: str, status: int | None) -> Redirect | None:
    """Where the first routing rule sends a request: before anything was looked for (``status`` None), or after an error."""
    for rule in website.get("RoutingRules", ()):
        condition, where = rule.get("Condition") or {}, rule["Redirect"]
        error = condition.get("HttpErrorCodeReturnedEquals")
        prefix = condition.get("KeyPrefixEquals", "")
        if not key.startswith(prefix) or (error is None) != (status is None) or (error is not None and int(error) != status):
            continue
        if "ReplaceKeyWith" in where:
            key = where["ReplaceKeyWith"]
        elif "ReplaceKeyPrefixWith" in where:
            key = where["ReplaceKeyPrefixWith"] + key[len(prefix) :]
        return Redirect(int(where.get("HttpRedirectCode", 301)), where.get("HostName", ""), where.get("Protocol", ""), key)
    return None


# What may be configured ------------------------------------------------------------------------------


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    if "RedirectAllRequestsTo" in said:
        if len(said) > 1:
            raise InvalidArgument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                ArgumentName="RedirectAllRequestsTo", ArgumentValue="not null",
            )  # fmt: skip
        _check_protocol(said["RedirectAllRequestsTo"])
        if not said["RedirectAllRequestsTo"].get("HostName"):
            raise MalformedXML
        return said
    index = said.get("IndexDocument")
    if index is None:
        raise InvalidArgument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            ArgumentName="IndexDocument", ArgumentValue="null",
        )  # fmt: skip
    if not index.get("Suffix") or "/" in index["Suffix"]:
        raise InvalidArgument(
            "The IndexDocument Suffix is not well formed", ArgumentName="IndexDocument", ArgumentValue=index.get("Suffix", "")[:1024]
        )
    if "ErrorDocument" in said and not said["ErrorDocument"].get("Key"):
        raise MalformedXML
    rules = said.get("RoutingRules") or []
    if not rules and "RoutingRules" in said:
        raise MalformedXML
    if len(rules) > RULES_MAX:
        raise InvalidRequest(f"{len(rules)} routing rules provided, the number of routing rules in a website configuration is limited to 50.")
    for rule in rules:
        _check_rule(rule)
    return said


def _check_protocol(where: dict[str, Any]) -> None:
    if where.get("Protocol", "http") not in ("http", "https"):
        raise InvalidRequest("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.")


def _check_rule(rule: dict[str, Any]) -> None:
    where, condition = rule.get("Redirect"), rule.get("Condition")
    if not where:
        raise MalformedXML
    if condition == {}:
        raise InvalidRequest(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present."
        )
    _check_protocol(where)
    if "ReplaceKeyWith" in where and "ReplaceKeyPrefixWith" in where:
        raise InvalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    code = where.get("HttpRedirectCode", "301")
    if not (code.isascii() and code.isdigit() and 300 < int(code) < 400 and int(code) != 306):
        raise InvalidRequest(f"The provided HTTP redirect code ({code[:64]}) is not valid. Valid codes are 3XX except 300.")
    error = (condition or {}).get("HttpErrorCodeReturnedEquals", "404")
    if not (error.isascii() and error.isdigit() and 400 <= int(error) < 600):
        raise InvalidRequest(f"The provided HTTP error code ({error[:64]}) is not valid. Valid codes are 4XX or 5XX.")


# Operations ------------------------------------------------------------------------------------------


def PutBucketWebsite(
    call: Call,
    *,
    Bucket: str,
    WebsiteConfiguration: dict[str, Any] | None = None,
    ChecksumAlgorithm: str | None = None,
    ContentMD5: str | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:
    bucket = found(call, Bucket)
    bodies.check_document(call)
    if WebsiteConfiguration is None:
        raise MalformedXML
    call.shelf(type(bucket))[Bucket] = changed(bucket, website=_checked(WebsiteConfiguration))


def GetBucketWebsite(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict:
    bucket = found(call, Bucket)
    if not bucket.website:
        raise NoSuchWebsiteConfiguration(BucketName=Bucket)
    return bucket.website


def DeleteBucketWebsite(call: Call, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> None:
    bucket = found(call, Bucket)
    call.shelf(type(bucket))[Bucket] = changed(bucket, website={})
