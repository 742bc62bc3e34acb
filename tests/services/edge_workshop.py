"""A distribution in front of a bucket or of an API, and a viewer of it."""

from __future__ import annotations

import itertools
import json
from typing import Any

OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
ALL_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def items(*values: Any) -> dict[str, Any]:
    return {"Quantity": len(values), "Items": list(values)} if values else {"Quantity": 0}


def behavior(origin: str = "site", **more: Any) -> dict[str, Any]:
    said = {"TargetOriginId": origin, "ViewerProtocolPolicy": "allow-all", **more}
    return said if "ForwardedValues" in said else {"CachePolicyId": OPTIMIZED, **said}


def methods(*names: str) -> dict[str, Any]:
    return {**items(*names), "CachedMethods": items("GET", "HEAD")}


class Answer:
    def __init__(self, status: int, headers: dict[str, Any], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers.items()}

    @property
    def cache(self) -> str:
        return self.headers["x-cache"].removesuffix(" from cloudfront")


class Edge:
    """CloudFront of one cloud, with a bucket called site."""

    def __init__(self, cloud: Any) -> None:
        self.cloud, self.client, self.s3 = cloud, cloud.client("cloudfront"), cloud.client("s3")
        self.numbers = itertools.count(1)
        self.s3.create_bucket(Bucket="site")
        made = self.client.create_origin_access_control(
            OriginAccessControlConfig={
                "Name": "site", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3",
            }  # fmt: skip
        )
        self.control = made["OriginAccessControl"]["Id"]

    def put(self, key: str, body: str, **more: Any) -> None:
        self.s3.put_object(Bucket="site", Key=key, Body=body.encode(), **{"ContentType": "text/html", **more})

    def bucket(self, **more: Any) -> dict[str, Any]:
        """The bucket as an origin."""
        return {
            "Id": "site", "DomainName": "site.s3.us-east-1.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""},
            "OriginAccessControlId": self.control, **more,
        }  # fmt: skip

    def http(self, domain: str, id: str = "api", *, port: int = 80, **more: Any) -> dict[str, Any]:
        custom = {"HTTPPort": port, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
        return {"Id": id, "DomainName": domain, "CustomOriginConfig": custom, **more}

    def config(self, *behaviors: dict[str, Any], origins: tuple = (), default: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        return {
            "CallerReference": f"reference {next(self.numbers)}", "Comment": "", "Enabled": True, "DefaultRootObject": "index.html",
            "Origins": items(*(origins or (self.bucket(),))), "DefaultCacheBehavior": default or behavior(),
            "CacheBehaviors": items(*behaviors), **more,
        }  # fmt: skip

    def create(self, *behaviors: dict[str, Any], **more: Any) -> Distribution:
        made = self.client.create_distribution(DistributionConfig=self.config(*behaviors, **more))
        return Distribution(self, made["Distribution"])

    def trust(self, distribution: Distribution) -> None:
        """Let the distribution read the bucket, and nobody else."""
        statement = {
            "Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::site/*", "Condition": {"StringEquals": {"AWS:SourceArn": distribution.arn}},
        }  # fmt: skip
        self.s3.put_bucket_policy(Bucket="site", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def site(self, *behaviors: dict[str, Any], **more: Any) -> Distribution:
        distribution = self.create(*behaviors, **more)
        self.trust(distribution)
        return distribution


class Distribution:
    def __init__(self, edge: Edge, shown: dict[str, Any]) -> None:
        self.edge, self.id, self.arn, self.domain = edge, shown["Id"], shown["ARN"], shown["DomainName"]

    def get(self, path: str = "/", method: str = "GET", *, host: str = "", body: bytes = b"", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(*self.edge.cloud.http(method, path, host=host or self.domain, headers=named, body=body))

    def update(self, **changes: Any) -> dict[str, Any]:
        found = self.edge.client.get_distribution_config(Id=self.id)
        return self.edge.client.update_distribution(
            Id=self.id, IfMatch=found["ETag"], DistributionConfig={**found["DistributionConfig"], **changes}
        )

    def invalidate(self, *paths: str) -> dict[str, Any]:
        batch = {"Paths": items(*paths), "CallerReference": str(next(self.edge.numbers))}
        return self.edge.client.create_invalidation(DistributionId=self.id, InvalidationBatch=batch)["Invalidation"]
