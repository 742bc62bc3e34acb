"""What a policy grants, and what it grants that another does not: answered where it can be shown, and ``Undecided`` elsewhere.

*Granted* is shown by a request that the statements really let through; *not granted* by there being no statement that could, or a denial
without conditions over all of it. *Nothing new* is shown by a statement of the other policy that says at least as much, under no further
denials.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kumoniwa.kernel import principal as principals
from kumoniwa.languages import policy_reach as reach
from kumoniwa.languages.policy import Policy, Statement
from kumoniwa.languages.policy_pattern import arn, glob
from kumoniwa.languages.policy_reach import Caller, Undecided, Zone

NOBODY_TRUSTED = Zone(account="", accounts=frozenset())
SOMEBODY = reach.member("111122223333")
STEPS_MAX = 20_000
TRIED_MAX = 40
"""So many actions are tried of those of which the other policy says nothing, that it denies somewhere, and that it only allows."""

Expanded = Callable[[str], Iterable[str]]
"""From a pattern to the actions that there are (``s3:GetObject``)."""


def _texts(statement: Statement, element: str) -> list[str]:
    value = statement.source.get(element, [])
    return [value] if isinstance(value, str) else list(value)


# Two patterns --------------------------------------------------------------------------------------


def _common(one: str, other: str) -> str | None:
    """A text that both patterns mean, if there is any."""
    queue, seen = deque([(0, 0, "")]), {(0, 0)}

    def go(i: int, j: int, text: str) -> None:
        if (i, j) not in seen:
            seen.add((i, j))
            queue.append((i, j, text))

    while queue:
        i, j, text = queue.popleft()
        if len(seen) > STEPS_MAX:
            raise Undecided
        a, b = one[i : i + 1], other[j : j + 1]
        if not a and not b:
            return text
        if a == "*":
            go(i + 1, j, text)
        if b == "*":
            go(i, j + 1, text)
        if a and b and (a == b or a in "*?" or b in "*?"):
            mark = next((each for each in (a, b) if each not in "*?"), "x")
            go(i if a == "*" else i + 1, j if b == "*" else j + 1, text + mark)
    return None


def common_resource(one: str, other: str) -> str | None:
    """A resource that both patterns mean: wildcards of an ARN stay between its colons."""
    if one == "*" or other == "*":
        return (other if one == "*" else one).replace("*", "x").replace("?", "x")
    parts = []
    for a, b in zip(_parts(one), _parts(other)):
        part = _common(a, b)
        if part is None:
            return None
        parts.append(part)
    return ":".join(parts)


def _parts(text: str) -> list[str]:
    parts = text.split(":", 5)
    return parts + ["*"] * (6 - len(parts))


def _holds_all(wide: str, narrow: str, match: Callable[[str], Callable[[str], bool]]) -> bool:
    """Whether one pattern means everything that another does."""
    return wide in ("*", narrow) or ("?" not in wide and narrow != "*" and match(wide)(narrow))


# Granted -------------------------------------------------------------------------------------------


def granting(policy: Policy, actions: Iterable[str], resources: list[str]) -> list[int]:
    """The statements by which somebody may do one of the actions to one of the resources. Raises ``Undecided``."""
    found = []
    for index, statement in enumerate(policy.statements):
        if not statement.is_deny and any(_is_granted(policy, statement, action, resources) for action in actions if statement.fits(action.lower())):
            found.append(index)
    return found


def _is_granted(policy: Policy, statement: Statement, action: str, resources: list[str]) -> bool:
    is_open = False
    for wanted in resources:
        for text in _texts(statement, "Resource") or ["*"]:
            if "${" in text:
                raise Undecided
            sample = common_resource(text, wanted)
            if sample is None or _is_shut(policy, action, text, wanted):
                continue
            if any(_lets(policy, principal, action, sample, context) for principal, context in requests(policy, statement)):
                return True
            is_open = True
    if is_open:
        raise Undecided
    return False


def _is_shut(policy: Policy, action: str, *patterns: str) -> bool:
    """Whether a denial without conditions covers all that one of the patterns means, for everybody."""
    return any(
        denial.is_deny and denial.fits(action.lower()) and "Condition" not in denial.source and denial.source.get("Principal", "*") in ("*", {"AWS": "*"})
        and any(_holds_all(text, each, arn) for text in _texts(denial, "Resource") for each in patterns)
        for denial in policy.statements
    )  # fmt: skip


def requests(policy: Policy, statement: Statement) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Requests that meet the conditions of a statement, by those whom it names."""
    conditions = reach.read_conditions(statement)
    if any("${" in text for _, _, _, wanted in conditions for text in wanted):
        raise Undecided
    denials = [each for each in policy.statements if each.is_deny]
    asked = reach.asked_of(conditions, [each for denial in denials for each in reach.read_conditions(denial)])
    for caller in _callers(statement, asked, str([statement.source, *(denial.source for denial in denials)])):
        for context, _ in reach.contexts(statement, conditions, asked, caller, NOBODY_TRUSTED):
            yield caller.principal, context


def _callers(statement: Statement, asked: Any, said: str) -> Iterator[Caller]:
    if statement.names is None:
        yield SOMEBODY
        return
    if "NotPrincipal" in statement.source:
        raise Undecided
    for kind, value in reach.named_principals(statement):
        if kind == "Service":
            yield Caller(principals.service(value, ""), {"aws:principalisawsservice": True, "aws:principalservicename": value})
        else:
            yield from reach.callers(kind, value, asked, said, NOBODY_TRUSTED)


def _lets(policy: Policy, principal: Any, action: str, resource: str, context: dict[str, Any]) -> bool:
    """The decision of one policy alone."""
    folded = action.lower()
    applying = [
        each for each in policy.statements
        if each.fits(folded) and (each.names is None or each.names(principal, context)) and each.applies(resource, context)
    ]  # fmt: skip
    return bool(applying) and not any(each.is_deny for each in applying)


# Nothing new ---------------------------------------------------------------------------------------


def adding(new: Policy, old: Policy, expanded: Expanded) -> list[int]:
    """The statements of ``new`` that grant what ``old`` does not. Raises ``Undecided``."""
    kept = [_bare(each) for each in new.statements if each.is_deny]
    is_as_bound = all(_bare(each) in kept for each in old.statements if each.is_deny)
    found = []
    for index, statement in enumerate(new.statements):
        if statement.is_deny or (is_as_bound and _is_said(statement, old)):
            continue
        if not _has_more(new, statement, old, expanded):
            raise Undecided
        found.append(index)
    return found


def _bare(statement: Statement) -> dict[str, Any]:
    return {name: value for name, value in statement.source.items() if name != "Sid"}


def _is_said(statement: Statement, old: Policy) -> bool:
    """Whether for each action on each resource that it names ``old`` has a statement that says as much."""
    if "NotAction" in statement.source or "NotResource" in statement.source:
        return any(_bare(each) == _bare(statement) for each in old.statements)
    pairs = [(action.lower(), resource) for action in _texts(statement, "Action") for resource in _texts(statement, "Resource") or ["*"]]
    return all(any(_says(each, action, resource, statement) for each in old.statements) for action, resource in pairs)


def _says(old: Statement, action: str, resource: str, statement: Statement) -> bool:
    if old.is_deny or "NotAction" in old.source or "NotResource" in old.source or "NotPrincipal" in old.source:
        return False
    is_wide = any(_holds_all(text.lower(), action, glob) for text in _texts(old, "Action"))
    is_wide = is_wide and any(_holds_all(text, resource, arn) for text in _texts(old, "Resource") or ["*"])
    return is_wide and _is_as_open(old, statement) and _is_as_free(old, statement)


def _is_as_open(old: Statement, statement: Statement) -> bool:
    if old.names is None:
        return True
    held = set(reach.named_principals(old))
    return ("AWS", "*") in held or set(reach.named_principals(statement)) <= held


def _is_as_free(old: Statement, statement: Statement) -> bool:
    """Whether every condition of the old statement stands in the new one, too."""
    theirs, ours = (each.source.get("Condition") or {} for each in (old, statement))
    return all(ours.get(operator, {}).get(key, ...) == value for operator, keys in theirs.items() for key, value in keys.items())


def _has_more(new: Policy, statement: Statement, old: Policy, expanded: Expanded) -> bool:
    """Whether a request is found that ``new`` lets through by this statement and ``old`` does not."""
    patterns = _texts(statement, "Action") or ["*"]
    actions = [action for text in patterns for action in expanded(text) if statement.fits(action.lower())]
    fresh, denied, shared = [], [], []
    for action in actions:
        means = [each.is_deny for each in old.statements if each.fits(action.lower())]
        (denied if True in means else shared if means else fresh).append(action)
    resources = [text.replace("*", reach.STRANGER).replace("?", "x") for text in _texts(statement, "Resource") or ["*"]]
    if any("${" in text for text in resources):
        raise Undecided
    asked = list(requests(new, statement))
    return any(
        statement.applies(resource, context) and _lets(new, principal, action, resource, context)
        and not _lets(old, principal, action, resource, context)
        for action in (*fresh[:TRIED_MAX], *denied[:TRIED_MAX], *shared[:TRIED_MAX])
        for resource in resources for principal, context in asked
    )  # fmt: skip
