"""The C declarations behind `libc.py`, and how they become `libc_generated.py`.

cffi parses declarations with a parser in Python, which costs more than everything else that the compiler does before
its first region. So they are parsed ahead: cffi writes a module that makes the same out of a few strings. It holds no
machine code and needs no compiler, and is the same on every x86-64 Linux.

    python -m jit.x64.libc_declarations        after a change of DECLARATIONS
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

__all__ = ["DECLARATIONS", "GENERATED", "generate"]

GENERATED: Final = Path(__file__).with_name("libc_generated.py")

DECLARATIONS: Final = """
    typedef struct {
        unsigned long words[16];
    } sigset_t;
    typedef struct {
        unsigned long handler;
        sigset_t mask;
        unsigned int flags;
        void *restorer;
    } sigaction_t;
    int sigaction(int signal, const sigaction_t *action, sigaction_t *old);
    void *mmap(void *address, size_t size, int protection, int flags, int file, long offset);
    int mprotect(void *address, size_t size, int protection);
    int munmap(void *address, size_t size);
    int madvise(void *address, size_t size, int advice);
"""


def generate() -> str:
    """What cffi makes of DECLARATIONS: the source of a Python module with the attribute `ffi`."""
    import cffi

    maker = cffi.FFI()
    maker.cdef(DECLARATIONS)
    maker.set_source("jit.x64.libc_generated", None)
    with TemporaryDirectory() as folder:
        made = Path(folder) / "made.py"
        maker.emit_python_code(str(made))
        return made.read_text(encoding="ascii")


if __name__ == "__main__":
    GENERATED.write_text(generate(), encoding="ascii")
