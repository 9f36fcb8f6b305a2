"""The side table that validation leaves for execution: heights, branches, handlers, exception slots."""

from __future__ import annotations

from refsfi.syntax.features import ALL
from refsfi.text.parser import parse_module
from refsfi.valid.module import module_context, validate, validate_func
from refsfi.valid.sidetable import UNREACHABLE, Branch, CatchTarget, Handler, SideTable

DEAD = UNREACHABLE


def side(code: str, header: str = "", tags: str = "") -> SideTable:
    """The side table of one function; `code` is written flat, one instruction per pc, without the last `end`."""
    return validate(parse_module(f"(module {tags} (func {header} {code}))", ALL), ALL).sides[0]


def heights(table: SideTable) -> list[int]:
    return list(table.heights)


# --- heights ---------------------------------------------------------------------------------------------------------


def test_heights_count_operands_before_each_instruction() -> None:
    table = side("i32.const 1  i32.const 2  i32.add  drop")
    assert heights(table) == [0, 1, 2, 1, 0]
    assert table.max_height == 2


def test_the_last_end_has_the_results() -> None:
    assert heights(side("i32.const 1  i64.const 2", "(result i32 i64)")) == [0, 1, 2]
    assert heights(side("unreachable", "(result i32 i64)")) == [0, 2]


def test_blocks_start_above_what_they_leave_alone() -> None:
    code = "i64.const 7  i32.const 1  block (param i32) (result i32 i32)  i32.const 2  end  drop  drop  drop"
    assert heights(side(code)) == [0, 1, 2, 2, 3, 3, 2, 1, 0]


def test_dead_code_has_no_height_but_its_end_does() -> None:
    code = "block (result i32)  i32.const 1  br 0  i32.const 2  drop  nop  end  drop"
    assert heights(side(code)) == [0, 0, 1, DEAD, DEAD, DEAD, 1, 1, 0]


def test_blocks_in_dead_code_are_dead_with_their_ends() -> None:
    code = "block  return  block  nop  unreachable  nop  end  nop  end  nop"
    assert heights(side(code)) == [0, 0, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0, 0, 0]


def test_an_else_that_control_cannot_fall_into() -> None:
    code = "i32.const 1  if (result i32)  unreachable  nop  else  i32.const 2  end  drop"
    assert heights(side(code)) == [0, 1, 0, DEAD, DEAD, 0, 1, 1, 0]


def test_an_else_that_control_falls_into_has_the_results() -> None:
    code = "i32.const 1  if (result i32 i32)  i32.const 2  i32.const 3  else  unreachable  end  drop  drop"
    assert heights(side(code)) == [0, 1, 0, 1, 2, 0, 2, 2, 1, 0]


def test_the_second_part_of_a_dead_if_is_dead() -> None:
    code = "unreachable  if  nop  else  nop  end  nop"
    assert heights(side(code)) == [0, DEAD, DEAD, DEAD, DEAD, DEAD, DEAD, 0]


def test_max_height_includes_results_of_calls() -> None:
    text = "(func (result i32 i32 i32) unreachable) (func call 0 drop drop drop)"
    assert validate(parse_module(text), ALL).sides[1].max_height == 3


# --- branches --------------------------------------------------------------------------------------------------------


def test_forward_branches_go_to_the_end_and_backward_ones_to_the_loop() -> None:
    code = "i64.const 0  block (result i32)  loop (result i32)  i32.const 1  br 1  br 0  end  end  drop  drop"
    table = side(code)
    assert table.branches == {4: Branch(7, 1, 1), 5: Branch(2, 0, 1)}


def test_a_loop_label_takes_the_parameters() -> None:
    code = "i64.const 0  i32.const 1  loop (param i32)  i32.const 1  br_if 0  drop  end  drop"
    table = side(code)
    assert table.branches == {4: Branch(2, 1, 1)}
    assert table.heights[2] == 2


def test_returns_go_to_the_last_end() -> None:
    code = "i64.const 0  i32.const 1  return  nop  br 0"
    assert side(code, "(result i32)").branches == {2: Branch(5, 1, 0), 4: Branch(5, 1, 0)}


def test_br_table_lists_its_targets_with_the_default_last() -> None:
    code = "block  loop  i32.const 0  br_table 0 2 1  end  end"
    assert side(code).branches == {3: (Branch(1, 0, 0), Branch(6, 0, 0), Branch(5, 0, 0))}


def test_an_if_goes_behind_its_else_and_the_else_to_the_end() -> None:
    code = "i64.const 0  i32.const 1  i32.const 1  if (param i32) (result i32)  nop  else  i32.eqz  end  drop  drop"
    assert side(code).branches == {3: Branch(6, 1, 1), 5: Branch(7, 1, 1)}


def test_an_if_without_else_goes_to_the_end() -> None:
    code = "i32.const 5  i32.const 1  if (param i32) (result i32)  i32.eqz  end  drop"
    assert side(code).branches == {2: Branch(4, 1, 0)}


def test_branches_on_references() -> None:
    code = (
        "block (result anyref)  local.get 0  br_on_cast 0 anyref i31ref  br_on_null 1  br_on_non_null 0  unreachable"
        "  end  drop"
    )
    table = side(code, "(param anyref)")
    assert table.branches == {2: Branch(6, 1, 0), 3: Branch(8, 0, 0), 4: Branch(6, 1, 0)}
    assert heights(table) == [0, 0, 1, 1, 1, 0, 1, 1, 0]


# --- handlers --------------------------------------------------------------------------------------------------------

TAG = "(tag (param i32)) (tag)"


def test_try_table_labels_count_from_outside() -> None:
    code = (
        "i64.const 0  block (result i32 exnref)  try_table (catch_ref 0 0) (catch 1 1) (catch_all 1)  nop  end"
        "  unreachable  end  drop  drop  drop"
    )
    table = side(code, tags=TAG)
    assert table.handlers == [
        Handler(
            start=3,
            end=4,
            parent=-1,
            catches=(
                CatchTarget(0, True, Branch(6, 2, 1)),
                CatchTarget(1, False, Branch(10, 0, 0)),
                CatchTarget(None, False, Branch(10, 0, 0)),
            ),
        )
    ]


def test_nested_handlers_name_the_one_around_them() -> None:
    code = "try_table  try_table  nop  end  end  try_table  nop  end"
    found = [(h.start, h.end, h.parent) for h in side(code).handlers]
    assert found == [(1, 4, -1), (2, 3, 0), (6, 7, -1)]


def test_a_handler_may_loop() -> None:
    code = "loop  try_table (catch_all 0)  nop  end  end"
    assert side(code).handlers[0].catches == (CatchTarget(None, False, Branch(0, 0, 0)),)


def test_legacy_clauses_start_behind_their_catch() -> None:
    code = "i64.const 0  try  nop  catch 0  drop  catch_all  nop  end  drop"
    table = side(code, tags=TAG)
    assert table.handlers == [
        Handler(2, 3, -1, (CatchTarget(0, False, Branch(4, 1, 1), 0), CatchTarget(None, False, Branch(6, 0, 1), 0)))
    ]
    assert table.branches == {3: Branch(7, 0, 1), 5: Branch(7, 0, 1)}
    assert table.exn_slots == 1
    assert heights(table) == [0, 1, 1, 1, 2, 1, 1, 1, 1, 0]


def test_a_clause_that_nothing_falls_into() -> None:
    code = "try (result i32)  throw 1  nop  catch 0  end  drop"
    assert heights(side(code, tags=TAG)) == [0, 0, DEAD, DEAD, 1, 1, 0]


def test_exceptions_in_flight_at_once_have_slots_of_their_own() -> None:
    code = (
        "try  nop  catch 1"  # 0 1 2
        "  try  nop  catch 1"  # 3 4 5
        "  rethrow 0  rethrow 1"  # 6 7
        "  end  rethrow 0  end"  # 8 9 10
        "  try  nop  catch_all  rethrow 0  end"  # 11 to 15
    )
    table = side(code, tags=TAG)
    assert table.rethrows == {6: 1, 7: 0, 9: 0, 14: 0}
    assert table.exn_slots == 2
    # A clause is outside its own handler.
    assert [h.parent for h in table.handlers] == [-1, -1, -1]


def test_delegate_asks_the_handlers_of_the_label_it_names() -> None:
    code = "try  try  try  nop  delegate 1  catch_all  end  catch_all  end"
    table = side(code)
    assert [(h.start, h.end, h.parent) for h in table.handlers] == [(1, 7, -1), (2, 5, 0), (3, 4, 0)]
    assert table.handlers[2].catches == ()


def test_delegate_to_a_clause_or_the_function_leaves_its_try_out() -> None:
    in_clause = side("try  nop  catch_all  try  nop  delegate 0  end")
    assert [h.parent for h in in_clause.handlers] == [-1, -1]
    to_caller = side("try  try  nop  delegate 1  catch_all  end")
    assert [h.parent for h in to_caller.handlers] == [-1, -1]


def test_a_branch_out_of_a_try_goes_to_its_delegate() -> None:
    assert side("try  br 0  delegate 0  nop").branches == {1: Branch(2, 0, 0)}


# --- a function alone ------------------------------------------------------------------------------------------------


def test_a_body_can_be_validated_alone() -> None:
    module = parse_module('(import "m" "f" (func)) (func call 0) (func (result i32) i32.const 1 local.get 0)', ALL)
    context = module_context(module, ALL)
    assert list(validate_func(context, 0).heights) == [0, 0]
