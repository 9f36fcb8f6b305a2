"""Instructions, chapter 6.5: plain and folded, into a flat body.

Both forms may nest in each other to any depth, so what is open is kept on a stack of states. A folded instruction
waits there for its operands; a block waits for what closes it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from refsfi.syntax.features import Features
from refsfi.syntax.module import Expr, Instr
from refsfi.syntax.opcodes import Imm, Op, op
from refsfi.text.annotations import branch_hint, take_name
from refsfi.text.immediates import Read, readers
from refsfi.text.lexer import TokenStream
from refsfi.text.scopes import Context

__all__ = ["expression", "folded", "instructions"]

# What the innermost open construct is, and so what may come next. In states up to PAREN plain and folded instructions
# may, in OPERANDS and CONDITION only folded ones, in the others none.
_ROOT: Final = 0
_BLOCK: Final = 1  # a plain block, or the last part of one: `end`
_IF: Final = 2  # a plain `if`: `else`, `end`
_PLAIN_TRY: Final = 3  # a plain `try`: `catch`, `catch_all`, `delegate`, `end`
_CATCH: Final = 4  # a plain `try` behind a `catch`: `catch`, `catch_all`, `end`
_FOLDED: Final = 5  # `(block …`: `)`
_PAREN: Final = 6  # `(then …`, `(else …`, `(do …`, `(catch …`, `(catch_all …`: `)`
_OPERANDS: Final = 7  # `(i32.add …`: `)`
_CONDITION: Final = 8  # `(if …`: `(then`
_AFTER_THEN: Final = 9  # `(else`, `)`
_TRY: Final = 10  # `(try …`: `(do`
_AFTER_DO: Final = 11  # `(catch`, `(catch_all`, `(delegate`, `)`
_AFTER_CATCH: Final = 12  # `(catch`, `(catch_all`, `)`
_LAST: Final = 13  # `)`
_CLOSED: Final = 14  # behind `(delegate`, which ends the block already: `)`

_ENDED_BY_PAREN: Final = frozenset({_FOLDED, _AFTER_THEN, _AFTER_DO, _AFTER_CATCH, _LAST})
_ENDED_BY_END: Final = frozenset({_BLOCK, _IF, _PLAIN_TRY, _CATCH})

# For each open construct: the state outside of it, the instruction that waits in it, its label and the label's name.
_Stack: TypeAlias = list[tuple[int, Instr | None, str | None, str | None]]

# What an instruction does to that.
_PLAIN: Final = 0
_OPENS_BLOCK: Final = 1
_OPENS_IF: Final = 2
_OPENS_TRY: Final = 3
_DIVIDES: Final = 4
_ROLES: Final = {"if": _OPENS_IF, "try": _OPENS_TRY} | dict.fromkeys(
    ("else", "end", "catch", "catch_all", "delegate"), _DIVIDES
)

_ELSE: Final = op("else")
_END: Final = op("end")


@lru_cache(maxsize=64)
def _table(features: Features) -> dict[str, tuple[Op, Read | None, int]]:
    return {
        mnemonic: (row, read, _ROLES.get(mnemonic, _OPENS_BLOCK if Imm.BLOCK in row.imms else _PLAIN))
        for mnemonic, (row, read) in readers(features).items()
    }


def expression(c: Context) -> Expr:
    """A constant expression up to the `)` of what it stands in, with an `end`."""
    body: Expr = []
    instructions(c, body)
    body.append(Instr(_END, (), c.stream.offsets[c.stream.pos]))
    return body


def folded(c: Context) -> Expr:
    """A constant expression that is one folded instruction, with an `end`."""
    body: Expr = []
    if c.stream.texts[c.stream.pos] != "(":
        raise c.stream.unexpected()
    instructions(c, body, one=True)
    body.append(Instr(_END, (), c.stream.offsets[c.stream.pos - 1]))
    return body


def instructions(c: Context, body: Expr, one: bool = False) -> None:
    """Appends instructions to `body`, up to the `)` or the end of text that no open construct claims.

    With `one`, only the folded instruction that comes next.
    """
    s = c.stream
    texts, offsets, notes = s.texts, s.offsets, s.notes
    table = _table(c.features)
    labels = c.labels
    append = body.append
    stack: _Stack = []
    state = _ROOT
    pos = s.pos
    while True:
        token = texts[pos]
        if token == "(":
            entry = table.get(texts[pos + 1])
            if entry is None or state > _CONDITION:
                s.pos = pos
                state = _clause(c, state, stack, body)
                pos = s.pos
                continue
            op, read, role = entry
            hint = branch_hint(c, pos, pos + 1) if notes else None
            s.pos = pos + 2
            if role == _PLAIN:
                instr = Instr(op, () if read is None else read(c), offsets[pos + 1])
                pos = s.pos
                if texts[pos] == ")":
                    append(instr)
                    pos += 1
                    if one and not stack:
                        break
                else:
                    stack.append((state, instr, None, None))
                    state = _OPERANDS
            elif role == _DIVIDES:
                raise s.unexpected(pos + 1)
            else:
                id, name = _label(s)
                instr = Instr(op, read(c) if read else (), offsets[pos + 1])
                pos = s.pos
                stack.append((state, instr, id, name))
                if role == _OPENS_IF:
                    # Its label is not in scope in the operands.
                    state = _CONDITION
                else:
                    append(instr)
                    labels.push(id, name)
                    state = _TRY if role == _OPENS_TRY else _FOLDED
            if hint is not None:
                hint.instr = instr

        elif token == ")":
            if not stack:
                break
            if state == _OPERANDS:
                state, waiting, _, _ = stack.pop()
                if waiting is not None:
                    append(waiting)
            elif state in _ENDED_BY_PAREN:
                append(Instr(_END, (), offsets[pos]))
                labels.pop()
                state = stack.pop()[0]
            elif state in (_PAREN, _CLOSED):
                state = stack.pop()[0]
            else:
                raise s.unexpected(pos)
            pos += 1
            if one and not stack:
                break

        else:
            entry = table.get(token)
            if entry is None or state > _PAREN:
                if not token and not stack:
                    break
                raise s.unexpected(pos)
            op, read, role = entry
            hint = branch_hint(c, pos) if notes else None
            s.pos = pos + 1
            if role == _PLAIN:
                instr = Instr(op, () if read is None else read(c), offsets[pos])
                append(instr)
            elif role == _DIVIDES:
                instr, state = _divide(c, op, read, state, stack)
                append(instr)
            else:
                id, name = _label(s)
                instr = Instr(op, read(c) if read else (), offsets[pos])
                append(instr)
                labels.push(id, name)
                stack.append((state, None, id, name))
                state = _IF if role == _OPENS_IF else _PLAIN_TRY if role == _OPENS_TRY else _BLOCK
            if hint is not None:
                hint.instr = instr
            pos = s.pos
    s.pos = pos


def _label(s: TokenStream) -> tuple[str | None, str | None]:
    """Steps over a block's label: its identifier, and the name that an annotation gives it."""
    id = s.id()
    return id, take_name(s) if s.notes else None


def _closing_label(s: TokenStream, id: str | None) -> None:
    """Steps over the label behind `else` or `end`, which must be the block's, if it is there."""
    pos = s.pos
    closing = s.id()
    if closing is not None and closing != id:
        raise s.error_here("mismatching label", pos)


def _divide(c: Context, op: Op, read: Read | None, state: int, stack: _Stack) -> tuple[Instr, int]:
    """`else`, `end`, `catch`, `catch_all` or `delegate` of a plain block, behind its keyword: it, and the new state."""
    s = c.stream
    pos = s.pos - 1
    at = s.offsets[pos]
    if op is _END and state in _ENDED_BY_END:
        outside, _, id, _ = stack.pop()
        _closing_label(s, id)
        c.labels.pop()
        return Instr(op, (), at), outside
    if op is _ELSE and state == _IF:
        _closing_label(s, stack[-1][2])
        return Instr(op, (), at), _BLOCK
    if op.mnemonic == "catch" and state in (_PLAIN_TRY, _CATCH):
        return Instr(op, read(c) if read else (), at), _CATCH
    if op.mnemonic == "catch_all" and state in (_PLAIN_TRY, _CATCH):
        return Instr(op, (), at), _BLOCK
    if op.mnemonic == "delegate" and state == _PLAIN_TRY:
        # Its label counts from outside of the block.
        c.labels.pop()
        return Instr(op, read(c) if read else (), at), stack.pop()[0]
    raise s.unexpected(pos)


def _clause(c: Context, state: int, stack: _Stack, body: Expr) -> int:
    """`(then`, `(else`, `(do`, `(catch`, `(catch_all` or `(delegate`: emits what it stands for. The new state."""
    s = c.stream
    pos = s.pos + 1
    keyword = s.texts[pos]
    at = s.offsets[pos]
    s.pos += 2
    entry = _table(c.features).get(keyword)
    op, read, _ = entry if entry is not None else (_END, None, 0)
    if state == _CONDITION and keyword == "then":
        _, instr, id, name = stack[-1]
        if instr is not None:
            body.append(instr)
        c.labels.push(id, name)
        after = _AFTER_THEN
    elif state == _AFTER_THEN and keyword == "else":
        body.append(Instr(_ELSE, (), at))
        after = _LAST
    elif state == _TRY and keyword == "do":
        after = _AFTER_DO
    elif state in (_AFTER_DO, _AFTER_CATCH) and keyword == "catch":
        body.append(Instr(op, read(c) if read else (), at))
        after = _AFTER_CATCH
    elif state in (_AFTER_DO, _AFTER_CATCH) and keyword == "catch_all":
        body.append(Instr(op, (), at))
        after = _LAST
    elif state == _AFTER_DO and keyword == "delegate":
        c.labels.pop()
        body.append(Instr(op, read(c) if read else (), at))
        s.expect(")")
        return _CLOSED
    else:
        raise s.unexpected(pos)
    stack.append((after, None, None, None))
    return _PAREN
