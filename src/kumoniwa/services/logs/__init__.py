"""CloudWatch Logs: groups of streams of events, kept as rows and searched by pattern.

``group`` is configuration, ``event`` keeps streams and their events as rows, ``query`` and ``query_run`` ask them in Logs Insights QL,
``work`` lets events expire.
"""
