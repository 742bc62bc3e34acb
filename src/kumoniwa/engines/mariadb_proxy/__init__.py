"""What of a proxy is MariaDB's: the protocol that MySQL made.

``messages`` is the wire's language, ``passwords`` how they are proven at both ends, ``pinning`` what statements leave behind in a session and what the
proxy keeps track of. ``client`` is one client, ``session`` one session of the database; ``keeper`` begins the process that is made of them.
"""
