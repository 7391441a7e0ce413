"""Hides Apple's MPS from torch in jobs on macOS, as no environment variable does.

Python imports this at start because the job's PYTHONPATH names this folder (see `environment.py`). It waits
for `torch.backends.mps` to be imported and then makes it say that there is no such device.
"""

import importlib.abc
import importlib.util
import sys

_NAME = "torch.backends.mps"


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            module.is_available = lambda: False

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _Finder())
