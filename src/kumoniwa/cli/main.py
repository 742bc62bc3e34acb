"""The command ``kumoniwa``."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from kumoniwa import __version__

EXTRAS = {"boto3": "lambda", "yaml": "deploy", "samtranslator": "deploy", "cfnlint": "deploy"}
"""What a command may lack, by the name under which it is imported, and the extra that brings it."""


def _up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=4566, help="0 takes a free one (default: 4566)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--data", metavar="DIR", help="keep the state here; without it, it goes with the process")
    parser.add_argument("--regions", metavar="A,B", default="", help="the regions that exist (default: all of AWS's)")
    parser.add_argument("--region", default=None, help="the region of requests that name none (default: the first, or us-east-1)")
    parser.add_argument("--account", default="000000000000", help="the account of keys that name none")
    parser.add_argument("--auth", choices=("open", "strict"), default="open", help="strict refuses keys that IAM here did not issue")
    parser.add_argument("--iam", choices=("enforce", "audit", "off"), default="enforce", help="audit allows and records")
    parser.add_argument("--lenient", action="store_true", help="ignore (and record) parameters that are not implemented")
    parser.add_argument("--fsync", action="store_true", help="survive power loss, not only a kill")
    parser.add_argument("--links", metavar="PROFILE", default="aws-p50", help="how far regions are: aws-p50 (measured), lan, none, or a table in a file")
    parser.add_argument(
        "--dns-port",
        type=int,
        default=None,
        metavar="PORT",
        help="of the name servers, UDP and TCP (default: 4553 beside port 4566, else a free one)",
    )
    parser.add_argument(
        "--xray-port",
        type=int,
        default=None,
        metavar="PORT",
        help="of the X-Ray daemon, UDP and TCP (default: 2000 beside port 4566, else a free one)",
    )
    parser.add_argument("--places", default=None, metavar="FILE", help="where clients are, for routing by place: lines of subnet,country,state,region")
    parser.add_argument("--pace", choices=("instant", "real"), default="instant", help="how long lifecycles take")


def _deploy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template")
    parser.add_argument("--stack", required=True)
    parser.add_argument("--region", nargs="+", action="extend", metavar="R", help="one or more (default: us-east-1)")
    parser.add_argument("--parameter", nargs="+", action="extend", default=[], metavar="K=V")
    _endpoint(parser)


def _region(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("kill", "pause", "resume", "restart"))
    parser.add_argument("name")
    _endpoint(parser)


def _break(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fault", nargs="?", help="its kind; without one, the kinds there are")
    parser.add_argument("words", nargs="*", metavar="NAME=VALUE", help="targets and parameters")
    parser.add_argument("--for", dest="duration", metavar="DURATION", help="heal it by itself after so long")
    _endpoint(parser)


def _heal(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?")
    _endpoint(parser)


def _links(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--measure", action="store_true", help="measure every link through itself")
    _endpoint(parser)


def _policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="name or ARN of a role or user")
    parser.add_argument("--with-denied", action="store_true", help="also what it asked for and has no right to (under --iam audit it was done)")
    _endpoint(parser)
    # Last, because it takes all that follows.
    parser.add_argument(
        "--prove", nargs=argparse.REMAINDER, metavar="COMMAND", help="run a command with that policy instead of all others of the role"
    )


def _timeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", default="1h", metavar="SPAN", help="how far back, like 90m (default: 1h)")
    parser.add_argument("--region", nargs="+", action="extend", metavar="R", help="one or more (default: those in use)")
    parser.add_argument("--resource", metavar="TEXT", help="only what names this")
    parser.add_argument("--reads", action="store_true", help="also calls that changed nothing")
    _endpoint(parser)


def _cost(parser: argparse.ArgumentParser) -> None:
    span = parser.add_mutually_exclusive_group()
    span.add_argument("--since", metavar="SPAN", help="how far back, like 2h, in whole hours (default: all)")
    span.add_argument("--month", nargs="?", type=int, const=1, metavar="N", help="a month in which all that was used is used N times and all that stands now stands")
    parser.add_argument("--by-resource", action="store_true", help="a line for each queue, function, table, …")
    parser.add_argument("--account", default="", metavar="ACCOUNT", help="of this account alone")
    parser.add_argument("--json", action="store_true", help="as JSON, with every digit")
    _endpoint(parser)


def _node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--activation-id", default="", metavar="ID", help="of ssm:CreateActivation; once, a node in its folder is registered")
    parser.add_argument("--activation-code", default="", metavar="CODE", help="that goes with it")
    parser.add_argument("--region", default="us-east-1", help="where it is registered (default: us-east-1)")
    parser.add_argument("--folder", required=True, metavar="DIR", help="what the node is: its key, its commands, and their scripts")
    _endpoint(parser)


def _env(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--region", default="us-east-1", help="where they work (default: us-east-1)")
    parser.add_argument(
        "--account",
        default="",
        metavar="KEY",
        help="the access key, such as an account's twelve digits (default: the one that is set, or test)",
    )
    parser.add_argument("--proxy", action="store_true", help="no endpoint: AWS's own names lead here, for Terraform and whatever else asks for them")
    _endpoint(parser)


def _endpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--endpoint", default=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"), help="where the cloud listens")


class Command(NamedTuple):
    place: str
    """Its module and function, imported when it is run: ``kumoniwa status`` loads no cloud, ``kumoniwa up`` no client."""
    text: str
    declare: Callable[[argparse.ArgumentParser], None] | None = _endpoint
    """None if it reads its own words."""


COMMANDS = {
    "up": Command("up:up", "run a cloud in the foreground", _up),
    "deploy": Command("deploy:deploy", "deploy a CloudFormation or SAM template", _deploy),
    "drill": Command("drill:drill", "break an architecture on purpose and read what was measured", None),
    "region": Command("admin:region", "kill, pause, resume or restart a region", _region),
    "break": Command("faults:inject", "inject a fault: kumoniwa break link.delay link='us-east-1->eu-west-1' rtt_add=200 --for 60s", _break),
    "heal": Command("faults:heal", "end a fault, or all", _heal),
    "links": Command("faults:links", "how far the regions in use are from each other, and what passes", _links),
    "policy": Command("policy:policy", "the least policy for what a role was seen to do; --prove COMMAND runs it with that alone", _policy),
    "timeline": Command("timeline:timeline", "calls, alarms, stacks and configurations in the order in which they happened", _timeline),
    "cost": Command("cost:cost", "what AWS would ask for what was used here, at its list prices", _cost),
    "node": Command("node:node", "a managed node of Systems Manager: runs the shell scripts that Run Command sends to this machine", _node),
    "env": Command("admin:env", 'what AWS\'s tools need to find the cloud by TLS: eval "$(kumoniwa env)"', _env),
    "faults": Command("faults:faults", "what was injected"),
    "status": Command("admin:status", "what is running"),
    "gaps": Command("admin:gaps", "what clients asked for and is not implemented"),
    "down": Command("admin:down", "stop the cloud"),
}


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    command = COMMANDS.get(words[0]) if words else None
    try:
        if command is None:
            _overview().parse_args(words[:1])
            return 2
        if command.declare is None:
            return _run(command, words[1:])
        # Of the command that is asked for and of no other: to declare all of them would take a tenth of a cloud's start.
        parser = argparse.ArgumentParser(prog=f"kumoniwa {words[0]}", description=command.text)
        command.declare(parser)
        return _run(command, parser.parse_args(words[1:]))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _overview() -> argparse.ArgumentParser:
    """What there is, for who asks for it or for what there is not."""
    parser = argparse.ArgumentParser(prog="kumoniwa", description="Whole AWS architectures on one machine.")
    parser.add_argument("--version", action="version", version=f"kumoniwa {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", prog=parser.prog)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.text)
    return parser


def _run(command: Command, asked: Any) -> int:
    module, _, name = command.place.partition(":")
    # What importing makes stays: to look for garbage in it, now or later, finds next to nothing.
    gc.disable()
    try:
        do = getattr(importlib.import_module(f"kumoniwa.cli.{module}"), name)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        print(f"kumoniwa: this command needs {error.name}: pip install 'kumoniwa[{EXTRAS[error.name]}]'.", file=sys.stderr)
        return 1
    gc.freeze()
    gc.enable()
    return do(asked)


if __name__ == "__main__":
    raise SystemExit(main())
