"""Records without `dataclasses`, which compiles source for each class: a sixth of what making the tier took."""

from __future__ import annotations

__all__ = ["Plain"]


class Plain:
    """Equal if of one class with equal fields; `__match_args__` are the fields, in the order of `__init__`. Not to be
    changed where it is a key."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def _fields(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self.__match_args__])

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__ or not isinstance(other, Plain):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__name__}({fields})"
