"""What a function sees of the file system: its code at /var/task, its layers at /opt and its interpreter in /var/lang/bin, as on AWS.

A mount namespace of its own shows them there, read-only, and nobody else sees it. Linux gives one to root, and elsewhere to most users; where it
gives none, a function finds its folders where they are on this machine, as its variables say.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping

TASK, LAYERS, TOOLS = "/var/task", "/opt", "/var/lang/bin"
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
PACKAGES = "/var/runtime/node_modules"
"""Where AWS's SDK for JavaScript lies. An import statement of JavaScript only looks beside the code and above it."""
_SHELL, _BASH = "/bin/sh", "/bin/bash"
_PYTHON = ("python", "python3", f"python3.{sys.version_info.minor}")
"""Scripts in packages that were made for Lambda name it as what interprets them."""

_CLONE_NEWNS, _CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE, _MS_RELATIME = 1, 32, 4096, 16384, 1 << 18, 1 << 21
_SAME_FLAGS = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME
"""What statvfs and mount spell with the same bits. A mount may not lose any of them when it is mounted again."""


def is_possible() -> bool:
    """Whether the kernel lets us: a child tries, with folders that hold nothing."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            try:
                is_inside = enter(folder, [folder, folder], folder)
            except OSError:
                is_inside = False
            os._exit(not is_inside)
        return os.waitpid(child, 0)[1] == 0


def enter(task_root: str, layers: list[str], scratch: str, program: str = sys.executable, packages: str = "") -> bool:
    """Move this process, which has one thread, into a namespace of its own, where the first of the layers hides the others.
    ``scratch`` is the function's own folder, which stays where it is; ``packages`` one of node_modules, if there is one.
    Answers whether it is there; it stays where it is if a layer would hide that folder, Python or the ``program`` that is to run.
    Raises OSError half-way, and then it sees neither place as it should."""
    needed = [os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, program, __file__, scratch)]
    hidden = [TASK, *(f"{LAYERS}/{name}" for layer in layers for name in os.listdir(layer))]
    if any(_is_in(path, place) for path in needed for place in hidden):
        return False
    _leave()
    code, *unpacked = [_Held(path) for path in (task_root, *layers)]
    tools = {os.path.basename(program): program} | dict.fromkeys(_PYTHON, sys.executable)
    links = {f"{TOOLS}/{name}": path for name, path in tools.items()}
    shown = {"task": [code]}
    if packages:
        shown[PACKAGES.removeprefix("/var/")] = [_Held(packages)]
        links["/var/node_modules"] = PACKAGES
    _refurnish("/var", shown, needed, links)
    _refurnish(LAYERS, _by_name(unpacked), needed)
    _take_amazons_shell()
    return True


def _take_amazons_shell() -> None:
    """Amazon Linux's shell is bash, by whichever name: the bootstrap of AWS's own tutorial needs it.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html"""
    here = os.path.realpath(_SHELL)
    if os.path.basename(here) == "dash" and os.path.exists(_BASH):
        _mount(_BASH, here, _MS_BIND)


def _leave() -> None:
    user, group = os.getuid(), os.getgid()
    try:
        _call("unshare", _CLONE_NEWNS)
    except OSError:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _mount(None, "/", _MS_REC | _MS_PRIVATE)


def cover(place: str, folder: str) -> None:
    """Within a namespace that a parent of this process entered, have one of its own where ``folder`` lies over ``place``."""
    _call("unshare", _CLONE_NEWNS)
    _mount(folder, place, _MS_BIND)


class _Held:
    """A file or folder that stays at hand, whatever is mounted over its path."""

    def __init__(self, path: str) -> None:
        self.number = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.path = f"/proc/self/fd/{self.number}"
        self.mode = os.fstat(self.number).st_mode

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def names(self) -> list[str]:
        return os.listdir(self.path)

    def __truediv__(self, name: str) -> _Held:
        return _Held(f"{self.path}/{name}")

    def __del__(self) -> None:
        os.close(self.number)


def _by_name(folders: Iterable[_Held]) -> dict[str, list[_Held]]:
    """What folders hold, each name with those that hold it, the first of them first."""
    found: dict[str, list[_Held]] = {}
    for folder in folders:
        for name in folder.names():
            found.setdefault(name, []).append(folder / name)
    return found


def _refurnish(place: str, things: dict[str, list[_Held]], needed: list[str], links: Mapping[str, str] = {}) -> None:
    """Let ``place`` show ``things``, which nobody may change, and of what it showed before only what this process runs on.
    ``links`` are symbolic ones within it."""
    kept = [name for name in os.listdir(place) if any(_is_in(path, f"{place}/{name}") for path in needed)]
    old = {name: _Held(f"{place}/{name}") for name in kept}
    _mount("tmpfs", place, 0, "tmpfs", "mode=755")
    for name, each in old.items():
        _show(each, f"{place}/{name}")
    for name, sources in things.items():
        _lay(sources, f"{place}/{name}")
    for link, path in links.items():
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(path, link)
    _protect(place)


def _lay(sources: list[_Held], target: str) -> None:
    """Show the first of the sources, or all together where all are folders."""
    if len(sources) > 1 and sources[0].is_folder:
        os.mkdir(target)
        for name, each in _by_name(source for source in sources if source.is_folder).items():
            _lay(each, f"{target}/{name}")
        return
    _show(sources[0], target)
    if not stat.S_ISLNK(sources[0].mode):
        _protect(target)


def _show(source: _Held, target: str) -> None:
    if stat.S_ISLNK(source.mode):
        os.symlink(os.readlink("", dir_fd=source.number), target)
        return
    if source.is_folder:
        os.makedirs(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source.path, target, _MS_BIND | _MS_REC)


def _protect(target: str) -> None:
    flags = os.statvfs(target).f_flag
    same = flags & _SAME_FLAGS | (_MS_RELATIME if flags & os.ST_RELATIME else 0)
    _mount(None, target, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | same)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _mount(source: str | None, target: str, flags: int, kind: str | None = None, data: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _call("mount", *texts, ctypes.c_ulong(flags), None if data is None else data.encode())


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
