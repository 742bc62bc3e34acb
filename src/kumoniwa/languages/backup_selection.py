"""Which resources a selection of AWS Backup means: those named by ARN or by a tag.

What its ARNs or tags name is chosen, everything if it has neither; what its conditions do not hold for, or what it excepts, is not.
https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kumoniwa.languages.policy_pattern import glob

TAG = "aws:ResourceTag/"


class Chooser(NamedTuple):
    resources: Iterable[str]
    """Patterns of ARNs."""
    others: Iterable[str]
    """NotResources."""
    tags: Iterable[tuple[str, str]]
    """ListOfTags: any of these."""
    conditions: Mapping[str, Iterable[dict[str, str]]]
    """By operator, as AWS spells them: all of these."""

    def means(self, arn: str, tags: Mapping[str, str]) -> bool:
        is_open = not self.resources and not self.tags
        is_named = is_open or any(glob(pattern)(arn) for pattern in self.resources)
        is_tagged = any(tags.get(key) == value for key, value in self.tags)
        if not (is_named or is_tagged) or any(glob(pattern)(arn) for pattern in self.others):
            return False
        return all(_holds(operator, pair, tags) for operator, pairs in self.conditions.items() for pair in pairs)


def _holds(operator: str, pair: dict[str, str], tags: Mapping[str, str]) -> bool:
    value, wanted = tags.get(pair["ConditionKey"].removeprefix(TAG)), pair.get("ConditionValue", "")
    is_match = value is not None and (glob(wanted)(value) if operator.endswith("Like") else value == wanted)
    return is_match != ("Not" in operator)
