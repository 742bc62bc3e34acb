"""What uses cost by AWS's list prices: against sums made by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kumoniwa.aws import prices
from kumoniwa.cloud.bill import Standing, Used, bill, monthly

ACCOUNT = "000000000000"
JANUARY = 26_297_280
"""The first hour of January 2970."""
ORDERS = 1_000


def of_orders(region: str, count: int = ORDERS) -> list[Used]:
    """What orders use of an API, a function of 256 MB that takes 120 ms, a table and a queue."""
    each = {
        "apigateway:http_api_requests": 1, "lambda:requests": 1, "lambda:duration_x86": 0.120 * 0.25, "dynamodb:on_demand_write": 2,
        "dynamodb:on_demand_read": 0.5, "sqs:standard_requests": 3,
    }  # fmt: skip
    return [Used(region, ACCOUNT, JANUARY, usage, "shop", quantity * count) for usage, quantity in each.items()]


@pytest.mark.parametrize(
    ("region", "by_hand"),
    [
        # API 1.00, requests 0.20, 30 GB-seconds of 0.0000166667, 2,000 writes of 0.625, 500 reads of 0.125, 3,000 requests of 0.40 a million.
        ("us-east-1", ("0.001", "0.0002", "0.000500001", "0.00125", "0.0000625", "0.0012")),
        # 1.11, the same, the same, 0.705, 0.1415, the same.
        ("eu-west-1", ("0.00111", "0.0002", "0.000500001", "0.00141", "0.00007075", "0.0012")),
        # 1.29, the same, the same, 0.715, 0.1425, the same.
        ("ap-northeast-1", ("0.00129", "0.0002", "0.000500001", "0.00143", "0.00007125", "0.0012")),
    ],
)  # fmt: skip
def test_a_thousand_orders_cost_what_a_calculation_by_hand_says(region, by_hand):
    found = bill(of_orders(region))
    parts = [Decimal(part) for part in by_hand]
    assert sorted(line["usd"] for line in found["lines"]) == sorted(parts)
    assert found["usd"] == sum(parts)


def test_tiers_are_those_of_a_month_account_and_region():
    price = prices.price("apigateway:http_api_requests", "us-east-1")
    assert price.of(Decimal(300_000_000)) == 300 and price.of(Decimal(400_000_000)) == 300 + 90
    half = [Used("us-east-1", ACCOUNT, JANUARY + hour, "apigateway:http_api_requests", "shop", 200_000_000) for hour in (0, 24 * 31)]
    assert bill(half)["usd"] == 400
    assert bill([half[0], half[0]])["usd"] == 390
    assert bill([half[0], half[0]._replace(account="111111111111")])["usd"] == 400
    assert bill([half[0], half[0]._replace(region="us-west-2")])["usd"] == 400


def test_what_was_used_before_the_asked_hour_fills_the_tiers_and_is_not_asked_for():
    uses = [Used("us-east-1", ACCOUNT, JANUARY + hour, "apigateway:http_api_requests", "shop", 200_000_000) for hour in (0, 1)]
    found = bill(uses, JANUARY + 1)
    assert found["usd"] == 100 + 90 and found["lines"][0]["quantity"] == 200_000_000
    assert bill(uses, JANUARY + 2)["lines"] == []


def test_prices_that_are_not_proven_or_of_another_region_say_so():
    notes = {}
    for region, usage in (
        ("eu-west-1", "eventbridge:custom_events"), ("eu-west-1", "sns:fifo_publish"), ("eu-north-1", "sqs:standard_requests"),
        ("us-east-1", "sqs:standard_requests"), ("us-east-1", "lambda:provisioned_concurrency"),
    ):  # fmt: skip
        (line,) = bill([Used(region, ACCOUNT, JANUARY, usage, "x", 1_000_000)])["lines"]
        notes[region, usage] = (line["note"], line["usd"])
    assert notes == {
        ("eu-west-1", "eventbridge:custom_events"): ("unverified price", 1),
        ("eu-west-1", "sns:fifo_publish"): ("approximated: the price of us-east-1", Decimal("0.3")),
        ("eu-north-1", "sqs:standard_requests"): ("approximated: the price of us-east-1", Decimal("0.4")),
        ("us-east-1", "sqs:standard_requests"): ("", Decimal("0.4")),
        ("us-east-1", "lambda:provisioned_concurrency"): ("no price is known", None),
    }


def test_what_is_always_free_is_shared_by_the_regions_of_an_account():
    uses = [Used(region, ACCOUNT, JANUARY, "lambda:requests", "f", 800_000) for region in ("us-east-1", "eu-west-1")]
    found = bill(uses)
    assert (found["usd"], found["free_usd"]) == (Decimal("0.32"), Decimal("0.2"))
    assert bill(uses[:1])["free_usd"] == Decimal("0.16")
    assert bill([*uses, uses[0]._replace(hour=JANUARY + 1)], JANUARY + 1)["free_usd"] == 0


def test_the_first_people_and_traces_of_a_month_are_free():
    for usage, count in (("cognito:essentials_mau", 10_000), ("xray:traces_recorded", 100_000)):
        uses = [Used(region, ACCOUNT, JANUARY, usage, "x", count) for region in ("us-east-1", "eu-west-1")]
        assert bill(uses[:1])["free_usd"] == bill(uses[:1])["usd"] > 0
        assert bill(uses)["free_usd"] == bill(uses)["usd"] / 2


def test_a_key_that_stands_a_month_costs_its_price_and_half_a_month_half_of_it():
    key = Used("us-east-1", ACCOUNT, JANUARY, "kms:customer_key", "key", 730.0)
    assert bill([key])["usd"] == 1 and bill([key._replace(quantity=365.0)])["usd"] == Decimal("0.5")
    assert bill([key])["lines"][0]["unit"] == "key-month" and bill([key])["lines"][0]["quantity"] == 1
    units = Used("us-east-1", ACCOUNT, JANUARY, "dynamodb:provisioned_wcu", "items", 100.0)
    assert bill([units])["usd"] == Decimal("0.065")


def test_a_month_is_made_of_what_was_used_so_many_times_and_of_what_stands_now():
    used = [*of_orders("us-east-1", 1), Used("us-east-1", ACCOUNT, JANUARY, "kms:customer_key", "gone", 3.0)]
    found = monthly(used, [Standing("us-east-1", ACCOUNT, "kms:customer_key", "key", 2.0)], 1_000)
    assert found["usd"] == bill(of_orders("us-east-1"))["usd"] + 2


def test_a_metric_is_put_in_each_hour_of_a_month_as_in_its_busiest():
    used = [Used("us-east-1", ACCOUNT, JANUARY + hour, "cloudwatch:custom_metric", "shop", count) for hour, count in enumerate((2.0, 3.0, 1.0))]
    found = monthly(used, [], 1_000)
    assert found["lines"][0]["quantity"] == 3 and found["usd"] == Decimal("0.9")


def test_what_stands_without_a_price_is_not_counted_twice_in_a_month():
    used = [Used("us-east-1", ACCOUNT, JANUARY, "s3:one_zone_ia_storage", "shop", 3.0)]
    (line,) = monthly(used, [Standing("us-east-1", ACCOUNT, "s3:one_zone_ia_storage", "shop", 2.0)], 1_000)["lines"]
    assert (line["quantity"], line["usd"], line["note"]) == (2 * prices.MONTH_HOURS, None, "no price is known")


def test_lines_are_told_by_resource_where_somebody_asks():
    uses = [Used("us-east-1", ACCOUNT, JANUARY, "sqs:standard_requests", name, count) for name, count in (("a", 1_000_000), ("b", 3_000_000))]
    assert [(line["resource"], line["usd"]) for line in bill(uses, by_resource=True)["lines"]] == [("a", Decimal("0.4")), ("b", Decimal("1.2"))]


def test_every_price_names_its_source_or_says_that_it_has_none():
    table = prices._table()
    assert {usage for usage, region in table if region == "us-east-1"} == {usage for usage, _ in table}
    assert all(price.tiers[0][0] == 0 and price.tiers == tuple(sorted(price.tiers)) and price.per >= 1 for price in table.values())
