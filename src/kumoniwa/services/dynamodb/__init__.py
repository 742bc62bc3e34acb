"""DynamoDB. ``key``: keys and their order · ``capacity``: what reads and writes cost."""
