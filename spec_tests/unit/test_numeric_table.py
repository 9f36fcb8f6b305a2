"""The table of numeric instructions is complete, takes the right operands, and names the rule behind each entry."""

from __future__ import annotations

import inspect
import re

import pytest

from refsfi.numeric.table import SEMANTICS

# (shape, number of parameters including immediates) -> operators
INSTRUCTIONS: dict[tuple[str, int], str] = {
    ("i32", 1): "clz ctz popcnt extend8_s extend16_s eqz wrap_i64 reinterpret_f32 "
    "trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u "
    "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u",
    ("i32", 2): "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr "
    "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u",
    ("i64", 1): "clz ctz popcnt extend8_s extend16_s extend32_s eqz extend_i32_s extend_i32_u reinterpret_f64 "
    "trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u "
    "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u",
    ("i64", 2): "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr "
    "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u mul_wide_s mul_wide_u",
    ("i64", 4): "add128 sub128",
    ("f32", 1): "abs neg ceil floor trunc nearest sqrt demote_f64 reinterpret_i32 "
    "convert_i32_s convert_i32_u convert_i64_s convert_i64_u",
    ("f32", 2): "add sub mul div min max copysign eq ne lt gt le ge",
    ("f64", 1): "abs neg ceil floor trunc nearest sqrt promote_f32 reinterpret_i64 "
    "convert_i32_s convert_i32_u convert_i64_s convert_i64_u",
    ("f64", 2): "add sub mul div min max copysign eq ne lt gt le ge",
    ("v128", 1): "not any_true",
    ("v128", 2): "and andnot or xor",
    ("v128", 3): "bitselect",
    ("i8x16", 1): "abs neg popcnt all_true bitmask splat",
    ("i8x16", 2): "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u "
    "min_s min_u max_s max_u avgr_u shl shr_s shr_u narrow_i16x8_s narrow_i16x8_u swizzle relaxed_swizzle "
    "extract_lane_s extract_lane_u",
    ("i8x16", 3): "replace_lane shuffle relaxed_laneselect",
    ("i16x8", 1): "abs neg all_true bitmask splat extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u "
    "extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u extend_high_i8x16_u",
    ("i16x8", 2): "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u "
    "mul min_s min_u max_s max_u avgr_u q15mulr_sat_s shl shr_s shr_u narrow_i32x4_s narrow_i32x4_u "
    "extmul_low_i8x16_s extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u "
    "relaxed_q15mulr_s relaxed_dot_i8x16_i7x16_s extract_lane_s extract_lane_u",
    ("i16x8", 3): "replace_lane relaxed_laneselect",
    ("i32x4", 1): "abs neg all_true bitmask splat extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u "
    "extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u "
    "trunc_sat_f32x4_s trunc_sat_f32x4_u trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero "
    "relaxed_trunc_f32x4_s relaxed_trunc_f32x4_u relaxed_trunc_f64x2_s_zero relaxed_trunc_f64x2_u_zero",
    ("i32x4", 2): "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u add sub mul min_s min_u max_s max_u dot_i16x8_s "
    "shl shr_s shr_u extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u extract_lane",
    ("i32x4", 3): "replace_lane relaxed_laneselect relaxed_dot_i8x16_i7x16_add_s",
    ("i64x2", 1): "abs neg all_true bitmask splat "
    "extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u",
    ("i64x2", 2): "eq ne lt_s gt_s le_s ge_s add sub mul shl shr_s shr_u "
    "extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u extract_lane",
    ("i64x2", 3): "replace_lane relaxed_laneselect",
    ("f32x4", 1): "abs neg sqrt ceil floor trunc nearest splat demote_f64x2_zero convert_i32x4_s convert_i32x4_u",
    ("f32x4", 2): "add sub mul div min max pmin pmax eq ne lt gt le ge relaxed_min relaxed_max extract_lane",
    ("f32x4", 3): "replace_lane relaxed_madd relaxed_nmadd",
    ("f64x2", 1): "abs neg sqrt ceil floor trunc nearest splat promote_low_f32x4 "
    "convert_low_i32x4_s convert_low_i32x4_u",
    ("f64x2", 2): "add sub mul div min max pmin pmax eq ne lt gt le ge relaxed_min relaxed_max extract_lane",
    ("f64x2", 3): "replace_lane relaxed_madd relaxed_nmadd",
}

ARITIES = {f"{shape}.{op}": arity for (shape, arity), ops in INSTRUCTIONS.items() for op in ops.split()}

EXECUTION_RULES = {
    *("unop-val", "binop-val", "binop-trap", "testop", "relop", "cvtop-val", "cvtop-trap"),
    *("vvunop", "vvbinop", "vvternop", "vvtestop", "vunop-val", "vbinop-val", "vternop-val", "vtestop", "vrelop"),
    *("vshiftop", "vbitmask", "vswizzlop", "vshuffle", "vsplat", "vextract_lane-num", "vextract_lane-pack"),
    *("vreplace_lane", "vextunop", "vextbinop", "vextternop", "vnarrow", "vcvtop"),
}


def test_every_numeric_instruction_has_an_entry_and_nothing_else_has() -> None:
    assert set(SEMANTICS) == set(ARITIES)


def test_the_list_counts_what_the_specification_counts() -> None:
    relaxed = [name for name in ARITIES if "relaxed" in name]
    vector = [name for name in ARITIES if "x" in name.split(".")[0] or name.startswith("v128.")]
    assert len(relaxed) == 20
    assert len(vector) - len(relaxed) == 213
    assert len(ARITIES) - len(vector) == 136 + 4


@pytest.mark.parametrize("name", ARITIES)
def test_parameters_are_the_operands_and_immediates(name: str) -> None:
    assert len(inspect.signature(SEMANTICS[name]).parameters) == ARITIES[name]


@pytest.mark.parametrize("name", ARITIES)
def test_the_docstring_names_an_execution_rule_and_a_numeric_function(name: str) -> None:
    lines = re.findall(r"^\s*Rule: (.*)$", inspect.getdoc(SEMANTICS[name]) or "", re.MULTILINE)
    assert len(lines) == 1
    rules = lines[0].split(", ")
    if rules[0].startswith("wide-arithmetic/"):
        assert rules == [f"wide-arithmetic/{name}"]
        return
    execution = [rule.removeprefix("Step_pure/") for rule in rules if rule.startswith("Step_pure/")]
    functions = [rule for rule in rules if not rule.startswith("Step_pure/")]
    assert execution
    assert set(execution) <= EXECUTION_RULES
    assert functions
    assert all(re.fullmatch(r"[a-z0-9_]+_|R_[a-z0-9_]+", rule) for rule in functions)
