"""IAM Access Analyzer: who outside may use what an account has, and which rights inside nobody uses.

``analyzer`` is one analyzer and its tags, ``archive`` its archive rules and the filters of lists, ``finding`` what it found, ``keeping`` how
findings come, change and go, ``resource`` how the resources of other services are read, ``external`` whom their policies let in, ``unused``
what is not used, ``generation`` policies made from what was seen, ``checking`` the checks of single policies, ``work`` what keeps it all up
to date.
"""
