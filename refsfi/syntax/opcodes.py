"""THE table: one row per instruction.

Everything that handles instructions is driven by this table — decoder, encoder, text parser, printer, validator,
executor, recorder — and a test walks every row and finds each of them. Adding an instruction is adding a row here and
its semantics in `numeric/` or `exec/`.

A row has five columns, separated by two or more spaces:

    opcode      hexadecimal; the number after the prefix byte in the blocks with a prefix
    mnemonic    the text format's keyword
    immediates  in the order of the binary format, separated by commas, `-` for none; see `Imm`. `mem4` is a memory
                argument for an access of 4 bytes
    type        operands -> results, deepest first; `addr` stands for the address type of the memory that the
                instruction names, `*` for a type that depends on more than the immediates' kinds (the validator has
                a rule of its own)
    rule        the family of rules of the specification: `Instr_ok/FAMILY` in validation and `Step*/FAMILY-*` in
                execution

Three mnemonics have two opcodes: `select` (1B; 1C with types), `ref.test`, `ref.cast` and `ref.cast_desc_eq` (the
next opcode for a nullable target). The immediate's kind, SELECT or CAST, says so; the row gives the first opcode.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from refsfi.syntax.features import Feature

__all__ = ["BY_CODE", "BY_MNEMONIC", "OPS", "Imm", "Op", "op"]


class Imm(Enum):
    """Kinds of immediates, with the Python type that `Instr.args` holds."""

    TYPE = "type"  # int, as all indices
    FUNC = "func"
    TABLE = "table"
    MEM = "mem"
    GLOBAL = "global"
    TAG = "tag"
    ELEM = "elem"
    DATA = "data"
    LOCAL = "local"
    FIELD = "field"
    LABEL = "label"
    LABELS = "labels"  # tuple[int, ...], br_table's targets without the default
    COUNT = "count"  # int: array.new_fixed's length
    MEMARG = "memarg"  # MemArg; `Op.width` has the access's bytes
    LANE = "lane"  # int 0..255; validation checks it
    LANES = "lanes"  # bytes of length 16
    I32 = "i32"  # unsigned int
    I64 = "i64"  # unsigned int
    F32 = "f32"  # unsigned int, the bits
    F64 = "f64"  # unsigned int, the bits
    V128 = "v128"  # bytes of length 16, lane 0 first
    BLOCK = "block"  # BlockType
    HEAP = "heap"  # HeapType
    CAST = "cast"  # RefType; nullability is the lowest bit of the opcode
    CASTS = "casts"  # two immediates of type RefType behind one flags byte
    SELECT = "select"  # tuple[ValType, ...], or None for the opcode without types
    CATCHES = "catches"  # tuple[Catch, ...]
    ZERO = "zero"  # no value: a reserved zero byte (atomic.fence)

    __hash__ = object.__hash__


class Op:
    """A row. Rows are singletons: compare with `is`."""

    __slots__ = (
        "code",
        "const",
        "feature",
        "fuel",
        "id",
        "imms",
        "mnemonic",
        "operands",
        "prefix",
        "results",
        "rule",
        "width",
    )

    def __init__(
        self,
        id: int,
        mnemonic: str,
        prefix: int | None,
        code: int,
        imms: tuple[Imm, ...],
        operands: tuple[str, ...] | None,
        results: tuple[str, ...] | None,
        rule: str,
        feature: Feature | None,
        width: int,
    ) -> None:
        self.id: Final = id  # dense, from 0, in table order
        self.mnemonic: Final = mnemonic
        self.prefix: Final = prefix  # None, 0xFB, 0xFC, 0xFD or 0xFE
        self.code: Final = code
        self.imms: Final = imms
        self.operands: Final = operands  # None where the type is `*`
        self.results: Final = results
        self.rule: Final = rule
        self.feature: Final = feature  # None: part of the first version
        self.width: Final = width  # bytes that a memory access touches, else 0
        self.const: Final = rule in _CONST_RULES or mnemonic in _CONST_MNEMONICS
        self.fuel: Final = 0 if mnemonic in _FREE else 1

    def __repr__(self) -> str:
        return f"<Op {self.mnemonic}>"

    def __reduce__(self) -> tuple[object, ...]:
        return op, (self.mnemonic,)


# Instructions that constant expressions may consist of (rules Instr_const/*); global.get only of immutable globals.
_CONST_RULES = frozenset(
    "const vconst ref.null ref.func ref.i31 global.get struct.new struct.new_default struct.new_desc "
    "struct.new_default_desc array.new array.new_default array.new_fixed any.convert_extern "
    "extern.convert_any".split()
)
_CONST_MNEMONICS = frozenset("i32.add i32.sub i32.mul i64.add i64.sub i64.mul".split())

# Structure rather than work: these cost no fuel, all others cost one unit.
_FREE = frozenset("nop drop block loop unreachable return else end try catch catch_all delegate".split())

# (prefix byte, feature or None, rows)
_TABLE: tuple[tuple[int | None, Feature | None, str], ...] = (
    (
        None,
        None,
        """
        00  unreachable          -             *               unreachable
        01  nop                  -             ->              nop
        02  block                block         *               block
        03  loop                 block         *               loop
        04  if                   block         *               if
        05  else                 -             *               if
        0B  end                  -             *               block
        0C  br                   label         *               br
        0D  br_if                label         *               br_if
        0E  br_table             labels,label  *               br_table
        0F  return               -             *               return
        10  call                 func          *               call
        11  call_indirect        type,table    *               call_indirect
        1A  drop                 -             *               drop
        1B  select               select        *               select
        20  local.get            local         *               local.get
        21  local.set            local         *               local.set
        22  local.tee            local         *               local.tee
        23  global.get           global        *               global.get
        24  global.set           global        *               global.set
        28  i32.load             mem4          addr -> i32     load
        29  i64.load             mem8          addr -> i64     load
        2A  f32.load             mem4          addr -> f32     load
        2B  f64.load             mem8          addr -> f64     load
        2C  i32.load8_s          mem1          addr -> i32     load-pack
        2D  i32.load8_u          mem1          addr -> i32     load-pack
        2E  i32.load16_s         mem2          addr -> i32     load-pack
        2F  i32.load16_u         mem2          addr -> i32     load-pack
        30  i64.load8_s          mem1          addr -> i64     load-pack
        31  i64.load8_u          mem1          addr -> i64     load-pack
        32  i64.load16_s         mem2          addr -> i64     load-pack
        33  i64.load16_u         mem2          addr -> i64     load-pack
        34  i64.load32_s         mem4          addr -> i64     load-pack
        35  i64.load32_u         mem4          addr -> i64     load-pack
        36  i32.store            mem4          addr i32 ->     store
        37  i64.store            mem8          addr i64 ->     store
        38  f32.store            mem4          addr f32 ->     store
        39  f64.store            mem8          addr f64 ->     store
        3A  i32.store8           mem1          addr i32 ->     store-pack
        3B  i32.store16          mem2          addr i32 ->     store-pack
        3C  i64.store8           mem1          addr i64 ->     store-pack
        3D  i64.store16          mem2          addr i64 ->     store-pack
        3E  i64.store32          mem4          addr i64 ->     store-pack
        3F  memory.size          mem           -> addr         memory.size
        40  memory.grow          mem           addr -> addr    memory.grow
        41  i32.const            i32           -> i32          const
        42  i64.const            i64           -> i64          const
        43  f32.const            f32           -> f32          const
        44  f64.const            f64           -> f64          const
        45  i32.eqz              -             i32 -> i32      testop
        46  i32.eq               -             i32 i32 -> i32  relop
        47  i32.ne               -             i32 i32 -> i32  relop
        48  i32.lt_s             -             i32 i32 -> i32  relop
        49  i32.lt_u             -             i32 i32 -> i32  relop
        4A  i32.gt_s             -             i32 i32 -> i32  relop
        4B  i32.gt_u             -             i32 i32 -> i32  relop
        4C  i32.le_s             -             i32 i32 -> i32  relop
        4D  i32.le_u             -             i32 i32 -> i32  relop
        4E  i32.ge_s             -             i32 i32 -> i32  relop
        4F  i32.ge_u             -             i32 i32 -> i32  relop
        50  i64.eqz              -             i64 -> i32      testop
        51  i64.eq               -             i64 i64 -> i32  relop
        52  i64.ne               -             i64 i64 -> i32  relop
        53  i64.lt_s             -             i64 i64 -> i32  relop
        54  i64.lt_u             -             i64 i64 -> i32  relop
        55  i64.gt_s             -             i64 i64 -> i32  relop
        56  i64.gt_u             -             i64 i64 -> i32  relop
        57  i64.le_s             -             i64 i64 -> i32  relop
        58  i64.le_u             -             i64 i64 -> i32  relop
        59  i64.ge_s             -             i64 i64 -> i32  relop
        5A  i64.ge_u             -             i64 i64 -> i32  relop
        5B  f32.eq               -             f32 f32 -> i32  relop
        5C  f32.ne               -             f32 f32 -> i32  relop
        5D  f32.lt               -             f32 f32 -> i32  relop
        5E  f32.gt               -             f32 f32 -> i32  relop
        5F  f32.le               -             f32 f32 -> i32  relop
        60  f32.ge               -             f32 f32 -> i32  relop
        61  f64.eq               -             f64 f64 -> i32  relop
        62  f64.ne               -             f64 f64 -> i32  relop
        63  f64.lt               -             f64 f64 -> i32  relop
        64  f64.gt               -             f64 f64 -> i32  relop
        65  f64.le               -             f64 f64 -> i32  relop
        66  f64.ge               -             f64 f64 -> i32  relop
        67  i32.clz              -             i32 -> i32      unop
        68  i32.ctz              -             i32 -> i32      unop
        69  i32.popcnt           -             i32 -> i32      unop
        6A  i32.add              -             i32 i32 -> i32  binop
        6B  i32.sub              -             i32 i32 -> i32  binop
        6C  i32.mul              -             i32 i32 -> i32  binop
        6D  i32.div_s            -             i32 i32 -> i32  binop
        6E  i32.div_u            -             i32 i32 -> i32  binop
        6F  i32.rem_s            -             i32 i32 -> i32  binop
        70  i32.rem_u            -             i32 i32 -> i32  binop
        71  i32.and              -             i32 i32 -> i32  binop
        72  i32.or               -             i32 i32 -> i32  binop
        73  i32.xor              -             i32 i32 -> i32  binop
        74  i32.shl              -             i32 i32 -> i32  binop
        75  i32.shr_s            -             i32 i32 -> i32  binop
        76  i32.shr_u            -             i32 i32 -> i32  binop
        77  i32.rotl             -             i32 i32 -> i32  binop
        78  i32.rotr             -             i32 i32 -> i32  binop
        79  i64.clz              -             i64 -> i64      unop
        7A  i64.ctz              -             i64 -> i64      unop
        7B  i64.popcnt           -             i64 -> i64      unop
        7C  i64.add              -             i64 i64 -> i64  binop
        7D  i64.sub              -             i64 i64 -> i64  binop
        7E  i64.mul              -             i64 i64 -> i64  binop
        7F  i64.div_s            -             i64 i64 -> i64  binop
        80  i64.div_u            -             i64 i64 -> i64  binop
        81  i64.rem_s            -             i64 i64 -> i64  binop
        82  i64.rem_u            -             i64 i64 -> i64  binop
        83  i64.and              -             i64 i64 -> i64  binop
        84  i64.or               -             i64 i64 -> i64  binop
        85  i64.xor              -             i64 i64 -> i64  binop
        86  i64.shl              -             i64 i64 -> i64  binop
        87  i64.shr_s            -             i64 i64 -> i64  binop
        88  i64.shr_u            -             i64 i64 -> i64  binop
        89  i64.rotl             -             i64 i64 -> i64  binop
        8A  i64.rotr             -             i64 i64 -> i64  binop
        8B  f32.abs              -             f32 -> f32      unop
        8C  f32.neg              -             f32 -> f32      unop
        8D  f32.ceil             -             f32 -> f32      unop
        8E  f32.floor            -             f32 -> f32      unop
        8F  f32.trunc            -             f32 -> f32      unop
        90  f32.nearest          -             f32 -> f32      unop
        91  f32.sqrt             -             f32 -> f32      unop
        92  f32.add              -             f32 f32 -> f32  binop
        93  f32.sub              -             f32 f32 -> f32  binop
        94  f32.mul              -             f32 f32 -> f32  binop
        95  f32.div              -             f32 f32 -> f32  binop
        96  f32.min              -             f32 f32 -> f32  binop
        97  f32.max              -             f32 f32 -> f32  binop
        98  f32.copysign         -             f32 f32 -> f32  binop
        99  f64.abs              -             f64 -> f64      unop
        9A  f64.neg              -             f64 -> f64      unop
        9B  f64.ceil             -             f64 -> f64      unop
        9C  f64.floor            -             f64 -> f64      unop
        9D  f64.trunc            -             f64 -> f64      unop
        9E  f64.nearest          -             f64 -> f64      unop
        9F  f64.sqrt             -             f64 -> f64      unop
        A0  f64.add              -             f64 f64 -> f64  binop
        A1  f64.sub              -             f64 f64 -> f64  binop
        A2  f64.mul              -             f64 f64 -> f64  binop
        A3  f64.div              -             f64 f64 -> f64  binop
        A4  f64.min              -             f64 f64 -> f64  binop
        A5  f64.max              -             f64 f64 -> f64  binop
        A6  f64.copysign         -             f64 f64 -> f64  binop
        A7  i32.wrap_i64         -             i64 -> i32      cvtop
        A8  i32.trunc_f32_s      -             f32 -> i32      cvtop
        A9  i32.trunc_f32_u      -             f32 -> i32      cvtop
        AA  i32.trunc_f64_s      -             f64 -> i32      cvtop
        AB  i32.trunc_f64_u      -             f64 -> i32      cvtop
        AC  i64.extend_i32_s     -             i32 -> i64      cvtop
        AD  i64.extend_i32_u     -             i32 -> i64      cvtop
        AE  i64.trunc_f32_s      -             f32 -> i64      cvtop
        AF  i64.trunc_f32_u      -             f32 -> i64      cvtop
        B0  i64.trunc_f64_s      -             f64 -> i64      cvtop
        B1  i64.trunc_f64_u      -             f64 -> i64      cvtop
        B2  f32.convert_i32_s    -             i32 -> f32      cvtop
        B3  f32.convert_i32_u    -             i32 -> f32      cvtop
        B4  f32.convert_i64_s    -             i64 -> f32      cvtop
        B5  f32.convert_i64_u    -             i64 -> f32      cvtop
        B6  f32.demote_f64       -             f64 -> f32      cvtop
        B7  f64.convert_i32_s    -             i32 -> f64      cvtop
        B8  f64.convert_i32_u    -             i32 -> f64      cvtop
        B9  f64.convert_i64_s    -             i64 -> f64      cvtop
        BA  f64.convert_i64_u    -             i64 -> f64      cvtop
        BB  f64.promote_f32      -             f32 -> f64      cvtop
        BC  i32.reinterpret_f32  -             f32 -> i32      cvtop
        BD  i64.reinterpret_f64  -             f64 -> i64      cvtop
        BE  f32.reinterpret_i32  -             i32 -> f32      cvtop
        BF  f64.reinterpret_i64  -             i64 -> f64      cvtop
        """,
    ),
    (
        None,
        Feature.SIGN_EXTENSION,
        """
        C0  i32.extend8_s   -         i32 -> i32  unop
        C1  i32.extend16_s  -         i32 -> i32  unop
        C2  i64.extend8_s   -         i64 -> i64  unop
        C3  i64.extend16_s  -         i64 -> i64  unop
        C4  i64.extend32_s  -         i64 -> i64  unop
        """,
    ),
    (
        0xFC,
        Feature.SATURATING_FLOAT_TO_INT,
        """
        00  i32.trunc_sat_f32_s  -         f32 -> i32  cvtop
        01  i32.trunc_sat_f32_u  -         f32 -> i32  cvtop
        02  i32.trunc_sat_f64_s  -         f64 -> i32  cvtop
        03  i32.trunc_sat_f64_u  -         f64 -> i32  cvtop
        04  i64.trunc_sat_f32_s  -         f32 -> i64  cvtop
        05  i64.trunc_sat_f32_u  -         f32 -> i64  cvtop
        06  i64.trunc_sat_f64_s  -         f64 -> i64  cvtop
        07  i64.trunc_sat_f64_u  -         f64 -> i64  cvtop
        """,
    ),
    (
        0xFC,
        Feature.BULK_MEMORY,
        """
        08  memory.init  data,mem     addr i32 i32 ->   memory.init
        09  data.drop    data         ->                data.drop
        0A  memory.copy  mem,mem      *                 memory.copy
        0B  memory.fill  mem          addr i32 addr ->  memory.fill
        0C  table.init   elem,table   *                 table.init
        0D  elem.drop    elem         ->                elem.drop
        0E  table.copy   table,table  *                 table.copy
        """,
    ),
    (
        None,
        Feature.REFERENCE_TYPES,
        """
        25  table.get    table     *           table.get
        26  table.set    table     *           table.set
        D0  ref.null     heap      *           ref.null
        D1  ref.is_null  -         *           ref.is_null
        D2  ref.func     func      *           ref.func
        """,
    ),
    (
        0xFC,
        Feature.REFERENCE_TYPES,
        """
        0F  table.grow  table     *           table.grow
        10  table.size  table     *           table.size
        11  table.fill  table     *           table.fill
        """,
    ),
    (
        None,
        Feature.TAIL_CALL,
        """
        12  return_call           func        *           return_call
        13  return_call_indirect  type,table  *           return_call_indirect
        """,
    ),
    (
        None,
        Feature.FUNCTION_REFERENCES,
        """
        14  call_ref         type      *           call_ref
        15  return_call_ref  type      *           return_call_ref
        D4  ref.as_non_null  -         *           ref.as_non_null
        D5  br_on_null       label     *           br_on_null
        D6  br_on_non_null   label     *           br_on_non_null
        """,
    ),
    (
        None,
        Feature.EXCEPTIONS,
        """
        08  throw       tag            *           throw
        0A  throw_ref   -              *           throw_ref
        1F  try_table   block,catches  *           try_table
        """,
    ),
    (
        None,
        Feature.LEGACY_EXCEPTIONS,
        """
        06  try         block     *           try
        07  catch       tag       *           catch
        09  rethrow     label     *           rethrow
        18  delegate    label     *           delegate
        19  catch_all   -         *           catch_all
        """,
    ),
    (
        None,
        Feature.GC,
        """
        D3  ref.eq      -         *           ref.eq
        """,
    ),
    (
        0xFB,
        Feature.GC,
        """
        00  struct.new          type         *           struct.new
        01  struct.new_default  type         *           struct.new_default
        02  struct.get          type,field   *           struct.get
        03  struct.get_s        type,field   *           struct.get
        04  struct.get_u        type,field   *           struct.get
        05  struct.set          type,field   *           struct.set
        06  array.new           type         *           array.new
        07  array.new_default   type         *           array.new_default
        08  array.new_fixed     type,count   *           array.new_fixed
        09  array.new_data      type,data    *           array.new_data
        0A  array.new_elem      type,elem    *           array.new_elem
        0B  array.get           type         *           array.get
        0C  array.get_s         type         *           array.get
        0D  array.get_u         type         *           array.get
        0E  array.set           type         *           array.set
        0F  array.len           -            *           array.len
        10  array.fill          type         *           array.fill
        11  array.copy          type,type    *           array.copy
        12  array.init_data     type,data    *           array.init_data
        13  array.init_elem     type,elem    *           array.init_elem
        14  ref.test            cast         *           ref.test
        16  ref.cast            cast         *           ref.cast
        18  br_on_cast          label,casts  *           br_on_cast
        19  br_on_cast_fail     label,casts  *           br_on_cast_fail
        1A  any.convert_extern  -            *           any.convert_extern
        1B  extern.convert_any  -            *           extern.convert_any
        1C  ref.i31             -            *           ref.i31
        1D  i31.get_s           -            *           i31.get
        1E  i31.get_u           -            *           i31.get
        """,
    ),
    (
        0xFB,
        Feature.CUSTOM_DESCRIPTORS,
        """
        20  struct.new_desc          type         *           struct.new_desc
        21  struct.new_default_desc  type         *           struct.new_default_desc
        22  ref.get_desc             type         *           ref.get_desc
        23  ref.cast_desc_eq         cast         *           ref.cast_desc_eq
        25  br_on_cast_desc_eq       label,casts  *           br_on_cast_desc_eq
        26  br_on_cast_desc_eq_fail  label,casts  *           br_on_cast_desc_eq_fail
        """,
    ),
    (
        0xFD,
        Feature.SIMD,
        """
        00  v128.load                      mem16     addr -> v128            vload
        01  v128.load8x8_s                 mem8      addr -> v128            vload-pack
        02  v128.load8x8_u                 mem8      addr -> v128            vload-pack
        03  v128.load16x4_s                mem8      addr -> v128            vload-pack
        04  v128.load16x4_u                mem8      addr -> v128            vload-pack
        05  v128.load32x2_s                mem8      addr -> v128            vload-pack
        06  v128.load32x2_u                mem8      addr -> v128            vload-pack
        07  v128.load8_splat               mem1      addr -> v128            vload-splat
        08  v128.load16_splat              mem2      addr -> v128            vload-splat
        09  v128.load32_splat              mem4      addr -> v128            vload-splat
        0A  v128.load64_splat              mem8      addr -> v128            vload-splat
        0B  v128.store                     mem16     addr v128 ->            vstore
        0C  v128.const                     v128      -> v128                 vconst
        0D  i8x16.shuffle                  lanes     v128 v128 -> v128       vshuffle
        0E  i8x16.swizzle                  -         v128 v128 -> v128       vswizzlop
        0F  i8x16.splat                    -         i32 -> v128             vsplat
        10  i16x8.splat                    -         i32 -> v128             vsplat
        11  i32x4.splat                    -         i32 -> v128             vsplat
        12  i64x2.splat                    -         i64 -> v128             vsplat
        13  f32x4.splat                    -         f32 -> v128             vsplat
        14  f64x2.splat                    -         f64 -> v128             vsplat
        15  i8x16.extract_lane_s           lane      v128 -> i32             vextract_lane
        16  i8x16.extract_lane_u           lane      v128 -> i32             vextract_lane
        17  i8x16.replace_lane             lane      v128 i32 -> v128        vreplace_lane
        18  i16x8.extract_lane_s           lane      v128 -> i32             vextract_lane
        19  i16x8.extract_lane_u           lane      v128 -> i32             vextract_lane
        1A  i16x8.replace_lane             lane      v128 i32 -> v128        vreplace_lane
        1B  i32x4.extract_lane             lane      v128 -> i32             vextract_lane
        1C  i32x4.replace_lane             lane      v128 i32 -> v128        vreplace_lane
        1D  i64x2.extract_lane             lane      v128 -> i64             vextract_lane
        1E  i64x2.replace_lane             lane      v128 i64 -> v128        vreplace_lane
        1F  f32x4.extract_lane             lane      v128 -> f32             vextract_lane
        20  f32x4.replace_lane             lane      v128 f32 -> v128        vreplace_lane
        21  f64x2.extract_lane             lane      v128 -> f64             vextract_lane
        22  f64x2.replace_lane             lane      v128 f64 -> v128        vreplace_lane
        23  i8x16.eq                       -         v128 v128 -> v128       vrelop
        24  i8x16.ne                       -         v128 v128 -> v128       vrelop
        25  i8x16.lt_s                     -         v128 v128 -> v128       vrelop
        26  i8x16.lt_u                     -         v128 v128 -> v128       vrelop
        27  i8x16.gt_s                     -         v128 v128 -> v128       vrelop
        28  i8x16.gt_u                     -         v128 v128 -> v128       vrelop
        29  i8x16.le_s                     -         v128 v128 -> v128       vrelop
        2A  i8x16.le_u                     -         v128 v128 -> v128       vrelop
        2B  i8x16.ge_s                     -         v128 v128 -> v128       vrelop
        2C  i8x16.ge_u                     -         v128 v128 -> v128       vrelop
        2D  i16x8.eq                       -         v128 v128 -> v128       vrelop
        2E  i16x8.ne                       -         v128 v128 -> v128       vrelop
        2F  i16x8.lt_s                     -         v128 v128 -> v128       vrelop
        30  i16x8.lt_u                     -         v128 v128 -> v128       vrelop
        31  i16x8.gt_s                     -         v128 v128 -> v128       vrelop
        32  i16x8.gt_u                     -         v128 v128 -> v128       vrelop
        33  i16x8.le_s                     -         v128 v128 -> v128       vrelop
        34  i16x8.le_u                     -         v128 v128 -> v128       vrelop
        35  i16x8.ge_s                     -         v128 v128 -> v128       vrelop
        36  i16x8.ge_u                     -         v128 v128 -> v128       vrelop
        37  i32x4.eq                       -         v128 v128 -> v128       vrelop
        38  i32x4.ne                       -         v128 v128 -> v128       vrelop
        39  i32x4.lt_s                     -         v128 v128 -> v128       vrelop
        3A  i32x4.lt_u                     -         v128 v128 -> v128       vrelop
        3B  i32x4.gt_s                     -         v128 v128 -> v128       vrelop
        3C  i32x4.gt_u                     -         v128 v128 -> v128       vrelop
        3D  i32x4.le_s                     -         v128 v128 -> v128       vrelop
        3E  i32x4.le_u                     -         v128 v128 -> v128       vrelop
        3F  i32x4.ge_s                     -         v128 v128 -> v128       vrelop
        40  i32x4.ge_u                     -         v128 v128 -> v128       vrelop
        41  f32x4.eq                       -         v128 v128 -> v128       vrelop
        42  f32x4.ne                       -         v128 v128 -> v128       vrelop
        43  f32x4.lt                       -         v128 v128 -> v128       vrelop
        44  f32x4.gt                       -         v128 v128 -> v128       vrelop
        45  f32x4.le                       -         v128 v128 -> v128       vrelop
        46  f32x4.ge                       -         v128 v128 -> v128       vrelop
        47  f64x2.eq                       -         v128 v128 -> v128       vrelop
        48  f64x2.ne                       -         v128 v128 -> v128       vrelop
        49  f64x2.lt                       -         v128 v128 -> v128       vrelop
        4A  f64x2.gt                       -         v128 v128 -> v128       vrelop
        4B  f64x2.le                       -         v128 v128 -> v128       vrelop
        4C  f64x2.ge                       -         v128 v128 -> v128       vrelop
        4D  v128.not                       -         v128 -> v128            vvunop
        4E  v128.and                       -         v128 v128 -> v128       vvbinop
        4F  v128.andnot                    -         v128 v128 -> v128       vvbinop
        50  v128.or                        -         v128 v128 -> v128       vvbinop
        51  v128.xor                       -         v128 v128 -> v128       vvbinop
        52  v128.bitselect                 -         v128 v128 v128 -> v128  vvternop
        53  v128.any_true                  -         v128 -> i32             vvtestop
        54  v128.load8_lane                mem1,lane  addr v128 -> v128      vload_lane
        55  v128.load16_lane               mem2,lane  addr v128 -> v128      vload_lane
        56  v128.load32_lane               mem4,lane  addr v128 -> v128      vload_lane
        57  v128.load64_lane               mem8,lane  addr v128 -> v128      vload_lane
        58  v128.store8_lane               mem1,lane  addr v128 ->           vstore_lane
        59  v128.store16_lane              mem2,lane  addr v128 ->           vstore_lane
        5A  v128.store32_lane              mem4,lane  addr v128 ->           vstore_lane
        5B  v128.store64_lane              mem8,lane  addr v128 ->           vstore_lane
        5C  v128.load32_zero               mem4      addr -> v128            vload-zero
        5D  v128.load64_zero               mem8      addr -> v128            vload-zero
        5E  f32x4.demote_f64x2_zero        -         v128 -> v128            vcvtop
        5F  f64x2.promote_low_f32x4        -         v128 -> v128            vcvtop
        60  i8x16.abs                      -         v128 -> v128            vunop
        61  i8x16.neg                      -         v128 -> v128            vunop
        62  i8x16.popcnt                   -         v128 -> v128            vunop
        63  i8x16.all_true                 -         v128 -> i32             vtestop
        64  i8x16.bitmask                  -         v128 -> i32             vbitmask
        65  i8x16.narrow_i16x8_s           -         v128 v128 -> v128       vnarrow
        66  i8x16.narrow_i16x8_u           -         v128 v128 -> v128       vnarrow
        67  f32x4.ceil                     -         v128 -> v128            vunop
        68  f32x4.floor                    -         v128 -> v128            vunop
        69  f32x4.trunc                    -         v128 -> v128            vunop
        6A  f32x4.nearest                  -         v128 -> v128            vunop
        6B  i8x16.shl                      -         v128 i32 -> v128        vshiftop
        6C  i8x16.shr_s                    -         v128 i32 -> v128        vshiftop
        6D  i8x16.shr_u                    -         v128 i32 -> v128        vshiftop
        6E  i8x16.add                      -         v128 v128 -> v128       vbinop
        6F  i8x16.add_sat_s                -         v128 v128 -> v128       vbinop
        70  i8x16.add_sat_u                -         v128 v128 -> v128       vbinop
        71  i8x16.sub                      -         v128 v128 -> v128       vbinop
        72  i8x16.sub_sat_s                -         v128 v128 -> v128       vbinop
        73  i8x16.sub_sat_u                -         v128 v128 -> v128       vbinop
        74  f64x2.ceil                     -         v128 -> v128            vunop
        75  f64x2.floor                    -         v128 -> v128            vunop
        76  i8x16.min_s                    -         v128 v128 -> v128       vbinop
        77  i8x16.min_u                    -         v128 v128 -> v128       vbinop
        78  i8x16.max_s                    -         v128 v128 -> v128       vbinop
        79  i8x16.max_u                    -         v128 v128 -> v128       vbinop
        7A  f64x2.trunc                    -         v128 -> v128            vunop
        7B  i8x16.avgr_u                   -         v128 v128 -> v128       vbinop
        7C  i16x8.extadd_pairwise_i8x16_s  -         v128 -> v128            vextunop
        7D  i16x8.extadd_pairwise_i8x16_u  -         v128 -> v128            vextunop
        7E  i32x4.extadd_pairwise_i16x8_s  -         v128 -> v128            vextunop
        7F  i32x4.extadd_pairwise_i16x8_u  -         v128 -> v128            vextunop
        80  i16x8.abs                      -         v128 -> v128            vunop
        81  i16x8.neg                      -         v128 -> v128            vunop
        82  i16x8.q15mulr_sat_s            -         v128 v128 -> v128       vbinop
        83  i16x8.all_true                 -         v128 -> i32             vtestop
        84  i16x8.bitmask                  -         v128 -> i32             vbitmask
        85  i16x8.narrow_i32x4_s           -         v128 v128 -> v128       vnarrow
        86  i16x8.narrow_i32x4_u           -         v128 v128 -> v128       vnarrow
        87  i16x8.extend_low_i8x16_s       -         v128 -> v128            vcvtop
        88  i16x8.extend_high_i8x16_s      -         v128 -> v128            vcvtop
        89  i16x8.extend_low_i8x16_u       -         v128 -> v128            vcvtop
        8A  i16x8.extend_high_i8x16_u      -         v128 -> v128            vcvtop
        8B  i16x8.shl                      -         v128 i32 -> v128        vshiftop
        8C  i16x8.shr_s                    -         v128 i32 -> v128        vshiftop
        8D  i16x8.shr_u                    -         v128 i32 -> v128        vshiftop
        8E  i16x8.add                      -         v128 v128 -> v128       vbinop
        8F  i16x8.add_sat_s                -         v128 v128 -> v128       vbinop
        90  i16x8.add_sat_u                -         v128 v128 -> v128       vbinop
        91  i16x8.sub                      -         v128 v128 -> v128       vbinop
        92  i16x8.sub_sat_s                -         v128 v128 -> v128       vbinop
        93  i16x8.sub_sat_u                -         v128 v128 -> v128       vbinop
        94  f64x2.nearest                  -         v128 -> v128            vunop
        95  i16x8.mul                      -         v128 v128 -> v128       vbinop
        96  i16x8.min_s                    -         v128 v128 -> v128       vbinop
        97  i16x8.min_u                    -         v128 v128 -> v128       vbinop
        98  i16x8.max_s                    -         v128 v128 -> v128       vbinop
        99  i16x8.max_u                    -         v128 v128 -> v128       vbinop
        9B  i16x8.avgr_u                   -         v128 v128 -> v128       vbinop
        9C  i16x8.extmul_low_i8x16_s       -         v128 v128 -> v128       vextbinop
        9D  i16x8.extmul_high_i8x16_s      -         v128 v128 -> v128       vextbinop
        9E  i16x8.extmul_low_i8x16_u       -         v128 v128 -> v128       vextbinop
        9F  i16x8.extmul_high_i8x16_u      -         v128 v128 -> v128       vextbinop
        A0  i32x4.abs                      -         v128 -> v128            vunop
        A1  i32x4.neg                      -         v128 -> v128            vunop
        A3  i32x4.all_true                 -         v128 -> i32             vtestop
        A4  i32x4.bitmask                  -         v128 -> i32             vbitmask
        A7  i32x4.extend_low_i16x8_s       -         v128 -> v128            vcvtop
        A8  i32x4.extend_high_i16x8_s      -         v128 -> v128            vcvtop
        A9  i32x4.extend_low_i16x8_u       -         v128 -> v128            vcvtop
        AA  i32x4.extend_high_i16x8_u      -         v128 -> v128            vcvtop
        AB  i32x4.shl                      -         v128 i32 -> v128        vshiftop
        AC  i32x4.shr_s                    -         v128 i32 -> v128        vshiftop
        AD  i32x4.shr_u                    -         v128 i32 -> v128        vshiftop
        AE  i32x4.add                      -         v128 v128 -> v128       vbinop
        B1  i32x4.sub                      -         v128 v128 -> v128       vbinop
        B5  i32x4.mul                      -         v128 v128 -> v128       vbinop
        B6  i32x4.min_s                    -         v128 v128 -> v128       vbinop
        B7  i32x4.min_u                    -         v128 v128 -> v128       vbinop
        B8  i32x4.max_s                    -         v128 v128 -> v128       vbinop
        B9  i32x4.max_u                    -         v128 v128 -> v128       vbinop
        BA  i32x4.dot_i16x8_s              -         v128 v128 -> v128       vextbinop
        BC  i32x4.extmul_low_i16x8_s       -         v128 v128 -> v128       vextbinop
        BD  i32x4.extmul_high_i16x8_s      -         v128 v128 -> v128       vextbinop
        BE  i32x4.extmul_low_i16x8_u       -         v128 v128 -> v128       vextbinop
        BF  i32x4.extmul_high_i16x8_u      -         v128 v128 -> v128       vextbinop
        C0  i64x2.abs                      -         v128 -> v128            vunop
        C1  i64x2.neg                      -         v128 -> v128            vunop
        C3  i64x2.all_true                 -         v128 -> i32             vtestop
        C4  i64x2.bitmask                  -         v128 -> i32             vbitmask
        C7  i64x2.extend_low_i32x4_s       -         v128 -> v128            vcvtop
        C8  i64x2.extend_high_i32x4_s      -         v128 -> v128            vcvtop
        C9  i64x2.extend_low_i32x4_u       -         v128 -> v128            vcvtop
        CA  i64x2.extend_high_i32x4_u      -         v128 -> v128            vcvtop
        CB  i64x2.shl                      -         v128 i32 -> v128        vshiftop
        CC  i64x2.shr_s                    -         v128 i32 -> v128        vshiftop
        CD  i64x2.shr_u                    -         v128 i32 -> v128        vshiftop
        CE  i64x2.add                      -         v128 v128 -> v128       vbinop
        D1  i64x2.sub                      -         v128 v128 -> v128       vbinop
        D5  i64x2.mul                      -         v128 v128 -> v128       vbinop
        D6  i64x2.eq                       -         v128 v128 -> v128       vrelop
        D7  i64x2.ne                       -         v128 v128 -> v128       vrelop
        D8  i64x2.lt_s                     -         v128 v128 -> v128       vrelop
        D9  i64x2.gt_s                     -         v128 v128 -> v128       vrelop
        DA  i64x2.le_s                     -         v128 v128 -> v128       vrelop
        DB  i64x2.ge_s                     -         v128 v128 -> v128       vrelop
        DC  i64x2.extmul_low_i32x4_s       -         v128 v128 -> v128       vextbinop
        DD  i64x2.extmul_high_i32x4_s      -         v128 v128 -> v128       vextbinop
        DE  i64x2.extmul_low_i32x4_u       -         v128 v128 -> v128       vextbinop
        DF  i64x2.extmul_high_i32x4_u      -         v128 v128 -> v128       vextbinop
        E0  f32x4.abs                      -         v128 -> v128            vunop
        E1  f32x4.neg                      -         v128 -> v128            vunop
        E3  f32x4.sqrt                     -         v128 -> v128            vunop
        E4  f32x4.add                      -         v128 v128 -> v128       vbinop
        E5  f32x4.sub                      -         v128 v128 -> v128       vbinop
        E6  f32x4.mul                      -         v128 v128 -> v128       vbinop
        E7  f32x4.div                      -         v128 v128 -> v128       vbinop
        E8  f32x4.min                      -         v128 v128 -> v128       vbinop
        E9  f32x4.max                      -         v128 v128 -> v128       vbinop
        EA  f32x4.pmin                     -         v128 v128 -> v128       vbinop
        EB  f32x4.pmax                     -         v128 v128 -> v128       vbinop
        EC  f64x2.abs                      -         v128 -> v128            vunop
        ED  f64x2.neg                      -         v128 -> v128            vunop
        EF  f64x2.sqrt                     -         v128 -> v128            vunop
        F0  f64x2.add                      -         v128 v128 -> v128       vbinop
        F1  f64x2.sub                      -         v128 v128 -> v128       vbinop
        F2  f64x2.mul                      -         v128 v128 -> v128       vbinop
        F3  f64x2.div                      -         v128 v128 -> v128       vbinop
        F4  f64x2.min                      -         v128 v128 -> v128       vbinop
        F5  f64x2.max                      -         v128 v128 -> v128       vbinop
        F6  f64x2.pmin                     -         v128 v128 -> v128       vbinop
        F7  f64x2.pmax                     -         v128 v128 -> v128       vbinop
        F8  i32x4.trunc_sat_f32x4_s        -         v128 -> v128            vcvtop
        F9  i32x4.trunc_sat_f32x4_u        -         v128 -> v128            vcvtop
        FA  f32x4.convert_i32x4_s          -         v128 -> v128            vcvtop
        FB  f32x4.convert_i32x4_u          -         v128 -> v128            vcvtop
        FC  i32x4.trunc_sat_f64x2_s_zero   -         v128 -> v128            vcvtop
        FD  i32x4.trunc_sat_f64x2_u_zero   -         v128 -> v128            vcvtop
        FE  f64x2.convert_low_i32x4_s      -         v128 -> v128            vcvtop
        FF  f64x2.convert_low_i32x4_u      -         v128 -> v128            vcvtop
        """,
    ),
    (
        0xFD,
        Feature.RELAXED_SIMD,
        """
        100  i8x16.relaxed_swizzle                -         v128 v128 -> v128       vswizzlop
        101  i32x4.relaxed_trunc_f32x4_s          -         v128 -> v128            vcvtop
        102  i32x4.relaxed_trunc_f32x4_u          -         v128 -> v128            vcvtop
        103  i32x4.relaxed_trunc_f64x2_s_zero     -         v128 -> v128            vcvtop
        104  i32x4.relaxed_trunc_f64x2_u_zero     -         v128 -> v128            vcvtop
        105  f32x4.relaxed_madd                   -         v128 v128 v128 -> v128  vternop
        106  f32x4.relaxed_nmadd                  -         v128 v128 v128 -> v128  vternop
        107  f64x2.relaxed_madd                   -         v128 v128 v128 -> v128  vternop
        108  f64x2.relaxed_nmadd                  -         v128 v128 v128 -> v128  vternop
        109  i8x16.relaxed_laneselect             -         v128 v128 v128 -> v128  vternop
        10A  i16x8.relaxed_laneselect             -         v128 v128 v128 -> v128  vternop
        10B  i32x4.relaxed_laneselect             -         v128 v128 v128 -> v128  vternop
        10C  i64x2.relaxed_laneselect             -         v128 v128 v128 -> v128  vternop
        10D  f32x4.relaxed_min                    -         v128 v128 -> v128       vbinop
        10E  f32x4.relaxed_max                    -         v128 v128 -> v128       vbinop
        10F  f64x2.relaxed_min                    -         v128 v128 -> v128       vbinop
        110  f64x2.relaxed_max                    -         v128 v128 -> v128       vbinop
        111  i16x8.relaxed_q15mulr_s              -         v128 v128 -> v128       vbinop
        112  i16x8.relaxed_dot_i8x16_i7x16_s      -         v128 v128 -> v128       vextbinop
        113  i32x4.relaxed_dot_i8x16_i7x16_add_s  -         v128 v128 v128 -> v128  vextternop
        """,
    ),
    (
        0xFC,
        Feature.WIDE_ARITHMETIC,
        """
        13  i64.add128      -         i64 i64 i64 i64 -> i64 i64  wide
        14  i64.sub128      -         i64 i64 i64 i64 -> i64 i64  wide
        15  i64.mul_wide_s  -         i64 i64 -> i64 i64          wide
        16  i64.mul_wide_u  -         i64 i64 -> i64 i64          wide
        """,
    ),
    (
        0xFE,
        Feature.THREADS,
        """
        00  memory.atomic.notify        mem4      addr i32 -> i32      atomic.notify
        01  memory.atomic.wait32        mem4      addr i32 i64 -> i32  atomic.wait
        02  memory.atomic.wait64        mem8      addr i64 i64 -> i32  atomic.wait
        03  atomic.fence                zero      ->                   atomic.fence
        10  i32.atomic.load             mem4      addr -> i32          atomic.load
        11  i64.atomic.load             mem8      addr -> i64          atomic.load
        12  i32.atomic.load8_u          mem1      addr -> i32          atomic.load
        13  i32.atomic.load16_u         mem2      addr -> i32          atomic.load
        14  i64.atomic.load8_u          mem1      addr -> i64          atomic.load
        15  i64.atomic.load16_u         mem2      addr -> i64          atomic.load
        16  i64.atomic.load32_u         mem4      addr -> i64          atomic.load
        17  i32.atomic.store            mem4      addr i32 ->          atomic.store
        18  i64.atomic.store            mem8      addr i64 ->          atomic.store
        19  i32.atomic.store8           mem1      addr i32 ->          atomic.store
        1A  i32.atomic.store16          mem2      addr i32 ->          atomic.store
        1B  i64.atomic.store8           mem1      addr i64 ->          atomic.store
        1C  i64.atomic.store16          mem2      addr i64 ->          atomic.store
        1D  i64.atomic.store32          mem4      addr i64 ->          atomic.store
        1E  i32.atomic.rmw.add          mem4      addr i32 -> i32      atomic.rmw
        1F  i64.atomic.rmw.add          mem8      addr i64 -> i64      atomic.rmw
        20  i32.atomic.rmw8.add_u       mem1      addr i32 -> i32      atomic.rmw
        21  i32.atomic.rmw16.add_u      mem2      addr i32 -> i32      atomic.rmw
        22  i64.atomic.rmw8.add_u       mem1      addr i64 -> i64      atomic.rmw
        23  i64.atomic.rmw16.add_u      mem2      addr i64 -> i64      atomic.rmw
        24  i64.atomic.rmw32.add_u      mem4      addr i64 -> i64      atomic.rmw
        25  i32.atomic.rmw.sub          mem4      addr i32 -> i32      atomic.rmw
        26  i64.atomic.rmw.sub          mem8      addr i64 -> i64      atomic.rmw
        27  i32.atomic.rmw8.sub_u       mem1      addr i32 -> i32      atomic.rmw
        28  i32.atomic.rmw16.sub_u      mem2      addr i32 -> i32      atomic.rmw
        29  i64.atomic.rmw8.sub_u       mem1      addr i64 -> i64      atomic.rmw
        2A  i64.atomic.rmw16.sub_u      mem2      addr i64 -> i64      atomic.rmw
        2B  i64.atomic.rmw32.sub_u      mem4      addr i64 -> i64      atomic.rmw
        2C  i32.atomic.rmw.and          mem4      addr i32 -> i32      atomic.rmw
        2D  i64.atomic.rmw.and          mem8      addr i64 -> i64      atomic.rmw
        2E  i32.atomic.rmw8.and_u       mem1      addr i32 -> i32      atomic.rmw
        2F  i32.atomic.rmw16.and_u      mem2      addr i32 -> i32      atomic.rmw
        30  i64.atomic.rmw8.and_u       mem1      addr i64 -> i64      atomic.rmw
        31  i64.atomic.rmw16.and_u      mem2      addr i64 -> i64      atomic.rmw
        32  i64.atomic.rmw32.and_u      mem4      addr i64 -> i64      atomic.rmw
        33  i32.atomic.rmw.or           mem4      addr i32 -> i32      atomic.rmw
        34  i64.atomic.rmw.or           mem8      addr i64 -> i64      atomic.rmw
        35  i32.atomic.rmw8.or_u        mem1      addr i32 -> i32      atomic.rmw
        36  i32.atomic.rmw16.or_u       mem2      addr i32 -> i32      atomic.rmw
        37  i64.atomic.rmw8.or_u        mem1      addr i64 -> i64      atomic.rmw
        38  i64.atomic.rmw16.or_u       mem2      addr i64 -> i64      atomic.rmw
        39  i64.atomic.rmw32.or_u       mem4      addr i64 -> i64      atomic.rmw
        3A  i32.atomic.rmw.xor          mem4      addr i32 -> i32      atomic.rmw
        3B  i64.atomic.rmw.xor          mem8      addr i64 -> i64      atomic.rmw
        3C  i32.atomic.rmw8.xor_u       mem1      addr i32 -> i32      atomic.rmw
        3D  i32.atomic.rmw16.xor_u      mem2      addr i32 -> i32      atomic.rmw
        3E  i64.atomic.rmw8.xor_u       mem1      addr i64 -> i64      atomic.rmw
        3F  i64.atomic.rmw16.xor_u      mem2      addr i64 -> i64      atomic.rmw
        40  i64.atomic.rmw32.xor_u      mem4      addr i64 -> i64      atomic.rmw
        41  i32.atomic.rmw.xchg         mem4      addr i32 -> i32      atomic.rmw
        42  i64.atomic.rmw.xchg         mem8      addr i64 -> i64      atomic.rmw
        43  i32.atomic.rmw8.xchg_u      mem1      addr i32 -> i32      atomic.rmw
        44  i32.atomic.rmw16.xchg_u     mem2      addr i32 -> i32      atomic.rmw
        45  i64.atomic.rmw8.xchg_u      mem1      addr i64 -> i64      atomic.rmw
        46  i64.atomic.rmw16.xchg_u     mem2      addr i64 -> i64      atomic.rmw
        47  i64.atomic.rmw32.xchg_u     mem4      addr i64 -> i64      atomic.rmw
        48  i32.atomic.rmw.cmpxchg      mem4      addr i32 i32 -> i32  atomic.cmpxchg
        49  i64.atomic.rmw.cmpxchg      mem8      addr i64 i64 -> i64  atomic.cmpxchg
        4A  i32.atomic.rmw8.cmpxchg_u   mem1      addr i32 i32 -> i32  atomic.cmpxchg
        4B  i32.atomic.rmw16.cmpxchg_u  mem2      addr i32 i32 -> i32  atomic.cmpxchg
        4C  i64.atomic.rmw8.cmpxchg_u   mem1      addr i64 i64 -> i64  atomic.cmpxchg
        4D  i64.atomic.rmw16.cmpxchg_u  mem2      addr i64 i64 -> i64  atomic.cmpxchg
        4E  i64.atomic.rmw32.cmpxchg_u  mem4      addr i64 i64 -> i64  atomic.cmpxchg
        """,
    ),
)


def _rows() -> list[Op]:
    rows: list[Op] = []
    for prefix, feature, text in _TABLE:
        for line in text.strip().splitlines():
            code, mnemonic, immediates, type, rule = re.split(r"\s{2,}", line.strip())
            imms: list[Imm] = []
            width = 0
            for name in [] if immediates == "-" else immediates.split(","):
                if name.startswith("mem") and name != "mem":
                    imms.append(Imm.MEMARG)
                    width = int(name[3:])
                elif name == "casts":
                    imms += [Imm.CASTS, Imm.CASTS]
                else:
                    imms.append(Imm(name))
            operands = results = None
            if type != "*":
                before, after = type.split("->")
                operands, results = tuple(before.split()), tuple(after.split())
            rows.append(
                Op(len(rows), mnemonic, prefix, int(code, 16), tuple(imms), operands, results, rule, feature, width)
            )
    return rows


OPS: Final[tuple[Op, ...]] = tuple(_rows())
BY_MNEMONIC: Final[dict[str, Op]] = {row.mnemonic: row for row in OPS}
# (prefix or None, code) -> row, with both codes of the rows that have two.
BY_CODE: Final[dict[tuple[int | None, int], Op]] = {(row.prefix, row.code): row for row in OPS} | {
    (row.prefix, row.code + 1): row for row in OPS if Imm.CAST in row.imms or Imm.SELECT in row.imms
}


def op(mnemonic: str) -> Op:
    """The row of a mnemonic; KeyError where there is none."""
    return BY_MNEMONIC[mnemonic]
