"""``kumoniwa cost``: what AWS would ask for what was used here, and for a month of it."""

from __future__ import annotations

import argparse
import json
import re
import sys
from urllib.parse import urlencode

from kumoniwa.cli.admin import admin
from kumoniwa.kernel.clock import Clock

_SINCE = re.compile(r"(\d+)([hd])")
HOURS = {"h": 1, "d": 24}


def cost(asked: argparse.Namespace) -> int:
    words: dict[str, str] = {"by": "resource"} if asked.by_resource else {}
    if asked.account:
        words["account"] = asked.account
    if asked.month is not None:
        words["times"] = str(asked.month)
    elif asked.since is not None:
        span = _SINCE.fullmatch(asked.since)
        if span is None:
            print(f"kumoniwa: --since takes a number and h or d, like 2h, not {asked.since!r}: uses are counted by the hour.", file=sys.stderr)
            return 1
        words["since"] = str(int(Clock().now()) - int(span[1]) * HOURS[span[2]] * 3_600)
    found = admin(asked.endpoint, "GET", f"cost?{urlencode(words)}")
    for name, state in found["silent"].items():
        print(f"kumoniwa: {name} is {state} and cannot be asked: what was used there is missing.", file=sys.stderr)
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        _show(found)
    return 1 if found["silent"] else 0


def _show(found: dict) -> None:
    for line in found["lines"]:
        price = "-" if line["usd"] is None else f"{line['usd']:.6f}"
        quantity = f"{line['quantity']:.3g}" if line["quantity"] < 1 else f"{line['quantity']:,.3f}".removesuffix(".000")
        unit = line["unit"] and (line["unit"] if line["quantity"] == 1 or not line["unit"].islower() else f"{line['unit']}s")
        what = f"{line['usage']} {line['resource']}".strip()
        print(f"{line['account']} {line['region']:<14} {what:<44} {quantity:>18} {unit:<16} {price:>14}  {line['note']}".rstrip())
    if not found["lines"]:
        print("nothing was used that AWS bills")
    print(f"{'estimated, at list prices':<98} {found['usd']:>13.6f} {found['currency']}")
    if found["free_usd"]:
        print(f"{'of it always free, if this is all that the account uses in the month':<98} {found['free_usd']:>13.6f} {found['currency']}")
