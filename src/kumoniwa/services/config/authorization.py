"""Aggregation authorizations: which account may collect, in one of its regions, what this one has recorded; and who has asked to.

https://docs.aws.amazon.com/config/latest/developerguide/authorize-aggregator-account-cli.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.regions import is_region
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.config import item, recorder
from kumoniwa.services.config.errors import InvalidParameterValueException

PENDING_PAGE = 20


class Authorization(Record):
    """Shelved by ``key_of``."""

    account: str
    region: str
    created: float
    tags: dict[str, str] = {}


class Pending(Record):
    """An aggregator that names this account and may not read it; shelved by ``key_of``."""

    account: str
    region: str


def key_of(account: str, region: str) -> str:
    return f"{account}/{region}"


def arn_of(call: Call, authorization: Authorization) -> str:
    return call.arn(f"aggregation-authorization/{authorization.account}/{authorization.region}")


def shown(call: Call, authorization: Authorization) -> dict[str, Any]:
    return {
        "AggregationAuthorizationArn": arn_of(call, authorization), "AuthorizedAccountId": authorization.account,
        "AuthorizedAwsRegion": authorization.region, "CreationTime": authorization.created,
    }  # fmt: skip


def PutAggregationAuthorization(
    call: Call, *, AuthorizedAccountId: str, AuthorizedAwsRegion: str, Tags: list[dict[str, str]] | None = None
) -> dict:
    """To authorize again changes nothing, the tags neither: recorded in getmoto/moto's test_put_aggregation_authorization."""
    if not is_region(AuthorizedAwsRegion):
        # No source tells AWS's words for a region that there is not.
        raise InvalidParameterValueException(f"The region {AuthorizedAwsRegion} is not valid.")
    key, tags = key_of(AuthorizedAccountId, AuthorizedAwsRegion), recorder.tags_said(Tags)
    held = call.shelf(Authorization).get(key)
    if held is None:
        held = Authorization(account=AuthorizedAccountId, region=AuthorizedAwsRegion, created=call.now(), tags=tags)
        call.shelf(Authorization)[key] = held
        call.shelf(Pending).pop(key, None)
    return {"AggregationAuthorization": shown(call, held)}


def DescribeAggregationAuthorizations(call: Call, *, Limit: int | None = None, NextToken: str | None = None) -> dict:
    listed = [shown(call, call.shelf(Authorization)[key]) for key in sorted(call.shelf(Authorization))]
    found, token = item.page(listed, Limit, NextToken)
    return item.with_token({"AggregationAuthorizations": found}, token, "NextToken")


def DeleteAggregationAuthorization(call: Call, *, AuthorizedAccountId: str, AuthorizedAwsRegion: str) -> None:
    """To take back what was not given is no mistake. The aggregator learns it when it reads next."""
    call.shelf(Authorization).pop(key_of(AuthorizedAccountId, AuthorizedAwsRegion), None)


def DescribePendingAggregationRequests(call: Call, *, Limit: int | None = None, NextToken: str | None = None) -> dict:
    pending = call.shelf(Pending)
    listed = [{"RequesterAccountId": pending[key].account, "RequesterAwsRegion": pending[key].region} for key in sorted(pending)]
    found, token = item.page(listed, Limit, NextToken, unasked=PENDING_PAGE, most=PENDING_PAGE)
    return item.with_token({"PendingAggregationRequests": found}, token, "NextToken")


def DeletePendingAggregationRequest(call: Call, *, RequesterAccountId: str, RequesterAwsRegion: str) -> None:
    call.shelf(Pending).pop(key_of(RequesterAccountId, RequesterAwsRegion), None)
