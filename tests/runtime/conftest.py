from __future__ import annotations

import sys
from pathlib import Path

# Helper modules beside the tests are importable: test folders are no packages here.
sys.path.insert(0, str(Path(__file__).parent))
