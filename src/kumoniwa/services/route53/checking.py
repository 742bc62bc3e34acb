"""Whether endpoints are healthy: what checkers in several regions saw, and what follows from it.

Each checker changes its mind after as many equal observations in a row as the failure threshold says. An endpoint is healthy while
more than 18 % of its checkers say so. A new check is healthy until there is a reason to think otherwise.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from kumoniwa.kernel.record import Record
from kumoniwa.services.route53.healthcheck import ENDPOINT_TYPES, RANGES, HealthCheck

HEALTHY_ABOVE = 0.18
SPACE = "AWS/Route53"
NEVER = 0.0


class Observation(NamedTuple):
    """What one probe saw, in the words of GetHealthCheckStatus."""

    is_success: bool
    text: str


class Verdict(Record):
    """What was last thought of an endpoint, under the check's id; so that a restart does not forget that it was down."""

    is_healthy: bool
    since: float


class Checker:
    """One checker's opinion of one endpoint."""

    __slots__ = ("is_healthy", "streak", "seen", "seen_at", "failure", "failed_at")

    def __init__(self, is_healthy: bool) -> None:
        self.is_healthy = is_healthy
        self.streak = 0
        """How many observations in a row spoke against the opinion."""
        self.seen = self.failure = ""
        self.seen_at = self.failed_at = NEVER

    def observe(self, seen: Observation, threshold: int, at: float) -> None:
        self.seen, self.seen_at = seen.text, at
        if not seen.is_success:
            self.failure, self.failed_at = seen.text, at
        if seen.is_success == self.is_healthy:
            self.streak = 0
            return
        self.streak += 1
        if self.streak >= threshold:
            self.is_healthy, self.streak = seen.is_success, 0


def is_endpoint_healthy(opinions: Iterable[bool]) -> bool:
    """The 18 % rule."""
    found = list(opinions)
    return sum(found) > HEALTHY_ABOVE * len(found)


def is_enough(healthy: int, threshold: int, children: int) -> bool:
    """Whether a calculated check is healthy: never if it wants more than there are, always if it wants none."""
    return threshold <= children and healthy >= threshold


def first_probe_in(check_id: str, region: str, interval_s: int, now: float) -> float:
    """Seconds until a checker's first probe. The checkers of an endpoint keep out of step with each other, and in step with
    themselves over a restart."""
    phase = zlib.crc32(f"{check_id}/{region}".encode()) % (interval_s * 1000) / 1000
    return (phase - now) % interval_s


class Watched:
    """One health check, and what its checkers think."""

    def __init__(self, account: str, check: HealthCheck, verdict: Verdict) -> None:
        self.account, self.check, self.verdict = account, check, verdict
        self.checkers: dict[str, Checker] = {}
        self.is_healthy = True
        """As records see it: with the inversion and all."""

    @property
    def is_probed(self) -> bool:
        return self.check.config["Type"] in ENDPOINT_TYPES and not self.check.config["Disabled"]

    def regions(self) -> list[str]:
        return list(self.check.config.get("Regions") or RANGES)

    def checker(self, region: str) -> Checker:
        found = self.checkers.get(region)
        if found is None:
            found = self.checkers[region] = Checker(self.verdict.is_healthy)
        return found


class Verdicts:
    """The state of all health checks. ``on_change`` is called when one becomes healthy or unhealthy."""

    def __init__(self, home: Any, on_change: Callable[[], None]) -> None:
        self.home, self.on_change = home, on_change
        self.watched: dict[str, Watched] = {}
        self.plans = 0
        """Grows whenever checks come, change or go, so that whoever sends probes out knows that its plans are old."""

    def is_healthy(self, check_id: str) -> bool:
        found = self.watched.get(check_id)
        return found is None or found.is_healthy

    def put(self, account: str, check: HealthCheck) -> None:
        """A check is new, or was changed: what was thought of it stays until probes say otherwise."""
        shelf, known = self.home.store.shelf(account, Verdict), self.watched.get(check.id)
        verdict = shelf.get(check.id) or Verdict(is_healthy=True, since=check.created)
        watched = self.watched[check.id] = Watched(account, check, verdict)
        if known is not None:
            watched.checkers = {region: known.checkers[region] for region in watched.regions() if region in known.checkers}
            watched.is_healthy = known.is_healthy
        else:
            watched.is_healthy = self._effective(watched)
        self.plans += 1
        self.home.meter.gauge(("route53", check.id), partial(self._measure, check.id))
        self.refresh()
        self.home.wake(("route53", "checks"))
        self.home.wake(("route53", "alarms"))

    def drop(self, check_id: str) -> None:
        watched = self.watched.pop(check_id, None)
        self.home.meter.gauge(("route53", check_id), None)
        if watched is not None:
            self.home.store.shelf(watched.account, Verdict).pop(check_id, None)
            self.refresh()

    def observe(self, watched: Watched, region: str, seen: Observation) -> None:
        """One probe came back."""
        if self.watched.get(watched.check.id) is not watched:
            return  # the check was changed or deleted while the probe was out
        now = self.home.clock.now()
        watched.checker(region).observe(seen, watched.check.config["FailureThreshold"], now)
        self.judge(watched, is_endpoint_healthy(watched.checker(each).is_healthy for each in watched.regions()))

    def judge(self, watched: Watched, is_healthy: bool) -> None:
        """So it is, whoever says so."""
        if self.watched.get(watched.check.id) is watched and is_healthy != watched.verdict.is_healthy:
            watched.verdict = Verdict(is_healthy=is_healthy, since=self.home.clock.now())
            self.home.store.shelf(watched.account, Verdict)[watched.check.id] = watched.verdict
            self.refresh()

    def _measure(self, check_id: str) -> None:
        """https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html"""
        watched = self.watched.get(check_id)
        if watched is None:
            return
        named = ("HealthCheckId", check_id)
        self.home.meter.count(watched.account, SPACE, "HealthCheckStatus", named, float(watched.is_healthy), "None")
        if watched.is_probed:
            opinions = [watched.checker(region).is_healthy for region in watched.regions()]
            share = 100.0 * sum(opinions) / len(opinions)
            self.home.meter.count(watched.account, SPACE, "HealthCheckPercentageHealthy", named, share, "Percent")

    def refresh(self) -> None:
        """See what follows for every check, and tell of those that changed."""
        has_changed = False
        # Twice over, because a calculated check follows its children.
        for calculated in (False, True):
            for watched in self.watched.values():
                if (watched.check.config["Type"] == "CALCULATED") is calculated:
                    is_healthy = self._effective(watched)
                    if is_healthy != watched.is_healthy:
                        watched.is_healthy, has_changed = is_healthy, True
                        self.home.note(
                            "health", check=watched.check.id, account=watched.account, state="healthy" if is_healthy else "unhealthy"
                        )
        if has_changed:
            self.on_change()

    def _effective(self, watched: Watched) -> bool:
        config = watched.check.config
        if config["Disabled"]:
            seen = True
        elif config["Type"] == "CALCULATED":
            children = config.get("ChildHealthChecks", ())
            seen = is_enough(sum(map(self.is_healthy, children)), config["HealthThreshold"], len(children))
        else:
            seen = watched.verdict.is_healthy
        period = self.flapping(watched.check.id)
        if period:
            seen = int(self.home.clock.now() / period) % 2 == 0
        return seen != config["Inverted"]

    def flapping(self, check_id: str) -> float:
        """The period with which somebody made a check's answers alternate; 0 if nobody did."""
        if not self.home.faults:
            return 0.0
        fault = self.home.faults.hit("dns.health-flap", health_check=check_id)
        return float(fault.params["period"]) if fault is not None else 0.0

    def flap_period(self) -> float:
        """The shortest period of any check, 0 if none alternates."""
        return min((period for check_id in self.watched if (period := self.flapping(check_id))), default=0.0) if self.home.faults else 0.0

    # What is asked about checks ------------------------------------------------------------------------

    def status(self, check_id: str) -> list[dict]:
        """What each checker saw last."""
        return self._told(check_id, lambda checker: (checker.seen, checker.seen_at))

    def failure(self, check_id: str) -> list[dict]:
        """What each checker saw when it last failed."""
        return self._told(check_id, lambda checker: (checker.failure, checker.failed_at))

    def _told(self, check_id: str, which: Callable[[Checker], tuple[str, float]]) -> list[dict]:
        watched = self.watched.get(check_id)
        if watched is None:
            return []
        found = []
        for region in watched.regions():
            text, at = which(watched.checkers[region]) if region in watched.checkers else ("", NEVER)
            if text:
                address = RANGES[region][0].partition("/")[0].rpartition(".")
                report = {"Status": text, "CheckedTime": at}
                # The first address of the range that is a host's.
                found.append({"Region": region, "IPAddress": f"{address[0]}.{int(address[2]) + 1}", "StatusReport": report})
        return found
