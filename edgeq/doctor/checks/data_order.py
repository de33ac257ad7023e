"""D109: inputs of the same shape whose data are exchanged.

Names decide what is fed where, so an exchange is in the data. Labels prove it: the model is right far more often when
its inputs are fed the other way round. Without labels only unlike ranges tell: the first layer of each input is moved
far too little or far too much by the data that it gets, and fittingly by those of the other (`data_first_layer`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgeq.benchmark.evaluation_job import Runner
from edgeq.data.dataset import Dataset
from edgeq.data.feeding import Feed, ModelInput
from edgeq.doctor.case import Case
from edgeq.doctor.checks.data_first_layer import first_layer_of
from edgeq.doctor.checks.data_outputs import Gain, answers, best_gain, sampled
from edgeq.doctor.checks.data_sets import place
from edgeq.doctor.rule import Finding
from edgeq.errors import DataError

_MOST_ORDERS = 6
"""All orders of three inputs; of more, exchanges of two come first."""

_STRANGE, _USUAL = 1.4, 0.9
"""Of `FirstLayer.strangeness`: networks whose data fit reach 1.0, so that exchanged data must be far beyond it, and the
exchange undone within it for every input."""

Order = Mapping[str, str]
"""By input of the model, the name of the input whose data it gets."""


def swapped_inputs(case: Case) -> Iterator[Finding]:
    """D109: see `DATA_RULES`."""
    for feed in case.feeds:
        orders = _orders(feed.inputs)[:_MOST_ORDERS]
        sample = sampled(case, feed) if orders else None
        if sample is None:
            continue
        found = _by_labels(case, sample, orders) if sample.dataset.truth is not None else None
        if found is not None:
            yield _finding(feed.dataset, found[0], f"in the other order {found[1]}")
            continue
        order = _by_ranges(case, sample, orders)
        if order is not None:
            why = "their values fit the first layers of the model the other way round, and not as they are"
            yield _finding(feed.dataset, order, why)


def _orders(inputs: Sequence[ModelInput]) -> list[Order]:
    """Ways to exchange inputs of one shape and dtype, the fewest exchanges first; without that as given."""
    alike: dict[tuple[tuple[int, ...], str], list[str]] = {}
    for spec in inputs:
        alike.setdefault((spec.item_shape, spec.dtype), []).append(spec.name)
    found: list[Order] = []
    for names in alike.values():
        # Of 7 inputs there are 5,040 orders: the first 6 are tried, of which most exchange two.
        some = itertools.islice(itertools.permutations(names), 1, 4 * _MOST_ORDERS)
        found += [dict(zip(names, one, strict=True)) for one in some]
    return sorted(found, key=lambda order: sum(own != other for own, other in order.items()))


def _reordered(feed: Feed, order: Order) -> Feed:
    """The same items with the data of some inputs exchanged."""
    dataset = feed.dataset
    columns = {name: dataset.columns[order.get(name, name)] for name in dataset.columns}
    return feed.over(Dataset(columns, dataset.truth, source=dataset.source, splits=dataset.splits))


def _by_labels(case: Case, feed: Feed, orders: Sequence[Order]) -> tuple[Order, Gain] | None:
    """The order under which labels prove the model better; None where they prove none."""
    assert case.float32_file is not None  # noqa: S101 - needed
    feeds, by_name = {"given": feed}, {}
    for position, order in enumerate(orders):
        try:
            feeds[f"order {position}"] = _reordered(feed, order)
        except DataError:
            # One is of images and the other of sounds.
            continue
        by_name[f"order {position}"] = order
    runners = [Runner(name, case.float32_file, one.preprocessing) for name, one in feeds.items()]
    found = answers(feeds, runners, runtime=case.runtime)
    if "given" not in found:
        return None
    proven = best_gain(found.pop("given"), found)
    return None if proven is None else (by_name[proven[0]], proven[1])


def _by_ranges(case: Case, feed: Feed, orders: Sequence[Order]) -> Order | None:
    """The only order under which the values of every input fit its first layer, where they do not as given."""
    layers = {spec.name: first_layer_of(case, spec) for spec in feed.inputs}
    exchanged = {name for order in orders for name in order}
    values = {
        spec.name: feed.items(range(len(feed.dataset)))[spec.name].astype(np.float64)
        for spec in feed.inputs
        if spec.name in exchanged and spec.is_float
    }
    strange: dict[tuple[str, str], float] = {}
    for own, other in itertools.product(values, values):
        layer = layers[own]
        if layer is not None and values[other].shape == values[own].shape:
            found = layer.strangeness(values[other])
            strange[own, other] = math.inf if found is None else found
    usual = [order for order in orders if all(strange.get(pair, math.inf) < _USUAL for pair in order.items())]
    if len(usual) != 1:
        return None
    now = [strange.get((own, own), 0.0) for own, other in usual[0].items() if own != other]
    return usual[0] if _STRANGE < max(now) < math.inf else None


def _finding(dataset: Dataset, order: Order, why: str) -> Finding:
    moved = {own: other for own, other in order.items() if own != other}
    shown = ", ".join(f"{own!r} holds what {other!r} should get" for other, own in moved.items())
    return Finding(
        dataset.source,
        f"{dataset.source}: the data of inputs of the same shape are exchanged ({shown}): {why}; rename "
        "the inputs in the data",
        place(dataset),
        {"order": moved},
    )
