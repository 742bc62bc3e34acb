"""What a distribution leans on that lives in other regions: its certificate in us-east-1, the bucket of its logs wherever that is.

They are asked when the configuration begins to name them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumoniwa.gate import certificate as certificates
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cloudfront import errors

CERTIFICATES = "us-east-1"
BUCKET = ".s3.amazonaws.com"
UNCOVERED = (
    "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) that you're trying to add. For more "
    "details, see: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html#alternate-domain-names-requirements"
)


def with_what_it_names(call: Call, config: dict[str, Any], before: dict[str, Any] | None, then: Callable[[], dict]) -> Any:
    """Go on when what the configuration newly names is found to be good; at once if there is nothing to ask."""
    asks = []
    certificate, aliases = config["ViewerCertificate"].get("ACMCertificateArn"), config["Aliases"].get("Items") or []
    if certificate and (
        before is None or certificate != before["ViewerCertificate"].get("ACMCertificateArn") or aliases != before["Aliases"].get("Items")
    ):
        asks.append(lambda: _certificate(call, certificate, aliases))
    logging = config["Logging"]
    if logging["Enabled"] and (before is None or logging != before["Logging"]):
        asks.append(lambda: _bucket(call, logging["Bucket"]))
    return _after(call, asks, then) if asks else then()


async def _after(call: Call, asks: list[Callable[[], Any]], then: Callable[[], dict]) -> dict:
    for ask in asks:
        await ask()
    return call.atomically(then)


async def _certificate(call: Call, arn: str, aliases: list[str]) -> None:
    held = await call.home.exchange(CERTIFICATES, "acm", {"account": call.account, "certificate": arn})
    if held is None or held["status"] != "ISSUED":
        raise errors.InvalidViewerCertificate(
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
            hint="It is not there." if held is None else f"Its status is {held['status']}.",
        )
    for alias in aliases:
        if not certificates.covers(held["names"], alias):
            raise errors.InvalidViewerCertificate(UNCOVERED, hint=f"{alias} is none of its names: {', '.join(held['names'])}.")


async def _bucket(call: Call, host: str) -> None:
    """AWS writes as a grantee of the bucket's ACL, so that a bucket without ACLs is refused.
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html"""
    name = host.removesuffix(BUCKET)
    if name == host or not name:
        raise errors.InvalidArgument("The parameter Logging Bucket does not refer to a valid S3 bucket.", hint=f"Write it as my-logs{BUCKET}.")
    owner = call.by_owner()
    try:
        held = await owner.ask("s3:GetBucketOwnershipControls", to_region=region_of_bucket(call.home, name), Bucket=name)
    except AwsError as error:
        raise errors.InvalidArgument("The parameter Logging Bucket does not refer to a valid S3 bucket.", hint=error.text) from None
    if any(rule["ObjectOwnership"] == "BucketOwnerEnforced" for rule in held["OwnershipControls"]["Rules"]):
        raise errors.InvalidArgument(
            f"The S3 bucket that you specified for CloudFront logs does not enable ACL access: {host}",
            hint="Put the ownership BucketOwnerPreferred on it.",
        )
