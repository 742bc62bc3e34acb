"""What the pattern claims: one query joins two tables and a function, nobody resolves what was not asked for, and a mutation is heard at once."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

from graphql_api.listener import Listener
from stage import REGION, holds, percentile, seconds, until

JOIN = """query($id: ID!, $n: Int) {
  user(id: $id) { name orders(limit: $n) { item amount placed delivery { carrier days } } }
}"""
PLACE = "mutation($user: ID!, $item: String!, $amount: Int!) { placeOrder(user: $user, item: $item, amount: $amount) { user order item amount } }"


class Shop:
    """The API as a page sees it: an address and a key."""

    def __init__(self, cloud, made):
        self.cloud, self.made = cloud, made

    def post(self, query, variables=None, key=None):
        """Status and answer."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        headers = {"x-api-key": key or self.made["Key"], "content-type": "application/json"}
        request = urllib.request.Request(f"{self.cloud.endpoint}/graphql/{self.made['ApiId']}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def ask(self, query, **variables):
        _, answer = self.post(query, variables)
        return answer["data"]

    def place(self, user, item, amount):
        return self.ask(PLACE, user=user, item=item, amount=amount)["placeOrder"]

    def listener(self):
        return Listener(self.cloud.endpoint, self.made["ApiId"], REGION, self.made["Key"])

    def resolved(self):
        """The fields whose data sources were asked, as the API's log tells."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=f"/aws/appsync/apis/{self.made['ApiId']}", filterPattern='"RequestMapping"')
        told = [json.loads(event["message"]) for page in found for event in page["events"]]
        return [f"{each['parentType']}.{each['fieldName']}" for each in told]


def show(cloud):
    shop = Shop(cloud, cloud.deploy(Path(__file__).with_name("template.yaml"), "graphql-api"))
    shop.ask('mutation { addUser(id: "ada", name: "Ada") { id } addBob: addUser(id: "bob", name: "Bob") { id } }')
    for n in range(5):
        shop.place("ada", f"thing {n}", 20 * n)
    joined = shop.ask(JOIN, id="ada", n=3)["user"]
    told = [(order["item"], order["delivery"]) for order in joined["orders"]]
    right = [(f"thing {n}", {"carrier": "boat", "days": 9} if n > 2 else {"carrier": "bike", "days": 1}) for n in (4, 3, 2)]
    holds("one query joins a user, the orders and who delivers them", joined["name"] == "Ada" and told == right)

    until(lambda: "Order.delivery" in shop.resolved())
    before = len(shop.resolved())
    shop.ask('{ user(id: "ada") { name } }')
    until(lambda: len(shop.resolved()) > before)
    new = shop.resolved()[before:]
    holds("what is not asked for is not resolved: neither orders nor deliveries", set(new) == {"Query.user"}, ", ".join(sorted(set(new))))

    status, answer = shop.post("{ user }", key="da2-wrong")
    holds("who does not know the key is not served", status == 401, f"{status} {answer['errors'][0]['errorType']}")
    _, answer = shop.post(PLACE, {"user": "nobody", "item": "x", "amount": 1})
    holds("a step of a pipeline can refuse", answer["data"] == {"placeOrder": None} and answer["errors"][0]["errorType"] == "NoSuchUser", answer["errors"][0]["message"])

    everybody, bob, rich = shop.listener(), shop.listener(), shop.listener()
    everybody.subscribe("1", "subscription { onOrder { user item amount } }")
    bob.subscribe("1", 'subscription { onOrder(user: "bob") { item } }')
    rich.subscribe("1", "subscription { onLargeOrder(least: 100) { amount } }")
    took = []
    for n in range(10 if cloud.is_short else 300):
        began = time.monotonic()
        shop.place("ada", f"pushed {n}", n)
        heard = everybody.hears(5)
        took.append(time.monotonic() - began)
        if heard != {"onOrder": {"user": "ada", "item": f"pushed {n}", "amount": n}}:
            holds("a mutation reaches its subscriber", False, heard)
    measured = f"{seconds(percentile(took, 50))}, {seconds(percentile(took, 99))}"
    holds("a mutation reaches its subscriber within a second, the mutation itself included (p50, p99)", percentile(took, 99) < 1, measured)

    shop.place("bob", "his", 500)
    heard = bob.hears(5), rich.hears(5)
    if not cloud.is_short:
        while heard[1] and heard[1]["onLargeOrder"]["amount"] < 300:
            heard = heard[0], rich.hears(5)
    holds("arguments and filters choose what is heard", heard == ({"onOrder": {"item": "his"}}, {"onLargeOrder": {"amount": 500}}))

    stood = shop.ask(JOIN, id="ada", n=100)
    cloud.kill_and_restart()
    until(lambda: shop.post("{ __typename }")[0] == 200)
    holds("a kill loses neither the API nor what it serves", shop.ask(JOIN, id="ada", n=100) == stood, f"{len(stood['user']['orders'])} orders")
    again = shop.listener()
    again.subscribe("1", "subscription { onOrder { item } }")
    shop.place("ada", "after the kill", 1)
    holds("who connects again hears again", again.hears(5) == {"onOrder": {"item": "after the kill"}})
