"""`refsfi doctor`: each probe judges what it is given, rendering only lays out, and nothing missing makes it fail."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from refsfi.cli import doctor
from refsfi.cli.doctor import Row

GOOD = Row("machine", "python", "ok", "CPython 3.11.7", required=True)
LIMITED = Row("memory", "guard pages", "limited", "cannot reserve 8 GiB", "accesses are compared explicitly")
UNFIT = Row("packages", "numpy", "missing", "not installed", "run tools/bootstrap", required=True)

FLAGS = "fpu sse4_1 sse4_2 avx avx2 bmi1 bmi2 abm popcnt fma"


# Interpreter and machine


def test_python_3_11_is_the_oldest_that_will_do() -> None:
    assert doctor.probe_python((3, 11, 0), "CPython").status == "ok"
    assert doctor.probe_python((3, 10, 14), "CPython").unfit


@pytest.mark.parametrize(
    ("system", "machine", "status"),
    [
        ("Linux", "x86_64", "ok"),
        ("Linux", "AMD64", "ok"),
        ("Linux", "aarch64", "limited"),
        ("Darwin", "x86_64", "limited"),
    ],
)
def test_native_code_is_for_linux_on_x86_64(system: str, machine: str, status: str) -> None:
    row = doctor.probe_platform(system, machine)
    assert row.status == status
    assert not row.unfit, "the interpreter runs everywhere"


def test_cpu_features_are_read_from_the_first_processor() -> None:
    row = doctor.probe_cpu(f"processor : 0\nflags\t\t: {FLAGS}\n\nprocessor : 1\nflags\t\t: fpu\n")
    assert (row.status, row.found) == ("ok", "sse4.1 avx avx2 bmi1 bmi2 lzcnt popcnt fma")


def test_absent_cpu_features_are_named() -> None:
    row = doctor.probe_cpu("flags : sse4_1 popcnt\n")
    assert (row.status, row.found) == ("limited", "sse4.1 popcnt")
    assert row.advice.startswith("not there: avx avx2 bmi1 bmi2 lzcnt fma")


@pytest.mark.parametrize("text", [None, "", "processor : 0\nFeatures : neon\n"])
def test_a_cpuinfo_without_flags_is_unknown(text: str | None) -> None:
    assert doctor.probe_cpu(text).found == "unknown"


# Packages


def test_a_package_that_is_there_is_shown_with_its_version() -> None:
    row = doctor.probe_package("pytest", "this test")
    assert (row.status, row.found) == ("ok", pytest.__version__)


def test_a_required_package_that_is_not_there_makes_the_machine_unfit() -> None:
    row = doctor.probe_package("no_such_package_at_all", "nobody")
    assert row.unfit
    assert row.found == "not installed: nobody needs it"
    assert row.advice


def test_a_package_that_breaks_while_importing_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_binary.py").write_text("raise RuntimeError('built for another processor\\nmore')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    row = doctor.probe_package("broken_binary", "nobody")
    assert row.unfit
    assert row.found == "does not import: built for another processor"


def fake_peachpy(monkeypatch: pytest.MonkeyPatch, encoding: bytes) -> None:
    package, x86 = ModuleType("peachpy"), ModuleType("peachpy.x86_64")
    package.__version__ = "0.2.0"  # type: ignore[attr-defined]
    x86.eax = x86.ecx = None  # type: ignore[attr-defined]
    x86.ADD = lambda target, source: SimpleNamespace(encode=lambda: bytearray(encoding))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "peachpy", package)
    monkeypatch.setitem(sys.modules, "peachpy.x86_64", x86)


def test_peachpy_must_encode_and_not_only_import(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_peachpy(monkeypatch, b"\x01\xc8")
    assert (doctor.probe_peachpy().status, doctor.probe_peachpy().found) == ("ok", "0.2.0")
    fake_peachpy(monkeypatch, b"\x03\xc1")
    assert doctor.probe_peachpy().status == "limited"
    assert "03c1, not 01c8" in doctor.probe_peachpy().found


def test_without_peachpy_the_machine_is_still_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peachpy", None)
    row = doctor.probe_peachpy()
    assert row.status == "limited"
    assert not row.unfit
    assert "compiled to Python" in row.advice


# Memory


def test_executable_memory_that_is_refused_is_told_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    row = doctor.probe_executable_memory()
    assert (row.status, row.found) == ("limited", "Permission denied")
    assert "vm.memfd_noexec" in row.advice


def test_a_platform_without_memfd_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert doctor.probe_executable_memory().status == "limited"


def test_the_memory_probes_leave_no_file_open() -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("needs /proc")
    before = len(os.listdir(folder))
    doctor.probe_executable_memory()
    doctor.probe_reservation()
    assert len(os.listdir(folder)) == before


def test_a_reservation_beyond_the_address_space_is_refused() -> None:
    row = doctor.probe_reservation(1 << 62)
    assert row.status == "limited"
    assert row.found.startswith("cannot reserve 4.29497e+09 GiB: ")
    assert not row.unfit


def test_a_limit_on_the_address_space_is_named() -> None:
    code = (
        "import resource; from refsfi.cli import doctor;"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)); print(doctor.probe_reservation().advice)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "limited to 4.0 GiB: see `ulimit -v`" in done.stdout


@pytest.mark.parametrize(
    ("text", "status"),
    [("65530\n", "ok"), ("1048576\n", "ok"), ("1000\n", "limited"), (None, "limited"), ("x", "limited")],
)
def test_the_mappings_allowed_are_counted_in_sandboxes(text: str | None, status: str) -> None:
    assert doctor.probe_map_count(text).status == status


def test_two_mappings_make_one_sandbox() -> None:
    assert doctor.probe_map_count("65530").found == "65530 a process, about 32765 sandboxes"


@pytest.mark.parametrize(("text", "status"), [("0\n", "ok"), ("1\n", "ok"), ("2\n", "limited"), (None, "limited")])
def test_never_overcommitting_limits_the_sandboxes(text: str | None, status: str) -> None:
    assert doctor.probe_overcommit(text).status == status


# Tests and extras


def suite(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("i32.wast", "names.wast"):
        (folder / name).touch()
    return folder


def test_the_suite_is_found_beside_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFSFI_TESTSUITE", raising=False)
    folder = suite(tmp_path / "project" / "spec_tests" / "testsuite")
    row = doctor.probe_testsuite(os.environ, tmp_path / "project")
    assert (row.status, row.found) == ("ok", f"2 core scripts in {folder}")


def test_a_named_folder_without_the_suite_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite(tmp_path / "project" / "spec_tests" / "testsuite")
    monkeypatch.setenv("REFSFI_TESTSUITE", "/nonexistent")
    row = doctor.probe_testsuite(os.environ, tmp_path / "project")
    assert (row.status, row.advice) == ("limited", "correct it or unset it")


def test_without_a_suite_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REFSFI_TESTSUITE", raising=False)
    row = doctor.probe_testsuite(os.environ, tmp_path / "project")
    assert "tools/fetch-testsuite" in row.advice
    assert not row.unfit


def test_a_damaged_installation_is_told_and_the_other_rows_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "refsfi.script.suite", None)
    row = doctor.probe_testsuite({}, Path("/nonexistent"))
    assert row.unfit
    assert row.name == "refsfi"
    assert row.found.startswith("does not import: ")


def test_a_peers_program_counts_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.EXTRAS, "peers", (("no-such-distribution", "wat2wasm"), ("nor-this-one", "absent")))
    program = tmp_path / "wat2wasm"
    program.touch()
    program.chmod(0o755)
    row = doctor.probe_extra("peers", str(tmp_path))
    assert row.found == "no-such-distribution (its program)"
    assert row.advice == "not there: nor-this-one; tools/bootstrap --extras peers installs them"


# The whole


def test_every_probe_answers_on_this_machine() -> None:
    rows = doctor.probe()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.found for row in rows)
    assert all(row.advice for row in rows if row.status != "ok"), "whatever is lacking comes with what to do"


@pytest.mark.parametrize(("rows", "code"), [([GOOD], 0), ([GOOD, LIMITED], 0), ([GOOD, UNFIT], 1)])
def test_the_exit_code_depends_on_what_is_required(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: list[Row], code: int
) -> None:
    monkeypatch.setattr(doctor, "probe", lambda: rows)
    assert doctor.main([]) == code
    said = capsys.readouterr().out
    assert said.endswith("refsfi cannot work here: numpy\n" if code else "refsfi works here\n")


def test_json_holds_every_field(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "probe", lambda: [GOOD, UNFIT])
    assert doctor.main(["--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["rows"][1] == {
        "group": "packages",
        "name": "numpy",
        "status": "missing",
        "found": "not installed",
        "advice": "run tools/bootstrap",
        "required": True,
    }


def test_plain_text_is_what_a_pipe_gets(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.show([GOOD, LIMITED], as_json=False, terminal=False)
    assert capsys.readouterr().out == (
        "ok       python       CPython 3.11.7\n"
        "limited  guard pages  cannot reserve 8 GiB\n"
        "                      -> accesses are compared explicitly\n"
        "\n"
        "refsfi works here\n"
    )


def test_a_terminal_gets_a_table_with_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    doctor.show([GOOD, UNFIT], as_json=False, terminal=True)
    said = capsys.readouterr().out
    for words in ("CPython 3.11.7", "numpy", "missing", "-> run tools/bootstrap", "refsfi cannot work here: numpy"):
        assert words in said


def test_markup_in_a_finding_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    doctor.show([Row("tests", "suite", "ok", "[red]/tmp[/]")], as_json=False, terminal=True)
    assert "[red]/tmp[/]" in capsys.readouterr().out


def test_a_terminal_without_rich_gets_plain_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("rich", "rich.console", "rich.table", "rich.text"):
        monkeypatch.setitem(sys.modules, name, None)
    doctor.show([GOOD], as_json=False, terminal=True)
    assert capsys.readouterr().out == "ok       python  CPython 3.11.7\n\nrefsfi works here\n"


def test_it_works_where_no_dependency_is_installed() -> None:
    root = Path(__file__).resolve().parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from refsfi.cli.doctor import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.endswith("refsfi cannot work here: numpy, cffi, rich\n")


def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--nope"]) == 2
    assert doctor.main(["--help"]) == 0
    assert "usage: refsfi doctor" in capsys.readouterr().out


def test_probing_runs_no_generated_code_and_maps_nothing_writable_and_executable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, protections = mmap.mmap, []

    def record(handle: int, length: int, flags: int, prot: int) -> mmap.mmap:
        protections.append(prot)
        return real(handle, length, flags, prot)

    monkeypatch.setattr(mmap, "mmap", record)
    doctor.probe_executable_memory()
    assert protections == [mmap.PROT_READ | mmap.PROT_WRITE, mmap.PROT_READ | mmap.PROT_EXEC]
