"""Amazon EventBridge: buses, rules and what rules send to their targets.

``bus`` and ``rule`` are what the customer makes, ``target`` what a rule may send to, ``event`` how events come in, ``delivery`` how they
find their targets and what becomes of those that cannot, ``transform`` what a target receives, ``schedule`` rules that fire by the clock,
``fact`` what other services tell,
``archive`` what a bus heard and ``replay`` how it hears it again.
"""
