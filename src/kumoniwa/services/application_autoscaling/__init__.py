"""Application Auto Scaling: capacity of DynamoDB tables, their indexes and Lambda's provisioned concurrency, moved as load moves.

``resource`` is what can be scaled, ``target`` what the customer registered, ``policy`` how it follows a metric and ``alarm`` the alarms by
which it sees; ``scaling`` decides, ``change`` does it, ``activity`` remembers it, ``schedule`` moves the bounds at given times.
"""
