"""`python -m regtrain`: the command line, as other launchers start it."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # a queue.py in the working directory is not to be taken for Python's own
        del sys.path[0]
    from regtrain.cli import main

    main()
