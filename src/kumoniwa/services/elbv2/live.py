"""What a region knows of targets while it lives: how they are, how many requests each is busy with, and whose turn is next.

None of it is kept: a region that was killed asks its targets anew, and until they have answered sends them all what comes.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.services.elbv2.target_group import Target, TargetGroup

HEALTHY, UNHEALTHY, INITIAL = "healthy", "unhealthy", "initial"


class Health:
    """How one target is."""

    __slots__ = ("state", "reason", "text", "good", "bad", "due_at", "healthy_since", "busy", "is_asked", "registered")

    def __init__(self, registered: float) -> None:
        self.registered = registered
        self.state, self.reason, self.text = INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress"
        self.good = self.bad = 0
        self.due_at = 0.0
        """When it is asked next."""
        self.healthy_since = 0.0
        self.busy = 0
        """Requests that it has not answered yet."""
        self.is_asked = False


class Live:
    def __init__(self) -> None:
        self.by_group: dict[str, dict[tuple[str, int], Health]] = {}
        self.turns: dict[str, int] = {}

    def of(self, group: TargetGroup, target: Target) -> Health:
        """A target that was registered anew begins anew."""
        known = self.by_group.setdefault(group.arn, {})
        found = known.get((target.id, target.port))
        if found is None or found.registered != target.registered:
            found = known[target.id, target.port] = Health(target.registered)
        return found

    def forget_others(self, groups: dict[str, TargetGroup]) -> None:
        for arn in [arn for arn in self.by_group if arn not in groups]:
            del self.by_group[arn]
            self.turns.pop(arn, None)
        for arn, known in self.by_group.items():
            there = {(each.id, each.port) for each in groups[arn].targets}
            for key in [key for key in known if key not in there]:
                del known[key]


def live(home: Any, account: str) -> Live:
    held = home.memory.get((account, Live))
    if held is None:
        held = home.memory[account, Live] = Live()
    return held


# Whose turn it is ---------------------------------------------------------------------------------------------------


def able(home: Any, account: str, group: TargetGroup) -> list[Target]:
    """The targets to which requests may go: the healthy ones, or, where there are too few of them, all that are registered.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health.html"""
    registered = [each for each in group.targets if each.draining_until is None]
    if group.kind == "lambda" and not group.check.is_on:
        return registered
    known = live(home, account)
    healthy = [each for each in registered if known.of(group, each).state == HEALTHY]
    least = 1 if group.kind == "lambda" else int(group.attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"))
    return healthy if len(healthy) >= least else registered


def picked(home: Any, account: str, group: TargetGroup, among: list[Target]) -> Target:
    """The target of the next request."""
    if len(among) == 1:
        return among[0]
    known, random = live(home, account), home.ids.random
    turn = known.turns.get(group.arn, 0)
    algorithm = group.attribute("load_balancing.algorithm.type")
    if algorithm == "weighted_random":
        return among[random.randrange(len(among))]
    if algorithm == "least_outstanding_requests":
        least = min(known.of(group, each).busy for each in among)
        among = [each for each in among if known.of(group, each).busy == least]
    start_s = int(group.attribute("slow_start.duration_seconds"))
    for step in range(len(among)):
        found = among[(turn + step) % len(among)]
        # One that begins slowly passes its turn on, ever less often.
        if not start_s or random.random() < _share(home, known.of(group, found), start_s):
            break
    known.turns[group.arn] = turn + step + 1
    return found


def _share(home: Any, health: Health, start_s: int) -> float:
    """How much of its full share a target gets. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html"""
    return (home.clock.now() - health.healthy_since) / start_s if health.healthy_since else 1.0
