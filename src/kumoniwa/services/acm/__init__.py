"""AWS Certificate Manager: certificates that this cloud's own authority issues to whoever proves a name, and others that customers bring.

``request`` is how one is asked for, ``proof`` how its names are proven, ``issuing`` how it is made and kept from running out, ``importing``
how one is brought, ``telling`` what is told of them, ``life`` how they end, ``tag`` their tags, ``door`` the links of letters, ``work`` what
happens in its own time. The records are ``gate.certificate``'s, because other services look at them.
"""
