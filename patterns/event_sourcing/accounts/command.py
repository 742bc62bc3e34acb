"""Decides what a command makes happen, and appends it. Of two who decide on the same state one is first; the other decides again."""

from account import Refused, apply, decide
from store import Taken, append, load


def handler(command, context):
    conflicts = 0
    while True:
        state, count = load(command["account"])
        try:
            event = decide(state, command)
        except Refused as why:
            return {"refused": str(why), "conflicts": conflicts}
        try:
            append(event)
        except Taken:
            conflicts += 1
            continue
        state = apply(state, event)
        return {"version": int(state["version"]), "balance": int(state["balance"]), "conflicts": conflicts, "events_read": count}
