"""The numbers of a run over its steps, also where the log prints them without saying at which step.

    series = Series()
    series.add({"loss": 1.2, "epoch": 0.1}, epoch=0.1)     # a dictionary as TRL prints it, between two progress bars
    series.points                                          # [{"step": 12, "loss": 1.2, "epoch": 0.1}]

A dictionary says its epoch, rounded. Once it is known how many steps an epoch has, the points before it move to
their steps too.
"""

from __future__ import annotations

from trl_space.symptoms import HINTS

# So many points in a row are no bad luck any more.
LONG_ENOUGH = 10
# More than a picture can show; beyond them every second one is forgotten, as often as it takes.
MOST_POINTS = 10_000


class Series:
    """Points in the order in which they came. None is ever changed in place, so that lists of them can be shared."""

    def __init__(self) -> None:
        self.points: list[dict[str, float]] = []
        self.epochs: list[float | None] = []  # of those that came without step
        self.pace: float | None = None  # steps in an epoch
        self.unplaced = 0
        self._in_a_row: dict[str, int] = {}  # how many points in a row show each of `symptoms.HINTS`

    def copy(self) -> Series:
        """A copy that can go on without changing this one."""
        twin = Series()
        twin.points, twin.epochs = list(self.points), list(self.epochs)
        twin.pace, twin.unplaced, twin._in_a_row = self.pace, self.unplaced, dict(self._in_a_row)
        return twin

    def clear(self) -> None:
        """Forget all points."""
        self.points, self.epochs, self.unplaced = [], [], 0

    def add(self, metrics: dict[str, float], step: int) -> None:
        """A point at a known step."""
        self._count(metrics)
        self._keep(None, {"step": step, **metrics})

    def add_unplaced(self, metrics: dict[str, float], step: int, epoch: float | None) -> None:
        """A point that says its epoch and no step; `step` is where the progress bar was."""
        self._count(metrics)
        self.unplaced += 1
        self._keep(epoch, {"step": round(epoch * self.pace) if self.pace and epoch else step, **metrics})

    def _keep(self, epoch: float | None, point: dict[str, float]) -> None:
        self.epochs.append(epoch)
        self.points.append(point)
        if len(self.points) > MOST_POINTS:
            del self.points[1:-1:2], self.epochs[1:-1:2]

    def restart(self, step: int) -> None:
        """The run began anew at `step`: drop the points that will come again."""
        kept = [index for index, point in enumerate(self.points) if point["step"] <= step]
        self.points, self.epochs = [self.points[index] for index in kept], [self.epochs[index] for index in kept]

    def first_bar(self, step: int) -> None:
        """A progress bar that follows the first dictionary at once says at which step that was."""
        if self.unplaced == 1 and step and self.pace is None and self.points and self.epochs[-1]:
            self.set_pace(step / self.epochs[-1])

    def set_pace(self, pace: float) -> None:
        """Place the points that had no step."""
        self.pace = pace
        raw = {index: epoch * pace for index, epoch in enumerate(self.epochs) if epoch}
        losses = [raw[index] for index in raw if "loss" in self.points[index]]
        # An epoch with two decimals may be some steps off; log lines come at even distances, which says more.
        every = round((losses[-1] - losses[0]) / (len(losses) - 1)) if len(losses) > 2 else 0
        loose = 0.005 * pace + 0.5
        even = every > 2 * loose and all(abs(place - every * round(place / every)) <= loose for place in losses)
        for index, place in raw.items():
            step = every * round(place / every) if even and "loss" in self.points[index] else round(place)
            self.points[index] = {**self.points[index], "step": max(1, step)}

    def hints(self) -> tuple[str, ...]:
        """What goes badly for a while, until it does no longer: names of `symptoms.HINTS`."""
        return tuple(name for name in HINTS if self._in_a_row.get(name, 0) >= LONG_ENOUGH)

    def _count(self, metrics: dict[str, float]) -> None:
        for name, (metric, shows, _) in HINTS.items():
            if metric in metrics:
                self._in_a_row[name] = self._in_a_row.get(name, 0) + 1 if shows(metrics) else 0
