"""Faults of compiled code: which are redirected, and that all others go where they would have gone.

Each test runs in a process of its own, since handlers and landings are the process's.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

from jit.x64.nativestack import SPARE, STACK_GUARD, NativeStack
from refsfi.runtime.reservation import MEMORY_RANGES, Reservation
from spec_tests.jit.maps import permissions

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGSEGV
REPORT = "Fatal Python error: Segmentation fault"

SETUP = """
import ctypes, faulthandler, mmap, os, signal, sys, threading, time
from jit import traps
from jit.x64.libc import ffi, libc
from jit.x64.registers import *
from refsfi.runtime.reservation import GUARD, REACH, SLOT, Reservation
from spec_tests.jit.native_guest import *

PAGE = 1 << 16
guest, context, memory = Guest(), Context(), Reservation(PAGE)

def trapped(index=PAGE, access="load", offset=0, base=memory.base, context=context):
    "Whether the access is redirected, exactly."
    guest.run(context, base, index, access, offset=offset)
    pc, address = context.fault
    # The kernel tells the first inaccessible byte's page, or the byte itself.
    return pc == guest.access_at(access, offset) and base + index + offset <= address < base + index + offset + 16

def works():
    "Whether compiled code works: what is inside is read, what is outside traps."
    memory.buffer[8] = 7
    return guest.run(context, memory.base, 8) == 7 and context.fault == (0, 0) and trapped()

def crash():
    "A crash of the host."
    ctypes.string_at(8)

libc_function = lambda name: ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    program = SETUP + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def printed(code: str) -> str:
    """What a program prints that ends well and has nothing to complain of."""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.strip()


# --- redirected


def test_what_is_inside_does_not_fault_and_what_is_outside_does() -> None:
    assert printed("guest.install(); print(works())") == "True"


@pytest.mark.parametrize("access", ["load", "store", "vector", "add"])
@pytest.mark.parametrize("offset", [0, 4, (1 << 31) - 1])
def test_everywhere_behind_the_memory(access: str, offset: int) -> None:
    code = f"""
        guest.install()
        places = [PAGE, PAGE + 1, PAGE + 4096, 1 << 31, REACH - 16, REACH - 1]
        print([index for index in places if not trapped(index, {access!r}, {offset})])
    """
    assert printed(code) == "[]"


def test_across_the_end_nothing_is_written() -> None:
    code = """
        guest.install()
        before = bytes(memory.buffer)
        print([trapped(PAGE - back, "store") for back in range(1, 8)], bytes(memory.buffer) == before)
        print([trapped(PAGE - back, "vector") for back in (1, 15)], [trapped(PAGE - 16, "vector"), context.fault])
    """
    assert printed(code).splitlines() == [f"{[True] * 7} True", "[True, True] [False, (0, 0)]"]


def test_a_memory_of_zero_pages_traps_at_its_first_byte() -> None:
    """CVE-2022-39392: a memory without pages had no guard."""
    code = """
        guest.install()
        empty = Reservation(0)
        print([trapped(index, base=empty.base) for index in (0, 1, 4096, REACH - 1)])
    """
    assert printed(code) == "[True, True, True, True]"


def test_what_has_grown_no_longer_traps() -> None:
    code = """
        guest.install()
        first = trapped(PAGE)
        memory.resize(2 * PAGE)
        memory.buffer[PAGE] = 9
        print(first, guest.run(context, memory.base, PAGE), context.fault, trapped(2 * PAGE))
    """
    assert printed(code) == "True 9 (0, 0) True"


def test_a_freed_memory_traps() -> None:
    code = """
        guest.install()
        base = memory.base
        memory.release()
        print(trapped(0, base=base))
    """
    assert printed(code) == "True"


def test_the_landing_finds_all_registers_as_they_were() -> None:
    code = """
        guest.install()
        print(trapped(PAGE + 3))
        print(all(context.register(r) == value for r, value in PATTERNS.items()))
        print([context.vector(n) - PATTERNS[RDX] for n in range(16)] == list(range(16)))
        print(context.register(RAX) == PAGE + 3, context.register(R13) == memory.base, context.register(RCX))
        print(context.register(R15) == int(ffi.cast("uintptr_t", context.words)))
        print(context.register(RSP) == context.stack.top)
    """
    assert printed(code).split() == "True True True True True 0 True True".split()


def test_again_and_again() -> None:
    assert printed("guest.install(); print(all(trapped(PAGE + i) for i in range(20_000)))") == "True"


def test_in_all_threads_at_once() -> None:
    code = """
        guest.install()
        guest.access_at("load")
        failed = []
        def work(number):
            own, mine = Context(), Reservation(number * PAGE)
            traps.ensure_installed()
            for turn in range(2000):
                if not trapped(number * PAGE + turn, base=mine.base, context=own):
                    failed.append((number, turn))
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(failed)
    """
    assert printed(code) == "[]"


def test_in_a_thread_that_blocks_the_signal() -> None:
    code = """
        guest.install()
        def work():
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            traps.ensure_installed()
            print(trapped(context=Context()))
            left = signal.valid_signals() - signal.pthread_sigmask(signal.SIG_BLOCK, [])
            print(sorted(left & {signal.SIGSEGV, signal.SIGBUS, signal.SIGINT}) == [signal.SIGBUS, signal.SIGSEGV])
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """
    assert printed(code).split() == ["True", "True"]


def test_without_the_interpreter() -> None:
    """One thread traps in the midst of its work while another does not let go of the interpreter."""
    code = """
        guest.install()
        guest.access_at("wait")
        thread = threading.Thread(target=guest.run, args=(context, memory.base, PAGE, "wait"))
        thread.start()
        time.sleep(0.2)
        assert context.fault == (0, 0)
        context.go()
        ctypes.PyDLL(None).usleep(500_000)
        fault = context.fault
        thread.join()
        print(fault[1] == memory.base + PAGE)
    """
    assert printed(code) == "True"


def test_after_a_fork_in_both_processes() -> None:
    code = """
        guest.install()
        assert works()
        pid = os.fork()
        if pid == 0:
            traps.ensure_installed()
            new = Reservation(PAGE)
            os._exit(0 if works() and trapped(base=new.base) and trapped(access="store") else 1)
        print(os.waitpid(pid, 0)[1], works(), trapped(access="add"))
    """
    assert printed(code) == "0 True True"


def test_a_file_mapped_into_the_memory_and_cut_short() -> None:
    """SIGBUS."""
    code = """
        guest.install()
        file = os.memfd_create("x")
        os.ftruncate(file, 4096)
        assert libc.mmap(ffi.cast("void *", memory.base), 8192, 3, 0x11, file, 0) == ffi.cast("void *", memory.base)
        print(guest.run(context, memory.base, 0), context.fault, trapped(4096))
    """
    assert printed(code) == "0 (0, 0) True"


# --- faulthandler and other handlers


def test_faulthandler_enabled_before() -> None:
    assert printed("faulthandler.enable(); guest.install(); print(works())") == "True"


def test_faulthandler_enabled_after() -> None:
    code = "guest.install(); faulthandler.enable(); traps.ensure_installed(); print(works())"
    assert printed(code) == "True"


def test_faulthandler_enabled_after_and_not_noticed_is_a_report_and_no_silence() -> None:
    done = run("guest.install(); faulthandler.enable(); print(works())")
    assert (done.returncode, done.stdout) == (KILLED, "")
    assert done.stderr.count(REPORT) == 1


@pytest.mark.parametrize(
    "steps",
    [
        "guest.install()",
        "faulthandler.enable(); guest.install()",
        "guest.install(); faulthandler.enable()",
        "guest.install(); faulthandler.enable(); traps.ensure_installed()",
        "faulthandler.enable(); guest.install(); faulthandler.disable(); traps.ensure_installed();"
        "faulthandler.enable(); traps.ensure_installed()",
        "guest.install(); [(faulthandler.enable(), traps.ensure_installed(), faulthandler.disable(),"
        "traps.ensure_installed()) for _ in range(100)]; faulthandler.enable(); traps.ensure_installed()",
        "guest.install(); traps.ensure_installed(); pid = os.fork(); pid and sys.exit(-(os.waitpid(pid, 0)[1] & 127))",
    ],
)
def test_a_crash_of_the_host_is_reported_once_and_kills(steps: str) -> None:
    done = run(f"{steps}\nif not faulthandler.is_enabled(): faulthandler.enable(); traps.ensure_installed()\ncrash()")
    # A process that waited for its child ends with the child's signal as its status.
    assert done.returncode in (KILLED, 256 + KILLED), done
    assert done.stderr.count(REPORT) == 1
    assert "in crash" in done.stderr


def test_a_crash_without_faulthandler_kills_silently() -> None:
    done = run("guest.install(); print(works(), flush=True); crash()")
    assert (done.returncode, done.stdout, done.stderr) == (KILLED, "True\n", "")


def test_a_handler_of_python_stays() -> None:
    code = """
        signal.signal(signal.SIGSEGV, lambda *_: print("called"))
        guest.install()
        os.kill(os.getpid(), signal.SIGSEGV)
        print(works())
        signal.signal(signal.SIGSEGV, lambda *_: print("another"))
        traps.ensure_installed()
        os.kill(os.getpid(), signal.SIGSEGV)
        print(works())
    """
    assert printed(code).split() == ["called", "True", "another", "True"]


HANDLER = """
    @ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    def handler(number, info, _):
        where = ctypes.c_uint64.from_address(info + 16).value if {flags} & 4 else 0
        os.write(1, f"called {{number}} {{where}}\\n".encode())
        if {leave}: os._exit(3)
    action = ffi.new("sigaction_t *")
    action.handler = ctypes.cast(handler, ctypes.c_void_p).value
    action.flags = {flags}
    libc.sigaction(signal.SIGSEGV, action, ffi.NULL)
"""


@pytest.mark.parametrize("flags", [0, 4, 0x08000004, 0x40000004])
def test_handlers_in_c_are_called_as_they_asked_to(flags: int) -> None:
    """Without and with SA_SIGINFO, SA_ONSTACK, SA_NODEFER."""
    code = textwrap.dedent(HANDLER.format(flags=flags, leave=True))
    done = run(code + "\nguest.install(); assert works(); crash()")
    assert (done.returncode, done.stdout, done.stderr) == (3, f"called 11 {8 if flags & 4 else 0}\n", "")


@pytest.mark.parametrize("flags", [0, 0x40000000, 0x08000000])
def test_the_handler_takes_over_flags_and_mask(flags: int) -> None:
    code = f"""
        action = ffi.new("sigaction_t *")
        action.handler = libc_function("abort")
        action.flags = {flags}
        action.mask.words[0] = 1 << (signal.SIGUSR1 - 1)
        libc.sigaction(signal.SIGSEGV, action, ffi.NULL)
        guest.install()
        libc.sigaction(signal.SIGSEGV, ffi.NULL, action)
        print(action.flags & 0x48000000 == {flags}, action.flags & 4, action.mask.words[0] == 1 << (signal.SIGUSR1 - 1))
    """
    assert printed(code) == "True 4 True"


def test_a_handler_for_one_time() -> None:
    """SA_RESETHAND: it is called, the instruction repeated, and that kills."""
    code = textwrap.dedent(HANDLER.format(flags=0x80000000, leave=False))
    done = run(code + "\nguest.install(); assert works(); crash()")
    assert (done.returncode, done.stdout, done.stderr) == (KILLED, "called 11 0\n", "")


def test_signals_that_were_sent() -> None:
    """They have an address field that means nothing, and are never redirected, not even out of a guest's code."""
    code = """
        caught = []
        signal.signal(signal.SIGSEGV, lambda number, _: caught.append(number))
        guest.install()
        thread = threading.Thread(target=lambda: print(guest.run(context, memory.base, 0, "wait"), context.fault))
        guest.access_at("wait")
        thread.start()
        time.sleep(0.2)
        signal.pthread_kill(thread.ident, signal.SIGSEGV)
        time.sleep(0.1)
        context.go()
        thread.join()
        print(caught == [signal.SIGSEGV], works())
    """
    assert printed(code).splitlines() == ["0 (0, 0)", "True True"]


@pytest.mark.parametrize("sender", ["os.kill(os.getpid(), n)", "signal.raise_signal(n)"])
def test_sent_signals_with_the_default_action_kill(sender: str) -> None:
    for number in (signal.SIGSEGV, signal.SIGBUS):
        done = run(f"guest.install(); n = {int(number)}; print('before', flush=True); {sender}; print('after')")
        assert (done.returncode, done.stdout) == (-number, "before\n")


def test_ignored_signals() -> None:
    """A signal that was sent is ignored; a fault cannot be."""
    done = run("""
        signal.signal(signal.SIGSEGV, signal.SIG_IGN)
        guest.install()
        os.kill(os.getpid(), signal.SIGSEGV)
        print(works(), flush=True)
        crash()
    """)
    assert (done.returncode, done.stdout, done.stderr) == (KILLED, "True\n", "")


def test_somebody_who_replaces_the_handler_for_ever() -> None:
    code = """
        guest.install()
        action = ffi.new("sigaction_t *")
        try:
            for number in range(1000):
                action.handler = libc_function("abort") + number
                libc.sigaction(signal.SIGSEGV, action, ffi.NULL)
                traps.ensure_installed()
        except traps.TrapsUnavailable as error:
            print(error)
    """
    assert "has been replaced" in printed(code)


# --- compiled code that is wrong: a crash report, and never a redirect


MISCOMPILED = {
    "a load from the zero page": 'guest.run(context, memory.base, 0, "absolute", target=8)',
    "a load from where nothing is mapped": 'guest.run(context, memory.base, 0, "absolute", target=1 << 46)',
    "a load from an address that is none": 'guest.run(context, memory.base, 0, "absolute", target=1 << 62)',
    "a load from before the memory": 'guest.run(context, memory.base, (1 << 64) - (1 << 40), "load")',
    "a load from a native stack's guard": (
        'guest.run(context, memory.base, 0, "absolute", target=context.stack.top + 8)'
    ),
    "a write to code": 'guest.run(context, guest.memory.base, 0, "store")',
    "a jump into the guard": 'guest.run(context, memory.base, 0, "jump", target=memory.base + PAGE + 64)',
    "a jump into the memory": 'guest.run(context, memory.base, 0, "jump", target=memory.base)',
    "a jump to nowhere": 'guest.run(context, memory.base, 0, "jump", target=0)',
    "a fault in C called from compiled code": (
        'guest.run(context, memory.base, PAGE, "call", target=libc_function("strlen"))'
    ),
    "a fault in Python": "ctypes.string_at(memory.base + PAGE, 4)",
    "a context that is none": 'guest.run(context, memory.base, PAGE, "lost", target=16)',
    "a context that is a memory's guard": 'guest.run(context, memory.base, PAGE, "lost", target=memory.base + PAGE)',
}


@pytest.mark.parametrize("what", MISCOMPILED)
@pytest.mark.parametrize("before", [True, False], ids=["faulthandler before", "faulthandler after"])
def test_miscompiled(what: str, before: bool) -> None:
    steps = "faulthandler.enable(); guest.install()" if before else "guest.install(); faulthandler.enable()"
    done = run(f"{steps}; traps.ensure_installed(); print(works(), flush=True)\n{MISCOMPILED[what]}\nprint('survived')")
    assert (done.returncode, done.stdout) == (KILLED, "True\n"), done
    assert done.stderr.count(REPORT) == 1


@pytest.mark.parametrize("what", MISCOMPILED)
def test_miscompiled_without_faulthandler(what: str) -> None:
    done = run(f"guest.install(); print(works(), flush=True)\n{MISCOMPILED[what]}\nprint('survived')")
    assert (done.returncode, done.stdout, done.stderr) == (KILLED, "True\n", "")


def test_a_second_landing_is_a_defect() -> None:
    code = """
        from refsfi.errors import Crash
        for use in (traps.ensure_installed, lambda: guest.install() and Guest().install()):
            try:
                use()
            except Crash as error:
                print(error)
        guest.install()
        print(works())
    """
    first, second, third = printed(code).splitlines()
    assert "no landing" in first
    assert "land with" in second
    assert third == "True"


def test_refused_executable_memory() -> None:
    code = """
        from jit.x64 import codememory
        def refuse(*_):
            raise OSError(13, "no")
        codememory._map = refuse
        try:
            guest.install()
        except traps.TrapsUnavailable as error:
            print(error)
        print(signal.getsignal(signal.SIGSEGV) is signal.SIG_DFL)
    """
    assert printed(code).splitlines() == [
        "memory faults cannot be caught: [Errno 13] no executable memory: no",
        "True",
    ]


# --- native stacks (CVE-2020-35859: the signal stack overlapped the globals; a guard was missing)


def test_a_native_stack_has_guards_on_both_sides() -> None:
    stack = NativeStack(100_000)
    size = stack.top - stack.limit
    assert size == 102_400
    assert stack.top % 16 == 0
    low, high = stack.limit - SPARE - STACK_GUARD, stack.top + STACK_GUARD
    whole = [(STACK_GUARD, "---"), (SPARE + size, "rw-"), (STACK_GUARD, "---")]
    assert permissions(low, high) == whole
    assert low not in MEMORY_RANGES
    assert high - 1 not in MEMORY_RANGES
    del stack
    assert permissions(low, high) != whole


def test_stacks_memories_and_guards_do_not_overlap() -> None:
    stacks = [NativeStack(1 << 16) for _ in range(20)]
    memories = [Reservation(1 << 16) for _ in range(20)]
    taken = [(s.limit - SPARE - STACK_GUARD, s.top + STACK_GUARD) for s in stacks]
    taken += MEMORY_RANGES.ranges()
    taken.sort()
    assert all(end <= start for (_, end), (start, _) in pairwise(taken))
    assert all(any(low <= m.base < high for low, high in MEMORY_RANGES.ranges()) for m in memories)


def test_a_native_stack_that_cannot_be_had() -> None:
    with pytest.raises(OSError, match="reserving a native stack of"):
        NativeStack(1 << 47)


def test_the_signal_frame_is_put_on_the_native_stack() -> None:
    """A thread without an alternate stack, whose rsp is as low as frames may go."""
    code = """
        guest.install()
        low = Context()
        low.words[3] = low.stack.limit
        def work():
            print(trapped(context=low))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """
    assert printed(code) == "True"


# --- cost


def test_what_a_trap_costs(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
        def best(index):
            times = []
            for _ in range(20):
                start = time.perf_counter()
                for _ in range(1000):
                    entry(context.words, memory.base, index, 0)
                times.append(time.perf_counter() - start)
            return min(times) * 1e3
        guest.install()
        entry = guest._entry("load", 0)[0]
        inside, outside = best(0), best(PAGE)
        start = time.perf_counter()
        for _ in range(10_000):
            traps.ensure_installed()
        print(f"{inside:.2f} {outside - inside:.2f} {(time.perf_counter() - start) * 1e2:.2f}")
    """
    call, trap, check = map(float, printed(code).split())
    with capsys.disabled():
        print(f"\ncall {call} us, a trap more: {trap} us, ensure_installed: {check} us")
    assert 0 < trap < 1000
