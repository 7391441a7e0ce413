"""The page: its parts, where they stand, and which handler answers what.

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
from trl_space.texts import section, t
from trl_space.trainers import Field
from trl_space.ui import assets, form, views
from trl_space.ui.calls import Calls
from trl_space.ui.components import Part
from trl_space.ui.gate import Gate
from trl_space.ui.handlers import TRAINER, Handlers
from trl_space.ui.login import Identity, OAuthRoutes
from trl_space.ui.routes import RunRoutes
from trl_space.ui.security import Headers, OriginGuard
from trl_space.ui.session import Facts
from trl_space.ui.signin import SignInGuard
from trl_space.ui.theme import theme

# What the launch part sends along: how many changes the visitor made, and what the page had shown before them.
ASK = """(...all) => [{turn: window.trl ? trl.state.dirty : 0, preset: all[0]?.preset, settings: all[0]?.settings,
extra: all[0]?.extra, follow: all[0]?.follow}, ...all.slice(1)]"""


class Page:
    """The built page. `blocks` is the Gradio app, `routes` what else it answers."""

    def __init__(self, identity: Identity) -> None:
        facts = Facts()
        self.identity = identity
        self.handlers = Handlers(identity, facts)
        self.calls = Calls(identity, facts)
        runs = RunRoutes(identity, facts, Followers())
        self.routes, self.signed_out = runs.routes(), runs.signed_out
        with gr.Blocks(title="TRL Space", analytics_enabled=False, fill_width=True) as self.blocks:
            if identity.mode == "oauth":
                OAuthRoutes(visible=False)
            self.header = Part("header", elem_id="trl-header")
            self._form()
            with gr.Column(elem_classes="t-view t-view-run", elem_id="trl-run"):
                Part("run_view", server=[self._server("cancel")])
            with gr.Column(elem_classes="t-view t-view-runs", elem_id="trl-list"):
                Part("runs", server=[self._server("list")])
            self._wire()
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
            "code": own.code,
            "list": lambda asked, token: own.list_runs(token),
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
        with gr.Column(elem_classes="t-view t-view-form t-view-run t-view-runs"):
            self.notice = Part("notice", value=[], elem_id="trl-notice")
        # Shown when the address asks for nothing (`assets.HEAD` says so before anything is drawn).
        gr.HTML(
            f"<p><strong>{t('page.intro')}</strong> {t('page.intro_cost')}</p>",
            js_on_load=None,
            apply_default_css=False,
            elem_id="trl-intro",
        )
        with gr.Row(elem_id="trl-form"):
            with gr.Column(elem_id="trl-cards"):
                with gr.Column(elem_classes="t-card", elem_id="trl-card-model"):
                    _title(1, t("page.card.model"))
                    self.model = self._search("model")
                    self.model_line = Part(
                        "facts_line", {"state": "empty"}, words="model_line", elem_id="trl-model-line"
                    )
                    self.trainer = self._cards("goal", TRAINER, "trl-trainer", options=views.goal_cards())
                with gr.Column(elem_classes="t-card", elem_id="trl-card-data"):
                    _title(2, t("page.card.data"))
                    self.dataset = self._search("dataset")
                    self._split_fields()
                    self.dataset_line = Part(
                        "facts_line", {"state": "empty"}, words="dataset_line", elem_id="trl-dataset-line"
                    )
                    self.preview = Part("preview", {"state": "empty"}, elem_id="trl-preview")
                    self.table = gr.Dataframe(
                        visible=False,
                        interactive=False,
                        max_chars=140,
                        max_height=320,
                        show_label=False,
                        wrap=False,
                        elem_id="trl-table",
                        buttons=[],
                    )
                with gr.Column(elem_classes="t-card", elem_id="trl-card-machine"):
                    _title(3, t("page.card.machine"))
                    self.preset = self._cards("preset", "", "trl-preset", bones=3)
                    self._fields()
                    self.flavor = self._cards("machine", "", "trl-flavor", bones=6, limit=6)
            with gr.Column(elem_classes="t-card", elem_id="trl-side"):
                self._side()

    def _search(self, kind: str) -> Part:
        sorts = [{"id": name, "label": t(f"page.sort.{name}")} for name in search.SORTS]
        return Part(
            "hub_search",
            value="",
            words=f"search_{kind}",
            kind=kind,
            sorts=sorts,
            events=("choose",),
            server=[self._server(kind)],
            elem_id=f"trl-{kind}",
        )

    def _cards(self, kind: str, value: str, elem_id: str, **props: Any) -> Part:
        given: dict[str, Any] = {"options": None, "effective": "", "nothing": None, "bones": 1, "limit": 0, **props}
        return Part("cards", value, words=f"cards_{kind}", kind=kind, events=("choose",), elem_id=elem_id, **given)

    def _split_fields(self) -> None:
        with gr.Row(elem_classes="t-fields"):
            common = {"allow_custom_value": True, "interactive": True, "min_width": 120}
            self.subset = gr.Dropdown([], label=t("page.field.subset"), elem_id="trl-subset", **common)
            self.split = gr.Dropdown([], label=t("page.field.split"), elem_id="trl-split", **common)
            self.rows = gr.Number(
                None,
                label=t("page.field.rows"),
                placeholder=t("page.field.rows_all"),
                precision=0,
                elem_id="trl-rows",
                min_width=120,
            )

    def _fields(self) -> None:
        fields = form.fields_of(TRAINER)
        with gr.Row(elem_classes="t-fields", elem_id="trl-fields"):
            made = [_field(field) for field in fields if field.shown]
            self.timeout = gr.Dropdown(
                form.timeout_choices(Recipe().timeout),
                value=write_duration(Recipe().timeout),
                label=t("page.field.timeout"),
                allow_custom_value=True,
                elem_id="trl-timeout",
                min_width=120,
            )
        with gr.Accordion(t("page.advanced"), open=False, elem_id="trl-advanced"), gr.Row(elem_classes="t-grid"):
            made += [_field(field) for field in fields if not field.shown]
        self.settings = made

    def _side(self) -> None:
        self.summary = Part("summary", events=("mend",), elem_id="trl-summary")
        with gr.Column(elem_id="trl-target"):
            self.hub_model_id = gr.Textbox(
                label=t("page.field.target"), max_lines=1, placeholder=t("page.target_hint"), elem_id="trl-hub_model_id"
            )
            self.private = gr.Checkbox(True, label=t("page.field.private"), elem_id="trl-private", container=False)
            self.namespace = gr.Dropdown(
                [],
                label=t("page.field.payer"),
                allow_custom_value=True,
                visible=False,
                interactive=True,
                elem_id="trl-namespace",
            )
        self.launch = Part("launch", {}, server=[self._server("launch"), self._server("code")], elem_id="trl-launch")

    # --- wiring -------------------------------------------------------------------------------------------------

    def _wire(self) -> None:
        do = self.handlers
        fields = [getattr(self, name) for name in form.NAMES]
        inputs = [self.launch, *fields, *self.settings]
        outputs = [
            self.preset,
            self.flavor,
            self.summary,
            self.launch,
            self.namespace,
            self.hub_model_id,
            self.timeout,
            *self.settings,
        ]
        # Values reach the handlers as they were sent: `form` reads them as arbitrary JSON, and says what is wrong.
        quiet: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "queue": False,
            "preprocess": False,
        }
        refresh = {"fn": do.refresh, "inputs": inputs, "outputs": outputs, "js": ASK, **quiet}
        rows = {
            "fn": do.load_rows,
            "inputs": inputs,
            "outputs": [self.dataset_line, self.split, self.preview, self.table],
            "js": ASK,
            **quiet,
        }
        splits = {
            "fn": do.load_dataset,
            "inputs": [self.dataset, self.subset, self.split],
            "outputs": [self.dataset_line, self.subset, self.split],
            **quiet,
        }
        model = {
            "fn": do.load_model,
            "inputs": [self.launch, self.model],
            "outputs": self.model_line,
            "js": ASK,
            **quiet,
        }

        def wait(*places: Any) -> dict[str, Any]:
            # What is being read says so at once, without asking the server.
            loading = "{state: 'loading'}"
            return {"fn": None, "js": f"() => [{', '.join([loading] * len(places))}]", "outputs": list(places), **quiet}

        filled = self.blocks.load(do.load, None, [self.notice, *fields, self.launch, *self.settings], **quiet)
        filled.then(
            fn=None,
            js="(model, dataset) => [model, dataset, dataset].map((one) => ({state: one ? 'loading' : 'empty'}))",
            inputs=[self.model, self.dataset],
            outputs=[self.model_line, self.dataset_line, self.preview],
            **quiet,
        )
        # Nothing is made from the fields before the address has filled them.
        filled.then(**refresh)
        filled.then(do.load_header, None, self.header, **quiet).then(**refresh)
        filled.then(**model).then(**refresh)
        filled.then(**splits).then(**rows).then(**refresh)

        self.model.choose(**wait(self.model_line))
        self.model.choose(**refresh, trigger_mode="always_last")
        self.model.choose(**model, trigger_mode="always_last").then(**refresh)
        self.dataset.choose(**wait(self.dataset_line, self.preview))
        self.dataset.choose(**refresh, trigger_mode="always_last")
        self.dataset.choose(**splits, trigger_mode="always_last").then(**rows).then(**refresh)
        for field in (self.subset, self.split):
            field.input(**wait(self.preview))
            field.input(**rows, trigger_mode="always_last").then(**refresh)
        for part in (self.trainer, self.preset, self.flavor):
            part.choose(**refresh, trigger_mode="always_last")
        native = (self.rows, self.timeout, self.namespace, self.hub_model_id, self.private, *self.settings)
        gr.on([one.input for one in native], **refresh, trigger_mode="always_last")
        # What is learned is marked in the rows, so they are shown anew when that is changed.
        for field, made in zip(form.fields_of(TRAINER), self.settings, strict=True):
            if field.name in ("assistant_only_loss", "completion_only_loss"):
                made.input(**rows, trigger_mode="always_last")
        self.summary.mend(
            do.mend,
            [self.launch, self.summary, *fields, *self.settings],
            [*fields, self.launch, *self.settings],
            js=ASK,
            **quiet,
        ).then(**rows).then(**refresh)

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
                    Middleware(Headers, hub=config.endpoint(), framed=hosts is None),
                    Middleware(OriginGuard, hosts=hosts),
                    Middleware(Gate, blocks=self.blocks),
                    Middleware(SignInGuard, signed_out=self.signed_out),
                    Middleware(GZipMiddleware, minimum_size=2000, compresslevel=6),
                ],
            },
        }


def build(identity: Identity) -> Page:
    """The page for visitors known by `identity`."""
    return Page(identity)


def _title(number: int, text: str) -> None:
    # Our own words only: a template is evaluated.
    gr.HTML(
        f'<h2 class="t-title"><span class="t-step" aria-hidden="true">{number}</span>{text}</h2>',
        js_on_load=None,
        apply_default_css=False,
    )


def _field(field: Field) -> gr.components.Component:
    """Gradio's component for a setting, with TRL's name beside the plain one."""
    own = section(f"page.setting.{field.name}")
    common: dict[str, Any] = {
        "label": own.get("label", field.label),
        "elem_id": f"trl-set-{field.name}",
    }
    about = f"{own.get('help', field.help)} {t('page.trl_name', name=field.name)}"
    if not field.shown:
        common["info"] = about
    if form.three_ways(field):
        words = [(t("page.automatic"), ""), (t("page.yes"), "true"), (t("page.no"), "false")]
        return gr.Dropdown(words, value="", interactive=True, **common)
    if field.kind == "bool":
        return gr.Checkbox(bool(field.default), **common)
    if field.kind == "choice":
        return gr.Dropdown(list(field.choices), value=field.default, interactive=True, **common)
    if field.kind == "text":
        return gr.Textbox(field.default, max_lines=1, **common)
    step: float = 1 if field.kind == "int" else 1e-9
    return gr.Number(field.default, precision=0 if field.kind == "int" else None, step=step, min_width=120, **common)
