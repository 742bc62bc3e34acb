"""AWS Glue: the Data Catalog, which says what lies in a lake's files and where, and the crawlers that fill it.

``catalog`` is whose catalog is meant and how it is set, ``database``, ``table``, ``version``, ``partition`` and ``function`` are what it holds,
``search`` looks through all tables, ``policy`` is the catalog's resource policy, ``access`` what a call touches, ``work`` takes away what
belonged to tables and databases that are gone. ``crawler`` and ``classifier`` are what is said of crawlers, ``crawl`` is one at work: it reads
(``crawl_files``), finds tables (``crawl_layout``) and writes them (``crawl_catalog``).
"""
