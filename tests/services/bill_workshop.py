"""What a region of the tests would say to whoever asks for the bill."""

from collections import Counter


def used(cloud, region: str = "us-east-1") -> dict[tuple[str, str], float]:
    """What was used of what, in all hours together: ``{("sqs:standard_requests", "orders"): 3.0}``."""
    total: Counter = Counter()

    async def told() -> dict:
        return cloud.region(region).gate.ledger.told()

    for _, _, usage, resource, quantity in cloud.run(told())["used"]:
        total[usage, resource] += quantity
    return dict(total)
