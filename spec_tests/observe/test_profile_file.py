"""The file of a profile: what is written is read back; cut, damaged, forged and full ones."""

from __future__ import annotations

import io
import json
import zlib
from base64 import b64encode
from pathlib import Path

import pytest

from refsfi.observe.profile.file import VERSION, ProfileError, Writer, binary_of, module_row, read, save
from refsfi.observe.profile.model import Compilation, Counter, Event, Exit, Profile, Region, Sample, Spot


def profile() -> Profile:
    return Profile(
        program="a.wasm",
        arguments=["x", "é\n"],
        began=1.5,
        wall=100,
        interval=10,
        threads={7: "MainThread"},
        modules=[module_row("a.wasm", "d", b"\0asm")],
        spots=[Spot("native", "$f", 1, 2, 0, 4, -1, 0), Spot("host", "env.f", exit=0)],
        samples=[Sample(i, 7, i % 2, 1) for i in range(2500)],
        events=[Event(3, "exit", "$f", 2, 0, {"count": 40})],
        regions=[Region(0, 1, "$f", 3, 4, 5, 6, 7, 8, 9, 8, -1, 0, 2, 50, [(0, 1, 2), (4, 1, 3)], "graph", "c3")],
        exits=[Exit(0, 0, 1, 1, "$f", 2, "br_if", "branch never seen", "none", 3, 4, 0, 5)],
        compilations=[Compilation(3, 1, "$f", 0, {"build": 1}, 2, made=4, kind="first", passed=1000)],
        counters=[Counter(1, "$f", 2, True, 3, 1000)],
        formless={"struct.new": 2},
        left={"br_if": 3},
        lost=1,
        complete=True,
    )


def lines() -> list[str]:
    file = io.StringIO()
    save(profile(), file)
    return file.getvalue().splitlines(keepends=True)


def read_lines(text: list[str], tmp_path: Path) -> Profile:
    path = tmp_path / "a.profile"
    path.write_text("".join(text), encoding="utf-8")
    return read(path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_lines(lines(), tmp_path) == profile()


def test_each_beginning_of_a_file_is_a_profile(tmp_path: Path) -> None:
    text = lines()
    whole = profile()
    for count in range(1, len(text) + 1):
        found = read_lines(text[:count], tmp_path)
        assert found.samples == whole.samples[: len(found.samples)]
        assert found.regions == whole.regions[: len(found.regions)]
    assert found == whole
    cut = read_lines([*text[:3], text[3][:-5]], tmp_path)
    assert "line 4" in cut.cut
    assert "middle of a line" in cut.cut


@pytest.mark.parametrize("text", ["", "\n", "[]", "{}", '{"a": 1}', "\0" * 99, "PK\x03\x04", '"refsfi-profile"'])
def test_what_is_no_profile(text: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="is no profile"):
        read_lines([text], tmp_path)


def test_a_version_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="version 99"):
        read_lines(['{"refsfi-profile": 99}\n'], tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        "garbage",
        "[1]",
        "[" * 100_000,
        '{"samples": [[1, 2, 99, 1]]}',
        '{"samples": [[1, 2, -1, 1]]}',
        '{"samples": [[-1, 2, 0, 1]]}',
        '{"samples": [[1, 2, 0, -5]]}',
        '{"samples": [[1, 2, 0.5, 1]]}',
        '{"samples": [[true, 2, 0, 1]]}',
        '{"samples": 5}',
        '{"spot": {"category": "nonsense", "name": "x"}}',
        '{"spot": {"category": "native"}}',
        '{"spot": {"category": "native", "name": 5}}',
        '{"region": {"number": 7}}',
        '{"entered": [99, 1, 1]}',
        '{"entered": [0, "x", 1]}',
        '{"exits": [{"number": "x"}]}',
        '{"counters": [{"func": []}]}',
        '{"run": {"wall": "long"}}',
        '{"module": {"path": "a"}}',
        '{"thread": [1]}',
    ],
)
def test_a_row_that_is_damaged_or_forged(row: str, tmp_path: Path) -> None:
    """What is in front of it is kept, and it is told which line is wrong, in one line."""
    text = lines()
    found = read_lines([*text, row + "\n", *text[1:]], tmp_path)
    assert f"line {len(text) + 1}: " in found.cut
    assert "\n" not in found.cut
    assert len(found.samples) == 2500


def test_rows_of_a_kind_that_is_not_known_are_ignored(tmp_path: Path) -> None:
    text = lines()
    assert read_lines([text[0], '{"tomorrow": [1]}\n', *text[1:]], tmp_path) == profile()


def test_a_run_that_did_not_end(tmp_path: Path) -> None:
    file = io.StringIO()
    unfinished = profile()
    unfinished.complete = False
    save(unfinished, file)
    assert "did not end" in read_lines([file.getvalue()], tmp_path).cut


def test_a_full_file_has_its_end(tmp_path: Path) -> None:
    file = io.StringIO()
    writer = Writer(file, limit=2000)
    for number in range(1000):
        writer.row("spot", Writer.fields(Spot("native", "$f", 1, number)))
    assert writer.full
    writer.run(profile())
    assert len(file.getvalue()) < 3000
    found = read_lines([file.getvalue()], tmp_path)
    assert found.complete
    assert 0 < len(found.spots) < 1000


def test_a_module_comes_along() -> None:
    assert binary_of(module_row("a", "d", b"\0asm" * 9)) == b"\0asm" * 9


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        ("", "does not hold the module"),
        ("!!", "damaged"),
        (b64encode(b"no stream").decode(), "damaged"),
        (b64encode(zlib.compress(b"\0asm" * 99)[:-6]).decode(), "ends too early"),
        # A bomb: unpacked no further than a module may be.
        (b64encode(zlib.compress(bytes(80 << 20))).decode(), "damaged"),
    ],
)
def test_a_module_that_is_damaged(packed: str, words: str) -> None:
    with pytest.raises(ProfileError, match=words):
        binary_of({"path": "a", "binary": packed})


def test_the_head_is_json() -> None:
    assert json.loads(lines()[0]) == {"refsfi-profile": VERSION}
