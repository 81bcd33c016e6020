"""`python -m regtrain`: the command line, as other launchers start it."""

from regtrain.cli import main

if __name__ == "__main__":
    main()
