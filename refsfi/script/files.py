"""Scripts from files, and the files that a script's own `input` and `output` name.

What a file holds shows in its suffix: `.wast` and `.json` scripts, `.wat` and `.wasm` one module, which is a script of
one command. Paths in a script are relative to its directory; `output` writes nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from refsfi.errors import MalformedError
from refsfi.script.ast import FileModule, Input, ModuleCommand, Script
from refsfi.script.json import JsonScriptError, parse_json
from refsfi.script.parser import parse_script
from refsfi.syntax.module import Module

__all__ = ["SCRIPT_SUFFIXES", "SUFFIXES", "BadScript", "load_input", "load_script", "write_output"]

# What a directory is searched for, and what else may be named.
SCRIPT_SUFFIXES = (".wast", ".json")
SUFFIXES = (*SCRIPT_SUFFIXES, ".wat", ".wasm")


class BadScript(ValueError):
    """A file that is no script, or cannot be read. The message is one line and names no file; `line` counts from 1, 0
    if unknown.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def load_script(path: str) -> Script:
    """The script in a file. BadScript."""
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadScript(f"unknown file type: must be one of {', '.join(SUFFIXES)}")
    directory = str(file.parent)
    if suffix in (".wat", ".wasm"):
        if not file.is_file():
            raise BadScript("no such file")
        return Script(path, directory, (ModuleCommand(1, None, FileModule(file.name, suffix == ".wasm")),))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadScript(error.strerror or str(error)) from None
    try:
        if suffix == ".wast":
            return parse_script(data, path, directory)
        return parse_json(data.decode("utf-8"), path, directory)
    except MalformedError as error:
        raise BadScript(str(error), getattr(error, "line", 0)) from None
    except UnicodeDecodeError as error:
        raise BadScript(f"malformed UTF-8 encoding at byte {error.start}") from None
    except JsonScriptError as error:
        raise BadScript(str(error)) from None


def load_input(command: Input, directory: str) -> Script:
    """The script that an `input` names. BadScript."""
    return load_script(str(Path(directory, command.path)))


def write_output(module: Module, path: str | None, directory: str, output: Callable[[str], None]) -> None:
    """Write a module as text or binary, as the path's suffix says; without a path as text through `output`.

    ValueError for a suffix that is not supported and for a path that leaves `directory`; OSError.
    """
    if path is None:
        output(_text(module).rstrip("\n"))
        return
    relative = PurePath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"output outside of the script's directory: {path}")
    suffix = relative.suffix.lower()
    if suffix == ".wasm":
        # Hardly any script writes a module: encoder and printer are imported when one does.
        from refsfi.binary.encode import encode

        Path(directory, relative).write_bytes(encode(module))
    elif suffix == ".wat":
        Path(directory, relative).write_text(_text(module), encoding="utf-8")
    else:
        raise ValueError(f"output of {suffix or 'this'} files is not supported: {path}")


def _text(module: Module) -> str:
    from refsfi.text.printer import print_module

    return print_module(module)
