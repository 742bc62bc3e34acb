"""Elastic Load Balancing: application load balancers, their listeners, rules and target groups, and what goes through them.

A balancer is reached under its own host name, where the listener of port 80 hears what comes in plain and that of 443 what comes in TLS;
under names that its rules and certificates speak of; and at ports of its own for its other listeners. What it keeps is ``balancer``,
``listener``, ``rule`` and ``target_group``; ``serving`` compiles it, ``door`` answers, ``health`` asks targets how they are.
"""
