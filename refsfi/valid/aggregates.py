"""Rules of structure and array instructions (specification, chapter 3.4).

With custom descriptors a new object's type is known exactly; `Context.use` leaves the exactness out where they are off.
"""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.module import Instr
from refsfi.syntax.types import ARRAYREF, I32, FieldType, NumType, PackType, RefType, StructType, TypeUse
from refsfi.valid.checker import Checker, Rule
from refsfi.valid.limits import MAX_ARRAY_NEW_FIXED, check_limit
from refsfi.valid.matching import defaultable, storage_matches, unpacked, val_matches

__all__ = ["RULES"]


# --- structures ------------------------------------------------------------------------------------------------------


def struct_new(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/struct.new"""
    _new_struct(c, instr, default=False, with_descriptor=False)


def struct_new_default(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/struct.new_default"""
    _new_struct(c, instr, default=True, with_descriptor=False)


def struct_new_desc(c: Checker, instr: Instr) -> None:
    """With the exact descriptor as the last operand."""
    _new_struct(c, instr, default=False, with_descriptor=True)


def struct_new_default_desc(c: Checker, instr: Instr) -> None:
    """Likewise, with default values in the fields."""
    _new_struct(c, instr, default=True, with_descriptor=True)


def _new_struct(c: Checker, instr: Instr, *, default: bool, with_descriptor: bool) -> None:
    x = instr.args[0]
    context = c.context
    operands, first = context.struct_operands(x)
    if default:
        if first is not None:
            shown = context.show(operands[first])
            raise ValidationError(f"field type is not defaultable: field {first} of type {shown}")
        operands = ()
    descriptor = context.types[x].descriptor
    if descriptor is not None:
        if not with_descriptor:
            raise ValidationError("type with descriptor requires descriptor allocation")
        operands = (*operands, context.ref_to(TypeUse(descriptor, True), null=True))
    elif with_descriptor:
        raise ValidationError("type without descriptor requires non-descriptor allocation")
    c.pops(operands)
    c.stack.append(context.use(x, null=False, exact=True))


def _field(type: StructType, i: int) -> FieldType:
    if i < len(type.fields):
        return type.fields[i]
    raise ValidationError(f"unknown field {i}")


def struct_get(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/struct.get"""
    x, i = instr.args
    field = _field(c.context.struct_type(x), i)
    _check_extension(instr, field, "field")
    c.pops((c.context.use(x, null=True),))
    c.stack.append(unpacked(field.storage))


def struct_set(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/struct.set"""
    x, i = instr.args
    field = _field(c.context.struct_type(x), i)
    if not field.mut:
        raise ValidationError(f"immutable field {i}")
    c.pops((c.context.use(x, null=True), unpacked(field.storage)))


def _check_extension(instr: Instr, field: FieldType, what: str) -> None:
    """That exactly the packed fields are read with a sign extension."""
    packed = isinstance(field.storage, PackType)
    if packed != instr.op.mnemonic.endswith(("_s", "_u")):
        raise ValidationError(f"{what} is {'packed' if packed else 'unpacked'}")


# --- arrays ----------------------------------------------------------------------------------------------------------


def _mutable(c: Checker, x: int) -> FieldType:
    field = c.context.array_type(x).field
    if not field.mut:
        raise ValidationError(f"immutable array {x}")
    return field


def array_new(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.new"""
    x = instr.args[0]
    c.pops((unpacked(c.context.array_type(x).field.storage), I32))
    c.stack.append(c.context.use(x, null=False, exact=True))


def array_new_default(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.new_default"""
    x = instr.args[0]
    type = unpacked(c.context.array_type(x).field.storage)
    if not defaultable(type):
        raise ValidationError(f"array type is not defaultable: elements of type {c.context.show(type)}")
    c.pops((I32,))
    c.stack.append(c.context.use(x, null=False, exact=True))


def array_new_fixed(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.new_fixed"""
    x, n = instr.args
    field = c.context.array_type(x).field
    check_limit(n, MAX_ARRAY_NEW_FIXED, "operands of array.new_fixed")
    c.pops_same(unpacked(field.storage), n)
    c.stack.append(c.context.use(x, null=False, exact=True))


def array_new_data(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.new_data"""
    x, y = instr.args
    field = c.context.array_type(x).field
    c.context.data(y)
    _check_numeric(field)
    c.pops((I32, I32))
    c.stack.append(c.context.use(x, null=False, exact=True))


def array_new_elem(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.new_elem"""
    x, y = instr.args
    _check_elem(c, c.context.array_type(x).field, c.context.elem(y))
    c.pops((I32, I32))
    c.stack.append(c.context.use(x, null=False, exact=True))


def array_get(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.get"""
    x = instr.args[0]
    field = c.context.array_type(x).field
    _check_extension(instr, field, "array")
    c.pops((c.context.use(x, null=True), I32))
    c.stack.append(unpacked(field.storage))


def array_set(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.set"""
    x = instr.args[0]
    field = _mutable(c, x)
    c.pops((c.context.use(x, null=True), I32, unpacked(field.storage)))


def array_len(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.len"""
    c.pops((ARRAYREF,))
    c.stack.append(I32)


def array_fill(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.fill"""
    x = instr.args[0]
    field = _mutable(c, x)
    c.pops((c.context.use(x, null=True), I32, unpacked(field.storage), I32))


def array_copy(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.copy"""
    x, y = instr.args
    target = c.context.array_type(x).field
    source = c.context.array_type(y).field
    _mutable(c, x)
    if not storage_matches(source.storage, target.storage):
        show = c.context.show
        raise ValidationError(f"array types do not match: {show(source.storage)} copied to {show(target.storage)}")
    c.pops((c.context.use(x, null=True), I32, c.context.use(y, null=True), I32, I32))


def array_init_data(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.init_data"""
    x, y = instr.args
    field = _mutable(c, x)
    c.context.data(y)
    _check_numeric(field)
    c.pops((c.context.use(x, null=True), I32, I32, I32))


def array_init_elem(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/array.init_elem"""
    x, y = instr.args
    field = _mutable(c, x)
    _check_elem(c, field, c.context.elem(y))
    c.pops((c.context.use(x, null=True), I32, I32, I32))


def _check_numeric(field: FieldType) -> None:
    """That the elements can be read from bytes."""
    if not isinstance(unpacked(field.storage), NumType):
        raise ValidationError("array type is not numeric or vector")


def _check_elem(c: Checker, field: FieldType, elem: RefType) -> None:
    """That references of an element segment may be elements of the array."""
    if isinstance(field.storage, PackType) or not val_matches(elem, field.storage):
        show = c.context.show
        raise ValidationError(
            f"type mismatch: element segment's type {show(elem)} does not match array's field type "
            f"{show(field.storage)}"
        )


RULES: dict[str, Rule] = {
    "struct.new": struct_new,
    "struct.new_default": struct_new_default,
    "struct.new_desc": struct_new_desc,
    "struct.new_default_desc": struct_new_default_desc,
    "struct.get": struct_get,
    "struct.set": struct_set,
    "array.new": array_new,
    "array.new_default": array_new_default,
    "array.new_fixed": array_new_fixed,
    "array.new_data": array_new_data,
    "array.new_elem": array_new_elem,
    "array.get": array_get,
    "array.set": array_set,
    "array.len": array_len,
    "array.fill": array_fill,
    "array.copy": array_copy,
    "array.init_data": array_init_data,
    "array.init_elem": array_init_elem,
}
