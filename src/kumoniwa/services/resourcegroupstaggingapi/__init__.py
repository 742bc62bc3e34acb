"""Resource Groups Tagging API: the tags of everything that an account has in a region, found, set and removed in one place.

``tagged`` asks the services here what they keep and how it is tagged, ``page`` cuts that, ``tagging`` knows by which operation
of its service a resource is tagged, ``exchange`` tells the regions of what has none. It keeps nothing itself.
"""
