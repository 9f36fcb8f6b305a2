"""A program that uses WASI is run in refsfi, or in wasmtime."""

from __future__ import annotations

from pathlib import Path

from spec_tests.wasi.harness import Case, Outcome

__all__ = ["run_refsfi", "run_wasmtime"]


def run_refsfi(case: Case, scratch: Path, unstable: bool = False) -> Outcome:
    from refsfi.errors import GuestExit, Trap
    from refsfi.exec.instantiate import instantiate
    from refsfi.exec.load import load_program
    from refsfi.exec.machine import invoke
    from refsfi.host.wasi import Preopen, Wasi, WasiOptions
    from refsfi.runtime.store import Store

    dirs = case.prepare(scratch)
    stdout, stderr = bytearray(), bytearray()
    options = WasiOptions(
        args=[f"{case.name}.wasm", *case.args],
        env=case.env,
        stdin=case.stdin,
        stdout=stdout.extend,
        stderr=stderr.extend,
        preopens=[
            *(_preopen(Preopen, host, guest, case) for host, guest in zip(dirs, case.guest_dirs())),
            *(Preopen(host, guest) for host, guest in case.host_dirs),
        ],
    )
    program = load_program(case.module(unstable), name=case.name)
    store = Store()
    end = "exit 0"
    with Wasi(options) as wasi:
        imports = [wasi.imports(store, declared.module)[declared.name] for declared in program.module.imports]
        try:
            instance = instantiate(store, program, imports)
            invoke(store, instance.exports["_start"], [])
        except GuestExit as exit:
            end = f"exit {exit.code}"
        except Trap:
            end = "trap"
    return Outcome(bytes(stdout), bytes(stderr), end, scratch, dirs)


def _preopen(make: type, host: Path, guest: str, case: Case) -> object:
    from refsfi.host.wasi import Perms

    return make(host, guest, Perms.READ, Perms.READ) if case.dirs == "readonly" else make(host, guest)


def run_wasmtime(case: Case, scratch: Path) -> Outcome:
    import wasmtime

    dirs = case.prepare(scratch)
    config = wasmtime.WasiConfig()
    config.argv = [f"{case.name}.wasm", *case.args]
    config.env = case.env
    (scratch / "stdin").write_bytes(case.stdin)
    config.stdin_file = str(scratch / "stdin")
    config.stdout_file = str(scratch / "stdout")
    config.stderr_file = str(scratch / "stderr")
    for host, guest in zip(dirs, case.guest_dirs()):
        config.preopen_dir(str(host), guest, case.dirs != "readonly")
    for host_dir, guest in case.host_dirs:
        config.preopen_dir(host_dir, guest)
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    store.set_wasi(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    end = "exit 0"
    try:
        instance = linker.instantiate(store, wasmtime.Module(engine, case.module()))
        start = instance.exports(store)["_start"]
        if not isinstance(start, wasmtime.Func):
            raise TypeError("_start is no function")
        start(store)
    except wasmtime.ExitTrap as exit:
        end = f"exit {exit.code}"
    except wasmtime.Trap:
        end = "trap"
    except wasmtime.WasmtimeError as error:
        if "unknown import" in str(error) or "failed to parse" in str(error):
            raise
        end = "trap"
    store.close()
    return Outcome((scratch / "stdout").read_bytes(), (scratch / "stderr").read_bytes(), end, scratch, dirs)
