"""What lies where: the contexts that compiled code reads, and the registers it keeps for itself.

    r15   the VM context: one for each store
    r14   the instance context
    r13   the base address of memory 0
    rsp   the native stack, which is the store's own
    rax, xmm14, xmm15   never hold a value between instructions

A native frame, from its lowest address: spilled values; the return address; the arguments, which the callee pops. An
argument takes 8 bytes, a vector 16. The first result is in rax or xmm0, the others in `RESULTS` of the VM context.

Values: i32 zero-extended to 64 bits, always; f32 and f64 in the low lane of a vector register; references as `refs` has
them.
"""

from __future__ import annotations

from typing import Final

from jit.ir.ops import Type
from jit.x64.registers import R13, R14, R15, RBP, RBX, RCX, RDI, RDX, RSI

__all__ = [
    "BORROWED",
    "BUFFER",
    "BUFFER_SLOTS",
    "CALLEE",
    "EXIT",
    "FAULT_ADDRESS",
    "FAULT_PC",
    "FUEL",
    "GPRS",
    "HOST_RSP",
    "INSTANCE",
    "MXCSR",
    "RESULTS",
    "ROOM",
    "STOP",
    "VM",
    "VM_SIZE",
    "WAITING",
    "XMMS",
    "argument_bytes",
    "argument_offsets",
    "is_vector_register_type",
]

VM: Final = R15
INSTANCE: Final = R14
MEMORY: Final = R13

# The VM context. Words of 8 bytes, unless it says otherwise.
STOP: Final = 0  # not zero: leave at the next poll
FUEL: Final = 8
ROOM: Final = 16
EXIT: Final = 24  # 32 bits: the number of the exit taken
HOST_RSP: Final = 32  # where the native stack is left for the host's
FAULT_PC: Final = 40
FAULT_ADDRESS: Final = 48
CALLEE: Final = 56  # the function that an indirect call is about to enter
MXCSR: Final = 64  # 32 bits each: the guest's, the host's
STACK_TOP: Final = 72  # where a native stack begins
BORROWED: Final = 80  # a register for the time of a few instructions
WAITING: Final = 88  # the stack pointer while the interpreter executes an instruction for a region
GPRS: Final = 128  # 16 words: the registers where a region was left
XMMS: Final = 256  # 16 of 16 bytes
RESULTS: Final = 512  # 16 bytes each
MAX_RESULTS: Final = 1000
BUFFER: Final = RESULTS + 16 * MAX_RESULTS  # 16 bytes each: the registers that an entry reads
BUFFER_SLOTS: Final = 3000
VM_SIZE: Final = BUFFER + 16 * BUFFER_SLOTS

# The instance context. Behind these words, one for each import and definition, see `contexts`.
MEMORY_BASE: Final = 0
FUNCS: Final = 8  # array of function records by index, zero where there is none yet
INSTANCE_WORDS: Final = 2

# A function record.
REC_TYPE: Final = 0  # the number of its type
REC_INSTANCE: Final = 8
REC_ENTRY: Final = 16  # what to call
REC_BODY: Final = 24  # the address of the cell with the address behind the entry's checks, for tail calls
REC_COST: Final = 32
REC_SIZE: Final = 40

# A table's record: address and length of an array of function records' addresses, zero where one is not known; the
# length of the table; and address and length of an array of references, as `mirrors` has them.
TABLE_ELEMS: Final = 0
TABLE_LENGTH: Final = 8
TABLE_SIZE: Final = 16
TABLE_REFS: Final = 24
TABLE_REFS_LENGTH: Final = 32
TABLE_WORDS: Final = 5

# A bit that no reference has. In words that mirror references: the interpreter has to be asked.
UNKNOWN: Final = 4

# A memory's record.
MEM_BASE: Final = 0
MEM_SIZE: Final = 8

# Which registers the allocator hands out, in this order.
GENERAL: Final = (RCX, RDX, RSI, RDI, 8, 9, 10, 11, RBX, RBP, 12)
VECTOR: Final = tuple(range(14))
VSCRATCH: Final = 15
VSCRATCH2: Final = 14

_VECTOR_TYPES = frozenset([Type.F32, Type.F64, Type.V128])


def is_vector_register_type(type: Type) -> bool:
    """Whether values of the type live in vector registers."""
    return type in _VECTOR_TYPES


def argument_offsets(types: list[Type]) -> list[int]:
    """Where each argument lies behind the return address."""
    offsets: list[int] = []
    at = 0
    for type in types:
        offsets.append(at)
        at += 16 if type is Type.V128 else 8
    return offsets


def argument_bytes(types: list[Type]) -> int:
    return sum(16 if type is Type.V128 else 8 for type in types)
