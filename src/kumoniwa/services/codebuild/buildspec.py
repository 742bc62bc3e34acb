"""What a buildspec says: phases and their commands, variables, artifacts. Pure rules.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.record import Record

PHASES = ("install", "pre_build", "build", "post_build")
_KNOWN = {"version", "env", "phases", "artifacts", "cache"}
_ENV = {"shell", "variables", "parameter-store", "secrets-manager", "exported-variables"}
_PHASE = {"commands", "finally", "on-failure", "runtime-versions"}
_ARTIFACTS = {"files", "name", "discard-paths", "base-directory", "exclude-paths"}


class InvalidBuildspec(Exception):
    """The text says why."""


class Phase(Record):
    commands: tuple[str, ...] = ()
    at_last: tuple[str, ...] = ()
    on_failure: str = ""
    runtimes: dict[str, str] = {}


class Artifacts(Record):
    files: tuple[str, ...]
    name: str = ""
    folder: str = "."
    excluded: tuple[str, ...] = ()
    is_flat: bool = False


class Buildspec(Record):
    version: str
    phases: dict[str, Phase]
    variables: dict[str, str] = {}
    parameters: dict[str, str] = {}
    secrets: dict[str, str] = {}
    exported: tuple[str, ...] = ()
    artifacts: Artifacts | None = None
    secondary: dict[str, Artifacts] = {}


def read(text: str) -> Buildspec:
    """Raises InvalidBuildspec."""
    import yaml  # noqa: PLC0415 - heavy, and only builds need it

    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidBuildspec(f"YAML_FILE_ERROR: {error}") from None
    said = _mapping(said, "the buildspec")
    version = str(said.get("version", ""))
    if version not in ("0.1", "0.2"):
        raise InvalidBuildspec(f"YAML_FILE_ERROR: invalid buildspec version {version or 'missing'}: 0.1 or 0.2 is wanted")
    _refuse(set(said) - _KNOWN, "the buildspec")
    env = _mapping(said.get("env"), "env")
    _refuse(set(env) - _ENV, "env")
    if env.get("shell", "bash") != "bash":
        raise InvalidBuildspec(f"Kumoniwa does not implement the shell {env['shell']}.")
    phases = _mapping(said.get("phases"), "phases")
    if unknown := sorted(set(phases) - set(PHASES)):
        raise InvalidBuildspec(f"YAML_FILE_ERROR: unknown phase {unknown[0]}")
    artifacts = _mapping(said.get("artifacts"), "artifacts")
    secondary = _mapping(artifacts.pop("secondary-artifacts", None), "secondary-artifacts")
    return Buildspec(
        version=version, phases={name: _phase(name, phases[name]) for name in PHASES if name in phases}, variables=_texts(env.get("variables")),
        parameters=_texts(env.get("parameter-store")), secrets=_texts(env.get("secrets-manager")), exported=_list(env.get("exported-variables")),
        artifacts=_artifacts(artifacts) if artifacts else None, secondary={name: _artifacts(each) for name, each in secondary.items()},
    )  # fmt: skip


def _refuse(unknown: set[str], where: str) -> None:
    """Nothing that stands in a buildspec is passed over."""
    if unknown:
        raise InvalidBuildspec(f"Kumoniwa does not implement {sorted(map(str, unknown))[0]} of {where}.")


def _mapping(said: Any, what: str) -> dict[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise InvalidBuildspec(f"YAML_FILE_ERROR: {what} must be a mapping")
    return dict(said)


def _list(said: Any) -> tuple[str, ...]:
    if said is None:
        return ()
    if isinstance(said, str):
        return (said,)
    if not isinstance(said, list) or any(isinstance(each, (dict, list)) or each is None for each in said):
        # https://docs.aws.amazon.com/codebuild/latest/userguide/troubleshooting.html: a colon in a command without quotes makes a mapping of it.
        raise InvalidBuildspec(f"YAML_FILE_ERROR: Expected Commands[0] to be of string type: found {type(said).__name__} instead")
    return tuple(str(each) for each in said)


def _texts(said: Any) -> dict[str, str]:
    spelled = {True: "true", False: "false"}
    return {str(key): spelled[value] if isinstance(value, bool) else str(value) for key, value in _mapping(said, "env").items()}


def _phase(name: str, said: Any) -> Phase:
    said = _mapping(said, name)
    _refuse(set(said) - _PHASE, f"the phase {name}")
    on_failure = str(said.get("on-failure", ""))
    if on_failure not in ("", "ABORT", "CONTINUE"):
        raise InvalidBuildspec(f"Kumoniwa does not implement on-failure: {on_failure}.")
    return Phase(
        commands=_list(said.get("commands")), at_last=_list(said.get("finally")), on_failure=on_failure,
        runtimes=_texts(said.get("runtime-versions")),
    )  # fmt: skip


def _artifacts(said: Any) -> Artifacts:
    said = _mapping(said, "artifacts")
    _refuse(set(said) - _ARTIFACTS, "artifacts")
    if "files" not in said:
        raise InvalidBuildspec("YAML_FILE_ERROR: artifacts must have files")
    return Artifacts(
        files=_list(said["files"]), name=str(said.get("name", "")), folder=str(said.get("base-directory", ".")),
        excluded=_list(said.get("exclude-paths")), is_flat=str(said.get("discard-paths", "no")).lower() in ("yes", "true"),
    )  # fmt: skip
