"""The kernels: small programs whose result is known, each a call of one exported function."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Kernel", "corpus_kernels", "find_corpus", "long_kernels", "own_kernels"]

FOLDER = Path(__file__).resolve().parent / "kernels"

# Name -> argument of `run`, result (unsigned i32), whether it is a loop (the others are made of calls). The argument
# is such that each executes 200,000 to 800,000 instructions: a second for the slowest engine.
OWN: dict[str, tuple[int, int, bool]] = {
    "fib": (20, 6765, False),
    "sieve": (10_000, 1229, True),
    "matmul": (22, 31_808, True),
    "mandelbrot": (30, 163, True),
    "collatz": (500, 144, True),
    "hashmix": (16_000, 2_477_685_585, True),
    "memcopy": (20_000, 2_544_707, True),
    "dispatch": (20_000, 1_878_029_154, True),
    "indirect": (24_000, 1_331_135_312, False),
    "gclist": (20_000, 200_010_000, True),
}

# The same at the sizes at which compilers are compared: tens of milliseconds of machine code.
LONG: dict[str, tuple[int, int]] = {
    "fib": (35, 9_227_465),
    "sieve": (1_000_000, 78_498),
    "matmul": (200, 23_999_000),
    "mandelbrot": (600, 63_701),
    "collatz": (300_000, 443),
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """`wasm` is a module without imports. `params` and `results` name number types; `args` and `expect` are ints
    (of either sign) or floats. `loop`: most of its time goes into loops, not into calls."""

    name: str
    wasm: bytes
    export: str
    args: tuple[int | float, ...]
    params: tuple[str, ...]
    results: tuple[str, ...]
    expect: tuple[int | float, ...]
    loop: bool


def own_kernels() -> Iterator[Kernel]:
    """The project's kernels, translated by its own parser."""
    for name, (n, expect, loop) in OWN.items():
        yield _own(name, name, n, expect, loop)


def long_kernels() -> Iterator[Kernel]:
    for name, (n, expect) in LONG.items():
        yield _own(f"{name}({n})", name, n, expect, OWN[name][2])


def _own(shown: str, name: str, n: int, expect: int, loop: bool) -> Kernel:
    from refsfi.binary.encode import encode
    from refsfi.text.parser import parse_module

    text = (FOLDER / f"{name}.wat").read_text(encoding="utf-8")
    return Kernel(shown, encode(parse_module(text)), "run", (n,), ("i32",), ("i32",), (expect,), loop)


def find_corpus(given: Path | None, root: Path) -> Path | None:
    """The corpus' directory: `given`, else $REFSFI_CORPUS, else one that lies beside the project; None for none."""
    for candidate in (given, os.environ.get("REFSFI_CORPUS"), root.parent / "shared" / "corpus"):
        if candidate is not None:
            path = Path(candidate)
            return path if (path / "kernels" / "kernels.json").is_file() else None
    return None


def corpus_kernels(corpus: Path, max_fuel: int) -> Iterator[Kernel]:
    """Of each function of the corpus' kernels the longest call of at most `max_fuel` instructions, by the fuel that
    the corpus notes."""
    folder = corpus / "kernels"
    calls: dict[tuple[str, str], dict[str, Any]] = {}
    for call in json.loads((folder / "kernels.json").read_text(encoding="utf-8"))["calls"]:
        key = (call["wasm"], call["export"])
        if call["fuel"] <= max_fuel and (key not in calls or call["fuel"] > calls[key]["fuel"]):
            calls[key] = call
    for (file, export), call in calls.items():
        expect = call["expect"] if isinstance(call["expect"], list) else [call["expect"]]
        yield Kernel(
            f"{file.removesuffix('.wasm')}:{export}({','.join(map(str, call['args']))})",
            (folder / file).read_bytes(),
            export,
            tuple(call["args"]),
            tuple(call["params"]),
            tuple(call["results"]),
            tuple(expect),
            export not in _RECURSIVE,
        )


_RECURSIVE = frozenset("fib fib64 ack even".split())
