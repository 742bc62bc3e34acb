"""Where a request goes under a name that several regions answer to: to the nearest of those that are active and there.

On AWS it is Global Accelerator that leads requests for Multi-Region Access Points. Here the edge tells which regions are active, and whoever
holds the connection knows which of them live. "If traffic disruption occurs in an active-active configuration, network traffic will
automatically be redirected to one of the active Regions."
https://docs.aws.amazon.com/AmazonS3/latest/userguide/FailoverConfiguration.html
"""

from __future__ import annotations

from collections.abc import Callable

from kumoniwa.cloud.links import Links


def nearest(active: list[str], here: str, links: Links, lives: Callable[[str], bool]) -> str:
    """The active region that is reached soonest from ``here``; where none lives, the one that would be."""

    def way(region: str) -> tuple[bool, float, str]:
        if region == here:
            return False, 0.0, region
        there, back = links.conditions(here, region), links.conditions(region, here)
        return there.is_cut or back.is_cut, there.delay_ms + back.delay_ms, region

    ordered = sorted(active, key=way)
    return next((region for region in ordered if lives(region)), ordered[0])
