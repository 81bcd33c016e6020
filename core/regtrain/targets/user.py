"""The modules of users' files, as submodules of this one: `regtrain.targets.user.PROJECT.v1.model`.

PROJECT spells the folder of a config, so that a process which was spawned finds by its name whatever was pickled by
name, such as the class of a dataset: importing this module is all that it takes.
"""

from __future__ import annotations

import sys

from regtrain.targets.load import Finder

__path__: list[str] = []  # no place of its own: the finder knows where each submodule is

if not any(isinstance(finder, Finder) for finder in sys.meta_path):
    sys.meta_path.insert(0, Finder())
