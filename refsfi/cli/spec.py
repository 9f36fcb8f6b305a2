"""`refsfi spec`: run test scripts, with pytest's habits and exit codes."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from refsfi.cli import junit, last_failed
from refsfi.cli.report import complain, reason
from refsfi.cli.spec_report import Reporter, make_reporter
from refsfi.exec.tiers import BACKENDS, BOUNDS, MODES, TierChoice
from refsfi.script.files import SUFFIXES
from refsfi.script.select import SelectError, compile_select
from refsfi.script.session import FileResult, Options, run_files
from refsfi.script.suite import find_scripts
from refsfi.syntax.features import Feature, feature

__all__ = ["main"]

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 2
EXIT_USAGE: Final = 4
EXIT_NOTHING: Final = 5

_EPILOG = """\
Files are .wast scripts, .json scripts as written by wast2json and wasm-tools json-from-wast, and
single .wat and .wasm modules. Directories are searched for scripts. Features follow the file's
place in the official suite; elsewhere all that programs in the field use are on.

Exit codes: 0 all passed, 1 some failed, 2 interrupted, 4 wrong usage, 5 nothing to run."""


class _UsageError(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(message)


def _parser() -> _Parser:
    parser = _Parser(
        prog="refsfi spec",
        description="Run WebAssembly test scripts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and directories")
    parser.add_argument(
        "--jit", default="off", choices=MODES, metavar="MODE", help="off (the default), on, force or check"
    )
    parser.add_argument("--bounds", default="guard", choices=BOUNDS, metavar="HOW", help="guard (default) or explicit")
    parser.add_argument("--jit-backend", dest="backend", choices=BACKENDS, metavar="NAME", help="x64 or portable")
    parser.add_argument(
        "--jit-report", metavar="FILE", help="tell which instructions were compiled; without '=FILE', before the totals"
    )
    parser.add_argument(
        "-k", dest="select", default="", metavar="EXPR", help="only tests whose 'FILE:LINE KIND' matches"
    )
    parser.add_argument(
        "-x", "--exitfirst", action="store_const", const=1, dest="maxfail", help="stop at the first failure"
    )
    parser.add_argument("--maxfail", type=_count, default=0, metavar="N", help="stop after N failures")
    parser.add_argument(
        "--lf", "--last-failed", action="store_true", dest="last_failed", help="only what failed last time"
    )
    parser.add_argument(
        "-n", dest="jobs", type=_jobs, default=1, metavar="JOBS", help="processes; 'auto': one per core"
    )
    parser.add_argument("-s", dest="echo", action="store_true", help="show what scripts and guests print")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="failures and totals only")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="a line for every test")
    parser.add_argument("--junitxml", metavar="FILE", help="write a report in JUnit's format")
    parser.add_argument(
        "-W",
        "--features",
        dest="features",
        action="append",
        default=[],
        metavar="NAME=y|n[,…]",
        help="switch proposals on or off",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"not a number: {text}")
    return int(text)


def _jobs(text: str) -> int:
    return os.cpu_count() or 1 if text == "auto" else max(1, _count(text))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, before, between and after the paths; behind `--` there are paths only. _UsageError."""
    # argparse does not know `--` where options and operands are mixed.
    mixed = arguments.index("--") if "--" in arguments else len(arguments)
    # Nor a value that only stands behind `=`.
    options = [f"{one}=-" if one == "--jit-report" else one for one in arguments[:mixed]]
    args = _parser().parse_intermixed_args(options)
    args.paths += arguments[mixed + 1 :]
    if not args.paths:
        raise _UsageError("no file or directory given")
    if args.jit_report is not None and args.jit == "off":
        raise _UsageError("--jit-report: nothing is compiled; add --jit=force, or --jit=check to count executions")
    return args


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    try:
        args = _parse(arguments)
        on, off = _switches(args.features)
        compile_select(args.select)
        paths = _collect(args.paths)
    except (_UsageError, SelectError) as error:
        complain(f"refsfi spec: {error} (see refsfi spec --help)")
        return EXIT_USAGE
    except SystemExit as stop:
        return EXIT_PASSED if stop.code in (None, 0) else EXIT_USAGE
    only: dict[str, frozenset[str]] = {}
    if args.last_failed:
        paths, only = last_failed.restrict(paths)
    options = Options(
        select=args.select,
        on=on,
        off=off,
        only=only,
        max_failures=args.maxfail or 0,
        keep_passed=args.verbose > 0 or args.junitxml is not None,
        echo=args.echo,
        tier=TierChoice(args.jit, args.bounds, args.backend),
        coverage=args.jit_report is not None,
    )
    reporter = make_reporter(verbosity=args.verbose - args.quiet, total=len(paths))
    return _run(paths, options, args, reporter)


def _run(paths: list[str], options: Options, args: argparse.Namespace, reporter: Reporter) -> int:
    jobs, junitxml = args.jobs, args.junitxml
    start = time.perf_counter()
    results: list[FileResult] = []
    interrupted = False
    try:
        with reporter:
            for result in run_files(paths, options, jobs):
                results.append(result)
                reporter.file_done(result)
    except KeyboardInterrupt:
        interrupted = True
    order = {path: index for index, path in enumerate(paths)}
    results.sort(key=lambda result: order[result.path])
    last_failed.remember(results, complete=not options.select)
    code = _exit_code(results, interrupted)
    if junitxml is not None:
        try:
            junit.write(Path(junitxml), results)
        except OSError as error:
            complain(f"refsfi spec: cannot write {junitxml}: {reason(error)}")
            code = code or EXIT_USAGE
    if options.coverage:
        code = _report_coverage(results, args.jit_report) or code
    reporter.finish(results, time.perf_counter() - start, interrupted)
    return code


def _report_coverage(results: Iterable[FileResult], path: str) -> int:
    """Write which instructions were compiled; EXIT_USAGE where that cannot be written, else 0."""
    from refsfi.cli.coverage import merge, report

    lines = report(merge(result.coverage for result in results))
    if path == "-":
        print("\n".join(lines))
        return 0
    try:
        Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        complain(f"refsfi spec: cannot write {path}: {reason(error)}")
        return EXIT_USAGE
    return 0


def _exit_code(results: Iterable[FileResult], interrupted: bool) -> int:
    results = list(results)
    if interrupted:
        return EXIT_INTERRUPTED
    if any(result.failed for result in results):
        return EXIT_FAILED
    return EXIT_PASSED if any(result.passed for result in results) else EXIT_NOTHING


def _switches(texts: list[str]) -> tuple[frozenset[Feature], frozenset[Feature]]:
    """The features to switch on and off."""
    switches: dict[Feature, bool] = {}
    for item in ",".join(texts).split(","):
        if not item:
            continue
        name, _, value = item.partition("=")
        if value not in ("y", "n", ""):
            raise _UsageError(f"-W {item}: the value must be y or n")
        try:
            switches[feature(name)] = value != "n"
        except ValueError as error:
            raise _UsageError(str(error)) from None
    on = frozenset(f for f, state in switches.items() if state)
    return on, frozenset(switches) - on


def _collect(arguments: list[str]) -> list[str]:
    """The scripts that the arguments name, each once, below the working directory with relative paths."""
    paths: dict[str, None] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            found = [str(script) for script in find_scripts(path)]
        elif not path.exists():
            raise _UsageError(f"file or directory not found: {argument}")
        elif path.suffix.lower() not in SUFFIXES:
            raise _UsageError(f"no script: {argument}; known are {', '.join(SUFFIXES)}")
        else:
            found = [argument]
        paths.update(dict.fromkeys(map(os.path.normpath, found)))
    return list(paths)
