"""What the pattern claims: nothing that happened is changed or lost, and every state can be made from it again."""

import random
from pathlib import Path

from botocore.exceptions import ClientError
from stage import all_at_once, holds, seconds, until


def show(cloud):
    made = cloud.deploy(Path(__file__).with_name("template.yaml"), "event-sourcing")

    def command(account, kind, amount):
        return cloud.invoke(made["Command"], {"account": account, "command": kind, "amount": amount})

    def balances():
        return {row["account"]: (int(row["version"]), int(row["balance"])) for row in cloud.rows(made["Balances"])}

    def states(replayed):
        return {state["account"]: (state["version"], state["balance"]) for state in replayed}

    def are_balances_up_to_date():
        count = len(cloud.rows(made["Events"]))
        return sum(version for version, _ in balances().values()) == count

    at_once(cloud, made, command, balances)
    nobody_changes(cloud, made)

    draw, accounts = random.Random(7), [f"account-{n}" for n in range(5)]
    commands = [(draw.choice(accounts), draw.choice(["deposit", "deposit", "withdraw"]), draw.randrange(1, 100)) for _ in range(40 if cloud.is_short else 600)]
    answers = all_at_once(lambda asked: command(*asked), commands, workers=8)
    took = until(are_balances_up_to_date)
    held, replayed = balances(), states(cloud.invoke(made["Replay"], {}))
    holds("the state that the stream made is the state that a replay makes", took is not None and held == replayed, f"{len(held)} accounts, {sum('version' in answer for answer in answers)} events, {seconds(took)}")

    version = held["joint"][0]
    whole = cloud.invoke(made["Replay"], {"account": "joint"})
    until(lambda: cloud.rows(made["Snapshots"]))
    known = command("joint", "deposit", 1)
    right = (known["version"], known["balance"]) == (version + 1, whole["balance"] + 1)
    holds("a snapshot and what came after it is the whole", right and known["events_read"] < version, f"{known['events_read']} events read instead of {version}")
    early = cloud.invoke(made["Replay"], {"account": "joint", "until": 1})
    holds("and any earlier state can be seen", (early["version"], early["balance"]) == (1, 200), f"version 1 had {early['balance']}")

    until(are_balances_up_to_date)
    held = balances()
    for account in held:
        cloud.table(made["Balances"]).delete_item(Key={"account": account})
    was = balances()
    cloud.invoke(made["Replay"], {})
    holds("balances that were lost are made again, the same", not was and balances() == held, f"{len(balances())} accounts")

    acknowledged = []
    for n in range(20):
        acknowledged.append(command("killed", "deposit", n + 1)["version"])
    cloud.kill_and_restart()
    took = until(lambda: are_balances_up_to_date() and balances().get("killed") == (20, 210))
    holds("what was acknowledged before the region was killed is there, and is followed", took is not None, f"{len(acknowledged)} events, balance {balances()['killed'][1]}")


def at_once(cloud, made, command, balances):
    """Many who take from one account at once: it never gives more than it has."""
    command("joint", "deposit", 200)
    answers = all_at_once(lambda _: command("joint", "withdraw", 10), range(30), workers=8)
    taken = [answer for answer in answers if "version" in answer]
    conflicts = sum(answer["conflicts"] for answer in answers)
    events = sorted(int(row["version"]) for row in cloud.rows(made["Events"]) if row["account"] == "joint")
    holds("30 withdrawals of 10 at once from 200: 20 are granted", len(taken) == 20, f"{len(taken)} granted, {conflicts} conflicts decided again")
    holds("versions have no gap and no double", events == list(range(1, 22)) == sorted([1] + [answer["version"] for answer in taken]), f"1 to {events[-1]}")
    took = until(lambda: balances().get("joint") == (21, 0))
    holds("the balance follows by the stream", took is not None, seconds(took))


def nobody_changes(cloud, made):
    """An event stands once: a second one of its version is refused, and the role of who writes may not change or delete."""
    code = ""
    try:
        item = {"account": "joint", "version": 1, "kind": "deposited", "amount": 1_000_000}
        cloud.table(made["Events"]).put_item(Item=item, ConditionExpression="attribute_not_exists(version)")
    except ClientError as error:
        code = error.response["Error"]["Code"]
    holds("a second event of a version is refused", code == "ConditionalCheckFailedException", code)
    asked = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    results = cloud.client("iam").simulate_principal_policy(PolicySourceArn=made["CommandRole"], ActionNames=asked, ResourceArns=[made["EventsArn"]])
    said = {each["EvalActionName"]: each["EvalDecision"] for each in results["EvaluationResults"]}
    holds("who appends may neither change nor delete", list(said.values()) == ["allowed", "implicitDeny", "implicitDeny"], ", ".join(said.values()))
