"""How each instruction is built: operands popped, values made, results pushed."""

from __future__ import annotations

from jit.build import Builder, Scope, builds, find
from jit.helper import HELPED, Helper
from jit.ir.graph import Branch, Callee, Edge, Jump, Switch
from jit.ir.ops import BY_NAME, COMPARISONS, IrOp, Type, irop, type_of
from jit.optimize.simplify import fold
from jit.profile import FELL, TOOK
from refsfi.errors import Crash
from refsfi.exec.code import Program
from refsfi.runtime.values import func_type
from refsfi.syntax.module import Instr, MemArg
from refsfi.syntax.types import I64
from refsfi.valid.sidetable import Branch as Target


def leaves(program: Program, instr: Instr) -> bool:
    """Whether an instruction has no native form."""
    if find(instr) is None:
        return True
    if instr.op.mnemonic in ("call", "return_call"):
        index: int = instr.args[0]
        return index < program.imported_funcs
    return False


def asks(program: Program, instr: Instr) -> bool:
    """Whether a region has the interpreter execute an instruction whenever it comes to it."""
    mnemonic = instr.op.mnemonic
    if mnemonic == "global.set":
        return type_of(program.info.globals[instr.args[0]].type) is Type.REF
    # Elements that are read are known, mostly.
    return mnemonic != "table.get" and (mnemonic in HELPED or instr.op.rule in HELPED)


# --- parametric and variable instructions ----------------------------------------------------------------------------


@builds("nop")
def nop(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    pass


@builds("drop")
def drop(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.stack.pop()


@builds("select")
def select(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    x, y, c = b.pop_many(s, 3)
    known = b.constant_of(c)
    if known is not None:
        s.stack.append(x if known else y)
    elif x == y:
        s.stack.append(x)
    else:
        s.stack.append(b.pure(_SELECT[b.type_of(x)], (x, y, c)))


@builds("local.get")
def local_get(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.stack.append(s.locals[instr.args[0]])


@builds("local.set")
def local_set(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.locals[instr.args[0]] = b.pop(s)


@builds("local.tee")
def local_tee(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.locals[instr.args[0]] = s.stack[-1]


@builds("global.get")
def global_get(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    index = instr.args[0]
    type = type_of(s.code.program.info.globals[index].type)
    key = ("global", index)
    if type is not Type.REF:
        s.stack.append(b.cached(key, lambda: b.add(_GLOBAL[type], (), index)))
        return
    snap = b.here(s, pc)
    s.stack.append(b.cached(key, lambda: b.help(s, pc, (), snap)[0]))


@builds("global.set")
def global_set(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    index = instr.args[0]
    type = type_of(s.code.program.info.globals[index].type)
    if type is Type.REF:
        snap = b.here(s, pc)
        value = b.pop(s)
        b.help(s, pc, (value,), snap)
    else:
        value = b.pop(s)
        b.add(_SET_GLOBAL[type], (value,), index)
    if index < len(s.code.program.info.globals) - len(s.code.program.module.globals):
        # Imported globals may be one and the same.
        b.forget("global")
    b.note(("global", index), value)


# --- numbers ---------------------------------------------------------------------------------------------------------


@builds("const", "vconst")
def const(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.stack.append(b.constant(_TYPES[(instr.op.results or ("i32",))[0]], instr.args[0]))


@builds(
    *"unop binop testop relop cvtop vvunop vvbinop vvternop vvtestop vunop vbinop vternop vtestop vrelop "
    "vshiftop vbitmask vswizzlop vshuffle vsplat vextract_lane vreplace_lane vextunop vextbinop vextternop "
    "vnarrow vcvtop".split()
)
def numeric(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    op = BY_NAME[instr.op.mnemonic]
    count = len(op.operands or ())
    args = b.pop_many(s, count)
    simple = fold(b, op, args, instr.args or None)
    if simple is not None:
        s.stack.append(simple)
        return
    snap = -1
    if op.exits:
        s.stack += args
        snap = b.here(s, pc)
        del s.stack[-count:]
    s.stack.append(b.pure(op, args, instr.args or None, snap))


@builds("wide")
def wide(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    """Wide arithmetic in instructions on halves; the carry is what made the lower half wrap around."""
    args = b.pop_many(s, len(instr.op.operands or ()))
    mnemonic = instr.op.mnemonic
    extend = BY_NAME["i64.extend_i32_u"]
    if mnemonic.startswith("i64.mul_wide"):
        low = b.pure(BY_NAME["i64.mul"], args)
        high = b.pure(BY_NAME["i64.mul_high_s" if mnemonic.endswith("_s") else "i64.mul_high_u"], args)
    else:
        op = BY_NAME["i64.add" if mnemonic == "i64.add128" else "i64.sub"]
        a_low, a_high, b_low, b_high = args
        low = b.pure(op, (a_low, b_low))
        operands = (low, a_low) if mnemonic == "i64.add128" else (a_low, b_low)
        carry = b.pure(extend, (b.pure(BY_NAME["i64.lt_u"], operands),))
        high = b.pure(op, (b.pure(op, (a_high, b_high)), carry))
    s.stack += [low, high]


# --- memory ----------------------------------------------------------------------------------------------------------


@builds("load", "load-pack", "vload", "vload-pack", "vload-splat", "vload-zero")
def load(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    op = BY_NAME[instr.op.mnemonic]
    snap = b.here(s, pc)
    (address,) = b.pop_many(s, 1)
    arg: MemArg = instr.args[0]
    if s.code.program.info.mems[arg.mem].shared:
        s.stack.append(b.add(op, (address,), arg, snap))
        return
    key = ("load", op.id, address, arg.mem, arg.offset, b.memory_version)
    s.stack.append(b.cached(key, lambda: b.add(op, (address,), arg, snap)))


@builds("store", "store-pack", "vstore")
def store(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    address, value = b.pop_many(s, 2)
    b.add(BY_NAME[instr.op.mnemonic], (address, value), instr.args[0], snap)
    b.memory_version += 1


@builds("vload_lane")
def load_lane(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    args = b.pop_many(s, 2)
    s.stack.append(b.add(BY_NAME[instr.op.mnemonic], args, instr.args, snap))


@builds("vstore_lane")
def store_lane(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    args = b.pop_many(s, 2)
    b.add(BY_NAME[instr.op.mnemonic], args, instr.args, snap)
    b.memory_version += 1


@builds("memory.size")
def memory_size(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    wide = s.code.program.info.mems[instr.args[0]].addr is I64
    s.stack.append(b.add(BY_NAME["i64.memory_size" if wide else "i32.memory_size"], (), instr.args[0]))


@builds("memory.fill", "memory.copy")
def bulk(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    args = b.pop_many(s, 3)
    b.add(BY_NAME[instr.op.mnemonic], args, instr.args, snap)
    b.memory_version += 1


def atomic(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    """Loads, stores and read-modify-writes."""
    op = BY_NAME[instr.op.mnemonic]
    snap = b.here(s, pc)
    args = b.pop_many(s, len(op.operands or ()))
    value = b.add(op, args, instr.args[0], snap)
    b.memory_version += 1
    if op.result is not Type.NONE:
        s.stack.append(value)


for _op in BY_NAME.values():
    if _op.wasm is not None and _op.wasm.prefix == 0xFE:
        builds(_op.name)(atomic)


@builds("atomic.fence")
def fence(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    b.add(BY_NAME["fence"])


# --- what the interpreter executes -----------------------------------------------------------------------------------


@builds(*HELPED)
def helped(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    args = b.pop_many(s, Helper(s.code, pc).operands())
    s.stack += b.help(s, pc, args, snap)
    b.clobber()


@builds("table.size")
def table_size(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    wide = s.code.program.info.tables[instr.args[0]].addr is I64
    s.stack.append(b.add(BY_NAME["i64.table_size" if wide else "i32.table_size"], (), instr.args[0]))


# --- references ------------------------------------------------------------------------------------------------------


@builds("ref.null")
def ref_null(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.stack.append(b.null())


@builds("ref.is_null")
def ref_is_null(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.stack.append(b.pure(BY_NAME["ref.is_null"], b.pop_many(s, 1)))


@builds("ref.as_non_null")
def ref_as_non_null(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    s.stack.append(b.pure(BY_NAME["ref.as_non_null"], b.pop_many(s, 1), None, snap))


@builds("ref.eq")
def ref_eq(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    s.stack.append(b.pure(BY_NAME["ref.eq"], b.pop_many(s, 2)))


@builds("ref.func")
def ref_func(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    snap = b.here(s, pc)
    s.stack.append(b.pure(BY_NAME["ref.func"], (), instr.args[0], snap))


# --- control ---------------------------------------------------------------------------------------------------------


@builds("block", "try", "try_table", "loop")
def block(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    """What a label needs is done where control arrives at it."""


@builds("end", "delegate")
def end(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    if pc == len(s.flow.body) - 1:
        b.ret(s)


@builds("else", "catch", "catch_all")
def else_(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    _jump(b, s, pc, _target(s, pc))


@builds("br")
def br(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    target = _target(s, pc)
    if not b.reaches(s, pc, target):
        b.leave(s, pc)
        return
    _jump(b, s, pc, target)


@builds("return")
def return_(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    b.ret(s)


@builds("unreachable")
def unreachable(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    b.leave(s, pc)


@builds("if")
def if_(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    _branch(b, s, pc, taken_if_zero=True)


@builds("br_if")
def br_if(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    _branch(b, s, pc)


def _branch(b: Builder, s: Scope, pc: int, *, taken_if_zero: bool = False) -> None:
    """A branch on the topmost operand, which is taken if it is not zero (`taken_if_zero`: is zero). Where it was never
    seen to go, the region is left."""
    seen = s.history.seen.get(pc, 0)
    condition = s.stack[-1]
    target = _target(s, pc)
    if seen & TOOK and not b.reaches(s, pc, target):
        seen &= ~TOOK
    if not seen & (FELL | TOOK):
        b.leave(s, pc)
        return
    known = b.constant_of(condition)
    if known is not None:
        s.stack.pop()
        if bool(known) is not taken_if_zero:
            _jump(b, s, pc, target)
        return
    refuse: Edge | None = None
    if not (seen & FELL and seen & TOOK):
        # What the condition is there is known, mostly, and then need not be computed as a value.
        if bool(seen & TOOK) is not taken_if_zero:
            s.stack[-1] = b.constant(Type.I32, 0)
        elif b.graph.op[condition].name in COMPARISONS:
            s.stack[-1] = b.constant(Type.I32, 1)
        refuse = b.exit_edge(s, pc)
    s.stack.pop()
    take = b.edge_to(s, pc, target) if seen & TOOK else refuse
    fall = Edge(-1) if seen & FELL else refuse
    if take is None or fall is None:
        raise Crash("a branch without an edge")
    b.end(Branch(condition, fall, take) if taken_if_zero else Branch(condition, take, fall))
    if seen & FELL:
        b.fall(fall)


@builds("br_table")
def br_table(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    seen = s.history.seen.get(pc, 0)
    index = s.stack[-1]
    targets = s.code.side.branches[pc]
    if not isinstance(targets, tuple):
        raise Crash("br_table has one branch only")
    for i, target in enumerate(targets):
        if seen >> i & 1 and not b.reaches(s, pc, target):
            seen &= ~(1 << i)
    if not seen:
        b.leave(s, pc)
        return
    out = b.exit_edge(s, pc)
    s.stack.pop()
    shared: dict[Target, Edge] = {}
    edges: list[Edge] = []
    for i, target in enumerate(targets):
        if not seen >> i & 1:
            edges.append(Edge(out.target))
            continue
        edge = shared.get(target)
        if edge is None:
            # Labels that occur several times share a block, lest their arguments be moved several times over.
            edge = shared[target] = Edge(b.graph.new_block())
        edges.append(Edge(edge.target))
    b.end(Switch(index, edges))
    for target, edge in shared.items():
        b.block = edge.target
        _jump(b, s, pc, target)


@builds("br_on_null")
def br_on_null(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    ref = s.stack[-1]
    _branch_on_null(b, s, pc, ref, taken_if_null=True)
    if b.block is not None:
        s.stack.append(ref)


@builds("br_on_non_null")
def br_on_non_null(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    ref = s.stack[-1]
    _branch_on_null(b, s, pc, ref, taken_if_null=False)


def _branch_on_null(b: Builder, s: Scope, pc: int, ref: int, taken_if_null: bool) -> None:
    seen = s.history.seen.get(pc, 0)
    target = _target(s, pc)
    if seen & TOOK and not b.reaches(s, pc, target):
        seen &= ~TOOK
    if not seen & (FELL | TOOK):
        b.leave(s, pc)
        return
    refuse = None if seen & FELL and seen & TOOK else b.exit_edge(s, pc)
    is_null = b.pure(BY_NAME["ref.is_null"], (ref,))
    if taken_if_null:
        s.stack.pop()
        take = b.edge_to(s, pc, target) if seen & TOOK else refuse
    else:
        take = b.edge_to(s, pc, target) if seen & TOOK else refuse
        s.stack.pop()
    fall = Edge(-1) if seen & FELL else refuse
    if take is None or fall is None:
        raise Crash("a branch without an edge")
    b.end(Branch(is_null, take, fall) if taken_if_null else Branch(is_null, fall, take))
    if seen & FELL:
        b.fall(fall)


def _jump(b: Builder, s: Scope, pc: int, target: Target) -> None:
    b.end(Jump(b.edge_to(s, pc, target)))


def _target(s: Scope, pc: int) -> Target:
    branch = s.code.side.branches[pc]
    if isinstance(branch, tuple):
        raise Crash("a single branch was expected")
    return branch


# --- calls -----------------------------------------------------------------------------------------------------------


@builds("call")
def call(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    index = instr.args[0]
    program = s.code.program
    if index < program.imported_funcs:
        b.unsupported(s, pc, instr)
        return
    type = func_type(program.info.funcs[index])
    code = program.funcs[index - program.imported_funcs]
    results = [type_of(t) for t in type.results]
    if b.inlinable(s, code):
        b.add(BY_NAME["room"], (), code.cost, b.here(s, pc))
        if program.metered:
            b.add(BY_NAME["fuel"], (), 1, b.here(s, pc))
        args = b.pop_many(s, len(type.params))
        b.inline_call(s, pc, code, args)
        return
    args = b.pop_many(s, len(type.params))
    b.call(s, pc, BY_NAME["call"], args, Callee(index), results)


@builds("call_indirect")
def call_indirect(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    program = s.code.program
    index, table = instr.args
    expected = program.info.types[index]
    type = func_type(expected)
    snap = b.here(s, pc)
    op = _OF_TABLE64 if program.info.tables[table].addr is I64 else _OF_TABLE
    func = b.add(op, b.pop_many(s, 1), (table, expected), snap)
    args = b.pop_many(s, len(type.params))
    b.call(s, pc, BY_NAME["call_func"], (func, *args), type, [type_of(t) for t in type.results])


@builds("call_ref")
def call_ref(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    type = func_type(s.code.program.info.types[instr.args[0]])
    snap = b.here(s, pc)
    func = b.add(BY_NAME["func.of_ref"], b.pop_many(s, 1), None, snap)
    args = b.pop_many(s, len(type.params))
    b.call(s, pc, BY_NAME["call_func"], (func, *args), type, [type_of(t) for t in type.results])


@builds("return_call")
def return_call(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    index = instr.args[0]
    program = s.code.program
    if index < program.imported_funcs or s.caller is not None:
        b.unsupported(s, pc, instr)
        return
    snap = b.here(s, pc)
    args = b.pop_many(s, len(func_type(program.info.funcs[index]).params))
    b.tail_call(s, pc, Callee(index), args, snap)


@builds("return_call_indirect")
def return_call_indirect(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    program = s.code.program
    index, table = instr.args
    if s.caller is not None:
        b.unsupported(s, pc, instr)
        return
    expected = program.info.types[index]
    snap = b.here(s, pc)
    op = _OF_TABLE64 if program.info.tables[table].addr is I64 else _OF_TABLE
    func = b.add(op, b.pop_many(s, 1), (table, expected), snap)
    args = b.pop_many(s, len(func_type(expected).params))
    b.tail_call(s, pc, None, (func, *args), snap)


@builds("return_call_ref")
def return_call_ref(b: Builder, s: Scope, pc: int, instr: Instr) -> None:
    if s.caller is not None:
        b.unsupported(s, pc, instr)
        return
    snap = b.here(s, pc)
    func = b.add(BY_NAME["func.of_ref"], b.pop_many(s, 1), None, snap)
    args = b.pop_many(s, len(func_type(s.code.program.info.types[instr.args[0]]).params))
    b.tail_call(s, pc, None, (func, *args), snap)


_TYPES = {"i32": Type.I32, "i64": Type.I64, "f32": Type.F32, "f64": Type.F64, "v128": Type.V128}
_SELECT: dict[Type, IrOp] = {t: irop(f"{t}.select") for t in Type if t is not Type.NONE}
_GLOBAL: dict[Type, IrOp] = {t: irop(f"{t}.global") for t in Type if t not in (Type.NONE, Type.REF)}
_SET_GLOBAL: dict[Type, IrOp] = {t: irop(f"{t}.set_global") for t in Type if t not in (Type.NONE, Type.REF)}
_OF_TABLE = BY_NAME["func.of_table"]
_OF_TABLE64 = BY_NAME["func.of_table64"]
