"""Actions that have clients sign in before a rule goes on: what may be asked, and how AWS tells it again.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kumoniwa.engines import cipher
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.services.elbv2.errors import InvalidLoadBalancerActionException
from kumoniwa.wire.outbound import is_local

OIDC, COGNITO = "authenticate-oidc", "authenticate-cognito"
CONFIGS = {OIDC: "AuthenticateOidcConfig", COGNITO: "AuthenticateCognitoConfig"}
_DEFAULTS = {
    "SessionCookieName": "AWSELBAuthSessionCookie", "Scope": "openid", "SessionTimeout": 604_800, "OnUnauthenticatedRequest": "authenticate",
}  # fmt: skip
_NEEDED = {
    OIDC: ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "ClientId"),
    COGNITO: ("UserPoolArn", "UserPoolClientId", "UserPoolDomain"),
}
_PURPOSE = b"client secret of load balancer "
SESSION_SECONDS_MAX = 604_800


def sealed(call: Call, balancer: str, secret: str) -> bytes:
    return cipher.seal(call.home.settings.seal, secret.encode(), _PURPOSE + balancer.encode())


def opened(home: Any, balancer: str, secret: bytes) -> str:
    return (cipher.unseal(home.settings.seal, secret, _PURPOSE + balancer.encode()) or b"").decode()


def checked(call: Call, listener: Any, said: dict[str, Any], before: bytes) -> tuple[dict[str, Any], bytes]:
    """An action as it is kept and told, and the secret of its client under the cloud's seal."""
    kind = said["Type"]
    if listener.protocol != "HTTPS":
        # As seen of AWS: https://github.com/hashicorp/terraform-provider-aws/issues/6171
        raise InvalidLoadBalancerActionException(f"Actions of type '{kind}' are supported only on HTTPS listeners")
    config = said.get(CONFIGS[kind]) or {}
    for name in _NEEDED[kind]:
        if not config.get(name):
            raise ValidationError(f"{name} must be specified for actions of type '{kind}'")
    kept = _DEFAULTS | {name: value for name, value in config.items() if name not in ("ClientSecret", "UseExistingClientSecret")}
    if not 1 <= kept["SessionTimeout"] <= SESSION_SECONDS_MAX:
        raise ValidationError(f"The session timeout '{kept['SessionTimeout']}' must be between '1-{SESSION_SECONDS_MAX}' inclusive")
    if len(kept.get("AuthenticationRequestExtraParams") or {}) > 10:
        raise ValidationError("The maximum number of authentication request extra parameters is 10")
    secret = before
    if kind == OIDC:
        secret = _oidc(call, listener, config, before)
    elif (parsed := arns.parse(config["UserPoolArn"])) is None or parsed.service != "cognito-idp" or parsed.region != call.region:
        raise InvalidLoadBalancerActionException(f"The user pool '{config['UserPoolArn']}' must be one of this Region")
    return {"Type": kind, CONFIGS[kind]: kept}, secret


def _oidc(call: Call, listener: Any, config: dict[str, Any], before: bytes) -> bytes:
    for name in ("AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint"):
        parts = urlsplit(config[name])
        # On this machine a provider needs no TLS.
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local(parts.hostname or "")):
            raise ValidationError(f"{name} '{config[name]}' must be a URL of HTTPS")
    if config.get("UseExistingClientSecret"):
        if not before:
            raise ValidationError("There is no existing client secret to use")
        return before
    if not config.get("ClientSecret"):
        raise ValidationError("ClientSecret must be specified for actions of type 'authenticate-oidc'")
    return sealed(call, listener.balancer, config["ClientSecret"])


class Provider:
    """Where clients sign in, and as which client of the provider's the balancer speaks to it."""

    def __init__(self, call: Call, balancer: str, action: dict[str, Any], secret: bytes) -> None:
        self.call, self.config = call, action[CONFIGS[action["Type"]]]
        self.is_pool = action["Type"] == COGNITO
        if self.is_pool:
            self.client_id, self.issuer = self.config["UserPoolClientId"], self._issuer()
            self.secret = ""
        else:
            self.client_id, self.issuer = self.config["ClientId"], self.config["Issuer"]
            self.secret = opened(call.home, balancer, secret)

    def _issuer(self) -> str:
        pool = self.config["UserPoolArn"].rpartition("/")[2]
        return f"https://cognito-idp.{self.call.region}.amazonaws.com/{pool}"

    @property
    def pool_host(self) -> str:
        return f"{self.config['UserPoolDomain']}.auth.{self.call.region}.localhost"

    def authorization(self, port: str) -> str:
        """Where a browser goes; of a pool, at the port by which it came."""
        if not self.is_pool:
            return self.config["AuthorizationEndpoint"]
        return f"https://{self.pool_host}{f':{port}' if port else ''}/oauth2/authorize"

    async def with_secret(self) -> str:
        if self.is_pool and not self.secret:
            pool = self.config["UserPoolArn"].rpartition("/")[2]
            try:
                found = await self.call.ask("cognito-idp:DescribeUserPoolClient", UserPoolId=pool, ClientId=self.client_id)
            except AwsError:
                return ""
            self.secret = found["UserPoolClient"].get("ClientSecret", "")
        return self.secret
