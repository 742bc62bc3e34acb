"""What a database instance is, and how it is told."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from kumoniwa.aws.zones import zones
from kumoniwa.gate import private_network
from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.rds.errors import DBInstanceNotFoundFault

SERVICE = "rds.amazonaws.com"
TURNS = Turns("rds", SERVICE, "rds_turn")
RUNNING = frozenset({"available", "backing-up", "modifying", "renaming", "resetting-master-credentials"})
"""States in which clients come in."""
SETTLING_S = {"creating": 240.0, "deleting": 60.0, "modifying": 90.0, "rebooting": 30.0, "starting": 180.0, "stopping": 120.0, "renaming": 30.0,
              "backing-up": 60.0, "resetting-master-credentials": 20.0}  # fmt: skip
"""How long each takes at AWS's pace, about; what really goes on takes its time besides."""


class Origin(Record):
    """What an instance begins with, where that is not nothing."""

    snapshot: str = ""
    """The id of a snapshot's data."""
    told: str = ""
    """What is told once it is there."""
    source: str = ""
    """The id of the instance whose later changes are made again."""
    until: float | None = None
    """Up to when, by the machine's clock; None for all."""


class Source(Record):
    """The instance that another is a read replica of."""

    region: str
    id: str
    name: str
    """Of one in another region its ARN."""


class Farewell(Record):
    """What the region of a source is yet to be told: that a replica is none any more. Shelved by its turn's id."""

    source: Source
    slot: str


class Place(Record):
    """Where a database is in the network."""

    group: str
    """Its subnet group."""
    vpc: str
    zone: str
    subnet: str
    groups: tuple[str, ...]
    """Its security groups."""
    interface: str = ""
    address: str = ""


class Instance(Record):
    """Shelved by its name, which can change; its id, by which its data lies, cannot."""

    id: str
    name: str
    class_: str
    version: str
    storage_gb: int
    storage_type: str
    master: str
    created: float
    zone: str
    group: str
    backup_window: str
    maintenance_window: str
    database: str = ""
    """One that is made with it."""
    verifier: str = ""
    """What the master user's password shall be, as the server keeps it: nobody can read the password there. Empty once it is."""
    engine: str = "postgres"
    wanted_port: int = 5_432
    port: int = 0
    """Where clients come in; 0 before they can."""
    iops: int | None = None
    throughput: int | None = None
    retention_days: int = 1
    is_public: bool = True
    is_protected: bool = False
    copies_tags: bool = False
    upgrades_itself: bool = True
    tags: dict[str, str] = {}
    cluster: str = ""
    """The id of the cluster whose data it serves; it has none of its own then."""
    tier: int = 1
    """Its PromotionTier in that."""
    secret: str = ""
    """The ARN of the secret that holds the master user's password, where RDS manages it, and the key it lies under."""
    secret_key: str = ""
    state: str = "creating"
    is_made: bool = False
    """Whether its data is there."""
    origin: Origin | None = None
    pending: dict[str, Any] = {}
    """What was asked and is not done, by the members of PendingModifiedValues."""
    is_due: bool = False
    """Whether that is to be done now, and not in the maintenance window."""
    booted: dict[str, str] = {}
    """What its group said when it was started, and at once later."""
    booted_group: str = ""
    is_to_reload: bool = False
    stopped: float = 0.0
    """Since when it rests, if it does."""
    final_snapshot: str = ""
    keeps_backups: bool = False
    backed_up: float = 0.0
    """When automated backups were last made."""
    backup_point: str = ""
    """The ARN of the recovery point as which AWS Backup keeps them, if it does."""
    source: Source | None = None
    """That of a read replica."""
    replication: str = ""
    """How that goes, by the words of StatusInfos, as it was last seen."""
    is_leaving: bool = False
    """Whether a read replica is to become an instance of its own."""
    followers: dict[str, str] = {}
    """The ARNs of its read replicas in other regions, by their slots."""
    has_slots: bool = False
    """Whether its server keeps what replicas, of which some may be gone, have not had yet."""
    place: Place | None = None
    """None of one that was made before there were networks."""


class Cluster(Instance):
    """Data that instances serve which are members of it: their server is the cluster's, and runs while there are any. ``group`` is one of clusters;
    a class it has none."""

    has_endpoint: bool = False
    """Whether the Data API leads to it."""
    scaling: dict[str, float] = {}
    """ServerlessV2ScalingConfiguration."""
    held: int = 0
    """How many bytes lay there when it was last looked at."""


WRITER, READER = "cluster-", "cluster-ro-"
"""What stands in the names of a cluster's endpoints."""
PREFIX = "cluster-"
"""How the ids of clusters begin, and no others do."""


FAREWELL = "farewell-"
"""How the ids of turns begin in which another region is told that a replica is none any more."""


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"db:{name}", "rds")


def name_of(call: Call, kind: str, said: str) -> str:
    """The name of what is called so or by its ARN; an ARN of another account or region names nothing here."""
    return said.removeprefix(call.arn(f"{kind}:", "rds")).lower()


def existing(call: Call, name: str) -> Instance:
    """By its name, or its ARN."""
    found = call.shelf(Instance).get(name_of(call, "db", name))
    if found is None:
        raise DBInstanceNotFoundFault(f"DBInstance {name.removeprefix(arn_of(call, ''))} not found.")
    return found


def by_id(call: Call, id_: str) -> Instance | None:
    """An instance, or a cluster."""
    shelf = call.shelf(Cluster if id_.startswith(PREFIX) else Instance)
    return next((each for each in shelf.values() if each.id == id_), None)


def members(call: Call, cluster: Instance) -> list[Instance]:
    """The instances of a cluster, the writer first."""
    return sorted((each for each in call.shelf(Instance).values() if each.cluster == cluster.id), key=lambda each: (each.created, each.id))


def replicas(call: Call, instance: Instance) -> list[Instance]:
    """Those of its region."""
    found = (each for each in call.shelf(Instance).values() if each.source is not None and each.source.id == instance.id)
    return sorted((each for each in found if each.source.region == call.region), key=lambda each: each.name)  # type: ignore[union-attr]


def keep(call: Call, instance: Instance, **changes: Any) -> Instance:
    """The latest of it, with changes."""
    shelf = call.shelf(type(instance))
    latest = shelf[instance.name]
    before, latest = latest, changed(latest, **changes)
    shelf[instance.name] = latest
    if (before.port, before.state in RUNNING, before.place) != (latest.port, latest.state in RUNNING, latest.place):
        private_network.changed(call)
    return latest


def look_again(call: Call, id_: str, at: float = 0.0) -> None:
    TURNS.put(call, id_, at or call.now())


def becoming(call: Call, instance: Instance, state: str, **changes: Any) -> Instance:
    """Have an instance be in a state until what that says is done."""
    instance = keep(call, instance, state=state, **changes)
    look_again(call, instance.id, call.now() + (SETTLING_S[state] if call.home.settings.pace == "real" else 0.0))
    return instance


def host(call: Call, name: str, role: str = "") -> str:
    """A name with a part that is the same for all of an account in a region, as AWS's; before that stands of which role a cluster's is."""
    digest = hashlib.sha256(f"{call.account} {call.region}".encode()).digest()
    mark = "c" + "".join("abcdefghijklmnopqrstuvwxyz"[each % 26] for each in digest[:11])
    return f"{name}.{role}{mark}.{call.region}.rds.localhost"


def zone_of(call: Call) -> str:
    found = zones(call.region)
    return found[int(hashlib.sha256(f"{call.account}{call.region}".encode()).hexdigest(), 16) % len(found)].name


def windows(id_: str) -> tuple[str, str]:
    """Those AWS picks where nobody says: half an hour in the night of a region, and on a day of the week; here of the instance's id."""
    chance = random.Random(id_)
    begin, day = chance.randrange(3 * 60, 11 * 60 - 60), chance.choice(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))

    def clock(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    late = begin + 60
    return f"{clock(begin)}-{clock(begin + 30)}", f"{day}:{clock(late)}-{day}:{clock(late + 30)}"
