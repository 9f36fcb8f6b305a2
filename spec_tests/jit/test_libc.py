"""The C declarations that were parsed ahead."""

from __future__ import annotations

import ast

from jit.x64.libc_declarations import GENERATED, generate


def test_what_was_generated_is_what_the_declarations_say() -> None:
    assert ast.dump(ast.parse(GENERATED.read_text())) == ast.dump(ast.parse(generate()))
