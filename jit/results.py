"""What instructions without native form push, so that the region can be entered behind them."""

from __future__ import annotations

from jit.ir.ops import Type, type_of
from refsfi.exec.code import Program
from refsfi.runtime.values import func_type
from refsfi.syntax.module import Instr
from refsfi.syntax.types import I64, ArrayType, NumType, StructType

__all__ = ["pushed"]

_TYPES = {"i32": Type.I32, "i64": Type.I64, "f32": Type.F32, "f64": Type.F64, "v128": Type.V128}
_NOTHING = frozenset(
    "global.set table.set table.fill table.copy table.init elem.drop data.drop memory.fill memory.copy memory.init "
    "struct.set array.set array.fill array.copy array.init_data array.init_elem atomic.fence".split()
)
_INTS = frozenset("ref.is_null ref.eq ref.test array.len i31.get_s i31.get_u".split())
_PACKED = frozenset("struct.get_s struct.get_u array.get_s array.get_u".split())
# Control does not get behind these, or gets there with operands that are not known here.
_AWAY = frozenset(
    "throw throw_ref rethrow return_call return_call_ref return_call_indirect unreachable br_on_null br_on_non_null "
    "br_on_cast br_on_cast_fail br_on_cast_desc_eq br_on_cast_desc_eq_fail catch catch_all delegate".split()
)


def pushed(program: Program, instr: Instr) -> list[Type] | None:
    """The types of an instruction's results; None where control does not simply go on behind it."""
    op = instr.op
    mnemonic = op.mnemonic
    info = program.info
    if mnemonic in _AWAY:
        return None
    if op.results is not None and "addr" not in op.results:
        return [_TYPES[t] for t in op.results]
    if mnemonic == "call":
        return [type_of(t) for t in func_type(info.funcs[instr.args[0]]).results]
    if mnemonic == "global.get":
        return [type_of(info.globals[instr.args[0]].type)]
    if mnemonic in ("call_indirect", "call_ref"):
        return [type_of(t) for t in func_type(info.types[instr.args[0]]).results]
    if mnemonic in _NOTHING:
        return []
    if mnemonic in _INTS or mnemonic in _PACKED:
        return [Type.I32]
    if mnemonic in ("memory.size", "memory.grow"):
        return [_address(info.mems[instr.args[0]].addr)]
    if mnemonic in ("table.size", "table.grow"):
        return [_address(info.tables[instr.args[0]].addr)]
    if mnemonic in ("struct.get", "array.get"):
        comp = info.types[instr.args[0]].comp
        if isinstance(comp, StructType):
            storage = comp.fields[instr.args[1]].storage
        elif isinstance(comp, ArrayType):
            storage = comp.field.storage
        else:
            return None
        return [_TYPES[storage.value] if isinstance(storage, NumType) else Type.REF]
    # What is left makes or converts references.
    return [Type.REF]


def _address(type: NumType) -> Type:
    return Type.I64 if type is I64 else Type.I32
