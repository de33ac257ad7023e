"""Which items are drawn: by seed and content, never by file order."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.data.splitting import draw


def digest(content: int) -> str:
    return hashlib.sha256(str(content).encode()).hexdigest()


@st.composite
def data_sets(draw_from: st.DrawFn, repeats: bool = True) -> tuple[list[str], np.ndarray]:
    """Digests and labels; equal contents have one label."""
    contents = draw_from(st.lists(st.integers(0, 60), max_size=80, unique=not repeats))
    classes = draw_from(st.integers(1, 6))
    return [digest(content) for content in contents], np.array([c % classes for c in contents], np.int64)


counts = st.integers(0, 90)
seeds = st.integers(0, 5)


@given(data_sets(), counts, seeds, st.booleans())
def test_so_many_different_contents_are_drawn_as_asked_for_or_as_there_are(data, count, seed, labelled):
    digests, labels = data
    drawn = draw(digests, labels if labelled else None, count, seed)
    assert len(drawn) == min(count, len(set(digests)))
    assert len({digests[index] for index in drawn}) == len(drawn)
    assert list(drawn) == sorted(drawn)


@given(data_sets(), counts, seeds, st.booleans(), st.randoms())
def test_the_order_of_files_does_not_matter(data, count, seed, labelled, random):
    digests, labels = data
    order = list(range(len(digests)))
    random.shuffle(order)
    drawn = draw(digests, labels if labelled else None, count, seed)
    shuffled = [digests[index] for index in order]
    again = draw(shuffled, labels[order] if labelled else None, count, seed)
    assert {digests[index] for index in drawn} == {shuffled[index] for index in again}


@given(data_sets(), counts, seeds)
def test_classes_are_drawn_in_proportion(data, count, seed):
    digests, labels = data
    first = dict(zip(digests, labels.tolist(), strict=True))
    drawn = Counter(labels[list(draw(digests, labels, count, seed))].tolist())
    there = Counter(first.values())
    count = min(count, len(first))
    for label, number in there.items():
        share = number * count / max(1, len(first))
        assert drawn[label] <= number
        # One more for a small class is one less for a large one.
        assert share - len(there) <= drawn[label] <= share + 1
        if count >= len(there):
            assert drawn[label] >= 1


@given(data_sets(repeats=False), st.integers(1, 30), seeds, st.integers(61, 99))
def test_a_data_set_that_grows_keeps_its_draw_but_for_what_the_new_item_displaces(data, count, seed, new):
    digests, _ = data
    before = {digests[index] for index in draw(digests, None, count, seed)}
    grown = [*digests, digest(new)]
    after = {grown[index] for index in draw(grown, None, count, seed)}
    assert len(before - after) <= 1


def test_another_seed_draws_others():
    digests = [digest(content) for content in range(1000)]
    draws = [set(draw(digests, None, 100, seed)) for seed in range(3)]
    # 10 of 100 are expected to be in both.
    assert all(len(one & other) < 40 for one in draws for other in draws if one is not other)


def test_the_draw_is_the_same_on_every_machine_and_in_every_version():
    digests = [digest(content) for content in range(20)]
    assert draw(digests, None, 5, 0) == (5, 8, 9, 17, 18)
    assert draw(digests, np.arange(20) % 3, 5, 0) == (4, 8, 9, 16, 18)


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_a_class_with_one_item_among_thousands_is_drawn_too(position):
    digests = [digest(content) for content in range(1001)]
    labels = np.zeros(1001, np.int64)
    labels[position] = 1
    assert position in draw(digests, labels, 20, 0)
