"""Which database engines there are, in which versions: those that really run here."""

from __future__ import annotations

from typing import Any

from kumoniwa.aws.zones import zones as zones_of
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.rds import classes
from kumoniwa.services.rds.aurora import AuroraPostgres
from kumoniwa.services.rds.engine import Engine, filtered
from kumoniwa.services.rds.errors import InvalidParameterCombination, InvalidParameterValue
from kumoniwa.services.rds.mariadb import MariaDb
from kumoniwa.services.rds.postgres import Postgres

POSTGRES = Postgres()
ENGINES: dict[str, Engine] = {each.name: each for each in (POSTGRES, MariaDb(), AuroraPostgres())}
NOT_BUILT = frozenset({
    "aurora-mysql", "custom-oracle-ee", "custom-oracle-ee-cdb", "custom-oracle-se2", "custom-oracle-se2-cdb",
    "custom-sqlserver-dev",
    "custom-sqlserver-ee", "custom-sqlserver-se", "custom-sqlserver-web", "db2-ae", "db2-se", "mysql", "neptune", "docdb",
    "oracle-ee", "oracle-ee-cdb",
    "oracle-se2", "oracle-se2-cdb", "sqlserver-dev-ee", "sqlserver-ee", "sqlserver-ex", "sqlserver-se", "sqlserver-web",
})  # fmt: skip
"""The model's documentation names them: CreateDBInstance, Engine."""


def checked(name: str) -> Engine:
    if name in NOT_BUILT:
        # A MariaDB that called itself MySQL would not tell the truth.
        hint = ", whose protocol the engine mariadb speaks, which runs here" if name in ("mysql", "aurora-mysql") else ""
        raise NotImplementedHere(f"databases of the engine {name}{hint}")
    if name not in ENGINES:
        # Seen of AWS: moto's test_rds.py.
        raise InvalidParameterValue(f"Value {name} for parameter Engine is invalid. Reason: engine {name} not supported")
    return ENGINES[name]


def of(one: Any) -> Engine:
    """That of an instance, a snapshot or whatever else has its name."""
    return ENGINES[one.engine]


def of_family(family: str) -> Engine | None:
    """The engine of which a family of parameter groups is, if such a one runs here."""
    return next((each for each in here() if each.family() == family), None)


def here() -> list[Engine]:
    """Those whose servers can run. Raises NotImplementedHere where none can."""
    found, missing = [], None
    for each in ENGINES.values():
        try:
            each.version()
        except NotImplementedHere as error:
            missing = missing or error
            continue
        found.append(each)
    if not found and missing is not None:
        raise missing
    return found


def checked_version(call: Call, engine: Engine, asked: str | None) -> str:
    """The version that will run. Of the one here, its major number is enough to say, as on AWS; any other is refused as AWS refuses one that it does
    not have, but for ``--lenient``, which runs the one here and says so in every answer."""
    here = engine.version()
    if asked in (None, "", here, engine.major()) or call.home.settings.is_lenient:
        return here
    raise InvalidParameterCombination(
        f"Cannot find version {asked} for {engine.name}",
        hint=f"This cloud runs {engine.title} {here}; with --lenient it does so whatever version is asked for.",
    )


def check_licence(engine: Engine, asked: str | None) -> None:
    if asked not in (None, "", engine.licence):
        raise InvalidParameterCombination(
            f"Invalid license model '{asked}' for engine '{engine.name}'. Valid license models are: {engine.licence}."
        )


def DescribeDBEngineVersions(
    call: Call, *, Engine: str | None = None, EngineVersion: str | None = None, DBParameterGroupFamily: str | None = None,
    Filters: list[dict] | None = None, DefaultOnly: bool | None = None, ListSupportedCharacterSets: bool | None = None,
    ListSupportedTimezones: bool | None = None, IncludeAll: bool | None = None,
) -> dict:  # fmt: skip
    """Only what runs here: an engine that AWS has besides is not told."""
    found = []
    for each in here():
        known = {
            "db-parameter-group-family": {each.family()}, "engine": {each.name}, "engine-mode": {"provisioned"}, "engine-version": {each.version()},
            "status": {"available"},
        }  # fmt: skip
        is_wanted = Engine in (None, each.name) and EngineVersion in (None, each.version(), each.major())
        if is_wanted and DBParameterGroupFamily in (None, each.family()) and filtered(known, Filters):
            found.append(_shown(each))
    return {"DBEngineVersions": found}


def _shown(engine: Engine) -> dict[str, Any]:
    of_clusters: dict[str, Any] = {}
    if engine.has_clusters:
        of_clusters = {
            "SupportedEngineModes": ["provisioned"], "ServerlessV2FeaturesSupport": {"MinCapacity": CAPACITY_MIN, "MaxCapacity": CAPACITY_MAX},
        }  # fmt: skip
    return {
        "Engine": engine.name, "MajorEngineVersion": engine.major(), "EngineVersion": engine.version(), "DBParameterGroupFamily": engine.family(),
        "DBEngineDescription": engine.edition, "DBEngineVersionDescription": f"{engine.title} {engine.version()}", "ValidUpgradeTarget": [],
        "ExportableLogTypes": [], "SupportsLogExportsToCloudwatchLogs": False, "SupportsReadReplica": engine.has_replicas, "SupportedFeatureNames": [],
        "Status": "available", "SupportsParallelQuery": False, "SupportsGlobalDatabases": False, "SupportsBabelfish": False,
        "SupportsLimitlessDatabase": False, "SupportsCertificateRotationWithoutRestart": False, "SupportedCACertificateIdentifiers": [CERTIFICATE],
        "SupportsLocalWriteForwarding": False, "SupportsIntegrations": False, **of_clusters,
    }  # fmt: skip


CERTIFICATE = "rds-ca-rsa2048-g1"
"""By which name the authority is told, whichever one it is; here it is the cloud's own."""
CAPACITY_MIN, CAPACITY_MAX = 0.5, 256.0
"""Of serverless instances, in units of 2 GiB. AWS lets them rest at 0, too.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html"""
STORAGE_TYPES = ("gp2", "gp3", "io1", "io2", "standard")


def DescribeOrderableDBInstanceOptions(
    call: Call, *, Engine: str, EngineVersion: str | None = None, DBInstanceClass: str | None = None, LicenseModel: str | None = None,
    AvailabilityZoneGroup: str | None = None, Vpc: bool | None = None, Filters: list[dict] | None = None,
) -> dict:  # fmt: skip
    engine = checked(Engine)
    is_wanted = EngineVersion in (None, engine.version(), engine.major())
    if not is_wanted or LicenseModel not in (None, engine.licence) or Vpc is False or AvailabilityZoneGroup:
        return {"OrderableDBInstanceOptions": []}
    zones = [{"Name": each.name} for each in zones_of(call.region)]
    found = []
    names = [name for name in (*classes.all_classes(), classes.SERVERLESS) if classes.of_aurora(name)] if engine.has_clusters else classes.all_classes()
    for name in names:
        for storage in (("aurora",) if engine.has_clusters else ("gp2", "gp3")) if DBInstanceClass in (None, name) else ():
            found.append({
                "Engine": engine.name, "EngineVersion": engine.version(), "DBInstanceClass": name, "LicenseModel": engine.licence,
                "AvailabilityZones": zones, "MultiAZCapable": False, "ReadReplicaCapable": engine.has_replicas, "Vpc": True, "SupportsStorageEncryption": False,
                "StorageType": storage, "SupportsIops": storage == "gp3", "SupportsEnhancedMonitoring": False,
                "SupportsIAMDatabaseAuthentication": False,
                "SupportsPerformanceInsights": False, "MinStorageSize": 20 if storage == "gp3" else 5, "MaxStorageSize": 65_536,
                "AvailableProcessorFeatures": [], "SupportedEngineModes": ["provisioned"], "SupportsStorageAutoscaling": False,
                "SupportsKerberosAuthentication": False,
                "OutpostCapable": False, "SupportedActivityStreamModes": [], "SupportsGlobalDatabases": False, "SupportsClusters": engine.has_clusters,
                "SupportedNetworkTypes": ["IPV4"], "SupportsStorageThroughput": storage == "gp3", "SupportsDedicatedLogVolume": False,
            })  # fmt: skip
    if not found and DBInstanceClass is not None:
        classes.of(DBInstanceClass)
    return {"OrderableDBInstanceOptions": found}
