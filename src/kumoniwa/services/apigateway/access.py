"""May the caller? Signatures of IAM's principals and the API's own policy.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

from __future__ import annotations

from kumoniwa.gate import identity, signature
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.principal import ANONYMOUS, Principal
from kumoniwa.languages.policy_decision import Decision
from kumoniwa.services.apigateway.authorizer import INVOKE, method_arn
from kumoniwa.services.apigateway.exchange import Exchange, Refused


def _denied(who: str, arn: str, decision: Decision) -> Refused:
    *head, account, rest = arn.split(":", 5)
    shown = ":".join((*head, f"********{account[-4:]}", rest))
    text = f"User: {who} is not authorized to perform: {INVOKE} on resource: {shown}"
    return Refused("ACCESS_DENIED", text + (" with an explicit deny" if decision.is_explicit else ""))


def _decision(exchange: Exchange, principal: Principal, arn: str, action: str = INVOKE) -> Decision | None:
    served = exchange.served
    call = Call(
        exchange.home,
        served.account,
        principal,
        "apigateway",
        "Invoke",
        exchange.request_id,
        exchange.request,
    )
    return exchange.home.gate.authorizer.decided(call, action, arn, served.policy)


def is_allowed(exchange: Exchange, action: str) -> bool:
    """Whether the caller may do something else than call the method; one who did not sign, only by the API's policy."""
    principal = exchange.principal or ANONYMOUS
    if principal is ANONYMOUS and exchange.served.policy is None:
        return False
    decision = _decision(exchange, principal, method_arn(exchange), action)
    return decision is None or decision.is_allowed


def check_open(exchange: Exchange) -> None:
    """A method anybody may call still obeys the API's policy, which must allow."""
    arn = method_arn(exchange)
    decision = _decision(exchange, ANONYMOUS, arn)
    if decision is not None and not decision.is_allowed:
        raise _denied("anonymous", arn, decision)


def check_not_denied(exchange: Exchange) -> None:
    """What the API's policy denies never reaches an authorizer."""
    arn = method_arn(exchange)
    decision = _decision(exchange, ANONYMOUS, arn)
    if decision is not None and decision.is_explicit:
        raise _denied("anonymous", arn, decision)


def _signer(exchange: Exchange) -> Principal:
    home, request = exchange.home, exchange.request
    claim = signature.claim(request, "rest-json")
    if claim is None:
        raise Refused("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    principal, secret = identity.identify(home, claim.access_key, claim.session_token, "rest-json")
    if secret is not None:
        signature.verify(request, claim, secret, exchange.now, "rest-json", service="execute-api")
    return principal


def check_signed(exchange: Exchange) -> None:
    """A method of IAM's: signed, and allowed to the signer by its own policies or by the API's."""
    request = exchange.request
    try:
        principal = request.speaker or _signer(exchange)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise _refusal(error)
    exchange.principal = principal
    exchange.forget_context()
    arn = method_arn(exchange)
    decision = _decision(exchange, principal, arn)
    if decision is not None and not decision.is_allowed:
        raise _denied(principal.arn, arn, decision)


def _refusal(error: AwsError) -> Refused:
    if error.code.startswith("MissingAuthenticationToken"):
        return Refused("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
    if error.code.startswith("ExpiredToken"):
        return Refused("EXPIRED_TOKEN", error.text)
    if error.code == "UnrecognizedClientException":
        return Refused("DEFAULT_4XX", error.text, status=403, error_type=error.code)
    return Refused("INVALID_SIGNATURE", error.text, error_type=error.code)
