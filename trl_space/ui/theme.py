"""The theme of Gradio's own components: system fonts, one accent, the tokens of `styles.css`."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors, sizes

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "Arial", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace"]

# Gradio's variable -> our token; the tokens know about dark mode, so both modes get the same ones.
TOKENS = {
    "body_background_fill": "--t-bg",
    "body_text_color": "--t-ink",
    "body_text_color_subdued": "--t-soft",
    "background_fill_primary": "--t-card",
    "background_fill_secondary": "--t-raised",
    "block_background_fill": "--t-card",
    "block_border_color": "--t-line",
    "block_info_text_color": "--t-soft",
    "block_label_text_color": "--t-soft",
    "block_title_text_color": "--t-soft",
    "border_color_primary": "--t-line",
    "border_color_accent": "--t-accent-line",
    "input_background_fill": "--t-card",
    "input_background_fill_focus": "--t-card",
    "input_background_fill_hover": "--t-card",
    "input_border_color": "--t-line",
    "input_border_color_focus": "--t-accent-line",
    "input_border_color_hover": "--t-line-strong",
    "input_placeholder_color": "--t-soft",
    "color_accent": "--t-accent-line",
    "color_accent_soft": "--t-accent-soft",
    "checkbox_background_color": "--t-card",
    "checkbox_background_color_selected": "--t-accent-line",
    "checkbox_border_color": "--t-line-strong",
    "checkbox_border_color_focus": "--t-accent-line",
    "checkbox_border_color_hover": "--t-accent-line",
    "checkbox_border_color_selected": "--t-accent-line",
    "checkbox_label_background_fill": "--t-card",
    "checkbox_label_background_fill_hover": "--t-raised",
    "checkbox_label_text_color": "--t-ink",
    "table_border_color": "--t-line",
    "table_even_background_fill": "--t-card",
    "table_odd_background_fill": "--t-raised",
    "table_row_focus": "--t-accent-soft",
    "table_text_color": "--t-ink",
    "code_background_fill": "--t-raised",
    "stat_background_fill": "--t-accent-soft",
    "link_text_color": "--t-accent-text",
}


def theme() -> gr.themes.Base:
    """The theme, without a font to download and with nothing that differs from the tokens."""
    made = gr.themes.Base(
        primary_hue=colors.amber,
        secondary_hue=colors.stone,
        neutral_hue=colors.stone,
        radius_size=sizes.radius_md,
        text_size=sizes.text_md,
        font=SANS,
        font_mono=MONO,
    )
    dark = {f"{name}_dark" for name in TOKENS} & set(vars(made))
    values = {name: f"var({token})" for name, token in TOKENS.items()}
    values |= {name: values[name.removesuffix("_dark")] for name in dark}
    return made.set(
        **values,
        block_border_width="0px",
        block_shadow="none",
        block_shadow_dark="none",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_shadow="none",
        input_shadow_focus="var(--t-glow)",
        input_shadow_focus_dark="var(--t-glow)",
        checkbox_check="var(--t-tick)",
        input_radius="var(--r)",
        block_radius="var(--r)",
        container_radius="var(--r)",
        layout_gap="16px",
    )
