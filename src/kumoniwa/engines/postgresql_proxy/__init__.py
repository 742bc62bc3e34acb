"""What of a proxy is PostgreSQL's: its messages, how passwords are proven in it, and what leaves something behind in a session.

``messages`` is the wire's language, ``scram`` how passwords are proven at both ends, ``pinning`` which statements leave something behind in a
session. ``client`` is one client, ``session`` one session of the database; ``keeper`` begins the process that is made of them.
"""
