"""The options that say what is compiled, and what is shown of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refsfi.cli.options import Option, Parsed, UsageError
from refsfi.exec.tiers import BACKENDS, BOUNDS, DUMPS, MODES, TierChoice, Watch

__all__ = ["JIT_OPTIONS", "PROFILES", "choice", "is_guest_profile", "tier_choice"]

JIT_OPTIONS: Final = [
    Option(
        "--jit",
        "what is compiled: on, hot code (the default);\noff, nothing; force, everything at once; check,\n"
        "everything, and compared with the interpreter",
        "MODE",
    ),
    Option(
        "--bounds",
        "how compiled code is kept within memory: guard,\nby pages that fault (the default); or explicit,\n"
        "by comparisons",
        "HOW",
    ),
    Option("--jit-backend", "what is compiled to: x64, machine code, or\nportable, Python", "NAME"),
    Option(
        "--jv",
        "a line for each recording, abort and region, on\nthe standard error if no file is named",
        "FILE",
        optional=True,
    ),
    Option(
        "--jdump",
        "what the compiler makes, in full; letters:"
        + "".join(f"\n  {letter}  {what}" for letter, what in DUMPS.items())
        + "\ntbism if none is given; +x adds x, -m leaves m out",
        "MODES[,FILE]",
        optional=True,
    ),
    Option(
        "--profile",
        "perfmap, jitdump: names of compiled code for Linux\nperf, and its lines; guest[,FILE[,INTERVAL]]: where\n"
        "time goes, interpreted, for the Firefox Profiler\n(refsfi-guest-profile.json, 10ms)",
        "KIND",
    ),
]

# What `--profile` can be; the last one may be followed by a comma and more.
PROFILES: Final = ("perfmap", "jitdump", "guest")
_WATCHING: Final = ("jv", "jdump", "profile")


def tier_choice(parsed: Parsed, watcher: str | None) -> TierChoice:
    """What the options say. `watcher` is an option that looks on while the guest runs, None for none: what it looks at
    is the interpreter's work alone. UsageError."""
    given = choice("jit", parsed.last("jit"), MODES)
    bounds = choice("bounds", parsed.last("bounds"), BOUNDS)
    backend = choice("jit-backend", parsed.last("jit-backend"), BACKENDS)
    watch = _watch(parsed)
    mode = given or "on"
    if watcher is not None:
        if given in ("force", "check"):
            raise UsageError(f"--jit={given} with {watcher}: what is watched is interpreted; leave one of them out")
        mode = "off"
    if mode == "off":
        for name in _WATCHING:
            if name in parsed and not (name == "profile" and is_guest_profile(parsed.last(name))):
                raise UsageError(f"--{name} with {watcher or '--jit=off'}: nothing is compiled; leave one of them out")
    return TierChoice(mode, bounds or "guard", backend, watch)


def is_guest_profile(profile: str | None) -> bool:
    """Whether that is asked of `--profile` which looks at the interpreter."""
    return profile is not None and profile.partition(",")[0] == "guest"


def choice(option: str, value: str | None, known: Sequence[str]) -> str | None:
    """The value of an option that takes one of a few. UsageError."""
    if value is not None and value not in known:
        raise UsageError(f"--{option}={value}: known are {', '.join(known)}")
    return value


def _watch(parsed: Parsed) -> Watch:
    dumped, file = Watch().dumped, None
    dump = parsed.last("jdump")
    if dump is not None:
        modes, _, file = dump.partition(",")
        dumped = _letters(modes)
    profile = parsed.last("profile")
    if not is_guest_profile(profile):
        choice("profile", profile, PROFILES)
    return Watch(parsed.last("jv"), file, dumped, profile == "perfmap", profile == "jitdump")


def _letters(modes: str) -> frozenset[str]:
    """`tbi`: these; `+x` and `-m`: the usual ones with or without some."""
    sign = modes[:1] if modes[:1] in ("+", "-") else ""
    letters = frozenset(modes.removeprefix(sign))
    unknown = sorted(letters - DUMPS.keys())
    if unknown:
        known = ", ".join(f"{letter} ({what})" for letter, what in DUMPS.items())
        raise UsageError(f"--jdump={modes}: unknown letter '{unknown[0]}'; known are {known}")
    usual = Watch().dumped
    if sign == "+":
        return usual | letters
    return usual - letters if sign == "-" else letters or usual
