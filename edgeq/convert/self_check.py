"""The doctor's cheap rules, which look at every bundle that was just made."""

from __future__ import annotations

from edgeq.bundle import Bundle
from edgeq.data.dataset import Dataset
from edgeq.doctor.examination import Examination, examine
from edgeq.doctor.opening import open_files_case
from edgeq.doctor.rules import RULES


def examine_bundle(bundle: Bundle, dataset: Dataset | None) -> Examination:
    """Runs the cheap rules on a bundle and on the data it was calibrated on.

    Args:
        bundle: as written.
        dataset: what its calibration items were drawn from, as inspected, with the parts that were set apart; None
            where nothing was calibrated.
    """
    return examine(open_files_case(bundle.folder, data=dataset), [rule for rule in RULES if rule.is_cheap])
