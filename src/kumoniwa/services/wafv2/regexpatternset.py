"""Regex pattern sets: expressions of which one is to be found."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.services.wafv2 import checking, errors, part
from kumoniwa.services.wafv2.scope import kept_by_scope

KIND = "regexpatternset"
PATTERNS_MAX = 10
"""https://docs.aws.amazon.com/waf/latest/developerguide/limits.html"""


def _checked(patterns: list[dict[str, str]]) -> list[dict[str, str]]:
    if len(patterns) > PATTERNS_MAX:
        raise errors.WAFLimitsExceededException
    for each in patterns:
        checking.check_regex(each.get("RegexString", ""))
    return patterns


@kept_by_scope
def CreateRegexPatternSet(
    call: Call, *, Name: str, Scope: str, RegularExpressionList: list[dict[str, str]], Description: str | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:  # fmt: skip
    document = {"Name": Name, "Description": Description, "RegularExpressionList": _checked(RegularExpressionList)}
    return part.make(call, Scope, KIND, document, Tags)


@kept_by_scope
def GetRegexPatternSet(call: Call, *, Name: str, Scope: str, Id: str) -> dict:
    found = part.named(call, Scope, KIND, Name, Id)
    return {"RegexPatternSet": found.document, "LockToken": found.lock}


@kept_by_scope
def UpdateRegexPatternSet(
    call: Call, *, Name: str, Scope: str, Id: str, RegularExpressionList: list[dict[str, str]], LockToken: str,
    Description: str | None = None,
) -> dict:  # fmt: skip
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    return part.keep(call, found, Description=Description, RegularExpressionList=_checked(RegularExpressionList))


@kept_by_scope
def DeleteRegexPatternSet(call: Call, *, Name: str, Scope: str, Id: str, LockToken: str) -> dict:
    found = part.locked(call, Scope, KIND, Name, Id, LockToken)
    part.check_unused(call, found)
    part.drop(call, found)
    return {}


@kept_by_scope
def ListRegexPatternSets(call: Call, *, Scope: str, NextMarker: str | None = None, Limit: int | None = None) -> dict:
    return part.listed(call, Scope, KIND, "RegexPatternSets", NextMarker, Limit)
