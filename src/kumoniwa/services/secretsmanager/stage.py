"""Staging labels: each is on one version at most, and AWSPREVIOUS follows AWSCURRENT.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

from __future__ import annotations

from kumoniwa.services.secretsmanager.errors import InvalidParameterException

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
LABELS_MAX = 20

Stages = dict[str, tuple[str, ...]]


def holder(stages: Stages, label: str) -> str | None:
    """The version that has the label."""
    return next((version for version, labels in stages.items() if label in labels), None)


def _put(stages: Stages, version: str, label: str) -> Stages:
    bare = {id_: tuple(each for each in labels if each != label) for id_, labels in stages.items()}
    return {**bare, version: (*bare.get(version, ()), label)}


def moved(stages: Stages, version: str, labels: tuple[str, ...]) -> Stages:
    """The labels after these were put on a version: where AWSCURRENT was, there is AWSPREVIOUS now, and AWSPENDING no longer."""
    stages = {**stages, version: stages.get(version, ())}
    for label in labels:
        before = holder(stages, label)
        stages = _put(stages, version, label)
        if label == CURRENT and before is not None and before != version:
            stages = removed(_put(stages, before, PREVIOUS), before, PENDING)
    if len(stages[version]) > LABELS_MAX:
        raise InvalidParameterException(f"A version has {LABELS_MAX} staging labels at most.")
    return stages


def removed(stages: Stages, version: str, label: str) -> Stages:
    return {**stages, version: tuple(each for each in stages[version] if each != label)}
