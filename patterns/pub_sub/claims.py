"""What the pattern claims: each who wants to know gets one copy; nobody waits for another, and nobody is stopped by what stops another."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stage import all_at_once, at_once, holds, percentile, seconds, until

COUNTRIES = ["JP", "DE", "US"]
WANTED = {"Ledger": lambda order: True, "Fraud": lambda order: order["amount"] >= 100, "Tax": lambda order: order["country"] == "JP"}


class Shop:
    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made

    def place(self, order):
        """Seconds until it was answered."""
        began = time.monotonic()
        answer = self.cloud.invoke(self.made["Place"], order)
        assert answer == {"placed": order["order"]}, answer
        return time.monotonic() - began

    def heard(self, who, least):
        """What a subscriber was told, once it was told so much."""
        url = self.made[f"{who}Url"]
        until(lambda: self.cloud.backlog(url) >= least)
        return [json.loads(body) for body in self.cloud.drained(url)]

    def done(self, prefix):
        return {row["order"]: row for row in self.cloud.rows(self.made["Done"]) if row["order"].startswith(prefix)}

    def are_done(self, prefix, count, within_s=60):
        return until(lambda: len(self.done(prefix)) == count, within_s)

    def work(self, is_enabled):
        client, uuid = self.cloud.client("lambda"), self.made["Mapping"]
        client.update_event_source_mapping(UUID=uuid, Enabled=is_enabled)
        until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == ("Enabled" if is_enabled else "Disabled"))


def orders(prefix, count):
    return [{"order": f"{prefix}-{n}", "amount": 5 * n, "country": COUNTRIES[n % 3]} for n in range(count)]


def show(cloud):
    shop = Shop(cloud, cloud.deploy(Path(__file__).with_name("template.yaml"), "pub-sub"))
    began = datetime.now(UTC)
    placed = orders("first", 30)
    all_at_once(shop.place, placed, workers=4)
    for who, wants in WANTED.items():
        wanted = sorted(order["order"] for order in placed if wants(order))
        heard = sorted(order["order"] for order in shop.heard(who, len(wanted)))
        holds(f"{who} hears of the orders it wants, once of each", heard == wanted, f"{len(heard)} of {len(placed)}")

    cloud.client("events").start_replay(
        ReplayName="again", EventSourceArn=shop.made["Archive"], EventStartTime=began - timedelta(minutes=1), EventEndTime=datetime.now(UTC),
        Destination={"Arn": shop.made["BusArn"], "FilterArns": [shop.made["LedgerRule"]]},
    )  # fmt: skip
    heard = sorted(order["order"] for order in shop.heard("Ledger", len(placed)))
    silent = [who for who in ("Fraud", "Tax") if not cloud.backlog(shop.made[f"{who}Url"])]
    holds("a replay tells the ledger what was, and nobody else", heard == sorted(order["order"] for order in placed) and len(silent) == 2, f"{len(heard)} events")

    with cloud.fault("lambda.concurrency", {"function": shop.made["Work"]}, limit=0):
        waits = [shop.place(order) for order in orders("down", 30)]
        idle = not shop.done("down")
    took = shop.are_done("down", 30)
    holds("while a subscriber is down who places orders is answered (p50, p99)", idle, f"{seconds(percentile(waits, 50))}, {seconds(percentile(waits, 99))}")
    holds("and the subscriber catches up when it is back", took is not None, seconds(took))

    poison = {7, 21}
    for n, order in enumerate(orders("poisoned", 30)):
        shop.place({key: value for key, value in order.items() if key != "amount" or n not in poison})
    took = shop.are_done("poisoned", 28)
    holds("poison stops nobody else", took is not None, f"28 of 30 done, {seconds(took)}")
    took = until(lambda: cloud.backlog(shop.made["PoisonUrl"]) == 2)
    found = sorted(json.loads(body)["order"] for body in cloud.drained(shop.made["PoisonUrl"]))
    holds("and ends in the dead-letter queue", found == ["poisoned-21", "poisoned-7"], f"{' '.join(found)}, {seconds(took)}")
    by_topic(cloud, shop)
    backlog(cloud, shop)
    killed(cloud, shop)


def publish(cloud, shop, placed):
    """Tell the topic of up to ten orders, until it has taken each."""
    entries = [
        {"Id": str(n), "Message": json.dumps(order), "MessageAttributes": {"tier": {"DataType": "String", "StringValue": order["tier"]}}}
        for n, order in enumerate(placed)
    ]
    return until(lambda: not cloud.client("sns").publish_batch(TopicArn=shop.made["Topic"], PublishBatchRequestEntries=entries).get("Failed"))


def by_topic(cloud, shop):
    placed = [{**order, "tier": "gold" if n % 5 == 0 else "plain", "urgent": n % 4 == 0} for n, order in enumerate(orders("topic", 30))]
    for start in range(0, len(placed), 10):
        publish(cloud, shop, placed[start : start + 10])
    wanted = {"Shipping": placed, "Concierge": [order for order in placed if order["tier"] == "gold"]}
    heard = {who: sorted(order["order"] for order in shop.heard(who, len(orders))) for who, orders in wanted.items()}
    urgent = {order["order"] for order in placed if order["urgent"]}
    took = shop.are_done("topic", len(urgent))
    right = all(heard[who] == sorted(order["order"] for order in orders) for who, orders in wanted.items())
    right = right and took is not None and set(shop.done("topic")) == urgent
    holds("by a topic, too: all, by attribute, by body; once of each", right, f"{len(heard['Shipping'])}, {len(heard['Concierge'])}, {len(urgent)} of {len(placed)}")


def killed(cloud, shop):
    """Orders go through topic, queue, function and table while the region is killed again and again."""
    count, kills = (200, 1) if cloud.is_short else (10_000, 10)
    placed = [{**order, "tier": "plain", "urgent": True} for order in orders("killed", count)]
    batches = [placed[start : start + 10] for start in range(0, count, 10)]
    share = len(batches) // (kills + 1)
    taken = 0
    for n in range(kills + 1):
        part = batches[n * share :] if n == kills else batches[n * share : (n + 1) * share]
        taken += sum(took is not None for took in all_at_once(lambda batch: publish(cloud, shop, batch), part, workers=4))
        if n < kills:
            cloud.kill_and_restart()
    took = until(lambda: len(shop.done("killed")) == count, 300)
    claim = f"{count} through topic, queue, function and table, the region killed {kills} times: none is lost"
    holds(claim, taken == len(batches) and took is not None, f"{count - len(shop.done('killed'))} lost, {seconds(took)}")


def backlog(cloud, shop):
    """A queue that has filled while nobody worked is emptied by more and more at once: five to begin with, more after a minute."""
    count, work_s = (300, 0.1) if cloud.is_short else (10_000, 0.5)
    shop.work(False)

    def send(start):
        entries = [{"Id": str(n), "MessageBody": json.dumps({"order": f"late-{n}", "amount": 1, "work_s": work_s})} for n in range(start, start + 10)]
        assert not cloud.client("sqs").send_message_batch(QueueUrl=shop.made["WorkUrl"], Entries=entries).get("Failed")

    all_at_once(send, range(0, count, 10), workers=8)
    waited = cloud.backlog(shop.made["WorkUrl"])
    shop.work(True)
    took = until(lambda: not cloud.backlog(shop.made["WorkUrl"]), 300)
    rows = shop.done("late")
    holds(f"a backlog of {count} is worked off, each of it", waited == count and len(rows) == count, f"{len(rows)} in {seconds(took)}")
    spans = sorted({(float(row["began"]), float(row["ended"])) for row in rows.values()})
    first = [span for span in spans if span[0] < spans[0][0] + 55]
    grown = at_once(spans)
    claim = "by five at once" if cloud.is_short else "by five at once in the first minute, and then by more"
    holds(claim, at_once(first) <= 5 and (grown == 5 if cloud.is_short else grown > 5), f"{at_once(first)} at once, then {grown}")
