"""Quotas, at the values with which AWS begins: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""

from __future__ import annotations

from kumoniwa.kernel.call import Call

LIMITS = {
    "application-load-balancers": 50, "target-groups": 3_000, "targets-per-application-load-balancer": 1_000,
    "listeners-per-application-load-balancer": 50, "rules-per-application-load-balancer": 100, "network-load-balancers": 50,
    "targets-per-network-load-balancer": 3_000, "targets-per-availability-zone-per-network-load-balancer": 500,
    "listeners-per-network-load-balancer": 50, "condition-values-per-alb-rule": 5, "condition-wildcards-per-alb-rule": 5,
    "target-groups-per-application-load-balancer": 100, "target-groups-per-action-on-application-load-balancer": 5,
    "target-groups-per-action-on-network-load-balancer": 1, "certificates-per-application-load-balancer": 25,
    "certificates-per-network-load-balancer": 25, "targets-per-target-group": 1_000, "target-id-registrations-per-application-load-balancer": 1_000,
    "network-load-balancer-enis-per-vpc": 1_200, "application-load-balancer-enis-per-vpc": 1_200, "gateway-load-balancers": 100,
    "gateway-load-balancers-per-vpc": 100, "geneve-target-groups": 100, "targets-per-availability-zone-per-gateway-load-balancer": 300,
}  # fmt: skip


def DescribeAccountLimits(call: Call) -> dict:
    return {"Limits": [{"Name": name, "Max": str(most)} for name, most in LIMITS.items()]}
