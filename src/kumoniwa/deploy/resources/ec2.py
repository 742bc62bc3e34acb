"""AWS::EC2."""
# ruff: noqa: F401 (types)

from __future__ import annotations

from kumoniwa.deploy.resources.ec2_volume import SnapshotBlockPublicAccess, Volume
