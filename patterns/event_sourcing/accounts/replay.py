"""Makes states from nothing but events: of one account, as it was at a version, or of all, into the table of balances."""

from account import apply, new
from store import balances, events, everything, keep


def handler(asked, context):
    if "account" in asked:
        state = new(asked["account"])
        for event in events(asked["account"], until=asked.get("until")):
            state = apply(state, event)
        return shown(state)
    states = {}
    for event in everything():
        states[event["account"]] = apply(states.get(event["account"]) or new(event["account"]), event)
    for state in states.values():
        keep(balances, state)
    return [shown(state) for state in states.values()]


def shown(state):
    return {"account": state["account"], "version": int(state["version"]), "balance": int(state["balance"])}
