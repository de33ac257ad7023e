"""The rules on data, as data."""

from __future__ import annotations

from edgeq.doctor.checks.data_calibration import one_class, too_few_items
from edgeq.doctor.checks.data_chance import not_above_chance
from edgeq.doctor.checks.data_content import constant_input, duplicates
from edgeq.doctor.checks.data_order import swapped_inputs
from edgeq.doctor.checks.data_range import wrong_range
from edgeq.doctor.checks.data_reading import no_items, not_finite, unreadable_data, unreadable_items
from edgeq.doctor.checks.data_splits import calibration_overlap, order_dependent
from edgeq.doctor.rule import DATA, ERROR, FLOAT32, WARNING, Rule

DATA_RULES: tuple[Rule, ...] = (
    Rule(
        "D100",
        "unreadable-data",
        ERROR,
        "the data cannot be read or fed to the model",
        (DATA,),
        unreadable_data,
    ),
    Rule("D101", "no-items", ERROR, "the data hold no item", (DATA,), no_items),
    Rule(
        "D102",
        "constant-input",
        ERROR,
        "an input is the same in all items, or items are blank",
        (DATA,),
        constant_input,
        is_cheap=True,
    ),
    Rule(
        "D103",
        "not-finite",
        ERROR,
        "items hold NaN, infinity or numbers beyond float32",
        (DATA,),
        not_finite,
        is_cheap=True,
        fix="drop-items",
    ),
    Rule(
        "D104",
        "wrong-range",
        ERROR,
        "values reach the model in another range than it was trained on",
        (DATA, FLOAT32),
        wrong_range,
        fix="rescale",
    ),
    Rule("D105", "unreadable-items", WARNING, "single items cannot be read", (DATA,), unreadable_items),
    Rule(
        "D106",
        "too-few-items",
        WARNING,
        "too few different items to calibrate on (an error below 10)",
        (DATA,),
        too_few_items,
        is_cheap=True,
    ),
    Rule(
        "D107",
        "duplicates",
        WARNING,
        "more than 5 % of the items are copies of others",
        (DATA,),
        duplicates,
        is_cheap=True,
        fix="drop-items",
    ),
    Rule(
        "D108",
        "one-class",
        ERROR,
        "calibration items are of one class (a warning where some classes are missing)",
        (DATA,),
        one_class,
        is_cheap=True,
    ),
    Rule(
        "D109",
        "swapped-inputs",
        ERROR,
        "the data of inputs of one shape are exchanged",
        (DATA, FLOAT32),
        swapped_inputs,
        fix="reorder-inputs",
    ),
    Rule(
        "D110",
        "calibration-overlap",
        ERROR,
        "items to measure on are among those to calibrate on",
        (DATA,),
        calibration_overlap,
        is_cheap=True,
    ),
    Rule(
        "D111",
        "order-dependent",
        WARNING,
        "data are others when read again, or the beginning of a sorted list",
        (DATA,),
        order_dependent,
    ),
    Rule(
        "D112",
        "not-above-chance",
        ERROR,
        "the float32 model guesses on the labelled data, or its classes are in another order",
        (DATA, FLOAT32),
        not_above_chance,
    ),
)
"""In the order of their codes; a page each in ``pages/``."""
