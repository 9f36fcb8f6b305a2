"""The language of conditions and of what is to be shown.

    expression = unary { operator unary }         || && | ^ & == != < <= > >= << >> + - * / % as in C
    unary      = [ "-" | "!" | "~" ] unary | number | "(" expression ")" | name | memory
    name       = "$" local | "%" operand | "@" global          by name or number
               | "$pc" | "$clock" | "$depth" | "$func"         where no local has that name
    memory     = type "[" address [ "," memory ] "]"           memory 0 if not said
    type       = i8 u8 i16 u16 i32 u32 i64 u64 f32 f64

Integers are taken as signed and are wide enough for whatever is computed; a result is an i64, or an f64 where a float
took part. A name or a place in memory by itself keeps its type, and can be set.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from refsfi.debug import inspect
from refsfi.debug.model import DebugError, Variable
from refsfi.numeric.layout import pack_f64, pack_i32, pack_i64, unpack_f32, unpack_f64, unpack_i64
from refsfi.runtime.store import Frame
from refsfi.syntax.types import F32, F64, I32, I64, NumType, ValType

if TYPE_CHECKING:
    from refsfi.debug.session import Session

__all__ = ["Evaluator"]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[$%@](?:\"[^\"]*\"|[\w!#$%&'*+./:<=>?@\\^`|~-]+?(?=$|[\s()\[\],]|[-+*/%<>=!&|^]{1,2}[\s$%@(\d])))"
    r"|(?P<type>[iuf](?:8|16|32|64)\b)"
    r"|(?P<sign>\|\||&&|==|!=|<=|>=|<<|>>|[-+*/%<>!~&|^()\[\],]))"
)

_BINARY: Final[dict[str, int]] = {
    sign: level
    for level, signs in enumerate("|| && | ^ & ==,!= <,<=,>,>= <<,>> +,- *,/,%".split(" "))
    for sign in signs.split(",")
}

_COMPUTE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_BITS: Final[dict[str, Callable[[int, int], int]]] = {"|": operator.or_, "^": operator.xor, "&": operator.and_}

# Of an expression: tokens, and how deep its parentheses may nest.
_MOST_TOKENS: Final = 1000
_MOST_NESTED: Final = 50
# Bits of a number within an expression.
_MOST_BITS: Final = 4096


class Evaluator:
    """In a frame of a session, by its level."""

    def __init__(self, session: Session, level: int) -> None:
        self._session = session
        self._level = level

    @staticmethod
    def check(text: str) -> None:
        """DebugError unless it is an expression; names are not looked up."""
        _Parser(text, lambda kind, name, index: Variable(name, I64, 1)).whole()

    def evaluate(self, text: str) -> Variable:
        """DebugError where it is no expression, or names something that there is not."""
        return _Parser(text, self._find).whole()

    def _find(self, kind: str, name: str, arguments: tuple[int, ...]) -> Variable:
        if kind == "memory":
            return self._memory(name, *arguments)
        if kind == "@":
            return self._global(name)
        frame = inspect.frame_at(self._session.store, self._level)
        return self._local(frame, name) if kind == "$" else self._operand(frame, name)

    def _memory(self, type: str, address: int, memory: int = 0) -> Variable:
        size = int(type[1:]) // 8
        session = self._session
        frame = session.store.frame
        instances = session.instances()
        inst = next(
            (
                i
                for i, inst in enumerate(instances)
                if frame is not None and frame.code is not None and inst is frame.inst
            ),
            0,
        )
        data = session.read_memory(address, size, inst, memory)
        if len(data) < size:
            raise DebugError(f"there are no {size} bytes at {address:#x}")
        value = int.from_bytes(data, "little", signed=type[0] == "i")
        where = ("memory", inst, memory, address, size)
        name = f"{type}[{address:#x}]"
        if type[0] == "f":
            return Variable(name, F32 if size == 4 else F64, value, where)
        wide = I64 if size == 8 or type == "u32" else I32
        return Variable(name, wide, value & ((1 << (64 if wide is I64 else 32)) - 1), where)

    def _global(self, name: str) -> Variable:
        frame = self._session.store.frame
        instances = self._session.instances()
        inst = frame.inst if frame is not None and frame.code is not None else instances[0] if instances else None
        if inst is None:
            raise DebugError("there is no instance")
        index = _index(name, inst.program.module.names.globals, len(inst.globals), "global")
        variable = inst.globals[index]
        number = next(i for i, other in enumerate(instances) if other is inst)
        return Variable(f"@{name}", variable.type.type, variable.value, ("global", number, index))

    def _local(self, frame: Frame, name: str) -> Variable:
        code = frame.code
        if code is None:
            raise DebugError("the host's frame has no locals")
        types = code.program.info.local_types[code.index]
        names = code.program.module.names.locals.get(code.func_index, {})
        if name not in names.values() and name in _REGISTERS:
            return Variable(f"${name}", I64, _REGISTERS[name](self._session, frame))
        index = _index(name, names, len(types), "local")
        return Variable(f"${name}", types[index], frame.regs[index], ("local", self._level, index))

    def _operand(self, frame: Frame, name: str) -> Variable:
        store = self._session.store
        operands = inspect.view(store, self._session.instances(), frame, self._level).operands
        return operands[_index(name, {}, len(operands), "operand")]


def _depth(session: Session, frame: Frame) -> int:
    depth = 0
    outer: Frame | None = frame
    while outer is not None:
        depth += outer.code is not None
        outer = outer.caller
    return depth


_REGISTERS: Final[dict[str, Callable[[Session, Frame], int]]] = {
    "pc": lambda session, frame: inspect.pc_of(session.store, frame),
    "clock": lambda session, frame: session.clock,
    "depth": _depth,
    "func": lambda session, frame: frame.code.func_index if frame.code is not None else -1,
}


def _index(name: str, names: dict[int, str], count: int, what: str) -> int:
    if name.isdecimal():
        index = int(name)
        if index < count:
            return index
        raise DebugError(f"there is no {what} {name}" + (f": 0 to {count - 1}" if count else ""))
    for index, known in names.items():
        if known == name:
            return index
    raise DebugError(f"there is no {what} named {name}")


def number(variable: Variable) -> int | float:
    """Its value to compute with. DebugError for one that is no number."""
    type: ValType | None = variable.type
    value = variable.value
    if not isinstance(value, int) or not isinstance(type, NumType):
        raise DebugError(f"{variable.name} is no number")
    if type is I32:
        return value - (value >> 31 << 32)
    if type is F32:
        return float(unpack_f32(pack_i32(value))[0])
    if type is F64:
        return float(unpack_f64(pack_i64(value))[0])
    return value - (value >> 63 << 64)


class _Parser:
    """Evaluates while it reads. Operands are Variables as long as nothing has been computed of them."""

    def __init__(self, text: str, find: Callable[[str, str, tuple[int, ...]], Variable]) -> None:
        self._text = text
        self._find = find
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._nested = 0
        at = 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise DebugError(f"{text[at:].strip()[:20]!r} is not understood in an expression")
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        if len(self._tokens) > _MOST_TOKENS:
            raise DebugError("the expression is too long")

    def whole(self) -> Variable:
        result = self._binary(0)
        if self._at < len(self._tokens):
            raise DebugError(f"{self._tokens[self._at][1]!r} is not expected in {self._text.strip()!r}")
        if isinstance(result, Variable):
            return result
        if isinstance(result, float):
            return Variable(self._text.strip(), F64, unpack_i64(pack_f64(result))[0])
        return Variable(self._text.strip(), I64, result & ((1 << 64) - 1))

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) and self._kind() == "sign" else ""

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise DebugError(f"{sign!r} is missing in {self._text.strip()!r}")
        self._at += 1

    def _binary(self, level: int) -> Any:
        left = self._unary()
        while _BINARY.get(self._peek(), -1) >= level:
            sign = self._peek()
            self._at += 1
            left = self._compute(sign, left, self._binary(_BINARY[sign] + 1))
        return left

    def _compute(self, sign: str, a: Any, b: Any) -> int | float:
        a, b = _plain(a), _plain(b)
        if sign in ("&&", "||"):
            return int(bool(a) and bool(b)) if sign == "&&" else int(bool(a) or bool(b))
        try:
            if sign in _COMPUTE:
                return _bounded(_COMPUTE[sign](a, b))
            if sign in "/%":
                return _divide(sign, a, b)
            if isinstance(a, float) or isinstance(b, float):
                raise DebugError(f"{sign} is for integers")
            if sign in _BITS:
                return _BITS[sign](a, b)
            if not 0 <= b < 64:
                raise DebugError(f"a shift by {b}")
            return _bounded(a << b) if sign == "<<" else a >> b
        except OverflowError:
            raise DebugError(f"{a} {sign} {b} has no value") from None

    def _unary(self) -> Any:
        self._nested += 1
        if self._nested > _MOST_NESTED:
            raise DebugError("the expression nests too deep")
        try:
            sign = self._peek()
            if sign in ("-", "!", "~"):
                self._at += 1
                value = _plain(self._unary())
                if sign == "!":
                    return int(not value)
                if sign == "-":
                    return -value
                if isinstance(value, float):
                    raise DebugError("~ is for integers")
                return ~value
            return self._atom()
        finally:
            self._nested -= 1

    def _atom(self) -> Any:
        if self._at == len(self._tokens):
            raise DebugError(f"something is missing at the end of {self._text.strip()!r}")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            digits = text.replace("_", "")
            try:
                return int(digits, 0) if digits[:2].lower() == "0x" or digits.isdecimal() else float(digits)
            except ValueError:
                raise DebugError(f"{text} is no number") from None
        if kind == "name":
            return self._find(text[0], text[1:].strip('"'), ())
        if kind == "type":
            self._expect("[")
            arguments = [self._binary(0)]
            if self._peek() == ",":
                self._at += 1
                arguments.append(self._binary(0))
            self._expect("]")
            plain = [_plain(a) for a in arguments]
            if not all(isinstance(a, int) for a in plain):
                raise DebugError("an address is an integer")
            # An address that is an i32 with the highest bit set is not negative.
            addresses = [_unsigned(a) for a in arguments]
            return self._find("memory", text, tuple(addresses))
        if text == "(":
            value = self._binary(0)
            self._expect(")")
            return value
        raise DebugError(f"{text!r} is not expected in {self._text.strip()!r}")


def _plain(value: Any) -> int | float:
    return number(value) if isinstance(value, Variable) else value


def _unsigned(value: Any) -> int:
    if isinstance(value, Variable):
        return int(value.value)
    return int(value)


def _bounded(value: Any) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise DebugError("a number is too large")
    result: int | float = value
    return result


def _divide(sign: str, a: int | float, b: int | float) -> int | float:
    if isinstance(a, float) or isinstance(b, float):
        if b == 0:
            return math.nan if a == 0 or sign == "%" else math.copysign(math.inf, a)
        return a / b if sign == "/" else math.fmod(a, b)
    if b == 0:
        raise DebugError("division by zero")
    quotient = abs(a) // abs(b)
    quotient = quotient if (a < 0) == (b < 0) else -quotient
    return quotient if sign == "/" else a - b * quotient
