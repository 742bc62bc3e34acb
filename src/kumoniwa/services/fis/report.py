"""The report of an experiment: what it was, what each action did and when, as a PDF in a bucket of the experimenter's.

https://docs.aws.amazon.com/fis/latest/userguide/experiment-report-configuration.html. The role that ran the experiment writes it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kumoniwa.engines.pdf import Bar, PdfFailed, Report, Sheet, pdf
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.fis.experiment import FINAL, Experiment, assumed, put


def is_owed(experiment: Experiment) -> bool:
    """Whether an experiment that is over still has to be reported on."""
    return (
        bool(experiment.template.report)
        and experiment.status in FINAL
        and experiment.report.get("state", {}).get("status") not in ("completed", "failed")
    )


async def deliver(call: Call, id_: str) -> None:
    shelf = call.shelf(Experiment)
    put(call, changed(shelf[id_], report={"state": {"status": "running", "reason": "Experiment report is being generated"}}))
    place = shelf[id_].template.report["outputs"]["s3Configuration"]
    key = "/".join(part for part in (place.get("prefix", "").strip("/"), id_, "experiment-report.pdf") if part)
    try:
        role = assumed(call, shelf[id_])
        await role.ask("s3:PutObject", Bucket=place["bucketName"], Key=key, Body=await pdf(_written(call, shelf[id_])), ContentType="application/pdf")
    except (AwsError, PdfFailed) as error:
        put(call, changed(shelf[id_], report={"state": {"status": "failed", "reason": str(error), "error": {"code": "ReportDeliveryFailed"}}}))
        return
    arn = f"arn:{call.home.partition}:s3:::{place['bucketName']}/{key}"
    done = {"state": {"status": "completed", "reason": "Experiment report completed"}, "s3Reports": [{"arn": arn, "reportType": "pdf"}]}
    put(call, changed(shelf[id_], report=done))


def _written(call: Call, experiment: Experiment) -> Report:
    template, began = experiment.template, experiment.started_at or experiment.created_at
    acted = [(name, step) for name, step in experiment.steps.items() if step.started_at is not None]
    return Report(
        title="AWS FIS experiment report",
        facts=[
            ("Experiment", call.arn(f"experiment/{experiment.id}")), ("Template", f"{template.id}: {template.description}"),
            ("Role", template.role_arn),
            ("Result", f"{experiment.status}: {experiment.reason}"), ("Began", _date(began)), ("Ended", _date(experiment.ended_at)),
        ],
        bars=[Bar(name, step.started_at - began, (step.ended_at or began) - began, step.status) for name, step in acted],
        sheets=[
            Sheet("Actions", ["action", "what it is", "state", "began", "ended"], [
                [name, template.actions[name]["actionId"], f"{step.status}: {step.reason}", _date(step.started_at), _date(step.ended_at)]
                for name, step in experiment.steps.items()
            ]),
            Sheet("Targets", ["target", "resource"], [[name, arn] for name, arns in experiment.resolved.items() for arn in arns]),
        ],
    )  # fmt: skip


def _date(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at is not None else "-"
