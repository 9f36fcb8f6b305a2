"""The commands on mutated files: exit code 0 or 1, never a traceback, and one error that names file and place."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

from refsfi.cli.main import main
from tools.fuzzing.corpus import load_seeds
from tools.fuzzing.mutate import mutate_text
from tools.fuzzing.mutation import Inputs

CONFORMANCE = Path(__file__).parents[1] / "conformance"
SEEDS = [CONFORMANCE / "gc.wast", CONFORMANCE / "control.wast", CONFORMANCE / "exceptions.wast"]
CASES = 150


@pytest.mark.parametrize("command", ["validate", "print", "parse", "objdump"])
def test_bad_files(command: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    refused = 0
    inputs = Inputs(load_seeds(SEEDS), seed=0)
    for index in range(CASES):
        _, content, _ = inputs.make(index)
        if not content:
            # It has no places.
            continue
        path = tmp_path / ("case.wasm" if isinstance(content, bytes) else "case.wat")
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        code = main([command, str(path)])
        captured = capfdbinary.readouterr()
        error = captured.err.decode()
        assert code in (0, 1), (index, code, error)
        assert "Traceback" not in error, index
        if code == 0:
            assert not error, index
            continue
        refused += 1
        assert error.count(str(path)) == 1, (index, error)
        assert re.search(rf"{re.escape(str(path))}:(?:\d+:\d+: .*|.* \(at offset 0x[0-9a-f]+\))", error), (index, error)
    assert refused > CASES // 4


LIMITS = "fuel=10000,timeout=10s,max-memory-size=10000000,max-table-elements=100000,unknown-imports-default=y"


def test_running_bad_files(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    inputs = Inputs(load_seeds(SEEDS), seed=1)
    codes = set()
    for index in range(CASES):
        _, content, _ = inputs.make(index)
        path = tmp_path / ("case.wasm" if isinstance(content, bytes) else "case.wat")
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        code = main(["run", "-W", LIMITS, str(path)])
        error = capfdbinary.readouterr().err.decode()
        assert code in (0, 1, 134), (index, code, error)
        assert "Traceback" not in error, index
        assert (code == 0) == (not error), (index, code, error)
        codes.add(code)
    assert codes >= {0, 1}


def test_bad_scripts(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    texts = [path.read_text(encoding="utf-8") for path in SEEDS]
    path = tmp_path / "case.wast"
    codes = set()
    for index in range(CASES // 3):
        random = Random(index)
        content = mutate_text(random.choice(texts), texts, random)
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        code = main(["spec", "-q", str(path)])
        output = b"".join(capfdbinary.readouterr()).decode()
        assert code in (0, 1), (index, code, output)
        assert "Traceback" not in output, index
        assert " passed, " in output, (index, output)
        codes.add(code)
    assert codes == {0, 1}
