"""What is shown of a profile while its program runs, as lines: the parts of the time, the regions, the warm-up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from refsfi.cli.report import printable
from refsfi.observe.monitors.report import share
from refsfi.observe.profile.model import Node, Profile, Sample

__all__ = ["LETTERS", "Panel"]

# Categories as the warm-up's line has them: a letter, and a colour of the terminal's own.
LETTERS: Final = {
    "native": ("n", 32),
    "interpreting": ("i", 33),
    "entering": ("e", 36),
    "recording": ("r", 35),
    "compiling": ("c", 31),
    "host": ("h", 34),
    "start-up": ("s", 37),
    "collecting": ("g", 37),
    "profiling": ("p", 37),
    "other": ("o", 37),
}

# The warm-up's line begins with parts of so many ns; they are doubled when it is full.
_PART: Final = 50_000_000
# Children of a category that are shown.
_CHILDREN: Final = 6


class Panel:
    """Takes in what is new each time, so that a long run costs no more than a short one."""

    def __init__(self) -> None:
        self._seen = 0
        self._weights: Counter[int] = Counter()
        self._parts: list[Counter[str]] = []
        self._part = _PART
        self._taken: dict[int, int] = {}
        self._wall = 0

    def lines(self, profile: Profile, width: int, height: int, *, color: bool = False) -> list[str]:
        """`height` lines of fewer than `width` columns; colour adds what takes no room."""
        self._take(profile)
        whole = self._whole(profile)
        rates = self._rates(profile)
        total = whole.sampled
        head = f"── {profile.wall / 1e9:.1f} s "
        for ns, category in sorted(((ns, c) for c, ns in whole.times().items()), reverse=True):
            part = f" {category} {100 * share(ns, total):.0f}% "
            if 200 * ns >= total > 0 and len(head) + len(part) <= width:
                head += part
        head = head.ljust(width, "─")
        rows = [f"\x1b[1m{head}\x1b[m" if color else head, self._warm_up(width, color)]
        rows.append(_cut("   self %   entered  exits/s", width))
        body = list(self._body(profile, whole.tree(), rates))
        return [*rows, *(_cut(row, width) for row in body)][:height] + [""] * (height - len(rows) - len(body))

    def _take(self, profile: Profile) -> None:
        samples = profile.samples
        end = len(samples)
        for sample in samples[self._seen : end]:
            self._weights[sample.spot] += sample.weight
            number = sample.time // self._part
            while len(self._parts) <= number:
                self._parts.append(Counter())
            self._parts[number][profile.spots[sample.spot].category] += sample.weight
        self._seen = end

    def _whole(self, profile: Profile) -> Profile:
        """All that was sampled, as a profile with one sample for each spot."""
        samples = [Sample(0, 0, spot, weight) for spot, weight in self._weights.items()]
        return Profile(spots=profile.spots, samples=samples, exits=profile.exits)

    def _rates(self, profile: Profile) -> dict[int, float]:
        """Exits of each region in a second, since the last time."""
        taken: dict[int, int] = defaultdict(int)
        for exit in profile.exits:
            taken[exit.region] += exit.taken
        seconds = max(profile.wall - self._wall, 1) / 1e9
        rates = {region: (count - self._taken.get(region, 0)) / seconds for region, count in taken.items()}
        self._taken, self._wall = dict(taken), profile.wall
        return rates

    def _warm_up(self, width: int, color: bool) -> str:
        title = "warm-up  "
        while len(self._parts) > width - len(title):
            pairs = zip(self._parts[::2], [*self._parts[1::2], Counter()], strict=False)
            self._parts = [a + b for a, b in pairs]
            self._part *= 2
        found = title
        for part in self._parts:
            letter, tint = LETTERS[max(part, key=lambda c: part[c])] if part else (".", 37)
            found += f"\x1b[{tint}m{letter}\x1b[m" if color else letter
        return found

    def _body(self, profile: Profile, root: Node, rates: dict[int, float]) -> Iterator[str]:
        for category in root.ranked():
            yield f"{100 * share(category.total, root.total):9.1f}                    {category.name}"
            if category.name not in ("native", "interpreting", "host"):
                continue
            for child in category.ranked()[:_CHILDREN]:
                entered = rate = ""
                if child.name.startswith("region "):
                    number = int(child.name.split()[1])
                    entered = str(profile.regions[number].entered) if number < len(profile.regions) else ""
                    rate = f"{rates.get(number, 0):.0f}"
                yield f"{100 * share(child.total, root.total):9.1f} {entered:>9} {rate:>8}   {printable(child.name)}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
