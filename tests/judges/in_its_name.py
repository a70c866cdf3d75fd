"""A plugin of pytest: what imports ib_async is given the library that IBPROXY_JUDGE names.

For tests that take a library's encoder and decoder only, so that any of the family will do.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys

library = importlib.import_module(os.environ["IBPROXY_JUDGE"])
sys.modules["ib_async"] = library
for each in pkgutil.iter_modules(library.__path__):
    module = importlib.import_module(f"{library.__name__}.{each.name}")
    sys.modules[f"ib_async.{each.name}"] = module
