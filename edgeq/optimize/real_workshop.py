"""The workshop of a real model: files are made by workers, judged on the validation set and timed on the device."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edgeq.bundle import Bundle, Variant
from edgeq.errors import EdgeqError
from edgeq.files import sha256_file
from edgeq.optimize.build_task import Content
from edgeq.optimize.bundle_writing import (
    ReadyVariant,
    VariantChecker,
    float32_of,
    scheme_in,
    stock_variant,
    variant_names,
    write_variants,
)
from edgeq.optimize.candidate import Candidate
from edgeq.optimize.candidate_cache import (
    FLOAT32,
    ITEMS,
    MODEL,
    Store,
    digest_of,
    kernels,
    makers,
)
from edgeq.optimize.candidate_entries import keep_candidate, kept_candidate
from edgeq.optimize.evaluation import Judge
from edgeq.optimize.executors import Entry, Farm
from edgeq.optimize.findings import BuiltFile, Quality, Speed
from edgeq.optimize.layer_facts import layer_facts
from edgeq.optimize.timing import TimingPlan, time_bundle
from edgeq.optimize.workshop import CHOICE, LayerFacts
from edgeq.schemes import BASELINE

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps of it are done, and how many there are."""


@dataclass(frozen=True)
class StoredItems:
    """Calibration items in a store.

    Attributes:
        name: of the entry, a digest of all that they depend on.
        count: of items.
        held_back: how many of them, the last ones, files are judged on and not made from.
        provide: makes sure that the entry is there, and returns its folder.
    """

    name: str
    count: int
    held_back: int
    provide: Callable[[], Path]


class RealWorkshop:
    """Makes, judges and times candidates of one model.

    Attributes:
        made: candidates that were made by this workshop, not found in the store.
        notes: what to know of the measuring, each once.
    """

    def __init__(
        self,
        base: Bundle,
        items: StoredItems,
        *,
        store: Store,
        farm: Farm,
        judge: Judge,
        checker: VariantChecker,
        timing: TimingPlan,
        folder: Path,
        io: str = "int8",
        progress: Progress | None = None,
    ) -> None:
        """Takes what it works with.

        Args:
            base: with float32 and the converter's variants.
            items: to calibrate on.
            store: for what is made.
            farm: that makes it.
            judge: of the files.
            checker: of the files that are timed or kept.
            timing: how they are timed.
            folder: for files, which the caller removes.
            io: dtype of inputs and outputs of the converter's variants.
            progress: called as it goes on.
        """
        self.made = 0
        self.notes: list[str] = []
        self._base = base
        self._items = items
        self._store = store
        self._farm = farm
        self._judge = judge
        self._checker = checker
        self._timing = timing
        self._folder = folder
        self._io = io
        self._progress = progress
        self._float32 = base.path(float32_of(base))
        self._digest = sha256_file(self._float32)
        self._built: dict[str, BuiltFile | str] = {}
        self._ready: dict[tuple[str, str], ReadyVariant] = {}

    @cached_property
    def layers(self) -> tuple[LayerFacts, ...]:
        """The layers whose precision can be set, in the order in which they run."""
        return layer_facts(self._float32.read_bytes())

    @property
    def workers(self) -> int:
        """How many candidates are made side by side."""
        return self._farm.workers

    def stock(self, candidate: Candidate) -> Variant | None:
        """The base bundle's variant that a candidate is; None where it is none, or there is none."""
        if candidate.variant is None:
            return None
        return stock_variant(self._base, candidate.variant, self._io)

    def build(self, candidates: Sequence[Candidate]) -> dict[str, BuiltFile | str]:
        """Makes files and measures their error; what is in the store is not made again."""
        wanted = {one.key: one for one in candidates}
        waiting: list[Candidate] = []
        for key, candidate in wanted.items():
            if key in self._built:
                continue
            known = self._known(candidate)
            if known is None:
                waiting.append(candidate)
            else:
                self._built[key] = known
        requests = [self._request(candidate) for candidate in waiting]
        self._tell("building", 0, len(requests))
        for done, (place, answer) in enumerate(self._farm.run(requests, self._supply), start=1):
            self.made += 1
            candidate = waiting[place]
            self._built[candidate.key] = keep_candidate(
                self._store, self._name(candidate), self._path(candidate), answer
            )
            self._tell("building", done, len(requests))
        return {key: self._built[key] for key in wanted}

    def judge(self, candidates: Sequence[Candidate], half: str = CHOICE) -> dict[str, Quality | str]:
        """Measures files on the validation set, or on one half of it where it was halved."""
        files, failures = self._files(candidates)
        return {**failures, **self._judge.judge({key: one.path for key, one in files.items()}, half)}

    def time(self, candidates: Sequence[Candidate]) -> dict[str, Speed | str]:
        """Times files together with float32, in one run on the named device."""
        files, reasons = self._files(candidates)
        speeds: dict[str, Speed | str] = dict(reasons)
        names = self.names([one for one in candidates if one.key in files])
        ready = {BASELINE: self._checker.stock(float32_of(self._base))}
        for candidate in candidates:
            if candidate.key in files:
                try:
                    one = self.ready(candidate, names[candidate.key])
                    ready[one.variant.name] = one
                except EdgeqError as error:
                    speeds[candidate.key] = str(error)
        try:
            found = self._timed(list(ready.values()))
        except EdgeqError as error:
            # What was judged is worth having all the same.
            return {key: str(error) for key in (*files, *speeds)}
        missing = "it was not timed"
        return speeds | {key: found.get(names[key], missing) for key in files if key not in speeds}

    def check_device(self) -> None:
        """Times float32 alone, so that a device that cannot be used is told before the search.

        Raises:
            EdgeqError: it cannot be used.
        """
        plan = self._timing
        quick = dataclasses.replace(plan, job=dataclasses.replace(plan.job, speed="quick", max_seconds=1.0))
        self._timed([self._checker.stock(float32_of(self._base))], quick)

    def _timed(
        self, variants: Sequence[ReadyVariant], plan: TimingPlan | None = None
    ) -> dict[str, Speed | str]:
        folder = self._folder / f"timed-{len(list(self._folder.glob('timed-*')))}"
        write_variants(folder, self._base, variants)
        found, notes = time_bundle(folder, plan or self._timing, progress=self._progress)
        # The same is told with other figures of each run: the last one's count.
        told = {note.partition(":")[0] for note in notes}
        self.notes = [note for note in self.notes if note.partition(":")[0] not in told] + list(notes)
        return found

    def names(self, candidates: Sequence[Candidate]) -> dict[str, str]:
        """What candidates that were built are called in a bundle, by key."""
        stock = {one.key: variant for one in candidates if (variant := self.stock(one)) is not None}
        schemes = {
            one.key: scheme_in(built.path.read_bytes(), one.recipe)
            for one in candidates
            if one.recipe is not None and isinstance(built := self._built.get(one.key), BuiltFile)
        }
        return variant_names(list({one.key: one for one in candidates}.values()), stock, schemes)

    def ready(self, candidate: Candidate, name: str) -> ReadyVariant:
        """A candidate's file, run and compared with the model.

        Raises:
            ConversionError: it has other inputs or outputs.
            WorkerError: it does not run.
        """
        variant = self.stock(candidate)
        if variant is not None:
            return self._checker.stock(variant)
        if (candidate.key, name) not in self._ready:
            built = self._built[candidate.key]
            assert isinstance(built, BuiltFile)  # noqa: S101 - only what was built is asked for
            self._ready[candidate.key, name] = self._checker.tuned(name, candidate, built.path)
        return self._ready[candidate.key, name]

    def _files(self, candidates: Sequence[Candidate]) -> tuple[dict[str, BuiltFile], dict[str, str]]:
        built = self.build(candidates)
        files = {key: one for key, one in built.items() if isinstance(one, BuiltFile)}
        return files, {key: one for key, one in built.items() if isinstance(one, str)}

    def _name(self, candidate: Candidate) -> str:
        """Digest of all that a candidate's file and its findings depend on."""
        variant = self.stock(candidate)
        return digest_of(
            {
                "recipe": None if candidate.recipe is None else candidate.recipe.to_json(),
                "variant": None if variant is None else variant.sha256,
                "float32": self._digest,
                "items": [self._items.name, self._items.count, self._items.held_back],
                "makers": dict(makers()),
                "kernels": kernels(),
            }
        )

    def _request(self, candidate: Candidate) -> dict[str, Any]:
        variant = self.stock(candidate)
        return {
            "float32": self._digest,
            "items": self._items.name,
            "count": self._items.count,
            "held_back": self._items.held_back,
            "recipe": None if candidate.recipe is None else candidate.recipe.to_json(),
            "file": None if variant is None else variant.sha256,
        }

    def _supply(self, entries: Sequence[Entry]) -> list[Content]:
        """Puts float32, items and variants into the store, and returns the content of all of them."""
        files = {variant.sha256: self._base.path(variant) for variant in self._base.manifest.variants}
        contents: list[Content] = []
        for kind, name in entries:
            if kind == ITEMS:
                folder = self._items.provide()
            else:
                path = self._float32 if kind == FLOAT32 else files[name]
                folder = self._store.find(kind, name) or self._store.keep(kind, name, {MODEL: path})
            # Processes that share the store need no content.
            shares = self._farm.store is not None
            read = {} if shares else {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
            contents.append((kind, name, read))
        return contents

    def _known(self, candidate: Candidate) -> BuiltFile | str | None:
        """What is known without making it; None where it must be made."""
        if candidate.variant is not None and self.stock(candidate) is None:
            return self._why_not(candidate.variant)
        return kept_candidate(self._store, self._name(candidate), self._path(candidate))

    def _path(self, candidate: Candidate) -> Path:
        return self._folder / f"{candidate.key}.tflite"

    def _why_not(self, variant: str) -> str:
        reasons = {failure.name: failure.reason for failure in self._base.manifest.failures}
        return reasons.get(variant, f"the bundle has no variant {variant}")

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None and total:
            self._progress(what, done, total)
