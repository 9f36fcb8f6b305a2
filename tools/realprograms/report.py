"""What the tool prints: tables for people, and the page in `docs/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.realprograms.list import Programs, Task
from tools.realprograms.run import DIFFERS, SAME, UNFETCHED, Result

__all__ = ["exit_code", "line", "listing", "splice", "summary", "table"]

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

_HEADER = ("task", "scale", "instructions", "prepare s", "run s", "cpu s", "M instr/s", "verdict")


def _cells(task: Task, result: Result) -> list[str]:
    speed = result.speed(task)
    return [
        task.id,
        task.scale,
        f"{task.fuel:,}",
        "" if result.prepare is None else f"{result.prepare:.2f}",
        "" if result.seconds is None else f"{result.seconds:.2f}",
        "" if result.cpu is None else f"{result.cpu:.2f}",
        "" if speed is None else f"{speed / 1e6:.2f}",
        result.verdict if not result.detail else f"{result.verdict}: {result.detail}",
    ]


def line(task: Task, result: Result) -> str:
    """One result as it comes in."""
    return _line(_cells(task, result))


def _line(cells: Sequence[str]) -> str:
    name, scale, fuel, prepare, seconds, cpu, speed, verdict = cells
    return f"{name:26} {scale:5} {fuel:>13} {prepare:>9} {seconds:>7} {cpu:>7} {speed:>9}  {verdict}"


def table(pairs: Sequence[tuple[Task, Result]]) -> Iterator[str]:
    """The lines of the table of results."""
    yield _line(_HEADER)
    yield "-" * 94
    for task, result in pairs:
        yield line(task, result)


def summary(pairs: Sequence[tuple[Task, Result]]) -> str:
    counts: dict[str, int] = {}
    for _, result in pairs:
        counts[result.verdict] = counts.get(result.verdict, 0) + 1
    fuel = sum(task.fuel for task, result in pairs if result.verdict == SAME)
    seconds = sum(result.cpu or 0 for _, result in pairs if result.verdict == SAME)
    text = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items(), key=lambda item: -item[1]))
    if seconds:
        text += f"; {fuel:,} instructions in {seconds:.0f} s of the processor, {fuel / seconds / 1e6:.2f} million/s"
    return text


def exit_code(pairs: Sequence[tuple[Task, Result]]) -> int:
    """1 where a task differs or could not be fetched, or where none ran. What is left out for want of the shared
    folder, or of time, is no failure: it is named."""
    if any(result.verdict in (DIFFERS, UNFETCHED) for _, result in pairs):
        return 1
    return 0 if any(result.verdict == SAME for _, result in pairs) else 1


def listing(programs: Programs, tasks: Sequence[Task], state: Mapping[str, str]) -> Iterator[str]:
    """The tasks with where their modules come from; `state` says of each whether it can be run now."""
    for task in tasks:
        sources = dict.fromkeys(str(m.file.package or f"shared {m.file.shared}") for m in task.modules)
        yield f"{task.id:28} {task.scale:2} {task.fuel:>13,}  {task.title}"
        yield f"{'':28} {', '.join(sources)}; {state[task.id]}"


def _markdown(pairs: Sequence[tuple[Task, Result]]) -> Iterator[str]:
    yield f"| {' | '.join(_HEADER)} |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for task, result in pairs:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in _cells(task, result))} |"


def splice(document: Path, pairs: Sequence[tuple[Task, Result]], machine: str) -> None:
    """Replace the results in a page. ValueError where it has no place for them."""
    text = document.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no lines {BEGIN} and {END}")
    body = "\n".join([BEGIN, "", machine, "", *_markdown(pairs), "", summary(pairs) + ".", "", END])
    document.write_text(head + body + tail, encoding="utf-8")
