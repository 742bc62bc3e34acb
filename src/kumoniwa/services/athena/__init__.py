"""Amazon Athena: SQL over what lies in buckets, by what the Glue Data Catalog says of it.

``workgroup`` are the places queries run in, ``execution`` asks for queries and tells what became of them, ``running`` takes each to its end in
the name of who asked: ``reading`` hands its process what that may see, ``writing`` makes tables and files of its rows, ``definition`` and
``showing`` do what needs no process. ``result`` reads results back from the bucket they were written to. ``catalog`` shows Glue's catalogue.
"""
