"""From a program's source to a module: WAT with its preludes, C by way of zig, whose results are kept.

zig comes with the package `ziglang` and builds its C library when it first needs it, which takes half a minute; the
cache keeps that, too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["NO_COMPILER", "compile_c", "have_compiler", "wat_text"]

PROGRAMS = Path(__file__).parent / "programs"
NO_COMPILER = "not one of the C programs was run: the package `ziglang` is not installed (pip install -e .[peers])"

_TARGET = ("-target", "wasm32-wasi", "-Oz", "-s", "-Wall", "-Werror")
_INCLUDE = re.compile(r"^\s*;; include: (\S+)$", re.MULTILINE)


def wat_text(source: Path, unstable: bool = False) -> str:
    """The text of a module whose lines `;; include: FILE` stand for that file."""
    text = _INCLUDE.sub(lambda found: (source.parent / found[1]).read_text("utf-8"), source.read_text("utf-8"))
    return text.replace('"wasi_snapshot_preview1"', '"wasi_unstable"') if unstable else text


def have_compiler() -> bool:
    return importlib.util.find_spec("ziglang") is not None


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base, "refsfi", "wasi-programs")


def compile_c(source: Path, flags: tuple[str, ...] = ()) -> bytes:
    """The module of a C program; compiled anew when it, a header, the flags or the compiler have changed."""
    from importlib.metadata import version

    digest = hashlib.sha256(" ".join((version("ziglang"), *_TARGET, *flags)).encode())
    for path in (source, *sorted(PROGRAMS.parent.glob("*/*.h"))):
        digest.update(path.read_bytes() + b"\0")
    cache = _cache()
    module = cache / f"{source.stem}-{digest.hexdigest()[:16]}.wasm"
    if not module.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = cache / f"{module.name}.{os.getpid()}"
        directories = {"ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "ZIG_LOCAL_CACHE_DIR": str(cache / "zig")}
        command = [sys.executable, "-m", "ziglang", "cc", *_TARGET, *flags, str(source), "-o", str(made)]
        done = subprocess.run(command, env=os.environ | directories, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{source.name} does not compile:\n{done.stderr}")
        made.replace(module)
    return module.read_bytes()
