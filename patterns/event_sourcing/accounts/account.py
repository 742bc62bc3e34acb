"""An account as the sum of what happened to it. Pure: it knows no table and no clock."""


class Refused(Exception):
    """A command that the account cannot follow."""


def new(name):
    return {"account": name, "version": 0, "balance": 0}


def decide(state, command):
    """What a command makes happen to an account in this state."""
    kind, amount = command["command"], command["amount"]
    if amount <= 0:
        raise Refused(f"an amount of {amount}")
    if kind == "withdraw" and amount > state["balance"]:
        raise Refused(f"{state['balance']} is all there is")
    return {"account": state["account"], "version": state["version"] + 1, "kind": {"deposit": "deposited", "withdraw": "withdrawn"}[kind], "amount": amount}


def apply(state, event):
    """The state after an event, which is the next one of its account."""
    if event["version"] != state["version"] + 1:
        raise ValueError(f"event {event['version']} does not follow {state['version']}")
    change = event["amount"] if event["kind"] == "deposited" else -event["amount"]
    return {**state, "version": event["version"], "balance": state["balance"] + change}
