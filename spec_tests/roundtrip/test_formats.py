"""Both formats keep what a module means: every module of the official suite and of the conformance scripts goes from
text to bytes and back, and the bytes stay the same."""

from __future__ import annotations

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.text.printer import print_module
from spec_tests.roundtrip.samples import SCRIPTS, SUITE, Sample, samples
from tools.fuzzing.meaning import difference


def test_the_suite_is_there() -> None:
    if SUITE is None:
        pytest.fail(
            "the official test suite is missing, so its modules made no round trip: get it with tools/fetch-testsuite"
            " or name a checkout of it in REFSFI_TESTSUITE",
            pytrace=False,
        )


@pytest.mark.parametrize("script", SCRIPTS)
def test_round_trips(script: str) -> None:
    failures = [f"{sample.where}: {failure}" for sample in samples(SCRIPTS[script]) for failure in _failures(sample)]
    if failures:
        pytest.fail("\n".join(failures), pytrace=False)


def _failures(sample: Sample) -> list[str]:
    """What is wrong with the round trips of one module."""
    failures = []
    data = encode(sample.module)
    decoded = decode(data, ALL)
    if differs := difference(sample.module, decoded):
        failures.append(f"{differs} differ after encoding and decoding")
    if encode(decoded) != data:
        failures.append("encoding what was decoded gives other bytes")
    for fold in (False, True):
        how = "folded text" if fold else "text"
        parsed = parse_module(print_module(decoded, fold=fold), ALL)
        again = encode(parsed)
        if differs := difference(decoded, parsed):
            failures.append(f"{differs} differ after printing as {how} and parsing")
        if sample.binary is not None:
            # The script's author chose among the encodings of one thing; text does not say which.
            data = encode(parse_module(print_module(parsed, fold=fold), ALL))
        if again != data:
            failures.append(f"printing as {how} and parsing gives other bytes")
    return failures
