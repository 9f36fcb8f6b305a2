"""Modules that make a compiler work: loops of all shapes, branches that carry and drop operands, calls of every kind,
memory traffic at the edges, many values alive at once.

They end, as functions and loops draw on the global `budget`, which whoever runs the module sets before each call.

Imported are `env.print`, of all integer types; `env.twist`, i32 to i32; and `env.again`, which may come back into the
module. Exported are all functions, memories, tables and globals.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from tools.fuzzing.generate_function import Memory, Shape, Signature, Writer
from tools.fuzzing.generate_table import INTEGERS, NUMBERS, TYPES

__all__ = ["Generated", "generate"]

_IMPORTS: Final = (
    '(import "env" "print" (func $print (param i32 i64)))'
    '(import "env" "twist" (func $twist (param i32) (result i32)))'
    '(import "env" "again" (func $again (param i32) (result i64)))'
)


@dataclass(slots=True)
class Generated:
    """A module's text, and what its functions take."""

    text: str
    signatures: list[Signature]


def generate(random: Random, *, small: bool = False) -> Generated:
    """A module, as the generator's state has it. `small`: one or two short functions."""
    types = random.choice((TYPES, TYPES, INTEGERS, ("i32",), NUMBERS, ("i32", "v128", "i64")))
    count = random.choice((1, 1, 2) if small else (1, 2, 3, 4))
    signatures = [
        Signature(
            f"f{i}",
            tuple(random.choice(types) for _ in range(random.choice((0, 1, 2, 3, 7)))),
            tuple(random.choice(types) for _ in range(random.choice((0, 1, 1, 1, 2, 4)))),
        )
        for i in range(count)
    ]
    memories = [
        Memory(f"$m{i}", random.choice(("i32",) * 6 + ("i64",)), random.choice((0, 1, 1, 1, 1, 1, 1, 2)))
        for i in range(random.choice((0, 1, 1, 1, 1, 2, 3)))
    ]
    globals = [(f"$g{i}", random.choice(types)) for i in range(random.choice((0, 2, 5)))]
    shape = Shape(
        random,
        signatures,
        memories,
        globals,
        types,
        control=random.choice((0.3, 0.5, 0.7)),
        traffic=random.choice((0.03, 0.1, 0.3)),
        calls=random.choice((0.0, 0.05, 0.15)),
        lengths=(8, 15, 25, 50) if small else (30, 80, 80, 200),
    )
    functions = "\n".join(Writer(shape, i).function() for i in range(count))
    declared = [f"(type $t{i} (func {s.text}))" for i, s in enumerate(signatures)]
    declared.append(_IMPORTS)
    declared += [
        f'(memory {m.name} (export "{m.name[1:]}") {"i64 " if m.address == "i64" else ""}{m.pages} 3)' for m in memories
    ]
    for m in memories:
        if m.pages:
            data = "".join(f"\\{random.randrange(256):02x}" for _ in range(32))
            declared.append(f'(data (memory {m.name}) ({m.address}.const 0) "{data}")')
    declared.append('(data $passive "\\00\\ff\\80\\7f0123456789abcdefghijklmnop")')
    declared.append('(table $table (export "table") 16 18 funcref)')
    declared.append(f"(elem (table $table) (i32.const 0) func {' '.join(f'$f{i}' for i in range(count))})")
    declared.append('(global $budget (export "budget") (mut i32) (i32.const 100))')
    for name, type in globals:
        initial = {"v128": "v128.const i64x2 1 -1", "funcref": "ref.null func", "externref": "ref.null extern"}
        value = initial.get(type, f"{type}.const 3")
        declared.append(f'(global {name} (export "{name[1:]}") (mut {type}) ({value}))')
    return Generated("(module\n" + "\n".join(declared) + "\n" + functions + ")\n", signatures)
