"""The kinds of models that are said to be trainable are those that the pinned transformers can load."""

from __future__ import annotations

from trl_space import model_types


def test_the_tables_are_those_of_transformers():
    from transformers.models.auto import modeling_auto as auto

    writes = {*auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES}
    assert writes == model_types.WRITES
    assert set(auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES) == model_types.JUDGES
