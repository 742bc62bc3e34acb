"""The registry of images over real connections: layers longer than any operation takes."""

from __future__ import annotations

import hashlib
import http.client
import os


def test_a_layer_comes_and_goes_however_long_it_is(shared):
    ecr = shared.client("ecr")
    ecr.create_repository(repositoryName="large")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=60)

    def asked(method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        headers = {"Host": f"000000000000.dkr.ecr.us-east-1.localhost:{shared.port}", "Authorization": f"Basic {token}"}
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.headers), reply.read()

    body = os.urandom(1 << 20) * 101  # more than a request that does not stream may bring
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    place = asked("POST", "/v2/large/blobs/uploads/")[1]["Location"]
    status, headers, _ = asked("PATCH", place, body)
    assert (status, headers["Range"]) == (202, f"0-{len(body) - 1}")
    assert asked("PUT", f"{place}?digest={digest}")[0] == 201
    assert asked("GET", f"/v2/large/blobs/{digest}")[2] == body
    assert asked("PUT", "/v2/large/manifests/v1", b" " * (5 << 20))[0] == 413
