from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from edgeq.benchmark.accuracy_statistics import drop_pp
from edgeq.benchmark.tasks import embedding
from edgeq.benchmark.tasks.base import Observed, Score
from edgeq.benchmark.tasks.embedding import Embedding
from edgeq.data.truth import ClassLabels, Targets
from edgeq.errors import DataError

Array = npt.NDArray[np.float32]


def observe(vectors: npt.ArrayLike) -> Observed:
    output = np.array(vectors, np.float32)
    return Embedding(output.shape[1]).observe({"e": output}, None, dict)


def score(labels: npt.ArrayLike, ours: npt.ArrayLike, theirs: npt.ArrayLike | None = None) -> Score:
    truth = ClassLabels(np.array(labels, dtype=np.int64))
    baseline = None if theirs is None else observe(theirs)
    return Embedding(len(ours[0])).score(observe(ours), truth, baseline)


def samples(seed: int, n: int, classes: int, noise: float = 1.0) -> tuple[npt.NDArray[np.int64], Array]:
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = generator.normal(size=(classes, 16))
    vectors = centres[labels] + noise * generator.normal(size=(n, 16))
    order = generator.permutation(n)
    return labels[order], vectors[order].astype(np.float32)


def expected_hits(labels: npt.NDArray[np.int64], vectors: Array, k: int) -> npt.NDArray[np.bool_]:
    """By scikit-learn, each item being its own nearest neighbour."""
    near = NearestNeighbors(n_neighbors=k + 1, metric="cosine").fit(vectors).kneighbors(vectors)[1]
    return np.array([(labels[row[row != item][:k]] == labels[item]).any() for item, row in enumerate(near)])


class TestRecall:
    def test_it_is_that_of_scikit_learns_neighbours(self) -> None:
        labels, vectors = samples(0, 300, 30, noise=1.5)
        result = score(labels, vectors)
        assert [(one.key, one.label) for one in result.metrics] == [
            ("recall1", "recall@1"),
            ("recall5", "recall@5"),
        ]
        for metric, k in zip(result.metrics, (1, 5), strict=True):
            assert metric.value.value == expected_hits(labels, vectors, k).mean()
        assert result.correct is not None
        assert result.correct.tolist() == expected_hits(labels, vectors, 1).tolist()
        assert 0.1 < result.metrics[0].value.value < result.metrics[1].value.value < 1

    def test_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        labels, vectors = samples(0, 100, 10)
        at_once = score(labels, vectors)
        monkeypatch.setattr(embedding, "_COSINES_AT_ONCE", 700)
        in_blocks = score(labels, vectors)
        assert in_blocks.metrics == at_once.metrics
        assert np.array_equal(in_blocks.correct, at_once.correct)

    def test_lengths_do_not_matter(self) -> None:
        labels, vectors = samples(0, 60, 10)
        lengths = np.random.default_rng(1).uniform(0.01, 100, size=(60, 1))
        assert score(labels, vectors * lengths).metrics == score(labels, vectors).metrics

    def test_a_model_that_gives_all_items_one_embedding_finds_nothing(self) -> None:
        result = score([0, 0, 1, 1, 1, 1, 1, 1], np.ones((8, 4)))
        assert [metric.value.value for metric in result.metrics] == [0, 1 - 2 / 8]
        assert score([0, 0, 1, 1, 1, 1, 1, 1], np.zeros((8, 4))).metrics == result.metrics

    def test_an_item_alone_in_its_class_is_in_the_way_but_not_looked_for(self) -> None:
        vectors = [[1, 0], [0.9, 0.1], [1, 0.05]]
        result = score([0, 0, 1], vectors)
        assert (result.metrics[0].value.value, result.metrics[0].value.n) == (0, 2)
        assert result.correct is None

    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_the_order_of_items_changes_nothing(self, seed: int) -> None:
        labels, vectors = samples(seed, 40, 5)
        noisy = vectors + np.random.default_rng(seed).normal(size=vectors.shape)
        order = np.random.default_rng(seed).permutation(40)
        one = score(labels, noisy, vectors)
        assert one.metrics == score(labels[order], noisy[order], vectors[order]).metrics

    @settings(deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def test_a_variant_equal_to_the_baseline_lost_nothing(self, seed: int) -> None:
        labels, vectors = samples(seed, 30, 5)
        for metric in score(labels, vectors, vectors).metrics:
            assert metric.drop is not None
            assert (metric.drop.value, metric.p_value) == (0, 1)

    def test_the_drop_is_paired_by_item(self) -> None:
        labels, vectors = samples(0, 200, 20)
        noisy = vectors + 1.5 * np.random.default_rng(1).normal(size=vectors.shape)
        ours, theirs = (expected_hits(labels, one.astype(np.float32), 1) for one in (noisy, vectors))
        metric = score(labels, noisy, vectors).metrics[0]
        assert metric.drop == drop_pp(ours, theirs)
        assert metric.drop.low > 0

    def test_without_labels_there_is_nothing_to_score(self) -> None:
        assert Embedding(2).score(observe([[1, 2]]), None, None) == Score()

    def test_embeddings_that_are_no_numbers_are_named(self) -> None:
        with pytest.raises(DataError, match="embeddings of 1 of 4 items are NaN or infinite"):
            score([0, 0, 1, 1], [[1, 0], [1, np.inf], [0, 1], [0, 1]])


def test_what_is_kept_has_the_length_one_and_the_row_shape_of_the_output() -> None:
    observed = Embedding(3).observe({"e": np.full((4, 1, 1, 3), 7, np.float32)}, None, dict)["embedding"]
    assert (observed.shape, observed.dtype) == ((4, 3), np.float32)
    assert np.linalg.norm(observed, axis=1) == pytest.approx(np.ones(4))


class TestChecks:
    def test_classes_of_one_item_each_are_refused(self) -> None:
        with pytest.raises(
            DataError, match="faces: each of 3 items is alone in its class: expected several a class"
        ):
            Embedding(2).check(ClassLabels(np.array([0, 1, 2])), {"e": (2,)}, "faces")

    def test_labels_that_are_no_classes_are_refused(self) -> None:
        with pytest.raises(DataError, match="expected one class an item, found Targets"):
            Embedding(2).check(Targets(np.zeros(3)), {"e": (2,)}, "faces")

    def test_more_classes_than_numbers_are_fine(self) -> None:
        Embedding(2).check(ClassLabels(np.array([7, 7, 99])), {"e": (2,)}, "faces")

    def test_a_baseline_that_knows_something_passes_and_one_that_guesses_does_not(self) -> None:
        labels, vectors = samples(0, 100, 10)
        task = Embedding(16)
        task.require_sound(observe(vectors), ClassLabels(labels), "float32")
        noise = np.random.default_rng(0).normal(size=vectors.shape)
        with pytest.raises(
            DataError, match=r"float32 has a recall@1 of \d+\.\d% on 100 items, not above chance: the"
        ):
            task.require_sound(observe(noise), ClassLabels(labels), "float32")

    def test_a_common_class_is_found_by_chance(self) -> None:
        labels = np.array([0] * 90 + [1] * 10)
        noise = np.random.default_rng(0).normal(size=(100, 16))
        with pytest.raises(DataError, match=r"recall@1 of 8\d\.\d%"):
            Embedding(16).require_sound(observe(noise), ClassLabels(labels), "float32")
