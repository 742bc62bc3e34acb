"""The command ``kumoniwa``."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from kumoniwa import __version__

EXTRAS = {"boto3": "lambda", "yaml": "deploy", "samtranslator": "deploy", "cfnlint": "deploy"}
"""What a command may lack, by the name under which it is imported, and the extra that brings it."""


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    try:
        if words[:1] == ["drill"]:
            return _command("drill:drill")(words[1:])
        asked = _parser().parse_args(words)
        return asked.do(asked)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kumoniwa", description="Whole AWS architectures on one machine.")
    parser.add_argument("--version", action="version", version=f"kumoniwa {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", prog=parser.prog)

    up = commands.add_parser("up", help="run a cloud in the foreground")
    up.add_argument("--port", type=int, default=4566, help="0 takes a free one (default: 4566)")
    up.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    up.add_argument("--data", metavar="DIR", help="keep the state here; without it, it goes with the process")
    up.add_argument("--regions", metavar="A,B", default="", help="the regions that exist (default: all of AWS's)")
    up.add_argument("--region", default=None, help="the region of requests that name none (default: the first, or us-east-1)")
    up.add_argument("--account", default="000000000000", help="the account of keys that name none")
    up.add_argument("--auth", choices=("open", "strict"), default="open", help="strict refuses keys that IAM here did not issue")
    up.add_argument("--iam", choices=("enforce", "audit", "off"), default="enforce", help="audit allows and records")
    up.add_argument("--lenient", action="store_true", help="ignore (and record) parameters that are not implemented")
    up.add_argument("--fsync", action="store_true", help="survive power loss, not only a kill")
    up.add_argument("--links", metavar="PROFILE", default="aws-p50", help="how far regions are: aws-p50 (measured), lan, none, or a table in a file")
    up.add_argument(
        "--dns-port",
        type=int,
        default=None,
        metavar="PORT",
        help="of the name servers, UDP and TCP (default: 4553 beside port 4566, else a free one)",
    )
    up.add_argument(
        "--xray-port",
        type=int,
        default=None,
        metavar="PORT",
        help="of the X-Ray daemon, UDP and TCP (default: 2000 beside port 4566, else a free one)",
    )
    up.add_argument("--places", default=None, metavar="FILE", help="where clients are, for routing by place: lines of subnet,country,state,region")
    up.add_argument("--pace", choices=("instant", "real"), default="instant", help="how long lifecycles take")
    up.set_defaults(do=_command("up:up"))

    deploy = commands.add_parser("deploy", help="deploy a CloudFormation or SAM template")
    deploy.add_argument("template")
    deploy.add_argument("--stack", required=True)
    deploy.add_argument("--region", nargs="+", action="extend", metavar="R", help="one or more (default: us-east-1)")
    deploy.add_argument("--parameter", nargs="+", action="extend", default=[], metavar="K=V")
    deploy.set_defaults(do=_command("deploy:deploy"))

    # Listed here for --help; its own words are read by its own parser.
    commands.add_parser("drill", help="break an architecture on purpose and read what was measured")

    region = commands.add_parser("region", help="kill, pause, resume or restart a region")
    region.add_argument("what", choices=("kill", "pause", "resume", "restart"))
    region.add_argument("name")
    region.set_defaults(do=_command("admin:region"))

    broken = commands.add_parser("break", help="inject a fault: kumoniwa break link.delay link='us-east-1->eu-west-1' rtt_add=200 --for 60s")
    broken.add_argument("fault", nargs="?", help="its kind; without one, the kinds there are")
    broken.add_argument("words", nargs="*", metavar="NAME=VALUE", help="targets and parameters")
    broken.add_argument("--for", dest="duration", metavar="DURATION", help="heal it by itself after so long")
    broken.set_defaults(do=_command("faults:inject"))

    heal = commands.add_parser("heal", help="end a fault, or all")
    heal.add_argument("id", nargs="?")
    heal.set_defaults(do=_command("faults:heal"))

    links = commands.add_parser("links", help="how far the regions in use are from each other, and what passes")
    links.add_argument("--measure", action="store_true", help="measure every link through itself")
    links.set_defaults(do=_command("faults:links"))

    policy = commands.add_parser("policy", help="the least policy for what a role was seen to do; --prove COMMAND runs it with that alone")
    policy.add_argument("role", metavar="ROLE", help="name or ARN of a role or user")
    policy.add_argument("--with-denied", action="store_true", help="also what it asked for and has no right to (under --iam audit it was done)")
    policy.set_defaults(do=_command("policy:policy"))

    timeline = commands.add_parser("timeline", help="calls, alarms, stacks and configurations in the order in which they happened")
    timeline.add_argument("--since", default="1h", metavar="SPAN", help="how far back, like 90m (default: 1h)")
    timeline.add_argument("--region", nargs="+", action="extend", metavar="R", help="one or more (default: those in use)")
    timeline.add_argument("--resource", metavar="TEXT", help="only what names this")
    timeline.add_argument("--reads", action="store_true", help="also calls that changed nothing")
    timeline.set_defaults(do=_command("timeline:timeline"))

    cost = commands.add_parser("cost", help="what AWS would ask for what was used here, at its list prices")
    span = cost.add_mutually_exclusive_group()
    span.add_argument("--since", metavar="SPAN", help="how far back, like 2h, in whole hours (default: all)")
    span.add_argument("--month", nargs="?", type=int, const=1, metavar="N", help="a month in which all that was used is used N times and all that stands now stands")
    cost.add_argument("--by-resource", action="store_true", help="a line for each queue, function, table, …")
    cost.add_argument("--account", default="", metavar="ACCOUNT", help="of this account alone")
    cost.add_argument("--json", action="store_true", help="as JSON, with every digit")
    cost.set_defaults(do=_command("cost:cost"))

    env = commands.add_parser("env", help='what AWS\'s tools need to find the cloud by TLS: eval "$(kumoniwa env)"')
    env.add_argument("--region", default="us-east-1", help="where they work (default: us-east-1)")
    env.add_argument(
        "--account",
        default="",
        metavar="KEY",
        help="the access key, such as an account's twelve digits (default: the one that is set, or test)",
    )
    env.add_argument("--proxy", action="store_true", help="no endpoint: AWS's own names lead here, for Terraform and whatever else asks for them")
    env.set_defaults(do=_command("admin:env"))

    for name, place, text in (
        ("faults", "faults:faults", "what was injected"),
        ("status", "admin:status", "what is running"),
        ("gaps", "admin:gaps", "what clients asked for and is not implemented"),
        ("down", "admin:down", "stop the cloud"),
    ):
        commands.add_parser(name, help=text).set_defaults(do=_command(place))
    for name, command in commands.choices.items():
        if name not in ("up", "drill"):
            command.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"), help="where the cloud listens")
    # Last, because it takes all that follows.
    policy.add_argument(
        "--prove", nargs=argparse.REMAINDER, metavar="COMMAND", help="run a command with that policy instead of all others of the role"
    )
    return parser


def _command(place: str) -> Callable[[Any], int]:
    """A command by module and function, imported when it is run: ``kumoniwa status`` loads no cloud, ``kumoniwa up`` no client."""
    module, _, name = place.partition(":")

    def run(asked: Any) -> int:
        # What importing makes stays: to look for garbage in it, now or later, finds next to nothing.
        gc.disable()
        try:
            command = getattr(importlib.import_module(f"kumoniwa.cli.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
            print(f"kumoniwa: this command needs {error.name}: pip install 'kumoniwa[{EXTRAS[error.name]}]'.", file=sys.stderr)
            return 1
        gc.freeze()
        gc.enable()
        return command(asked)

    return run


if __name__ == "__main__":
    raise SystemExit(main())
