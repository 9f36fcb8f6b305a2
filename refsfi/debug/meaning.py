"""What a trap means, in a sentence for each code."""

from __future__ import annotations

from typing import Final

from refsfi.errors import REPORT_TEXT, GuestException, Trap, TrapCode

__all__ = ["meaning"]

_MEANING: Final = {
    TrapCode.STACK_OVERFLOW: "calls nested deeper than the guest's stack allows; often a recursion without end;\n"
    "-W max-wasm-stack=SIZE sets the limit",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "the guest wanted bytes that its memory does not have",
    TrapCode.HEAP_MISALIGNED: "an atomic access must be at a multiple of its size",
    TrapCode.TABLE_OUT_OF_BOUNDS: "the guest wanted an element that its table does not have",
    TrapCode.INDIRECT_CALL_TO_NULL: "the table's element is null: no function was put there",
    TrapCode.BAD_SIGNATURE: "the table's element is a function of another type than the call expects",
    TrapCode.INTEGER_OVERFLOW: "the result does not fit: the least integer divided by -1, or a float too large",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "the divisor was zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "a NaN cannot be converted to an integer",
    TrapCode.UNREACHABLE: "the guest gave up: compilers put this instruction where a panic, an abort or a\n"
    "failed assertion ends, and where they believe that control cannot come",
    TrapCode.INTERRUPT: "the host stopped the guest; -W timeout=TIME sets the limit",
    TrapCode.OUT_OF_FUEL: "as many instructions were executed as the host allowed; -W fuel=N sets the limit",
    TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY: "nobody could ever wake the guest: its memory is not shared",
    TrapCode.ALLOCATION_TOO_LARGE: "structures, arrays and exceptions take more than the host allows;\n"
    "-W max-gc-heap-size=SIZE sets the limit",
    TrapCode.NULL_REFERENCE: "the reference was null",
    TrapCode.ARRAY_OUT_OF_BOUNDS: "the array has no such element",
    TrapCode.CAST_FAILURE: "the reference is to an object of another type",
}


def meaning(error: Trap | GuestException) -> str | None:
    """Lines of at most 68 columns or so; None for a report in words of its own, which means something else than its
    code usually does."""
    if isinstance(error, GuestException):
        return "the guest threw it, and no function on the stack has a handler for it"
    return _MEANING.get(error.code) if error.report == REPORT_TEXT[error.code] else None
