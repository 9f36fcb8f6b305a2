"""The compiler as the command line shows it: what is compiled, what is told about it, and what happens where there is
no machine code to be had. Each run is a process of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jit.lines import Regions, line
from jit.log import Event
from jit.reasons import REASONS
from jit.watch import log_for
from jit.x64.cpu import cpu
from jit.x64.encode import installed
from refsfi.exec.tiers import DUMPS, Watch

GUEST = """(module
  (memory (export "m") 1)
  (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
  (func $sum (export "sum") (param $n i32) (result i32) (local $i i32) (local $s i32)
    (loop $l
      (local.set $s (i32.add (local.get $s) (call $square (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $s))
  (func $fill (export "fill") (param $at i32)
    (loop $l
      (i32.store (local.get $at) (i32.const 7))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br $l)))
  (func (export "forever") (loop $l (br $l)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"""

# Passes of a loop that take the interpreter so long that compiling them is worth its while; and the few for modes that
# wait for nothing and take longer.
PASSES = "1000000"
FEW = "10000"


def total(passes: str) -> str:
    """The sum of the squares below that number, as a signed i32."""
    value = sum(i * i for i in range(int(passes))) & 0xFFFFFFFF
    return str(value - (value >> 31 << 32))


SUM = total(PASSES)
TRAP = "wasm trap: out of bounds memory access"
FALLBACK = "refsfi: compiling to Python instead of machine code: "

needs_machine_code = pytest.mark.skipif(
    bool(cpu().reason) or installed() is None, reason="there is no machine code here: nothing was tried"
)

# What takes machine code away from a process, and what it is then told.
OBSTACLES = {
    "no PeachPy": (
        "import sys; sys.modules['peachpy'] = None",
        "PeachPy, which encodes machine code, is not installed",
    ),
    "a PeachPy that does not work": ("", "PeachPy is needed to encode instructions and cannot be imported: broken"),
    "another processor": (
        "import os; os.uname = lambda: os.uname_result(('Linux', '', '', '', 'aarch64'))",
        "aarch64, not on x86-64",
    ),
    "executable memory refused": (
        "import os\ndef refuse(*args): raise PermissionError(1, 'Operation not permitted')\nos.memfd_create = refuse",
        "no executable memory",
    ),
}


@pytest.fixture
def guest(tmp_path: Path) -> str:
    path = tmp_path / "guest.wat"
    path.write_text(GUEST)
    return str(path)


def refsfi(
    *arguments: str, before: str = "", path: str = "", cache: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`refsfi run`, after some Python in the same process."""
    code = f"{before}\nimport sys\nfrom refsfi.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    environ = dict(os.environ)
    if cache is not None:
        environ["REFSFI_CACHE_DIR"] = str(cache)
    if path:
        environ["PYTHONPATH"] = path
    return subprocess.run(
        [sys.executable, "-c", code, "run", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environ,
    )


# --- modes


@needs_machine_code
@pytest.mark.parametrize("mode", ["on", "off", "force", "check"])
@pytest.mark.parametrize("bounds", ["guard", "explicit"])
@pytest.mark.parametrize("backend", ["x64", "portable"])
def test_every_mode_gives_the_same(guest: str, mode: str, bounds: str, backend: str) -> None:
    options = [f"--jit={mode}", f"--bounds={bounds}", f"--jit-backend={backend}"]
    passes = FEW if "--jit=check" in options else PASSES
    done = refsfi(*options, "--invoke", "sum", guest, passes)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{total(passes)}\n", "")
    done = refsfi(*options, "--invoke", "fill", guest, "60000")
    assert (done.returncode, done.stdout) == (134, "")
    assert done.stderr.splitlines()[-2:] == [
        "memory fault at wasm address 0x10000 in linear memory of size 0x10000",
        TRAP,
    ]


@pytest.mark.parametrize("backend", [[], ["--jit-backend=portable"]])
def test_limits_stop_what_is_compiled(guest: str, backend: list[str]) -> None:
    done = refsfi(*backend, "-W", "timeout=300ms", "--invoke", "forever", guest)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (134, "wasm trap: interrupt")
    for fuel in ("5000", "5001", "5002"):
        used = [
            refsfi(*backend, f"--jit={mode}", "-W", f"fuel={fuel}", "--trap=json", "--invoke", "forever", guest)
            for mode in ("off", "on", "force", "check")
        ]
        assert len({(done.returncode, done.stderr) for done in used}) == 1
        assert used[0].returncode == 134
        assert "all fuel consumed" in used[0].stderr


def test_what_runs_for_a_moment_imports_nothing_that_compiles(guest: str) -> None:
    code = "import atexit, sys; atexit.register(lambda: print([m for m in sys.modules if m.startswith(NAMES)]))\n"
    code += "NAMES = ('jit.', 'cffi', 'peachpy', 'numpy')"
    done = refsfi("--invoke", "add", guest, "40", "2", before=code)
    assert done.stdout.splitlines()[0] == "42"
    assert set(eval(done.stdout.splitlines()[1])) == {
        "jit.ir",
        "jit.ir.entry",
        "jit.budget",
        "jit.counters",
        "jit.options",
        "jit.select",
    }


def test_what_is_traced_is_interpreted(guest: str) -> None:
    done = refsfi("--trace=calls", "--invoke", "sum", guest, "500")
    assert done.returncode == 0
    assert done.stderr.count("> $square") == 500


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--jit=maybe"], "--jit=maybe: known are on, off, force, check"),
        (["--bounds=none"], "--bounds=none: known are guard, explicit"),
        (["--jit-backend=arm"], "--jit-backend=arm: known are x64, portable"),
        (["--profile=vtune"], "--profile=vtune: known are perfmap, jitdump, guest"),
        (["--jdump=ty"], "--jdump=ty: unknown letter 'y'; known are t ("),
        (["--jit=off", "--jv"], "--jv with --jit=off: nothing is compiled; leave one of them out"),
        (["--trace", "--jdump"], "--jdump with --trace: nothing is compiled; leave one of them out"),
        (["--trace", "--jit=check"], "--jit=check with --trace: what is watched is interpreted; leave one of them out"),
    ],
)
def test_wrong_usage_is_told(guest: str, options: list[str], told: str) -> None:
    done = refsfi(*options, "--invoke", "add", guest, "1", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"refsfi run: {told}")
    assert done.stderr.count("\n") == 1


@needs_machine_code
def test_a_miscompile_is_one_clear_line(guest: str) -> None:
    """An addition that subtracts."""
    wrong = "from jit.x64 import rows_integer; rows_integer._BINARY['add'] = 'sub'"
    done = refsfi("--jit=check", "--invoke", "add", guest, "40", "2", before=wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: compiled code is wrong: function 4, entered at its beginning: returns (0x26), and (0x2a) in the "
        "interpreter; this is a defect of refsfi, please report it; --jit=off avoids it\n"
    )


# --- where there is no machine code


@needs_machine_code
@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("mode", ["on", "check"])
def test_python_takes_over_with_one_line(guest: str, tmp_path: Path, obstacle: str, mode: str) -> None:
    before, why = OBSTACLES[obstacle]
    path = ""
    if obstacle == "a PeachPy that does not work":
        broken = tmp_path / "broken" / "peachpy"
        broken.mkdir(parents=True)
        (broken / "__init__.py").write_text("raise ImportError('broken')\n")
        path = str(broken.parent)
    cache = tmp_path / "cache"
    passes = FEW if mode == "check" else PASSES
    done = refsfi(f"--jit={mode}", "--invoke", "sum", guest, passes, before=before, path=path, cache=cache)
    assert (done.returncode, done.stdout) == (0, f"{total(passes)}\n")
    assert done.stderr.startswith(FALLBACK)
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
    done = refsfi(f"--jit={mode}", "--invoke", "fill", guest, "60000", before=before, path=path, cache=cache)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (134, TRAP)


def test_nothing_is_told_where_nothing_is_hot(guest: str) -> None:
    done = refsfi("--invoke", "add", guest, "40", "2", before=OBSTACLES["another processor"][0])
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")


@needs_machine_code
def test_without_address_space_accesses_are_compared(guest: str) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))"
    done = refsfi("--jit=force", "--jv", "--invoke", "fill", guest, "60000", before=limited)
    assert done.returncode == 134
    assert [text for text in done.stderr.splitlines() if text.startswith("[REGION")]
    assert done.stderr.splitlines()[-1] == TRAP
    assert FALLBACK not in done.stderr


# --- --jv

LINES = {
    "RECORD": r"\[RECORD     \$\w+@\d+ [a-z]+: \d+ instructions in \d+ us\]",
    "REGION": r"\[REGION +\d+ \$\w+(?: again)?: \d+ wasm, \d+ IR, \d+ B, \d+ \w+, \d+ \w+; \d+\+\d+\+\d+ us\]",
    "EXIT": r"\[EXIT       \$\w+@\d+: left \d+ times, recording goes on there\]",
    "ABORT": r"\[ABORT      \$\w+: .* \(threshold x\d+\)(?:; .*)?\]",
}


@pytest.mark.parametrize("backend", ["x64", "portable"])
def test_a_line_for_each_thing_that_happens(guest: str, tmp_path: Path, backend: str) -> None:
    file = tmp_path / "events"
    done = refsfi(f"--jit-backend={backend}", f"--jv={file}", "--invoke", "sum", guest, PASSES)
    assert (done.returncode, done.stdout) == (0, f"{SUM}\n")
    lines = file.read_text().splitlines()
    for text in lines:
        kind = text[1:].split()[0]
        assert re.fullmatch(LINES[kind], text), text
        assert len(text) <= 80, text
    assert any(text.startswith("[RECORD     $sum@") for text in lines)
    assert any(re.match(r"\[REGION +\d+ \$sum: ", text) for text in lines)


def test_lines_go_to_the_standard_error_if_no_file_is_named(guest: str) -> None:
    done = refsfi("--jv", "--jit=force", "--invoke", "sum", guest, "3")
    assert done.stdout == "5\n"
    assert [text for text in done.stderr.splitlines() if re.fullmatch(LINES["REGION"], text)]


@pytest.mark.parametrize("reason", REASONS)
def test_an_abort_tells_the_reason_and_the_cure(reason: str) -> None:
    event = Event("abort", "$f", 0, {"reason": reason, "penalty": 4})
    assert line(event, Regions()) == f"[ABORT      $f: {reason} (threshold x4); {REASONS[reason].cure}]"


def test_long_names_are_cut_and_what_is_not_printable_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    log = log_for(Watch(lines=""))
    log.tell("record", "$" + "long" * 20, 3, length=20, ended="loop", took=1500)
    log.tell("record", "$\x1b[31m", 3, length=20, ended="loop", took=1500)
    assert capsys.readouterr().err.splitlines() == [
        "[RECORD     $longlonglonglonglonglo…@3 loop: 20 instructions in 2 us]",
        "[RECORD     $\\x1b[31m@3 loop: 20 instructions in 2 us]",
    ]


@pytest.mark.parametrize("option", ["--jv", "--jdump=t,"])
def test_a_file_that_cannot_be_written_is_told_at_once(guest: str, option: str) -> None:
    target = f"{option}{'' if option.endswith(',') else '='}/nonexistent/events"
    done = refsfi(target, "--invoke", "sum", guest, PASSES)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: /nonexistent/events: no such file or directory\n"


# --- --jdump

HEADINGS = {"b": "---- wasm", "i": "---- IR", "s": "---- snapshots", "m": "---- code"}


def dumped(guest: str, modes: str, *options: str) -> list[str]:
    done = refsfi(*options, f"--jdump={modes}", "--invoke", "sum", guest, PASSES)
    assert (done.returncode, done.stdout) == (0, f"{SUM}\n")
    return done.stderr.splitlines()


@pytest.mark.parametrize("letter", DUMPS)
def test_each_letter_shows_one_thing(guest: str, letter: str) -> None:
    lines = dumped(guest, letter)
    assert lines
    found = {one for one, heading in HEADINGS.items() if heading in lines}
    assert found == {letter} & HEADINGS.keys()
    assert any(text.startswith("[RECORD") for text in lines) == (letter == "t")
    assert any(text.startswith("[LEAVE") for text in lines) == (letter == "x")


def test_letters_are_added_and_left_out(guest: str) -> None:
    lines = dumped(guest, "+x")
    assert {heading for heading in HEADINGS.values() if heading in lines} == set(HEADINGS.values())
    assert any(text.startswith("[LEAVE") for text in lines)
    lines = dumped(guest, "-mi")
    assert HEADINGS["b"] in lines
    assert HEADINGS["m"] not in lines
    assert HEADINGS["i"] not in lines


def section(lines: list[str], letter: str) -> list[str]:
    """What stands under a heading, of the first region of `$sum`: which function is compiled first depends on when
    compiling can be afforded."""
    region = next(i for i, text in enumerate(lines) if re.match(r"\[REGION +\d+ \$sum", text))
    start = lines.index(HEADINGS[letter], region) + 1
    stop = next(i for i in range(start, len(lines)) if lines[i].startswith("----"))
    return lines[start:stop]


def test_wasm_is_shown_with_what_is_compiled(guest: str) -> None:
    lines = section(dumped(guest, "b"), "b")
    assert "    0 * loop $l  ; entry" in lines
    assert "    4 *   i32.add" in lines
    # The end of the function was not seen when the loop was compiled, unless that had to wait for the budget.
    assert lines[-1] in ("   16   end", "   16 * end")


@needs_machine_code
def test_machine_code_stands_beside_the_instructions_it_is_for(guest: str) -> None:
    if importlib.util.find_spec("iced_x86") is None:
        pytest.skip("iced-x86 is not installed: nothing was disassembled")
    lines = section(dumped(guest, "m"), "m")
    assert "entry call:" in lines
    # The squares are those of an inlined function.
    assert any(re.search(r"; func 0@2 i32\.mul$", text) for text in lines)
    assert any(re.search(r"add .*; @4 i32\.add$", text) for text in lines)
    assert any(text.startswith("exit !") for text in lines)
    assert any(re.search(r"-> exit !\d+$", text) for text in lines)


@needs_machine_code
def test_without_a_disassembler_bytes_are_shown(guest: str) -> None:
    done = refsfi("--jdump=m", "--invoke", "sum", guest, PASSES, before="import sys; sys.modules['iced_x86'] = None")
    lines = section(done.stderr.splitlines(), "m")
    assert lines[0].startswith("; machine code is shown as bytes: the disassembler iced-x86 is not installed")
    assert "entry call:" in lines
    assert any(re.fullmatch(r"  +[0-9a-f]+  [0-9a-f]+ +; @4 i32\.add", text) for text in lines)


def test_python_that_was_made_is_shown(guest: str) -> None:
    lines = section(dumped(guest, "m", "--jit-backend=portable"), "m")
    assert any(text.startswith("def ") for text in lines)


# --- --profile=perfmap


@needs_machine_code
def test_perf_finds_names(guest: str) -> None:
    command = [sys.executable, "-m", "refsfi", "run", "--profile=perfmap", "--invoke", "sum", guest, PASSES]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out, _ = process.communicate(timeout=120)
    file = Path(f"/tmp/perf-{process.pid}.map")
    try:
        assert out == f"{SUM}\n"
        rows = file.read_text().splitlines()
        assert all(re.fullmatch(r"[0-9a-f]+ [0-9a-f]+ \S+", row) for row in rows)
        assert "$sum" in {row.split()[2] for row in rows}
    finally:
        file.unlink(missing_ok=True)
