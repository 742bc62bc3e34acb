"""The operations of EC2."""
# ruff: noqa: F401 (operations and hooks)

from __future__ import annotations

from kumoniwa.gate.once import Token
from kumoniwa.services.ec2.access import TAG_CONDITIONS, all_tags, conditions_of, params_of, resource_of, tags_of
from kumoniwa.services.ec2.account import DescribeAccountAttributes
from kumoniwa.services.ec2.ebs_default import (
    DisableEbsEncryptionByDefault,
    EnableEbsEncryptionByDefault,
    GetEbsDefaultKmsKeyId,
    GetEbsEncryptionByDefault,
    ModifyEbsDefaultKmsKeyId,
    ResetEbsDefaultKmsKeyId,
)
from kumoniwa.services.ec2.errors import IdempotentParameterMismatch
from kumoniwa.services.ec2.region_list import DescribeAvailabilityZones, DescribeRegions
from kumoniwa.services.ec2.snapshot import CreateSnapshot, DeleteSnapshot, DescribeSnapshots
from kumoniwa.services.ec2.snapshot_copy import CopySnapshot
from kumoniwa.services.ec2.snapshot_lock import DescribeLockedSnapshots, LockSnapshot, UnlockSnapshot
from kumoniwa.services.ec2.snapshot_sharing import (
    DescribeSnapshotAttribute,
    DisableSnapshotBlockPublicAccess,
    EnableSnapshotBlockPublicAccess,
    GetSnapshotBlockPublicAccessState,
    ModifySnapshotAttribute,
    ResetSnapshotAttribute,
)
from kumoniwa.services.ec2.tag import reserved_tag
from kumoniwa.services.ec2.tagging import CreateTags, DeleteTags, DescribeTags
from kumoniwa.services.ec2.volume import CreateVolume, DeleteVolume, DescribeVolumes, DescribeVolumeStatus
from kumoniwa.services.ec2.volume_change import DescribeVolumesModifications, ModifyVolume

TOKENS = {"CreateVolume": Token("ClientToken", refusal=IdempotentParameterMismatch)}
