"""`refsfi debug`: a guest under the debugger, in a terminal or for another program."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.cli.debug_console import TerminalConsole
from refsfi.cli.debuggee import Debuggee, exit_code
from refsfi.cli.files import describe, read_input
from refsfi.cli.options import Command, Option, Parsed, UsageError
from refsfi.cli.report import EXIT_FAILURE, Failure, complain, execute
from refsfi.cli.session import Settings
from refsfi.cli.settings import GUEST_OPTIONS, parse_guest, read_guest
from refsfi.debug.journal import Journal
from refsfi.debug.session import Session
from refsfi.debug.terminal import Interpreter
from refsfi.debug.terminal.interpreter import Quit
from refsfi.errors import WasmError
from refsfi.exec.code import Program
from refsfi.exec.load import load_program

__all__ = ["DEBUGGER_OPTIONS", "debug", "main"]

DEBUGGER_OPTIONS = [
    Option("-x", "do the commands in a file; repeatable", "FILE"),
    Option("-ex", "do a command; repeatable, in order with -x", "CMD"),
    Option("--batch", "end when -x and -ex are done; no questions"),
]

_COMMAND = Command(
    "debug",
    "refsfi debug [OPTIONS] FILE [ARGS…]",
    "Debug a module: breakpoints, steps and watchpoints, forward and back in time.\n"
    "Commands have gdb's names; help lists them. What follows FILE is the guest's.",
    [
        *GUEST_OPTIONS,
        *DEBUGGER_OPTIONS,
        Option("--core", "look at a core dump of the module", "FILE"),
        Option(
            "--dap",
            "serve an editor, on the standard streams or at a\nport; without FILE, the editor says what is debugged",
            "[ADDR:]PORT",
            optional=True,
        ),
        Option("-g", "wait for LLDB at that port", "[ADDR:]PORT"),
    ],
    "Exit codes: what the guest ended with, as those of refsfi run; 0 where it was\n"
    "not over; 1 a command of -x or -ex could not be done, or the module cannot be\n"
    "loaded; 2 wrong usage.",
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    return execute("debug", _run, arguments)


def _run(arguments: Sequence[str]) -> int:
    asked = Asked()

    def settings_of(parsed: Parsed) -> Settings:
        asked.take(parsed)
        settings = parse_guest(parsed, "debug")
        settings.gdb = parsed.last("g")
        return settings

    dap = _COMMAND.parse(arguments, interleaved=False)
    if "dap" in dap and not dap.operands:
        # The editor says what is debugged.
        from refsfi.cli.dapserver import serve_dap

        return serve_dap(None, b"", dap.last("dap") or None)
    settings, data = read_guest(_COMMAND, arguments, settings_of)
    if asked.faces > 1:
        raise UsageError("--dap, -g and --core exclude each other")
    if asked.dap is not None:
        from refsfi.cli.dapserver import serve_dap

        return serve_dap(settings, data, asked.dap or None)
    if settings.gdb is not None:
        from refsfi.cli.gdbserver import serve_gdb

        return serve_gdb(settings, data)
    if asked.core is not None:
        return _post_mortem(settings, data, asked)
    journal = Journal()
    debuggee = Debuggee(settings, journal.note)
    try:
        session = Session(debuggee.target(data), journal=journal)
        programs = [image.program for image in debuggee.images]
        return debug(session, programs, [image.path for image in debuggee.images], asked, settings.invoke)
    except WasmError as error:
        raise Failure(describe(settings.path, error)) from None
    finally:
        debuggee.close()


def _post_mortem(settings: Settings, data: bytes, asked: Asked) -> int:
    """Look at a core dump."""
    from refsfi.debug.coredump import read_core
    from refsfi.debug.terminal.postmortem import CoreSession

    path = asked.core or ""
    try:
        core = read_core(read_input(path))
        # Of a core dump of several modules, those that are preloaded come in their order before the main one.
        files = [(p, read_input(p)) for _, p in settings.preloads if p is not None] + [(settings.path, data)]
        programs = [load_program(content, settings.guest.features, name) for name, content in files]
        session = CoreSession(core, programs)
    except WasmError as error:
        raise Failure(describe(path, error)) from None
    for problem in core.problems:
        complain(f"warning: {path}: {problem}")
    return debug(session, programs, [name for name, _ in files], asked)


class Asked:
    """What the command line says about the debugger itself."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []
        self.batch = False
        self.dap: str | None = None
        self.core: str | None = None
        # How many of the faces that exclude each other.
        self.faces = 0

    def take(self, parsed: Parsed) -> None:
        self.commands = [(key, value) for key, value in parsed.order if key in ("x", "ex")]
        self.batch = "batch" in parsed
        self.dap = parsed.last("dap")
        self.core = parsed.last("core")
        self.faces = sum(name in parsed for name in ("dap", "g", "core"))


def debug(
    session: Session, programs: Sequence[Program], paths: Sequence[str], asked: Asked, begin: str | None = None
) -> int:
    """Do what is asked for, then what the user says; the exit code."""
    console = TerminalConsole(batch=asked.batch)
    ui = Interpreter(session, console, programs, paths, begin)
    console.interface = ui
    fine = True
    try:
        for kind, text in asked.commands:
            fine = ui.attempt(f"source {text}" if kind == "x" else text) and fine
        if not asked.batch:
            if console.interactive and not asked.commands and session.place is not None:
                ui.write(f"{ui.code.where(session.place)}; help lists the commands")
            ui.loop()
    except Quit:
        pass
    finally:
        console.close()
    return exit_code(session.stop) if fine else EXIT_FAILURE
