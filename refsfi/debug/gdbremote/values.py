"""Values as the protocol has them: their bytes, least significant first, in hexadecimal digits."""

from __future__ import annotations

from refsfi.debug.model import DebugError, Variable
from refsfi.syntax.types import F32, F64, I32, I64, V128

__all__ = ["hex_value"]

_SIZES = {I32: 4, F32: 4, I64: 8, F64: 8}


def hex_value(variable: Variable) -> str:
    """DebugError for a reference, which has no bytes."""
    if variable.type == V128:
        return bytes(variable.value).hex()
    size = _SIZES.get(variable.type)  # type: ignore[arg-type]
    if size is None:
        raise DebugError(f"{variable.name} is a reference, which has no bytes")
    return int(variable.value).to_bytes(size, "little").hex()
