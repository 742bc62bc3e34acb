"""Access control lists: grants to an account or to everybody, from before there were policies.

A new bucket enforces its owner's ownership and has no ACLs; only a bucket that was opened for them (ownership controls)
takes any. Grants reach the gate as statements of a policy, so that access is decided in one place.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record

ENFORCED = "BucketOwnerEnforced"
OWNERSHIPS = (ENFORCED, "BucketOwnerPreferred", "ObjectWriter")
GROUPS = "http://acs.amazonaws.com/groups/"
EVERYBODY, AUTHENTICATED, LOGGERS = (
    GROUPS + "global/AllUsers",
    GROUPS + "global/AuthenticatedUsers",
    GROUPS + "s3/LogDelivery",
)
LOGGING = "logging.s3.amazonaws.com"
"""Who the group of the log deliverers consists of."""
PERMISSIONS = ("FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP")
GRANTS_MAX = 100


class AccessControlListNotSupported(AwsError):
    status = 400
    message = "The bucket does not allow ACLs"


class InvalidAclArgument(AwsError):
    code = "InvalidArgument"
    status = 400


class MalformedACLError(AwsError):
    status = 400
    message = "The XML you provided was not well-formed or did not validate against our published schema"


class UnresolvableGrantByEmailAddress(AwsError):
    status = 400
    message = "The e-mail address you provided does not match any account on record."


class InvalidAclRequest(AwsError):
    code = "InvalidRequest"
    status = 400


class Grant(Record):
    grantee: str
    """A canonical user id, a group's URI, or empty for the owner of what the list is about."""
    permission: str

    @property
    def is_public(self) -> bool:
        return self.grantee in (EVERYBODY, AUTHENTICATED)


CLOSED = (Grant(grantee="", permission="FULL_CONTROL"),)
"""What a list says that nobody has changed: the owner, and nobody else."""

_READ, _ALL = Grant(grantee=EVERYBODY, permission="READ"), Grant(grantee=EVERYBODY, permission="WRITE")
CANNED: dict[str, tuple[Grant, ...]] = {
    "private": CLOSED,
    "public-read": (*CLOSED, _READ),
    "public-read-write": (*CLOSED, _READ, _ALL),
    "authenticated-read": (*CLOSED, Grant(grantee=AUTHENTICATED, permission="READ")),
}
BUCKETS_CANNED = {
    "log-delivery-write": (
        *CLOSED,
        Grant(grantee=LOGGERS, permission="WRITE"),
        Grant(grantee=LOGGERS, permission="READ_ACP"),
    ),
}
OWNERS_CANNED = {"bucket-owner-read": "READ", "bucket-owner-full-control": "FULL_CONTROL"}
"""Grants to the bucket's owner of an object that somebody else writes."""

_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^",]*)"?\s*(?:,|$)')


def grants_of(
    canned: str | None, headers: dict[str, str | None], *, is_bucket: bool = False, bucket_owner: str = ""
) -> tuple[Grant, ...] | None:
    """The grants that a request's headers name, None if they name none. ``bucket_owner`` is a canonical id."""
    said = {permission: text for permission, text in headers.items() if text}
    if canned is not None and said:
        raise InvalidAclRequest("Specifying both Canned ACLs and Header Grants is not allowed")
    if canned is not None:
        known = CANNED.get(canned) or (BUCKETS_CANNED.get(canned) if is_bucket else None)
        if known is None and canned in OWNERS_CANNED and not is_bucket:
            known = (
                (*CLOSED, Grant(grantee=bucket_owner, permission=OWNERS_CANNED[canned]))
                if bucket_owner
                else CLOSED
            )
        if known is None:
            if canned == "aws-exec-read":
                raise NotImplementedHere("the canned ACL aws-exec-read")
            raise InvalidAclArgument(None, ArgumentName="x-amz-acl", ArgumentValue=canned[:1024])
        return known
    if not said:
        return None
    grants = []
    for permission, text in said.items():
        at = 0
        while at < len(text):
            each = _GRANTEE.match(text, at)
            if each is None or len(grants) >= GRANTS_MAX:
                raise InvalidAclArgument(
                    "Argument format not recognized",
                    ArgumentName="x-amz-grant-" + permission.lower().replace("_", "-"),
                    ArgumentValue=text[:1024],
                )
            grants.append(Grant(grantee=_grantee(each[1], each[2], each[1]), permission=permission))
            at = each.end()
    return tuple(grants)


def _grantee(kind: str, value: str, named: str) -> str:
    """Who is granted something; ``named`` is what a refusal calls the place that says so: localstack's test_s3_bucket_acl_exceptions."""
    if kind == "id":
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise InvalidAclArgument("Invalid id", ArgumentName=named, ArgumentValue=value[:1024])
        return value
    if kind == "uri":
        if value not in (EVERYBODY, AUTHENTICATED, LOGGERS):
            raise InvalidAclArgument("Invalid group uri", ArgumentName=named, ArgumentValue=value[:1024])
        return value
    raise UnresolvableGrantByEmailAddress


def grants_in(policy: dict[str, Any], owner: str) -> tuple[Grant, ...]:
    """The grants of an AccessControlPolicy document. ``owner`` is the canonical id of whose list it is."""
    listed = policy.get("Grants")
    if listed is None or "Owner" not in policy or len(listed) > GRANTS_MAX:
        raise MalformedACLError
    _grantee("id", policy["Owner"].get("ID", ""), "CanonicalUser/ID")
    grants = []
    for each in listed:
        grantee, permission = each.get("Grantee") or {}, each.get("Permission")
        if permission not in PERMISSIONS:
            raise MalformedACLError
        kind = grantee.get("Type")
        if kind == "CanonicalUser" and grantee.get("ID"):
            named = _grantee("id", grantee["ID"], "CanonicalUser/ID")
        elif kind == "Group" and grantee.get("URI"):
            named = _grantee("uri", grantee["URI"], "Group/URI")
        elif kind == "AmazonCustomerByEmail":
            raise UnresolvableGrantByEmailAddress
        else:
            raise MalformedACLError
        grants.append(Grant(grantee="" if named == owner else named, permission=permission))
    return tuple(grants)


def shown(grants: tuple[Grant, ...], owner: str) -> dict[str, Any]:
    """As GetBucketAcl and GetObjectAcl answer them; ``owner`` is a canonical id."""
    listed = []
    for grant in grants:
        if grant.grantee.startswith(GROUPS):
            grantee = {"Type": "Group", "URI": grant.grantee}
        else:
            grantee = {"Type": "CanonicalUser", "ID": grant.grantee or owner}
        listed.append({"Grantee": grantee, "Permission": grant.permission})
    return {"Owner": {"ID": owner}, "Grants": listed}


WRITING = ("PutObject", "CopyObject", "CreateMultipartUpload")
"""Operations that make an object, with a list of its own."""

_BUCKET_ACTIONS = {
    "READ": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    "READ_ACP": ["s3:GetBucketAcl"],
    "WRITE_ACP": ["s3:PutBucketAcl"],
}
_OBJECT_ACTIONS = {
    "READ": ["s3:GetObject", "s3:GetObjectVersion"],
    "READ_ACP": ["s3:GetObjectAcl", "s3:GetObjectVersionAcl"],
    "WRITE_ACP": ["s3:PutObjectAcl", "s3:PutObjectVersionAcl"],
}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#acl-access-policy-permission-mapping


def statements(
    grants: tuple[Grant, ...], arn: str, *, is_bucket: bool, ignores_public: bool, owner: str = "", is_writing: bool = False
) -> list[dict[str, Any]]:
    """What the grants allow, as statements of a resource policy on ``arn``. ``owner``: the canonical id of an object's
    owner who is not the bucket's. ``is_writing``: an object is being made, and who may make it says who may do what with it."""
    made = []
    for grant in grants:
        grantee = grant.grantee or owner
        if not grantee or (ignores_public and grant.is_public):
            continue
        condition = {}
        if grantee == EVERYBODY:
            principal: Any = "*"
        elif grantee == LOGGERS:
            principal = {"Service": LOGGING}
        elif grantee == AUTHENTICATED:
            principal, condition = "*", {"Condition": {"StringNotEquals": {"aws:PrincipalType": "Anonymous"}}}
        else:
            principal = {"CanonicalUser": grantee}
        named = (
            ("READ", "READ_ACP", "WRITE_ACP") if grant.permission == "FULL_CONTROL" else (grant.permission,)
        )
        actions = [
            action
            for name in named
            for action in (_BUCKET_ACTIONS if is_bucket else _OBJECT_ACTIONS).get(name, ())
        ]
        if actions:
            made.append(
                {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": arn, **condition}
            )
        if is_bucket and grant.permission in ("WRITE", "FULL_CONTROL"):
            writes = ["s3:PutObject", "s3:DeleteObject", *(("s3:PutObjectAcl",) if is_writing else ())]
            made.append(
                {
                    "Effect": "Allow",
                    "Principal": principal,
                    "Action": writes,
                    "Resource": f"{arn}/*",
                    **condition,
                }
            )
    return made
