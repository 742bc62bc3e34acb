"""What the pattern claims: one name for pages and API, the second request from the cache, and nobody else reads the bucket."""

import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from stage import REGION, holds, until

HERE = Path(__file__).parent
FAR = "eu-west-1"


class Browser:
    """Opens connections as one does that resolved the distribution's name to an edge location and trusts the cloud's authority."""

    def __init__(self, cloud, domain):
        self.domain = domain
        self.port = urllib.parse.urlsplit(cloud.endpoint).port
        with urllib.request.urlopen(f"{cloud.endpoint}/_kumoniwa/ca.pem", timeout=30) as reply:
            self.trust = ssl.create_default_context(cadata=reply.read().decode())
        self.addresses = {REGION: "127.0.0.1"}

    def open(self, path, method="GET", body=None, region=REGION, secure=True):
        """Status, headers and body of one request."""
        connection = http.client.HTTPConnection(self.addresses[region], self.port, timeout=60)
        connection.connect()
        if secure:
            connection.sock = self.trust.wrap_socket(connection.sock, server_hostname=self.domain)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Host": self.domain, "Content-Type": "application/json"})
        reply = connection.getresponse()
        found = reply.status, reply.headers, reply.read()
        connection.close()
        return found


def show(cloud):
    made = cloud.deploy(HERE / "template.yaml", "web-app")
    page = (HERE / "site" / "index.html").read_bytes()
    cloud.client("s3").put_object(Bucket=made["Pages"], Key="index.html", Body=page, ContentType="text/html")
    browser = Browser(cloud, made["Domain"])

    status, headers, _ = browser.open("/", secure=False)
    holds("who comes without TLS is sent to it", (status, headers["Location"]) == (301, f"https://{made['Domain']}/"), f"{status} {headers['X-Cache']}")
    status, headers, body = browser.open("/")
    holds("the page loads from the bucket", (status, body) == (200, page), f"{status} {headers['X-Cache']}")
    status, again, body = browser.open("/")
    holds("the second request is answered from the cache", again["X-Cache"] == "Hit from cloudfront" and body == page, f"{again['X-Cache']}, Age {again['Age']}")
    invalidate(cloud, made)
    _, after, _ = browser.open("/")
    holds("after an invalidation the edge asks the bucket again", after["X-Cache"] == "Miss from cloudfront", after["X-Cache"])
    holds("the bucket answers nobody else", directly(cloud, made["Pages"]) == 403, f"{made['Pages']}/index.html: {directly(cloud, made['Pages'])}")
    users(cloud, made, browser)
    far_edge(cloud, browser)


def invalidate(cloud, made):
    client, id_ = cloud.client("cloudfront"), made["Distribution"]
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())}
    invalidation = client.create_invalidation(DistributionId=id_, InvalidationBatch=batch)["Invalidation"]["Id"]
    until(lambda: client.get_invalidation(DistributionId=id_, Id=invalidation)["Invalidation"]["Status"] == "Completed")


def directly(cloud, bucket):
    """How the bucket answers somebody who comes past the distribution."""
    try:
        with urllib.request.urlopen(f"{cloud.endpoint}/{bucket}/index.html", timeout=30) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def users(cloud, made, browser):
    status, headers, _ = browser.open("/api/users", "POST", {"id": "1", "name": "Aiko"})
    stored = cloud.table(made["Table"]).get_item(Key={"id": "1"}, ConsistentRead=True).get("Item")
    holds("POST /api/users stores an item", status == 201 and stored == {"id": "1", "name": "Aiko"}, f"{status}, {stored}")
    answers = [browser.open("/api/users/1") for _ in range(2)]
    results = [headers["X-Cache"] for _, headers, _ in answers]
    read = [json.loads(body) for _, _, body in answers]
    holds("GET /api/users/1 is never answered from a cache", read == [stored] * 2 and results == ["Miss from cloudfront"] * 2, ", ".join(results))


def far_edge(cloud, browser):
    """A region that is used is an edge location: whoever comes in at its address meets its cache."""
    cloud.client("s3", FAR).list_buckets()
    cloud.client("sqs", FAR).list_queues()
    browser.addresses[FAR] = cloud.admin("GET", "health")["regions"][FAR]["address"]
    found = []
    for region in (REGION, REGION, FAR, FAR):
        _, headers, _ = browser.open("/", region=region)
        found.append(f"{headers['X-Amz-Cf-Pop']} {headers['X-Cache'].split()[0]}")
    holds("two edge locations have caches of their own", found[1:] == [f"{REGION} Hit", f"{FAR} Miss", f"{FAR} Hit"], ", ".join(found[1:]))
