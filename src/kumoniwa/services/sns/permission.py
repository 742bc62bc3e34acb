"""Who may do what with a topic: the policy that every topic has, and the statements that AddPermission writes into it."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from kumoniwa.languages.policy import MalformedPolicyDocument, granting, parse, statements_in
from kumoniwa.services.sns.errors import InvalidParameterException

OWNERS = (
    "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
    "ListSubscriptionsByTopic", "Publish",
)  # fmt: skip
_GRANTABLE = {action.lower() for action in (*OWNERS, "Receive")}
_OUT_OF_SCOPE = "Policy statement action out of service scope!"


@lru_cache(maxsize=4096)
def default(topic: str, account: str) -> str:
    """The policy of a topic that was given none (recorded: test_create_topic_test_arn)."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in OWNERS],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}, separators=(",", ":"))


def checked(text: str) -> str:
    try:
        parse(text, "resource")
    except MalformedPolicyDocument as error:
        refusal = InvalidParameterException.of("Policy Error: null")
        refusal.hint = error.text
        raise refusal from None
    for statement in statements_in(json.loads(text)):
        said = statement.get("Action", [])
        for action in [said] if isinstance(said, str) else said:
            if action != "*" and not action.lower().startswith("sns:"):
                raise InvalidParameterException.of(_OUT_OF_SCOPE)
    return text


def with_statement(policy: str, topic: str, label: str, accounts: list[str], actions: list[str], partition: str) -> str:
    """Order of the refusals recorded: test_add_permission_errors."""
    document = json.loads(policy)
    held = statements_in(document)
    if any(statement.get("Sid") == label for statement in held):
        raise InvalidParameterException.of("Statement already exists")
    for account in accounts:
        if not re.fullmatch("[0-9]{12}", account):
            raise InvalidParameterException.of("Policy Error: PrincipalNotFound")
    for action in actions:
        if action.lower() not in _GRANTABLE and action != "*":
            raise InvalidParameterException.of(_OUT_OF_SCOPE)
    statement = granting(label, accounts, [f"SNS:{action}" for action in actions], topic, partition)
    return json.dumps({**document, "Statement": [*held, statement]}, separators=(",", ":"))


def without_statement(policy: str, label: str) -> str:
    """The policy without it; empty where nothing is left. A label that stands nowhere is removed with success."""
    document = json.loads(policy)
    kept = [statement for statement in statements_in(document) if statement.get("Sid") != label]
    return json.dumps({**document, "Statement": kept}, separators=(",", ":")) if kept else ""
