"""The packed cache as processes see it: several at once, damage, a folder that cannot be used."""

import os
import pathlib
import subprocess

import pytest
from conftest import required


def start(cache: pathlib.Path, *more: str) -> subprocess.Popen:
    arguments = ["generate", "--model", required("RESA_MODEL"), "--weights", "int4", "--max-tokens", "8", "--temperature", "0", *more, "--prompt", "Hello"]
    environment = {**os.environ, "RESA_CACHE": str(cache)}
    return subprocess.Popen([required("RESA_BIN"), *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen) -> tuple[bytes, str]:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err.decode()
    return out, err.decode()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory) -> bytes:
    """The answer of weights that were packed in memory."""
    cache = tmp_path_factory.mktemp("none")
    out, _ = finish(start(cache, "--packed-cache", "off"))
    assert out.strip() and not (cache / "packed").exists()
    return out


def test_processes_that_start_at_once_share_one_packing(tmp_path, wanted):
    results = [finish(process) for process in [start(tmp_path) for _ in range(3)]]
    assert [out for out, _ in results] == [wanted] * 3
    assert sum("packed weights kept in" in err for _, err in results) == 1
    assert len(list((tmp_path / "packed").glob("*.packed"))) == 1
    assert not list((tmp_path / "packed").glob("*.partial"))
    out, err = finish(start(tmp_path))
    assert out == wanted and "packed weights" not in err


def test_a_damaged_file_is_made_anew(tmp_path, wanted):
    finish(start(tmp_path))
    (file,) = (tmp_path / "packed").glob("*.packed")
    good = file.read_bytes()
    bad = bytearray(good)
    bad[len(bad) // 3] ^= 4
    for content in [bytes(bad), good[:-1], b"", good[:5000]]:
        file.write_bytes(content)
        out, err = finish(start(tmp_path))
        assert out == wanted and "made anew" in err
        assert file.read_bytes() == good


def test_a_folder_that_cannot_be_used(tmp_path, wanted):
    (tmp_path / "packed").write_text("in the way")
    out, err = finish(start(tmp_path))
    assert out == wanted and "not kept" in err
