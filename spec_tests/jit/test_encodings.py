"""Templates that outlive the process: who is believed, and that PeachPy stays away when they suffice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jit.x64.asm import Assembler
from jit.x64.encode import installed
from jit.x64.encodings import Encodings
from jit.x64.template_file import TemplateFile

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(installed() is None, reason="PeachPy is not installed: nothing can be encoded")


def some_code(encodings: Encodings) -> bytes:
    asm = Assembler(encodings)
    label = asm.label()
    asm.rr("add64", 0, 3)
    asm.rm("mov32", 0, 4, 8)
    asm.ri("mov64", 9, 1 << 40)
    asm.jcc("ne", label)
    asm.mrx("movsd", 7, 1, 8, 1000, 3)
    asm.bind(label)
    asm.op("ret")
    return asm.finish(0)


def test_what_was_encoded_once_is_encoded_for_ever(tmp_path: Path) -> None:
    file = TemplateFile(tmp_path / "deep" / "encodings")
    first = Encodings(file)
    code = some_code(first)
    assert first.misses == len(first.templates) == 6
    first.save()
    second = Encodings(file)
    assert second.templates == first.templates
    assert some_code(second) == code
    assert second.misses == 0


def test_two_processes_add_to_the_same_file(tmp_path: Path) -> None:
    file = TemplateFile(tmp_path / "encodings")
    one, two = Encodings(file), Encodings(file)
    Assembler(one).rr("add64", 0, 3)
    Assembler(two).rr("sub64", 0, 3)
    one.save()
    two.save()
    assert Encodings(file).templates == {**one.templates, **two.templates}
    assert [path.name for path in tmp_path.iterdir()] == ["encodings"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
        lambda whole: whole.replace(b"refsfi encodings ", b"refsfi encodings 0", 1),
        lambda whole: b"\xff\xfe" + whole,
        lambda whole: os.urandom(len(whole)),
    ],
    ids=["empty", "cut off", "one bit", "other makers", "another format", "noise"],
)
def test_a_file_that_is_not_ours_or_not_whole_is_as_good_as_none(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    file = TemplateFile(tmp_path / "encodings")
    before = Encodings(file)
    code = some_code(before)
    before.save()
    whole = file.path.read_bytes()
    assert file.load()
    file.path.write_bytes(damage(whole))
    after = Encodings(file)
    assert after.templates == {}
    assert some_code(after) == code
    after.save()
    assert file.path.read_bytes() == whole


def test_a_file_that_others_own_or_can_write_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = TemplateFile(tmp_path / "encodings")
    encodings = Encodings(file)
    some_code(encodings)
    encodings.save()
    assert file.load()
    for mode in (0o620, 0o602):
        file.path.chmod(mode)
        assert file.load() == {}
    file.path.chmod(0o644)
    assert file.load()
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert file.load() == {}


def test_a_directory_that_cannot_be_used_is_done_without(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a directory")
    encodings = Encodings(TemplateFile(in_the_way / "encodings"))
    code = some_code(encodings)
    encodings.save()
    assert some_code(encodings) == code
    assert in_the_way.read_text() == "not a directory"
    # A directory where the file should be: neither read nor replaced, and nothing is left behind.
    (tmp_path / "encodings").mkdir()
    encodings = Encodings(TemplateFile(tmp_path / "encodings"))
    assert some_code(encodings) == code
    encodings.save()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encodings", "file"]


def test_templates_are_saved_before_many_can_be_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.x64.encodings._MOST_FRESH", 10)
    file = TemplateFile(tmp_path / "encodings")
    encodings = Encodings(file)
    asm = Assembler(encodings)
    for register in range(16):
        asm.rr("add64", register, 3)
    assert len(file.load()) == 10


def test_a_full_file_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jit.x64.template_file._MOST_TEMPLATES", 6)
    file = TemplateFile(tmp_path / "encodings")
    encodings = Encodings(file)
    some_code(encodings)
    encodings.save()
    before = file.load()
    assert len(before) == 6
    Assembler(encodings).rr("sub64", 0, 3)
    encodings.save()
    assert file.load() == before


def test_threads_that_miss_at_once_get_the_same_bytes() -> None:
    encodings = Encodings()
    results: list[bytes] = []

    def assemble() -> None:
        asm = Assembler(encodings)
        for dst in range(16):
            for src in range(16):
                asm.rr("xor32", dst, src)
        results.append(bytes(asm.code))

    threads = [threading.Thread(target=assemble) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1


PROGRAM = """
import sys
from jit.x64.asm import Assembler
asm = Assembler()
assert "peachpy" not in sys.modules
asm.rr("add64", 0, 3)
asm.rm("mov32", 0, 4, 8)
asm.rm("mov32", 0, 4, 12)
print(asm.code.hex(), "peachpy" in sys.modules)
"""


def run(cache: Path, program: str = PROGRAM) -> str:
    environment = {**os.environ, "REFSFI_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    # Warnings of PeachPy's source are nobody's business.
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


def test_a_process_imports_peachpy_only_for_what_no_process_before_it_needed(tmp_path: Path) -> None:
    code = "4801d8 8b442408 8b44240c".replace(" ", "")
    assert run(tmp_path) == f"{code} True\n"
    assert run(tmp_path) == f"{code} False\n"
    assert [path.name for path in tmp_path.iterdir()] == ["encodings"]


def test_without_peachpy_the_first_encoding_says_so(tmp_path: Path) -> None:
    program = """
import sys
from jit.x64 import encode
from jit.x64.asm import Assembler, AssemblyError
for name in ("peachpy", "peachpy.x86_64"):
    sys.modules[name] = None
try:
    Assembler().rr("add64", 0, 3)
except AssemblyError as error:
    print(error)
"""
    assert run(tmp_path, program).startswith("PeachPy is needed to encode instructions and cannot be imported: ")
