"""CloudWatch Logs: groups of streams of events, kept as rows and searched by pattern.

``group`` is configuration, ``stream`` and ``event`` are rows, ``work`` lets events expire.
"""
