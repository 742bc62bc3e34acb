"""AWS Glue: the Data Catalog, which says what lies in a lake's files and where.

``catalog`` is whose catalog is meant and how it is set, ``database``, ``table``, ``version``, ``partition`` and ``function`` are what it holds,
``search`` looks through all tables, ``policy`` is the catalog's resource policy, ``access`` what a call touches, ``work`` takes away what
belonged to tables and databases that are gone.
"""
