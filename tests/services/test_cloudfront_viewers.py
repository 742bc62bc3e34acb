"""What an edge location makes of who asks and of how: countries, devices, packing, old copies, and the log of it all."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket

import brotli
import pytest
from botocore.exceptions import ClientError
from edge_workshop import ALL_BUT_HOST, DISABLED, Distribution, Edge, behavior, items
from lambda_workshop import make
from test_lambda_url import open_url

from kumoniwa.services.cloudfront.accesslog import FIELDS

GERMANY, JAPAN, NOWHERE = "198.51.100.7", "203.0.113.7", "8.8.8.8"
"""See ``gate/place``."""
NONE = {"CookiesConfig": {"CookieBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "none"}}


@pytest.fixture
def edge(cloud) -> Edge:
    return Edge(cloud)


def restricted(kind: str, *countries: str) -> dict:
    return {"Restrictions": {"GeoRestriction": {"RestrictionType": kind, **items(*countries)}}}


# Places ---------------------------------------------------------------------------------------------------------


def test_a_country_is_shut_out_or_alone_let_in(edge):
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/georestrictions.html"""
    edge.put("index.html", "x")
    site = edge.site(**restricted("whitelist", "DE", "AT"))
    assert [site.get("/", x_kumoniwa_from=each).status for each in (GERMANY, JAPAN, NOWHERE)] == [200, 403, 200]
    page = site.get("/", x_kumoniwa_from=JAPAN)
    assert b"configured to block access from your country" in page.body and page.cache == "Error"
    site.update(**restricted("blacklist", "DE"))
    assert [site.get("/", x_kumoniwa_from=each).status for each in (GERMANY, JAPAN, NOWHERE)] == [403, 200, 200]
    assert site.get("/").status == 200


@pytest.mark.parametrize("said", [restricted("whitelist"), restricted("none", "DE"), restricted("blacklist", "XX"), restricted("blacklist", "de")])
def test_a_restriction_names_countries(edge, said):
    with pytest.raises(ClientError) as error:
        edge.create(**said)
    assert error.value.response["Error"]["Code"] == "InvalidGeoRestrictionParameter"


# What the origin and functions are told -----------------------------------------------------------------------------


def policy(edge: Edge, *headers: str, behaves: str = "whitelist") -> str:
    said = {"Name": "told", "HeadersConfig": {"HeaderBehavior": behaves, "Headers": items(*headers)}, **NONE}
    return edge.client.create_origin_request_policy(OriginRequestPolicyConfig=said)["OriginRequestPolicy"]["Id"]


def echo(edge: Edge, **more) -> Distribution:
    """A distribution before a function that answers the headers it got."""
    make(edge.cloud, "import json\ndef handler(event, context): return json.dumps(event['headers'])")
    host = open_url(edge.cloud).replace("localhost:4566", "on.aws")
    return edge.create(default=behavior("api", CachePolicyId=DISABLED, **more), origins=(edge.http(host),), DefaultRootObject="")


PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"
DEVICES = [
    (PHONE, {"mobile", "ios"}), ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0 Mobile Safari/537.36", {"mobile", "android"}),
    ("Mozilla/5.0 (Linux; Android 13; SM-X906) Chrome/120.0 Safari/537.36", {"tablet", "android"}),
    ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) Mobile/15E148", {"tablet", "ios"}),
    ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) TV Safari/537.36", {"smarttv"}),
    ("Mozilla/5.0 (X11; Linux x86_64) Firefox/121.0", {"desktop"}), ("curl/8.0", {"desktop"}),
]  # fmt: skip


def test_an_origin_is_told_of_a_viewers_device_and_country(edge):
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html"""
    kinds = ("mobile", "tablet", "smarttv", "desktop", "ios", "android")
    names = [f"CloudFront-Is-{each}-Viewer" for each in kinds]
    told = policy(edge, *names, "CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Name", "CloudFront-Viewer-Country-Region")
    site = echo(edge, OriginRequestPolicyId=told)
    for agent, wanted in DEVICES:
        seen = json.loads(site.get("/", user_agent=agent).body)
        assert {each for each in kinds if seen[f"cloudfront-is-{each}-viewer"] == "true"} == wanted, agent
    seen = json.loads(site.get("/", x_kumoniwa_from=GERMANY, cloudfront_viewer_country="JP").body)
    assert (seen["cloudfront-viewer-country"], seen["cloudfront-viewer-country-name"]) == ("DE", "Germany")
    assert "cloudfront-viewer-http-version" not in seen and "x-kumoniwa-from" not in seen
    assert "cloudfront-viewer-country" not in json.loads(site.get("/", x_kumoniwa_from=NOWHERE).body)


def test_all_of_a_viewers_headers_do_not_mean_those_of_cloudfront(edge):
    site = echo(edge, OriginRequestPolicyId=ALL_BUT_HOST)

    def seen(site) -> set[str]:
        return {name for name in json.loads(site.get("/", cloudfront_is_mobile_viewer="true", x_other="1").body) if name.startswith(("cloudfront-", "x-other"))}

    assert seen(site) == {"x-other"}
    told = policy(edge, "CloudFront-Is-Mobile-Viewer", behaves="allViewerAndWhitelistCloudFront")
    site.update(DefaultCacheBehavior={**behavior("api", CachePolicyId=DISABLED), "OriginRequestPolicyId": told})
    # The viewer's host is sent, too, by which the function's URL is not found.
    assert site.get("/").status == 403


def test_a_country_may_be_what_makes_two_copies(edge):
    inside = {"EnableAcceptEncodingGzip": False, "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": items("CloudFront-Viewer-Country")}, **NONE}
    config = {"Name": "places", "MinTTL": 0, "ParametersInCacheKeyAndForwardedToOrigin": inside}
    id = edge.client.create_cache_policy(CachePolicyConfig=config)["CachePolicy"]["Id"]
    edge.put("index.html", "x")
    site = edge.site(default=behavior(CachePolicyId=id))
    assert [site.get("/", x_kumoniwa_from=each).cache for each in (GERMANY, GERMANY, JAPAN, GERMANY)] == ["Miss", "Hit", "Miss", "Hit"]


def test_what_nobody_here_knows_is_refused_by_name(edge):
    for name in ("CloudFront-Viewer-City", "CloudFront-Viewer-ASN", "CloudFront-Viewer-TLS"):
        with pytest.raises(ClientError) as error:
            policy(edge, name)
        assert error.value.response["Error"]["Code"] == "NotImplemented" and name in str(error.value)
    values = {"QueryString": False, "Cookies": {"Forward": "none"}, "Headers": items("CloudFront-Viewer-City")}
    with pytest.raises(ClientError) as error:
        edge.create(default=behavior(ForwardedValues=values, MinTTL=0))
    assert error.value.response["Error"]["Code"] == "NotImplemented"


# Packing and old copies ------------------------------------------------------------------------------------------------


def test_brotli_goes_before_gzip_for_who_takes_both(edge):
    edge.put("index.html", "abc" * 1000)
    site = edge.site(default=behavior(Compress=True))
    small = site.get("/", accept_encoding="gzip, deflate, br")
    assert small.headers["content-encoding"] == "br" and brotli.decompress(small.body) == b"abc" * 1000
    assert site.get("/", accept_encoding="br, gzip").cache == "Hit"
    other = site.get("/", accept_encoding="gzip")
    assert other.headers["content-encoding"] == "gzip" and gzip.decompress(other.body) == b"abc" * 1000
    assert site.get("/", accept_encoding="br;q=0, identity").body == b"abc" * 1000


def test_an_old_copy_is_shown_while_it_is_fetched_again(edge):
    edge.put("index.html", "old", CacheControl="max-age=10, stale-while-revalidate=60")
    site = edge.site()
    site.get("/")
    edge.put("index.html", "new", CacheControl="max-age=10, stale-while-revalidate=60")
    edge.cloud.sleep(11)
    assert (site.get("/").body, site.get("/").body) == (b"old", b"old") or site.get("/").body == b"new"
    edge.cloud.sleep(1)
    assert (site.get("/").body, site.get("/").cache) == (b"new", "Hit")
    edge.cloud.sleep(80)
    edge.put("index.html", "newest")
    assert (site.get("/").body, site.get("/").cache) == (b"newest", "Hit")


def test_an_old_copy_stands_for_an_error_as_long_as_the_origin_said(edge):
    edge.put("index.html", "good", CacheControl="max-age=10, stale-if-error=60")
    site = edge.site()
    site.get("/")
    edge.cloud.sleep(11)
    home = edge.cloud.regions["us-east-1"]
    relay = home.gate.relay

    async def broken(principal, request):
        response, *rest = await relay(principal, request)
        response.status, response.body = 503, b"broken"
        return response, *rest

    home.gate.relay = broken
    assert (site.get("/").status, site.get("/").body) == (200, b"good")
    edge.cloud.sleep(70)
    assert site.get("/").status == 503
    home.gate.relay = relay


def test_nobody_at_the_origins_port_is_asked_as_often_as_it_says(edge):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = edge.create(origins=({**edge.http("127.0.0.1", port=port), "ConnectionAttempts": 2, "ConnectionTimeout": 1},), default=behavior("api"))
    asked, opened = [], asyncio.open_connection

    async def counted(*args, **more):
        asked.append(args)
        return await opened(*args, **more)

    asyncio.open_connection = counted
    try:
        assert site.get("/x").status == 502
    finally:
        asyncio.open_connection = opened
    assert len(asked) == 2
    with pytest.raises(ClientError) as error:
        edge.create(origins=({**edge.http("a.example"), "ConnectionAttempts": 4},), default=behavior("api"))
    assert error.value.response["Error"]["Code"] == "InvalidArgument"


# The log -----------------------------------------------------------------------------------------------------------------


def logs(edge: Edge, ownership: str = "BucketOwnerPreferred", **more) -> dict:
    edge.s3.create_bucket(Bucket="logs", ObjectOwnership=ownership)
    return {"Logging": {"Enabled": True, "IncludeCookies": False, "Bucket": "logs.s3.amazonaws.com", "Prefix": "edge", **more}}


def test_every_request_of_a_viewer_is_a_line_in_a_file(edge):
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html"""
    edge.put("index.html", "0123456789")
    site = edge.site(**logs(edge))
    site.get("/", user_agent="a viewer", cookie="secret=1", x_kumoniwa_from=GERMANY)
    site.get("/index.html?a=b c", range="bytes=2-4")
    site.get("/gone")
    edge.cloud.restart(kill=True)
    edge.cloud.sleep(10)
    (found,) = edge.s3.list_objects_v2(Bucket="logs")["Contents"]
    assert found["Key"].startswith(f"edge/{site.id}.20") and found["Key"].endswith(".gz")
    version, fields, *lines = gzip.decompress(edge.s3.get_object(Bucket="logs", Key=found["Key"])["Body"].read()).decode().splitlines()
    assert (version, fields) == ("#Version: 1.0", f"#Fields: {FIELDS}")
    told = [dict(zip(FIELDS.split(), line.split("\t"))) for line in lines]
    first, second, third = told
    assert {len(line.split("\t")) for line in lines} == {33}
    assert (first["c-ip"], first["cs(User-Agent)"], first["cs(Cookie)"], first["x-edge-result-type"]) == (GERMANY, "a%20viewer", "-", "Miss")
    assert (first["cs(Host)"], first["sc-status"], first["cs-method"], first["sc-content-len"]) == (site.domain, "200", "GET", "10")
    assert (second["cs-uri-stem"], second["cs-uri-query"], second["sc-status"], second["x-edge-result-type"]) == ("/index.html", "a=b%20c", "206", "Hit")
    assert (second["sc-range-start"], second["sc-range-end"]) == ("2", "4")
    assert (third["sc-status"], third["x-edge-result-type"]) == ("403", "Error")


def test_a_bucket_for_logs_must_be_there_and_take_acls(edge):
    said = logs(edge, "BucketOwnerEnforced")
    for config in (said, {"Logging": {**said["Logging"], "Bucket": "gone.s3.amazonaws.com"}}, {"Logging": {**said["Logging"], "Bucket": "logs"}}):
        with pytest.raises(ClientError) as error:
            edge.create(**config)
        assert error.value.response["Error"]["Code"] == "InvalidArgument"
    assert edge.client.list_distributions()["DistributionList"]["Quantity"] == 0


def test_cookies_are_logged_where_that_is_asked_for(edge):
    edge.put("index.html", "x")
    site = edge.site(**logs(edge, IncludeCookies=True, Prefix=""))
    site.get("/", cookie="a=1; b=2")
    edge.cloud.sleep(10)
    (found,) = edge.s3.list_objects_v2(Bucket="logs")["Contents"]
    assert found["Key"].startswith(f"{site.id}.")
    assert b"a=1;%20b=2" in gzip.decompress(edge.s3.get_object(Bucket="logs", Key=found["Key"])["Body"].read())


