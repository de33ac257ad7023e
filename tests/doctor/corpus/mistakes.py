"""All mistakes: each is a function that makes a patient of a good project, and one line in its list."""

from __future__ import annotations

from data_mistakes import DATA
from file_mistakes import FILE
from model_mistakes import MODEL
from patient import Mistake
from projects import MAKERS

MISTAKES: tuple[Mistake, ...] = DATA + MODEL + FILE

Pair = tuple[Mistake, str]
"""A mistake, and the name of a project that it is made in."""


def pairs(*, whole: bool) -> list[Pair]:
    """Mistakes with the projects that they are made in.

    Args:
        whole: all; else those that are tried whenever the tests are run.
    """
    every = tuple(maker.__name__ for maker in MAKERS)
    return [
        (mistake, name)
        for mistake in MISTAKES
        for name in (mistake.projects or every)[: None if whole or not mistake.usual else mistake.usual]
    ]
