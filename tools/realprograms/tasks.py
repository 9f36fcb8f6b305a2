"""What the list's steps mean, for any engine.

Data is a mapping with one of `text`, `hex`, `b64`, `file` (below the shared folder), `lcg` (`len` bytes of a linear
congruential generator with that seed), `i32` (a list), `zeros` (a count), `parts` (data in a row), and optionally
`encoding` and `repeat`; or the name of one of the task's inputs.

A number in a step is a number or an expression over names that earlier steps have set: `$p + 4 * $i`.

A step is a mapping with one of these keys (`module` names another module than the first, `NAME@MEMORY` a memory):

    call        an exported function with `args`; `ret` names the result (a list of names: the results), `u32` takes it
                as unsigned, `value` is what it must be; `may_exit`: proc_exit is no failure
    write       `data` to that address
    read        `len` bytes at that address, compared with `sha256`
    load        a number of that format at `addr`; `ret` names it
    let         that name for `value`
    datalen     the length of that data, in units of `unit` bytes; `ret` names it
    blob        that name for `data`, for host functions
    global      the value of an exported global; `ret` names it
    output      what has been written to that file descriptor, compared with `sha256`
    grow_to     grow the memory to at least so many bytes
    json_value  a host object that the guest returned, as JSON, compared with `sha256`
    value_is    that expression must be `value`
    while       call that function until it returns 0, with the steps `do` each time
    emit        call these functions and write their results, as a line, to file descriptor 1
    instantiate a lazy module
    loop        the steps `do` so many times, `var` naming the round
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import operator
import shutil
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from tools.realprograms.list import Data, Digest, Step, Task

__all__ = ["Guest", "GuestAbort", "GuestExit", "Mismatch", "check_command", "data_bytes", "evaluate", "make_folders"]
__all__ += ["run_steps"]

# Signed ints, floats, host objects, None; as wasmtime's Python API has them.
Value: TypeAlias = Any

_PAGE = 65536


class Mismatch(Exception):
    """The guest did something else than it should; the message tells both."""


class GuestExit(Exception):
    """proc_exit was called."""

    def __init__(self, code: int) -> None:
        super().__init__(f"proc_exit({code})")
        self.code = code


class GuestAbort(Exception):
    """The guest called an import that it is not expected to call, or aborted."""


class Guest(ABC):
    """One run of a task in some engine: its modules, and what the steps and host functions share.

    `output[fd]` collects what host functions write; `blobs` and `names` belong to the steps. Addresses and sizes are
    in bytes. `module` is the name of a module of the task, with `@` and a memory's export name where it has several.
    """

    def __init__(self, task: Task, shared: Path | None, folders: Mapping[str, Path]) -> None:
        self.task = task
        self.shared = shared
        self.folders = folders
        self.names: dict[str, Value] = {}
        self.blobs: dict[str, bytes] = {}
        self.output: dict[int, bytearray] = {fd: bytearray() for fd in range(8)}
        # Of WASI.
        self.stdout = bytearray()
        self.stderr = bytearray()

    def start(self) -> None:
        """Instantiate what is not lazy, in order."""
        for linked in self.task.modules:
            if not linked.lazy:
                self.instantiate(linked.name)

    def run_command(self) -> int:
        """Call `_start`; the exit code."""
        try:
            self.call(self.task.modules[0].name, "_start", [])
        except GuestExit as exit:
            return exit.code
        return 0

    @abstractmethod
    def instantiate(self, module: str) -> None: ...

    @abstractmethod
    def call(self, module: str, export: str, args: Sequence[Value]) -> Value:
        """None, the result, or a list of several. GuestExit, GuestAbort, or the engine's own error."""

    @abstractmethod
    def call_table(self, module: str, index: int, args: Sequence[Value]) -> Value:
        """Call element `index` of the module's function table."""

    @abstractmethod
    def read(self, module: str, address: int, count: int) -> bytes: ...

    @abstractmethod
    def write(self, module: str, address: int, data: bytes) -> None: ...

    @abstractmethod
    def memory_size(self, module: str) -> int: ...

    @abstractmethod
    def memory_grow(self, module: str, pages: int) -> int:
        """The old size in pages, or -1."""

    @abstractmethod
    def global_value(self, module: str, export: str) -> Value: ...

    @abstractmethod
    def table_grow(self, module: str, export: str, count: int, value: Value) -> int: ...

    @abstractmethod
    def table_set(self, module: str, export: str, index: int, value: Value) -> None: ...


# --- data and expressions --------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _lcg(seed: int, count: int) -> bytes:
    """x = x * 1103515245 + 12345 mod 2^31; each byte is x >> 16."""
    out = bytearray(count)
    x = seed
    for i in range(count):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        out[i] = (x >> 16) & 0xFF
    return bytes(out)


def data_bytes(spec: Data | str, task: Task, shared: Path | None) -> bytes:
    """The bytes that a task means. Mismatch where a file is not there."""
    if isinstance(spec, str):
        spec = task.inputs[spec]
    if "parts" in spec:
        data = b"".join(data_bytes(part, task, shared) for part in spec["parts"])
    elif "text" in spec:
        data = str(spec["text"]).encode(spec.get("encoding", "utf-8"))
    elif "hex" in spec:
        data = bytes.fromhex(spec["hex"])
    elif "b64" in spec:
        data = base64.b64decode(spec["b64"])
    elif "file" in spec:
        data = _shared_file(spec["file"], shared)
        if "encoding" in spec:
            data = data.decode("utf-8").encode(spec["encoding"])
    elif "lcg" in spec:
        data = _lcg(spec["lcg"], spec["len"])
    elif "i32" in spec:
        data = struct.pack(f"<{len(spec['i32'])}i", *spec["i32"])
    elif "zeros" in spec:
        data = bytes(spec["zeros"])
    else:
        raise ValueError(f"no data: {dict(spec)}")
    return data * int(spec.get("repeat", 1))


def _shared_file(path: str, shared: Path | None) -> bytes:
    if shared is None:
        raise Mismatch(f"{path} is not there: no shared folder")
    try:
        return (shared / path).read_bytes()
    except OSError as error:
        raise Mismatch(f"{shared / path}: {error.strerror}") from None


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


def evaluate(expression: int | float | str, names: Mapping[str, Value]) -> Value:
    """A number, or an expression: names, integers and `+ - * //`. ValueError for anything else."""
    if not isinstance(expression, str):
        return expression
    return _evaluate(ast.parse(expression.replace("$", ""), mode="eval").body, names)


def _evaluate(node: ast.expr, names: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float()):
            return node.value
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left, names), _evaluate(right, names))
    raise ValueError(f"no expression of the list: {ast.unparse(node)}")


# --- steps -----------------------------------------------------------------------------------------------------------

_FORMATS = {"u8": "<B", "u16": "<H", "i32": "<i", "u32": "<I", "i64": "<q", "u64": "<Q", "f32": "<f", "f64": "<d"}
_U32 = 0xFFFFFFFF
# Rounds of one `while`: a guest that never says 0 must not hold up the run.
_ROUNDS = 1_000_000


def run_steps(guest: Guest) -> None:
    """Run the task's steps. Mismatch at the first difference; the engine's errors pass through."""
    _Runner(guest).run(guest.task.steps)


class _Runner:
    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.task = guest.task
        self.main = guest.task.modules[0].name

    def run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            kind = next((key for key in _KINDS if key in step), None)
            if kind is None:
                raise ValueError(f"no step: {dict(step)}")
            _KINDS[kind](self, step, step.get("module", self.main))

    def number(self, expression: int | float | str) -> Value:
        return evaluate(expression, self.guest.names)

    def address(self, expression: int | str) -> int:
        return int(self.number(expression)) & _U32

    def data(self, spec: Data | str) -> bytes:
        return data_bytes(spec, self.task, self.guest.shared)

    def call(self, step: Step, module: str) -> None:
        args = [self.number(a) for a in step.get("args", ())]
        try:
            result = self.guest.call(module.partition("@")[0], step["call"], args)
        except GuestExit as exit:
            if not step.get("may_exit"):
                raise Mismatch(f"{step['call']}: {exit}") from None
            result = None
        names = step.get("ret")
        if isinstance(names, str):
            self.guest.names[names] = result & _U32 if step.get("u32") else result
        elif names is not None:
            self.guest.names.update(zip(names, result))
        if "value" in step:
            _same_value(step["call"], result, step["value"])

    def write(self, step: Step, module: str) -> None:
        self.guest.write(module, self.address(step["write"]), self.data(step["data"]))

    def read(self, step: Step, module: str) -> None:
        data = self.guest.read(module, self.address(step["read"]), self.address(step["len"]))
        _same_bytes("memory", data, step)

    def load(self, step: Step, module: str) -> None:
        form = _FORMATS[step["load"]]
        data = self.guest.read(module, self.address(step["addr"]), struct.calcsize(form))
        self.guest.names[step["ret"]] = struct.unpack(form, data)[0]

    def let(self, step: Step, module: str) -> None:
        self.guest.names[step["let"]] = self.number(step["value"])

    def datalen(self, step: Step, module: str) -> None:
        self.guest.names[step["ret"]] = len(self.data(step["datalen"])) // int(step.get("unit", 1))

    def blob(self, step: Step, module: str) -> None:
        self.guest.blobs[step["blob"]] = self.data(step["data"])

    def global_(self, step: Step, module: str) -> None:
        self.guest.names[step["ret"]] = self.guest.global_value(module, step["global"])

    def output(self, step: Step, module: str) -> None:
        _same_bytes(f"output {step['output']}", bytes(self.guest.output[step["output"]]), step)

    def grow_to(self, step: Step, module: str) -> None:
        missing = self.number(step["grow_to"]) - self.guest.memory_size(module)
        if missing > 0 and self.guest.memory_grow(module, -(-missing // _PAGE)) < 0:
            raise Mismatch(f"the memory cannot grow by {missing} bytes")

    def json_value(self, step: Step, module: str) -> None:
        text = json.dumps(self.number(step["json_value"]), sort_keys=True)
        _same_bytes("the host object", text.encode(), step)

    def value_is(self, step: Step, module: str) -> None:
        _same_value(step["value_is"], self.number(step["value_is"]), step["value"])

    def while_(self, step: Step, module: str) -> None:
        for _ in range(_ROUNDS):
            if not self.guest.call(module, step["while"], []):
                return
            self.run(step["do"])
        raise Mismatch(f"{step['while']} did not return 0 within {_ROUNDS} calls")

    def emit(self, step: Step, module: str) -> None:
        values = (str(self.guest.call(module, export, [])) for export in step["emit"])
        self.guest.output[1] += (",".join(values) + "\n").encode()

    def instantiate(self, step: Step, module: str) -> None:
        self.guest.instantiate(step["instantiate"])

    def loop(self, step: Step, module: str) -> None:
        for round in range(step["loop"]):
            self.guest.names[step["var"]] = round
            self.run(step["do"])


_KINDS: dict[str, Callable[[_Runner, Step, str], None]] = {
    "call": _Runner.call,
    "write": _Runner.write,
    "read": _Runner.read,
    "load": _Runner.load,
    "let": _Runner.let,
    "datalen": _Runner.datalen,
    "blob": _Runner.blob,
    "global": _Runner.global_,
    "output": _Runner.output,
    "grow_to": _Runner.grow_to,
    "json_value": _Runner.json_value,
    "value_is": _Runner.value_is,
    "while": _Runner.while_,
    "emit": _Runner.emit,
    "instantiate": _Runner.instantiate,
    "loop": _Runner.loop,
}


def _same_value(what: str, got: Value, want: Value) -> None:
    if type(got) is not type(want) or (got != want and not (got != got and want != want)):
        raise Mismatch(f"{what}: {got!r} instead of {want!r}")


def _same_bytes(what: str, got: bytes, want: Mapping[str, Any]) -> None:
    if hashlib.sha256(got).hexdigest() != want["sha256"]:
        length = want["length"]
        raise Mismatch(f"{what}: {len(got)} bytes that are not the {length} expected ones, beginning {got[:60]!r}")


# --- commands --------------------------------------------------------------------------------------------------------


def make_folders(task: Task, shared: Path | None, scratch: Path) -> dict[str, Path]:
    """Copies of the task's preopened folders in `scratch`, by guest path; a run may change them."""
    folders: dict[str, Path] = {}
    if task.wasi is None:
        return folders
    for number, (guest_path, source) in enumerate(sorted(task.wasi.preopens.items())):
        folder = scratch / f"preopen{number}"
        if source is None:
            folder.mkdir()
        elif shared is None:
            raise Mismatch(f"{source} is not there: no shared folder")
        else:
            shutil.copytree(shared / source, folder)
            # The shared folder may be read-only; the copy is the guest's to change.
            for path in (folder, *folder.rglob("*")):
                path.chmod(path.stat().st_mode | 0o600)
        folders[guest_path] = folder
    return folders


def check_command(task: Task, code: int, stdout: bytes, stderr: bytes, folders: Mapping[str, Path]) -> None:
    """Compare what a WASI command did with what it should have done. Mismatch at the first difference."""
    expect = task.expect
    if expect is None:
        raise ValueError(f"{task.id} is no command")
    if code != expect.exit_code:
        tail = stderr[-300:].decode("utf-8", "replace").strip()
        raise Mismatch(f"exit code {code} instead of {expect.exit_code}; stderr: {tail}")
    _same_digest("stdout", stdout, expect.stdout)
    for name, digest in expect.files.items():
        guest_path, _, path = name.partition("::")
        try:
            data = (folders[guest_path] / path).read_bytes()
        except OSError as error:
            raise Mismatch(f"{name}: {error.strerror}") from None
        _same_digest(name, data, digest)


def _same_digest(what: str, got: bytes, want: Digest) -> None:
    _same_bytes(what, got, {"sha256": want.sha256, "length": want.length})
