"""What is known where a branch was taken, and where it was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from jit.x64.verify.state import Flags, State
from jit.x64.verify.values import MASK, Fuel, Number, Reference, Room, Value, limited

__all__ = ["NEVER", "refine"]

_INVERSE: Final = {"e": "ne", "b": "ae", "a": "be", "l": "ge", "g": "le", "s": "ns", "p": "np", "o": "no"}
_INVERSE.update({v: k for k, v in list(_INVERSE.items())})
_SWAPPED: Final = {"e": "e", "ne": "ne", "b": "a", "a": "b", "ae": "be", "be": "ae"}

# No state: the branch cannot go there.
NEVER: Final = None


def refine(state: State, condition: str, taken: bool) -> State | None:
    """The state behind a branch on a condition; None where it cannot be."""
    made = state.copy()
    flags = state.flags
    if flags is None:
        return made
    cc = condition if taken else _INVERSE[condition]
    rule = _RULES.get(flags.kind)
    return made if rule is None or rule(made, flags, cc) else NEVER


def _numbers(state: State, old: Number, new: Number) -> None:
    """Wherever there is the same sum, it is the same value."""
    if old.symbols is None or not old.symbols:
        return

    def better(value: Value) -> Value:
        if isinstance(value, Number) and value.symbols == old.symbols and (value.k - old.k) & MASK == 0:
            return replace(value, lo=max(value.lo, new.lo), hi=min(value.hi, new.hi), exact=value.exact or new.exact)
        return value

    state.change(better)


def _compare(state: State, flags: Flags, cc: str) -> bool:
    left, right = flags.left, flags.right
    if not isinstance(left, Number) or not isinstance(right, Number) or cc not in _SWAPPED:
        return True
    if cc == "ae" and left.symbols is not None and left.symbols == right.symbols and right.exact:
        added = left.k - right.k & MASK
        # Where a constant was added and the sum is not less, nothing was lost.
        if right.lo + added > MASK:
            return False
        _numbers(state, left, replace(left, lo=max(left.lo, right.lo + added), exact=True))
        return True
    for value, other, condition in ((left, right, cc), (right, left, _SWAPPED[cc])):
        lo, hi = _range(condition, value, other)
        made = limited(value, lo, hi)
        if made is None:
            return False
        _numbers(state, value, made)
    return True


def _range(cc: str, value: Number, other: Number) -> tuple[int, int]:
    lo, hi = 0, MASK
    if cc == "e":
        lo, hi = other.lo, other.hi
    elif cc == "b":
        hi = other.hi - 1
    elif cc == "be":
        hi = other.hi
    elif cc == "a":
        lo = other.lo + 1
    elif cc == "ae":
        lo = other.lo
    elif cc == "ne" and other.lo == other.hi:
        if value.lo == other.lo:
            lo = value.lo + 1
        if value.hi == other.lo:
            hi = value.hi - 1
    return lo, hi


def _bound(state: State, flags: Flags, cc: str) -> bool:
    value = flags.left
    # Below, or not above.
    more = {"b": 1, "be": 0}.get(cc)
    if more is not None and isinstance(value, Number) and value.exact and value.symbols is not None and flags.bound:
        state.facts |= {(value.symbols, value.k + more, flags.bound)}
    return True


def _sum(state: State, flags: Flags, cc: str) -> bool:
    left, right = flags.left, flags.right
    if not isinstance(left, Number) or not isinstance(right, Number):
        return True
    result = state.general[flags.register]
    if not isinstance(result, Number):
        return True
    if cc == "ae":
        # No carry.
        lo, hi = left.lo + right.lo, min(MASK, left.hi + right.hi)
        if lo > MASK:
            return False
        exact = left.exact and right.exact and result.symbols is not None
        state.general[flags.register] = replace(result, lo=lo, hi=hi, exact=exact)
        return True
    return _zero(state, flags, cc)


def _difference(state: State, flags: Flags, cc: str) -> bool:
    left, right = flags.left, flags.right
    result = state.general[flags.register]
    if not isinstance(left, Number) or not isinstance(right, Number) or not isinstance(result, Number):
        return True
    if right.lo != right.hi:
        return True
    amount = right.lo
    if cc == "ae":
        lo, hi = max(left.lo, amount) - amount, left.hi - amount
        if hi < 0 or lo > hi:
            return False
        state.general[flags.register] = replace(result, lo=lo, hi=hi, exact=left.exact)
    elif cc == "b":
        hi = min(left.hi, amount - 1)
        if hi < left.lo:
            return False
        state.general[flags.register] = replace(result, lo=left.lo - amount & MASK, hi=hi - amount & MASK, exact=False)
    else:
        return _zero(state, flags, cc)
    return True


def _zero(state: State, flags: Flags, cc: str) -> bool:
    result = state.general[flags.register]
    if isinstance(result, Number) and cc in ("e", "ne"):
        lo, hi = (0, 0) if cc == "e" else (max(result.lo, 1), result.hi)
        made = limited(result, lo, hi)
        if made is None:
            return False
        state.general[flags.register] = made
    return True


def _references(state: State, reference: Value | None, change: Callable[[Reference], Value]) -> None:
    if not isinstance(reference, Reference):
        return

    def better(value: Value) -> Value:
        return change(value) if isinstance(value, Reference) and value.symbol == reference.symbol != 0 else value

    state.change(better)


def _test(state: State, flags: Flags, cc: str) -> bool:
    if isinstance(flags.left, Reference):
        if cc == "ne":
            _references(state, flags.left, lambda r: replace(r, nonnull=True))
        return True
    return _zero(state, flags, cc)


def _equal(change: Callable[[Reference, Flags], Reference]) -> Callable[[State, Flags, str], bool]:
    """The rule of comparisons after which a reference that was found equal is known better."""

    def learn(state: State, flags: Flags, cc: str) -> bool:
        if cc == "e":
            _references(state, flags.left, lambda r: change(r, flags))
        return True

    return learn


def _left(state: State, flags: Flags, cc: str) -> bool:
    if cc == "ge":
        state.owed = frozenset(debt for debt in state.owed if debt[0] != flags.kind)
        if flags.imm > 0:
            state.facts |= {((), flags.imm, (flags.kind, 0))}
    return True


def _poll(state: State, flags: Flags, cc: str) -> bool:
    if cc == "e":
        state.begun = state.asked = True
    return True


def _rest(state: State, flags: Flags, cc: str) -> bool:
    value = state.general[flags.register]
    if cc == "ge" and isinstance(value, Room | Fuel):
        state.general[flags.register] = replace(value, enough=True)
    return True


def _body(state: State, flags: Flags, cc: str) -> bool:
    if cc == "ne":
        state.known |= {flags.imm}
    return True


_RULES: Final = {
    "compare": _compare,
    "bound": _bound,
    "sum": _sum,
    "difference": _difference,
    "test": _test,
    "aligned": _equal(lambda r, flags: replace(r, record=True, unknown=False)),
    "known": _equal(lambda r, flags: replace(r, unknown=False)),
    "type": _equal(lambda r, flags: replace(r, type=flags.imm)),
    "here": _equal(lambda r, flags: replace(r, here=True)),
    "room": _left,
    "fuel": _left,
    "poll": _poll,
    "rest": _rest,
    "body": _body,
}
