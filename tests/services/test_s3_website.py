"""A bucket as a website: pages, errors, redirects, and what may be configured."""

import json

import pytest
from botocore.exceptions import ClientError

HOST = "site.s3-website-us-east-1.localhost:4566"


@pytest.fixture
def s3(cloud):
    """A public bucket ``site`` with a few pages."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="site")
    s3.delete_public_access_block(Bucket="site")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}
    s3.put_bucket_policy(Bucket="site", Policy=json.dumps({"Version": "2012-10-17", "Statement": everybody}))
    for key, body in (("index.html", b"home"), ("docs/index.html", b"docs"), ("a b.txt", b"spaced"), ("error.html", b"oh no")):
        s3.put_object(Bucket="site", Key=key, Body=body, ContentType="text/html")
    return s3


def site(s3, **more):
    s3.put_bucket_website(Bucket="site", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, **more})


def get(cloud, path: str, host: str = HOST, method: str = "GET", **headers):
    return cloud.http(method, path, host=host, headers=headers)


def test_pages_and_folders_are_shown(cloud, s3):
    site(s3)
    status, headers, body = get(cloud, "/")
    assert (status, headers["Content-Type"], body) == (200, "text/html", b"home")
    assert get(cloud, "/docs/")[2] == b"docs"
    assert get(cloud, "/a%20b.txt")[2] == b"spaced"
    status, headers, _ = get(cloud, "/docs")
    assert (status, headers["Location"]) == (302, "/docs/")
    assert get(cloud, "/", host="site.s3-website.us-east-1.amazonaws.com")[2] == b"home"


def test_conditions_and_ranges_work_as_for_objects(cloud, s3):
    site(s3)
    etag = get(cloud, "/")[1]["ETag"]
    assert get(cloud, "/", **{"if-none-match": etag})[0] == 304
    status, _, body = get(cloud, "/", range="bytes=1-2")
    assert (status, body) == (206, b"om")


def test_an_error_is_a_page(cloud, s3):
    site(s3)
    # Who may not list the bucket is not told what is missing in it.
    status, headers, body = get(cloud, "/none")
    assert status == 403 and headers["Content-Type"].startswith("text/html")
    assert b"<h1>403 Forbidden</h1>" in body and b"<li>Code: AccessDenied</li>" in body
    policy = json.loads(s3.get_bucket_policy(Bucket="site")["Policy"])
    listing = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::site"}
    s3.put_bucket_policy(Bucket="site", Policy=json.dumps({**policy, "Statement": [policy["Statement"], listing]}))
    status, _, body = get(cloud, "/none")
    assert status == 404 and b"<li>Key: none</li>" in body and b"NoSuchKey" in body
    assert get(cloud, "/", method="POST")[0] == 405


def test_the_buckets_own_error_page_has_the_errors_status(cloud, s3):
    site(s3, ErrorDocument={"Key": "error.html"})
    status, headers, body = get(cloud, "/none")
    assert (status, headers["Content-Type"], body) == (403, "text/html", b"oh no")


def test_an_error_page_may_lead_elsewhere_or_be_missing_itself(cloud, s3):
    """localstack's test_object_website_redirect_location, test_website_hosting_404."""
    policy = json.loads(s3.get_bucket_policy(Bucket="site")["Policy"])
    listing = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::site"}
    s3.put_bucket_policy(Bucket="site", Policy=json.dumps({**policy, "Statement": [policy["Statement"], listing]}))
    site(s3, ErrorDocument={"Key": "gone.html"})
    body = get(cloud, "/none")[2].decode()
    assert body.index("<li>Key: none</li>") < body.index("Custom Error Document") < body.index("<li>Key: gone.html</li>")
    s3.put_object(Bucket="site", Key="gone.html", WebsiteRedirectLocation="/error.html")
    status, headers, _ = get(cloud, "/none")
    assert (status, headers["Location"]) == (301, "/error.html")


def test_what_is_no_website_says_so(cloud, s3):
    assert b"NoSuchWebsiteConfiguration" in get(cloud, "/")[2]
    status, _, body = get(cloud, "/", host="nothing.s3-website-us-east-1.localhost:4566")
    assert status == 404 and b"NoSuchBucket" in body


def test_an_object_and_a_bucket_send_elsewhere(cloud, s3):
    site(s3)
    s3.put_object(Bucket="site", Key="old", Body=b"", WebsiteRedirectLocation="/docs/")
    status, headers, _ = get(cloud, "/old")
    assert (status, headers["Location"]) == (301, "/docs/")
    s3.put_bucket_website(Bucket="site", WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "new.example", "Protocol": "https"}})
    status, headers, _ = get(cloud, "/a%20b?c=d")
    assert (status, headers["Location"]) == (301, "https://new.example/a%20b?c=d")


def test_routing_rules_redirect_before_and_after_an_error(cloud, s3):
    rules = [
        {"Condition": {"KeyPrefixEquals": "images/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/", "HttpRedirectCode": "302"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "403", "KeyPrefixEquals": "app/"}, "Redirect": {"ReplaceKeyWith": "index.html", "Protocol": "https", "HostName": "h"}},
    ]  # fmt: skip
    site(s3, RoutingRules=rules)
    status, headers, _ = get(cloud, "/images/x.png")
    assert (status, headers["Location"]) == (302, f"http://{HOST}/docs/x.png")
    status, headers, _ = get(cloud, "/app/page")
    assert (status, headers["Location"]) == (301, "https://h/index.html")
    s3.put_object(Bucket="site", Key="app/page", Body=b"there")
    assert get(cloud, "/app/page")[2] == b"there"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
        ({"RedirectAllRequestsTo": {"HostName": "h"}, "IndexDocument": {"Suffix": "i"}}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]}, "InvalidRequest"),
        ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"Protocol": "ftp"}}]}, "InvalidRequest"),
        (
            {"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]},
            "InvalidRequest",
        ),
    ],
)
def test_configurations_that_aws_refuses_are_refused(s3, said, code):
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_website(Bucket="site", WebsiteConfiguration=said)
    assert refused.value.response["Error"]["Code"] == code


def test_a_configuration_is_told_again_and_deleted(s3):
    site(s3, ErrorDocument={"Key": "e"})
    kept = s3.get_bucket_website(Bucket="site")
    assert (kept["IndexDocument"], kept["ErrorDocument"]) == ({"Suffix": "index.html"}, {"Key": "e"})
    s3.delete_bucket_website(Bucket="site")
    with pytest.raises(ClientError) as refused:
        s3.get_bucket_website(Bucket="site")
    assert refused.value.response["Error"]["Code"] == "NoSuchWebsiteConfiguration"
