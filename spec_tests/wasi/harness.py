"""Programs that use WASI, run in refsfi and in wasmtime, and what is expected of them.

A program is a file in `programs/`. Comments `@` at its beginning say what it is run with:

    @args A B …         after the program's name          @mkdir NAME
    @env NAME=VALUE                                       @file NAME TEXT      (Python's escapes)
    @stdin TEXT         (Python's escapes)                @link NAME TARGET    a symbolic link
    @dirs none|one|two|readonly                           @fifo NAME
    @host HOST GUEST    another directory, preopened after them, of which nothing is told
    @wasmtime no: WHY   it is not run there
    @unstable no: WHY   it is not compiled for the first snapshot

`one` directory, made afresh, is preopened as `/` (descriptor 3); `two`: also one as `/other` (descriptor 4). Beside
them lies `outside/secret`, which no program ever reaches: what becomes of it, or comes into being beside it, shows as
lines `outside …`, which no golden file has.

`golden/NAME.txt` is what it must do: lines `out …`, `err …`, `end …` (`exit N` or `trap`), and `dir …`, `file …`,
`link …` for what it leaves behind. What wasmtime does otherwise is told after the line, with the reason:
`## wasmtime LINE; WHY`, `## wasmtime nothing; WHY`, or a line of its own beginning with `##`.

`engines` runs a program; `python -m spec_tests.wasi.record` shows what programs do, and with `--write` makes their
golden files.
"""

from __future__ import annotations

import ast
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from spec_tests.wasi.build import PROGRAMS, compile_c, wat_text

GOLDEN = Path(__file__).parent / "golden"

NOTE = " ## wasmtime "
ONLY_WASMTIME = "## wasmtime "
NOTHING = "nothing"
_SECRET = b"not for guests"


@dataclass
class Case:
    """A program and what it is run with."""

    name: str
    source: Path
    args: list[str] = field(default_factory=list)
    env: list[tuple[str, str]] = field(default_factory=list)
    stdin: bytes = b""
    dirs: str = "one"
    host_dirs: list[tuple[str, str]] = field(default_factory=list)
    setup: list[tuple[str, list[str]]] = field(default_factory=list)
    not_in_wasmtime: str | None = None
    not_in_unstable: str | None = None

    @property
    def in_c(self) -> bool:
        return self.source.suffix == ".c"

    @property
    def golden(self) -> Path:
        return GOLDEN / f"{self.name}.txt"

    def module(self, unstable: bool = False) -> bytes:
        """For the first snapshot if that is what `unstable` asks for."""
        if not self.in_c:
            return wat_text(self.source, unstable).encode()
        return compile_c(self.source, ("-DUNSTABLE",) if unstable else ())

    def guest_dirs(self) -> list[str]:
        return {"none": [], "one": ["/"], "readonly": ["/"], "two": ["/", "/other"]}[self.dirs]

    def prepare(self, scratch: Path) -> list[Path]:
        """Make the preopened directories, in the order of their descriptors."""
        made = [scratch / f"dir{number}" for number in range(len(self.guest_dirs()))]
        outside = scratch / "outside"
        outside.mkdir()
        (outside / "secret").write_bytes(_SECRET)
        # So old that the kernel notes when it is read, where it notes that at all.
        os.utime(outside / "secret", (1, 1))
        for directory in made:
            directory.mkdir()
        for what, arguments in self.setup:
            path = made[0] / _text(arguments[0])
            if what == "mkdir":
                path.mkdir()
            elif what == "file":
                path.write_bytes(_unescape(" ".join(arguments[1:])))
            elif what == "link":
                path.symlink_to(_text(arguments[1]))
            elif what == "fifo":
                os.mkfifo(path)
            else:
                raise ValueError(f"{self.source.name}: @{what}")
        return made


@dataclass
class Outcome:
    stdout: bytes
    stderr: bytes
    end: str
    scratch: Path
    dirs: list[Path]

    def lines(self) -> list[str]:
        found = [*_stream("out", self.stdout), *_stream("err", self.stderr), f"end {self.end}"]
        for directory in self.dirs:
            found += (line.replace(" ", f" {directory.name}/", 1) for line in _tree(directory))
        ours = {path.name for path in self.dirs} | {"outside", "stdin", "stdout", "stderr"}
        beside = [path.name for path in self.scratch.iterdir() if path.name not in ours]
        secret = (self.scratch / "outside" / "secret").stat()
        touched = (secret.st_atime, secret.st_mtime, secret.st_nlink) != (1, 1, 1)
        outside = _tree(self.scratch / "outside")
        if beside or touched or outside != [f"file secret: {_show(_SECRET)}"]:
            found += (f"outside {line}" for line in [*beside, *outside, f"touched: {touched}"])
        return found


def _text(text: str) -> str:
    """Without Python's escapes; one of `\\udc80` to `\\udcff` stands for a byte of a name that is not UTF-8."""
    return str(ast.literal_eval(f'"{text}"'))


def _unescape(text: str) -> bytes:
    return _text(text).encode()


def _show(data: bytes) -> str:
    """One line of text, other bytes as escapes."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(c if c.isprintable() else ascii(c)[1:-1].replace("\\udc", "\\x") for c in text)


def _stream(name: str, data: bytes) -> list[str]:
    lines = data.split(b"\n")
    last = lines.pop()
    found = [f"{name} {_show(line)}".rstrip() for line in lines]
    return [*found, f"{name}, without an end of line: {_show(last)}"] if last else found


def _tree(root: Path) -> list[str]:
    found = []
    for path in sorted(root.rglob("*")):
        name = _show(os.fsencode(path.relative_to(root)))
        if len(name) > 100:
            name = f"{name[:20]}… ({len(name)} characters)"
        if path.is_symlink():
            found.append(f"link {name} -> {_show(os.fsencode(os.readlink(path)))}")
        elif path.is_dir():
            found.append(f"dir {name}")
        elif path.is_file():
            data = path.read_bytes()
            found.append(f"file {name}: {_show(data)}" if len(data) <= 200 else f"file {name}: {len(data)} bytes")
        else:
            found.append(f"other {name}")
    return found


def cases() -> list[Case]:
    sources = sorted(path for path in PROGRAMS.iterdir() if path.suffix in (".c", ".wat"))
    return [read_case(path) for path in sources if "_start" in path.read_text("utf-8") or path.suffix == ".c"]


def read_case(source: Path) -> Case:
    case = Case(source.stem, source)
    for line in source.read_text("utf-8").splitlines():
        comment = line.lstrip(";/* ").removesuffix("*/").rstrip()
        if not comment.startswith("@"):
            continue
        key, _, rest = comment[1:].strip().partition(" ")
        if key == "args":
            case.args = [_text(argument) for argument in shlex.split(rest)]
        elif key == "env":
            name, _, value = rest.partition("=")
            case.env.append((name, value))
        elif key == "stdin":
            case.stdin = _unescape(rest)
        elif key == "dirs":
            case.dirs = rest
        elif key == "host":
            host, _, guest = rest.partition(" ")
            case.host_dirs.append((host, guest))
        elif key == "wasmtime":
            case.not_in_wasmtime = rest.removeprefix("no: ")
        elif key == "unstable":
            case.not_in_unstable = rest.removeprefix("no: ")
        else:
            case.setup.append((key, rest.split(" ")))
    return case


def expected(case: Case, engine: str) -> list[str]:
    """What the golden file says of an engine, `refsfi` or `wasmtime`."""
    found = []
    for line in case.golden.read_text("utf-8").splitlines():
        if line.startswith(ONLY_WASMTIME):
            if engine == "wasmtime":
                found.append(line.removeprefix(ONLY_WASMTIME).rsplit("; ", 1)[0])
            continue
        if line.startswith("#"):
            continue
        ours, noted, note = line.partition(NOTE)
        if engine == "refsfi" or not noted:
            found.append(ours)
        elif (theirs := note.rsplit("; ", 1)[0]) != NOTHING:
            found.append(theirs)
    return found
