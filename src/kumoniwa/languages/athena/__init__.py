"""What Amazon Athena is asked: Trino's SQL for queries, Hive's words for the catalogue.

``statement`` tells what a text wants, ``hive`` reads the statements about the catalogue, ``types`` are Trino's types, ``syntax`` reads a query
by sqlglot, and ``query``, ``relations``, ``expression``, ``calls``, ``functions_*`` and ``aggregates`` turn it into DuckDB's SQL with Trino's meaning. A query is
checked as Trino checks it, names and types alike, because DuckDB would take much that Trino refuses and answer it otherwise. Whatever has
no true translation is refused by name.
"""
