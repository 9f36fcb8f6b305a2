"""What `refsfi print` writes is read by wasm-tools and by wabt, and means the same to them: their binary modules are
decoded and compared with ours.

wasm-tools has every feature. wabt lacks some, and some corners of its text format: what a module needs decides whether
it is given to wabt, never whether wabt took it. The numbers of modules compared are at the end of a run's output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.binary.codes import SectionId
from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.syntax.features import ALL, Feature, Features
from refsfi.syntax.module import Module
from refsfi.text.printer import print_module
from spec_tests.roundtrip.samples import SCRIPTS, samples
from tools.fuzzing.meaning import difference
from tools.fuzzing.peers import WASM_TOOLS, WAT2WASM, Answer, missing, needed, run

ABSENT = missing()

WABT: Features = ALL - {Feature.GC, Feature.CUSTOM_DESCRIPTORS}
# All but --enable-all, which also switches on another format of imports.
WABT_OPTIONS = (
    "--enable-threads --enable-function-references --enable-custom-page-sizes --enable-wide-arithmetic"
    " --enable-code-metadata"
).split()


def test_the_peers_are_there() -> None:
    if ABSENT:
        pytest.fail(f"not installed, so nothing was compared with them: {ABSENT} (pip install 'refsfi[peers]')")


@pytest.mark.skipif(bool(ABSENT), reason=f"not installed: {ABSENT}")
@pytest.mark.parametrize("script", SCRIPTS)
def test_printed_modules(script: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    failures: list[str] = []
    counts: Counter[str] = Counter()
    for sample in samples(SCRIPTS[script]):
        data = encode(sample.module)
        module = decode(data, ALL)
        text = print_module(module)
        answers = {WASM_TOOLS: run(WASM_TOOLS, "parse", data=text.encode())}
        lacking = _lacking(module, data, text) if sample.valid() else "invalid modules"
        if lacking:
            counts[f"wabt: not given {lacking}"] += 1
        else:
            answers["wabt"] = _wat2wasm(text, tmp_path)
        for peer, answer in answers.items():
            counts[f"{peer}: modules compared"] += 1
            if not answer.accepted:
                failures.append(f"{sample.where}: refused by {peer}: {answer.message}")
            elif answer.output == data:
                counts[f"{peer}: of these, with the same bytes"] += 1
            elif differs := difference(module, decode(answer.output, ALL)):
                failures.append(f"{sample.where}: {differs} differ in what {peer} made of it")
    for name, count in counts.items():
        record_property(f"compared {name}", count)
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def _wat2wasm(text: str, directory: Path) -> Answer:
    source, target = directory / "module.wat", directory / "module.wasm"
    source.write_text(text, encoding="utf-8")
    answer = run(WAT2WASM, *WABT_OPTIONS, f"--output={target}", str(source))
    return Answer(answer.accepted, target.read_bytes() if answer.accepted else b"", answer.message)


# What wabt's text format has not -> how it is written.
_UNREAD = {"references to exceptions that are not null": "(ref exn)", "annotated names of tags": "(tag (@name"}


def _lacking(module: Module, data: bytes, text: str) -> str:
    """What a module has that wabt (1.0.42) does not know; empty if there is nothing."""
    features = needed(data, ALL - WABT)
    if features:
        return ", ".join(sorted(features))
    if any(table.init is not None for table in module.tables):
        return "tables with initial values"
    if any(custom.after in (0, SectionId.FUNCTION) for custom in module.customs):
        return "custom sections in places that wabt has no word for"
    return next((what for what, written in _UNREAD.items() if written in text), "")
