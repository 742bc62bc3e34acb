"""The operations of EC2."""
# ruff: noqa: F401 (operations and hooks)

from __future__ import annotations

from kumoniwa.services.ec2.access import (
    TAG_CONDITIONS,
    all_tags,
    conditions_of,
    params_of,
    refusal_of,
    resource_of,
    tags_of,
)
from kumoniwa.services.ec2.account import DescribeAccountAttributes
from kumoniwa.services.ec2.address import (
    AllocateAddress,
    AssociateAddress,
    DescribeAddresses,
    DescribeAddressesAttribute,
    DisassociateAddress,
    ReleaseAddress,
)
from kumoniwa.services.ec2.bill import standing_of
from kumoniwa.services.ec2.dhcp_options import (
    CreateDhcpOptions,
    DeleteDhcpOptions,
    DescribeDhcpOptions,
)
from kumoniwa.services.ec2.ebs_default import (
    DisableEbsEncryptionByDefault,
    EnableEbsEncryptionByDefault,
    GetEbsDefaultKmsKeyId,
    GetEbsEncryptionByDefault,
    ModifyEbsDefaultKmsKeyId,
    ResetEbsDefaultKmsKeyId,
)
from kumoniwa.services.ec2.endpoint import (
    CreateVpcEndpoint,
    DeleteVpcEndpoints,
    DescribeVpcEndpoints,
    ModifyVpcEndpoint,
)
from kumoniwa.services.ec2.endpoint_service import DescribeVpcEndpointServices
from kumoniwa.services.ec2.interface import (
    AssignPrivateIpAddresses,
    CreateNetworkInterface,
    DeleteNetworkInterface,
    DescribeNetworkInterfaceAttribute,
    DescribeNetworkInterfaces,
    ModifyNetworkInterfaceAttribute,
    ResetNetworkInterfaceAttribute,
    UnassignPrivateIpAddresses,
)
from kumoniwa.services.ec2.internet_gateway import (
    AttachInternetGateway,
    CreateEgressOnlyInternetGateway,
    CreateInternetGateway,
    DeleteEgressOnlyInternetGateway,
    DeleteInternetGateway,
    DescribeEgressOnlyInternetGateways,
    DescribeInternetGateways,
    DetachInternetGateway,
)
from kumoniwa.services.ec2.nat_gateway import (
    CreateNatGateway,
    DeleteNatGateway,
    DescribeNatGateways,
)
from kumoniwa.services.ec2.network_acl import (
    CreateNetworkAcl,
    CreateNetworkAclEntry,
    DeleteNetworkAcl,
    DeleteNetworkAclEntry,
    DescribeNetworkAcls,
    ReplaceNetworkAclAssociation,
    ReplaceNetworkAclEntry,
)
from kumoniwa.services.ec2.peering import (
    AcceptVpcPeeringConnection,
    CreateVpcPeeringConnection,
    DeleteVpcPeeringConnection,
    DescribeVpcPeeringConnections,
    RejectVpcPeeringConnection,
)
from kumoniwa.services.ec2.prefix_list import (
    CreateManagedPrefixList,
    DeleteManagedPrefixList,
    DescribeManagedPrefixLists,
    DescribePrefixLists,
    GetManagedPrefixListAssociations,
    GetManagedPrefixListEntries,
    ModifyManagedPrefixList,
    RestoreManagedPrefixListVersion,
)
from kumoniwa.services.ec2.reachability import (
    CreateNetworkInsightsPath,
    DeleteNetworkInsightsAnalysis,
    DeleteNetworkInsightsPath,
    DescribeNetworkInsightsAnalyses,
    DescribeNetworkInsightsPaths,
    StartNetworkInsightsAnalysis,
)
from kumoniwa.services.ec2.region_list import DescribeAvailabilityZones, DescribeRegions
from kumoniwa.services.ec2.route import CreateRoute, DeleteRoute, ReplaceRoute
from kumoniwa.services.ec2.route_table import (
    AssociateRouteTable,
    CreateRouteTable,
    DeleteRouteTable,
    DescribeRouteTables,
    DisassociateRouteTable,
    ReplaceRouteTableAssociation,
)
from kumoniwa.services.ec2.security_group import (
    CreateSecurityGroup,
    DeleteSecurityGroup,
    DescribeSecurityGroups,
)
from kumoniwa.services.ec2.security_group_rule import (
    AuthorizeSecurityGroupEgress,
    AuthorizeSecurityGroupIngress,
    DescribeSecurityGroupRules,
    ModifySecurityGroupRules,
    RevokeSecurityGroupEgress,
    RevokeSecurityGroupIngress,
    UpdateSecurityGroupRuleDescriptionsEgress,
    UpdateSecurityGroupRuleDescriptionsIngress,
)
from kumoniwa.services.ec2.snapshot import CreateSnapshot, DeleteSnapshot, DescribeSnapshots
from kumoniwa.services.ec2.snapshot_copy import CopySnapshot
from kumoniwa.services.ec2.snapshot_lock import (
    DescribeLockedSnapshots,
    LockSnapshot,
    UnlockSnapshot,
)
from kumoniwa.services.ec2.snapshot_sharing import (
    DescribeSnapshotAttribute,
    DisableSnapshotBlockPublicAccess,
    EnableSnapshotBlockPublicAccess,
    GetSnapshotBlockPublicAccessState,
    ModifySnapshotAttribute,
    ResetSnapshotAttribute,
)
from kumoniwa.services.ec2.subnet import (
    CreateDefaultSubnet,
    CreateSubnet,
    DeleteSubnet,
    DescribeSubnets,
    ModifySubnetAttribute,
)
from kumoniwa.services.ec2.tag import reserved_tag
from kumoniwa.services.ec2.tagging import CreateTags, DeleteTags, DescribeTags
from kumoniwa.services.ec2.tokens import TOKENS
from kumoniwa.services.ec2.volume import (
    CreateVolume,
    DeleteVolume,
    DescribeVolumeAttribute,
    DescribeVolumes,
    DescribeVolumeStatus,
    ModifyVolumeAttribute,
)
from kumoniwa.services.ec2.volume_change import DescribeVolumesModifications, ModifyVolume
from kumoniwa.services.ec2.vpc import (
    AssociateDhcpOptions,
    AssociateVpcCidrBlock,
    CreateDefaultVpc,
    CreateVpc,
    DeleteVpc,
    DescribeVpcAttribute,
    DescribeVpcs,
    DisassociateVpcCidrBlock,
    GetSecurityGroupsForVpc,
    ModifyVpcAttribute,
    ModifyVpcTenancy,
)
from kumoniwa.services.ec2.vpn_gateway import DescribeVpnGateways
