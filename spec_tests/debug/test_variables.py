"""Variables of the source in the frames of a failure: where they are, their types and values."""

from __future__ import annotations

import random

import pytest

from refsfi.binary.decode import decode
from refsfi.debug.coredump import CoreDump, core_views, instances_of, read_core
from refsfi.debug.dwarf import SourceVariable, debug_info
from refsfi.debug.explain import explain
from refsfi.debug.liveness import live_locals
from refsfi.debug.symbols import FrameState, info_of, variables_of, variables_of_view
from refsfi.exec.load import load_program
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Custom
from spec_tests.debug.support import Watched, fixture


def shown(variables: list[SourceVariable]) -> dict[str, str | None]:
    return {f"{variable.type} {variable.name}": variable.value for variable in variables}


def failed(name: str, function: str, *arguments: int) -> Watched:
    guest = Watched(fixture(name))
    guest.fails(function, *arguments)
    return guest


class TestValues:
    def test_on_the_stack_in_memory(self) -> None:
        walk, walk_out = failed("faults", "walk_out", 17).witness.activations()
        assert shown(variables_of(walk)) == {
            "int i": "2",
            "node * first": "0x10ffb0",
            "int count": "2",
            "int sum": "4",
        }
        assert shown(variables_of(walk_out)) == {"int pages": "17", "node * last": "0x10ffb0"}
        kinds = {variable.name: variable.kind for variable in variables_of(walk)}
        assert kinds == {"i": "variable", "first": "parameter", "count": "parameter", "sum": "variable"}

    @pytest.mark.parametrize("name", ["faults-o2", "faults-v5"])
    def test_in_locals_where_location_lists_say_so(self, name: str) -> None:
        walk, walk_out = failed(name, "walk_out", 17).witness.activations()
        values = shown(variables_of(walk))
        assert values["node * first"] == "0x10ffb0"
        # Optimized away at this place.
        assert values["int sum"] is None
        assert shown(variables_of(walk_out))["node * last"] == "0x10ffb0"

    def test_classes_references_and_booleans(self) -> None:
        inner, outer = failed("shapes", "area", 0, 3).witness.activations()
        assert shown(variables_of(inner)) == {"const Box<int> * this": "0xffff0"}
        assert shown(variables_of(outer)) == {
            "int width": "0",
            "int height": "3",
            "Box<int> box": "{width = 0, height = 3}",
            "const Box<int> & same": "0xffff0",
            "bool big": "false",
        }

    @pytest.mark.parametrize("name", ["faults", "faults-o2", "faults-v5"])
    def test_globals_with_structures_arrays_enumerations_and_bit_fields(self, name: str) -> None:
        guest = failed(name, "walk_out", 17)
        info = info_of(guest.program)
        assert info is not None
        activation = next(guest.witness.activations())
        state = FrameState(activation.locals(), activation.operands(), activation.instance)
        found = shown(info.globals(guest.program.module.funcs[0].body[0].at, state))
        nodes = found["node[3] nodes"]
        assert nodes is not None
        assert nodes.startswith('{{at = {x = 1, y = 2}, tint = GREEN, weight = 1.5, tag = "ab", next = 0x1')
        assert nodes.endswith('{at = {x = 5, y = 6}, tint = RED, weight = 3.5, tag = "ef", next = 0x0, flag = 3}}')
        # The linker has dropped what nobody uses.
        assert found["float ratio"] is None
        assert info.problems == []

    def test_of_a_core_dump(self) -> None:
        guest = failed("faults", "walk_out", 17)
        dump = CoreDump(guest.witness, [guest.instance], "", lambda program: "")
        core = read_core(b"".join(bytes(piece) for piece in dump.pieces()))
        program = load_program(fixture("faults"), ALL)
        views = core_views(core, instances_of(core, [program]))
        live = [shown(variables_of(activation)) for activation in guest.witness.activations()]
        assert [shown(variables_of_view(view)) for view in views] == live

    def test_they_are_part_of_an_explanation(self) -> None:
        guest = Watched(fixture("faults"))
        error = guest.fails("grow", 3)
        lines = explain(error, guest.witness).lines(lambda frame, pc: "")
        assert "  variables: value = 0 (int)" in lines
        assert "             by = 3 (int)" in lines

    def test_questions_do_not_use_up_the_answers(self) -> None:
        walk = next(failed("faults", "walk_out", 17).witness.activations())
        first = variables_of(walk)
        assert all(variables_of(walk) == first for _ in range(500))


class TestLiveness:
    def test_locals_that_may_still_be_read(self) -> None:
        guest = Watched(
            """(module (func (export "f") (param $a i32) (param $b i32) (result i32) (local $c i32)
                 (local.set $c (local.get $b))
                 (loop $l
                   (local.set $b (i32.div_u (i32.const 1) (i32.const 0)))
                   (br_if $l (local.get $a)))
                 (local.get $c)))"""
        )
        guest.fails("f", 1, 2)
        code = guest.program.funcs[0]
        (activation,) = guest.witness.activations()
        assert live_locals(code, 0) == {0, 1}
        # $b is set before anybody reads it, however often.
        assert live_locals(code, activation.pc) == {0, 2}


class TestHostileBytes:
    @pytest.mark.parametrize("name", ["faults", "faults-o2", "faults-v5", "shapes"])
    def test_corrupt_sections_give_a_value_none_or_a_problem(self, name: str) -> None:
        rng = random.Random(name)
        original = decode(fixture(name), ALL)
        whole = decode(fixture(name), ALL)
        guest = failed(name, *(("area", 0, 3) if name == "shapes" else ("walk_out", 17)))
        activations = list(guest.witness.activations())
        problems = 0
        for _ in range(200):
            customs = []
            for custom in original.customs:
                data = bytearray(custom.data)
                if custom.name.startswith(".debug"):
                    for _ in range(rng.choice((0, 1, 1, 2, 8))):
                        data[rng.randrange(len(data))] = rng.choice((0, 0x7F, 0x80, 0xED, 0xFF, rng.randrange(256)))
                customs.append(Custom(custom.name, bytes(data), custom.after))
            whole.customs = customs
            info = debug_info(whole)
            if info is None:
                continue
            for activation in activations:
                state = FrameState(activation.locals(), activation.operands(), activation.instance)
                at = whole.funcs[activation.code.index].body[activation.pc].at
                for variable in (*info.variables(at, state), *info.globals(at, state)):
                    assert variable.value is None or len(variable.value) < 20_000
            problems += bool(info.problems)
        assert problems > 20

    def test_types_that_refer_in_circles(self) -> None:
        whole = decode(fixture("faults"), ALL)
        abbreviations = next(custom for custom in whole.customs if custom.name == ".debug_abbrev")
        # Pointers are read as type definitions, so that `node` contains itself; base types as structures.
        changed = abbreviations.data.replace(b"\x0f\x00\x49", b"\x16\x00\x49").replace(b"\x24\x00\x03", b"\x13\x00\x03")
        assert changed != abbreviations.data
        abbreviations.data = changed
        guest = failed("faults", "walk_out", 17)
        activation = next(guest.witness.activations())
        state = FrameState(activation.locals(), activation.operands(), activation.instance)
        at = whole.funcs[activation.code.index].body[activation.pc].at
        found = debug_info(whole)
        assert found is not None
        assert {variable.name for variable in found.variables(at, state)} == {"i", "first", "count", "sum"}
