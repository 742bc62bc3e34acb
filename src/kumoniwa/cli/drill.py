"""``kumoniwa drill``: break an architecture on purpose and read what was measured.

    kumoniwa drill PATH              hold the drill in that file or folder
    kumoniwa drill compile PATH      its long form, which Chaos Toolkit runs
    kumoniwa drill import fis FILE   an AWS FIS experiment template as a drill
    kumoniwa drill control PATH      drive the journeys and answer `chaos run`
    kumoniwa drill faults            what can be broken
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
import yaml

from kumoniwa.drill.admin import NobodyThere
from kumoniwa.drill.control import control
from kumoniwa.drill.faults import NotHealed
from kumoniwa.drill.format.chaos_form import compiled
from kumoniwa.drill.format.fault_names import fault_kinds
from kumoniwa.drill.format.fis import imported
from kumoniwa.drill.format.page import Refused
from kumoniwa.drill.format.reading import read_plan
from kumoniwa.drill.report.document import document
from kumoniwa.drill.report.terminal import lines
from kumoniwa.drill.report.writing import write_reports
from kumoniwa.drill.session import Asked, hold
from kumoniwa.drill.stage import StageFailed
from kumoniwa.drill.verdict import EXIT
from kumoniwa.kernel.clock import Clock, monotonic

WORDS = ("run", "compile", "import", "control", "faults")


def drill(words: list[str]) -> int:
    """``words`` is the command line after ``drill``. Exit code 0 met, 1 breached, 2 inconclusive, 3 the harness failed."""
    if words and words[0] not in WORDS and words[0] not in ("-h", "--help"):
        words = ["run", *words]
    asked = _parser().parse_args(words)
    try:
        return asked.do(asked)
    except Refused as error:
        for complaint in error.complaints:
            print(complaint, file=sys.stderr)
        return EXIT["failed"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kumoniwa drill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="hold a drill (the word may be left out)")
    run.add_argument("path", type=Path, help="a drill file, or a folder with drill.yaml")
    run.add_argument("--repeat", type=int, metavar="N", help="how many runs (default: what the drill says)")
    run.add_argument("--out", type=Path, default=Path("drill-report"), metavar="DIR", help="where the reports go (default: drill-report)")
    run.add_argument("--seed", type=int, metavar="S", help="of the load (default: what the drill says)")
    run.add_argument("--endpoint", help="a cloud that runs (default: one of its own)")
    run.add_argument("--prove", action="store_true", help="first hold the null drill and the sabotage drill")
    run.add_argument("--null", action="store_true", help="break nothing: what a healthy system scores")
    run.add_argument("--keep", action="store_true", help="leave the cloud of its own running")
    run.add_argument("--up", action="append", default=[], metavar="ARG", help="a further argument of `kumoniwa up`, such as --up=--lenient")
    run.set_defaults(do=_run)

    compile_ = commands.add_parser("compile", help="write the long form, a Chaos Toolkit experiment")
    compile_.add_argument("path", type=Path)
    compile_.add_argument("-o", "--output", type=Path, help="a file (default: the screen); .json writes JSON")
    compile_.set_defaults(do=_compile)

    import_ = commands.add_parser("import", help="turn a template of another tool into a drill")
    import_.add_argument("kind", choices=("fis",))
    import_.add_argument("file", type=Path)
    import_.add_argument("--region", default="us-east-1", help="the region the template runs in (default: us-east-1)")
    import_.add_argument("-o", "--output", type=Path)
    import_.set_defaults(do=_import)

    control_ = commands.add_parser("control", help="drive the journeys and answer what `chaos run` asks")
    control_.add_argument("path", type=Path)
    control_.add_argument("--endpoint", default="http://127.0.0.1:4566")
    control_.add_argument("--host", default="127.0.0.1")
    control_.add_argument("--port", type=int, default=4599)
    control_.add_argument("--out", type=Path, default=Path("drill-report"))
    control_.set_defaults(do=_control)

    commands.add_parser("faults", help="what can be broken").set_defaults(do=_faults)
    return parser


def _say(text: str) -> None:
    print(text, flush=True)


def _run(asked: argparse.Namespace) -> int:
    plan = read_plan(asked.path)
    if asked.repeat is not None and asked.repeat < 1:
        print("kumoniwa: --repeat takes a count, at least 1.", file=sys.stderr)
        return EXIT["failed"]
    started_at, began = Clock().now(), monotonic()
    _say(plan.says)
    session = asyncio.run(
        hold(Asked(plan, asked.out, asked.endpoint, asked.repeat, asked.seed, asked.prove, asked.null, asked.keep, asked.up), _say)
    )
    told = document(session, started_at, monotonic() - began)
    write_reports(told, asked.out)
    _say("")
    for line in lines(told, asked.out):
        _say(line)
    return session.verdict.exit_code


def _compile(asked: argparse.Namespace) -> int:
    experiment = compiled(read_plan(asked.path))
    if asked.output and asked.output.suffix == ".json":
        text = orjson.dumps(experiment, option=orjson.OPT_INDENT_2).decode() + "\n"
    else:
        text = yaml.safe_dump(experiment, sort_keys=False, allow_unicode=True, width=120)
    return _written(text, asked.output)


def _written(text: str, output: Path | None) -> int:
    if output is None:
        print(text, end="")
    else:
        output.write_text(text)
    return 0


def _import(asked: argparse.Namespace) -> int:
    short, remarks = imported(asked.file, asked.region)
    for remark in remarks:
        print(remark, file=sys.stderr)
    return _written(yaml.safe_dump(short, sort_keys=False, allow_unicode=True, width=120), asked.output)


def _control(asked: argparse.Namespace) -> int:
    plan = read_plan(asked.path)

    def ready(port: int) -> None:
        _say(f"The control door is open at http://{asked.host}:{port}: CLOUD_CONTROL=http://{asked.host}:{port} chaos run …")

    try:
        asyncio.run(control(plan, asked.endpoint, asked.host, asked.port, asked.out, _say, ready))
    except (StageFailed, NobodyThere, NotHealed) as error:
        print(f"kumoniwa: {error}", file=sys.stderr)
        return EXIT["failed"]
    _say("healed; the control door is closed")
    return 0


def _faults(asked: argparse.Namespace) -> int:
    for kind, target in fault_kinds().items():
        print(f"{kind:<24} strikes {target}")
    return 0
