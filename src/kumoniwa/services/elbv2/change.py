"""How a load balancer is changed and taken away, with all that belongs to it."""

from __future__ import annotations

from kumoniwa.gate import firewall
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.services.elbv2 import accesslog, attribute, hosts, listener, network
from kumoniwa.services.elbv2.balancer import LoadBalancer, existing, keep
from kumoniwa.services.elbv2.errors import InvalidConfigurationRequestException, OperationNotPermittedException


async def DeleteLoadBalancer(call: Call, *, LoadBalancerArn: str) -> None:
    """To delete one that is gone is no error, as the reference says. Its listeners and their rules go with it, its target groups stay."""
    held = call.shelf(LoadBalancer).get(LoadBalancerArn)
    if held is None:
        if ":loadbalancer/" not in LoadBalancerArn:
            raise ValidationError(f"'{LoadBalancerArn}' is not a valid load balancer ARN")
        return
    if held.is_on("deletion_protection.enabled"):
        # As seen of AWS: https://github.com/hashicorp/terraform-provider-aws/issues/23420
        raise OperationNotPermittedException(f"Load balancer '{LoadBalancerArn}' cannot be deleted because deletion protection is enabled")

    def drop() -> None:
        for each in listener.of_balancer(call, LoadBalancerArn):
            listener.drop(call, each)
        hosts.release(call, held)
        firewall.release(call, LoadBalancerArn)
        call.shelf(LoadBalancer).pop(LoadBalancerArn, None)

    # In one turn of the loop, so that its interfaces go with it.
    network.left(call, held.place)
    call.atomically(drop)


async def ModifyLoadBalancerAttributes(call: Call, *, LoadBalancerArn: str, Attributes: list[dict]) -> dict:
    held = existing(call, LoadBalancerArn)
    laid = attribute.laid(attribute.OF_BALANCERS, held.attributes, Attributes, "Load balancer")
    if any(each["Key"].startswith("access_logs.s3.") for each in Attributes) and laid.get("access_logs.s3.enabled") == "true":
        if not laid.get("access_logs.s3.bucket"):
            raise InvalidConfigurationRequestException("The S3 bucket name must be specified when access logs are enabled")
        await accesslog.try_out(call, held, laid)

    def lay() -> LoadBalancer:
        again = existing(call, LoadBalancerArn)
        kept = keep(call, again, attributes=attribute.laid(attribute.OF_BALANCERS, again.attributes, Attributes, "Load balancer"))
        listener.show(call, kept)
        return kept

    return {"Attributes": attribute.shown(attribute.OF_BALANCERS, call.atomically(lay).attributes)}
