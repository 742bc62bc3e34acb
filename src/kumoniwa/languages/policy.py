"""IAM policy documents: from JSON to compiled statements.

AWS reads a policy twice, first for its shape and then for what it says, and reports the first fault it meets. The order
of the checks below is therefore part of the contract. Facts from AWS's answers to malformed documents as recorded in
https://github.com/getmoto/moto/blob/master/tests/test_iam/test_iam_policies.py, for trust policies in
https://github.com/versity/versitygw (iamapi), and of both as badmintoncryer/cdk-preflight saw them (rules/iam).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson

from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages import policy_condition as condition
from kumoniwa.languages import policy_pattern as pattern
from kumoniwa.languages import policy_principal as principals

Kind = Literal["identity", "resource", "trust", "scp"]

DOCUMENT_CHARACTERS_MAX = 131_072
"""What IAM's model allows in a request; the quotas (6,144 for a managed policy and so on) are the services' affair."""
STATEMENTS_MAX = 2_000


class MalformedPolicyDocument(AwsError):
    """The document is no policy. Services whose API calls this otherwise catch it and raise their own."""

    status = 400
    message = "Syntax errors in policy."


class Statement(NamedTuple):
    """One compiled statement. ``names`` is None where the policy's kind has no principals."""

    id: str
    is_deny: bool
    fits: pattern.Match
    """Whether an action in lower case is meant."""
    covers: Callable[[str, pattern.Context], bool]
    """Whether a resource ARN is meant."""
    conditions: tuple[condition.Holds, ...]
    names: principals.Naming | None
    keys: frozenset[str]
    """The context keys it may read, in lower case."""
    source: dict[str, Any]

    def applies(self, resource: str, context: pattern.Context) -> bool:
        """Whether it applies to a request whose action fits and whose principal is named."""
        if not self.covers(resource, context):
            return False
        for holds in self.conditions:  # noqa: SIM110 (a generator here costs half a microsecond in every decision)
            if not holds(context):
                return False
        return True


class Policy:
    """A compiled document. Two policies are equal only if they are the same object."""

    __slots__ = ("name", "kind", "statements")

    def __init__(self, name: str, kind: Kind, statements: tuple[Statement, ...]) -> None:
        self.name, self.kind, self.statements = name, kind, statements


class Plan(NamedTuple):
    """The statements of some policies that speak of one action."""

    denies: tuple[Statement, ...]
    allows: tuple[Statement, ...]
    keys: frozenset[str]


@lru_cache(maxsize=16_384)
def plan_of(policies: tuple[Policy, ...], action: str) -> Plan:
    """``action`` in lower case."""
    found = [statement for policy in policies for statement in policy.statements if statement.fits(action)]
    return Plan(
        tuple(statement for statement in found if statement.is_deny),
        tuple(statement for statement in found if not statement.is_deny),
        frozenset().union(*(statement.keys for statement in found)),
    )


def _syntax(is_right: Any, text: str | None = None) -> None:
    if not is_right:
        raise MalformedPolicyDocument(text)


def _listed(value: Any, text: str | None = None) -> list[str]:
    """A string or a list of strings, as a list."""
    listed = [value] if isinstance(value, str) else value
    _syntax(isinstance(listed, list) and all(isinstance(item, str) for item in listed), text)
    return listed


def _decoded(document: str | bytes | dict[str, Any], kind: Kind) -> dict[str, Any]:
    invalid = "This policy contains invalid Json" if kind in ("trust", "resource") else None
    if isinstance(document, (str, bytes)):
        _syntax(len(document) <= DOCUMENT_CHARACTERS_MAX, invalid)
        try:
            document = orjson.loads(document)
        except ValueError:
            raise MalformedPolicyDocument(invalid) from None
    _syntax(isinstance(document, dict), invalid)
    return document  # type: ignore[return-value]


_FIELDS = frozenset(("Version", "Id", "Statement"))
_STATEMENT_FIELDS = frozenset(
    (
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    )
)
_VERSIONS = ("2008-10-17", "2012-10-17")


class _Read(NamedTuple):
    """A statement whose shape is right: every element is there, as a list."""

    source: dict[str, Any]
    sid: str
    effect: str
    actions: list[str]
    resources: list[str]
    principals: dict[str, list[str]] | None
    conditions: list[tuple[condition.Name, str, list[str]]]


def _is_sound(operator: condition.Name | None, wanted: list[str]) -> bool:
    """Whether the values are such as stand in a policy at all: of others, ``_check_conditions`` says the same later in other words."""
    return operator is None or operator.operator != "binaryequals" or all("${" in value or condition.is_base64(value) for value in wanted)


def _shape_of_conditions(block: Any) -> list[tuple[condition.Name, str, list[str]]]:
    _syntax(isinstance(block, dict))
    read = []
    for text, keys in block.items():
        _syntax(isinstance(text, str) and isinstance(keys, dict))
        operator = condition.parse_name(text)
        _syntax(operator is not None or not keys)
        for key, value in keys.items():
            wanted = condition.texts(value)
            _syntax(isinstance(key, str) and wanted is not None and _is_sound(operator, wanted))
            read.append((operator, key, wanted))
    return read


def _shape_of_principals(element: Any) -> dict[str, list[str]]:
    if element == "*":
        return {"AWS": ["*"]}
    _syntax(isinstance(element, dict), "Principal must be a JSON object.")
    _syntax(element, "Missing required field Principal cannot be empty!")
    read = {}
    for kind, value in element.items():
        _syntax(kind in principals.TYPES, f'Invalid principal in policy: "{kind}"')
        read[kind] = _listed(value)
        for one in read[kind]:
            _syntax(
                principals.is_wellformed(kind, one), f'Invalid principal in policy: "{kind.upper()}":"{one}"'
            )
    return read


def _shape(statement: Any) -> _Read:
    _syntax(isinstance(statement, dict) and statement.keys() <= _STATEMENT_FIELDS)
    for element in ("Action", "Resource", "Principal"):
        _syntax(element not in statement or f"Not{element}" not in statement)
    sid = statement.get("Sid", "")
    effect = statement.get("Effect")
    _syntax(isinstance(sid, str))
    _syntax(effect is None or isinstance(effect, str))
    named = statement.get("Principal", statement.get("NotPrincipal"))
    return _Read(
        statement,
        sid,
        effect or "",
        _listed(statement.get("Action", statement.get("NotAction", []))),
        _listed(statement.get("Resource", statement.get("NotResource", []))),
        None if named is None else _shape_of_principals(named),
        _shape_of_conditions(statement.get("Condition", {})),
    )


def _is_legacy_arn(resource: str) -> bool:
    """Whether the old parser fails on it: an ARN whose colons are miscounted."""
    parts = resource.split(":", 5)
    if len(parts) < 3 or not _is_partition(parts[1]):
        return False
    return not parts[2] or (len(parts) in (4, 5) and "*" not in parts[-1])


def _is_partition(text: str, own: str = "") -> bool:
    return text in ("*", own) if own else text == "*" or re.fullmatch(r"aws(-[a-z]+)*", text) is not None


_IAM_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
_S3_PLACES = ("accesspoint", "access-grants", "async-request", "job", "storage-lens")
"""What of S3 has a region and an account, which buckets have not."""


def _check_resource(resource: str, partition: str) -> None:
    if resource == "*":
        return
    parts = resource.split(":")
    _syntax(len(parts) > 1, f'Resource {resource} must be in ARN format or "*".')
    completed = ":".join(["arn", *parts[1:], *["*"] * (6 - len(parts))])
    _syntax(_is_partition(parts[1], partition), f'Partition "{parts[1]}" is not valid for resource "{completed}".')
    is_vendor = len(parts) > 2 and not set(parts[2]) & set("*?")
    _syntax(is_vendor, "Resource vendor must be fully qualified and cannot contain regexes.")
    region, account, path = completed.split(":", 5)[3:]
    if parts[2] in ("s3", "route53") and len(parts) > 5 and not (parts[2] == "s3" and path.startswith(_S3_PLACES)):
        _syntax(region in ("", "*"), f"Resource {resource} can not contain region information.")
        # The rule, pf-iam-policy-resource-global-service-arn, tells the end of this text.
        _syntax(parts[2] != "s3" or account in ("", "*"), f"Resource {resource} cannot contain an account id.")
    if parts[2] == "iam" and len(parts) > 5:
        _syntax(region in ("", "*"), f"IAM resource {resource} cannot contain region information.")
        allowed = path in ("*", "root") or path.startswith(("${", *_IAM_PATHS))
        _syntax(allowed, f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.')


def _check_action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, name = action.partition(":")
    _syntax(colon, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    _syntax(":" not in name, "Actions/Condition can contain only one colon.")
    if action != "*:*":
        _syntax(not set(vendor) & set("*?"), "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards.")
        _syntax(re.fullmatch(r"[A-Za-z0-9.-]+", vendor), f"Vendor {vendor} is not valid")


def _check_identity(read: list[_Read], version: str | None, needs_version: bool, partition: str) -> None:
    """What IAM says of identity policies, boundaries, session policies and SCPs, in its order."""
    _syntax(all(one.effect.lower() in ("allow", "deny") for one in read))
    _syntax(all(one.principals is None for one in read), "Policy document should not specify a principal.")
    is_new = version == "2012-10-17" or not needs_version
    _syntax(is_new, "Policy document must be version 2012-10-17 or greater.")
    legacy = "The policy failed legacy parsing"
    for one in read:
        _syntax(one.effect in ("Allow", "Deny"), legacy)
        _syntax(not any(map(_is_legacy_arn, one.resources)), legacy)
    _check_conditions(read, reads_arns=True)
    _check_sids(read, "Statement IDs (SID) in a single policy must be unique.")
    sid_text = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    _syntax(all(re.fullmatch(r"[0-9A-Za-z]*", one.sid) for one in read), sid_text)
    for one in read:
        _syntax(one.actions, "Policy statement must contain actions.")
        for resource in one.resources:
            _check_resource(resource, partition)
        for action in one.actions:
            _check_action(action)
        _syntax(one.resources, "Policy statement must contain resources.")


def _check_sids(read: list[_Read], text: str) -> None:
    sids = [one.sid for one in read if one.sid]
    _syntax(len(sids) == len(set(sids)), text)


def _check_conditions(read: list[_Read], *, reads_arns: bool) -> None:
    """A value no operator of its kind could read fails AWS's old parser; one with a variable is only known later, but for what is to be an
    ARN (of policies that IAM keeps: of others it was not seen)."""
    for one in read:
        for operator, key, wanted in one.conditions:
            is_of_arns = reads_arns and operator is not None and operator.operator.startswith("arn")
            _syntax(not is_of_arns or all(value == "*" or len(value.split(":")) > 5 for value in wanted), "The policy failed legacy parsing")
            try:
                condition.compile_condition(
                    operator, key, [value for value in wanted if "${" not in value], False
                )
            except condition.Malformed:
                raise MalformedPolicyDocument("The policy failed legacy parsing") from None


# What a trust policy can let somebody do: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
TRUST_ACTIONS = (
    "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetContext", "sts:SetSourceIdentity",
    "sts:TagSession",
)  # fmt: skip
_OTHER_ACTIONS = (
    "sts:AssumeRoot", "sts:DecodeAuthorizationMessage", "sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "sts:GetDelegatedAccessToken",
    "sts:GetFederationToken", "sts:GetServiceBearerToken", "sts:GetSessionToken", "sts:GetWebIdentityToken",
)  # fmt: skip
"""No pattern may mean one of these, too."""
_COGNITO = "cognito-identity.amazonaws.com"


def _check_trust_or_resource(read: list[_Read], kind: Kind) -> None:
    for one in read:
        _syntax(one.effect, "Missing required field Effect")
        _syntax(one.effect in ("Allow", "Deny"), f"Invalid effect: {one.effect}")
        if "NotPrincipal" in one.source:
            _syntax(one.effect == "Deny", "Allow with NotPrincipal is not allowed.")
            _syntax(kind == "resource", "AssumeRole policy must not contain NotPrincipal field.")
        _syntax(one.principals is not None, "Missing required field Principal")
        _syntax(one.actions, "Missing required field Action")
        if kind == "trust":
            for means in map(pattern.glob, one.actions):
                may_be = any(map(means, TRUST_ACTIONS)) and not any(map(means, _OTHER_ACTIONS))
                _syntax(may_be, "AssumeRole policy may only specify STS AssumeRole actions.")
            _syntax("Resource" not in one.source, "Has prohibited field Resource")
            _syntax("NotResource" not in one.source, "AssumeRole policy must not contain resources.")
            _syntax(one.source.get("Principal") != "*", 'AssumeRolepolicy contained an invalid principal: "STAR":"*".')
            is_of_cognito = _COGNITO in one.principals.get("Federated", ())
            _syntax(not is_of_cognito or one.conditions, "A condition block must be present for the Cognito provider")
        else:
            _syntax(one.resources, "Missing required field Resource")
    _check_conditions(read, reads_arns=kind == "trust")
    _check_sids(read, "The Statement Ids in the policy are not unique")


def _actions(statement: _Read) -> pattern.Match:
    match = pattern.either(pattern.glob(action.lower()) for action in statement.actions)
    return (lambda action: not match(action)) if "NotAction" in statement.source else match


def _resources(statement: _Read, has_variables: bool) -> Callable[[str, pattern.Context], bool]:
    if not statement.resources:  # A trust policy speaks of its role only.
        return lambda resource, context: True
    fixed = [text for text in statement.resources if not (has_variables and "${" in text)]
    open_ended = [text for text in statement.resources if has_variables and "${" in text]
    match = pattern.either(map(pattern.arn, fixed))

    def covers(resource: str, context: pattern.Context) -> bool:
        if match(resource):
            return True
        known = (pattern.resolve(text, context) for text in open_ended)
        return any(pattern.arn(text)(resource) for text in known if text is not None)

    named = covers if open_ended else (lambda resource, context: match(resource))
    return (
        (lambda resource, context: not named(resource, context))
        if "NotResource" in statement.source
        else named
    )


def _compile(statement: _Read, index: int, name: str, has_variables: bool) -> Statement:
    wanted = [value for _, _, values in statement.conditions for value in values]
    read = {key.lower() for _, key, _ in statement.conditions}
    if has_variables:
        read = read.union(*map(pattern.variables, [*statement.resources, *wanted]))
    naming = None
    if statement.principals is not None:
        is_not = "NotPrincipal" in statement.source
        naming = (principals.compile_not_principal if is_not else principals.compile_principal)(
            statement.principals
        )
        read |= principals.keys(statement.principals)
    return Statement(
        f"{name}#{statement.sid or index}",
        statement.effect == "Deny",
        _actions(statement),
        _resources(statement, has_variables),
        tuple(condition.compile_condition(*one, has_variables) for one in statement.conditions),
        naming,
        frozenset(read),
        statement.source,
    )


def parse(
    document: str | bytes | dict[str, Any], kind: Kind, *, name: str = "", needs_version: bool = False, partition: str = ""
) -> Policy:
    """Read and compile a policy, or raise ``MalformedPolicyDocument`` with AWS's text.

    ``kind`` is ``identity`` (also boundaries and session policies), ``resource``, ``trust`` or ``scp``. ``name`` stands
    before the ``#`` in the ids of matched statements. ``needs_version`` is how CreatePolicy reads: Version 2012-10-17 or
    nothing. ``partition`` is whose ARNs alone may be named, if one is given. A document without Version is one of
    2008-10-17, in which variables are plain text.
    """
    decoded = _decoded(document, kind)
    _syntax(decoded.keys() <= _FIELDS and isinstance(decoded.get("Id", ""), str))
    version = decoded.get("Version")
    has_principals = kind in ("trust", "resource")
    bad_version = "The policy must contain a valid version string" if has_principals else None
    _syntax(version is None or version in _VERSIONS, bad_version)
    statements = decoded.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    _syntax(isinstance(statements, list), "Missing required field Statement" if has_principals else None)
    _syntax(statements, "Could not parse the policy: Statement is empty!" if has_principals else None)
    _syntax(len(statements) <= STATEMENTS_MAX)
    read = [_shape(statement) for statement in statements]
    if has_principals:
        _check_trust_or_resource(read, kind)
    else:
        _check_identity(read, version, needs_version, partition)
    has_variables = version == "2012-10-17"
    return Policy(
        name, kind, tuple(_compile(one, index, name, has_variables) for index, one in enumerate(read))
    )


def parse_verdict(document: str | dict[str, Any]) -> Policy:
    """The policy that a Lambda authorizer of API Gateway answers with.

    A statement in it may name no resource at all, and lets nobody in: so Chalice denies.
    https://aws.github.io/chalice/topics/authorizers.html (``AuthResponse(routes=[])``); its tests against AWS (tests/aws) expect 403.
    """
    if not isinstance(document, dict):
        return parse(document, "identity")
    said = document.get("Statement")
    statements = said if isinstance(said, list) else [said]
    speaking = [each for each in statements if not (isinstance(each, dict) and each.get("Resource") == [])]
    return parse({**document, "Statement": speaking}, "identity") if speaking or not statements else Policy("", "identity", ())


def statements_in(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a document that is a policy, of which one alone need not be in a list."""
    said = document["Statement"]
    return said if isinstance(said, list) else [said]


def granting(label: str, accounts: list[str], actions: list[str], resource: str, partition: str) -> dict[str, Any]:
    """The statement that AddPermission of SQS and of SNS writes: one account, or one action, is in no list."""
    named = [f"arn:{partition}:iam::{account}:root" for account in accounts]
    return {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": named[0] if len(named) == 1 else named},
        "Action": actions[0] if len(actions) == 1 else actions,
        "Resource": resource,
    }


def quoted(statement: dict[str, Any]) -> str:
    """A statement as one line of JSON."""
    return json.dumps(statement, ensure_ascii=False)
