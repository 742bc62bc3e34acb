"""AWS WAF: web ACLs and what their rules refer to.

``webacl``, ``rulegroup``, ``ipset`` and ``regexpatternset`` are what a customer makes, ``managedrulegroup`` what AWS does; ``part`` keeps them all alike, ``checking`` reads
their rules. Those for CloudFront are made in us-east-1 and kept in aws-global (``scope``). ``gate.firewall`` has them act.
"""
