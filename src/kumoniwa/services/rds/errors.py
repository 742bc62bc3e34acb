"""What RDS refuses with. Texts without a source of their own are those that moto's suite has, which follows AWS's answers."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class InvalidParameterValue(AwsError):
    """The model knows neither of these two."""

    status = 400


class InvalidParameterCombination(AwsError):
    status = 400


class DBInstanceNotFoundFault(AwsError): ...


class DBInstanceAlreadyExistsFault(AwsError):
    message = "DB instance already exists"


class InvalidDBInstanceStateFault(AwsError): ...


class InstanceQuotaExceededFault(AwsError): ...


class StorageQuotaExceededFault(AwsError): ...


class DBInstanceAutomatedBackupNotFoundFault(AwsError): ...


class InvalidDBInstanceAutomatedBackupStateFault(AwsError): ...


class DBSnapshotNotFoundFault(AwsError): ...


class DBSnapshotAlreadyExistsFault(AwsError): ...


class InvalidDBSnapshotStateFault(AwsError): ...


class SnapshotQuotaExceededFault(AwsError):
    message = "The request cannot be processed because it would exceed the maximum number of snapshots."


class DBParameterGroupNotFoundFault(AwsError): ...


class DBParameterGroupAlreadyExistsFault(AwsError): ...


class DBParameterGroupQuotaExceededFault(AwsError): ...


class InvalidDBParameterGroupStateFault(AwsError): ...


class OptionGroupNotFoundFault(AwsError): ...


class DBSubnetGroupNotFoundFault(AwsError): ...


class DBSubnetGroupAlreadyExistsFault(AwsError): ...


class DBSubnetGroupQuotaExceededFault(AwsError): ...


class DBSubnetQuotaExceededFault(AwsError): ...


class DBSubnetGroupDoesNotCoverEnoughAZs(AwsError): ...


class InvalidDBSubnetGroupStateFault(AwsError): ...


class InvalidSubnet(AwsError): ...


class SubnetAlreadyInUse(AwsError): ...


class InvalidVPCNetworkStateFault(AwsError): ...


class StorageTypeNotSupportedFault(AwsError): ...


class CertificateNotFoundFault(AwsError): ...


class PointInTimeRestoreNotEnabledFault(AwsError): ...


class InvalidRestoreFault(AwsError): ...


class DBLogFileNotFoundFault(AwsError): ...


class DBProxyNotFoundFault(AwsError): ...


class DBProxyAlreadyExistsFault(AwsError): ...


class DBProxyQuotaExceededFault(AwsError):
    message = "The request cannot be processed because it would exceed the maximum number of DBProxies."


class InvalidDBProxyStateFault(AwsError): ...


class DBProxyTargetGroupNotFoundFault(AwsError): ...


class DBProxyTargetNotFoundFault(AwsError): ...


class DBProxyTargetAlreadyRegisteredFault(AwsError): ...


class DBProxyEndpointNotFoundFault(AwsError): ...


class DBProxyEndpointAlreadyExistsFault(AwsError): ...


class DBProxyEndpointQuotaExceededFault(AwsError):
    message = "The DB proxy already has the maximum number of endpoints."


class InvalidDBProxyEndpointStateFault(AwsError): ...


class DBClusterNotFoundFault(AwsError): ...


class DBClusterAlreadyExistsFault(AwsError):
    message = "DB Cluster already exists"


class DBClusterQuotaExceededFault(AwsError): ...


class InvalidDBClusterStateFault(AwsError): ...


class DBClusterSnapshotNotFoundFault(AwsError): ...


class DBClusterSnapshotAlreadyExistsFault(AwsError): ...


class InvalidDBClusterSnapshotStateFault(AwsError): ...


class DBClusterParameterGroupNotFoundFault(AwsError): ...


class ResourceNotFoundFault(AwsError): ...
