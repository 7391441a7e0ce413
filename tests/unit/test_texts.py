"""Texts are found by key, filled in, and English stands in for what a language lacks."""

from __future__ import annotations

import pytest

from trl_space import resources
from trl_space.texts import t, table


def test_texts_are_filled_in():
    assert t("check.rows_some.title", bad=3, rows=20) == "3 of 20 rows are left out"
    assert t("launch.start", "xx") == "Start training"


def test_a_missing_text_is_an_error():
    with pytest.raises(KeyError):
        t("check.nonsense.title")
    with pytest.raises(KeyError):
        t("check.rows_some.title", bad=3)


def test_values_are_not_read_as_templates():
    assert "{rows}" in t("check.model_name.reason", name="{rows}")
    assert "__class__" not in t("check.model_name.reason", name="x")


@pytest.mark.parametrize("name", ["../app.py", "/etc/passwd", "locales/../../README.md"])
def test_only_files_of_the_package_are_read(name):
    with pytest.raises((ValueError, FileNotFoundError)):
        resources.text(name)


@pytest.mark.parametrize("lang", ["../en", "", "en/../en", "xx"])
def test_languages_are_not_file_names(lang):
    assert table(lang) == {}
