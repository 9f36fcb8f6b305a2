"""The official suite as JSON: what wabt's `wast2json` and `wasm-tools json-from-wast` make of its scripts, run here.

The converted scripts lie in another place than the suite, and yet have the features of the place they came from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.script.session import Options, run_file
from refsfi.script.suite import find_scripts, find_suite
from tools.fuzzing.peers import WASM_TOOLS, Answer, missing, run

SUITE = find_suite(Path(__file__).parents[1])
ABSENT = missing()

# Scripts that wasm-tools does not read: it has no legacy exceptions.
WASM_TOOLS_LACKS = {f"legacy/{name}.wast" for name in ("rethrow", "throw", "try_catch", "try_delegate")}

# All but --enable-all, which also switches on another format of imports.
WABT_OPTIONS = (
    "--enable-threads --enable-function-references --enable-gc --enable-custom-page-sizes --enable-wide-arithmetic"
    " --enable-code-metadata"
).split()
# It has parts of GC only, no descriptors and not all annotations; this many scripts it does read.
WABT_READS = 240
# Where its modules differ from the script's, with the lines whose tests then must fail.
WABT_ALTERS = {
    # Without data segments it writes no data count section, without which the instruction is malformed, not invalid.
    "memory_init.wast": {190, 266},
    "memory_init64.wast": {190, 266},
    # An alignment of 2^63 is lost, so that the offset is what is wrong.
    "align.wast": {1017},
    # The elements of a segment become expressions, which the threads tests' version of Wasm does not have.
    "proposals/threads/imports.wast": {24, 87, 88},
}


def test_suite_and_converters_are_there() -> None:
    if SUITE is None or ABSENT:
        what = ABSENT or "the official test suite"
        pytest.fail(f"missing, so no converted script was run: {what}", pytrace=False)


def by_wasm_tools(script: Path, folder: Path) -> Answer:
    return run(WASM_TOOLS, "json-from-wast", str(script), "--wasm-dir", str(folder), "-o", str(folder / "s.json"))


def by_wabt(script: Path, folder: Path) -> Answer:
    return run("wast2json", *WABT_OPTIONS, str(script), "-o", str(folder / "s.json"))


@pytest.mark.skipif(SUITE is None or bool(ABSENT), reason="the suite or the converters are missing")
@pytest.mark.parametrize("converter", [by_wasm_tools, by_wabt])
def test_converted_suite(
    converter: Callable[[Path, Path], Answer], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    assert SUITE is not None
    refused: set[str] = set()
    altered: dict[str, set[int]] = {}
    converted = passed = 0
    for number, script in enumerate(find_scripts(SUITE)):
        name = script.relative_to(SUITE).as_posix()
        folder = tmp_path / str(number)
        folder.mkdir()
        if not converter(script, folder).accepted:
            refused.add(name)
            continue
        result = run_file(str(folder / "s.json"), Options())
        converted += 1
        passed += result.passed
        if result.failed:
            altered[name] = {record.line for record in result.records if record.failed}
    record_property(f"compared JSON {converter.__name__.replace('_', ' ')}: scripts", converted)
    record_property(f"compared JSON {converter.__name__.replace('_', ' ')}: tests passed", passed)
    if converter is by_wasm_tools:
        assert altered == {}
        assert refused == WASM_TOOLS_LACKS
    else:
        assert altered == WABT_ALTERS
        assert converted >= WABT_READS
