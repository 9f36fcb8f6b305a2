"""All that is known at one place of the code, and what is known where paths meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from jit.x64.verify.values import ANY, MASK, Memory, Number, Reference, Room, Value, symbol, under

__all__ = ["Fact", "Flags", "State", "join"]

# sum of symbols + k, as integers, is not above a bound: the size of a memory, the length of a table, what is left of
# fuel or of the guest's stack.
Fact: TypeAlias = "tuple[tuple[int, ...], int, tuple[str, int]]"


@dataclass(frozen=True, slots=True)
class Flags:
    """What the flags come from. `kind`: `compare` of `left` with `right`; `bound`, of `left` with a memory's size
    or a table's length; `sum` and `difference`, of `left` and `right`, which `register` holds now; `test`, for
    zero; `aligned` and `known`, of a reference's lowest bits; `type` and `here`, of a function's type, which is
    `imm`, and its instance; `room` and `fuel`, of what is left of these, with `imm`; `rest`, of what is left once
    it was taken; `poll`; `body`, of the cell or function `imm`."""

    kind: str
    left: Value | None = None
    right: Value | None = None
    register: int = -1
    bound: tuple[str, int] | None = None
    imm: int = 0


@dataclass(slots=True)
class State:
    """`general`: what registers hold; r13 to r15 and rsp have fixed roles. `vector`: the low halves of vector
    registers, where they came from a word that is not just a number. `rsp`: the stack pointer's distance from where it
    was at the entry. `stack`: words by their distance from there, `results`: of the VM context. `callee`, `borrowed`:
    two more words of it. `room`: bytes taken from what is left of the guest's stack; None once a callee's cost, not
    known as a number, has been. `owed`: that has not been compared yet. `homes`: types of what lies in the buffer."""

    general: list[Value]
    vector: dict[int, Value]
    rsp: int
    stack: dict[int, Value]
    results: dict[int, Value]
    homes: tuple[object, ...] | None
    callee: Value = ANY
    borrowed: Value = ANY
    room: int | None = 0
    owed: frozenset[tuple[str, int]] = frozenset()
    begun: bool = True
    asked: bool = True
    paid: bool = False
    flags: Flags | None = None
    facts: frozenset[Fact] = frozenset()
    known: frozenset[int] = frozenset()  # references whose function has a body to jump to; negative: cells

    def copy(self) -> State:
        return replace(
            self,
            general=self.general.copy(),
            vector=self.vector.copy(),
            stack=self.stack.copy(),
            results=self.results.copy(),
        )

    def forget(self, symbol: int) -> None:
        """The symbol stands for another value from now on."""

        def clean(value: Value) -> Value:
            return _without(value, symbol)

        self.change(clean)
        if any(symbol in fact[0] for fact in self.facts):
            self.facts = frozenset(fact for fact in self.facts if symbol not in fact[0])
        self.known -= {symbol}
        self.flags = None

    def change(self, f: Callable[[Value], Value]) -> None:
        """Replace all values."""
        self.general = [f(v) for v in self.general]
        for words in (self.vector, self.stack, self.results):
            for key, value in words.items():
                words[key] = f(value)
        self.callee = f(self.callee)
        self.borrowed = f(self.borrowed)


def _without(value: Value, symbol: int) -> Value:
    if isinstance(value, Number):
        if value.symbols and symbol in value.symbols:
            value = replace(value, symbols=None, exact=False)
        if value.under is not None and value.under[0] == symbol:
            value = replace(value, under=None)
        return value
    if isinstance(value, Memory):
        offset = _without(value.offset, symbol)
        return value if offset is value.offset or not isinstance(offset, Number) else Memory(value.index, offset)
    if isinstance(value, Reference) and value.symbol == symbol:
        return replace(value, symbol=0)
    if isinstance(value, Room) and value.callee == symbol:
        return ANY
    return value


# Where ranges are cut off that would grow for ever.
_STEPS: Final = ((1 << 32) - 1, MASK)


class _Join:
    """Joins `other` into `state`. `name(place)` gives the symbol for what comes together at a place."""

    def __init__(self, state: State, other: State, name: Callable[[object], int], widen: bool) -> None:
        self._name = name
        self._widen = widen
        self._symbols: list[int] = []
        self.result = self._join(state, other)

    def _join(self, a: State, b: State) -> State:
        facts = a.facts & b.facts
        made = State(
            [self._value(x, y, n) for n, (x, y) in enumerate(zip(a.general, b.general))],
            self._words(a.vector, b.vector, "x"),
            a.rsp,
            self._words(a.stack, b.stack, "s"),
            self._words(a.results, b.results, "r"),
            a.homes if a.homes == b.homes else None,
            self._value(a.callee, b.callee, "c"),
            self._value(a.borrowed, b.borrowed, "b"),
            a.room if a.room == b.room else None,
            a.owed | b.owed,
            a.begun and b.begun,
            a.asked and b.asked,
            a.paid and b.paid,
            a.flags if a.flags == b.flags else None,
            facts,
            a.known & b.known,
        )
        for number in self._symbols:
            _forget_elsewhere(made, number)
        return made

    def _words(self, a: dict[int, Value], b: dict[int, Value], where: str) -> dict[int, Value]:
        return {key: self._value(a[key], b[key], (where, key)) for key in a if key in b}

    def _value(self, a: Value, b: Value, place: object) -> Value:
        if a == b:
            return a
        if isinstance(a, Number) and isinstance(b, Number):
            return self._number(a, b, place)
        if isinstance(a, Memory) and isinstance(b, Memory) and a.index == b.index:
            return Memory(a.index, self._number(a.offset, b.offset, (place, "offset")))
        if isinstance(a, Reference) and isinstance(b, Reference):
            same = a.symbol == b.symbol != 0
            return Reference(
                a.symbol if same else self._fresh(place),
                a.nonnull and b.nonnull,
                a.record and b.record,
                a.type if a.type == b.type else -1,
                a.here and b.here,
                a.unknown or b.unknown,
            )
        null = Number(0, 0, (), 0, True)
        for one, other in ((a, b), (b, a)):
            if one == null and isinstance(other, Reference):
                return Reference(self._fresh(place), False, other.record, other.type, other.here, other.unknown)
        return ANY

    def _number(self, a: Number, b: Number, place: object) -> Number:
        lo, hi = min(a.lo, b.lo), max(a.hi, b.hi)
        if self._widen and (lo, hi) != (a.lo, a.hi):
            lo = 0 if lo < a.lo else lo
            hi = next(step for step in _STEPS if hi <= step) if hi > a.hi else hi
        below = None
        for source in (a, b):
            of = source.under[0] if source.under else source.symbols[0] if source.symbols else None
            if of is not None:
                left, right = under(a, of), under(b, of)
                if left is not None and right is not None:
                    least = min(left, right)
                    if not self._widen or least == left:
                        below = of, least
                    break
        if a.symbols is not None and (a.symbols, a.k) == (b.symbols, b.k):
            return Number(lo, hi, a.symbols, a.k, a.exact and b.exact, below)
        return symbol(self._fresh(place), Number(lo, hi, under=below))

    def _fresh(self, place: object) -> int:
        number = self._name(place)
        self._symbols.append(number)
        return number


def _forget_elsewhere(state: State, number: int) -> None:
    """A symbol that a join has made stands for nothing from before."""
    if any(number in fact[0] for fact in state.facts):
        state.facts = frozenset(fact for fact in state.facts if number not in fact[0])
    state.known -= {number}


def join(state: State, other: State, name: Callable[[object], int], owned: Iterable[int], widen: bool) -> State:
    """What holds in both. `name(place)`: the symbol for what comes together at a place; `owned`: those that it has
    given out before, which in `other` stand for what came together the time before."""
    other = other.copy()
    for number in owned:
        other.forget(number)
    return _Join(state, other, name, widen).result
