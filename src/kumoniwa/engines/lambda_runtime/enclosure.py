"""What a function sees of the file system: its code at /var/task, its layers at /opt, its interpreter in /var/lang/bin and a /tmp of its own, as on AWS.

A mount namespace of its own shows them there, all but /tmp read-only, and nobody else sees it. Linux gives one to root, and elsewhere to most users; where it
gives none, a function finds its folders where they are on this machine, as its variables say.

The zygote has a namespace, too. There an environment's /tmp is mounted over its folder, with the size that it is to have; so it outlives the
environment's processes, and is gone when the region takes that folder away, or ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping

TASK, LAYERS, TOOLS, RUNTIME = "/var/task", "/opt", "/var/lang/bin", "/var/runtime"
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
PACKAGES = f"{RUNTIME}/node_modules"
"""Where AWS's SDK for JavaScript lies. An import statement of JavaScript only looks beside the code and above it."""
PYTHON_PACKAGES = frozenset(("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six", "awscrt"))
"""What AWS's Python runtimes carry besides the standard library."""
USER, _HOMES, USERS = "sbx_user1051", "/home", "/etc/passwd"
"""Who a function is told that it is (recorded: test_runtime_introspection_x86). AWS gives it no HOME, and there is none."""
TEMPORARY = "/tmp"
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html"""
_SHELL, _BASH = "/bin/sh", "/bin/bash"
_PYTHON = ("python", "python3", f"python3.{sys.version_info.minor}")
"""Scripts in packages that were made for Lambda name it as what interprets them."""

_CLONE_NEWNS, _CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE, _MS_SLAVE, _MS_RELATIME = 1, 32, 4096, 16384, 1 << 18, 1 << 19, 1 << 21
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
                leave()
                supply(folder, 1)
                is_inside = enter(folder, [folder, folder], folder)
            except OSError:
                is_inside = False
            os._exit(not is_inside)
        return os.waitpid(child, 0)[1] == 0


def supply(scratch: str, size_mb: int) -> None:
    """Mount a temporary folder of that size over this one, unless that was done for an earlier process of the same environment."""
    if not os.path.ismount(scratch):
        _mount("tmpfs", scratch, 0, "tmpfs", f"mode=1777,size={size_mb}m")


def is_roomy(size_mb: int) -> bool:
    """Whether this machine's memory, in which temporary folders are, holds one of that size and as much again."""
    return 2 * size_mb << 20 <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") and not is_needed(TEMPORARY)


def _needed(program: str = sys.executable) -> list[str]:
    return [os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, program, __file__)]


def is_needed(place: str) -> bool:
    """Whether Python, or what runs functions, lies there."""
    return any(_is_in(path, place) for path in _needed())


def users() -> str:
    """This machine's users, but that whoever this is has the name and the home of AWS's."""
    me = os.getuid()
    with open(USERS) as file:
        others = [line for line in file if line.split(":")[2:3] != [str(me)]]
    return f"{USER}:x:{me}:{os.getgid()}::{_HOMES}/{USER}:/sbin/nologin\n" + "".join(others)


def enter(
    task_root: str, layers: list[str], scratch: str, program: str = sys.executable, packages: str = "", packages_at: str = PACKAGES,
    passwd: str = "", *, owns_tmp: bool = True,
) -> bool:  # fmt: skip
    """Move this process, which has one thread, into a namespace of its own, where the first of the layers hides the others.
    ``scratch`` is the function's own folder, which becomes its /tmp if it ``owns_tmp``, and else stays where it is; ``packages`` is a folder
    of what AWS's runtime carries, if there is one, and ``passwd`` a file of ``users``. Answers whether it is there; it stays where it is if a layer would hide that folder,
    Python or the ``program`` that is to run. Raises OSError half-way, and then it sees neither place as it should."""
    needed = [*_needed(program), os.path.realpath(scratch)]
    hidden = [TASK, *(f"{LAYERS}/{name}" for layer in layers for name in os.listdir(layer))]
    if any(_is_in(path, place) for path in needed for place in hidden):
        return False
    leave()
    code, *unpacked = [_Held(path) for path in (task_root, *layers)]
    own = _Held(scratch) if owns_tmp else None
    names = _Held(passwd) if passwd else None
    tools = {os.path.basename(program): program} | dict.fromkeys(_PYTHON, sys.executable)
    links = {f"{TOOLS}/{name}": path for name, path in tools.items()}
    shown = {"task": [code]}
    if packages:
        shown[packages_at.removeprefix("/var/")] = [_Held(packages)]
        if packages_at == PACKAGES:
            links["/var/node_modules"] = PACKAGES
    _refurnish("/var", shown, needed, links)
    _refurnish(LAYERS, _by_name(unpacked), needed)
    _take_amazons_shell()
    if names is not None:
        _mount(names.path, USERS, _MS_BIND)
        _protect(USERS)
        if os.path.isdir(_HOMES):
            _refurnish(_HOMES, {}, needed)
    if own is not None:
        _mount(own.path, TEMPORARY, _MS_BIND)
    return True


def _take_amazons_shell() -> None:
    """Amazon Linux's shell is bash, by whichever name: the bootstrap of AWS's own tutorial needs it.
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html"""
    here = os.path.realpath(_SHELL)
    if os.path.basename(here) == "dash" and os.path.exists(_BASH):
        _mount(_BASH, here, _MS_BIND)


def leave(*, hears: bool = False) -> None:
    """Go into a namespace, where everything is as before; if it ``hears``, what is mounted outside of it later appears in it."""
    user, group = os.getuid(), os.getgid()
    try:
        _call("unshare", _CLONE_NEWNS)
    except OSError:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    _mount(None, "/", _MS_REC | (_MS_SLAVE if hears else _MS_PRIVATE))


def cover(place: str, folder: str) -> None:
    """Within a namespace that a parent of this process entered, have one of its own where ``folder`` lies over ``place``."""
    _call("unshare", _CLONE_NEWNS)
    _mount(folder, place, _MS_BIND)


def copy_tmp(size_mb: int) -> None:
    """Within a namespace that a parent of this process entered, have one of its own with a copy of its /tmp."""
    before = _Held(TEMPORARY)
    _call("unshare", _CLONE_NEWNS)
    _mount("tmpfs", TEMPORARY, 0, "tmpfs", f"mode=1777,size={size_mb}m")
    shutil.copytree(f"{before.path}/", TEMPORARY, symlinks=True, dirs_exist_ok=True)


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
