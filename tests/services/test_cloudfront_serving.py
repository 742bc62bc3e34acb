"""What viewers of a distribution see: which origin, from the cache or not, and how long."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest
from certificate_workshop import brought
from edge_workshop import ALL_BUT_HOST, ALL_METHODS, DISABLED, Answer, Edge, behavior, items, methods
from lambda_workshop import make
from test_lambda_url import open_url

from kumoniwa.gate.address import GLOBAL, locate
from kumoniwa.wire.message import Request


@pytest.fixture
def edge(cloud) -> Edge:
    return Edge(cloud)


# The cache -----------------------------------------------------------------------------------------------------


def test_the_second_request_is_a_hit_and_says_how_old_it_is(edge):
    edge.put("index.html", "hello")
    site = edge.site()
    first = site.get("/")
    assert (first.status, first.body, first.cache) == (200, b"hello", "Miss") and "age" not in first.headers
    edge.cloud.sleep(7)
    second = site.get("/")
    assert (second.status, second.body, second.cache, second.headers["age"]) == (200, b"hello", "Hit", "7")
    assert second.headers["content-type"] == "text/html" and second.headers["via"].endswith(".cloudfront.net (CloudFront)")
    assert second.headers["x-amz-cf-pop"] == "us-east-1" and second.headers["x-amz-cf-id"]


def test_the_bucket_is_open_to_its_distribution_alone(edge):
    edge.put("index.html", "hello")
    site, other = edge.site(), edge.create()
    assert site.get("/").status == 200
    assert other.get("/").status == 403
    assert edge.cloud.http("GET", "/site/index.html")[0] == 403


def test_an_invalidation_makes_edges_ask_again(edge):
    edge.put("index.html", "old")
    edge.put("a/b.html", "kept")
    site = edge.site()
    site.get("/"), site.get("/a/b.html")
    edge.put("index.html", "new")
    assert site.get("/").body == b"old"
    made = site.invalidate("/index.html")
    again = site.get("/")
    assert (again.body, again.cache) == (b"new", "Miss") and site.get("/a/b.html").cache == "Hit"
    edge.cloud.sleep(1)
    assert edge.client.get_invalidation(DistributionId=site.id, Id=made["Id"])["Invalidation"]["Status"] == "Completed"
    site.invalidate("/a/*")
    assert site.get("/a/b.html").cache == "Miss" and site.get("/").cache == "Hit"
    site.invalidate("/")
    assert site.get("/").cache == "Miss"


def test_an_edge_that_missed_too_many_invalidations_forgets_everything(edge):
    edge.put("index.html", "old")
    site = edge.site()
    site.get("/")
    site.invalidate("/index.html")
    for n in range(70):
        site.invalidate(f"/other-{n}")
    assert site.get("/").cache == "Miss"


def test_what_is_no_longer_fresh_is_asked_for_again(edge):
    edge.put("index.html", "one", CacheControl="max-age=10")
    site = edge.site()
    site.get("/")
    edge.cloud.sleep(11)
    again = site.get("/")
    assert (again.cache, again.body) == ("RefreshHit", b"one")
    edge.cloud.sleep(11)
    edge.put("index.html", "two", CacheControl="max-age=10")
    again = site.get("/")
    assert (again.cache, again.body) == ("Miss", b"two")


@pytest.mark.parametrize(
    "control, fresh_s",
    [("max-age=5", 60), ("s-maxage=100, max-age=5", 100), ("max-age=5000", 300), ("no-store", 60), ("", 200)],
)
def test_how_long_is_between_the_least_and_the_most_that_the_policy_says(edge, control, fresh_s):
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html#ExpirationDownloadDist
    inside = {
        "EnableAcceptEncodingGzip": False, "HeadersConfig": {"HeaderBehavior": "none"}, "CookiesConfig": {"CookieBehavior": "none"},
        "QueryStringsConfig": {"QueryStringBehavior": "none"},
    }  # fmt: skip
    made = edge.client.create_cache_policy(
        CachePolicyConfig={
            "Name": "mine", "MinTTL": 60, "DefaultTTL": 200, "MaxTTL": 300, "ParametersInCacheKeyAndForwardedToOrigin": inside,
        }  # fmt: skip
    )
    site = edge.site(default=behavior(CachePolicyId=made["CachePolicy"]["Id"]))
    edge.put("index.html", "x", **({"CacheControl": control} if control else {}))
    site.get("/")
    edge.cloud.sleep(fresh_s - 1)
    assert site.get("/").cache == "Hit"
    edge.cloud.sleep(2)
    assert site.get("/").cache == "RefreshHit"


def test_no_cache_is_kept_a_second_by_the_optimized_policy_and_never_by_the_disabled_one(edge):
    edge.put("index.html", "x", CacheControl="no-cache")
    site = edge.site()
    site.get("/")
    assert site.get("/").cache == "Hit"
    edge.cloud.sleep(2)
    assert site.get("/").cache == "RefreshHit"
    site.update(DefaultCacheBehavior=behavior(CachePolicyId=DISABLED))
    assert [site.get("/").cache for _ in range(2)] == ["Miss", "Miss"]


def test_query_strings_make_a_difference_where_the_policy_says_so(edge):
    edge.put("index.html", "x")
    forwarded = {"QueryString": True, "Cookies": {"Forward": "none"}, "QueryStringCacheKeys": items("v")}
    site = edge.site(behavior(PathPattern="*.html", ForwardedValues=forwarded, MinTTL=0))
    site.get("/index.html?v=1")
    assert site.get("/index.html?v=1&other=2").cache == "Hit" and site.get("/index.html?v=2").cache == "Miss"
    site.invalidate("/index.html?v=1")
    assert site.get("/index.html?v=1").cache == "Miss" and site.get("/index.html?v=2").cache == "Hit"


def test_the_cache_is_bounded(edge):
    body = "x" * (4 << 20)
    site = edge.site()
    for n in range(17):
        edge.put(f"{n}.bin", body, ContentType="application/octet-stream")
        assert site.get(f"/{n}.bin").cache == "Miss"
    assert site.get("/16.bin").cache == "Hit" and site.get("/0.bin").cache == "Miss"


def test_what_is_too_large_to_keep_passes_through(edge):
    body = "0123456789" * 900_000
    edge.put("large.bin", body)
    site = edge.site()
    for _ in range(2):
        answer = site.get("/large.bin")
        assert (answer.cache, len(answer.body)) == ("Miss", len(body)) and answer.headers["content-length"] == str(len(body))
    assert site.get("/large.bin", "HEAD").headers["content-length"] == str(len(body))


def test_a_restarted_edge_begins_with_an_empty_cache_and_all_it_knew(edge):
    edge.put("index.html", "x")
    site = edge.site()
    site.get("/"), site.get("/")
    edge.cloud.restart(kill=True)
    assert [site.get("/").cache for _ in range(2)] == ["Miss", "Hit"]


def test_each_region_is_an_edge_location_with_its_own_cache(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    edge = Edge(cloud)
    edge.put("index.html", "x")
    site = edge.site()

    def ask(region: str) -> Answer:
        response = cloud.run(_asked(cloud.regions[region], site.domain))
        return Answer(response.status, response.headers, response.body)

    answers = [ask(region) for region in ("us-east-1", "us-east-1", "eu-west-1", "eu-west-1")]
    assert [each.cache for each in answers] == ["Miss", "Hit", "Miss", "Hit"]
    assert [each.headers["x-amz-cf-pop"] for each in answers] == ["us-east-1", "us-east-1", "eu-west-1", "eu-west-1"]
    assert {each.body for each in answers} == {b"x"}


async def _asked(region, host: str):
    """As by a connection to the region's own address: the name says none."""
    request = Request("GET", "/", "", {"host": host})
    request.address = locate(request)
    done = asyncio.get_running_loop().create_future()
    region.answer(request, done.set_result)
    return await done


# Requests and their parts -------------------------------------------------------------------------------------------


def test_ranges_and_conditions_are_answered_from_the_copy(edge):
    edge.put("index.html", "0123456789")
    site = edge.site()
    part = site.get("/", range="bytes=2-4")
    assert (part.status, part.body, part.headers["content-range"], part.cache) == (206, b"234", "bytes 2-4/10", "Miss")
    assert site.get("/", range="bytes=-3").body == b"789" and site.get("/", range="bytes=8-").body == b"89"
    assert site.get("/", range="bytes=20-").status == 416
    whole = site.get("/")
    assert site.get("/", if_none_match=whole.headers["etag"]).status == 304
    assert site.get("/", if_modified_since=whole.headers["last-modified"]).status == 304
    assert site.get("/", if_none_match='"other"').status == 200
    head = site.get("/", "HEAD")
    assert (head.status, head.body, head.headers["content-length"], head.cache) == (200, b"", "10", "Hit")


def test_text_is_compressed_for_who_takes_it_so(edge):
    edge.put("index.html", "abc" * 1000)
    site = edge.site(default=behavior(Compress=True))
    small = site.get("/", accept_encoding="gzip, br;q=0")
    assert small.headers["content-encoding"] == "gzip" and gzip.decompress(small.body) == b"abc" * 1000
    plain = site.get("/")
    assert "content-encoding" not in plain.headers and len(plain.body) == 3000 and plain.cache == "Miss"
    assert site.get("/", accept_encoding="gzip").cache == "Hit"


def test_a_method_that_is_not_allowed_is_refused(edge):
    edge.put("index.html", "x")
    answer = edge.site().get("/", "POST", body=b"x")
    assert answer.status == 403 and answer.cache == "Error" and b"not configured to allow the HTTP request method" in answer.body


def test_viewers_without_tls_are_sent_to_it_or_away(edge):
    edge.put("index.html", "x")
    site = edge.site(behavior(PathPattern="/only/*", ViewerProtocolPolicy="https-only"), default=behavior(ViewerProtocolPolicy="redirect-to-https"))
    sent = site.get("/a?b=c")
    assert (sent.status, sent.headers["location"], sent.cache) == (301, f"https://{site.domain}/a?b=c", "Redirect")
    assert site.get("/only/a").status == 403
    response, _ = edge.cloud.run(edge.cloud.deliver(Request("GET", "/", "", {"host": site.domain}, is_tls=True)))
    assert response.status == 200


def test_a_disabled_or_unknown_distribution_serves_nothing(edge):
    edge.put("index.html", "x")
    site = edge.site()
    assert site.get("/", host="d0000000000000.cloudfront.net").status == 403
    site.update(Enabled=False)
    assert site.get("/").status == 403


def test_aliases_and_local_names_serve_too(edge):
    edge.put("index.html", "x")
    certificate = {
        "ACMCertificateArn": brought(edge.cloud, "*.shop.example", "*.wild.example"), "SSLSupportMethod": "sni-only", "MinimumProtocolVersion": "TLSv1.2_2021",
    }  # fmt: skip
    site = edge.site(Aliases=items("www.shop.example", "*.wild.example"), ViewerCertificate=certificate)
    label = site.domain.partition(".")[0]
    for host in ("www.shop.example", "WWW.shop.example:4566", "a.wild.example", f"{label}.cloudfront.localhost:4566"):
        assert site.get("/", host=host).body == b"x"
    site.update(Aliases=items("other.shop.example"))
    assert site.get("/", host="other.shop.example").body == b"x"
    assert site.get("/", host="www.shop.example").status != 200


# Errors ---------------------------------------------------------------------------------------------------------------


def test_an_error_page_stands_for_an_error_and_is_kept_as_long_as_is_said(edge):
    edge.put("index.html", "the app")
    rule = {"ErrorCode": 403, "ResponsePagePath": "/index.html", "ResponseCode": "200", "ErrorCachingMinTTL": 30}
    site = edge.site(CustomErrorResponses=items(rule))
    page = site.get("/some/route")
    assert (page.status, page.body, page.cache) == (200, b"the app", "Error")
    edge.put("some/route", "real")
    assert site.get("/some/route").body == b"the app"
    edge.cloud.sleep(31)
    assert site.get("/some/route").body == b"real"


def test_an_origin_that_fails_does_not_take_away_what_was_good(edge):
    edge.put("index.html", "good", CacheControl="max-age=10")
    site = edge.site()
    site.get("/")
    edge.cloud.sleep(11)
    fault = edge.cloud.fault("service.error", {"service": "s3"}, code="InternalError")
    stale = site.get("/")
    assert (stale.status, stale.body, stale.cache) == (200, b"good", "RefreshHit")
    assert site.get("/other").status == 500
    edge.cloud.heal(fault)


def test_an_origin_that_is_not_there_is_a_bad_gateway(edge):
    site = edge.create(origins=(edge.http("127.0.0.1", "site", port=9),))
    answer = site.get("/")
    assert (answer.status, answer.cache) == (502, "Error") and b"wasn&apos;t able to connect" in answer.body.replace(b"'", b"&apos;").replace(b"&#x27;", b"&apos;")


def test_the_next_origin_of_a_group_answers_for_one_that_fails(edge):
    edge.put("index.html", "second")
    group = {
        "Id": "both", "FailoverCriteria": {"StatusCodes": items(502, 504)},
        "Members": items({"OriginId": "gone"}, {"OriginId": "site"}),
    }  # fmt: skip
    site = edge.site(
        origins=(edge.http("127.0.0.1", "gone", port=9), edge.bucket()), OriginGroups=items(group), default=behavior("both")
    )
    assert site.get("/").body == b"second"


# Origins -------------------------------------------------------------------------------------------------------------


def echo(edge) -> str:
    """An HTTP API without a function behind it answers what its integration answers: here another distribution's page."""
    client = edge.cloud.client("apigateway")
    api = client.create_rest_api(name="echo")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    resource = client.create_resource(restApiId=api, parentId=root, pathPart="{any+}")["id"]
    client.put_method(restApiId=api, resourceId=resource, httpMethod="ANY", authorizationType="NONE")
    client.put_integration(
        restApiId=api, resourceId=resource, httpMethod="ANY", type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}
    )
    client.put_method_response(restApiId=api, resourceId=resource, httpMethod="ANY", statusCode="200")
    template = (
        '{"path": "$context.path", "method": "$context.httpMethod", "query": "$input.params().querystring", '
        '"cookie": "$input.params("Cookie")", "agent": "$input.params("User-Agent")", "extra": "$input.params("X-Extra")"}'
    )
    client.put_integration_response(
        restApiId=api, resourceId=resource, httpMethod="ANY", statusCode="200", responseTemplates={"application/json": template}
    )
    client.create_deployment(restApiId=api, stageName="prod")
    return f"{api}.execute-api.us-east-1.amazonaws.com"


def test_a_path_leads_to_an_api_with_everything_of_the_viewer(edge):
    domain = echo(edge)
    edge.put("index.html", "page")
    api = behavior(
        "api", PathPattern="/api/*", CachePolicyId=DISABLED, OriginRequestPolicyId=ALL_BUT_HOST, AllowedMethods=methods(*ALL_METHODS)
    )
    custom = items({"HeaderName": "X-Extra", "HeaderValue": "secret"})
    site = edge.site(api, origins=(edge.bucket(), edge.http(domain, OriginPath="/prod", CustomHeaders=custom)))
    assert site.get("/").body == b"page"
    answer = site.get("/api/users?a=1", "POST", body=b"{}", cookie="c=d", user_agent="mine", content_type="application/json")
    said = json.loads(answer.body)
    assert (said["method"], said["path"], said["cookie"], said["agent"], said["extra"]) == ("POST", "/prod/api/users", "c=d", "mine", "secret")
    assert "a=1" in said["query"] and answer.cache == "Miss"


def test_without_a_policy_the_origin_sees_nothing_of_the_viewer(edge):
    site = edge.create(default=behavior("api"), origins=(edge.http(echo(edge), OriginPath="/prod"),))
    said = json.loads(site.get("/x?a=1", cookie="c=d", user_agent="mine", x_extra="e").body)
    assert (said["query"], said["cookie"], said["agent"], said["extra"]) == ("{}", "", "Amazon CloudFront", "")


def test_an_api_that_is_sent_the_viewers_host_forbids(edge):
    # https://aws.amazon.com/premiumsupport/knowledge-center/api-gateway-cloudfront-distribution/
    everything = "216adef6-5c7f-47e4-b989-5492eafa07d3"
    default = behavior("api", CachePolicyId=DISABLED, OriginRequestPolicyId=everything)
    site = edge.create(default=default, origins=(edge.http(echo(edge), OriginPath="/prod"),))
    assert site.get("/x").status == 403


def test_a_bucket_of_another_region_is_asked_there(make_cloud):
    cloud = make_cloud("us-east-1", "eu-west-1", GLOBAL)
    edge = Edge(cloud)
    far = cloud.client("s3", "eu-west-1")
    far.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    far.put_object(Bucket="far", Key="index.html", Body=b"far")
    site = edge.create(origins=(edge.bucket(DomainName="far.s3.eu-west-1.amazonaws.com"),))
    assert site.get("/").status == 403
    statement = {
        "Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::far/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": site.arn}},
    }  # fmt: skip
    far.put_bucket_policy(Bucket="far", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert [site.get("/").cache for _ in range(2)] == ["Miss", "Hit"] and site.get("/").body == b"far"
    cloud.kill("eu-west-1")
    assert site.get("/").cache == "Hit"
    assert site.get("/other").status == 502


@pytest.mark.parametrize("by", ["AWS", "CanonicalUser"])
def test_an_origin_access_identity_opens_the_bucket(edge, by):
    edge.put("index.html", "x")
    made = edge.client.create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig={"CallerReference": "a", "Comment": ""}
    )["CloudFrontOriginAccessIdentity"]
    origin = edge.bucket(OriginAccessControlId="", S3OriginConfig={"OriginAccessIdentity": f"origin-access-identity/cloudfront/{made['Id']}"})
    site = edge.create(origins=(origin,))
    assert site.get("/").status == 403
    named = {
        "AWS": {"AWS": f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {made['Id']}"},
        "CanonicalUser": {"CanonicalUser": made["S3CanonicalUserId"]},
    }[by]
    statement = {"Effect": "Allow", "Principal": named, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}
    edge.s3.put_bucket_policy(Bucket="site", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert site.get("/").body == b"x"


# Headers -------------------------------------------------------------------------------------------------------------


def test_a_response_headers_policy_adds_what_the_origin_does_not_say(edge):
    edge.put("index.html", "x")
    site = edge.site(default=behavior(ResponseHeadersPolicyId="e61eb60c-9c35-4d20-a928-2b84e02af89c"))
    answer = site.get("/", origin="https://page.example")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert (answer.headers["x-content-type-options"], answer.headers["x-frame-options"]) == ("nosniff", "SAMEORIGIN")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in site.get("/").headers


def test_a_function_url_is_open_to_its_distribution_alone(edge):
    make(edge.cloud, "def handler(event, context): return event['rawPath']")
    host = open_url(edge.cloud, is_open=False, AuthType="AWS_IAM").replace("localhost:4566", "on.aws")
    control = edge.client.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": "f", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "lambda",
        }  # fmt: skip
    )["OriginAccessControl"]["Id"]
    site = edge.create(default=behavior("api", CachePolicyId=DISABLED), origins=(edge.http(host, OriginAccessControlId=control),))
    assert site.get("/a").status == 403
    named = {"FunctionName": "f", "Principal": "cloudfront.amazonaws.com", "SourceArn": site.arn}
    client = edge.cloud.client("lambda")
    client.add_permission(StatementId="url", Action="lambda:InvokeFunctionUrl", **named)
    client.add_permission(StatementId="invoke", Action="lambda:InvokeFunction", **named)
    assert site.get("/a").body == b"/a"
    assert edge.cloud.http("GET", "/a", host=host)[0] == 403


async def _all(*tasks):
    return await asyncio.gather(*tasks)


def test_what_was_under_way_when_it_was_invalidated_is_not_kept(edge):
    edge.put("index.html", "old")
    site = edge.site()
    fault = edge.cloud.fault("service.slow", {"service": "s3"}, latency=5, after=True)

    def ask(path: str):
        return edge.cloud.loop.create_task(edge.cloud.deliver(Request("GET", path, "", {"host": site.domain})))

    asked = ask("/")
    edge.cloud.sleep(1)
    site.invalidate("/*")
    answers = edge.cloud.run(_all(asked, ask("/other")))
    assert answers[0][1] == b"old"
    edge.cloud.heal(fault)
    assert site.get("/").cache == "Miss" and site.get("/").cache == "Hit"
