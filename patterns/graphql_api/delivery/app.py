"""Who carries an order and how long it takes: asked for the orders of one answer together."""


def handler(orders, context):
    return [{"carrier": "boat" if order["amount"] > 50 else "bike", "days": 9 if order["amount"] > 50 else 1} for order in orders]
