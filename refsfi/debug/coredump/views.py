"""A core dump together with its modules, in the shapes that a live session is looked at in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from refsfi.debug.coredump.core import Core, CoreError, CoreFrame, CoreValue
from refsfi.debug.model import FrameView, Place, Variable
from refsfi.debug.shapes import shape_at
from refsfi.errors import LimitError
from refsfi.exec.code import Program
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import GlobalInst, Instance, Store
from refsfi.runtime.values import default
from refsfi.syntax.types import NumType, ValType
from refsfi.valid.sidetable import UNREACHABLE

__all__ = ["core_views", "instances_of"]


def instances_of(core: Core, programs: Sequence[Program], store: Store | None = None) -> list[Instance]:
    """The instances as they were, to be looked at and not to be run: memories and globals have their contents, tables
    are not in a core dump. `programs` are those of `core.modules`, in this order. CoreError where they do not fit, or
    where there is no room for a memory."""
    store = store or Store()
    try:
        mems = [MemInst(memory.type) for memory in core.memories]
    except LimitError as error:
        raise CoreError(f"the core dump's memories do not fit into this machine: {error}") from None
    for mem, memory in zip(mems, core.memories, strict=True):
        view = memoryview(mem.data)
        for address, data in memory.segments:
            view[address : address + len(data)] = data
    globals = [GlobalInst(type, default(type.type) if value is None else value) for type, value in core.globals]
    found = []
    for number, instance in enumerate(core.instances):
        if instance.module >= len(programs):
            raise CoreError(f"instance {number} of the core dump is of module {instance.module}, which is not given")
        inst = Instance(store, programs[instance.module])
        info = inst.program.info
        if len(instance.memories) != len(info.mems) or len(instance.globals) != len(info.globals):
            raise CoreError(f"the core dump is not of this module: instance {number} has other memories or globals")
        if max((*instance.memories, -1)) >= len(mems) or max((*instance.globals, -1)) >= len(globals):
            raise CoreError(f"instance {number} has memories or globals that are not in the core dump")
        inst.mems = [mems[index] for index in instance.memories]
        if inst.mems:
            inst.mem0 = inst.mems[0]
        inst.globals = [globals[index] for index in instance.globals]
        found.append(inst)
    return found


def core_views(core: Core, instances: Sequence[Instance]) -> list[FrameView]:
    """The frames of the first thread, innermost first; `instances` are those of `instances_of`. CoreError where a frame
    is not one of these modules."""
    return [_view(frame, level, instances) for level, frame in enumerate(core.frames)]


def _view(frame: CoreFrame, level: int, instances: Sequence[Instance]) -> FrameView:
    if frame.instance >= len(instances):
        raise CoreError(f"frame {level} of the core dump is of instance {frame.instance}, which is not in it")
    inst = instances[frame.instance]
    place = _place(frame, level, inst.program)
    code = place.code
    info = inst.program.info
    types = info.local_types[code.index]
    names = inst.program.module.names.locals.get(frame.func, {})
    locals = tuple(
        _variable(f"${names[index]}" if index in names else str(index), type, value)
        for index, (type, value) in enumerate(zip(types, frame.locals, strict=False))
    )
    if info.sides[code.index].heights[place.pc] == UNREACHABLE:
        raise CoreError(f"frame {level} of the core dump stands at an instruction that control cannot reach")
    shape = shape_at(code, place.pc)
    operands = tuple(
        _variable(f"%{depth}", type, value)
        for depth, (type, value) in enumerate(zip(shape.operands, frame.operands, strict=False))
    )
    return FrameView(level, place, inst, frame.instance, locals, operands, shape.labels)


def _variable(name: str, type: ValType, value: CoreValue) -> Variable:
    """One that is not in the file has no value, and none of a type that the function does not give it."""
    known = value is not None and isinstance(type, NumType) and value[0] is type
    return Variable(name, type, value[1] if known and value is not None else None)


def _place(frame: CoreFrame, level: int, program: Program) -> Place:
    index = frame.func - program.imported_funcs
    if not 0 <= index < len(program.funcs):
        raise CoreError(f"frame {level} of the core dump is in function {frame.func}, which the module does not have")
    func = program.module.funcs[index]
    # Of a module that came from text, offsets are those of its binary.
    if program.module.source is not None:
        from refsfi.binary.decode import decode
        from refsfi.binary.encode import encode
        from refsfi.syntax.features import ALL

        func = decode(encode(program.module), ALL).funcs[index]
    at = func.at + frame.offset
    pc = max(bisect_right(func.body, at, key=lambda instr: instr.at) - 1, 0)
    return Place(program, frame.func, pc)
