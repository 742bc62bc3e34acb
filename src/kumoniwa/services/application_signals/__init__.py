"""CloudWatch Application Signals: what spans tell of an application's services, as metrics, as a map, and as objectives that are met or missed.

``signal`` reads spans, ``hearing`` measures what they say, ``topology`` knows who was seen calling whom. ``objective`` is what somebody wants of a
service, ``indicator`` how that is read from metrics, ``outcome`` what was found of it, ``budget`` what is left to fail, ``exclusion`` which times
do not count. ``work`` is the clock.
"""
