"""Trained models built anew: loaded, exported to other formats, and checked there.

`python -m regtrain.export REQUEST` exports in a process of its own; `--check` compares a file with what the model
computed, in a process that never imports the user's code.
"""
