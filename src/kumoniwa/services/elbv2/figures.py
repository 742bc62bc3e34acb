"""What CloudWatch shows of load balancers: counted as each request ends, and of targets as each minute does.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.meter import rounded
from kumoniwa.services.elbv2.live import HEALTHY, UNHEALTHY, live
from kumoniwa.services.elbv2.rule_record import used_by
from kumoniwa.services.elbv2.target_group import TargetGroup
from kumoniwa.services.elbv2.visit import Visit

NAMESPACE = "AWS/ApplicationELB"
_OF_FUNCTIONS = {"LambdaUnhandled": "LambdaUserError", "LambdaInvalidResponse": "LambdaUserError", "LambdaResponseTooLarge": "LambdaUserError"}


def count(visit: Visit, status: int, sent_bytes: int) -> None:
    meter, account = visit.home.meter, visit.account
    balancer = ("LoadBalancer", visit.balancer.id)
    places = [balancer, (*balancer, "TargetGroup", visit.group.id)] if visit.group is not None else [balancer]

    def add(name: str, *where: tuple[str, ...], value: float = 1.0, unit: str = "Count") -> None:
        for dimensions in where or places:
            meter.count(account, NAMESPACE, name, dimensions, value, unit)

    if visit.target is not None or visit.done and visit.done[-1] in ("fixed-response", "redirect"):
        add("RequestCount")
    if visit.target is not None:
        add("RequestCountPerTarget", ("TargetGroup", visit.group.id))
    if visit.target_status:
        if visit.target_status >= 200:
            add(f"HTTPCode_Target_{visit.target_status // 100}XX_Count")
        add("TargetResponseTime", value=rounded(visit.heard_at - visit.asked_at), unit="Seconds")
    elif visit.done and visit.done[-1] == "redirect":
        add("HTTP_Redirect_Count", balancer)
        add("HTTPCode_ELB_3XX_Count", balancer)
    elif visit.done and visit.done[-1] == "fixed-response":
        add("HTTP_Fixed_Response_Count", balancer)
    elif 400 <= status < 600:
        add(f"HTTPCode_ELB_{status // 100}XX_Count", balancer)
        if status in (500, 502, 503, 504):
            add(f"HTTPCode_ELB_{status}_Count", balancer)
        if visit.target is not None and not visit.error and status in (502, 504):
            add("TargetConnectionErrorCount")
    if visit.error.startswith("Lambda"):
        add(_OF_FUNCTIONS.get(visit.error, "LambdaInternalError"))
    add("ProcessedBytes", balancer, value=float(visit.received_bytes + sent_bytes), unit="Bytes")


def hosts(call: Call) -> None:
    """How many targets are well, and how many are not, of every group that a balancer leads to."""
    known = live(call.home, call.account)
    for group in call.shelf(TargetGroup).values():
        asked = [known.of(group, each).state for each in group.targets if each.draining_until is None] if group.check.is_on else []
        for arn in used_by(call, group.arn) if asked else ():
            dimensions = ("TargetGroup", group.id, "LoadBalancer", arn.partition(":loadbalancer/")[2])
            for name, state in (("HealthyHostCount", HEALTHY), ("UnHealthyHostCount", UNHEALTHY)):
                call.home.meter.count(call.account, NAMESPACE, name, dimensions, float(asked.count(state)))
