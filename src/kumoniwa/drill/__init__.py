"""Break it and measure. Speaks only AWS and the admin door, so it drives any cloud that has both.

``format`` (the drill file), ``history`` (what the clients saw), ``measures`` (formulas over a history), ``schedule`` and ``load``
(who comes when), ``web``, ``resolver``, ``aws_call`` and ``journeys`` (how they call), ``admin`` (the cloud's own door), ``faults``
(leases and healing), ``readback`` (what is still there), ``run`` (one drill), ``session`` (repeats, proofs, verdict), ``runbook``
(what an operator does meanwhile), ``live`` (what the console shows of it), ``cost`` (what AWS would ask for it), ``control`` (the door
Chaos Toolkit calls), ``report`` (what a person looks at).
"""
