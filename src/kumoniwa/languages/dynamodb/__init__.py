"""What DynamoDB's users write: attribute values, expressions, and the parameters that came before
expressions.

* ``value``: attribute values: checked, made canonical, measured, compared
* ``grammar``: from text to syntax tree
* ``operand``: paths and values, and what every expression needs to know about its names
* ``condition``: conditions, filters and key conditions
* ``update``: update expressions
* ``projection``: projection expressions
* ``request``: all expressions of one call together with their names and values
* ``legacy``: Expected, AttributeUpdates, KeyConditions and their kin
* ``reserved``: the reserved words
"""
