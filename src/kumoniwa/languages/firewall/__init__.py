"""The language of AWS WAF's rules: what they look at, how it is unwrapped, what it is compared with, and what follows.

``checking`` says what is wrong with rules, ``capacity`` what they cost; ``rule`` makes them into a ``Ruleset``, once for each
change, which then judges one ``WebRequest`` after the other. ``sql_injection`` and ``cross_site_script`` tell attacks; ``managed``
holds the rule groups of AWS, written in this language.
"""
