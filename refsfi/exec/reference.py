"""Reference instructions, chapter 4.6.7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refsfi.errors import Trap, TrapCode
from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.numeric import push_constant
from refsfi.exec.registry import instruction, lowering
from refsfi.runtime.store import Frame, FuncInst, HostFunc
from refsfi.runtime.values import I31, StructInst, Value, ref_accepts, same_ref, to_any, to_extern
from refsfi.syntax.deftypes import close_ref
from refsfi.syntax.module import Instr
from refsfi.syntax.types import RefType


@lowering("ref.null")
def lower_ref_null(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/ref.null"""
    push_constant(low, None)


@instruction("ref.func", pops=0, pushes=1)
def ref_func(f: Frame, index: int) -> FuncInst | HostFunc:
    """Rule: Step_read/ref.func"""
    return f.inst.funcs[index]


@instruction("ref.is_null", pops=1, pushes=1)
def ref_is_null(f: Frame, ref: Value) -> int:
    """Rule: Step_pure/ref.is_null-true, Step_pure/ref.is_null-false"""
    return 1 if ref is None else 0


@instruction("ref.as_non_null", pops=1, pushes=1)
def ref_as_non_null(f: Frame, ref: Value) -> Value:
    """Rule: Step_pure/ref.as_non_null-null, Step_pure/ref.as_non_null-addr"""
    if ref is None:
        raise Trap(TrapCode.NULL_REFERENCE)
    return ref


@instruction("ref.eq", pops=2, pushes=1)
def ref_eq(f: Frame, a: Value, b: Value) -> int:
    """Rule: Step_pure/ref.eq-null, Step_pure/ref.eq-true, Step_pure/ref.eq-false"""
    return 1 if same_ref(a, b) else 0


@lowering("ref.test")
def lower_ref_test(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/ref.test-true, Step_read/ref.test-false"""
    low.emit_value(_ref_test, close_ref(instr.args[0], low.info.types), low.pop())


def _ref_test(type: RefType, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = 1 if ref_accepts(type, r[a]) else 0
        return nxt

    return step


@lowering("ref.cast")
def lower_ref_cast(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/ref.cast-succeed, Step_read/ref.cast-fail"""
    low.emit_value(_ref_cast, close_ref(instr.args[0], low.info.types), low.pop())


def _ref_cast(type: RefType, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        ref = r[a]
        if not ref_accepts(type, ref):
            raise Trap(TrapCode.CAST_FAILURE)
        r[d] = ref
        return nxt

    return step


@instruction("ref.i31", pops=1, pushes=1)
def ref_i31(f: Frame, value: int) -> I31:
    """Rule: Step_pure/ref.i31"""
    return I31(value & 0x7FFFFFFF)


@lowering("i31.get")
def lower_i31_get(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/i31.get-null, Step_pure/i31.get-num"""
    extend = _i31_signed if instr.op.mnemonic.endswith("_s") else _i31_unsigned
    low.emit_value(_i31_get, extend, low.pop())


def _i31_signed(value: int) -> int:
    return value | 0x80000000 if value & 0x40000000 else value


def _i31_unsigned(value: int) -> int:
    return value


def _i31_get(extend: Callable[[int], int], a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        ref: Any = r[a]
        if ref is None:
            raise Trap(TrapCode.NULL_REFERENCE, "null i31 reference")
        r[d] = extend(ref.value)
        return nxt

    return step


@instruction("extern.convert_any", pops=1, pushes=1)
def extern_convert_any(f: Frame, ref: Value) -> Value:
    """Rule: Step_pure/extern.convert_any-null, Step_pure/extern.convert_any-addr"""
    return to_extern(ref)


@instruction("any.convert_extern", pops=1, pushes=1)
def any_convert_extern(f: Frame, ref: Value) -> Value:
    """Rule: Step_pure/any.convert_extern-null, Step_pure/any.convert_extern-addr"""
    return to_any(ref)


# --- custom descriptors ----------------------------------------------------------------------------------------------


def has_descriptor(ref: Value, descriptor: Value, null: bool) -> bool:
    """Whether a reference is a structure with this descriptor; `null` is the verdict on a null reference."""
    return null if ref is None else isinstance(ref, StructInst) and ref.desc is descriptor


@instruction("ref.get_desc", pops=1, pushes=1)
def ref_get_desc(f: Frame, type: int, ref: StructInst | None) -> StructInst | None:
    """The descriptor of a structure (custom descriptors)."""
    if ref is None:
        raise Trap(TrapCode.NULL_REFERENCE)
    return ref.desc


@instruction("ref.cast_desc_eq", pops=2, pushes=1)
def ref_cast_desc_eq(f: Frame, target: RefType, ref: Value, descriptor: Value) -> Value:
    """The reference itself if its descriptor is the given one; null passes where the target type admits it (custom
    descriptors)."""
    if descriptor is None:
        raise Trap(TrapCode.NULL_REFERENCE, "null descriptor reference")
    if has_descriptor(ref, descriptor, target.null):
        return ref
    raise Trap(TrapCode.CAST_FAILURE, "descriptor cast failure")
