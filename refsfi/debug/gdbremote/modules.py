"""The modules of a session as LLDB sees them: images that it reads, libraries that it lists, addresses of code."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from refsfi.debug.gdbremote.addresses import Address, Space
from refsfi.debug.model import DebugError, Place
from refsfi.debug.session import Session
from refsfi.debug.target import Image
from refsfi.exec.code import Program

__all__ = ["Modules"]


class Modules:
    """`images` are the files of the modules. One without, or that came from text, has no addresses."""

    def __init__(self, session: Session, images: Sequence[Image]) -> None:
        self._session = session
        self._images = images
        self._starts: dict[Program, list[int]] = {}

    def image(self, instance: int) -> bytes:
        """The file of an instance's module; empty where there is none."""
        image = self._image(instance)
        return b"" if image is None else image.data

    def _image(self, instance: int) -> Image | None:
        instances = self._session.instances()
        if instance >= len(instances):
            return None
        module = instances[instance].program.module
        return next((image for image in self._images if image.program.module is module), None)

    def libraries(self) -> str:
        """The list of libraries, in the protocol's XML. Names are distinct, for LLDB merges what is named alike."""
        rows = []
        seen: set[str] = set()
        for number in range(len(self._session.instances())):
            image = self._image(number)
            name = f"module{number}.wasm" if image is None else image.path
            if name in seen:
                name = f"{name}@{number}"
            seen.add(name)
            at = int(Address(Space.CODE, number, 0))
            rows.append(f'<library name={quoteattr(name)}><section address="{at:#x}"/></library>')
        return f"<library-list>{''.join(rows)}</library-list>"

    def address(self, place: Place, instance: int) -> int:
        """Of an instruction, in the view of an instance."""
        return int(Address(Space.CODE, instance, place.offset or 0))

    def place(self, address: Address) -> Place:
        """The instruction at an address, or behind it in the same function: names of functions stand for the bytes in
        front of their first instruction. DebugError where there is none."""
        instances = self._session.instances()
        if address.space != Space.CODE or address.instance >= len(instances):
            raise DebugError(f"{int(address):#x} is no address of code")
        program = instances[address.instance].program
        if program.module.source is not None:
            raise DebugError("a module that came from text has no offsets")
        starts = self._starts.get(program)
        if starts is None:
            starts = self._starts[program] = [func.at for func in program.module.funcs]
        index = bisect_right(starts, address.offset) - 1
        if index >= 0:
            body = program.module.funcs[index].body
            pc = bisect_left(body, address.offset, key=lambda instr: instr.at)
            if pc < len(body):
                return Place(program, program.imported_funcs + index, pc)
        raise DebugError(f"no instruction is at offset {address.offset:#x} of the module")
