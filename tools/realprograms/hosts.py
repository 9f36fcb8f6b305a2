"""Host functions that modules of the list import, each the smallest that its module can do with.

They stand for what a package's own JavaScript or Python would provide: emscripten's calls that catch `longjmp`,
wasm-bindgen's host objects, tree-sitter's input, the printing of a Python compiler's programs. A function gets the
guest, the name of the importing module and the arguments as signed numbers and host objects.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from tools.realprograms.tasks import Guest, GuestAbort

__all__ = ["HOST_FUNCTIONS", "HostFunction"]

HostFunction: TypeAlias = Callable[..., Any]
_U32 = 0xFFFFFFFF


# --- emscripten: C's setjmp and longjmp, memory ----------------------------------------------------------------------


class _LongJump(Exception):
    pass


def _em_invoke(guest: Guest, module: str, index: int, *args: Any) -> Any:
    """Call element `index` of the table; a longjmp out of it restores the stack pointer and is noted for the guest."""
    pointer = guest.call(module, guest.task.host["stack_save"], [])
    try:
        return guest.call_table(module, index, args)
    except _LongJump:
        guest.call(module, guest.task.host["stack_restore"], [pointer])
        guest.call(module, "setThrew", [1, 0])
        return 0


def _em_throw_longjmp(guest: Guest, module: str, *args: Any) -> None:
    raise _LongJump


def _em_memcpy_big(guest: Guest, module: str, to: int, source: int, count: int) -> int:
    guest.write(module, to & _U32, guest.read(module, source & _U32, count & _U32))
    return to


def _em_resize_heap(guest: Guest, module: str, size: int) -> int:
    missing = (size & _U32) - guest.memory_size(module)
    return int(missing <= 0 or guest.memory_grow(module, -(-missing // 65536)) >= 0)


def _em_set_temp_ret0(guest: Guest, module: str, value: int) -> None:
    guest.names["_tempRet0"] = value


def _em_get_temp_ret0(guest: Guest, module: str) -> int:
    return int(guest.names.get("_tempRet0", 0))


# --- wasm-bindgen: host objects as externref -------------------------------------------------------------------------


def _wbg_init_table(guest: Guest, module: str) -> None:
    """The first elements of the table of objects are constants: undefined at 0, then undefined, null, true, false."""
    table = "__wbindgen_externrefs"
    start = guest.table_grow(module, table, 4, None)
    guest.table_set(module, table, 0, None)
    for offset, value in enumerate((None, None, True, False)):
        guest.table_set(module, table, start + offset, value)


def _wbg_new_map(guest: Guest, module: str) -> dict[Any, Any]:
    return {}


def _wbg_new_array(guest: Guest, module: str) -> list[Any]:
    return []


def _wbg_string(guest: Guest, module: str, address: int, length: int) -> str:
    return guest.read(module, address & _U32, length & _U32).decode()


def _wbg_character(guest: Guest, module: str, code: int) -> str:
    return chr(code & _U32)


def _wbg_set_key(guest: Guest, module: str, target: dict[Any, Any], key: Any, value: Any) -> None:
    target[key] = value


def _wbg_set_index(guest: Guest, module: str, target: list[Any], index: int, value: Any) -> None:
    index &= _U32
    if index > len(target) + 1024:
        raise GuestAbort(f"index {index} in an array of {len(target)}")
    target.extend([None] * (index + 1 - len(target)))
    target[index] = value


# --- tree-sitter -----------------------------------------------------------------------------------------------------


def _ts_parse_callback(guest: Guest, module: str, to: int, index: int, row: int, column: int, length: int) -> None:
    """Hand out up to 5120 units of the blob `text` (UTF-16) from unit `index`."""
    chunk = guest.blobs["text"][2 * index : 2 * index + 10240] if index >= 0 else b""
    guest.write(module, to & _U32, chunk + b"\0\0")
    guest.write(module, length & _U32, struct.pack("<i", len(chunk) // 2))


def _is_space(guest: Guest, module: str, code: int) -> int:
    return int(code in (32, 9, 10, 11, 12, 13, 0x2028, 0x2029))


def _is_alpha(guest: Guest, module: str, code: int) -> int:
    return int(0 <= code < 0x110000 and chr(code).isalpha())


def _is_alnum(guest: Guest, module: str, code: int) -> int:
    return int(0 <= code < 0x110000 and chr(code).isalnum())


# --- programs of a Python-to-Wasm compiler: printing numbers as Python does ------------------------------------------


def _write_char(guest: Guest, module: str, code: int) -> None:
    guest.output[1].append(code & 255)


def _write_int(guest: Guest, module: str, value: int) -> None:
    guest.output[1] += str(value).encode()


def _write_f64(guest: Guest, module: str, value: float) -> None:
    guest.output[1] += _float_text(value)


def _f64_to_string(guest: Guest, module: str, value: float, to: int) -> int:
    text = _float_text(value)
    guest.write(module, to & _U32, text)
    return len(text)


def _f64_format_precision(guest: Guest, module: str, value: float, precision: int, to: int) -> int:
    text = f"{value:.{min(precision & _U32, 100)}f}".encode()
    guest.write(module, to & _U32, text)
    return len(text)


def _math_pow(guest: Guest, module: str, base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):
        return math.nan


def _float_text(value: float) -> bytes:
    """As ECMAScript writes a number, with `.0` behind one that looks like an integer."""
    if math.isnan(value):
        return b"NaN"
    if math.isinf(value):
        return b"Infinity" if value > 0 else b"-Infinity"
    if value == int(value) and abs(value) < 1e21:
        return f"{int(value)}.0".encode()
    text = repr(value)
    if "e" not in text:
        return text.encode()
    mantissa, _, exponent = text.partition("e")
    if -7 < int(exponent) < 0:
        digits = len(mantissa.replace("-", "").replace(".", ""))
        return f"{value:.{digits - 1 - int(exponent)}f}".encode()
    return f"{mantissa}e{int(exponent):+d}".encode()


# Names as the list has them.
HOST_FUNCTIONS: dict[str, HostFunction] = {
    "em_invoke": _em_invoke,
    "em_throw_longjmp": _em_throw_longjmp,
    "em_memcpy_big": _em_memcpy_big,
    "em_resize_heap": _em_resize_heap,
    "em_setTempRet0": _em_set_temp_ret0,
    "em_getTempRet0": _em_get_temp_ret0,
    "wbg_init_table": _wbg_init_table,
    "wbg_new_map": _wbg_new_map,
    "wbg_new_array": _wbg_new_array,
    "wbg_str": _wbg_string,
    "wbg_chr": _wbg_character,
    "wbg_set_key": _wbg_set_key,
    "wbg_set_index": _wbg_set_index,
    "ts_parse_cb": _ts_parse_callback,
    "iswspace": _is_space,
    "iswalpha": _is_alpha,
    "iswalnum": _is_alnum,
    "p2w_write_char": _write_char,
    "p2w_write_int": _write_int,
    "p2w_write_f64": _write_f64,
    "p2w_f64_to_string": _f64_to_string,
    "p2w_f64_format_precision": _f64_format_precision,
    "p2w_math_pow": _math_pow,
}
