"""The abstract syntax of test scripts: commands, actions, literals and result patterns.

One form for both notations, the S-expressions of `.wast` files (`script/parser`) and the JSON of wast2json and of
`wasm-tools json-from-wast` (`script/json`). The language is that of the reference interpreter (its README, "Scripts"),
with the thread commands of the threads proposal.

Literals and patterns hold values in the representation of the runtime: unsigned ints for i32 and i64, raw bits for f32
and f64, 16 bytes for v128. References to host objects are written as numbers, and become references when an engine is
asked for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from refsfi.syntax.module import Source
from refsfi.syntax.types import AbsHeap, NumType

__all__ = [
    "Action",
    "AssertAction",
    "AssertKind",
    "AssertModule",
    "AssertReturn",
    "BinaryModule",
    "Command",
    "Either",
    "FileModule",
    "Get",
    "HostLiteral",
    "Input",
    "Invoke",
    "Literal",
    "ModuleCommand",
    "ModuleInstance",
    "ModuleRef",
    "ModuleSource",
    "NanPattern",
    "NullLiteral",
    "NullPattern",
    "NumLiteral",
    "NumPattern",
    "Output",
    "Pattern",
    "Perform",
    "QuotedModule",
    "RefPattern",
    "Register",
    "Script",
    "SubScript",
    "TextModule",
    "Thread",
    "VecPattern",
    "Wait",
    "command_kind",
]


# --- modules ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextModule:
    """Characters `start` to `end` of a script, which are one `(module …)`, or module fields where `inline` is set.

    It is parsed when its command is executed, so that an error in it is that command's and no other's.
    """

    source: Source
    start: int
    end: int
    inline: bool = False


@dataclass(frozen=True, slots=True)
class BinaryModule:
    """`(module binary "…"*)`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class QuotedModule:
    """`(module quote "…"*)`: bytes, because the text may be malformed UTF-8."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileModule:
    """A module in a file beside a JSON script. `path` is as written there."""

    path: str
    binary: bool


ModuleSource: TypeAlias = TextModule | BinaryModule | QuotedModule | FileModule


@dataclass(frozen=True, slots=True)
class ModuleRef:
    """`(module instance $instance? $module?)` in the place of a module: the module defined under a name, or the last
    one.
    """

    name: str | None


# --- values ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NumLiteral:
    """A number or vector; `value` is an unsigned int (bits, for floats) or 16 bytes."""

    type: NumType
    value: int | bytes


@dataclass(frozen=True, slots=True)
class NullLiteral:
    """`(ref.null ht)`."""

    heap: AbsHeap


@dataclass(frozen=True, slots=True)
class HostLiteral:
    """`(ref.extern n)` where `heap` is EXTERN, `(ref.host n)` where it is ANY: the host's object number `n`."""

    heap: AbsHeap
    number: int


Literal: TypeAlias = NumLiteral | NullLiteral | HostLiteral


class NanPattern(Enum):
    """Sets of NaNs: payload exactly the canonical one; payload with the top bit set. Either sign."""

    CANONICAL = "nan:canonical"
    ARITHMETIC = "nan:arithmetic"


@dataclass(frozen=True, slots=True)
class NumPattern:
    """A number, to the bit, or a set of NaNs. `type` is not V128."""

    type: NumType
    value: int | NanPattern


@dataclass(frozen=True, slots=True)
class VecPattern:
    """A vector, lane by lane; lanes are unsigned. `shape` is a key of `patterns.SHAPES`."""

    shape: str
    lanes: tuple[int | NanPattern, ...]


@dataclass(frozen=True, slots=True)
class RefPattern:
    """A reference that is not null, of a kind of object; `number` asks for one particular object of the host.

    `heap` is None for `(ref)`: anything but a function.
    """

    heap: AbsHeap | None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class NullPattern:
    """A null reference; where `heap` is given, of that hierarchy."""

    heap: AbsHeap | None = None


@dataclass(frozen=True, slots=True)
class Either:
    """`(either p+)`: any of them."""

    options: tuple[Pattern, ...]


Pattern: TypeAlias = "NumPattern | VecPattern | RefPattern | NullPattern | Either"


# --- actions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call an exported function of an instance; `instance` None means the last one."""

    instance: str | None
    name: str
    args: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Get:
    """Read an exported global."""

    instance: str | None
    name: str


Action: TypeAlias = Invoke | Get


# --- commands --------------------------------------------------------------------------------------------------------


class AssertKind(Enum):
    """Assertions that something fails; the value is the keyword, in JSON the type."""

    TRAP = "assert_trap"
    EXHAUSTION = "assert_exhaustion"
    EXCEPTION = "assert_exception"
    MALFORMED = "assert_malformed"
    MALFORMED_CUSTOM = "assert_malformed_custom"
    INVALID = "assert_invalid"
    INVALID_CUSTOM = "assert_invalid_custom"
    UNLINKABLE = "assert_unlinkable"
    UNINSTANTIABLE = "assert_uninstantiable"


@dataclass(frozen=True, slots=True)
class ModuleCommand:
    """Define a module and, unless `definition`, instantiate it under the same name. `line` counts from 1, as
    everywhere.
    """

    line: int
    name: str | None
    source: ModuleSource
    definition: bool = False


@dataclass(frozen=True, slots=True)
class ModuleInstance:
    """`(module instance $instance? $module?)`."""

    line: int
    instance: str | None
    module: str | None


@dataclass(frozen=True, slots=True)
class Register:
    line: int
    as_name: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class Perform:
    """An action whose results are ignored but which must not fail."""

    line: int
    action: Action


@dataclass(frozen=True, slots=True)
class AssertReturn:
    line: int
    action: Action
    expected: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class AssertAction:
    """TRAP, EXHAUSTION or EXCEPTION of an action; `text` begins the error's message."""

    line: int
    kind: AssertKind
    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class AssertModule:
    """The other kinds, of a module."""

    line: int
    kind: AssertKind
    module: ModuleSource | ModuleRef
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    """Run `commands` concurrently, in an environment that holds only the instances `shared` and spectest."""

    line: int
    name: str | None
    shared: tuple[str, ...]
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the end of a thread."""

    line: int
    name: str | None


@dataclass(frozen=True, slots=True)
class SubScript:
    """`(script $name? cmd*)`: its commands are executed in place."""

    line: int
    name: str | None
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """Execute a script or define a module from a file; its path is relative to the script's directory."""

    line: int
    name: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Output:
    """Write a module to a file beside the script, or as text to the standard output where `path` is None."""

    line: int
    name: str | None
    path: str | None


Command: TypeAlias = (
    "ModuleCommand | ModuleInstance | Register | Perform | AssertReturn | AssertAction | AssertModule | Thread | Wait"
    " | SubScript | Input | Output"
)


@dataclass(frozen=True, slots=True)
class Script:
    """A whole file; `path` names it in records, `directory` is where relative paths start.

    `origin` is the script it was converted from, if it was.
    """

    path: str
    directory: str
    commands: tuple[Command, ...]
    origin: str | None = None


def command_kind(command: Command) -> str:
    """The keyword a command begins with, as records and reports name it."""
    if isinstance(command, AssertAction | AssertModule):
        return command.kind.value
    if isinstance(command, Perform):
        return "invoke" if isinstance(command.action, Invoke) else "get"
    return _KINDS[command.__class__]


_KINDS: dict[type, str] = {
    ModuleCommand: "module",
    ModuleInstance: "instance",
    Register: "register",
    AssertReturn: "assert_return",
    Thread: "thread",
    Wait: "wait",
    SubScript: "script",
    Input: "input",
    Output: "output",
}
