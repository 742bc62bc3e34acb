"""Reserves what was ordered, and releases it."""

from books import Impossible, do, undo, update


class OutOfStock(Exception): ...


def handler(asked, context):
    order = asked["order"]
    item, quantity = f"stock:{order['item']}", order["quantity"]
    if asked["undo"]:
        undo(asked, "reserve", "release", update(item, "ADD quantity :quantity", quantity=quantity))
        return
    try:
        do(asked, "reserve", update(item, "ADD quantity :change", "quantity >= :quantity", change=-quantity, quantity=quantity))
    except Impossible:
        raise OutOfStock(f"fewer than {quantity} of {order['item']}") from None
