"""A proxy of databases: many clients share few sessions of a database, each for a transaction at a time.

This is what does not ask which protocol is spoken: ``client`` is what all clients do, ``session`` what all sessions of a database do, ``pool`` lends
these to those. ``keeper`` is the process in which all that happens, ``proxy`` the region's end of it. What is a protocol's own stands beside:
``postgresql_proxy``, ``mariadb_proxy``.
"""
