"""The policies AWS manages, ``arn:aws:iam::aws:policy/…``: those that templates and people attach most often.

A data file of facts as AWS publishes them (iam:ListPolicies and iam:GetPolicyVersion of March 2026), read when the first one
is asked for. Only default versions are held. Those of service-linked roles, of which AWS's reference tells no ids, have none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson

PREFIX = "arn:aws:iam::aws:policy/"
ROOT_TASKS = f"{PREFIX}root-task/"
"""Those that scope a session of AssumeRoot and nothing else, as iann0036/iam-dataset has them of November 2024.
https://docs.aws.amazon.com/IAM/latest/UserGuide/security-iam-awsmanpol.html"""


class ManagedPolicy(NamedTuple):
    arn: str
    id: str
    name: str
    path: str
    version: str
    created: float
    updated: float
    document: str


@cache
def policies() -> dict[str, ManagedPolicy]:
    """Every policy held here, by ARN."""
    held = orjson.loads(Path(__file__).with_suffix(".json").read_bytes())
    return {policy["Arn"]: _read(policy) for policy in held}


def _read(policy: dict) -> ManagedPolicy:
    path, _, name = policy["Arn"].removeprefix(PREFIX.rstrip("/")).rpartition("/")
    document = orjson.dumps(policy["Document"], option=orjson.OPT_INDENT_2).decode()
    created, updated = policy["Created"], policy["Updated"]
    return ManagedPolicy(policy["Arn"], policy.get("PolicyId", ""), name, f"{path}/", policy["VersionId"], created, updated, document)
