"""Number literals, chapter 6.3.1 and 6.3.2: from their text to bits and back.

Floats are rounded from the exact value of the literal by integer arithmetic, once, to nearest with ties to even; so an
f32 is never rounded twice.

A reader returns None where the text is no literal of its kind, and raises `OutOfRange` where it is one but denotes no
value of the type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["F32", "F64", "FloatFormat", "OutOfRange", "float_bits", "float_text", "integer", "is_number", "natural"]


class OutOfRange(Exception):
    """The literal denotes no value of the type."""


_NAT = re.compile(r"0x([0-9A-Fa-f](?:_?[0-9A-Fa-f])*)|([0-9](?:_?[0-9])*)")
_HEX_FLOAT = re.compile(
    r"0x([0-9A-Fa-f](?:_?[0-9A-Fa-f])*)(?:\.([0-9A-Fa-f](?:_?[0-9A-Fa-f])*)?)?(?:[pP]([+-]?)([0-9](?:_?[0-9])*))?"
)
_DEC_FLOAT = re.compile(r"([0-9](?:_?[0-9])*)(?:\.([0-9](?:_?[0-9])*)?)?(?:[eE]([+-]?)([0-9](?:_?[0-9])*))?")
_NAN = re.compile(r"nan(?::0x([0-9A-Fa-f](?:_?[0-9A-Fa-f])*))?")

# Exponents beyond this are as good as infinite for every literal shorter than it.
_HUGE: Final = 1 << 62
# So many decimal digits decide how any f64 is rounded; of the rest it only matters whether they are all zero.
_DIGITS: Final = 800


def is_number(token: str) -> bool:
    """Whether a token is a number literal of any kind."""
    if token[:1] in ("+", "-"):
        token = token[1:]
    return (
        _DEC_FLOAT.fullmatch(token) is not None
        or _HEX_FLOAT.fullmatch(token) is not None
        or _NAN.fullmatch(token) is not None
        or token == "inf"
    )


def natural(token: str, bits: int) -> int | None:
    """An unsigned literal of at most so many bits."""
    match = _NAT.fullmatch(token)
    if match is None:
        return None
    if match[1] is not None:
        value = int(match[1], 16)
    else:
        digits = match[2].replace("_", "").lstrip("0")
        if len(digits) > 40:
            raise OutOfRange
        value = int(digits or "0")
    if value >> bits:
        raise OutOfRange
    return value


def integer(token: str, bits: int) -> int | None:
    """A literal in the range of either the signed or the unsigned integers of so many bits, as an unsigned int."""
    sign = token[0]
    if sign not in "+-":
        return natural(token, bits)
    value = natural(token[1:], bits)
    if value is None:
        return None
    if sign == "-":
        if value > 1 << (bits - 1):
            raise OutOfRange
        return -value & ((1 << bits) - 1)
    return value


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """A binary floating-point format: its width, and the bits of its stored significand."""

    bits: int
    fraction: int

    @property
    def bias(self) -> int:
        return (1 << (self.bits - self.fraction - 2)) - 1

    @property
    def infinity(self) -> int:
        return ((1 << (self.bits - self.fraction - 1)) - 1) << self.fraction

    @property
    def sign(self) -> int:
        return 1 << (self.bits - 1)


F32: Final = FloatFormat(32, 23)
F64: Final = FloatFormat(64, 52)


def float_bits(token: str, format: FloatFormat) -> int | None:
    """The bits of a float literal: integer, decimal or hexadecimal, `inf`, `nan` or `nan:0x…`."""
    sign = 0
    if token[0] in "+-":
        sign = format.sign if token[0] == "-" else 0
        token = token[1:]
    if match := _DEC_FLOAT.fullmatch(token):
        return sign | _decimal(match, format)
    if match := _HEX_FLOAT.fullmatch(token):
        return sign | _hexadecimal(match, format)
    if token == "inf":
        return sign | format.infinity
    if match := _NAN.fullmatch(token):
        if match[1] is None:
            return sign | format.infinity | 1 << (format.fraction - 1)
        payload = int(match[1], 16)
        if not 0 < payload < 1 << format.fraction:
            raise OutOfRange
        return sign | format.infinity | payload
    return None


def _exponent(sign: str | None, digits: str | None) -> int:
    if digits is None:
        return 0
    digits = digits.replace("_", "").lstrip("0")
    value = int(digits or "0") if len(digits) <= 18 else _HUGE
    return -value if sign == "-" else value


def _decimal(match: re.Match[str], format: FloatFormat) -> int:
    whole, fraction = match[1], match[2] or ""
    if "_" in match[0]:
        whole, fraction = whole.replace("_", ""), fraction.replace("_", "")
    exponent = _exponent(match[3], match[4]) - len(fraction)
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    if len(digits) > _DIGITS:
        rest = digits[_DIGITS:]
        exponent += len(rest)
        digits = digits[:_DIGITS]
        if rest.strip("0"):
            digits += "1"
            exponent -= 1
    # The value lies between 10^(magnitude - 1) and 10^magnitude; both formats end far inside these bounds.
    magnitude = len(digits) + exponent
    if magnitude > 400:
        raise OutOfRange
    if magnitude < -400:
        return 0
    if exponent >= 0:
        return _round(int(digits) * 10**exponent, 1, format)
    return _round(int(digits), 10**-exponent, format)


def _hexadecimal(match: re.Match[str], format: FloatFormat) -> int:
    whole, fraction = match[1].replace("_", ""), (match[2] or "").replace("_", "")
    significand = int(whole + fraction, 16)
    if not significand:
        return 0
    exponent = _exponent(match[3], match[4]) - 4 * len(fraction)
    magnitude = significand.bit_length() + exponent
    if magnitude > 2000:
        raise OutOfRange
    if magnitude < -2000:
        return 0
    if exponent >= 0:
        return _round(significand << exponent, 1, format)
    return _round(significand, 1 << -exponent, format)


def _round(numerator: int, denominator: int, format: FloatFormat) -> int:
    """The bits of the positive number numerator/denominator."""
    # `scale` makes the quotient a significand of one bit more than is stored, or fewer for a subnormal number.
    scale = numerator.bit_length() - denominator.bit_length() - format.fraction
    smallest = 1 - format.bias - format.fraction
    if scale < smallest:
        scale = smallest
    elif (numerator << -scale if scale < 0 else numerator) < (denominator << max(scale, 0)) << format.fraction:
        scale = max(scale - 1, smallest)
    if scale > 0:
        denominator <<= scale
    else:
        numerator <<= -scale
    significand, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and significand & 1):
        significand += 1
    if significand >> (format.fraction + 1):
        significand >>= 1
        scale += 1
    biased = scale - smallest + 1 if significand >> format.fraction else 0
    bits = (biased << format.fraction) | (significand & ((1 << format.fraction) - 1))
    if bits >= format.infinity:
        raise OutOfRange
    return bits


def float_text(bits: int, format: FloatFormat) -> str:
    """A literal that denotes exactly these bits: hexadecimal, `inf`, `nan` or `nan:0x…`."""
    sign = "-" if bits & format.sign else ""
    fraction = bits & ((1 << format.fraction) - 1)
    biased = (bits & format.infinity) >> format.fraction
    if biased == format.infinity >> format.fraction:
        if not fraction:
            return f"{sign}inf"
        if fraction == 1 << (format.fraction - 1):
            return f"{sign}nan"
        return f"{sign}nan:0x{fraction:x}"
    if not biased and not fraction:
        return f"{sign}0x0p+0"
    # Subnormal numbers are normalised: the first digit is always 1.
    exponent = biased - format.bias
    if not biased:
        shift = format.fraction + 1 - fraction.bit_length()
        fraction = (fraction << shift) & ((1 << format.fraction) - 1)
        exponent = 1 - format.bias - shift
    pad = -format.fraction % 4
    digits = f"{fraction << pad:0{(format.fraction + pad) // 4}x}".rstrip("0")
    return f"{sign}0x1{'.' if digits else ''}{digits}p{exponent:+}"
