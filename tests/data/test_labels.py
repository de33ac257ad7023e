from __future__ import annotations

import numpy as np

from edgeq.data.dataset import ArrayDataset
from edgeq.data.labels import in_order_of


def dataset(names=("cat", "dog", "owl")):
    images = np.arange(4, dtype=np.uint8).reshape(4, 1)
    return ArrayDataset({"x": images}, np.array([0, 1, 2, 1]), class_names=names)


def test_classes_are_renumbered_by_name_where_the_model_has_another_order():
    given = dataset()
    renumbered = in_order_of(given, ["owl", "cat", "dog"])
    assert renumbered.labels.tolist() == [1, 2, 0, 2]
    assert renumbered.class_names == ("owl", "cat", "dog")
    assert given.labels.tolist() == [0, 1, 2, 1]
    assert renumbered.digests() == given.digests()


def test_the_same_order_unknown_names_and_other_names_change_nothing():
    for labels in (["cat", "dog", "owl"], [], ["cat", "dog", "fox"], ["cat", "dog"]):
        given = dataset()
        assert in_order_of(given, labels) is given


def test_a_data_set_without_labels_stays_as_it_is():
    given = ArrayDataset({"x": np.zeros((2, 1), np.uint8)}, class_names=("a", "b"))
    assert in_order_of(given, ["b", "a"]) is given
