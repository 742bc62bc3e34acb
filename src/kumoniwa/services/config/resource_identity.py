"""Users, groups, roles and customer managed policies of IAM, which have no region: all are seen at once, as AWS Config sees them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from kumoniwa.aws import models
from kumoniwa.services.config.resource import Found, Kind, Look, Reader, related, spell, tags_of

_DETAILS = "iam:GetAccountAuthorizationDetails"
_MEMBERS = {
    "AWS::IAM::User": "UserDetailList",
    "AWS::IAM::Group": "GroupDetailList",
    "AWS::IAM::Role": "RoleDetailList",
    "AWS::IAM::Policy": "Policies",
}
_FILTERS = ("User", "Role", "Group", "LocalManagedPolicy")
_KEYS = {"AWS::IAM::User": "User", "AWS::IAM::Group": "Group", "AWS::IAM::Role": "Role", "AWS::IAM::Policy": "Policy"}


async def _details(reader: Reader) -> dict[str, list[dict[str, Any]]]:
    if "iam" not in reader.remembered:
        found: dict[str, list[dict[str, Any]]] = {member: [] for member in _MEMBERS.values()}
        params: dict[str, Any] = {"Filter": list(_FILTERS)}
        while True:
            reply = await reader.ask(_DETAILS, **params)
            for member, listed in found.items():
                listed += reply.get(member) or ()
            if not reply.get("IsTruncated"):
                break
            params["Marker"] = reply["Marker"]
        reader.remembered["iam"] = found
    return reader.remembered["iam"]


def _look(type_: str) -> Look:
    async def look(reader: Reader, ids: list[str] | None) -> dict[str, Found | None]:
        details = await _details(reader)
        every = {each.id: each for each in (_found(type_, said, details) for said in details[_MEMBERS[type_]])}
        return dict(every) if ids is None else {id_: every.get(id_) for id_ in ids}

    return look


def _found(type_: str, said: dict[str, Any], details: dict[str, list[dict[str, Any]]]) -> Found:
    key = _KEYS[type_]
    shape = models.service("iam").operation("GetAccountAuthorizationDetails").output.members[_MEMBERS[type_]].shape.element.shape
    # When a role or a key was used last is no part of how they are configured, and would make an item of each use.
    told = spell(shape, _documents({name: value for name, value in said.items() if name not in ("Tags", "RoleLastUsed")}))
    return Found(
        said[f"{key}Id"], said[f"{key}Name"], said["Arn"], told, tags=tags_of(said.get("Tags")),
        relationships=tuple(_relations(type_, said, details)), created=said.get("CreateDate"),
    )  # fmt: skip


def _documents(value: Any) -> Any:
    """Policies are texts, encoded as in URLs."""
    if isinstance(value, dict):
        return {
            name: _encoded(inner) if name in ("PolicyDocument", "AssumeRolePolicyDocument", "Document") else _documents(inner)
            for name, inner in value.items()
        }
    return [_documents(each) for each in value] if isinstance(value, (list, tuple)) else value


def _encoded(document: Any) -> str:
    text = document if isinstance(document, str) else orjson.dumps(document).decode()
    return text if text.startswith("%7B") else quote(text, safe="")


def _relations(type_: str, said: dict[str, Any], details: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    policies = {each["Arn"]: each for each in details["Policies"]}
    attached = (policies.get(each["PolicyArn"]) for each in said.get("AttachedManagedPolicies") or ())
    found = [related("AWS::IAM::Policy", each["PolicyId"], "Is attached to CustomerManagedPolicy", each["PolicyName"]) for each in attached if each]
    groups = {each["GroupName"]: each for each in details["GroupDetailList"]}
    if type_ == "AWS::IAM::User":
        found += [
            related("AWS::IAM::Group", groups[name]["GroupId"], "Is attached to Group", name)
            for name in said.get("GroupList") or ()
            if name in groups
        ]
    if type_ == "AWS::IAM::Group":
        users = [each for each in details["UserDetailList"] if said["GroupName"] in (each.get("GroupList") or ())]
        found += [related("AWS::IAM::User", each["UserId"], "Contains User", each["UserName"]) for each in users]
    if type_ == "AWS::IAM::Policy":
        for other, member, relation in (
            ("AWS::IAM::User", "UserDetailList", "Is attached to User"), ("AWS::IAM::Group", "GroupDetailList", "Is attached to Group"),
            ("AWS::IAM::Role", "RoleDetailList", "Is attached to Role"),
        ):  # fmt: skip
            key = _KEYS[other]
            for each in details[member]:
                if any(policy["PolicyArn"] == said["Arn"] for policy in each.get("AttachedManagedPolicies") or ()):
                    found.append(related(other, each[f"{key}Id"], relation, each[f"{key}Name"]))
    return found


KINDS = tuple(Kind(type_, ("iam",), _look(type_), lambda event: None, is_global=True) for type_ in _MEMBERS)
