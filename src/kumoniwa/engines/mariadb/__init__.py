"""MariaDB servers, of which the machine's own distribution has one: each is a child of its region with a data folder of its own.

``server`` is the region's end of one, ``keeper`` the process between them, ``golden`` the data folder all others begin as, ``binary_log`` what a
server writes down of changes, from which another makes them again.
"""
