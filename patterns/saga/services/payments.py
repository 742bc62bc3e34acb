"""Charges a customer, and pays back."""

from books import Impossible, do, undo, update


class PaymentDeclined(Exception): ...


def handler(asked, context):
    order = asked["order"]
    account, amount = f"account:{order['customer']}", order["amount"]
    if asked["undo"]:
        undo(asked, "charge", "refund", update(account, "ADD balance :amount", amount=amount))
        return
    try:
        do(asked, "charge", update(account, "ADD balance :change", "balance >= :amount", change=-amount, amount=amount))
    except Impossible:
        raise PaymentDeclined(f"{order['customer']} has less than {amount}") from None
