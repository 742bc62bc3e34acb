"""PostgreSQL servers: each is a child of its region with a data folder of its own, and does not outlive it.

``server`` is the region's end of one, ``keeper`` the process between them that starts it, dies with its region and takes it along, and ``front``
what clients speak to first, in that process: it opens TLS, which the packaged server cannot. ``golden`` is the data folder all others begin as.
"""
