"""Escapes that other compilers have had, put into ours: the verifier refuses each.

Tests are named after what happened; `docs/sandbox.md` has the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("iced_x86", reason="iced-x86 is not installed: nothing was verified")

from jit.ir.ops import BY_NAME
from jit.options import Options
from jit.x64 import allocate, rows_call, rows_integer, rows_memory, rows_vector_memory
from jit.x64.asm import Assembler
from jit.x64.backend import X64Backend
from jit.x64.emit import _ROWS, Emitter
from jit.x64.registers import RAX
from jit.x64.verify import Unsafe
from spec_tests.jit.support import graph_of, program

Patch = pytest.MonkeyPatch


def compiled(text: str, **options: Any) -> int:
    """Compile every function of a module, verified; how many there were."""
    made = X64Backend(Options(**options), verified=True)
    units = [made.compile(graph_of(code)) for code in program(text).funcs]
    return len(units)


def refused(text: str, inject: Callable[[], None], **options: Any) -> str:
    """Why the module is refused once it is compiled wrongly; it passes when nothing is wrong."""
    assert compiled(text, **options)
    inject()
    with pytest.raises(Unsafe) as caught:
        compiled(text, **options)
    return caught.value.why


# An index that is spilled, as a call uses all registers.
SPILLED = """(module (memory 1) (func $other) (func (param i32) (result i32) (local i32)
    (local.set 1 (i32.add (local.get 0) (local.get 0)))
    (call $other)
    (i32.load (local.get 1))))"""


def test_cve_2021_32629_a_spilled_index_reloaded_sign_extended(monkeypatch: Patch) -> None:
    right = allocate.Allocator.load_place

    def wrong(self: Any, register: int, place: int, value: int) -> None:
        if register < 16 and str(self.graph.type[value]) == "i32":
            self.asm.rm("movsx32_64", register, *self.address(place))
        else:
            right(self, register, place, value)

    why = refused(SPILLED, lambda: monkeypatch.setattr(allocate.Allocator, "load_place", wrong))
    assert why == "may reach beyond the memory"


LOAD = """(module (memory 1) (func (param i32 i32) (result i32)
    (i32.load offset=16 (i32.{op} (local.get 0) (local.get 1)))))"""


def test_cve_2023_26489_a_shift_folded_into_the_scale(monkeypatch: Patch) -> None:
    def scaled(e: Emitter, v: int, name: str, dest: int, address: rows_memory.Address) -> None:
        rows_memory._before(e, v, address)
        e.asm.rmx(name, dest, address.base, address.index, 8, address.disp)

    why = refused(LOAD.format(op="add"), lambda: monkeypatch.setattr(rows_memory, "load_from", scaled))
    assert why == "an index into memory that is scaled"


def wide(name: str) -> str:
    return name.replace("32", "64") if name in ("shl32_cl", "shl32", "shlx32", "add32", "lea32", "sub32") else name


def widened(monkeypatch: Patch, *forms: str) -> None:
    """What computes with 32 bits computes with 64."""
    for form in forms:
        right = getattr(Assembler, form)

        def wrong(self: Assembler, name: str, *operands: int, right: Any = right) -> None:
            right(self, wide(name), *operands)

        monkeypatch.setattr(Assembler, form, wrong)


def test_cve_2026_34971_a_shift_of_another_type(monkeypatch: Patch) -> None:
    """An i32 is shifted as if it were an i64: by up to 63, and what leaves it at the top stays."""
    text = LOAD.format(op="shl")
    assert refused(text, lambda: widened(monkeypatch, "r", "ri", "rr", "rrr")) == "may reach beyond the memory"


def test_cve_2026_34987_an_index_without_zero_extension(monkeypatch: Patch) -> None:
    text = LOAD.format(op="add")
    assert refused(text, lambda: widened(monkeypatch, "rr", "rmx", "rm")) == "may reach beyond the memory"


def test_cve_2026_35186_minus_one_of_another_type(monkeypatch: Patch) -> None:
    """The i32 -1 as a constant of 64 bits, and then an index."""
    right = Assembler.ri

    def wrong(self: Assembler, name: str, dst: int, imm: int) -> None:
        right(self, name, dst, -1 if imm == 0xFFFFFFFF else imm)

    text = """(module (memory 1) (func (param i32) (result i32)
        (i32.load (select (i32.const -1) (local.get 0) (local.get 0)))))"""
    why = refused(text, lambda: monkeypatch.setattr(Assembler, "ri", wrong))
    assert why in ("may reach beyond the memory", "may reach below the memory")


@pytest.mark.parametrize("explicit", [False, True])
def test_cve_2026_24116_and_34944_a_load_wider_than_the_value(explicit: bool, monkeypatch: Patch) -> None:
    text = "(module (memory 1) (func (param i32) (result v128) (v128.load64_zero (local.get 0))))"

    def inject() -> None:
        monkeypatch.setitem(rows_vector_memory._WHOLE, "v128.load64_zero", "movups")

    assert refused(text, inject, explicit=explicit) == "16 bytes, where v128.load64_zero accesses 8"


@pytest.mark.parametrize("distance", [1, -3, 1 << 20])
def test_a_large_br_table_with_a_wrong_target(distance: int, monkeypatch: Patch) -> None:
    cases = 300
    text = f"""(module (func (param i32) (result i32) (local i32)
        {"(block " * cases} (br_table {" ".join(map(str, range(cases)))} {cases - 1} (local.get 0))
        {"".join(f") (local.set 1 (i32.xor (local.get 1) (i32.const {n})))" for n in range(cases))}
        (local.get 1)))"""
    right = Assembler.finish

    def wrong(self: Assembler, base: int) -> bytes:
        block = bytearray(right(self, base))
        if self._tables:
            place = self.offset(self._tables[0][0]) + 4 * 211
            entry = int.from_bytes(block[place : place + 4], "little", signed=True) + distance
            block[place : place + 4] = entry.to_bytes(4, "little", signed=True)
        return bytes(block)

    why = refused(text, lambda: monkeypatch.setattr(Assembler, "finish", wrong))
    assert why == "a jump table's entry leads nowhere"


def test_a_jump_table_without_its_comparison(monkeypatch: Patch) -> None:
    right = Assembler.ri

    def wrong(self: Assembler, name: str, dst: int, imm: int) -> None:
        if name != "cmp32" or dst != RAX:
            right(self, name, dst, imm)

    text = "(module (func (param i32) (result i32) (block (block (br_table 0 1 0 (local.get 0))) nop) (local.get 0)))"
    assert refused(text, lambda: monkeypatch.setattr(Assembler, "ri", wrong)) == "beyond the end of the jump table"


def test_a_packed_field_that_overflows_is_type_confusion(monkeypatch: Patch) -> None:
    """What the compiler takes for a function's reference is some other one: its checks are the only ones."""
    text = """(module (type $t (func (result i32))) (func (param (ref null $t)) (result i32)
        (call_ref $t (local.get 0))))"""

    def wrong(e: Emitter, v: int) -> int:
        ref = e.gpr(e.graph.args[v][0])
        dest = e.new_gpr(v)
        e.asm.rr("mov64", dest, ref)
        return dest

    why = refused(text, lambda: monkeypatch.setitem(_ROWS, BY_NAME["func.of_ref"].id, wrong))
    assert "function" in why


def test_a_function_of_a_table_whose_type_is_not_compared(monkeypatch: Patch) -> None:
    text = """(module (type $t (func (result i32))) (table 4 funcref)
        (func (param i32) (result i32) (call_indirect (type $t) (local.get 0))))"""
    right = rows_call.func_of_table

    def wrong(e: Emitter, v: int) -> int:
        mi = e.asm.mi
        e.asm.mi = lambda name, base, disp, imm: None  # type: ignore[method-assign]
        try:
            return right(e, v)
        finally:
            e.asm.mi = mi  # type: ignore[method-assign]

    why = refused(text, lambda: monkeypatch.setitem(_ROWS, BY_NAME["func.of_table"].id, wrong))
    assert why == "a function whose type was not compared"


def test_lucet_a_bounds_check_hoisted_past_what_made_it_necessary(monkeypatch: Patch) -> None:
    """The comparison is made with the index of one iteration before."""
    text = """(module (memory 1) (func (param i32) (result i32) (local i32)
        (loop $l
          (local.set 1 (i32.add (local.get 1) (i32.load (local.get 0))))
          (br_if $l (local.tee 0 (i32.add (local.get 0) (i32.const 4)))))
        (local.get 1)))"""
    right = rows_memory.locate

    def wrong(e: Emitter, v: int, address: int, arg: Any, width: int) -> rows_memory.Address:
        found = right(e, v, address, arg, width)
        e.asm.rmx("lea64", found.base, found.base, e.gpr(address), 1, 0)
        return found

    why = refused(text, lambda: monkeypatch.setattr(rows_memory, "locate", wrong), explicit=True)
    assert why == "may reach beyond the memory"


def test_a_comparison_that_always_says_yes(monkeypatch: Patch) -> None:
    """As in a verifier whose check was commented out."""

    def never(self: Emitter, cc: str, value: int) -> None:
        return

    text = "(module (memory 1) (func (param i32) (result i32) (i32.load (local.get 0))))"
    why = refused(text, lambda: monkeypatch.setattr(Emitter, "exit_if", never), explicit=True)
    assert why == "may reach beyond the memory"


def test_a_poll_that_is_dropped(monkeypatch: Patch) -> None:
    text = "(module (func (param i32) (loop $l (br_if $l (local.get 0)))))"
    why = refused(text, lambda: monkeypatch.setitem(_ROWS, BY_NAME["poll"].id, lambda e, v: -1))
    assert why == "nobody can interrupt this loop"


FOREIGN = {
    "a system call": "0f05",
    "a string instruction without its count": "a4",
    "the direction flag": "fd",
    "a segment": "65488b00",
    "the context's register": "4989c7",
    "the memory's base": "4989c5",
    "the stack pointer": "4889c4",
    "the second destination of mulx": "c442fbf6ef",
    "the second destination of xadd": "4c0fc1e8",
    "an address of 32 bits": "678b00",
    "a jump to a register": "ffe0",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_verifiers_have_let_through(what: str, monkeypatch: Patch) -> None:
    right = rows_integer.multiply

    def wrong(e: Emitter, v: int) -> int:
        e.asm.code += bytes.fromhex(FOREIGN[what])
        return right(e, v)

    text = "(module (func (param i32) (result i32) (i32.mul (local.get 0) (local.get 0))))"
    assert refused(text, lambda: monkeypatch.setitem(_ROWS, BY_NAME["i32.mul"].id, wrong))
