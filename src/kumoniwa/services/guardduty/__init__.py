"""Amazon GuardDuty: what in an account's calls looks like an attack, told as findings.

``detector`` is whether an account uses it in a region, ``judging`` which calls are suspicious and why, ``address_list`` the addresses that an
account trusts or knows for bad, ``bucket`` what is to be known of a bucket before it is judged, ``finding`` what was found, ``finding_rows``
where that lies, ``criteria`` by what findings are chosen, ``filter`` those that archive, ``sample`` findings that are none, ``destination``
the buckets that findings are exported to, ``everywhere`` the calls of services without a region, ``work`` what hears and tells all that.
"""
