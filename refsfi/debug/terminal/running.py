"""Running and stepping, forward and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from refsfi.debug.model import DebugError, Reason, Unit
from refsfi.debug.terminal.code import number
from refsfi.debug.terminal.interpreter import Interpreter
from refsfi.debug.terminal.table import command

__all__: list[str] = []


def _alive(ui: Interpreter) -> None:
    if not ui.session.running or ui.session.stop.over:
        raise DebugError(
            "the guest cannot go on from here: reverse-continue and reverse-step go back, run begins again"
        )


def _count(ui: Interpreter, text: str) -> int:
    if not text:
        return 1
    count = ui.session.evaluate(text, ui.level).value
    if not isinstance(count, int) or not 0 < count < 1 << 31:
        raise DebugError(f"{text} is no number of times")
    return count


@command("run", "running", aliases="r")
def _run(ui: Interpreter, text: str) -> None:
    """Run from the beginning to the first stop. Calls of the host that were made before are answered as they were
    then, so nothing is written twice."""
    if text:
        raise DebugError("the guest's arguments are given on the command line")
    if ui.session.clock and not ui.confirmed("Begin again?"):
        return
    ui.session.goto(0)
    ui.move(partial(ui.session.run, here=True))


@command("start", "running")
def _start(ui: Interpreter, text: str) -> None:
    """Go to the beginning of the function that the run calls, or of main."""
    for name in ("main", "__main_argc_argv", "__original_main", ui.begin or "_start"):
        try:
            place = ui.code.place(name, None)
        except DebugError:
            continue
        stop = ui.session.goto(0)
        if stop.place == place:
            ui.arrived(stop)
        else:
            ui.move(partial(ui.session.until, place))
        return
    ui.move(lambda: ui.session.goto(0))


@command("continue", "running", "[N]", aliases="c,fg", repeats=True)
def _continue(ui: Interpreter, text: str) -> None:
    """Go on to the next stop. With N, the breakpoint that the guest stands at is passed N-1 times more."""
    _alive(ui)
    count = _count(ui, text)
    for number_ in ui.session.stop.hits:
        if count > 1 and any(b.number == number_ for b in ui.session.breakpoints):
            ui.session.breakpoints[number_].ignore = count - 1
            ui.write(f"Will ignore the next {count - 1} crossings of breakpoint {number_}.")
    ui.move(ui.session.run)


@command("reverse-continue", "running", aliases="rc", repeats=True)
def _reverse_continue(ui: Interpreter, text: str) -> None:
    """Go back to the last hit of a breakpoint or watchpoint before, or to the beginning."""
    ui.move(lambda: ui.session.run(back=True))


def _stepper(unit: Unit, *, over: bool = False, back: bool = False) -> Callable[[Interpreter, str], None]:
    def step(ui: Interpreter, text: str) -> None:
        if not back:
            _alive(ui)
        count = _count(ui, text)
        ui.move(lambda: ui.session.step(unit, over=over, back=back, count=count))

    return step


_STEPS = {
    "step": ("s", Unit.LINE, False, "to another source line, into functions"),
    "next": ("n", Unit.LINE, True, "to another source line, over calls"),
    "stepi": ("si", Unit.INSTRUCTION, False, "an instruction"),
    "nexti": ("ni", Unit.INSTRUCTION, True, "an instruction, over calls"),
    "stepb": ("sb", Unit.BLOCK, False, "to the end of the straight line of instructions"),
}
for _name, (_alias, _unit, _over, _help) in _STEPS.items():
    for _back in (False, True):
        _run_step = _stepper(_unit, over=_over, back=_back)
        _run_step.__doc__ = f"Step {'back ' if _back else ''}{_help}; N times if N is given."
        command(
            f"reverse-{_name}" if _back else _name,
            "running",
            "[N]",
            aliases=f"r{_alias}" if _back else _alias,
            repeats=True,
        )(_run_step)


@command("finish", "running", aliases="fin", repeats=True)
def _finish(ui: Interpreter, text: str) -> None:
    """Run until the function returns, and show what it returns."""
    _alive(ui)
    frame = ui.frame
    count = len(ui.session.frames())
    results = frame.place.code.nresults
    ui.write(f"Run till exit from #{frame.level} {frame.name}")
    for _ in range(frame.level):
        ui.session.step(out=True)
    stop = ui.move(lambda: ui.session.step(out=True))
    frames = ui.session.frames()
    if stop.reason is Reason.STEP and results and len(frames) == count - frame.level - 1:
        from refsfi.debug.terminal.stops import show

        for variable in frames[0].operands[-results:]:
            ui.write(f"Value returned is {show(variable)} ({variable.type})")


@command("reverse-finish", "running", aliases="rfin", repeats=True)
def _reverse_finish(ui: Interpreter, text: str) -> None:
    """Go back to the call of this function."""
    ui.move(lambda: ui.session.step(out=True, back=True))


@command("until", "running", "[LOCATION]", aliases="u", argument="location", repeats=True)
def _until(ui: Interpreter, text: str) -> None:
    """Run to a place, or like next without one."""
    _alive(ui)
    if not text:
        ui.move(lambda: ui.session.step(Unit.LINE, over=True))
        return
    place = ui.code.place(text, ui.place)
    ui.move(lambda: ui.session.until(place))


@command("advance", "running", "LOCATION", argument="location")
def _advance(ui: Interpreter, text: str) -> None:
    """Run to a place."""
    if not text:
        raise DebugError("advance where? a location is needed")
    _until(ui, text)


@command("goto", "running", "CLOCK")
def _goto(ui: Interpreter, text: str) -> None:
    """Go to a position in time. The clock counts instructions from the beginning; +N and -N count from here; begin and
    end are the ends."""
    if text == "begin":
        clock = 0
    elif text == "end":
        clock = 1 << 62
    elif text[:1] in ("+", "-") and text[1:]:
        clock = max(ui.session.clock + number(text, "a position in time"), 0)
    else:
        clock = number(text or "nothing", "a position in time")
    ui.move(lambda: ui.session.goto(clock))


@command("checkpoint", "running")
def _checkpoint(ui: Interpreter, text: str) -> None:
    """Remember this position in time, to come back to with restart."""
    key = max(ui.checkpoints, default=0) + 1
    ui.checkpoints[key] = ui.session.clock, ui.session.place
    ui.write(f"Checkpoint {key}: clock {ui.session.clock}")


@command("restart", "running", "N")
def _restart(ui: Interpreter, text: str) -> None:
    """Go to a checkpoint, forward or back."""
    found = ui.checkpoints.get(number(text or "nothing", "a checkpoint"))
    if found is None:
        raise DebugError(f"there is no checkpoint {text}; info checkpoints lists them")
    ui.move(lambda: ui.session.goto(found[0]))


@command("info checkpoints", "running")
def _checkpoints(ui: Interpreter, text: str) -> None:
    """The positions in time that are remembered."""
    for key, (clock, place) in ui.checkpoints.items():
        ui.write(f"{key:>3}  clock {clock:<12} {'' if place is None else ui.code.where(place)}")
    if not ui.checkpoints:
        ui.write("No checkpoints.")
