"""Places an order, and cancels it."""

from books import do, undo, update


class OrderRefused(Exception): ...


def handler(asked, context):
    order, key = asked["order"], f"order:{asked['saga']}"
    if asked["undo"]:
        undo(asked, "place", "cancel", update(key, "SET is_open = :no", no=False))
    elif order["quantity"] < 1:
        raise OrderRefused(f"a quantity of {order['quantity']}")
    else:
        do(asked, "place", update(key, "SET is_open = :yes", yes=True))
