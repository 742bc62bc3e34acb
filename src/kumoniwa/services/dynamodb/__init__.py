"""Amazon DynamoDB.

``api`` holds the operations, ``access`` what the gate asks, ``table`` what a table is, ``definition`` what it may be, ``description`` how it
is shown, ``key`` keys and their order, ``item`` how items lie in SQLite, ``write`` one write of one item, ``page`` one page of Query or Scan,
``transaction`` several items at once, ``stream`` what was written, ``capacity`` what it costs, ``work`` what happens by itself.
"""
