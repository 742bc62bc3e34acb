"""FIS tells EventBridge each change of an experiment's state: https://docs.aws.amazon.com/fis/latest/userguide/monitoring-eventbridge.html"""

from __future__ import annotations

from fact_workshop import ACCOUNT, US, heard, hears
from test_fis import fis, start, template, wait

__all__ = ["fis"]
SOURCE, KIND = "aws.fis", "FIS Experiment State Change"


def changes(events: list[dict]) -> list[tuple[str, str]]:
    return [(each["detail"]["old-state"]["status"], each["detail"]["new-state"]["status"]) for each in events]


def test_an_experiment_tells_each_change_of_its_state(cloud, fis):
    hears(cloud, SOURCE)
    made = template(fis, {"w": wait()})
    id_ = start(fis, made)
    cloud.sleep(70)
    events = heard(cloud)
    assert changes(events) == [("pending", "initiating"), ("initiating", "running"), ("running", "completed")]
    first = events[0]
    assert (first["source"], first["detail-type"], first["resources"]) == (SOURCE, KIND, [f"arn:aws:fis:{US}:{ACCOUNT}:experiment/{id_}"])
    assert first["detail"] == {
        "experiment-id": id_, "experiment-template-id": made["id"],
        "new-state": {"status": "initiating", "reason": "Experiment is initiating"},
        "old-state": {"status": "pending", "reason": "Experiment is pending"},
    }  # fmt: skip


def test_what_stops_an_experiment_is_told(cloud, fis):
    hears(cloud, SOURCE, detail={"new-state": {"status": ["stopping", "stopped"]}})
    id_ = start(fis, template(fis, {"w": wait()}))
    cloud.sleep(1)
    fis.stop_experiment(id=id_)
    events = heard(cloud)
    assert changes(events) == [("running", "stopping"), ("stopping", "stopped")]
    assert events[1]["detail"]["new-state"]["reason"] == "Experiment halted by user"


def test_a_state_that_was_reached_before_a_kill_is_heard_of_once(cloud, fis):
    hears(cloud, SOURCE)
    start(fis, template(fis, {"w": wait()}))
    cloud.sleep(1)
    cloud.restart(kill=True)
    cloud.sleep(70)
    assert changes(heard(cloud)) == [("pending", "initiating"), ("initiating", "running"), ("running", "completed")]
