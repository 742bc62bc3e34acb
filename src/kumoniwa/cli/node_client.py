"""How a managed node speaks to a cloud, over its public port and as AWS's agent does: with its own key until it has keys of its role.

A name says which service and region is meant, so one endpoint is all that a node must know.
"""

from __future__ import annotations

import http.client
import json
import threading
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from kumoniwa.engines import node_key
from kumoniwa.gate import signing
from kumoniwa.gate.canonical_request import spelled
from kumoniwa.gate.signature import ALGORITHM, Claim
from kumoniwa.kernel.clock import Clock
from kumoniwa.wire import timestamps
from kumoniwa.wire.message import Request

WITHIN_S = 40.0
TARGETS = {"ssm": "AmazonSSM", "ec2messages": "EC2WindowsMessageDeliveryService", "logs": "Logs_20140328"}


class Refused(Exception):
    """What the cloud answered instead."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.status, self.code = status, code


class Silent(Exception):
    """Nobody answered."""


class Identity(NamedTuple):
    """What a node is, from its registration on."""

    id: str
    region: str
    private: str
    fingerprint: str


class Keys(NamedTuple):
    id: str
    secret: str
    token: str
    renewed_at: float


class Client:
    """Of one node at one endpoint; threads may share it."""

    def __init__(self, endpoint: str, region: str, identity: Identity | None = None) -> None:
        self.address, self.region, self.identity = urlsplit(endpoint), region, identity
        self.clock, self.lock = Clock(), threading.Lock()
        self.keys: Keys | None = None

    # Requests ---------------------------------------------------------------------------------

    def _host(self, service: str, region: str) -> str:
        return f"{service}.{region}.localhost:{self.address.port or 80}"

    def send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Raises Silent."""
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.address.hostname or "", self.address.port, timeout=WITHIN_S)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Silent(str(error)) from None
        finally:
            connection.close()

    def _request(self, service: str, operation: str, said: dict[str, Any]) -> Request:
        body = json.dumps(said).encode()
        headers = {
            "host": self._host(service, self.region), "content-type": "application/x-amz-json-1.1", "content-length": str(len(body)),
            "x-amz-target": f"{TARGETS[service]}.{operation}",
        }  # fmt: skip
        return Request("POST", "/", "", headers, body)

    def _answer(self, request: Request) -> dict[str, Any]:
        status, headers, body = self.send(request)
        try:
            said = json.loads(body or b"{}")
        except ValueError:
            said = {}
        if status != 200:
            code = headers.get("x-amzn-errortype") or said.get("__type") or str(status)
            if status >= 500 and status != 501:
                raise Silent(f"{status} {code}")
            raise Refused(status, code.rpartition("#")[2], said.get("message") or said.get("Message") or "")
        return said

    # Who it is --------------------------------------------------------------------------------

    def register(self, activation: str, code: str, fingerprint: str) -> Identity:
        pair = node_key.make()
        said = {"ActivationId": activation, "ActivationCode": code, "PublicKey": pair.public, "PublicKeyType": node_key.KIND, "Fingerprint": fingerprint}
        answer = self._answer(self._request("ssm", "RegisterManagedInstance", said))
        self.identity = Identity(answer["InstanceId"], self.region, pair.private, fingerprint)
        return self.identity

    def by_own_key(self, operation: str, **said: Any) -> dict[str, Any]:
        """What the node signs with its RSA key: Signature Version 4 but for its last step."""
        identity, request = self.identity, self._request("ssm", operation, said)
        at = timestamps.to_second(self.clock.now()).replace("-", "").replace(":", "")
        request.headers["x-amz-date"] = at
        names = ";".join(sorted(request.headers))
        claim = Claim(identity.id, at[:8], self.region, "ssm", names, "", at)  # type: ignore[union-attr]
        canonical = spelled(request, claim, "json")
        proof = node_key.sign(identity.private, f"{ALGORITHM}\n{at}\n{claim.scope}\n{sha256(canonical.encode()).hexdigest()}")  # type: ignore[union-attr]
        request.headers["authorization"] = f"{ALGORITHM} Credential={claim.access_key}/{claim.scope}, SignedHeaders={names}, Signature={proof}"
        return self._answer(request)

    def role_keys(self) -> Keys:
        """They are renewed when half of their time is over."""
        with self.lock:
            now = self.clock.now()
            if self.keys is None or self.keys.renewed_at <= now:
                given = self.by_own_key("RequestManagedInstanceRoleToken", Fingerprint=self.identity.fingerprint)  # type: ignore[union-attr]
                half = now + max(0.0, given["TokenExpirationDate"] - now) / 2
                self.keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], half)
            return self.keys

    def forget_keys(self) -> None:
        with self.lock:
            self.keys = None

    # As its role ------------------------------------------------------------------------------

    def _signed(self, request: Request, service: str, region: str) -> Request:
        keys = self.role_keys()
        request.headers |= signing.signed(keys.id, keys.secret, keys.token, request, region, service, self.clock.now())
        return request

    def ask(self, service: str, operation: str, **said: Any) -> dict[str, Any]:
        """Raises Refused, Silent."""
        return self._answer(self._signed(self._request(service, operation, said), service, self.region))

    def put_object(self, bucket: str, key: str, body: bytes) -> None:
        """In whatever region the bucket is. Raises Refused, Silent."""
        region = self.region
        for _ in range(2):
            headers = {"host": self._host("s3", region), "content-length": str(len(body))}
            path = f"/{bucket}/{quote(key, safe='/~')}"
            status, told, text = self.send(self._signed(Request("PUT", path, "", headers, body), "s3", region))
            if status == 200:
                return
            elsewhere = told.get("x-amz-bucket-region", region)
            if elsewhere == region:
                break
            region = elsewhere
        raise Refused(status, str(status), text.decode("utf-8", "replace")[:500])
