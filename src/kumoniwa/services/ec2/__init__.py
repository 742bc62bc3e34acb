"""Amazon EC2's control plane: networks of an account in a region, and what it says of regions and zones.

``kinds`` says of everything that is kept what it is called, by which id, and what is answered where there is none; ``filters``, ``tag`` and
``dry_run`` are what all operations share; ``access`` is what the gate asks. ``network`` is the network that each account is given. The other files
are nouns of EC2, each with its records and its operations. ``reach`` judges whether a packet comes where it is sent, and back; ``exchange`` is how
other services of the region ask that.
"""
