"""``edgeq benchmark``: what each variant costs and loses against FP32."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from edgeq.cli.device_options import BIG, DeviceOptions, device_options
from edgeq.cli.options import PATH, json_flag, on_bad_input, preprocess, task, verbose
from edgeq.cli.results import GITHUB, Earlier, Outputs, check_gates, judge, print_table, read_gates
from edgeq.cli.terminal import progress_bars, say
from edgeq.errors import EXIT_FINE, EXIT_PARTIAL, UsageError


@click.command(
    name="benchmark",
    epilog="\b\nExamples:\n"
    "  edgeq benchmark model-edgeq --data photos/\n"
    "  edgeq benchmark model-edgeq --data data.npz -o results.jsonl -o report.html\n"
    "  edgeq benchmark a.tflite b.tflite --threads 1 --threads 4\n"
    "  edgeq benchmark model-edgeq --data photos/ --on local --on ssh:pi@raspberrypi -o report.html\n"
    "  edgeq benchmark model-edgeq --on adb:R58N123ABC --benchmark-model benchmark_model\n"
    "  edgeq benchmark model-edgeq --data data.npz --fail-if 'drop>1pp' --fail-if 'latency>-20%' --variant int8",
)
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="BUNDLE|FILE…")
@click.option("--data", type=PATH, help="Folder, manifest, .npz, COCO .json or script: for accuracy.")
@preprocess
@click.option("--labels", type=PATH, help="Class names, one a line, instead of the bundle's.")
@task
@on_bad_input
@click.option("--limit", type=click.IntRange(1), help="Measure accuracy on at most so many items.")
@click.option(
    "--threads", type=click.IntRange(1), multiple=True, help="1 and min(4, cores) by default; repeatable."
)
@click.option("--runtime", metavar="NAME", help="litert or tflite-runtime; the best installed by default.")
@click.option("--variant", "variants", multiple=True, help="Measure and gate only these; repeatable.")
@click.option("--baseline-variant", metavar="NAME", help="Compare with this one; float32 by default.")
@click.option("--quick", "speed", flag_value="quick", help="0.2 s a variant: for a first look.")
@click.option("--full", "speed", flag_value="full", help="5 s a variant: for numbers to publish.")
@click.option("--max-time", type=click.FloatRange(min=0.1), help="Seconds a variant at most; 60 by default.")
@click.option("--cpus", metavar="2,3", help="Tie inferences to these cores; big: a phone's fast ones.")
@click.option(
    "--sustained", metavar="10m", help="Run each variant so long without a pause, and tell its minutes."
)
@click.option("--cool-down", metavar="60s", help="Rest before each of these and each thread count.")
@click.option("--no-latency", is_flag=True, help="Measure accuracy and size only.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of measuring.")
@click.option(
    "-o", "--output", "outputs", multiple=True, help=".jsonl (appended), .json, .csv, .md, .html or -."
)
@click.option(
    "--format", "format_name", metavar="NAME", help="Of the outputs instead of their suffix; or github."
)
@click.option(
    "--fail-if", "fail_if", multiple=True, metavar="GATE", help="'drop>1pp', 'size>+5%', 'latency>+10%'."
)
@click.option("--baseline", type=PATH, help="Results of an earlier run to compare and gate against.")
@click.option("--strict", is_flag=True, help="Gate on the point estimate instead of the interval.")
@device_options
@json_flag
@verbose
def command(
    paths: tuple[Path, ...],
    data: Path | None,
    preprocess: str | None,
    labels: Path | None,
    task: str | None,
    on_bad_input: str,
    limit: int | None,
    threads: tuple[int, ...],
    runtime: str | None,
    variants: tuple[str, ...],
    baseline_variant: str | None,
    speed: str | None,
    max_time: float | None,
    cpus: str | None,
    sustained: str | None,
    cool_down: str | None,
    no_latency: bool,
    seed: int,
    outputs: tuple[str, ...],
    format_name: str | None,
    fail_if: tuple[str, ...],
    baseline: Path | None,
    strict: bool,
    devices: DeviceOptions,
    as_json: bool,
    verbose: bool,
) -> int:
    """Measures every variant of BUNDLE, or the .tflite FILEs, against FP32.

    Latency is measured with all variants interleaved, each in a process of its own. With --data, accuracy,
    agreement and drop are measured too, on items that the bundle was not calibrated on; hosts over SSH get 200 of
    them, phones none.
    """
    from edgeq.benchmark.durations import parse_duration
    from edgeq.benchmark.parity import parity_code
    from edgeq.benchmark.targets import find_targets
    from edgeq.benchmark.tasks.choosing import read_task
    from edgeq.data.labels import read_labels_file
    from edgeq.data.preprocessing import find_preprocessing
    from edgeq.data.reading import read_dataset
    from edgeq.devices.job_options import JobOptions
    from edgeq.devices.measuring import DeviceJob, measure_on_devices
    from edgeq.devices.specs import ADB

    sink = Outputs(outputs, format_name, as_json=as_json, append=True)
    gates = read_gates(fail_if)
    earlier = Earlier(baseline)
    specs = devices.specs()
    options = JobOptions(
        variants=variants,
        threads=threads,
        runtime=runtime,
        baseline=baseline_variant,
        speed=speed or "default",
        max_seconds=max_time,
        latency=not no_latency,
        accuracy=data is not None,
        cpus=_cores(cpus, phones_alone=all(spec.kind == ADB for spec in specs)),
        sustained_s=parse_duration(sustained) if sustained else 0.0,
        cool_down_s=parse_duration(cool_down) if cool_down else 0.0,
        seed=seed,
        verbose=verbose,
    )
    targets = find_targets(paths)
    if labels is not None:
        targets = dataclasses.replace(targets, labels=tuple(read_labels_file(labels)))
    if variants:
        # A gate compares with the baseline, which must be measured although it is not among the variants asked for.
        compared_with = targets.baseline(baseline_variant) if gates or baseline_variant else None
        targets = targets.only([*variants, *filter(None, [compared_with])])
    dataset = None if data is None else read_dataset(data)
    check_gates(gates, dataset, latency=not no_latency)
    job = DeviceJob(
        targets,
        dataclasses.replace(options, variants=tuple(target.info.name for target in targets.files)),
        dataset,
        None if preprocess is None else find_preprocessing(preprocess),
        read_task(task),
        limit,
        on_bad_input,
    )
    access = devices.access(options, big_cores=cpus == BIG)
    with progress_bars() as progress:
        session = measure_on_devices(specs, job, access, progress=progress, say=say)
    measurements = session.measurements
    for note in session.notes:
        say(note)
    compared = earlier.compare(measurements)
    if not sink.uses_stdout and format_name != GITHUB:
        print_table(measurements, compared)
    sink.write(measurements, compared)
    for variant, reason in session.failures.items():
        say(f"not measured: {variant}: {reason.removeprefix(f'{variant}: ')}")
    code = EXIT_FINE
    gated = [variant for variant in variants if variant not in session.failures]
    # Where all that were to be gated failed, there is nothing to judge; no variants at all means every one.
    if gated or not variants:
        code = judge(
            gates,
            measurements,
            old=earlier.measurements,
            variants=gated,
            strict=strict,
            github=format_name == GITHUB,
        )
    return code or parity_code(measurements) or (EXIT_PARTIAL if session.failures else EXIT_FINE)


def _cores(text: str | None, *, phones_alone: bool) -> tuple[int, ...]:
    """What ``--cpus`` says; a phone finds its big cores itself."""
    from edgeq.devices.job_options import read_cores

    if text is None or (text == BIG and phones_alone):
        return ()
    try:
        return read_cores(text)
    except ValueError as error:
        hint = "; big is for phones alone" if text == BIG else ""
        raise UsageError(f"--cpus: {error}{hint}") from error
