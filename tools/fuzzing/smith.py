"""Modules from `wasm-tools smith`, as they are and mutated.

What a case is depends on the run's seed and its number alone: the seed gives the bytes from which wasm-tools makes the
module, and its options.
"""

from __future__ import annotations

from random import Random

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.syntax.features import ALL, Feature, Features
from tools.fuzzing.judge import Case
from tools.fuzzing.mutate import mutate_binary
from tools.fuzzing.mutate_module import mutate_module
from tools.fuzzing.peers import WASM_TOOLS, PeerError, run

__all__ = ["make_case"]

# Options of `wasm-tools smith` that switch proposals; all of them, but for the two that nobody else has.
_SWITCHES = (
    "bulk-memory exceptions gc custom-descriptors custom-page-sizes memory64 multi-value reference-types relaxed-simd "
    "saturating-float-to-int sign-extension-ops simd tail-call threads wide-arithmetic extended-const"
).split()
_NEVER = "shared-everything-threads", "compact-imports"
_INSTRUCTIONS = (
    "numeric,vector,reference,parametric,variable,table,memory,control",
    "numeric,parametric,variable,control",
    "numeric,vector,parametric,variable,memory",
    "reference,parametric,variable,table,control,aggregate",
)


def make_case(seed: int, index: int) -> Case:
    """Case number `index` of a run; PeerError where wasm-tools cannot make a module of its bytes."""
    random = Random(f"smith:{seed}:{index}")
    kind = random.choices(("small", "any", "raw", "bytes", "module"), (40, 15, 10, 20, 15))[0]
    data = _generate(kind, random)
    if kind == "bytes":
        data = mutate_binary(data, [_generate(kind, random)], random)
    elif kind == "module":
        module = decode(data, ALL)
        mutate_module(module, random)
        data = encode(module)
    features = ALL
    if random.random() < 0.2:
        features = _closed(ALL - frozenset(random.sample(sorted(ALL), random.choice((1, 2, 5)))))
    return Case(f"{kind} module {index} of seed {seed}", data, features)


def _generate(kind: str, random: Random) -> bytes:
    """A module of wasm-tools. All but those of kind `any` are small enough to be run, and end."""
    options = [f"--{name}-enabled=false" for name in _NEVER]
    options += [f"--{name}-enabled={_bool(random.random() < 0.85)}" for name in _SWITCHES]
    options += [
        f"--max-memories={random.choice((1, 1, 3))}",
        f"--max-tables={random.choice((1, 4))}",
        f"--memory-max-size-required={_bool(random.random() < 0.3)}",
        f"--table-max-size-required={_bool(random.random() < 0.3)}",
        f"--min-uleb-size={random.choice((1, 1, 1, 4))}",
        f"--generate-custom-sections={_bool(random.random() < 0.1)}",
        f"--allow-invalid-funcs={_bool(kind == 'raw')}",
    ]
    if kind != "any":
        options += [
            f"--max-memory32-bytes={1 << 20}",
            f"--max-memory64-bytes={1 << 20}",
            "--max-table-elements=1000",
            f"--memory-offset-choices={random.choice(('90,9,1', '75,24,1', '1,1,1'))}",
            f"--disallow-traps={_bool(random.random() < 0.5)}",
            f"--canonicalize-nans={_bool(random.random() < 0.1)}",
            f"--min-funcs={random.choice((1, 2, 5))}",
            f"--export-everything={_bool(random.random() < 0.5)}",
        ]
        if random.random() < 0.3:
            options.append(f"--allowed-instructions={random.choice(_INSTRUCTIONS)}")
    if kind not in ("any", "raw"):
        options += ["--ensure-termination", "--fuel=50"]
    answer = run(WASM_TOOLS, "smith", *options, data=random.randbytes(random.choice((50, 200, 600, 600, 2000))))
    if not answer.accepted:
        raise PeerError(f"wasm-tools smith: {answer.message.strip()}")
    return answer.output


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _closed(features: Features) -> Features:
    """Without the features that build on one that is off: such combinations mean nothing anywhere else. Passive and
    declarative segments belong to bulk memory and to reference types, which came together."""
    kept = set(features)
    for feature, base in _BASES:
        if base not in kept:
            kept.discard(feature)
    return frozenset(kept)


# In an order such that one pass suffices.
_BASES = (
    (Feature.RELAXED_SIMD, Feature.SIMD),
    (Feature.REFERENCE_TYPES, Feature.BULK_MEMORY),
    (Feature.BULK_MEMORY, Feature.REFERENCE_TYPES),
    (Feature.FUNCTION_REFERENCES, Feature.REFERENCE_TYPES),
    (Feature.GC, Feature.FUNCTION_REFERENCES),
    (Feature.EXCEPTIONS, Feature.REFERENCE_TYPES),
    (Feature.CUSTOM_DESCRIPTORS, Feature.GC),
    (Feature.LEGACY_EXCEPTIONS, Feature.EXCEPTIONS),
)
