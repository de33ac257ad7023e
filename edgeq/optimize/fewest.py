"""How few of a ranked row are enough, with few questions."""

from __future__ import annotations

from collections.abc import Callable


def fewest(count: int, works: Callable[[int], bool], *, all_work: bool = False) -> int | None:
    """Finds a small number that is enough, by doubling and then halving the interval.

    What is asked is measured and noisy: more need not be better. The number that is returned was asked itself and said
    to be enough, and one less was not, so that a bend on the way costs a few too many and never a wrong answer.

    Args:
        count: of all.
        works: whether a number between 1 and `count` is enough.
        all_work: whether all are known to be enough; then that is not asked, and is the answer where nothing else is.

    Returns:
        The number; None where all are not enough.
    """
    failed, enough = 0, count if all_work else None
    number = 1
    while number <= count and not (all_work and number == count):
        if works(number):
            enough = number
            break
        failed = number
        if number == count:
            return None
        number = min(2 * number, count)
    if enough is None:
        return None
    while enough - failed > 1:
        middle = (failed + enough) // 2
        if works(middle):
            enough = middle
        else:
            failed = middle
    return enough


def first_of_all(count: int, works: Callable[[int], bool], *, all_work: bool = False) -> int | None:
    """The smallest number that is enough, found by asking every one; as `fewest` is called."""
    answers = [works(number) for number in range(1, count + (0 if all_work else 1))]
    return next((place + 1 for place, answer in enumerate(answers) if answer), count if all_work else None)
