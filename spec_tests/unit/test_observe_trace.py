"""The trace monitor, line by line."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.observe.trace import Trace, TraceKind
from refsfi.runtime.store import FuncInst, Store
from refsfi.runtime.values import Value
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

I, O, C, M = TraceKind.INSTR, TraceKind.OPERANDS, TraceKind.CALLS, TraceKind.MEMORY  # noqa: E741

TEXT = """(module (memory 1) (tag $e (param i32)) (type $s (struct (field i32)))
(func $g (param i32) (result i32) (local.get 0))
(func (export "f") (param i32) (result i32)
(i32.store offset=4 (i32.const 8) (local.get 0))
(drop (i64.load (i32.const 8)))
(block $b (result i32) (try_table (result i32) (catch $e $b) (throw $e (i32.const 3)))) (drop)
(drop (struct.new $s (i32.const 1)))
(memory.fill (i32.const 0) (i32.const 1) (i32.const 20))
(call $g (i32.const -1)) (return_call $g)))"""


def trace(module: Module, kinds: Iterable[TraceKind], *args: Value) -> list[str]:
    """The lines that a call of the export `f` makes."""
    lines: list[str] = []
    store = Store()
    store.observer = Trace(kinds, lines.append)
    func = instantiate(store, Program(module, validate(module, ALL)), []).exports["f"]
    assert isinstance(func, FuncInst)
    try:
        invoke(store, func, list(args))
    except Trap:
        lines.append("trap")
    return lines


EVERYTHING = """\
> func 1 (5)
  func 1:0       4:22  i32.const 8
  func 1:1       4:36  local.get 0
  func 1:2        4:2  i32.store offset=4           ; 8, 5
      memory 0: store 4 bytes at 0xc = 0x00000005
  func 1:3       5:18  i32.const 8
  func 1:4        5:8  i64.load                     ; 8
      memory 0: load 8 bytes at 0x8 = 0x0000000500000000
  func 1:5        5:2  drop                         ; 21474836480
  func 1:6        6:2  block $b (result i32)
  func 1:7       6:25  try_table (result i32) (catch $e $b)
  func 1:8       6:73  i32.const 3
  func 1:9       6:63  throw $e                     ; 3
  func 1:11      6:87  end
  func 1:12      6:90  drop                         ; 3
  func 1:13      7:23  i32.const 1
  func 1:14       7:8  struct.new $s                ; 1
  func 1:15       7:2  drop                         ; struct
  func 1:16      8:15  i32.const 0
  func 1:17      8:29  i32.const 1
  func 1:18      8:43  i32.const 20
  func 1:19       8:2  memory.fill                  ; 0, 1, 20
      memory 0: store 20 bytes at 0x0 = 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01
  func 1:20      9:11  i32.const -1
  func 1:21       9:2  call $g                      ; -1
  > $g (-1)
    $g:0       2:36  local.get 0
    $g:1       2:48  end
  < $g = -1
  func 1:22      9:27  return_call $g               ; -1
< func 1 left by a tail call or an exception
> $g (-1)
  $g:0       2:36  local.get 0
  $g:1       2:48  end
< $g = -1
"""


def test_everything() -> None:
    assert trace(parse_module(TEXT, ALL), [O, C, M], 5) == EVERYTHING.splitlines()


def test_instructions_alone() -> None:
    instructions = [
        line for line in EVERYTHING.splitlines() if " memory 0: " not in line and line.lstrip()[0] not in "<>"
    ]
    assert trace(parse_module(TEXT, ALL), [I], 5) == [line.split(";")[0].rstrip() for line in instructions]


def test_calls_alone() -> None:
    assert trace(parse_module(TEXT, ALL), [C], 5) == [
        "> func 1 (5)",
        "  > $g (-1)",
        "  < $g = -1",
        "< func 1 left by a tail call or an exception",
        "> $g (-1)",
        "< $g = -1",
    ]


def test_memory_alone_says_where_it_was_accessed() -> None:
    lines = trace(parse_module(TEXT, ALL), [M], 5)
    assert [line.split("memory 0: ")[1] for line in lines] == [
        "store 4 bytes at 0xc = 0x00000005",
        "load 8 bytes at 0x8 = 0x0000000500000000",
        "store 20 bytes at 0x0" + " = 01" + " 01" * 19,
    ]
    assert all(line.lstrip().startswith("func 1:") for line in lines)


@pytest.mark.parametrize(
    ("address", "end"),
    [
        (
            8,
            [
                "      memory 0: load 8 bytes at 0x9 = 0x0000000000000000",
                "  func 0:2       0x2a  end",
                "< func 0 = 0.0",
            ],
        ),
        (
            65530,
            [
                "      memory 0: load 8 bytes at 0xfffb",
                "  trap in func 0:1       0x27: out of bounds memory access",
                "trap",
            ],
        ),
    ],
)
def test_places_in_a_binary_module_and_traps(address: int, end: list[str]) -> None:
    text = '(module (memory 1) (func (export "f") (param i32) (result f64) (f64.load offset=1 (local.get 0))))'
    assert trace(decode(encode(parse_module(text))), [O, C, M], address) == [
        f"> func 0 ({address})",
        "  func 0:0       0x25  local.get 0",
        f"  func 0:1       0x27  f64.load offset=1            ; {address}",
        *end,
    ]
