"""Guests that never end on their own, or want too much, and how tests run them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Instance, Store
from refsfi.runtime.values import Value
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

# One export for each way of not coming to an end.
ENDLESS = """(module
  (type $bytes (array (mut i8)))
  (memory (export "memory") 65536)
  (table $t 10000000 funcref)
  (global $a (mut (ref null $bytes)) (ref.null $bytes))
  (func (export "loop") (loop (br 0)))
  (func $f (param i32))
  (func (export "calls") (loop (call $f (i32.const 1)) (br 0)))
  (func $tail (export "tail") (return_call $tail))
  (func (export "fill") (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x7fffffff)) (br 0)))
  (func (export "fill all") (memory.fill (i32.const 0) (i32.const 7) (i32.const -1)))
  (func (export "copy") (loop (memory.copy (i32.const 0) (i32.const 65536) (i32.const 0x7fffffff)) (br 0)))
  (func (export "copy up") (loop (memory.copy (i32.const 65536) (i32.const 0) (i32.const 0x7fffffff)) (br 0)))
  (func (export "table fill")
    (loop (table.fill $t (i32.const 0) (ref.func $f) (i32.const 10000000)) (br 0)))
  (func (export "table copy")
    (loop (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 9999999)) (br 0)))
  (func (export "array new") (loop (drop (array.new $bytes (i32.const 1) (i32.const 40000000))) (br 0)))
  (func (export "array new default") (loop (drop (array.new_default $bytes (i32.const 40000000))) (br 0)))
  (func (export "array fill")
    (global.set $a (array.new_default $bytes (i32.const 5000000)))
    (loop (array.fill $bytes (global.get $a) (i32.const 0) (i32.const 3) (i32.const 5000000)) (br 0)))
  (func (export "array copy")
    (global.set $a (array.new_default $bytes (i32.const 5000000)))
    (loop (array.copy $bytes $bytes (global.get $a) (i32.const 1) (global.get $a) (i32.const 0) (i32.const 4999999))
      (br 0)))
  (elem declare func $f))"""

_WASI = """
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
"""

# The same for calls of the host. Each first prints `ready`.
ENDLESS_CALLS = f"""(module {_WASI}
  (memory (export "memory") 65536)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "ready\\n")
  (func $ready (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "read") (call $ready) (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "sleep") (call $ready)
    (i32.store (i32.const 80) (i32.const 1))                 ;; the monotonic clock
    (i64.store (i32.const 88) (i64.const 3600000000000))     ;; an hour
    (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256))))
  (func (export "random") (call $ready) (loop (drop (call $random (i32.const 65536) (i32.const 0x7fffffff))) (br 0)))
  (func (export "flood") (loop (call $ready) (br 0)))
  (func (export "loop") (call $ready) (loop (br 0)))
  (func (export "fill") (call $ready)
    (loop (memory.fill (i32.const 65536) (i32.const 7) (i32.const 0x7fffffff)) (br 0)))
  (func (export "exit") (param i32) (call $exit (local.get 0))))"""


def program(text: str, *, metered: bool = False) -> Program:
    module = parse_module(text)
    return Program(module, validate(module), metered=metered)


class Sandbox:
    """A store with one instance."""

    def __init__(self, text: str, limits: Limits | None = None, fuel: int | None = None) -> None:
        self.store = Store(limits, fuel)
        self.instance: Instance = instantiate(self.store, program(text, metered=fuel is not None), ())

    def call(self, name: str, *arguments: Value) -> Sequence[Value]:
        return invoke(self.store, self.instance.exports[name], arguments)  # type: ignore[arg-type]


def command(*arguments: str | Path) -> list[str]:
    """The command line that runs `refsfi run` in a process of its own."""
    return [sys.executable, "-m", "refsfi.cli.main", "run", *map(str, arguments)]


def start(*arguments: str | Path, **options: object) -> subprocess.Popen[bytes]:
    """Begin `refsfi run`; its standard streams are pipes."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command(*arguments), **pipes)  # type: ignore[call-overload, no-any-return]


def wait_for_line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line of a process's standard output, read without taking more."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(process.stdout.fileno(), 1)  # type: ignore[union-attr]
        if not byte:
            raise AssertionError(f"ended before its line: {line!r} {process.stderr.read()!r}")  # type: ignore[union-attr]
        line += byte
    return line


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began
