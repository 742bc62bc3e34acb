"""What is inside a deployment package: a zip unpacked into a folder that nothing in it can leave."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

UNZIPPED_BYTES_MAX = 262_144_000
"""Code and layers together (docs: Lambda quotas; recorded: test_oversized_lambda)."""

_ENTRIES_MAX = 200_000
_PIECE_BYTES = 1 << 20


class PackageRefused(Exception):
    """A zip AWS would refuse; the text is AWS's. It becomes an InvalidParameterValueException."""


class NotAZip(PackageRefused):
    def __init__(self) -> None:
        super().__init__("Could not unzip uploaded file. Please check your file, then try to upload again.")


class TooLarge(PackageRefused):
    def __init__(self) -> None:
        super().__init__(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")


def code_sha256(package: bytes) -> str:
    """``CodeSha256`` as AWS answers it: base64 of the zip's SHA-256."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode()


def unpacked_bytes(package: bytes) -> int:
    """How large a zip becomes that could be unpacked."""
    return sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(package)).infolist())


def unpack(package: bytes, folder: Path, bytes_max: int = UNZIPPED_BYTES_MAX) -> int:
    """Unpack a zip into ``folder``, which must not exist yet; answers the bytes it unpacked to.

    File modes are kept as far as they let the owner read. An entry that would land outside the folder, by its name or
    through a symbolic link, makes the whole package unreadable. If anything is refused, nothing is left behind.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(package))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError) as error:
        raise NotAZip from error
    if len(entries) > _ENTRIES_MAX or sum(entry.file_size for entry in entries) > bytes_max:
        raise TooLarge
    folder.mkdir(parents=True)
    try:
        return _write_entries(archive, entries, folder, bytes_max)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        ValueError,
        OSError,
        struct.error,
    ) as error:
        # RuntimeError: an encrypted entry. NotImplementedError, one of them: a compression Python cannot read.
        shutil.rmtree(folder, ignore_errors=True)
        raise NotAZip from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write_entries(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path, bytes_max: int
) -> int:
    root = folder.resolve()
    links: list[tuple[Path, str]] = []
    written = 0
    for entry in entries:
        target = root / _inside(entry.filename)
        mode = entry.external_attr >> 16
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if stat.S_ISLNK(mode):
            links.append((target, archive.read(entry).decode()))
            continue
        # The size an entry declares is a claim; what comes out of it is counted.
        with archive.open(entry) as source, open(target, "wb") as sink:
            while piece := source.read(_PIECE_BYTES):
                written += len(piece)
                if written > bytes_max:
                    raise TooLarge
                sink.write(piece)
        target.chmod(((stat.S_IMODE(mode) & 0o755) | 0o444) if mode else 0o644)
    # Links come last, so that no entry is ever written through one.
    for target, points_at in links:
        end = PurePosixPath(points_at)
        if end.is_absolute() or not (target.parent / end).resolve().is_relative_to(root):
            raise ValueError("a symbolic link that leaves the package")
        target.unlink(missing_ok=True)
        target.symlink_to(points_at)
    for target, _ in links:
        # One link may have been judged before another changed where it leads. It may lead nowhere, but not in circles.
        if not target.resolve().is_relative_to(root):
            raise ValueError("a symbolic link that leaves the package")
        try:
            target.stat()
        except FileNotFoundError:
            pass
    return written


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise ValueError("an entry that leaves the package")
    return path
