"""What the pattern claims: an order happens whole or leaves nothing, whichever step fails, and also when its region is killed under it."""

import json
import time
from collections import Counter
from pathlib import Path

from stage import all_at_once, holds, seconds, until

MONEY, PIECES = 1000, 100


class Sagas:
    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made
        self.states = cloud.client("stepfunctions")
        self.orders = {}
        for key, value in (("account:ada", {"balance": MONEY}), ("stock:tea", {"quantity": PIECES})):
            cloud.table(made["Books"]).put_item(Item={"id": key, **value})

    def arn(self, name):
        return f"{self.made['Saga'].replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, name, **more):
        order = self.orders[name] = {"customer": "ada", "item": "tea", "quantity": 1, "amount": 10, **more}
        self.states.start_execution(stateMachineArn=self.made["Saga"], name=name, input=json.dumps({"order": order}))

    def ended(self, name):
        found = self.states.describe_execution(executionArn=self.arn(name))
        return None if found["status"] == "RUNNING" else (found["status"], found.get("error", ""))

    def run(self, name, **more):
        """Start one, see it through; answers how it ended and the story of what it did."""
        self.start(name, **more)
        until(lambda: self.ended(name))
        return self.ended(name), self.story(name)

    def books(self):
        return {row["id"]: row for row in self.cloud.rows(self.made["Books"])}

    def story(self, name):
        return self.books().get(f"saga:{name}", {"story": []})["story"]

    def completed(self, name):
        """The states of a saga that are over, by its history, in order."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=self.arn(name))
        return [event["stateExitedEventDetails"]["name"] for page in pages for event in page["events"] if event["type"] == "TaskStateExited"]

    def balance(self):
        """Whether money and stock are what those sagas leave that succeeded; and both."""
        done = [self.orders[name] for name in self.orders if self.ended(name)[0] == "SUCCEEDED"]
        books = self.books()
        money, pieces = int(books["account:ada"]["balance"]), int(books["stock:tea"]["quantity"])
        right = money == MONEY - sum(order["amount"] for order in done) and pieces == PIECES - sum(order["quantity"] for order in done)
        return right, f"{money} left, {pieces} pieces, {len(done)} orders"


STEPS = {"PlaceOrder": "place", "ChargePayment": "charge", "ReserveStock": "reserve", "ReleaseStock": "release", "RefundPayment": "refund", "CancelOrder": "cancel"}


def show(cloud):
    sagas = Sagas(cloud, cloud.deploy(Path(__file__).with_name("template.yaml"), "saga"))
    ended, story = sagas.run("good")
    holds("an order that can be is placed, charged and reserved", (ended, story) == (("SUCCEEDED", ""), ["place", "charge", "reserve"]), " ".join(story))
    cases = {
        "refused": ({"quantity": 0}, "OrderRefused", []),
        "declined": ({"amount": 5000}, "PaymentDeclined", ["place", "cancel"]),
        "sold-out": ({"quantity": 500}, "OutOfStock", ["place", "charge", "refund", "cancel"]),
    }
    for name, (order, error, wanted) in cases.items():
        ended, story = sagas.run(name, **order)
        holds(f"{error}: what was done is undone in reverse", (ended, story) == (("FAILED", error), wanted), " ".join(story) or "nothing was done")
    right, measured = sagas.balance()
    holds("only the order that happened cost anything", right, measured)
    some_that_fail(cloud, sagas)
    killed(cloud, sagas)


def whole(sagas, names):
    """How many stories are whole: everything done once, or everything undone in reverse."""
    good = ["place", "charge", "reserve"]
    undone = [[*good[:n], *["release", "refund", "cancel"][3 - n :]] for n in range(4)]
    return sum(sagas.story(name) == good if sagas.ended(name)[0] == "SUCCEEDED" else sagas.story(name) in undone for name in names)


def some_that_fail(cloud, sagas):
    """A share of invocations fails after the work was done: the caller does not know, and asks again."""
    names = [f"troubled-{n}" for n in range(3 if cloud.is_short else 30)]
    with cloud.fault("lambda.error", {}, percent=25, prevent_execution=False):
        for n, name in enumerate(names):
            sagas.start(name, quantity=500 if n % 3 == 0 else 1)
        took = until(lambda: all(map(sagas.ended, names)), 60)
    right, measured = sagas.balance()
    ends = Counter(sagas.ended(name) for name in names)
    right = right and whole(sagas, names) == len(names) and ends["FAILED", "OutOfStock"] == len(names) / 3 == len(names) - ends["SUCCEEDED", ""]
    holds(f"{len(names)} sagas with 25 % of calls failing after their work: each whole or undone", took is not None and right, measured)


def killed(cloud, sagas):
    """The region ends without goodbye while sagas are at every step."""
    names = [f"killed-{n}" for n in range(6 if cloud.is_short else 40)]
    for n, name in enumerate(names):
        sagas.start(name, quantity=500 if n % 2 else 1, work_s=0.3)
        time.sleep(0.1)
    before = {(name, state) for name, states in zip(names, all_at_once(sagas.completed, names)) for state in states}
    running = sum(sagas.ended(name) is None for name in names)
    cloud.kill_and_restart()
    took = until(lambda: all(map(sagas.ended, names)), 60)
    right, measured = sagas.balance()
    holds(f"a region killed with {running} sagas under way ends them all, whole or undone", took is not None and right and whole(sagas, names) == len(names), f"{measured}, {seconds(took)}")
    times = {id_: int(row["times"]) for id_, row in sagas.books().items() if id_.startswith("asked:killed")}
    again = [key for key in before if times[f"asked:{key[0]}:{STEPS[key[1]]}"] != 1]
    repeated = sum(times.values()) - len(times)
    holds("no step that was over is asked again", before and not again, f"of {len(before)} none; {repeated} that were under way are")
