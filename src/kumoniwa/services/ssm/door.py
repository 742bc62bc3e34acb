"""Where AWS's agent speaks to Systems Manager: JSON whose target names an operation that no model has.

A machine registers without any key, by the code of an activation; it gets temporary keys of its role by requests that its own RSA key has
signed, and asks for all else with those. The signature by RSA is that of Signature Version 4 but for its last step
(aws/amazon-ssm-agent, agent/ssm/rsaauth).
"""

from __future__ import annotations

import inspect
from hashlib import sha256
from typing import Any

import orjson

from kumoniwa.engines import node_key
from kumoniwa.gate import identity, signature
from kumoniwa.gate.address import Address
from kumoniwa.gate.canonical_request import spelled
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, SerializationException
from kumoniwa.services.ssm import agent
from kumoniwa.services.ssm import node as nodes
from kumoniwa.services.ssm.activation import Activation
from kumoniwa.services.ssm.errors import SERVICE, Denied
from kumoniwa.services.ssm.node import Node
from kumoniwa.wire.message import Request, Response

JSON = "application/x-amz-json-1.1"


class MissingAuthenticationToken(AwsError):
    code = "MissingAuthenticationTokenException"
    status = 400
    message = "Missing Authentication Token"


class InvalidSignature(AwsError):
    code = "InvalidSignatureException"
    status = 400
    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details."
    )


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    headers = {"Content-Type": JSON, "x-amzn-RequestId": request_id}
    try:
        answer = await _answered(home, request, request_id)
    except NotImplementedHere:
        raise
    except AwsError as error:
        headers["x-amzn-ErrorType"] = error.code
        if error.hint:
            headers["x-kumoniwa-hint"] = error.hint
        return Response(error.status or 400, orjson.dumps({"__type": error.code, "message": error.text}), headers)
    return Response(200, orjson.dumps(answer), headers)


async def _answered(home: Any, request: Request, request_id: str) -> dict[str, Any]:
    operation = request.headers["x-amz-target"].rpartition(".")[2]
    said = _read(request.body)
    if operation == "RegisterManagedInstance":
        call, activation = agent.find(home, Activation, agent.text(said, "ActivationId")) or (None, None)
        if call is None:
            raise agent.InvalidActivation
        return call.atomically(lambda: agent.register(call, activation, said))
    claim = signature.claim(request, "json")
    if claim is None:
        raise MissingAuthenticationToken
    if operation in agent.BY_KEY:
        call, node = _by_key(home, request, claim)
        return call.atomically(lambda: agent.BY_KEY[operation](call, node, said))
    if operation not in agent.BY_ROLE:
        raise NotImplementedHere(f"{request.headers['x-amz-target']} of AWS's agent")
    service, member, act = agent.BY_ROLE[operation]
    call, node = _by_role(home, request, claim, f"{service}:{operation}", said.get(member) if member else None, request_id)
    if inspect.iscoroutinefunction(act):
        return await act(call, node, said)
    return call.atomically(lambda: act(call, node, said))


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise SerializationException("The body is no JSON object.")
    return said


def _by_key(home: Any, request: Request, claim: signature.Claim) -> tuple[Call, Node]:
    found = agent.find(home, Node, claim.access_key)
    if found is None:
        raise nodes.InvalidInstanceId(f"Instance {claim.access_key} is not registered.")
    call, node = found
    signature.check_time(claim, "json", home.clock.now())
    digest = sha256(spelled(request, claim, "json").encode("latin-1", "replace")).hexdigest()
    to_sign = f"{signature.ALGORITHM}\n{claim.at}\n{claim.scope}\n{digest}"
    if not node_key.is_signed(node.public_key, to_sign, claim.signature):
        raise InvalidSignature
    return call, node


def _by_role(home: Any, request: Request, claim: signature.Claim, action: str, named: Any, request_id: str) -> tuple[Call, Node]:
    """A node speaks for itself alone, by the session of its role that Systems Manager gave it, as far as that role's policies let it."""
    principal, secret = identity.identify(home, claim.access_key, claim.session_token, "json")
    if secret is not None:
        signature.verify(request, claim, secret, home.clock.now(), "json")
    call = Call(home, principal.account, principal, "ssm", action.partition(":")[2], request_id, request)
    id_ = principal.arn.rpartition("/")[2]
    call.require(action, nodes.arn_of(call, id_) if action.startswith("ssm:") else "*")
    if principal.held_by != SERVICE or named not in (None, id_):
        raise Denied(f"{principal.arn} is not the managed node {named or id_}.")
    if id_ not in call.shelf(Node):
        raise nodes.InvalidInstanceId(f"Instance {id_} is not registered.")
    return call.speaking(principals.service(SERVICE, principal.account)), call.shelf(Node)[id_]
