"""Logs Insights QL, the language in which logs are queried: commands parted by ``|``, each of which takes rows and hands on rows.

``reader`` reads a query into the nodes of ``syntax``, ``plan`` compiles them into steps over rows, ``expression``, ``function`` and
``aggregate`` are what steps compute, ``discovery`` finds the fields of a message. Pure functions: who scans logs brings the rows.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""
