"""Rules of reference instructions: null, casts, i31, conversions, descriptors (specification, chapter 3.4)."""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.features import Feature
from refsfi.syntax.module import Instr
from refsfi.syntax.types import EQREF, I31REF, I32, AbsHeap, HeapType, RefType, TypeUse, ValType
from refsfi.valid.checker import Checker, Frame, Rule
from refsfi.valid.matching import difference, heap_matches, is_reference, ref_matches, top_of

__all__ = ["RULES"]

_I31 = RefType(False, AbsHeap.I31)


# --- null and functions ----------------------------------------------------------------------------------------------


def ref_null(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.null"""
    c.stack.append(c.context.val(RefType(True, instr.args[0])))


def ref_func(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.func"""
    x = instr.args[0]
    type = c.context.func_ref(x)
    if x not in c.context.refs:
        raise ValidationError(f"undeclared function reference {x}")
    c.stack.append(type)


def ref_is_null(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.is_null"""
    c.pops((RefType(True, c.peek_ref().heap),))
    c.stack.append(I32)


def ref_as_non_null(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.as_non_null"""
    heap = c.peek_ref().heap
    c.pops((RefType(True, heap),))
    c.stack.append(c.context.ref_to(heap, null=False))


def ref_eq(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.eq"""
    c.pops((EQREF, EQREF))
    c.stack.append(I32)


def br_on_null(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br_on_null"""
    frame = c.branches[c.pc] = c.label(instr.args[0])
    heap = c.peek_ref().heap
    c.pops((*frame.label, RefType(True, heap)))
    c.push(frame.label)
    c.stack.append(c.context.ref_to(heap, null=False))


def br_on_non_null(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br_on_non_null"""
    frame = c.branches[c.pc] = c.label(instr.args[0])
    target = frame.label[-1] if frame.label else None
    if target is None or not is_reference(target):
        shown = c.context.show_all(frame.label)
        raise ValidationError(f"type mismatch: instruction requires reference type but label has {shown}")
    c.pops((*frame.label[:-1], RefType(True, target.heap)))
    c.push(frame.label[:-1])


# --- casts -----------------------------------------------------------------------------------------------------------


def _top(heap: HeapType) -> RefType:
    """Any reference of the hierarchy of `heap`."""
    return RefType(True, top_of(heap))


def ref_test(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.test

    The operand's type may be any supertype of the target; the topmost is the one that all of them match.
    """
    type = c.context.ref(instr.args[0])
    c.pops((_top(type.heap),))
    c.stack.append(I32)


def ref_cast(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.cast"""
    type = c.context.ref(instr.args[0])
    c.pops((_top(type.heap),))
    c.stack.append(type)


def br_on_cast(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br_on_cast"""
    frame, source, target = _cast_branch(c, instr)
    _sends(c, frame, target)
    c.pops((*frame.label[:-1], source))
    c.push(frame.label[:-1])
    c.stack.append(difference(source, target))


def br_on_cast_fail(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br_on_cast_fail"""
    frame, source, target = _cast_branch(c, instr)
    _sends(c, frame, difference(source, target))
    c.pops((*frame.label[:-1], source))
    c.push(frame.label[:-1])
    c.stack.append(target)


def _cast_branch(c: Checker, instr: Instr) -> tuple[Frame, RefType, RefType]:
    """The label's frame and the types that the operand is cast from and to.

    The target must be a subtype of the source. With custom descriptors it suffices that both have a common supertype.
    """
    depth, source, target = instr.args
    context = c.context
    frame = c.branches[c.pc] = c.label(depth)
    source, target = context.ref(source), context.ref(target)
    if Feature.CUSTOM_DESCRIPTORS in context.features:
        if top_of(source.heap) is not top_of(target.heap):
            raise ValidationError(
                f"type mismatch on cast: type {context.show(source)} has a different top type than type "
                f"{context.show(target)}"
            )
    elif not ref_matches(target, source):
        raise ValidationError(
            f"type mismatch on cast: type {context.show(target)} does not match {context.show(source)}"
        )
    return frame, source, target


def _sends(c: Checker, frame: Frame, type: RefType) -> None:
    """That the label takes a reference of this type as its last operand."""
    last = frame.label[-1] if frame.label else None
    if last is None or not is_reference(last) or not ref_matches(type, last):
        shown = c.context.show_all(frame.label)
        raise ValidationError(f"type mismatch: instruction requires type {c.context.show(type)} but label has {shown}")


# --- i31 and external references -------------------------------------------------------------------------------------


def ref_i31(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/ref.i31"""
    c.pops((I32,))
    c.stack.append(_I31)


def i31_get(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/i31.get"""
    c.pops((I31REF,))
    c.stack.append(I32)


def any_convert_extern(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/any.convert_extern"""
    _convert(c, AbsHeap.EXTERN, AbsHeap.ANY)


def extern_convert_any(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/extern.convert_any"""
    _convert(c, AbsHeap.ANY, AbsHeap.EXTERN)


def _convert(c: Checker, source: AbsHeap, target: AbsHeap) -> None:
    null = c.peek_ref().null
    c.pops((RefType(null, source),))
    c.stack.append(c.context.ref_to(target, null))


# --- custom descriptors ----------------------------------------------------------------------------------------------


def _descriptor(c: Checker, heap: HeapType) -> RefType:
    """The operand type for the descriptor of the type that a cast names; exact where the target is."""
    if isinstance(heap, TypeUse) and not isinstance(heap.type, int):
        descriptor = getattr(heap.type, "descriptor", None)
        if descriptor is not None:
            return c.context.ref_to(TypeUse(descriptor, heap.exact), null=True)
    raise ValidationError(f"type {c.context.show_heap(heap)} does not have a descriptor")


def ref_get_desc(c: Checker, instr: Instr) -> None:
    """The descriptor is exact where the operand is known to be exactly of the named type."""
    x = instr.args[0]
    context = c.context
    type = context.type(x)
    if type.descriptor is None:
        raise ValidationError(f"type without descriptor {x}")
    exact = heap_matches(c.peek_ref().heap, TypeUse(type, True))
    c.pops((RefType(True, TypeUse(type, exact)),))
    c.stack.append(context.ref_to(TypeUse(type.descriptor, exact), null=False))


def ref_cast_desc_eq(c: Checker, instr: Instr) -> None:
    """A cast to the type whose descriptor is the second operand."""
    type = c.context.ref(instr.args[0])
    c.pops((_top(type.heap), _descriptor(c, type.heap)))
    c.stack.append(type)


def br_on_cast_desc_eq(c: Checker, instr: Instr) -> None:
    """Likewise, with a branch where it succeeds."""
    frame, source, target = _cast_branch(c, instr)
    _sends(c, frame, target)
    _pops_with_descriptor(c, frame, source, target)
    c.stack.append(difference(source, target))


def br_on_cast_desc_eq_fail(c: Checker, instr: Instr) -> None:
    """Likewise, with a branch where it fails."""
    frame, source, target = _cast_branch(c, instr)
    _sends(c, frame, difference(source, target))
    _pops_with_descriptor(c, frame, source, target)
    c.stack.append(target)


def _pops_with_descriptor(c: Checker, frame: Frame, source: RefType, target: RefType) -> None:
    rest: tuple[ValType, ...] = frame.label[:-1]
    c.pops((*rest, source, _descriptor(c, target.heap)))
    c.push(rest)


RULES: dict[str, Rule] = {
    "ref.null": ref_null,
    "ref.func": ref_func,
    "ref.is_null": ref_is_null,
    "ref.as_non_null": ref_as_non_null,
    "ref.eq": ref_eq,
    "br_on_null": br_on_null,
    "br_on_non_null": br_on_non_null,
    "ref.test": ref_test,
    "ref.cast": ref_cast,
    "br_on_cast": br_on_cast,
    "br_on_cast_fail": br_on_cast_fail,
    "ref.i31": ref_i31,
    "i31.get": i31_get,
    "any.convert_extern": any_convert_extern,
    "extern.convert_any": extern_convert_any,
    "ref.get_desc": ref_get_desc,
    "ref.cast_desc_eq": ref_cast_desc_eq,
    "br_on_cast_desc_eq": br_on_cast_desc_eq,
    "br_on_cast_desc_eq_fail": br_on_cast_desc_eq_fail,
}
