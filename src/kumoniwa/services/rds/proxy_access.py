"""Who comes in at a proxy: its users are those of its secrets, read as its role, and tokens of IAM are signed requests that nobody sends.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-iam-setup.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from kumoniwa.gate import identity, signature
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import epoch_of
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.rds.instance import SERVICE
from kumoniwa.services.rds.proxy import Proxy, endpoint_host, endpoints_of, family_of, own_host
from kumoniwa.wire.message import Request

TOKEN_S = 900
"""A token is good for a quarter of an hour, whatever it says itself."""


async def users(call: Call, proxy: Proxy) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Those that come in, by name, and what is to be told of secrets that could not be read. The words are AWS's as its users saw them."""
    found: dict[str, dict[str, str]] = {}
    failed = []
    for each in proxy.auth:
        arn = each["SecretArn"]
        try:
            role = call.assuming(proxy.role, SERVICE, f"rds-proxy-{proxy.id}", **{"aws:SourceArn": call.arn(f"db-proxy:{proxy.id}", "rds")})
            said = json.loads((await role.ask("secretsmanager:GetSecretValue", SecretId=arn)).get("SecretString", ""))
            user, password = said["username"], said["password"]
            if not isinstance(user, str) or not isinstance(password, str):
                raise TypeError
        except AwsError as error:
            if error.code in ("AccessDenied", "AccessDeniedException"):
                failed.append(
                    f"Credentials couldn't be retrieved. The IAM role \"{proxy.role}\" is not authorized to read the AWS Secrets Manager secret with the "
                    f"ARN \"{arn}\""
                )
            else:
                failed.append(f"Credentials couldn't be retrieved. The AWS Secrets Manager secret with the ARN \"{arn}\" can't be read: {error.text}")
        except (ValueError, KeyError, TypeError):
            failed.append(f"Credentials couldn't be retrieved. The AWS Secrets Manager secret with the ARN \"{arn}\" has an incorrect secret format.")
        else:
            kind = "iam" if each["IAMAuth"] == "REQUIRED" else family_of(proxy).passwords[each["ClientPasswordAuthType"]]
            found[user] = {"password": password, "auth": kind}
    return found, failed


def is_let_in(call: Call, proxy: Proxy, token: str, user: str) -> bool:
    """Whether a token was signed for this proxy and user by somebody who may ``rds-db:connect`` there."""
    place, _, query = token.removeprefix("http://").removeprefix("https://").partition("/?")
    said = dict(parse_qsl(query, keep_blank_values=True))
    hosts = {own_host(call, proxy), *(endpoint_host(call, each) for each in endpoints_of(call, proxy))}
    if place not in {f"{host}:{family_of(proxy).port}" for host in hosts} or (said.get("Action"), said.get("DBUser")) != ("connect", user):
        return False
    request = Request("GET", "/", query, {"host": place})
    try:
        claim = signature.claim(request, "query")
        if claim is None or not claim.is_presigned or (claim.service, claim.region) != ("rds-db", call.region):
            return False
        at = claim.at
        signed = epoch_of(*(int(at[begin:end]) for begin, end in ((0, 4), (4, 6), (6, 8), (9, 11), (11, 13), (13, 15))))
        if not -signature.SKEW_S <= call.now() - signed <= min(claim.expires_s or 0, TOKEN_S):
            return False
        principal, secret = identity.identify(call.home, claim.access_key, claim.session_token, "query")
        if secret is not None:
            signature.verify(request, claim, secret, float(signed), "query")
        call.speaking(principal).require("rds-db:connect", call.arn(f"dbuser:{proxy.id}/{user}", "rds-db"))
    except AwsError:
        return False
    return principal.account == call.account
