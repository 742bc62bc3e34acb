"""AWS CloudTrail: who called what, in the event history and in the files of trails.

``trail`` is what trails are and which events they want, ``history`` the events of the last ninety days, ``delivery`` the files that trails
write, ``digest`` the chain of signatures over them, ``everywhere`` what happened in services that have no region, ``work`` the clock.
"""
