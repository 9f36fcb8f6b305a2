"""WASI preview 1: all functions of `wasi_snapshot_preview1`, and of its predecessor `wasi_unstable`.

abi          numbers, bits, record layouts
options      what a host grants a guest
guest        the calling guest's memory
clocks       time
streams      standard input and output
descriptors  what a descriptor number stands for; the table of them
paths        resolution of paths beneath a directory
process, files, directories, poll    the functions, by subject
functions    the table of functions
wasi         one guest's WASI
"""

from __future__ import annotations

from refsfi.host.wasi.clocks import Clocks
from refsfi.host.wasi.options import INHERIT, Observer, Perms, Preopen, WasiOptions
from refsfi.host.wasi.wasi import MODULES, Wasi

__all__ = ["INHERIT", "MODULES", "Clocks", "Observer", "Perms", "Preopen", "Wasi", "WasiOptions"]
