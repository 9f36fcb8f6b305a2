"""Instructions that the interpreter executes while the region waits.

Operands and results are in `RESULTS` of the VM context. To the region it is a call: what lives behind it is in memory.
"""

from __future__ import annotations

from jit.helper import Helper
from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.rows_call import called, save, write_arguments
from refsfi.errors import Crash


@emits("helper")
def helper(e: Emitter, v: int) -> int:
    imm, args = e.graph.imm[v], e.graph.args[v]
    if not isinstance(imm, Helper):
        raise Crash("a helper without an instruction")
    named = save(e, v)
    write_arguments(e, at.VM, args, [at.RESULTS + 16 * i for i in range(len(args))])
    e.asm.call_abs(e.addresses.helper)
    return called(e, v, None, [e.graph.type[a] for a in args], named, imm)
