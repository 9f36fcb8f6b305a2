"""Mutations of binary and text modules. Each takes the random generator last and returns a new input."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from refsfi.syntax.opcodes import OPS

__all__ = ["mutate_binary", "mutate_text"]

# --- binary ----------------------------------------------------------------------------------------------------------

_BYTES = bytes(
    [0x00, 0x01, 0x0B, 0x3F, 0x40, 0x5E, 0x5F, 0x60, 0x6E, 0x70, 0x7B, 0x7F, 0x80, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF]
)
_SIZES = (0, 1, 2, 3, 63, 64, 127, 128, 1 << 14, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 64) - 1)


def mutate_binary(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """One to four mutations, mostly few: what is far from valid fails early and tests little."""
    for _ in range(_few(random)):
        data = random.choice(_BINARY)(data, others, random)
    return data


def _few(random: Random) -> int:
    return random.choices((1, 2, 3, 4), (8, 4, 2, 1))[0]


def _position(data: bytes, random: Random) -> int:
    """Mostly behind the header, whose damage is found at once."""
    low = 8 if len(data) > 8 and random.random() < 0.98 else 0
    return random.randrange(low, len(data)) if len(data) > low else 0


def _flip_bit(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    if not data:
        return b"\0"
    at = _position(data, random)
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]


def _set_byte(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = _position(data, random)
    value = random.choice(_BYTES) if random.random() < 0.5 else random.randrange(256)
    return data[:at] + bytes([value]) + data[at + 1 :]


def _opcode(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Any instruction, in the place of what may be another one."""
    at = _position(data, random)
    row = random.choice(OPS)
    code = bytes([row.code]) if row.prefix is None else bytes([row.prefix]) + _leb(row.code)
    return data[:at] + code + data[at + random.randrange(3) :]


def _truncate(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    return data[: _position(data, random)]


def _remove(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = _position(data, random)
    return data[:at] + data[at + random.choice((1, 1, 1, 2, 3, 8)) :]


def _insert(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = _position(data, random)
    return data[:at] + random.randbytes(random.choice((1, 1, 2, 4))) + data[at:]


def _repeat(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    at = _position(data, random)
    part = data[at : at + random.choice((1, 2, 4, 16))]
    return data[:at] + part * random.choice((2, 2, 3, 50)) + data[at + len(part) :]


def _splice(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    start = _position(other, random)
    part = other[start : start + random.choice((1, 3, 10, 40))]
    at = _position(data, random)
    return data[:at] + part + data[at + random.choice((0, len(part))) :]


def _number(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Another LEB128 number, sometimes longer than need be, in the place of what may be one."""
    at = _position(data, random)
    end = at
    while end < len(data) and data[end] & 0x80 and end < at + 10:
        end += 1
    value = random.choice(_SIZES) if random.random() < 0.7 else random.randrange(40)
    return data[:at] + _leb(value, random.choice((0, 0, 0, 2, 5, 10))) + data[end + 1 :]


def _section_order(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """Sections left out, doubled or exchanged, or one taken from another module."""
    sections = _sections(data)
    if not sections:
        return data
    chosen = random.randrange(len(sections))
    match random.randrange(4):
        case 0:
            del sections[chosen]
        case 1:
            sections.insert(random.randrange(len(sections) + 1), sections[chosen])
        case 2:
            other = random.randrange(len(sections))
            sections[chosen], sections[other] = sections[other], sections[chosen]
        case _:
            foreign = _sections(random.choice(others))
            same = [s for s in foreign if s[:1] == sections[chosen][:1]]
            if same:
                sections[chosen] = random.choice(same)
    return data[:8] + b"".join(sections)


def _section_content(data: bytes, others: Sequence[bytes], random: Random) -> bytes:
    """A mutation inside one section, whose size is put right afterwards: so that what it holds is looked at."""
    sections = _sections(data)
    if not sections:
        return data
    chosen = random.randrange(len(sections))
    section = sections[chosen]
    start = 1
    while start < len(section) and section[start] & 0x80:
        start += 1
    body = b"\0" * 8 + section[start + 1 :]
    body = random.choice((_flip_bit, _set_byte, _opcode, _remove, _insert, _repeat, _number))(body, others, random)[8:]
    sections[chosen] = section[:1] + _leb(len(body)) + body
    return data[:8] + b"".join(sections)


def _sections(data: bytes) -> list[bytes]:
    """The sections with their headers, as far as their sizes make sense."""
    found = []
    at = 8
    while at < len(data):
        size = shift = 0
        end = at + 1
        while end < len(data) and shift < 35:
            byte = data[end]
            end += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if end + size > len(data):
            break
        found.append(data[at : end + size])
        at = end + size
    return found


def _leb(value: int, width: int = 0) -> bytes:
    """Unsigned LEB128, of at least `width` bytes."""
    out = bytearray()
    while value >= 0x80 or len(out) + 1 < width:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_Binary = Callable[[bytes, Sequence[bytes], Random], bytes]
_BINARY: tuple[_Binary, ...] = (
    _flip_bit,
    _set_byte,
    _opcode,
    _truncate,
    _remove,
    _insert,
    _repeat,
    _splice,
    _number,
    _section_order,
    _section_content,
    _section_content,
    _section_content,
)


# --- text ------------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|;;[^\n]*|\(;.*?(?:;\)|$)|\(@?|\)|[^\s()";]+|\s+|.', re.DOTALL)
_WORDS = tuple(row.mnemonic for row in OPS) + tuple(
    "module func param result local type rec sub final struct array field mut i8 i16 i32 i64 f32 f64 v128 anyref eqref "
    "ref null any eq i31 none nofunc extern noextern exn noexn table memory data elem item offset global tag start "
    "import export then else end do catch catch_all catch_ref delegate declare shared pagesize binary quote definition "
    "funcref externref exact describes descriptor offset=1 align=1 align=3 nan inf nan:0x1 -0x1p-1074 0x1.8p+4000 "
    "1e999 0 1 -1 4294967295 4294967296 -2147483649 18446744073709551615 18446744073709551616 0x_1 1_000 "
    '$a $b $f i8x16 f64x2 "" "a" "\\00" "\\u{10ffff}" "\\ff" (; ;) ;; ( ) (@name (@custom = @ \\ { } , \u00e9'.split(
        " "
    )
)

# A word -> the words that the grammar allows in its place.
_KIN: dict[str, list[str]] = {}
for _imms in {row.imms for row in OPS}:
    _same = [row.mnemonic for row in OPS if row.imms == _imms]
    _KIN.update((mnemonic, _same) for mnemonic in _same)
for _sort in (
    "i32 i64 f32 f64 v128 funcref externref anyref eqref i31ref structref arrayref exnref nullref nullfuncref",
    "any eq i31 struct array none func nofunc extern noextern exn noexn",
    "i8x16 i16x8 i32x4 i64x2 f32x4 f64x2",
    "catch catch_ref catch_all catch_all_ref",
    "func table memory global tag",
    "block loop",
):
    _same = _sort.split()
    _KIN.update((word, _same) for word in _same if word not in _KIN)


def mutate_text(text: str, others: Sequence[str], random: Random) -> str:
    """One to four mutations of the tokens, or now and then of the characters."""
    tokens = _TOKEN.findall(text)
    for _ in range(_few(random)):
        tokens = random.choice(_TEXT)(tokens, others, random)
    result = "".join(tokens)
    if random.random() < 0.05 and result:
        at = random.randrange(len(result))
        result = result[:at] + chr(random.choice((0, 9, 34, 92, 127, 0x80, 0x3BB, 0xFEFF, 0x1F600))) + result[at + 1 :]
    return result


def _at(tokens: list[str], random: Random) -> int:
    return random.randrange(len(tokens)) if tokens else 0


def _drop(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    at = _at(tokens, random)
    return tokens[:at] + tokens[at + random.choice((1, 1, 2, 5)) :]


def _double(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    at = _at(tokens, random)
    part = tokens[at : at + random.choice((1, 2, 4, 10))]
    return tokens[:at] + part * random.choice((2, 2, 2, 3, 60)) + tokens[at + len(part) :]


def _exchange(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    if not tokens:
        return tokens
    a, b = _at(tokens, random), _at(tokens, random)
    tokens = list(tokens)
    tokens[a], tokens[b] = tokens[b], tokens[a]
    return tokens


def _word(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """Another word in the place of a word."""
    places = [i for i, token in enumerate(tokens) if token.strip() and token not in "()"]
    if not places:
        return [random.choice(_WORDS)]
    at = random.choice(places)
    word = random.choice(_WORDS) if random.random() < 0.6 else tokens[random.choice(places)]
    return [*tokens[:at], word, *tokens[at + 1 :]]


def _kin(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """A word of the same sort in the place of a word: the text stays well-formed, or nearly so."""
    places = [i for i, token in enumerate(tokens) if token in _KIN or token.startswith("$")]
    if not places:
        return tokens
    at = random.choice(places)
    old = tokens[at]
    if old.startswith("$"):
        choices = [token for token in tokens if token.startswith("$")]
    else:
        choices = _KIN[old]
    return [*tokens[:at], random.choice(choices), *tokens[at + 1 :]]


def _added(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    at = _at(tokens, random)
    return [*tokens[:at], " ", random.choice(_WORDS), " ", *tokens[at:]]


def _group(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """A parenthesised part taken out, doubled, or put elsewhere."""
    opens = [i for i, token in enumerate(tokens) if token == "("]
    if not opens:
        return tokens
    start = random.choice(opens)
    depth, end = 0, start
    for end in range(start, len(tokens)):
        depth += (tokens[end] == "(") - (tokens[end] == ")")
        if depth == 0:
            break
    part = tokens[start : end + 1]
    rest = tokens[:start] + tokens[end + 1 :]
    match random.randrange(3):
        case 0:
            return rest
        case 1:
            return tokens[:start] + part + tokens[start:]
        case _:
            at = _at(rest, random)
            return rest[:at] + part + rest[at:]


def _digits(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """Another number in the place of a number."""
    places = [i for i, token in enumerate(tokens) if token[-1:].isdigit()]
    if not places:
        return tokens
    at = random.choice(places)
    value = random.choice((0, 1, 2, 7, 31, 255, 65536, 65537, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64))
    number = f"{random.choice(('', '', '-', '+'))}{value:#x}" if random.random() < 0.3 else str(value)
    prefix = re.match(r".*=", tokens[at])
    return [*tokens[:at], (prefix[0] if prefix else "") + number, *tokens[at + 1 :]]


def _graft(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """A few tokens of another module."""
    other = _TOKEN.findall(random.choice(others))
    start = _at(other, random)
    at = _at(tokens, random)
    return tokens[:at] + other[start : start + random.choice((1, 4, 15, 40))] + tokens[at:]


def _cut(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """The end missing, mostly with the parentheses closed again."""
    at = _at(tokens, random)
    kept = tokens[:at]
    depth = sum((token == "(") - (token == ")") for token in kept)
    return kept + ([")"] * max(0, depth) if random.random() < 0.8 else [])


def _nest(tokens: list[str], others: Sequence[str], random: Random) -> list[str]:
    """Deep nesting."""
    at = _at(tokens, random)
    depth = random.choice((3, 50, 3000))
    opening, closing = random.choice(
        ((["("], [")"]), (["(block "], [")"]), (["block "], [" end "]), (["(i32.eqz "], [")"]), (["(;"], [";)"]))
    )
    return tokens[:at] + opening * depth + closing * depth + tokens[at:]


_Text = Callable[[list[str], Sequence[str], Random], list[str]]
_TEXT: tuple[_Text, ...] = (
    _drop,
    _double,
    _exchange,
    _word,
    _kin,
    _kin,
    _kin,
    _kin,
    _added,
    _group,
    _group,
    _digits,
    _digits,
    _digits,
    _graft,
    _cut,
    _nest,
)
