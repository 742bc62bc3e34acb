"""What the pattern claims: who asks does not wait for who writes, nor the other way; the read model is soon right, and made again the same."""

import random
import time
from pathlib import Path

from boto3.dynamodb.types import TypeSerializer
from stage import all_at_once, holds, holds_soon, seconds, until

CUSTOMERS = [f"customer-{n}" for n in range(5)]


class Shop:
    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made

    def write(self, order, customer, amount, **more):
        return self.cloud.invoke(self.made["Command"], {"order": order, "customer": customer, "amount": amount, **more})

    def asked(self, customer):
        answer = self.cloud.invoke(self.made["Query"], {"customer": customer})
        return answer["orders"], answer["amount"]

    def written(self):
        """What the read model should say, by the orders themselves."""
        totals = {}
        for row in self.cloud.rows(self.made["Orders"]):
            orders, amount = totals.get(row["customer"], (0, 0))
            totals[row["customer"]] = (orders, amount) if row["is_cancelled"] else (orders + 1, amount + int(row["amount"]))
        return totals

    def read(self):
        rows = {row["id"]: row for row in self.cloud.rows(self.made["Totals"])}
        return {id_.partition(":")[2]: (int(row["orders"]), int(row["amount"])) for id_, row in rows.items() if id_.startswith("customer:")}

    def agree(self):
        """Seconds until the read model says what the orders say; a customer of no orders may be in it or not."""
        return until(lambda: {who: total for who, total in self.read().items() if total[0]} == {who: total for who, total in self.written().items() if total[0]})

    def follow(self, is_followed):
        """Follow the stream or let it wait."""
        client, uuid = self.cloud.client("lambda"), self.made["Mapping"]
        client.update_event_source_mapping(UUID=uuid, Enabled=is_followed)
        until(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == ("Enabled" if is_followed else "Disabled"))

    def life(self, prefix, count, seed):
        """Orders that are placed, changed, moved to another customer and cancelled, several at once."""

        def one(n):
            draw = random.Random(f"{seed}{n}")
            for _ in range(draw.randrange(1, 4)):
                self.write(f"{prefix}-{n}", draw.choice(CUSTOMERS), draw.randrange(100), is_cancelled=draw.random() < 0.2)

        all_at_once(one, range(count), workers=8)


def show(cloud):
    shop = Shop(cloud, cloud.deploy(Path(__file__).with_name("template.yaml"), "cqrs"))
    shop.write("first", "ada", 10)
    took = until(lambda: shop.asked("ada") == (1, 10))
    holds("an order is in its customer's total, cold starts and all", took is not None, seconds(took))
    lags = []
    for n in range(2, 12 if cloud.is_short else 202):
        shop.write(f"ada-{n}", "ada", 10)
        wrote = time.monotonic()
        until(lambda n=n: shop.asked("ada") == (n, 10 * n))
        lags.append(time.monotonic() - wrote)
    holds_soon(cloud, "the read model is right within a second", lags)

    count = 20 if cloud.is_short else 300
    shop.life("life", count, 1)
    took = shop.agree()
    holds(f"{count} orders that change, move and are cancelled: totals are those of the orders", took is not None, f"{sum(total[0] for total in shop.read().values())} stand, {seconds(took)}")

    told = {name: TypeSerializer().serialize(value) for name, value in cloud.rows(shop.made["Orders"])[0].items()}
    before = shop.read()
    for _ in range(2):
        cloud.invoke(shop.made["Project"], {"Records": [{"eventName": "MODIFY", "dynamodb": {"NewImage": told}}]})
    holds("what is told twice is counted once", shop.read() == before)

    with cloud.fault("lambda.error", {"function": shop.made["Project"]}, percent=100):
        began = time.monotonic()
        shop.life("down", 10, 2)
        is_stale = shop.read() == before
        took = time.monotonic() - began
    caught_up = shop.agree()
    holds("while the projector is down orders are still written and totals still read", is_stale, f"10 orders in {seconds(took)}")
    holds("and when it is back the read model catches up", caught_up is not None, seconds(caught_up))

    shop.follow(False)
    shop.life("waiting", 10, 3)
    rebuilt = cloud.invoke(shop.made["Rebuild"], {})["orders"]
    made_again = shop.read()
    shop.follow(True)
    shop.life("after", 10, 4)
    holds("the read model is made again from zero", made_again and shop.agree() is not None, f"from {rebuilt} orders, and follows again")

    shop.life("killed", 10, 5)
    cloud.kill_and_restart()
    took = shop.agree()
    holds("a region killed before all was followed follows it after", took is not None, seconds(took))
