"""Machine code as text, with the disassembler and without it."""

from __future__ import annotations

import pytest

from jit.x64 import disasm
from jit.x64.disasm import disassemble, missing, render

# add rax, rbx; jne back to the start; movaps xmm1, [rip+1]; ret
CODE = bytes.fromhex("4801d8 75fb 0f280d01000000 c3")


def test_instructions_with_their_labels_and_notes() -> None:
    pytest.importorskip("iced_x86", reason="iced-x86 is not installed: nothing was disassembled")
    assert missing() is None
    names = {0x1000: "loop", 0x100D: "mask"}
    notes = {0x1000: "i64.add", 0x1003: "br_if"}
    assert list(render(CODE, 0x1000, names.get, notes.get)) == [
        "loop:",
        "      0  4801d8                  add rax, rbx                             ; i64.add",
        "      3  75fb                    jne short 0x1000                         ; -> loop, br_if",
        "      5  0f280d01000000          movaps xmm1, [rip+1]                     ; -> mask",
        "      c  c3                      ret",
    ]
    lines = list(disassemble(CODE, 0x1000))
    assert [line.target for line in lines] == [None, 0x1000, 0x100D, None]
    assert b"".join(line.code for line in lines) == CODE


def test_bytes_that_are_no_instruction_are_shown_all_the_same() -> None:
    pytest.importorskip("iced_x86", reason="iced-x86 is not installed: nothing was disassembled")
    garbage = bytes.fromhex("c3 06 90 0f")
    lines = list(disassemble(garbage, 0))
    assert [line.text for line in lines] == ["ret", "(bad)", "(bad)"]
    assert b"".join(line.code for line in lines) == garbage


def test_without_the_disassembler_the_bytes_are_shown_and_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disasm, "_iced", lambda: None)
    assert "pip install 'refsfi[disasm]'" in (missing() or "")
    lines = list(disassemble(bytes(range(20)), 0x1000))
    assert [(line.address, line.code, line.text) for line in lines] == [
        (0x1000, bytes(range(16)), ""),
        (0x1010, bytes(range(16, 20)), ""),
    ]
    assert list(render(CODE, 0x1000, note=lambda address: "entry")) == [
        "      0  4801d875fb0f280d01000000c3                                           ; entry",
    ]
