"""Networks for tests: VPCs with subnets, groups and interfaces in one line each, and the judgement of what reaches what."""

from __future__ import annotations


class Workshop:
    """A client of EC2, with what tests say all the time."""

    def __init__(self, cloud, **client) -> None:
        self.cloud, self.ec2 = cloud, cloud.client("ec2", **client)
        self.account = client.get("key") or "000000000000"

    def vpc(self, cidr="10.0.0.0/16") -> str:
        return self.ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]

    def subnet(self, vpc, cidr="10.0.0.0/24", **more) -> str:
        return self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, **more)["Subnet"]["SubnetId"]

    def group(self, vpc, name="group") -> str:
        return self.ec2.create_security_group(VpcId=vpc, GroupName=name, Description=name)["GroupId"]

    def allow(self, group, port, peer="0.0.0.0/0", *, egress=False, protocol="tcp") -> None:
        kind = {"sg": ("UserIdGroupPairs", "GroupId"), "pl": ("PrefixListIds", "PrefixListId")}.get(peer[:2], ("IpRanges", "CidrIp"))
        permission = {"IpProtocol": protocol, "FromPort": port, "ToPort": port, kind[0]: [{kind[1]: peer}]}
        name = "egress" if egress else "ingress"
        getattr(self.ec2, f"authorize_security_group_{name}")(GroupId=group, IpPermissions=[permission])

    def shut_out(self, group) -> None:
        """Take away the rule by which a new group lets everything out."""
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])

    def interface(self, subnet, *groups, **more) -> tuple[str, str]:
        """Id and address."""
        made = self.ec2.create_network_interface(SubnetId=subnet, **({"Groups": list(groups)} if groups else {}), **more)["NetworkInterface"]
        return made["NetworkInterfaceId"], made["PrivateIpAddress"]

    def table(self, vpc, *subnets) -> str:
        id_ = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=id_, SubnetId=subnet)
        return id_

    def gateway(self, vpc) -> str:
        id_ = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=id_, VpcId=vpc)
        return id_

    def acl(self, vpc, subnet, *entries) -> str:
        """A network ACL that a subnet goes by: entries are (number, egress, action, ports, block)."""
        id_ = self.ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        for number, egress, action, ports, block in entries:
            self.ec2.create_network_acl_entry(
                NetworkAclId=id_, RuleNumber=number, Egress=egress, RuleAction=action, CidrBlock=block, Protocol="6",
                PortRange={"From": ports[0], "To": ports[1]},
            )  # fmt: skip
        ((association,),) = [
            [one["NetworkAclAssociationId"] for one in each["Associations"] if one["SubnetId"] == subnet]
            for each in self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"]
        ]
        self.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=id_)
        return id_

    def judged(self, interface, address="", port=443, **more) -> dict:
        region = self.cloud.region()
        where = more or {"address": address}
        return self.cloud.run(region.heard("", "ec2", {"account": self.account, "interface": interface, "port": port, **where}))

    def stopped(self, interface, address="", port=443, **more) -> str:
        """The layer that stops it; empty if nothing does."""
        verdict = self.judged(interface, address, port, **more)
        assert verdict["is_allowed"] == (not verdict["layer"]), verdict
        return verdict["layer"]
