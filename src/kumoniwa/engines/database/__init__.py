"""What servers of databases have in common, whichever they are: each is a child of its region with a data folder of its own, and does not outlive it.

``server`` is the region's end of one, ``keeper`` the process between them that starts it, dies with its region and takes it along, ``golden`` the
data folder all others begin as, ``program`` what their packages hold besides.
"""
