"""`refsfi profile`: run a module under the profiler; read, compare and replay profiles that were kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

from refsfi.cli.aftermath import debug_help, parse_debug_settings
from refsfi.cli.files import write_output
from refsfi.cli.jit import JIT_OPTIONS, choice, tier_choice
from refsfi.cli.keys import duration, number
from refsfi.cli.options import Command, HelpRequested, Option, Parsed, UsageError
from refsfi.cli.report import EXIT_FAILURE, Failure, complain, execute, write_text
from refsfi.cli.session import Settings
from refsfi.cli.settings import GUEST_OPTIONS, parse_guest, read_guest
from refsfi.errors import Crash

if TYPE_CHECKING:
    from refsfi.cli.profile_run import Asked
    from refsfi.observe.profile.model import Profile

__all__ = ["main"]

_FORMATS: Final = ("firefox", "speedscope", "speedscope-evented", "collapsed", "chrome")

_REPORT_OPTIONS: Final = [
    Option("--top", "rows that each table of the report shows (10)", "N"),
    Option("--region", "show the code of region N, not that of the hottest", "N"),
    Option("--why", "tell why a function is compiled, or is not, instead\nof the report", "FUNC"),
    Option("--json", "the report, with all rows, as JSON"),
]
_FILE_OPTIONS: Final = [
    Option(
        "-o --output", "keep the profile in FILE, for refsfi profile FILE;\nwith --format, what is exported", "FILE"
    ),
    Option("--format", f"export: {', '.join(_FORMATS[:3])},\n{', '.join(_FORMATS[3:])}", "NAME"),
]

_COMMAND = Command(
    "profile",
    "refsfi profile [OPTIONS] FILE [ARGS…]\n"
    "       refsfi profile [OPTIONS] PROFILE\n"
    "       refsfi profile diff PROFILE PROFILE\n"
    "       refsfi profile replay PROFILE REGION",
    "Run a module as refsfi run does, and report on the standard error where its\n"
    "time went: live while it runs, if that is a terminal, and in full at the end.\n"
    "A file that an earlier run has kept (-o) is reported on the standard output.\n"
    "diff compares two of these; replay compiles a region of one again, without\n"
    "its program, and shows what each pass makes of it.",
    [
        *_FILE_OPTIONS,
        *_REPORT_OPTIONS,
        Option("--interval", "time between samples (1ms); 0 for none", "TIME"),
        Option("--no-live", "nothing while the program runs"),
        *GUEST_OPTIONS,
        Option("-D --debug", "core dumps and backtraces: -D help", "KEY=VALUE,…"),
        *(option for option in JIT_OPTIONS if option.key != "profile"),
    ],
    "Exit codes are those of refsfi run.",
)
_SAVED = Command(
    "profile", "refsfi profile [OPTIONS] PROFILE", "Report on a profile.", [*_FILE_OPTIONS, *_REPORT_OPTIONS]
)
_DIFF = Command(
    "profile diff",
    "refsfi profile diff [--json] [--top N] BEFORE AFTER",
    "What has changed between two profiles, the largest changes first.",
    [_REPORT_OPTIONS[0], Option("--json", "all changes, as JSON")],
)
_REPLAY = Command(
    "profile replay",
    "refsfi profile replay [--bounds HOW] PROFILE REGION",
    "Compile a region of a profile again: its graph, after each pass, and the code.",
    [Option("--bounds", "guard (the default) or explicit", "HOW")],
)

# Nanoseconds: a shorter interval would measure the profiler.
_SHORTEST: Final = 100_000


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    faces: dict[str, Callable[[Sequence[str]], int]] = {"diff": _diff, "replay": _replay}
    if arguments and arguments[0] in faces:
        return execute(f"profile {arguments[0]}", faces[arguments[0]], arguments[1:])
    return execute("profile", _profile, arguments)


def _profile(arguments: Sequence[str]) -> int:
    operands = _COMMAND.parse(arguments, interleaved=False).operands
    if operands and _is_profile(operands[0]):
        return _saved(arguments)
    from refsfi.cli.profile_run import run

    asked: Asked | None = None

    def understood(parsed: Parsed) -> Settings:
        nonlocal asked
        settings = _settings(parsed)
        asked = _wanted(parsed)
        return settings

    settings, data = read_guest(_COMMAND, arguments, understood)
    if asked is None:
        raise Crash("a command line that nobody has understood")
    return run(settings, asked, data)


def _settings(parsed: Parsed) -> Settings:
    if "help" in parsed.all("debug"):
        raise HelpRequested(debug_help())
    settings = parse_guest(parsed, "profile")
    settings.debug = parse_debug_settings(parsed.all("debug"))
    if settings.debug.backtrace is not None:
        settings.guest.limits["backtrace"] = settings.debug.backtrace
    settings.tier = tier_choice(parsed, None)
    return settings


def _wanted(parsed: Parsed) -> Asked:
    """What is asked of the profiler. UsageError: numbers are looked at before anything runs."""
    from refsfi.cli.profile_run import Asked

    form, output = choice("format", parsed.last("format"), _FORMATS), parsed.last("output")
    if form is not None and output is None:
        raise UsageError(f"--format={form}: name the file with -o FILE")
    _top(parsed)
    _region(parsed)
    live = "no-live" not in parsed
    return Asked(
        output, form, _interval(parsed.last("interval")), live, lambda profile: _lines(profile, parsed, sys.stderr)
    )


def _interval(text: str | None) -> int:
    if text is None:
        return 1_000_000
    try:
        interval = round(duration(text) * 1e9)
    except ValueError as error:
        raise UsageError(f"--interval {text}: {error}") from None
    if 0 < interval < _SHORTEST:
        raise UsageError(f"--interval {text}: 100us or more, or 0")
    return interval


# --- profiles that were kept ---


def _is_profile(path: str) -> bool:
    """Whether a file has JSON, as profiles have; no module begins like that."""
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"{"
    except (OSError, ValueError):
        # Whoever reads the module tells of it.
        return False


def _saved(arguments: Sequence[str]) -> int:
    parsed = _SAVED.parse(arguments)
    if len(parsed.operands) > 1:
        raise UsageError(f"{parsed.operands[0]} is a profile, which takes no arguments")
    profile = _read(parsed.operands[0])
    form, output = choice("format", parsed.last("format"), _FORMATS), parsed.last("output")
    if form is not None:
        from refsfi.cli.profile_run import exported

        write_output(exported(profile, form).encode("utf-8", "backslashreplace"), output)
    elif output is not None:
        raise UsageError(f"-o {output}: to export a profile, name a --format")
    else:
        write_text("".join(f"{line}\n" for line in _lines(profile, parsed, sys.stdout)))
    return EXIT_FAILURE if profile.cut and not profile.spots else 0


def _read(path: str) -> Profile:
    """Failure. What is wrong with a part of it is told, and the rest is shown."""
    from refsfi.observe.profile.file import ProfileError, read

    try:
        profile = read(path)
    except ProfileError as error:
        raise Failure(str(error)) from None
    if profile.cut:
        complain(f"refsfi: {profile.cut}")
    return profile


def _diff(arguments: Sequence[str]) -> int:
    from refsfi.cli.profile_report import difference
    from refsfi.cli.tables import rendered, width_of
    from refsfi.observe.profile.questions import diff

    parsed = _DIFF.parse(arguments)
    if len(parsed.operands) != 2:
        raise UsageError("two profiles expected: refsfi profile diff BEFORE AFTER")
    report = difference(diff(*map(_read, parsed.operands)))
    if "json" in parsed:
        write_text(json.dumps(report.json(), indent=2) + "\n")
    else:
        write_text("".join(f"{line}\n" for line in rendered(report, _top(parsed), width_of(sys.stdout))))
    return 0


def _replay(arguments: Sequence[str]) -> int:
    from refsfi.exec.tiers import BOUNDS, replay_region
    from refsfi.observe.profile.file import ProfileError

    parsed = _REPLAY.parse(arguments)
    bounds = choice("bounds", parsed.last("bounds"), BOUNDS)
    if len(parsed.operands) != 2:
        raise UsageError("a profile and a region's number expected: refsfi profile replay PROFILE REGION")
    path, text = parsed.operands
    profile = _read(path)
    try:
        for stage in replay_region(profile, _number("REGION", text), explicit=bounds == "explicit"):
            write_text(f"---- {stage.name}{'' if stage.changed else ': nothing changed'}\n")
            if stage.changed:
                write_text(stage.text.rstrip("\n") + "\n")
    except ProfileError as error:
        raise Failure(f"{path}: {error}") from None
    except ImportError as error:
        raise Failure(f"there is no compiler here to replay with: {error}; see refsfi doctor") from None
    return 0


# --- reports ---


def _lines(profile: Profile, parsed: Parsed, stream: TextIO | None) -> list[str]:
    """What is said of a profile: the answer to a question, or the report, as wide as the stream's terminal. Failure."""
    from refsfi.cli.profile_code import hot_code
    from refsfi.cli.profile_report import report
    from refsfi.cli.tables import PLAIN_WIDTH, rendered, width_of

    question = parsed.last("why")
    if question is not None:
        return _answer(profile, question, as_json="json" in parsed)
    found = report(profile)
    as_json = "json" in parsed
    width = PLAIN_WIDTH if as_json else width_of(stream)
    found.listings += hot_code(profile, _region(parsed), width)
    if as_json:
        return json.dumps(found.json(), indent=2).splitlines()
    return rendered(found, _top(parsed), width)


def _region(parsed: Parsed) -> int | None:
    text = parsed.last("region")
    return None if text is None else _number("--region", text)


def _answer(profile: Profile, question: str, *, as_json: bool) -> list[str]:
    from textwrap import wrap

    from refsfi.observe.profile.file import ProfileError
    from refsfi.observe.profile.questions import why

    try:
        answer = why(profile, question)
    except ProfileError as error:
        raise Failure(str(error)) from None
    if as_json:
        data: dict[str, Any] = {"function": answer.name, "verdict": answer.verdict, "grounds": answer.grounds}
        return json.dumps(data, indent=2).splitlines()
    lines = wrap(f"{answer.name}: {answer.verdict}", 80, subsequent_indent="  ")
    for ground in answer.grounds:
        lines += wrap(f"- {ground}", 80, subsequent_indent="  ")
    return lines


def _top(parsed: Parsed) -> int:
    text = parsed.last("top")
    return 10 if text is None else _number("--top", text)


def _number(name: str, text: str) -> int:
    try:
        return number(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
