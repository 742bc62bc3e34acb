"""What AWS bills for web ACLs: each of them and each rule by the month, and each request that is looked at (``gate.firewall_guard`` counts it).

A rule group that a web ACL refers to is one rule of it; the rules of a group of one's own are billed as the group's, once, which is not said in
words. Those for CloudFront are counted in aws-global, where they are kept. Not counted are the fees of managed groups that have one, and what
is asked beyond 1,500 units of capacity and for larger bodies. https://aws.amazon.com/waf/pricing/
"""

from __future__ import annotations

from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.ledger import Use
from kumoniwa.kernel.call import Call
from kumoniwa.services.wafv2 import part, rulegroup, webacl
from kumoniwa.services.wafv2.scope import CLOUDFRONT


def standing_of(call: Call) -> list[Use]:
    scope = CLOUDFRONT if call.region == GLOBAL else "REGIONAL"
    walls, groups = (part.of_kind(call, scope, kind) for kind in (webacl.KIND, rulegroup.KIND))
    return [
        *(("waf:web_acl", each.name, 1.0) for each in walls),
        *(("waf:rule", each.name, float(len(each.document["Rules"]))) for each in walls),
        *(("waf:rule", f"rule group {each.name}", float(len(each.document["Rules"]))) for each in groups),
    ]
