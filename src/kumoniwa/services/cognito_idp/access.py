"""For the gate: whose pool a call touches, and which; and in which words a request is refused that breaks the model."""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.cognito_idp import token
from kumoniwa.services.cognito_idp.errors import InvalidParameterException
from kumoniwa.services.cognito_idp.place import places

_PREFIX = re.compile(r"1 validation error detected: .* at 'domain' .*regular expression", re.DOTALL)
_SMS = r"pattern: .*\{####\}.*"


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    """The account of the pool, client or token that is named: those who sign in name no account."""
    known = places(call.home)
    for name in ("UserPoolId", "ClientId"):
        if isinstance(params.get(name), str) and (place := known.get(params[name])) is not None:
            return place.account
    if isinstance(params.get("AccessToken"), str) and (place := known.get(token.pool_of(params["AccessToken"]))) is not None:
        return place.account
    # A session that names nobody else is of the cloud's own account, or of whoever signed.
    return None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str:
    if isinstance(params.get("ResourceArn"), str):
        return params["ResourceArn"]
    pool = params.get("UserPoolId")
    return call.arn(f"userpool/{pool}") if isinstance(pool, str) else "*"


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError | None:
    if _SMS in error.text:
        return _of_texts(params, error)
    if operation == "CreateUserPoolDomain" and "CustomDomainConfig" not in params and _PREFIX.match(error.text):
        # A prefix of strange letters has a text of its own; one that is too long has not (cdk-preflight's pf-cognito-domain-prefix-format, -length).
        return InvalidParameterException(
            "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens. "
            r"Please enter a different name that follows this format: ^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$"
        )
    return error


def _of_texts(params: dict[str, Any], error: AwsError) -> AwsError | None:
    """Of an SMS AWS minds only that it has a place for the code, however many lines it has (pf-cognito-sms-verification-message-placeholder)."""
    template = params.get("VerificationMessageTemplate")
    texts = [params.get(name) for name in ("SmsVerificationMessage", "SmsAuthenticationMessage")]
    texts.append(template.get("SmsMessage") if isinstance(template, dict) else None)
    is_of_sms_alone = error.text.count(_SMS) == error.text.count(" failed to satisfy constraint")
    if is_of_sms_alone and all(isinstance(text, str) and "{####}" in text for text in texts if text is not None):
        return None
    return InvalidParameterException(error.text.replace(_SMS, r"pattern: (?s).*\{####\}(?s).*"))
