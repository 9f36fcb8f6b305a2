"""tools/corpus itself: what it refuses, and that a wrong result is seen. No network."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from refsfi.binary.encode import encode
from refsfi.text.parser import parse_module
from tools.realprograms import fetch, report
from tools.realprograms.fetch import Store, Unavailable
from tools.realprograms.list import Digest, Expectation, Linked, Package, Task, Wasi, WasmFile, load
from tools.realprograms.run import Result, run_here, run_task
from tools.realprograms.unpack import UnpackError, read_member, wasm_from

SAY = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\03\\00\\00\\00hi\\n")
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $exit (i32.const 3))))"""
DATA = encode(parse_module(SAY))
FILE = WasmFile("say", hashlib.sha256(DATA).hexdigest(), len(DATA), shared="made/say.wasm")
OUTPUT = Digest(hashlib.sha256(b"hi\n").hexdigest(), 3)
COMMAND = Task(
    "say",
    "says hi",
    "S",
    10,
    (Linked("main", FILE, {}),),
    Wasi(("say",), {}, None, {}),
    Expectation(3, OUTPUT, {}),
)
STEPS = Task(
    "add",
    "adds",
    "S",
    4,
    (Linked("main", FILE, {"wasi_snapshot_preview1.*": {"kind": "nop"}}),),
    steps=({"call": "add", "args": [2, 3], "value": 5},),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "shared/made").mkdir(parents=True)
    (tmp_path / "shared/made/say.wasm").write_bytes(DATA)
    return Store([FILE], tmp_path / "cache", tmp_path / "shared")


class TestRunning:
    def test_a_command_and_steps(self, store: Store) -> None:
        for task in (COMMAND, STEPS):
            result = run_here(task, store, "refsfi")
            assert (result.verdict, result.detail) == ("same", "")

    @pytest.mark.parametrize(
        ("expect", "said"),
        [
            (Expectation(0, OUTPUT, {}), "3"),
            (Expectation(3, Digest("0" * 64, 3), {}), "hi"),
            (Expectation(3, OUTPUT, {"/w::left": OUTPUT}), "left"),
        ],
    )
    def test_another_outcome_is_seen(self, store: Store, expect: Expectation, said: str) -> None:
        wasi = Wasi(("say",), {}, None, {"/w": None})
        result = run_here(replace(COMMAND, wasi=wasi, expect=expect), store, "refsfi")
        assert result.verdict == "differs"
        assert said in result.detail

    def test_another_value_is_seen(self, store: Store) -> None:
        result = run_here(replace(STEPS, steps=({"call": "add", "args": [2, 2], "value": 5},)), store, "refsfi")
        assert result.verdict == "differs"
        assert "4" in result.detail

    def test_a_trap_is_no_result(self, store: Store) -> None:
        result = run_here(replace(STEPS, steps=({"read": 1 << 20, "len": 1, "sha256": ""},)), store, "refsfi")
        assert result.verdict == "differs"
        assert "out of bounds" in result.detail

    def test_a_process_that_fails_is_one_failure(self, store: Store) -> None:
        # The process knows only what is in the list.
        result = run_task(replace(COMMAND, id="unheard-of"), store, "refsfi", 60)
        assert result.verdict == "differs"


class TestFetching:
    def test_a_changed_module_is_refused(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "shared/made/say.wasm").write_bytes(DATA + b"\0\1\0")
        with pytest.raises(Unavailable, match="SHA-256"):
            store.read(FILE)

    def test_nothing_is_taken_without_being_asked(self, store: Store) -> None:
        with pytest.raises(Unavailable, match="not fetched"):
            store.read(replace(FILE, shared=None, package=Package("pypi", "say", "1")))

    @pytest.mark.parametrize("registry", ["pypi", "npm"])
    def test_from_a_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str) -> None:
        asked: list[list[str]] = []

        def client(command: list[str], cwd: Path, package: Package) -> None:
            asked.append(command)
            (cwd / f"say.{'whl' if registry == 'pypi' else 'tgz'}").write_bytes(archive(registry, "in/say.wasm", DATA))

        monkeypatch.setattr(fetch, "_run", client)
        monkeypatch.setattr(fetch.shutil, "which", lambda name: name)
        file = replace(FILE, shared=None, package=Package(registry, "say", "1.2"), member="in/say.wasm")
        store = Store([file], tmp_path / "cache", None)
        assert store.ensure(file)
        assert store.read(file) == DATA
        assert not store.ensure(file)
        assert [path.name for path in store.cache.iterdir() if path.name != ".lock"] == [f"{file.sha256}.wasm"]
        assert len(asked) == 1
        assert any(word in ("say==1.2", "say@1.2") for word in asked[0])

    def test_a_client_that_fails_is_told_of(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fetch, "_pip", lambda: ["sh", "-c", "echo 'ERROR: no route' >&2; exit 1"])
        file = replace(FILE, shared=None, package=Package("pypi", "say", "1"), member="x")
        with pytest.raises(Unavailable, match="pypi say 1: ERROR: no route"):
            Store([file], tmp_path, None).ensure(file)


def archive(registry: str, member: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    if registry == "pypi":
        with zipfile.ZipFile(stream, "w") as wheel:
            wheel.writestr(member, data)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as package:
            info = tarfile.TarInfo(member)
            info.size = len(data)
            package.addfile(info, io.BytesIO(data))
    return stream.getvalue()


class TestUnpacking:
    @pytest.mark.parametrize("registry", ["pypi", "npm"])
    def test_a_member_that_is_not_there(self, tmp_path: Path, registry: str) -> None:
        path = tmp_path / "a.whl"
        path.write_bytes(archive(registry, "x", b""))
        with pytest.raises(UnpackError, match="no member y"):
            read_member(path, "y")

    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tgz"
        with tarfile.open(path, "w:gz") as package:
            info = tarfile.TarInfo("x")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            package.addfile(info)
        with pytest.raises(UnpackError, match="no member x"):
            read_member(path, "x")

    def test_no_archive(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tgz"
        path.write_bytes(b"nothing")
        with pytest.raises(UnpackError, match="cannot be read"):
            read_member(path, "x")

    def test_a_module_in_javascript(self) -> None:
        from base64 import b64encode

        script = b"const a = '" + b64encode(b"\0asm other") + b"', b = '" + b64encode(DATA).rstrip(b"=") + b"';"
        assert wasm_from(replace(FILE, embedded=True), script) == DATA
        with pytest.raises(UnpackError, match="none of the 1 modules"):
            wasm_from(replace(FILE, embedded=True), script[:40])


class TestList:
    def test_every_task_is_pinned(self) -> None:
        programs = load()
        assert len([task for task in programs.tasks if not task.id.startswith("kernel-")]) == 37
        assert len([task for task in programs.tasks if task.id.startswith("kernel-")]) == 24
        for file in programs.files.values():
            assert len(file.sha256) == 64
            assert (file.package is None) != (file.shared is None)
        assert all(task.expect is not None or task.steps for task in programs.tasks)

    def test_selection(self) -> None:
        programs = load()
        assert [task.id for task in programs.select(["cpython*"], ("XL",))] == [
            "cpython312-hello",
            "cpython312-work",
            "cpython312-fs",
        ]
        with pytest.raises(ValueError, match="no task is called nothing"):
            programs.select(["nothing"])


class TestReport:
    RESULTS = ((COMMAND, Result("say", "same", "", 0.1, 0.2, 0.2)), (STEPS, Result("add", "differs", "a | b")))

    def test_exit_code(self) -> None:
        same, differs = self.RESULTS
        assert report.exit_code([same]) == 0
        assert report.exit_code([same, differs]) == 1
        assert report.exit_code([(COMMAND, Result("say", "too long", "x"))]) == 1

    def test_a_page_gets_its_table(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text(f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nEnd.\n")
        for _ in range(2):
            report.splice(page, self.RESULTS, "a machine")
        text = page.read_text()
        assert text.count("| say | S | 10 |") == 1
        assert "differs: a \\| b" in text
        assert "old" not in text
        assert text.endswith("\n\nEnd.\n")
        page.write_text("no place")
        with pytest.raises(ValueError, match="has no lines"):
            report.splice(page, self.RESULTS, "a machine")
