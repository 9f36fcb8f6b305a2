"""Parses `.wast` scripts.

The grammar stands above each function; `?` and `*` as usual. Modules in text are not parsed here: their tokens are
stepped over and their text is parsed when the command runs, so that one bad module is one failing command.
"""

from __future__ import annotations

from refsfi.script.ast import (
    Action,
    AssertAction,
    AssertKind,
    AssertModule,
    AssertReturn,
    BinaryModule,
    Command,
    Either,
    Get,
    HostLiteral,
    Input,
    Invoke,
    Literal,
    ModuleCommand,
    ModuleInstance,
    ModuleRef,
    ModuleSource,
    NanPattern,
    NullLiteral,
    NullPattern,
    NumLiteral,
    NumPattern,
    Output,
    Pattern,
    Perform,
    QuotedModule,
    RefPattern,
    Register,
    Script,
    SubScript,
    TextModule,
    Thread,
    VecPattern,
    Wait,
)
from refsfi.script.patterns import SHAPES
from refsfi.syntax.features import ALL
from refsfi.syntax.types import F32, F64, I32, I64, V128, AbsHeap, NumType
from refsfi.text import numbers
from refsfi.text.lexer import TokenStream

__all__ = ["parse_script"]

# `script`, `thread` and `either` hold their own kind; a file that nests deeper is refused.
MAX_DEPTH = 64

_FIELDS = frozenset(
    {"data", "elem", "export", "func", "global", "import", "memory", "rec", "start", "table", "tag", "type"}
)

_CONSTS = {"i32.const": I32, "i64.const": I64, "f32.const": F32, "f64.const": F64}

_WIDTH = {I32: 32, I64: 64, F32: 32, F64: 64}

# Heap types that `ref.null` may name in a script, and references by kind.
_HEAPS = {heap.value: heap for heap in AbsHeap if heap is not AbsHeap.BOT}

_REF_PATTERNS = {
    "ref.any": AbsHeap.ANY,
    "ref.eq": AbsHeap.EQ,
    "ref.i31": AbsHeap.I31,
    "ref.struct": AbsHeap.STRUCT,
    "ref.array": AbsHeap.ARRAY,
    "ref.func": AbsHeap.FUNC,
    "ref.exn": AbsHeap.EXN,
    "ref.extern": AbsHeap.EXTERN,
}

_ASSERT_MODULE = {
    "assert_malformed": AssertKind.MALFORMED,
    "assert_malformed_custom": AssertKind.MALFORMED_CUSTOM,
    "assert_invalid": AssertKind.INVALID,
    "assert_invalid_custom": AssertKind.INVALID_CUSTOM,
}


def parse_script(source: str | bytes, path: str, directory: str) -> Script:
    """A script from the contents of a file. ParseError, which covers bytes that are no UTF-8.

    script ::= cmd* | field*        the latter is one module
    """
    return _Parser(TokenStream(source, path, ALL), path, directory).script()


class _Parser:
    def __init__(self, tokens: TokenStream, path: str, directory: str) -> None:
        self.tokens = tokens
        self.path = path
        self.directory = directory
        # Literals recur by the thousand in the tests of the instructions.
        self.numbers: dict[tuple[str, NumType, int], int] = {}

    def script(self) -> Script:
        tokens = self.tokens
        commands: tuple[Command, ...]
        if tokens.texts[0] == "(" and tokens.texts[1] in _FIELDS:
            source = TextModule(tokens.source, 0, len(tokens.source.text), inline=True)
            commands = (ModuleCommand(self.line(0), None, source),)
        else:
            commands = self.commands(0)
            if tokens.texts[tokens.pos]:
                raise tokens.unexpected()
        return Script(self.path, self.directory, commands)

    # --- commands ----------------------------------------------------------------------------------------------------

    def commands(self, depth: int) -> tuple[Command, ...]:
        """cmd*"""
        if depth > MAX_DEPTH:
            raise self.tokens.error_here(f"commands nest deeper than {MAX_DEPTH}")
        commands = []
        while self.tokens.texts[self.tokens.pos] == "(":
            commands.append(self.command(depth))
        return tuple(commands)

    def command(self, depth: int) -> Command:
        """cmd ::= module | instance | action | assertion | '(' 'register' name id? ')' | thread | wait | meta"""
        tokens = self.tokens
        at = tokens.pos
        line = self.line(at)
        tokens.pos += 1
        keyword = tokens.texts[tokens.pos]
        if keyword == "module":
            tokens.pos = at
            return self.module_command(line)
        if keyword in ("invoke", "get"):
            tokens.pos = at
            return Perform(line, self.action())
        tokens.pos += 1
        command: Command
        match keyword:
            case "register":
                name = tokens.name()
                command = Register(line, name, tokens.id())
            case "assert_return":
                action = self.action()
                command = AssertReturn(line, action, self.patterns())
            case "assert_trap" if not tokens.opens("module"):
                command = AssertAction(line, AssertKind.TRAP, self.action(), self.text())
            case "assert_exhaustion":
                command = AssertAction(line, AssertKind.EXHAUSTION, self.action(), self.text())
            case "assert_exception":
                command = AssertAction(line, AssertKind.EXCEPTION, self.action(), "")
            case "assert_trap" | "assert_uninstantiable":
                command = AssertModule(line, AssertKind.UNINSTANTIABLE, self.module_or_instance(), self.text())
            case "assert_unlinkable":
                command = AssertModule(line, AssertKind.UNLINKABLE, self.module_or_instance(), self.text())
            case "assert_malformed" | "assert_malformed_custom" | "assert_invalid" | "assert_invalid_custom":
                command = AssertModule(line, _ASSERT_MODULE[keyword], self.module()[2], self.text())
            case "thread":
                # '(' 'thread' id? ('(' 'shared' '(' 'module' id ')' ')')* cmd* ')'
                thread = tokens.id()
                shared = []
                while tokens.accept("shared"):
                    while tokens.accept("module"):
                        shared.append(self.id())
                        tokens.expect(")")
                    tokens.expect(")")
                command = Thread(line, thread, tuple(shared), self.commands(depth + 1))
            case "wait":
                command = Wait(line, tokens.id())
            case "script":
                command = SubScript(line, tokens.id(), self.commands(depth + 1))
            case "input":
                command = Input(line, tokens.id(), self.text())
            case "output":
                command = Output(line, tokens.id(), self.text() if tokens.at_string() else None)
            case _:
                raise tokens.error(f"unknown command {keyword or 'at the end of the text'}", tokens.offsets[at])
        tokens.expect(")")
        return command

    def module_command(self, line: int) -> Command:
        """module | instance"""
        instance = self.instance()
        if instance is not None:
            return ModuleInstance(line, *instance)
        definition, name, source = self.module()
        return ModuleCommand(line, name, source, definition)

    def module_or_instance(self) -> ModuleSource | ModuleRef:
        instance = self.instance()
        return self.module()[2] if instance is None else ModuleRef(instance[1])

    def instance(self) -> tuple[str | None, str | None] | None:
        """instance ::= '(' 'module' 'instance' id? id? ')'        instance and module; of one name, the module"""
        tokens = self.tokens
        if not tokens.opens("module") or tokens.texts[tokens.pos + 2] != "instance":
            return None
        tokens.pos += 3
        first, second = tokens.id(), tokens.id()
        tokens.expect(")")
        return (None, first) if second is None else (first, second)

    def module(self) -> tuple[bool, str | None, ModuleSource]:
        """module ::= '(' 'module' 'definition'? id? ('binary' string* | 'quote' string* | field*) ')'"""
        tokens = self.tokens
        start = tokens.offsets[tokens.pos]
        if not tokens.accept("module"):
            raise tokens.unexpected()
        definition = tokens.texts[tokens.pos] == "definition"
        if definition:
            tokens.pos += 1
        name = tokens.id()
        form = tokens.texts[tokens.pos]
        if form in ("binary", "quote"):
            tokens.pos += 1
            data = tokens.strings()
            tokens.expect(")")
            return definition, name, BinaryModule(data) if form == "binary" else QuotedModule(data)
        # The text parser knows no `definition`; there, the fields alone are the module.
        fields = tokens.offsets[tokens.pos - 1] + len(tokens.texts[tokens.pos - 1])
        end = self.skip()
        if definition:
            return True, name, TextModule(tokens.source, fields, end, inline=True)
        return False, name, TextModule(tokens.source, start, end + 1)

    def action(self) -> Action:
        """action ::= '(' 'invoke' id? name literal* ')' | '(' 'get' id? name ')'"""
        tokens = self.tokens
        action: Action
        if tokens.accept("invoke"):
            instance = tokens.id()
            name = tokens.name()
            args = []
            while tokens.texts[tokens.pos] == "(":
                args.append(self.literal())
            action = Invoke(instance, name, tuple(args))
        elif tokens.accept("get"):
            instance = tokens.id()
            action = Get(instance, tokens.name())
        else:
            raise tokens.unexpected()
        tokens.expect(")")
        return action

    # --- literals and patterns ---------------------------------------------------------------------------------------

    def literal(self) -> Literal:
        """literal ::= '(' t.const num ')' | '(' 'v128.const' shape num* ')' | '(' 'ref.null' heaptype ')'
        | '(' 'ref.extern' nat ')' | '(' 'ref.host' nat ')'"""
        tokens = self.tokens
        tokens.expect("(")
        keyword = tokens.texts[tokens.pos]
        tokens.pos += 1
        literal: Literal
        if keyword in _CONSTS:
            type = _CONSTS[keyword]
            literal = NumLiteral(type, self.number(type, _WIDTH[type]))
        elif keyword == "v128.const":
            shape = self.shape()
            type, width = SHAPES[shape]
            lanes = [self.number(type, width) for _ in range(128 // width)]
            literal = NumLiteral(V128, b"".join(lane.to_bytes(width // 8, "little") for lane in lanes))
        elif keyword == "ref.null":
            literal = NullLiteral(self.heap())
        elif keyword in ("ref.extern", "ref.host"):
            heap = AbsHeap.EXTERN if keyword == "ref.extern" else AbsHeap.ANY
            literal = HostLiteral(heap, self.number(I32, 32))
        else:
            tokens.pos -= 1
            raise tokens.unexpected()
        tokens.expect(")")
        return literal

    def patterns(self) -> tuple[Pattern, ...]:
        """result*"""
        patterns = []
        while self.tokens.texts[self.tokens.pos] == "(":
            patterns.append(self.pattern(0))
        return tuple(patterns)

    def pattern(self, depth: int) -> Pattern:
        """result ::= '(' t.const numpat ')' | '(' 'v128.const' shape numpat* ')' | '(' 'ref.null' heaptype? ')'
        | '(' 'ref' ')' | '(' 'ref.'kind ')' | '(' 'ref.extern' nat ')' | '(' 'ref.host' nat ')'
        | '(' 'either' result+ ')'"""
        tokens = self.tokens
        tokens.expect("(")
        keyword = tokens.texts[tokens.pos]
        tokens.pos += 1
        pattern: Pattern
        if keyword in _CONSTS:
            type = _CONSTS[keyword]
            pattern = NumPattern(type, self.number_pattern(type, _WIDTH[type]))
        elif keyword == "v128.const":
            shape = self.shape()
            type, width = SHAPES[shape]
            pattern = VecPattern(shape, tuple(self.number_pattern(type, width) for _ in range(128 // width)))
        elif keyword == "ref.null":
            pattern = NullPattern() if tokens.texts[tokens.pos] == ")" else NullPattern(self.heap())
        elif keyword == "ref":
            pattern = RefPattern(None)
        elif keyword in ("ref.extern", "ref.host") and tokens.texts[tokens.pos] != ")":
            heap = AbsHeap.EXTERN if keyword == "ref.extern" else AbsHeap.ANY
            pattern = RefPattern(heap, self.number(I32, 32))
        elif keyword in _REF_PATTERNS:
            pattern = RefPattern(_REF_PATTERNS[keyword])
        elif keyword == "either":
            if depth >= MAX_DEPTH:
                raise tokens.error_here(f"alternatives nest deeper than {MAX_DEPTH}")
            options = [self.pattern(depth + 1)]
            while tokens.texts[tokens.pos] == "(":
                options.append(self.pattern(depth + 1))
            pattern = Either(tuple(options))
        else:
            tokens.pos -= 1
            raise tokens.unexpected()
        tokens.expect(")")
        return pattern

    def number_pattern(self, type: NumType, width: int) -> int | NanPattern:
        """numpat ::= num | 'nan:canonical' | 'nan:arithmetic'"""
        tokens = self.tokens
        token = tokens.texts[tokens.pos]
        if type in (F32, F64) and token in ("nan:canonical", "nan:arithmetic"):
            tokens.pos += 1
            return NanPattern(token)
        return self.number(type, width)

    def number(self, type: NumType, width: int) -> int:
        """num        an unsigned int of `width` bits; of a float, its bits"""
        tokens = self.tokens
        token = tokens.texts[tokens.pos]
        value = self.numbers.get((token, type, width))
        if value is None:
            try:
                if type in (F32, F64):
                    value = numbers.float_bits(token, numbers.F32 if type is F32 else numbers.F64) if token else None
                else:
                    value = numbers.integer(token, width) if token else None
            except numbers.OutOfRange:
                raise tokens.error_here(f"{'i' if type in (I32, I64) else 'f'}{width} constant out of range") from None
            if value is None:
                raise tokens.unexpected()
            self.numbers[token, type, width] = value
        tokens.pos += 1
        return value

    def shape(self) -> str:
        """shape ::= 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2'"""
        tokens = self.tokens
        shape = tokens.texts[tokens.pos]
        if shape not in SHAPES:
            raise tokens.unexpected()
        tokens.pos += 1
        return shape

    def heap(self) -> AbsHeap:
        """heaptype, of those that need no module"""
        tokens = self.tokens
        heap = _HEAPS.get(tokens.texts[tokens.pos])
        if heap is None:
            raise tokens.unexpected()
        tokens.pos += 1
        return heap

    def skip(self) -> int:
        """Steps over the rest of a form and its `)`; the offset of the latter."""
        tokens = self.tokens
        texts = tokens.texts
        pos = tokens.pos
        depth = 1
        while depth:
            token = texts[pos]
            if token == "(":
                depth += 1
            elif token == ")":
                depth -= 1
            elif token in ("", "\0"):
                # The end, or an error that keeps the lexer from going on.
                raise tokens.unexpected(pos)
            pos += 1
        tokens.pos = pos
        return tokens.offsets[pos - 1]

    # --- small parts -------------------------------------------------------------------------------------------------

    def id(self) -> str:
        name = self.tokens.id()
        if name is None:
            raise self.tokens.unexpected()
        return name

    def text(self) -> str:
        """The text of an error or a path; bytes that are no UTF-8 are replaced."""
        return self.tokens.string().decode("utf-8", "replace")

    def line(self, pos: int) -> int:
        return self.tokens.source.position(self.tokens.offsets[pos])[0]
