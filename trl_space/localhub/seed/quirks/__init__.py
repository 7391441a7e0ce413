"""Repositories with something the matter, so that each check of the page can be seen in the demo (`states`).

    for repo in REPOS:
        files = repo.all_files(made)    # {"path": bytes or a Path}; `made` is the folder that `seed.files` gives

They reuse the files of the tiny model, or hold a description and no weights, and cost nothing to make: a model that
no run can start from needs only what is looked at before one would. Each one's README says what is odd about it.
"""

from __future__ import annotations

from .datasets import DATASETS
from .models import MODELS
from .scripts import REPO

REPOS = (*MODELS, *DATASETS, REPO)
