"""Enabling: an account begins to use Security Hub in a region, says how, and ends it.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHub.html
"""

from __future__ import annotations

from functools import partial

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.securityhub import hub, standard, tag
from kumoniwa.services.securityhub.errors import (
    AccessDeniedException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.securityhub.hub import Hub
from kumoniwa.wire import timestamps


async def EnableSecurityHub(
    call: Call, *, Tags: dict[str, str] | None = None, EnableDefaultStandards: bool = True, ControlFindingGenerator: str = hub.SECURITY_CONTROL
) -> None:
    """Of AWS's two default standards one is here: CIS v1.2.0 is not enabled, and not listed by DescribeStandards."""
    _check_new(call)
    await hub.ROLE.ensure(call, AccessDeniedException)
    made = Hub(subscribed=call.now(), generator=ControlFindingGenerator, tags=tag.added({}, Tags))
    call.atomically(partial(_keep_new, call, made, EnableDefaultStandards))


def _check_new(call: Call) -> None:
    if hub.held(call) is not None:
        # https://github.com/hashicorp/terraform-provider-aws/issues/31875
        raise ResourceConflictException("Account is already subscribed to Security Hub")


def _keep_new(call: Call, made: Hub, has_standards: bool) -> None:
    _check_new(call)
    call.shelf(Hub)[hub.ONE] = made
    for each in standard.STANDARDS if has_standards else ():
        if each.is_default:
            standard.subscribe(call, each)
    hub.wake(call)


def DescribeHub(call: Call, *, HubArn: str | None = None) -> dict:
    held = hub.existing(call)
    if HubArn not in (None, hub.arn_of(call)):
        raise ResourceNotFoundException(f"The hub {HubArn} does not exist.")
    return {
        "HubArn": hub.arn_of(call), "SubscribedAt": timestamps.to_millisecond(held.subscribed), "AutoEnableControls": held.is_auto_enabling,
        "ControlFindingGenerator": held.generator,
    }  # fmt: skip


def UpdateSecurityHubConfiguration(call: Call, *, AutoEnableControls: bool | None = None, ControlFindingGenerator: str | None = None) -> None:
    """What ``AutoEnableControls`` says is kept; no new controls come while a cloud lives, so that nothing follows from it."""
    held = hub.existing(call)
    call.shelf(Hub)[hub.ONE] = changed(
        held, is_auto_enabling=held.is_auto_enabling if AutoEnableControls is None else AutoEnableControls,
        generator=ControlFindingGenerator or held.generator,
    )  # fmt: skip
    hub.wake(call)


def DisableSecurityHub(call: Call) -> None:
    """Standards end. Findings are kept for their 90 days, custom actions and insights stay.
    https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-data-retention.html"""
    hub.existing(call)
    for each in list(call.shelf(standard.Subscription).values()):
        standard.unsubscribe(call, each)
    del call.shelf(Hub)[hub.ONE]
    hub.wake(call)
