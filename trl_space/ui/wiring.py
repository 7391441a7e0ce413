"""What happens on the page makes which handler answer for which places.

    Wiring(blocks, at, handlers, still).wire()      # within the Blocks

`at` holds every place by its name. `still` is a component that holds nothing: Gradio tells every output of every event
of the page, and copies all that it holds for it, whenever any event begins or ends, also when none shows its progress.
So all of them show it on that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import gradio as gr

from trl_space.ui import settings as places
from trl_space.ui.components import telling
from trl_space.ui.handlers import LOAD, MEND, REFRESH, ROWS, Handlers
from trl_space.ui.script_form import ALL_FIELDS

# Whoever sends the whole form sends the launch part first: it remembers what the page showed last. `trl.send` leaves
# out what only the page itself needs; the numbers are the places of the mapping part, of the script's text and of what
# comes behind the fields.
_PLACES = ", ".join(str(1 + one) for one in (*map(ALL_FIELDS.index, ("mapping", "script_text")), len(ALL_FIELDS)))
SEND = f"(...all) => window.trl ? trl.send(all, {_PLACES}) : all"
# The editor tells of every letter by itself; the page has to know that what it has shown is not the last word any more.
SEND_TEXT = f"(...all) => {{ trl.touch(true); return trl.send(all, {_PLACES}); }}"
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False, "preprocess": False}


class Wiring:
    """The events of one page."""

    def __init__(self, blocks: gr.Blocks, at: Mapping[str, Any], handlers: Handlers, still: Any) -> None:
        self.blocks = blocks
        self.at = at
        self.handlers = handlers
        self.quiet = {**QUIET, "show_progress_on": still}

    def _all(self, names: Iterable[str]) -> list[Any]:
        return [self.at[name] for name in names]

    def _asks(self, handler: Any, outputs: Iterable[str], *more: str) -> dict[str, Any]:
        """An event that sends the whole form. Values reach the handlers as they were sent: `form` reads them as
        arbitrary JSON, and says what is wrong."""
        inputs = [self.at["launch"], *self._all((*ALL_FIELDS, *more))]
        return {"inputs": inputs, "js": SEND, **self._gives(handler, outputs)}

    def _gives(self, handler: Any, outputs: Iterable[str]) -> dict[str, Any]:
        """An event that answers for places."""
        answered = self._all(outputs)
        return {"fn": telling(handler, answered), "outputs": answered, **self.quiet}

    def _wait(self, *names: str) -> dict[str, Any]:
        """An event that says at once what is being read, without asking the server."""
        said = ["trl.news({value: loading})" if place.shown else "loading" for place in self._all(names)]
        js = f"() => {{ const loading = {{state: 'loading'}}; return [{', '.join(said)}]; }}"
        return {"fn": None, "js": js, "outputs": self._all(names), **self.quiet}

    def wire(self) -> None:
        """Make all events."""
        at, do, read = self.at, self.handlers, self.handlers.reading
        refresh = self._asks(do.refresh, REFRESH)
        rows = self._asks(read.load_rows, ROWS)
        rest = self._asks(read.load_rest, [])
        last = {"trigger_mode": "always_last"}

        def of(handler: Any, inputs: Iterable[str], outputs: Iterable[str]) -> dict[str, Any]:
            return {"inputs": self._all(inputs), **self._gives(handler, outputs)}

        def on(names: Iterable[str], event: str = "choose", **what: Any) -> Any:
            # One event of all of them: Gradio looks through all events for each component.
            return gr.on([heard(at[name], event) for name in names], **what)

        def shown_anew(event: Any) -> None:
            # What was found is shown at once; what takes longer (how long the rows are) when it is there.
            event.then(**refresh).then(**rest).then(**refresh)

        splits = of(read.load_dataset, ["dataset", "subset", "split"], ["dataset_line", "subset", "split"])
        model = of(read.load_model, ["launch", "model"], ["model_line"])

        opening = of(do.load, ["launch"], LOAD)
        # Every event costs the browser time: what is known of what the address asks for comes with the answer to it,
        # and the page asks again only when somebody is signed in, or something has to be read.
        filled = self.blocks.load(js="() => [window.trl_opened ?? null]", **opening)
        filled.then(**self._gives(do.load_header, ["header"]))
        # What only a visitor's own account tells is asked when it is known who it is.
        at["header"].known(**refresh).then(**rest).then(**refresh)
        at["launch"].read_model(**model, **last).then(**refresh)
        shown_anew(at["launch"].read_dataset(**splits, **last).then(**rows))
        at["launch"].read_rest(**rest, **last).then(**refresh)
        at["launch"].opened(js="() => [trl.address.opened()]", **opening, **last)
        at["file"].open(**of(do.open_file, ["file"], LOAD), **last)

        at["model"].choose(**self._wait("model_line"))
        at["model"].choose(**refresh, **last)
        shown_anew(at["model"].choose(**model, **last))
        for name in ("teacher", "reward_model"):
            at[name].choose(**self._wait(f"{name}_line"))
        on(["teacher", "reward_model"], **refresh, **last).then(**rest).then(**refresh)
        at["dataset"].choose(**self._wait("dataset_line", "mapping", "preview"))
        at["dataset"].choose(**refresh, **last)
        shown_anew(at["dataset"].choose(**splits, **last).then(**rows))
        on(["subset", "split"], "input", **self._wait("preview"))
        shown_anew(on(["subset", "split"], "input", **rows, **last))
        on(["trainer", "rewards", "mapping", "workshop", "locks"], **refresh, **last)
        on(["script", "script_source"], **refresh, **last)
        looked = {**refresh, "js": SEND_TEXT}
        at["script_text"].input(**looked, **last)
        # A text comes from a file, an address or an earlier run: into the editor, and then it is looked at.
        at["script_source"].bring(
            fn=None, js="() => trl.scripts.take()", outputs=[at["script_text"]], **self.quiet
        ).then(**looked)
        # Another machine or setting may be one that an earlier run has measured.
        on(["preset", "method", "flavor", "settings"], **refresh, **last).then(**rest).then(**refresh)
        # What the goal, the columns and the scores mean is seen in the rows.
        shown_anew(on(["trainer", "mapping", "rewards"], **rows, **last))
        native = ("rows", "held_out", "timeout", "namespace", "hub_model_id", "private", *places.NATIVE)
        on(native, "input", **refresh, **last).then(**rest).then(**refresh)
        at["settings"].reread(**rows, **last)
        at["launch"].reread(**refresh, **last)
        at["notice"].drop(**of(do.start_anew, ["launch"], ["launch"])).then(**refresh)
        again = at["summary"].again(**self._asks(do.look_again, REFRESH, "summary"))
        shown_anew(again.then(**model).then(**splits).then(**rows))
        shown_anew(at["summary"].mend(**self._asks(do.mend, MEND, "summary")).then(**rows))


def heard(place: gr.components.Component, event: str) -> Any:
    """What `gr.on` takes for an event of a component; those that a part names itself come in another form."""
    listener = getattr(place, event)
    if isinstance(listener, partial):
        listener = listener.func
        listener.__self__ = place
    return listener
