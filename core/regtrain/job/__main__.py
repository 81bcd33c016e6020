"""`python -m regtrain.job RUN_DIR`: the launched side."""

import sys
from pathlib import Path

from regtrain.job import main

sys.exit(main(Path(sys.argv[1])))
