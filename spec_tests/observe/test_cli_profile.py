"""`refsfi profile`: the report, what is kept and read again, questions, and what is said of bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from refsfi.observe.export import FORMATS

ROOT = Path(__file__).parent.parent.parent
GUEST = """(module
  (memory (export "memory") 1)
  (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
  (func $sum (export "sum") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (call $square (local.get $i))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum))
  (func $for_ever (export "for-ever") (loop (br 0)))
  (func (export "trap") unreachable))"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("profile")
    (folder / "m.wat").write_text(GUEST)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "refsfi", "profile", *arguments],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture(scope="module")
def kept(folder: Path, run: Run) -> str:
    """The name of a profile in which `$sum` is compiled."""
    done = run("-o", "kept", "--jit=force", "--invoke", "sum", "m.wat", "30000000")
    assert (done.returncode, done.stdout) == (0, f"{summed(30_000_000)}\n")
    return "kept"


def summed(n: int) -> int:
    """What `sum` returns: of the squares below n."""
    whole = (n - 1) * n * (2 * n - 1) // 6
    return (whole + (1 << 31)) % (1 << 32) - (1 << 31)


def titles(report: str) -> list[str]:
    """The lines behind empty ones."""
    lines = report.splitlines()
    return [line for before, line in pairwise(lines) if not before and line]


def test_the_report_goes_to_the_standard_error(run: Run) -> None:
    done = run("--jit=force", "--invoke", "sum", "m.wat", "3000000")
    assert (done.returncode, done.stdout) == (0, f"{summed(3_000_000)}\n")
    assert done.stderr.startswith("profile: program m.wat 3000000, wall ms ")
    assert {"Where time went", "Functions", "Warm-up"} <= set(titles(done.stderr))
    assert any(title.startswith("Regions: ") for title in titles(done.stderr))


def test_a_report_is_plain_and_fits_80_columns(run: Run, kept: str) -> None:
    lines = run(kept).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_a_profile_that_was_kept_says_the_same(run: Run, kept: str) -> None:
    told = json.loads(run(kept, "--json").stdout)
    assert told["program"] == "m.wat 30000000"
    assert sum(row["share"] for row in told["time"]) == pytest.approx(1)
    assert told["regions"][0]["function"] == "$sum"
    assert told["regions"][0]["bytes"] > 0


def test_hot_code_has_all_three_forms(run: Run, kept: str) -> None:
    code = json.loads(run(kept, "--json").stdout)["code"]
    assert any(line.endswith(" i32.add") for line in code)
    assert any(" = i32.add v" in line for line in code)
    # Without a disassembler there are its bytes: 83c201 and the like.
    assert any(re.search(r" +[0-9a-f]+      (add e|(41)?83)", line) for line in code)


def test_every_sample_of_a_region_is_at_an_instruction(run: Run, kept: str) -> None:
    shares = [float(line[:5]) for line in json.loads(run(kept, "--json").stdout)["code"] if line[:5].strip(" .")]
    # Twice: of the instructions of WebAssembly, and of those of the machine.
    assert sum(shares) == pytest.approx(200, abs=2)


def test_lines_of_the_source_stand_beside_the_code(run: Run) -> None:
    module = ROOT / "spec_tests" / "debug" / "fixtures" / "faults.wasm"
    done = run("--jit=force", "--json", "--invoke", "grow", str(module), "3000000")
    code = json.loads(done.stderr)["code"]
    # The loop in `grow`, or `scale` that it calls: whichever is hotter.
    assert any(line.endswith((";; faults.c:30", ";; faults.c:37")) for line in code)


def test_the_interpreter_alone(run: Run) -> None:
    done = run("--jit=off", "--json", "--invoke", "sum", "m.wat", "200000")
    told = json.loads(done.stderr)
    assert told["time"][0]["category"] == "interpreting"
    assert told["regions"] == []


def test_code_that_is_python(run: Run) -> None:
    done = run("--jit=force", "--jit-backend=portable", "--json", "--invoke", "sum", "m.wat", "200000")
    told = json.loads(done.stderr)
    assert told["regions"][0]["function"] == "$sum"
    assert "code" not in told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_file_that_cannot_be_written_to_is_told_once(run: Run) -> None:
    done = run("-o", "/dev/full", "--jit=force", "--invoke", "sum", "m.wat", "200000")
    assert done.stdout == f"{summed(200_000)}\n"
    assert done.stderr.count("no space left on device") == 1
    assert "Traceback" not in done.stderr


def test_how_the_guest_ends_is_the_exit_code_and_there_is_a_report(run: Run) -> None:
    done = run("--invoke", "trap", "m.wat")
    assert done.returncode == 134
    assert "wasm trap: wasm `unreachable` instruction executed" in done.stderr
    assert "Warm-up" in done.stderr


def test_an_interrupted_run_is_reported(folder: Path) -> None:
    command = [sys.executable, "-m", "refsfi", "profile", "-o", "cut", "--invoke", "for-ever", "m.wat"]
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        # Once it has recorded the loop it is running.
        while '"record"' not in (folder / "cut").read_text() if (folder / "cut").exists() else True:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Where time went" in told
    assert "Traceback" not in told


def test_why(run: Run, kept: str) -> None:
    assert run(kept, "--why", "sum").stdout.startswith("$sum: compiled\n")
    unknown = run(kept, "--why", "nobody")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("error: the profile has not seen a function 'nobody'")


def test_top(run: Run, kept: str) -> None:
    table = run(kept, "--top", "1").stdout.split("Where time went\n")[1].split("\n\n")[0].splitlines()
    assert len(table) == 3
    assert table[2].startswith("… ")


def test_a_region_by_its_number(run: Run, kept: str) -> None:
    regions = json.loads(run(kept, "--json").stdout)["regions"]
    square = next(row["region"] for row in regions if row["function"] == "$square")
    assert f"Region {square}, $square:" in run(kept, "--region", str(square)).stdout
    done = run(kept, "--region", "99")
    assert done.returncode == 1
    assert "--region 99: the profile has" in done.stderr


def test_what_changed(run: Run, kept: str) -> None:
    run("-o", "other", "--jit=off", "--invoke", "sum", "m.wat", "200000")
    done = run("diff", kept, "other")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(run("diff", "--json", kept, "other").stdout)
    rows = {row["name"]: row for row in told["time"]}
    assert rows["native"]["after_ms"] == 0
    assert rows["interpreting"]["by_ms"] > 0
    same = json.loads(run("diff", "--json", kept, kept).stdout)
    assert {row["by_ms"] for row in same["time"]} == {0}


def test_replay_shows_each_pass(run: Run, kept: str) -> None:
    from jit.profiling.replay import PASSES

    done = run("replay", kept, "0")
    stages = [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("---- ")]
    assert stages == ["built", *PASSES, "code"]
    assert run("replay", kept, "7").stderr.startswith(f"error: {kept}: there is no region 7")


@pytest.mark.parametrize("form", FORMATS)
def test_exports(form: str, run: Run, kept: str, folder: Path) -> None:
    shown = run(kept, "--format", form)
    assert shown.returncode == 0
    run(kept, "--format", form, "-o", "exported")
    assert (folder / "exported").read_text() == shown.stdout
    if form != "collapsed":
        json.loads(shown.stdout)


def test_a_run_can_be_exported_at_once(run: Run, folder: Path) -> None:
    assert run("-o", "e.json", "--format=speedscope", "--invoke", "sum", "m.wat", "1000").returncode == 0
    assert json.loads((folder / "e.json").read_text())["$schema"].startswith("https://www.speedscope.app/")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--format", "svg", "m.wat"], 2, "--format=svg: known are firefox"),
        (["--format", "chrome", "m.wat"], 2, "name the file with -o FILE"),
        (["--interval", "soon", "m.wat"], 2, "'soon' is not a duration"),
        (["--interval", "1us", "m.wat"], 2, "100us or more, or 0"),
        (["--top", "many", "m.wat"], 2, "'many' is not a number"),
        (["-o", "nowhere/p", "m.wat"], 1, "-o nowhere/p: cannot be written"),
        (["absent.wat"], 1, "absent.wat: cannot be read"),
        (["diff", "m.wat"], 2, "two profiles expected"),
        (["diff", "m.wat", "m.wat"], 1, "m.wat is no profile"),
        (["replay", "m.wat"], 2, "a profile and a region's number expected"),
        ([], 2, "no file given"),
    ],
)
def test_bad_arguments(arguments: list[str], code: int, told: str, run: Run) -> None:
    done = run(*arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "is no profile"),
        (b'{"refsfi-profile": 99}\n', "is a profile of version 99"),
        (b'{"refsfi-profile": 1}\n[', "it ends in the middle of a line"),
        (b'{"refsfi-profile": 1}\n{"samples": [[0, 0, 7, 1]]}\n', "a sample at no spot"),
        (b'{"refsfi-profile": 1}\n' + b"[" * 100_000 + b"\n", "nested too deeply"),
    ],
)
def test_damaged_profiles(text: bytes, told: str, run: Run, folder: Path) -> None:
    (folder / "damaged").write_bytes(text)
    done = run("damaged")
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_names_of_the_guest_move_no_cursor(run: Run, folder: Path) -> None:
    (folder / "evil.wat").write_text(GUEST.replace("$sum", '$"\\1b[2J\\0aevil"'))
    done = run("--jit=force", "--invoke", "sum", "evil.wat", "3000000")
    assert done.returncode == 0
    assert all(line.isprintable() for line in done.stderr.splitlines())
    assert os.linesep + "evil" not in done.stderr
