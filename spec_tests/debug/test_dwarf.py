"""Debug information: lines, functions, inlining, in two versions of DWARF; and bytes that are none."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.cli.main import main
from refsfi.debug.dwarf import DebugInfo, debug_info
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Custom, Module
from tools.fuzzing import peers

FIXTURES = Path(__file__).parent / "fixtures"
OPTIMIZED = ["faults-o2", "faults-v5"]
NAMES = ["faults", *OPTIMIZED, "shapes"]


def module(name: str) -> Module:
    return decode((FIXTURES / f"{name}.wasm").read_bytes(), ALL)


def info(name: str) -> DebugInfo:
    found = debug_info(module(name))
    assert found is not None
    return found


def line_of(text: str, source: str = "faults.c") -> int:
    lines = (FIXTURES / source).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def offset_of(module: Module, func: int, mnemonic: str) -> int:
    return next(instr.at for instr in module.funcs[func].body if instr.op.mnemonic == mnemonic)


class TestLocate:
    def test_a_line_and_its_function(self) -> None:
        found = info("faults").locate(offset_of(module("faults"), 1, "i32.div_s"))
        assert [(f.function, str(f), f.inlined) for f in found] == [
            ("scale", f"/src/faults.c:{line_of('return result /')}:17", False)
        ]

    @pytest.mark.parametrize("name", OPTIMIZED)
    def test_what_is_inlined_comes_before_what_it_is_in(self, name: str) -> None:
        inner, outer = info(name).locate(offset_of(module(name), 0, "i32.div_s"))
        assert (inner.function, inner.file, inner.line, inner.inlined) == (
            "scale",
            "/src/faults.c",
            line_of("return result /"),
            True,
        )
        assert (outer.function, outer.line, outer.inlined) == ("grow", line_of("sum += scale("), False)

    def test_a_mangled_name_is_readable(self) -> None:
        shapes = module("shapes")
        names = {frame.function for func in shapes.funcs for frame in info("shapes").locate(func.body[0].at)}
        assert names == {"area", "geometry::Box<int>::area() const"}

    def test_without_the_demangler_a_name_says_what_it_is_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from refsfi.debug.dwarf.demangle import demangle

        monkeypatch.setitem(sys.modules, "demangle", None)
        demangle.cache_clear()
        try:
            shapes = module("shapes")
            names = {frame.function for func in shapes.funcs for frame in info("shapes").locate(func.body[0].at)}
            assert names == {"area", "geometry::Box<int>::area"}
        finally:
            demangle.cache_clear()

    def test_nothing_is_known_outside_of_the_code(self) -> None:
        assert info("faults").locate(0) == [] == info("faults").locate(1 << 70)

    def test_text_and_stripped_modules_have_none(self) -> None:
        stripped = module("faults")
        stripped.customs = []
        assert debug_info(decode(encode(stripped), ALL)) is None


class TestOffsets:
    @pytest.mark.parametrize("name", NAMES[:3])
    def test_a_line_has_code_that_belongs_to_it(self, name: str) -> None:
        line = line_of("sum += first[i].at.x;")
        offsets = info(name).offsets("faults.c", line)
        assert offsets
        assert {info(name).locate(offset)[0].line for offset in offsets} == {line}

    def test_a_line_without_code_stands_for_the_next_one(self) -> None:
        wanted = line_of("int sum = (int)total;")
        assert info("faults").offsets("faults.c", wanted - 1) != []
        assert info("faults").offsets("/src/faults.c", line_of("static inline int scale") - 2) != []
        assert info("faults").offsets("faults.c", 10_000) == []
        assert info("faults").offsets("other.c", wanted) == []

    def test_files(self) -> None:
        assert info("faults").files() == ["/src/faults.c"]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    def invoke(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return invoke


class TestAddr2line:
    def test_inlined_functions_have_a_line_each(self, run: Run) -> None:
        at = offset_of(module("faults-o2"), 0, "i32.div_s")
        code, out, _ = run("addr2line", FIXTURES / "faults-o2.wasm", hex(at), str(at), f"@{at:x}")
        division, call = line_of("return result /"), line_of("sum += scale(")
        lines = f": scale /src/faults.c:{division}:17\n\tgrow /src/faults.c:{call}:42\n"
        assert (code, out) == (0, f"{hex(at)}{lines}{at}{lines}@{at:x}{lines}")

    def test_addresses_may_count_from_the_code_section(self, run: Run) -> None:
        at = offset_of(module("faults"), 1, "i32.div_s") - 0x60
        _, out, _ = run("addr2line", "--code-section-relative", FIXTURES / "faults.wasm", hex(at))
        assert out == f"{hex(at)}: scale /src/faults.c:{line_of('return result /')}:17\n"

    def test_a_text_module_has_its_own_lines(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "m.wat"
        path.write_text("(module\n  (func $f\n    nop\n    unreachable))\n")
        code, out, _ = run("addr2line", path, "0x18")
        assert (code, out) == (0, f"0x18: f {path}:4:5\n")

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ([FIXTURES / "faults.wasm"], 2, "no address given"),
            ([FIXTURES / "faults.wasm", "walk"], 2, "'walk' is no address"),
            ([FIXTURES / "faults.wasm", "0x5"], 1, "0x5 is outside of the code section, which is 0x60 to 0x2bf"),
            ([FIXTURES / "faults.c", "0x5"], 1, "faults.c:1:1"),
            (["nowhere.wasm", "0x5"], 1, "nowhere.wasm: cannot be read"),
        ],
    )
    def test_mistakes(self, run: Run, arguments: list[str | Path], code: int, message: str) -> None:
        found, out, err = run("addr2line", *arguments)
        assert (found, out) == (code, "")
        assert message in err

    def test_a_module_whose_debug_information_is_elsewhere_says_where(self, run: Run, tmp_path: Path) -> None:
        stripped = module("faults")
        stripped.customs = [
            Custom("external_debug_info", b"\x0ffaults.debug.wa", 10),
            Custom("build_id", b"\x04\xde\xad\xbe\xef", 10),
        ]
        path = tmp_path / "stripped.wasm"
        path.write_bytes(encode(stripped))
        code, _, err = run("addr2line", path, "0x70")
        assert code == 1
        assert "no debug information; compile it with -g" in err
        assert "it names 'faults.debug.wa' as the file that has it, and its build id is deadbeef" in err

    @pytest.mark.skipif(bool(peers.missing()), reason=f"not installed: {peers.missing()}")
    @pytest.mark.parametrize("name", NAMES)
    def test_wasm_tools_says_the_same(self, run: Run, name: str) -> None:
        path = FIXTURES / f"{name}.wasm"
        addresses = [hex(at) for func in module(name).funcs for at in range(func.at, func.end)]
        theirs = peers.run(peers.WASM_TOOLS, "addr2line", str(path), *addresses)
        code, ours, err = run("addr2line", path, *addresses)
        assert (code, err) == (0, "")
        assert ours == theirs.output.decode()


class TestHostileBytes:
    @pytest.mark.parametrize("name", NAMES)
    def test_corrupt_sections_give_a_problem_or_an_answer(self, name: str) -> None:
        rng = random.Random(name)
        original = module(name)
        whole = decode((FIXTURES / f"{name}.wasm").read_bytes(), ALL)
        places = [func.at + (func.end - func.at) // 2 for func in whole.funcs]
        problems = 0
        for _ in range(150):
            customs = []
            for custom in original.customs:
                data = bytearray(custom.data)
                if custom.name.startswith(".debug"):
                    for _ in range(rng.choice((0, 1, 1, 4, 16))):
                        data[rng.randrange(len(data))] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
                    if rng.random() < 0.1:
                        del data[rng.randrange(len(data)) :]
                customs.append(Custom(custom.name, bytes(data), custom.after))
            whole.customs = customs
            found = debug_info(whole)
            if found is None:
                continue
            for place in places:
                for frame in found.locate(place):
                    assert isinstance(str(frame), str)
            found.files()
            found.offsets("faults.c", 20)
            problems += bool(found.problems)
            assert len(found.problems) < 20
        assert problems > 30

    def test_a_table_of_endless_empty_rows_is_refused(self) -> None:
        # Version 5 counts the entries of its tables; entries without a column take no bytes.
        whole = module("faults-v5")
        line = next(custom for custom in whole.customs if custom.name == ".debug_line")
        # Unit length, version, sizes, header length, seven bytes, an operand count for each standard instruction.
        directories = 4 + 2 + 2 + 4 + 6 + line.data[17] - 1
        assert line.data[directories] == 1
        line.data = line.data[:directories] + b"\x00" + b"\xff" * 8 + b"\x7f" + line.data[directories + 10 :]
        found = debug_info(whole)
        assert found is not None
        assert found.offsets("faults.c", 20) == []
        assert "more work than its size warrants" in found.problems[0]

    def test_the_command_warns_once_and_goes_on(self, run: Run, tmp_path: Path) -> None:
        broken = module("faults")
        line = next(custom for custom in broken.customs if custom.name == ".debug_line")
        line.data = line.data[:4] + b"\x09" + line.data[5:]
        path = tmp_path / "broken.wasm"
        path.write_bytes(encode(broken))
        code, out, err = run("addr2line", path, "0x70", "0x71")
        assert (code, out) == (0, "0x70: grow\n0x71: grow\n")
        assert err.count("\n") == 1
        assert err.startswith(f"warning: {path}: debug information: .debug_line: ")
