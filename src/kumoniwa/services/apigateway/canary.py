"""Canary releases: a share of a stage's callers meets another deployment, with variables of its own.

Recorded from AWS: which patches change a canary, and that promotion copies from the canary and never to it.
https://docs.aws.amazon.com/apigateway/latest/developerguide/canary-release.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.apigateway.patch import BadRequestException, flag, unescaped

COPIES = {"/deploymentId": "/canarySettings/deploymentId", "/variables": "/canarySettings/stageVariableOverrides"}
"""What a promotion copies: where to, and from where."""


def _percent(value: Any) -> float:
    try:
        percent = float(value)
    except (TypeError, ValueError):
        percent = -1.0
    if not 0 <= percent <= 100:
        raise BadRequestException(f"Invalid canary percentTraffic specified: {value}. Must be between 0.0 and 100.0")
    return percent


def settings(given: dict[str, Any] | None, deployment_id: str) -> dict[str, Any]:
    """A canary as a stage tells it; without wishes one that nobody meets."""
    given = given or {}
    canary = {
        "percentTraffic": _percent(given.get("percentTraffic", 0.0)),
        "deploymentId": given.get("deploymentId", deployment_id),
        "useStageCache": bool(given.get("useStageCache", False)),
    }
    return canary | ({"stageVariableOverrides": given["stageVariableOverrides"]} if given.get("stageVariableOverrides") else {})


def replace(document: dict[str, Any], path: str, value: str | None) -> bool:
    """Change a stage's canary, or make it. False for a place that a canary does not have."""
    canary = document.get("canarySettings") or settings(None, document["deploymentId"])
    _, _, member, *rest = path.split("/")
    if member == "percentTraffic" and not rest:
        canary["percentTraffic"] = _percent(value)
    elif member == "deploymentId" and not rest:
        canary["deploymentId"] = value or ""
    elif member == "useStageCache" and not rest:
        canary["useStageCache"] = flag(value)
    elif member == "stageVariableOverrides" and len(rest) == 1:
        canary["stageVariableOverrides"] = canary.get("stageVariableOverrides", {}) | {unescaped(rest[0]): value or ""}
    else:
        return False
    document["canarySettings"] = canary
    return True


def remove(document: dict[str, Any], path: str) -> bool:
    """Take away a stage's canary or one of its variables. False for anything else."""
    parts = path.split("/")[1:]
    if parts == ["canarySettings"]:
        document.pop("canarySettings", None)
        return True
    if len(parts) == 3 and parts[1] == "stageVariableOverrides":
        overrides = document.get("canarySettings", {}).get("stageVariableOverrides", {})
        overrides.pop(unescaped(parts[2]), None)
        return True
    return False


def promote(document: dict[str, Any], path: str, source: str) -> None:
    """Copy the canary's deployment or its variables to the stage itself."""
    if COPIES.get(path) != source:
        raise BadRequestException(
            f"Invalid copy operation with path: {path} and from {source}. Valid copy:path are [{', '.join(COPIES)}] "
            f"and valid copy:from are [{', '.join(COPIES.values())}]"
        )
    canary = document.get("canarySettings")
    if canary is None:
        raise BadRequestException("Promotion not available. Canary does not exist.")
    if path == "/deploymentId":
        document["deploymentId"] = canary["deploymentId"]
    elif canary.get("stageVariableOverrides"):
        document["variables"] = document.get("variables", {}) | canary["stageVariableOverrides"]
