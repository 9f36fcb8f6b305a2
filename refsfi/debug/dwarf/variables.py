"""The variables in scope at an instruction, and where their values are: in locals, on the stack of the program's own in
memory, in globals (chapters 2.5 and 2.6 of the standard, with WebAssembly's DW_OP_WASM_location)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from refsfi.debug.dwarf.constants import At, Op, Tag
from refsfi.debug.dwarf.cursor import Budget, Cursor, DwarfError
from refsfi.debug.dwarf.ranges import location_at
from refsfi.debug.dwarf.scopes import Scope, UnitScopes
from refsfi.debug.dwarf.types import READ, TypeOf, Types
from refsfi.debug.dwarf.units import Entry, Unit

__all__ = ["SourceVariable", "State", "globals_of", "variables_at"]

# As many are shown of one function or unit.
_MOST: Final = 500


class State(Protocol):
    """What values are read from: a frame of a live guest or of a core dump. Integers are unsigned, floats their bits;
    None for a value that is not there, or that is no number."""

    def local(self, index: int) -> int | None: ...

    def operand(self, index: int) -> int | None:
        """Counted from the bottom of the frame's operand stack."""

    def global_(self, index: int) -> int | None: ...

    def memory(self, address: int, size: int) -> bytes:
        """Of memory 0; fewer bytes where there are no more."""


@dataclass(frozen=True, slots=True)
class SourceVariable:
    """`value` is text; None where the compiler has optimized it away here, or nobody has kept it. `address` is where it
    is in memory, None for one that is not there. `kind` is parameter, variable or global."""

    name: str
    type: str
    value: str | None
    kind: str
    address: int | None = None
    size: int = 0


def variables_at(scopes: UnitScopes, address: int, state: State, budget: Budget) -> list[SourceVariable]:
    """Innermost scope first, on to the function that others are inlined into; of one name, only the innermost.
    DwarfError."""
    found = scopes.at(address)
    base = _frame_base(found, address, state, budget)
    shown: list[SourceVariable] = []
    names: set[str] = set()
    for scope in reversed(found):
        for entry in scope.variables:
            variable = _variable(scopes, entry, address, base, state, budget)
            if variable is not None and variable.name not in names and len(shown) < _MOST:
                names.add(variable.name)
                shown.append(variable)
    return shown


def globals_of(scopes: UnitScopes, state: State, budget: Budget) -> list[SourceVariable]:
    """The unit's own variables. DwarfError."""
    found = (_variable(scopes, entry, 0, None, state, budget, "global") for entry in scopes.globals[:_MOST])
    return [variable for variable in found if variable is not None]


def _frame_base(scopes: list[Scope], address: int, state: State, budget: Budget) -> int | None:
    """The address that the function's variables in memory are counted from."""
    for scope in scopes:
        expression = location_at(scope.entry, At.FRAME_BASE, address, budget)
        if expression is not None:
            try:
                return _evaluate(expression, scope.entry.unit, state, None).number
            except _Unknown:
                return None
    return None


def _variable(
    scopes: UnitScopes,
    entry: Entry,
    address: int,
    base: int | None,
    state: State,
    budget: Budget,
    kind: str = "",
) -> SourceVariable | None:
    described = list(scopes.described(entry))
    name = next((text for one in described if (text := one.name())), None)
    typed = next((one for one in described if At.TYPE in one.attributes), None)
    if name is None or typed is None:
        return None
    kind = kind or ("parameter" if entry.tag == Tag.FORMAL_PARAMETER else "variable")
    types = Types(entry.unit.address_size, state.memory)
    type = types.of(typed)
    constant = next((one.attributes[At.CONST_VALUE] for one in described if At.CONST_VALUE in one.attributes), None)
    if constant is not None:
        return SourceVariable(name, type.name, types.show(type, _bytes(constant, type)), kind)
    expression = location_at(entry, At.LOCATION, address, budget)
    if expression is None:
        # A global that another unit defines is no business of this one; a local is, without a value.
        return None if kind == "global" else SourceVariable(name, type.name, None, kind)
    try:
        place = _evaluate(expression, entry.unit, state, base)
    except _Unknown:
        return SourceVariable(name, type.name, None, kind)
    if place.in_memory:
        data = state.memory(place.number, min(type.size, READ))
        return SourceVariable(name, type.name, types.show(type, data), kind, place.number, type.size)
    return SourceVariable(name, type.name, types.show(type, _bytes(place.number, type)), kind)


def _bytes(value: object, type: TypeOf) -> bytes:
    if isinstance(value, bytes):
        return value
    size = max(min(type.size, 16), 1)
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, "little") if isinstance(value, int) else b""


# --- locations -------------------------------------------------------------------------------------------------------


class _Unknown(DwarfError):
    """The place cannot be told: its parts are not there, or in a way that is not understood."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An address in memory, or the value itself."""

    number: int
    in_memory: bool


def _evaluate(expression: bytes, unit: Unit, state: State, base: int | None) -> _Place:
    stack: list[int] = []
    # An expression that only names a local, a global or an operand is about what is in it.
    direct = False
    for code, argument in _operations(expression, unit):
        direct = False
        if code == Op.WASM_LOCATION:
            stack.append(_known(_wasm(argument, state)))
            direct = True
        elif code == Op.FBREG:
            stack.append(_known(base) + argument[0])
        elif code in (Op.PLUS, Op.MINUS, Op.AND):
            if len(stack) < 2:
                raise _Unknown("an operation lacks its operands")
            right, left = stack.pop(), stack.pop()
            stack.append(left + right if code == Op.PLUS else left - right if code == Op.MINUS else left & right)
        elif code in (Op.PLUS_UCONST, Op.DEREF):
            top = _known(stack.pop() if stack else None)
            if code == Op.DEREF:
                data = state.memory(top, unit.address_size)
                stack.append(_known(int.from_bytes(data, "little") if len(data) == unit.address_size else None))
            else:
                stack.append(top + argument[0])
        elif code == Op.STACK_VALUE:
            return _Place(_known(stack.pop() if stack else None), False)
        else:
            stack.append(argument[0])
    number = _known(stack.pop() if stack else None)
    return _Place(number, False) if direct else _Place(number & ((1 << 8 * unit.address_size) - 1), True)


def _known(value: int | None) -> int:
    if value is None:
        raise _Unknown("a value is not there")
    return value


def _wasm(argument: tuple[int, ...], state: State) -> int | None:
    kind, index = argument
    if kind == 0:
        return state.local(index)
    return state.operand(index) if kind == 2 else state.global_(index)


_CONSTANTS: Final = {
    Op.CONST1U: (1, False),
    Op.CONST1S: (1, True),
    Op.CONST2U: (2, False),
    Op.CONST2S: (2, True),
    Op.CONST4U: (4, False),
    Op.CONST4S: (4, True),
    Op.CONST8U: (8, False),
    Op.CONST8S: (8, True),
}
_PLAIN: Final = (Op.DEREF, Op.AND, Op.MINUS, Op.PLUS, Op.STACK_VALUE)


def _operations(expression: bytes, unit: Unit) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The operations with their arguments. `_Unknown` for one that is not understood, DwarfError where they end too
    early."""
    cursor = Cursor(expression, "a location expression")
    while cursor.pos < cursor.end:
        code = cursor.u8()
        if code == Op.WASM_LOCATION:
            kind = cursor.u8()
            if kind > 3:
                raise _Unknown(f"a location in WebAssembly of unknown kind {kind}")
            yield code, (kind, cursor.unsigned(4) if kind == 3 else cursor.uleb())
        elif code in (Op.ADDR, Op.ADDRX):
            plain = code == Op.ADDR
            address = cursor.unsigned(unit.address_size) if plain else unit.indexed_address(cursor.uleb())
            if address >= (1 << 8 * unit.address_size) - 2:
                raise _Unknown("the linker has dropped it")
            yield code, (address,)
        elif code in _CONSTANTS:
            size, signed = _CONSTANTS[Op(code)]
            yield code, (cursor.signed(size) if signed else cursor.unsigned(size),)
        elif code in (Op.CONSTU, Op.PLUS_UCONST):
            yield code, (cursor.uleb(),)
        elif code in (Op.CONSTS, Op.FBREG):
            yield code, (cursor.sleb(),)
        elif Op.LIT0 <= code <= Op.LIT31:
            yield code, (code - Op.LIT0,)
        elif code in _PLAIN:
            yield code, ()
        else:
            raise _Unknown(f"an operation that is not understood: {code:#x}")
