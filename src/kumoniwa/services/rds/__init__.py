"""Amazon RDS: databases that are real servers, each a child of its region with data of its own.

``instance`` is what a database is, ``creation``, ``change`` and ``deletion`` what customers ask of it, ``running`` how that is done in its own time,
``hosting`` the region's servers. ``parameter`` is what the server can be told, ``parameter_group`` how customers do, ``snapshot`` and ``backup`` are
copies of its data, ``event`` what is told of all that.
"""
