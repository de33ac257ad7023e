"""Items a second: of edgeq's evaluation, and of bare processes that only decode, or only set, invoke and get.

Bare processes hold their part of the items in memory, already as each file's input stores them, with the files loaded
and warm. They start together at a barrier; the time is from there to the end of the last one. edgeq's time is that of
the whole call of `evaluate`: writing arrays for its processes, starting them, loading the files, collecting.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeq.benchmark.accuracy import output_shapes
from edgeq.benchmark.evaluation import Evaluated, evaluate
from edgeq.benchmark.evaluation_job import Runner
from edgeq.benchmark.targets import Targets
from edgeq.benchmark.tasks.classification import Classification
from edgeq.bundle import Bundle, Variant
from edgeq.data.feeding import Feed
from edgeq.data.media.images import ImagePreparation, read_image
from edgeq.runtime.quantization import Quantization, dequantize, quantize

CORES = 2

DEFAULT_VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-io-float32")
"""What edgeq makes of the subject where no scheme is asked for."""

_TOP = 5
_WARM_UP = 10


def entry(bundle: Bundle, name: str) -> Variant:
    """What the bundle says of a variant."""
    (found,) = (variant for variant in bundle.manifest.variants if variant.name == name)
    return found


def write_stored(bundle: Bundle, names: Sequence[str], values: npt.NDArray[np.float32], folder: Path) -> None:
    """Writes the arrays that `bare_inference` sets.

    Args:
        bundle: of the files.
        names: of the variants.
        values: float32[n, H, W, C] as the model sees them.
        folder: for one .npy a variant, or one for all whose input is float32.
    """
    for name in names:
        path = stored_path(bundle, name, folder)
        tensor = entry(bundle, name).inputs[0]
        if path.exists():
            continue
        if tensor.scale is None or tensor.zero_point is None:
            np.save(path, values)
        else:
            np.save(path, quantize(values, Quantization(tensor.scale, tensor.zero_point), tensor.dtype))


def stored_path(bundle: Bundle, name: str, folder: Path) -> Path:
    """Where `write_stored` puts the items of a variant."""
    tensor = entry(bundle, name).inputs[0]
    return folder / f"stored-{tensor.dtype if tensor.scale is None else name}.npy"


def bare_inference(
    bundle: Bundle, names: Sequence[str], folder: Path, count: int, processes: int = CORES
) -> tuple[float, dict[str, npt.NDArray[np.int64]]]:
    """Plain loops over the first items, one variant after the other, one process a part of them.

    Args:
        bundle: of the files.
        names: of the variants.
        folder: that `write_stored` wrote to; outputs are written there too.
        count: of the items.
        processes: how many.

    Returns:
        Items a second through all of the variants, and the five best classes of each item by variant: int64[n, 5].
    """
    files = [
        (str(bundle.path(entry(bundle, name))), str(stored_path(bundle, name, folder)), name)
        for name in names
    ]
    parts = [(start, stop, str(folder / f"part-{start}")) for start, stop in _parts(count, processes)]
    seconds = _together(_infer, [(files, *part) for part in parts])
    best = {}
    for name in names:
        outputs = np.concatenate([np.load(f"{prefix}-{name}.npy") for _, _, prefix in parts])
        best[name] = _best(_real(outputs, entry(bundle, name)))
    return count / seconds, best


def bare_decoding(
    paths: Sequence[Path], preparation: ImagePreparation, shape: tuple[int, ...], processes: int = CORES
) -> float:
    """Images a second of plain loops over `read_image`, one process a part of the files.

    Args:
        paths: of the images.
        preparation: how they become pixels.
        shape: [H, W, C] of the pixels.
        processes: how many.
    """
    parts = _parts(len(paths), processes)
    names = [str(path) for path in paths]
    seconds = _together(_decode, [(names[start:stop], preparation, shape) for start, stop in parts])
    return len(paths) / seconds


def edgeq_evaluation(targets: Targets, feed: Feed) -> tuple[dict[str, float], Evaluated]:
    """All items through all files, as edgeq does it.

    Args:
        targets: the files.
        feed: the items.

    Returns:
        Its figures and what came of it. ``rate``: items a second of the whole call, which took ``call_s``;
        ``steady_rate``: between the first and the last answer of a process, without the items of the first answer and
        as many for each other process, which had run about as many by then.
    """
    (output,) = output_shapes(targets, feed).values()
    runners = [Runner(target.info.name, target.path, feed.preprocessing) for target in targets.files]
    answers: list[tuple[int, float]] = []

    def note(done: int, total: int) -> None:
        if done:
            answers.append((done, time.perf_counter()))

    start = time.perf_counter()
    evaluated = evaluate(
        feed,
        runners,
        Classification(output[-1]),
        baseline=targets.baseline(None),
        processes=CORES,
        progress=note,
    )
    seconds = time.perf_counter() - start
    if evaluated.failures or evaluated.bad:
        raise SystemExit(f"expected every file to run on every item: {evaluated.failures} {evaluated.bad}")
    (first, began), (last, ended) = answers[0], answers[-1]
    figures = {
        "rate": last / seconds,
        "steady_rate": (last - CORES * first) / (ended - began) if ended > began else 0.0,
        "items": last,
        "call_s": seconds,
        "to_first_answer_s": began - start,
        "after_last_answer_s": start + seconds - ended,
    }
    return figures, evaluated


def same_answers(evaluated: Evaluated, best: Mapping[str, npt.NDArray[np.int64]]) -> bool:
    """Whether edgeq found the five best classes of the bare processes for every item and variant."""
    return all(np.array_equal(evaluated.observed[name]["top"], best[name]) for name in best)


def _best(outputs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Of equal scores the class with the smaller number comes first."""
    order: npt.NDArray[np.int64] = np.argsort(-outputs, axis=1, kind="stable")
    return order[:, :_TOP]


def _real(outputs: npt.NDArray[Any], variant: Variant) -> npt.NDArray[Any]:
    tensor = variant.outputs[0]
    if tensor.scale is None or tensor.zero_point is None:
        return outputs
    return dequantize(outputs, Quantization(tensor.scale, tensor.zero_point))


def _parts(count: int, processes: int) -> list[tuple[int, int]]:
    return [(count * part // processes, count * (part + 1) // processes) for part in range(processes)]


def _together(loop: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> float:
    """Seconds from the barrier to the end of the last process."""
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(len(arguments)), context.SimpleQueue()
    started = [context.Process(target=loop, args=(*given, barrier, times)) for given in arguments]
    for process in started:
        process.start()
    ends = [times.get() for _ in started]
    for process in started:
        process.join()
    return float(max(end for _, end in ends) - min(start for start, _ in ends))


def _infer(
    files: Sequence[tuple[str, str, str]], start: int, stop: int, prefix: str, barrier: Any, times: Any
) -> None:
    # Into memory, once for all files that take the same.
    items = {stored: np.array(np.load(stored, mmap_mode="r")[start:stop]) for _, stored, _ in files}
    loops = [_Loop(path, items[stored]) for path, stored, _ in files]
    barrier.wait()
    begin = time.perf_counter()
    for loop in loops:
        loop.run()
    times.put((begin, time.perf_counter()))
    for loop, (_, _, name) in zip(loops, files, strict=True):
        np.save(f"{prefix}-{name}.npy", loop.results)


class _Loop:
    """One file and its items, loaded and warm."""

    def __init__(self, path: str, items: npt.NDArray[Any]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._items = items
        self._interpreter = Interpreter(model_path=path, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        output = self._interpreter.get_output_details()[0]
        self._output = output["index"]
        self.results = np.zeros((len(self._items), *output["shape"][1:]), output["dtype"])
        for _ in range(_WARM_UP):
            self._interpreter.set_tensor(self._input, self._items[:1])
            self._interpreter.invoke()

    def run(self) -> None:
        items, results = self._items, self.results
        interpreter, given, returned = self._interpreter, self._input, self._output
        for position in range(len(items)):
            interpreter.set_tensor(given, items[position : position + 1])
            interpreter.invoke()
            results[position] = interpreter.get_tensor(returned)[0]


def _decode(
    paths: Sequence[str], preparation: ImagePreparation, shape: tuple[int, ...], barrier: Any, times: Any
) -> None:
    files = [Path(path) for path in paths]
    for path in files[:_WARM_UP]:
        read_image(path, preparation, shape)
    barrier.wait()
    begin = time.perf_counter()
    for path in files:
        read_image(path, preparation, shape)
    times.put((begin, time.perf_counter()))
