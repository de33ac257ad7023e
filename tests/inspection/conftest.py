"""Files to inspect."""

from __future__ import annotations

import sys
from pathlib import Path

# hand_made.py
sys.path.insert(0, str(Path(__file__).parents[1] / "tflite"))
