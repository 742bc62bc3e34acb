"""``kumoniwa policy ROLE``: the least policy for what a role or user was seen to do, and the proof that it is enough.

The proof puts that policy in the place of all others of a role, runs a command, and puts them back.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from kumoniwa.cli.admin import admin
from kumoniwa.cli.session import session
from kumoniwa.languages.policy_proposal import proposed

PROVEN = "kumoniwa-least-privilege"


def policy(asked: argparse.Namespace) -> int:
    said = _observed(asked)
    seen = [(each["action"], each["resource"]) for each in said["observed"] if each["was_allowed"] or asked.with_denied]
    document = proposed(seen)
    if document is None:
        print(
            f"kumoniwa: {asked.role} was not seen to do anything. Names and ARNs of roles and users are taken; keys of twelve digits are root, which needs no policy.",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(document, indent=2))
    if not asked.prove:
        return 0
    if said["iam"] != "enforce":
        print(f"kumoniwa: this cloud runs with --iam {said['iam']}, which proves nothing. Start it with --iam enforce.", file=sys.stderr)
        return 1
    return _prove(asked, document)


def _observed(asked: argparse.Namespace) -> dict[str, Any]:
    return admin(asked.endpoint, "GET", f"observed?who={quote(asked.role, safe='')}")


def _prove(asked: argparse.Namespace, document: dict[str, Any]) -> int:
    iam = session("us-east-1").client("iam", endpoint_url=asked.endpoint)
    role = asked.role.rpartition("/")[2]
    before = _denials(asked)
    try:
        with _alone(iam, role, document):
            ended = subprocess.run(asked.prove, env=os.environ | {"AWS_ENDPOINT_URL": asked.endpoint}, check=False).returncode
    except (iam.exceptions.NoSuchEntityException, OSError) as error:
        print(f"kumoniwa: nothing was proven: {error}", file=sys.stderr)
        return 1
    for action, arn in sorted(_denials(asked) - before):
        print(f"kumoniwa: {role} was denied {action} on {arn}.", file=sys.stderr)
    print(f"kumoniwa: with that policy alone the command ended with {ended}: {'proven' if ended == 0 else 'not proven'}.", file=sys.stderr)
    return ended


def _denials(asked: argparse.Namespace) -> set[tuple[str, str]]:
    return {(each["action"], each["resource"]) for each in _observed(asked)["observed"] if not each["was_allowed"]}


@contextlib.contextmanager
def _alone(iam: Any, role: str, document: dict[str, Any]) -> Iterator[None]:
    """A role with one policy instead of all it has; afterwards it has them again."""
    attached = [
        each["PolicyArn"]
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
        for each in page["AttachedPolicies"]
    ]
    names = [name for page in iam.get_paginator("list_role_policies").paginate(RoleName=role) for name in page["PolicyNames"]]
    inline = {name: json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]) for name in names}
    try:
        for arn in attached:
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        for name in inline:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        iam.put_role_policy(RoleName=role, PolicyName=PROVEN, PolicyDocument=json.dumps(document))
        yield
    finally:
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_role_policy(RoleName=role, PolicyName=PROVEN)
        for name, text in inline.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
        for arn in attached:
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
