"""What a deployment package may hold, and what happens to one that tries to leave its folder."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import zipfile

import pytest

from kumoniwa.engines.lambda_runtime.package import NotAZip, PackageRefused, TooLarge, code_sha256, unpack

BAD = "Could not unzip uploaded file. Please check your file, then try to upload again."


def zipped(*entries: tuple[str, bytes] | tuple[str, bytes, int]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, *mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return sink.getvalue()


def test_files_folders_and_modes_are_kept(tmp_path):
    package = zipped(
        ("app.py", b"x = 1"),
        ("bin/tool", b"#!/bin/sh", stat.S_IFREG | 0o755),
        ("bare", b"", 0),
        ("lib/link.so", b"../app.py", stat.S_IFLNK | 0o777),
    )
    assert unpack(package, tmp_path / "code") == 14
    assert (tmp_path / "code/app.py").read_bytes() == b"x = 1"
    assert (tmp_path / "code/bin/tool").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "code/bare").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "code/lib/link.so").read_bytes() == b"x = 1"


ESCAPES = {
    "upwards": [("../out", b"x")],
    "upwards from inside": [("a/../../out", b"x")],
    "absolute": [("/tmp/kumoniwa-escaped", b"x")],
    "link out": [("link", b"..", stat.S_IFLNK | 0o777)],
    "absolute link": [("link", b"/etc", stat.S_IFLNK | 0o777)],
    "file through a link": [("link", b"/tmp", stat.S_IFLNK | 0o777), ("link/kumoniwa-escaped", b"x")],
    "link through a link": [
        ("a/b/up", b"..", stat.S_IFLNK | 0o777),
        ("out", b"a/b/up/../../..", stat.S_IFLNK | 0o777),
    ],
    "loop": [("a", b"b", stat.S_IFLNK | 0o777), ("b", b"a", stat.S_IFLNK | 0o777)],
}


@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_in_a_package_can_leave_its_folder(tmp_path, name):
    outside = tmp_path / "outer"
    outside.mkdir()
    with pytest.raises(NotAZip, match=BAD):
        unpack(zipped(*ESCAPES[name]), outside / "code")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "package", [b"", b"not a zip", zipped(("a", b"x" * 1000))[:-30], b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_zip_is_refused_in_awss_words(tmp_path, package):
    # Recorded: test_create_lambda_exceptions.
    with pytest.raises(PackageRefused, match=BAD):
        unpack(package, tmp_path / "code")
    assert not (tmp_path / "code").exists()


def test_a_damaged_entry_leaves_nothing_behind(tmp_path):
    package = bytearray(zipped(("a", b"fine"), ("b", bytes(range(256)) * 40)))
    package[package.index(b"b", 45) + 20] ^= 0xFF
    with pytest.raises(NotAZip):
        unpack(bytes(package), tmp_path / "code")
    assert not (tmp_path / "code").exists()


def test_an_encrypted_entry_is_refused(tmp_path):
    package = bytearray(zipped(("a", b"secret")))
    package[6] |= 1
    package[package.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(NotAZip):
        unpack(bytes(package), tmp_path / "code")


def test_too_much_unzipped_is_refused_by_declared_and_by_real_size(tmp_path):
    package = zipped(("a", b"x" * 5000))
    with pytest.raises(TooLarge, match="Unzipped size must be smaller than 262144000 bytes"):
        unpack(package, tmp_path / "code", bytes_max=4999)
    assert unpack(package, tmp_path / "code", bytes_max=5000) == 5000


def test_the_code_hash_is_base64_of_sha256():
    assert code_sha256(b"zip") == base64.b64encode(hashlib.sha256(b"zip").digest()).decode()
