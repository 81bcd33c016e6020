"""Full training state on disk: saved atomically, kept by policy, verified when read.

`keep` loads no torch; `folder` does.
"""
