"""A proxy of PostgreSQL: many clients share few sessions of a database, each for a transaction at a time.

``messages`` is the wire's language, ``scram`` how passwords are proven at both ends, ``pinning`` which statements leave something behind in a
session. ``client`` is one client, ``session`` one session of the database, ``pool`` lends these to those. ``keeper`` is the process in which all
that happens, ``proxy`` the region's end of it.
"""
