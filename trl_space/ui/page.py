"""The page: its parts and where they stand. Which handler answers what is said by `wiring`.

`build(identity)` makes the Blocks; `options(...)` is what `launch` gets beside them. Ids start with `trl-` and are
stable: tests and checks find their places by them.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from trl_space.hub import config, search
from trl_space.hub.follow import Followers
from trl_space.recipe import Recipe, write_duration
from trl_space.texts import by_language, language, languages, t
from trl_space.trainers import Field
from trl_space.ui import assets, cards, form, pictures, run_rows, words
from trl_space.ui import settings as places
from trl_space.ui.api import Api, Blocks
from trl_space.ui.api_queue import ApiQueue
from trl_space.ui.calls import Calls
from trl_space.ui.comparing import Comparing
from trl_space.ui.components import Part
from trl_space.ui.early import Early
from trl_space.ui.exporting import Exporting
from trl_space.ui.gallery import Gallery
from trl_space.ui.gate import Gate
from trl_space.ui.handlers import Handlers
from trl_space.ui.keeping import Keeping
from trl_space.ui.language import Speaking
from trl_space.ui.login import Identity, OAuthRoutes
from trl_space.ui.my_runs import MyRuns
from trl_space.ui.rehearsing import Rehearsing
from trl_space.ui.routes import RunRoutes
from trl_space.ui.script_places import OF_SCRIPTS, OF_TRAININGS, script_places, title
from trl_space.ui.security import Headers, OriginGuard
from trl_space.ui.session import Facts
from trl_space.ui.signin import SignInGuard
from trl_space.ui.theme import theme
from trl_space.ui.wiring import Wiring

# The settings whose meaning is seen in the rows: which words are learned.
SEEN_IN_ROWS = ["assistant_only_loss", "completion_only_loss"]
# What the launch part tells: it asks again; Back or Forward was pressed; what is to be read of what filled the page in.
LAUNCH = ("reread", "opened", "read_model", "read_dataset", "read_rest")


class Page:
    """The built page. `blocks` is the Gradio app, `routes` what else it answers."""

    def __init__(self, identity: Identity, default: Recipe | None = None) -> None:
        facts = Facts()
        self.identity = identity
        self.handlers = Handlers(identity, facts, default)
        self.reading = self.handlers.reading
        self.scripts = self.handlers.scripts
        self.calls = Calls(identity, facts, self.scripts)
        self.rehearsing = Rehearsing(identity, self.calls)
        self.exporting = Exporting(identity, self.calls)
        self.keeping = Keeping(identity, self.calls)
        self.runs = MyRuns(identity, facts, self.calls)
        self.gallery = Gallery(facts)
        self.comparing = Comparing(identity, facts, self.runs)
        routes = RunRoutes(identity, facts, Followers())
        self.api = Api(identity, self.calls, routes)
        queue = ApiQueue(self.api, lambda: self.blocks)
        self.routes, self.signed_out = [*routes.routes(), *queue.routes()], routes.signed_out
        with Blocks(title="TRL Space", analytics_enabled=False, fill_width=True) as self.blocks:
            if identity.mode == "oauth":
                OAuthRoutes(visible=False)
            spoken = {
                "languages": [{"id": lang, "name": name} for lang, name in languages().items()],
                "language": by_language(language)(),
            }
            self.header = Part(
                "header",
                events=("known",),
                shown=True,
                elem_id="trl-header",
                hub=pictures.origin(config.endpoint()),
                **spoken,
            )
            self.at: dict[str, Any] = {}  # every place by its name, as `form.FIELDS` and the handlers call it
            still = gr.HTML(visible=False, js_on_load=None)
            self._form()
            with gr.Column(elem_classes="t-view t-view-run", elem_id="trl-run"):
                Part("run_view", server=[self._server("cancel")])
            with gr.Column(elem_classes="t-view t-view-runs", elem_id="trl-list"):
                listed = [self._server(name) for name in ("list", "look", "models", "first", "cancel")]
                Part("runs", server=listed, goals=run_rows.goals())
                Part("compare", server=[self._server("compare")])
            with gr.Column(elem_classes="t-view t-view-gallery", elem_id="trl-gallery-page"):
                Part("gallery", server=[self._server("gallery")], goals=words.goals())
            Part("language", elem_id="trl-foot", **spoken)
            Wiring(self.blocks, {**self.at, "header": self.header}, self.handlers, still).wire()
            self.api.expose()
        # Gradio's banner for Spaces would ask huggingface.co about the Space and Google for fonts; the page has a
        # header of its own.
        self.blocks.space_id = None
        self.blocks.queue(default_concurrency_limit=20, max_size=200)

    def _server(self, name: str) -> Any:
        """A function that a part calls; Gradio finds its name and the visitor's token by its signature."""
        own = self.calls
        calls = {
            "cancel": own.cancel,
            "launch": own.launch,
            "rehearse": self.rehearsing.rehearse,
            "recipe": own.recipe,
            "edit": own.edit,
            "code": self.exporting.code,
            "source": self.exporting.source,
            "share": self.keeping.share,
            "keep": self.keeping.keep,
            "publish": self.keeping.publish,
            "read": self.scripts.read,
            "header": self.scripts.header,
            "list": self.runs.list,
            "look": self.runs.look,
            "models": self.runs.models,
            "first": self.runs.first,
            "compare": self.comparing.compare,
            "gallery": self.gallery.gallery,
            "model": lambda asked, token: own.search("model", asked, token),
            "dataset": lambda asked, token: own.search("dataset", asked, token),
        }
        call = calls[name]

        async def ask(asked: Any, token: gr.OAuthToken | None) -> Any:
            return await call(asked, token)

        ask.__name__ = "search" if name in ("model", "dataset") else name
        return ask

    # --- layout -------------------------------------------------------------------------------------------------

    def _form(self) -> None:
        with gr.Column(elem_classes="t-view t-view-form t-view-run t-view-runs t-view-scripts t-view-gallery"):
            self.at["notice"] = Part("notice", [], events=("drop",), shown=True, elem_id="trl-notice")
            shown = [self._server(name) for name in ("code", "source", "share", "edit", "keep", "publish")]
            Part("code", server=shown, elem_id="trl-code-part", later=assets.later_url())
        with gr.Column(elem_classes="t-view t-view-form t-view-scripts", elem_id="trl-locks-box"):
            self.at["locks"] = Part("locks", {"locks": []}, events=("choose",), elem_id="trl-locks")
        # Shown when the address asks for nothing (`opened.js` says so before anything is drawn).
        gr.HTML(
            _intro(),
            js_on_load=None,
            apply_default_css=False,
            elem_id="trl-intro",
        )
        with gr.Row(elem_classes="t-view-form t-view-scripts", elem_id="trl-form"):
            with gr.Column(elem_id="trl-cards"):
                # Shown with the intro alone, for who comes without a link.
                Part("first", words="runs", server=[self._server("first")], elem_id="trl-first")
                self.at |= script_places(self._server)
                with gr.Column(elem_classes=f"t-card {OF_TRAININGS}", elem_id="trl-card-model"):
                    title(1, t("page.card.model"))
                    self._model("model")
                    self._cards("trainer", "goal", value="sft", options=cards.goal_cards(), fits=[])
                    self._model("teacher")
                with gr.Column(elem_classes=f"t-card {OF_TRAININGS}", elem_id="trl-card-data"):
                    title(2, t("page.card.data"))
                    self._search("dataset")
                    self._split_fields()
                    self._line("dataset_line")
                    self.at["mapping"] = Part("mapping", {"state": "empty"}, events=("choose",), elem_id="trl-mapping")
                    self.at["preview"] = Part("preview", {"state": "empty"}, shown=True, elem_id="trl-preview")
                    self._table()
                    self.at["lengths"] = Part("lengths", {"state": "empty"}, shown=True, elem_id="trl-lengths")
                    with gr.Column(elem_id="trl-scoring"):
                        self.at["rewards"] = Part(
                            "rewards",
                            events=("choose",),
                            elem_id="trl-rewards",
                            options=[],
                            effective=[],
                            proposed=False,
                        )
                        self._model("reward_model")
                with gr.Column(elem_classes="t-card", elem_id="trl-card-machine"):
                    title(3, t("page.card.machine"), OF_TRAININGS)
                    title(3, t("page.card.script_machine"), OF_SCRIPTS)
                    self._cards("preset", "preset", bones=3)
                    self._fields()
                    self._cards("flavor", "machine", bones=6, limit=6)
            with gr.Column(elem_classes="t-card", elem_id="trl-side"):
                self._side()

    def _model(self, name: str) -> None:
        """A search for a model with a line about the one that is chosen."""
        with gr.Column(elem_id=f"trl-{name}-box"):
            self._search(name)
            self._line(f"{name}_line")

    def _search(self, kind: str) -> None:
        sorts = [{"id": name, "label": t(f"page.sort.{name}")} for name in search.SORTS]
        self.at[kind] = Part(
            "hub_search",
            value="",
            words=f"search_{kind}",
            kind=kind,
            sorts=sorts,
            events=("choose",),
            server=[self._server("dataset" if kind == "dataset" else "model")],
            elem_id=f"trl-{kind}",
        )

    def _line(self, name: str) -> None:
        self.at[name] = Part(
            "facts_line", {"state": "empty"}, words=name, shown=True, elem_id=f"trl-{name.replace('_line', '-line')}"
        )

    def _cards(self, name: str, kind: str, value: str = "", **props: Any) -> None:
        given: dict[str, Any] = {"options": None, "effective": "", "nothing": None, "bones": 1, "limit": 0, **props}
        self.at[name] = Part(
            "cards",
            value,
            words=f"cards_{kind}",
            kind=kind,
            events=("choose",),
            elem_id=f"trl-{name}",
            elem_classes=None if kind == "machine" else OF_TRAININGS,
            **given,
        )

    def _split_fields(self) -> None:
        with gr.Row(elem_classes="t-fields"):
            common = {"allow_custom_value": True, "interactive": True, "min_width": 120}
            self.at["subset"] = gr.Dropdown(
                [], label=t("page.field.subset"), info=t("page.help.subset"), elem_id="trl-subset", **common
            )
            self.at["split"] = gr.Dropdown(
                [], label=t("page.field.split"), info=t("page.help.split"), elem_id="trl-split", **common
            )
            self.at["rows"] = gr.Number(
                None,
                label=t("page.field.rows"),
                info=t("page.help.rows"),
                placeholder=t("page.field.rows_all"),
                precision=0,
                elem_id="trl-rows",
                min_width=120,
            )
            self.at["held_out"] = gr.Dropdown(
                places.held_out_choices(0),
                value="0",
                label=t("page.field.held_out"),
                info=t("page.help.held_out"),
                elem_id="trl-held_out",
                **common,
            )

    def _table(self) -> None:
        self.at["table"] = gr.Dataframe(
            visible=False,
            interactive=False,
            max_chars=140,
            max_height=320,
            show_label=False,
            wrap=False,
            elem_id="trl-table",
            buttons=[],
        )

    def _fields(self) -> None:
        self._cards("method", "method", options=cards.method_cards())
        with gr.Row(elem_classes="t-fields", elem_id="trl-fields"):
            for name in places.NATIVE:
                self.at[name] = _field(places.native_field(name))
            self.at["timeout"] = gr.Dropdown(
                form.timeout_choices(Recipe().timeout),
                value=write_duration(Recipe().timeout),
                label=t("page.field.timeout"),
                info=t("page.help.timeout"),
                allow_custom_value=True,
                elem_id="trl-timeout",
                min_width=120,
            )
        self.at["settings"] = Part(
            "settings",
            events=("choose", "reread"),
            elem_id="trl-settings",
            elem_classes=OF_TRAININGS,
            schema="",
            filled={},
            base={},
            changes=0,
            marks=SEEN_IN_ROWS,
        )

    def _side(self) -> None:
        self.at["summary"] = Part("summary", events=("mend", "again"), shown=True, elem_id="trl-summary")
        with gr.Column(elem_id="trl-target"):
            self.at["hub_model_id"] = gr.Textbox(
                label=t("page.field.target"),
                max_lines=1,
                placeholder=t("page.target_hint"),
                elem_id="trl-hub_model_id",
                elem_classes=OF_TRAININGS,
            )
            self.at["private"] = gr.Checkbox(
                True,
                label=t("page.field.private"),
                elem_id="trl-private",
                elem_classes=OF_TRAININGS,
                container=False,
            )
            self.at["namespace"] = gr.Dropdown(
                [],
                label=t("page.field.payer"),
                info=t("page.help.payer"),
                allow_custom_value=True,
                visible=False,
                interactive=True,
                elem_id="trl-namespace",
            )
        self.at["workshop"] = Part(
            "workshop", {"max_usd": None, "group": ""}, events=("choose",), elem_id="trl-workshop"
        )
        calls = [self._server("launch"), self._server("recipe")]
        self.at["launch"] = Part("launch", {}, server=calls, events=LAUNCH, elem_id="trl-launch")
        self.at["rehearsal"] = Part(
            "rehearsal",
            server=[self._server("rehearse")],
            shown=True,
            elem_id="trl-rehearsal",
            elem_classes=OF_TRAININGS,
        )
        self.at["file"] = Part("recipe_file", events=("open",), elem_id="trl-recipe-file")

    def options(self, hosts: frozenset[str] | None = None) -> dict[str, Any]:
        """What `blocks.launch` gets. `hosts` limits the names the app answers to (None: any)."""
        return {
            "theme": theme(),
            "head": assets.head(),
            "ssr_mode": False,
            "run_history": False,
            "enable_monitoring": False,
            "pwa": False,
            "mcp_server": False,
            "footer_links": [],
            "show_error": False,
            "max_threads": 100,
            "state_session_capacity": 500,
            "max_file_size": "1mb",
            "app_kwargs": {
                "routes": self.routes,
                "middleware": [
                    Middleware(Speaking),
                    Middleware(Headers, hub=config.endpoint(), framed=hosts is None),
                    Middleware(OriginGuard, hosts=hosts),
                    Middleware(Gate, blocks=self.blocks),
                    Middleware(SignInGuard, signed_out=self.signed_out),
                    Middleware(GZipMiddleware, minimum_size=2000, compresslevel=6),
                    Middleware(Early, links=assets.early, scripts=assets.scripts),
                ],
            },
        }


def build(identity: Identity, default: Recipe | None = None) -> Page:
    """The page for visitors known by `identity`; `default` is what an address that asks for nothing means."""
    return Page(identity, default)


@by_language
def _intro() -> str:
    return f"<p><strong>{t('page.intro')}</strong> {t('page.intro_cost')}</p>"


def _field(field: Field) -> gr.components.Component:
    """Gradio's component for a setting that stands in view: all of them are numbers."""
    whole = field.kind == "int"
    return gr.Number(
        field.default,
        label=field.label,
        info=t(f"page.help.{field.name}"),
        precision=0 if whole else None,
        step=1 if whole else 1e-9,
        min_width=120,
        elem_id=f"trl-set-{field.name}",
        elem_classes=f"t-native {OF_TRAININGS}",
    )
