"""Security Hub CSPM: what is found of an account's security by whoever looks, in one format, and controls that are looked at by itself.

``hub`` is whether an account uses it, ``enabling`` how that begins and ends. ``finding`` is the rows and their history, ``asff`` their format; ``importing`` is what providers bring,
``updating`` what customers make of it, ``automation`` what rules of theirs do, ``filtering`` and ``listing`` how they are found, ``insight`` how
they are counted, ``action`` where people may send them, ``product`` who sends them. ``standard`` and ``control`` are what is judged, ``judged``
which of it here, ``checking`` how: by rules of AWS Config, and ``recording`` whether that records. ``resource`` is how findings name resources, ``moment`` how they write times, ``access``
what policies are asked, ``tag`` and ``tagging`` tags, ``work`` the clock.
"""
