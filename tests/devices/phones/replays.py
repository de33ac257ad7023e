"""What versions of ``benchmark_model`` print, with numbers of our own."""

from __future__ import annotations

import struct

HEAD = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Min num runs: [10]
INFO: Num threads: [1]
INFO: Graph: [/data/local/tmp/x/0.tflite]
INFO: #threads used for CPU inference: [1]
INFO: Loaded model /data/local/tmp/x/0.tflite
"""
MEMORY = """\
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.
INFO: Memory footprint delta from the start of the tool (MB): init=3.5 overall=7.25
"""


def classic(
    mean_us: float = 1000.0,
    *,
    percentiles: bool = True,
    same: bool = False,
    prefix: bool = True,
    extra: str = "",
) -> str:
    """The classic tool: with or without percentiles, all inferences of one time, and prefixes of lines."""
    median = round(mean_us * 0.98)
    if same:
        told = f"count=50 curr={round(mean_us)}(all same)"
    else:
        told = (
            f"count=50 first={round(mean_us) + 20} curr={round(mean_us)} min={round(mean_us * 0.9)} "
            f"max={round(mean_us * 1.5)} avg={mean_us:g} std=31"
        )
    if percentiles:
        told += f" p5={round(mean_us * 0.91)} median={median} p95={round(mean_us * 1.2)}"
    text = (
        f"{HEAD}{extra}"
        "INFO: The input model file size (MB): 0.05\n"
        "INFO: Initialized session in 2.5ms.\n"
        "INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 15 "
        "seconds.\n"
        f"INFO: count=3 first=9000 curr=5000 min=5000 max=9000 avg=6000 std=1000\n\n"
        "INFO: Running benchmark for at least 10 iterations and at least 1 seconds but terminate if exceeding 15 "
        "seconds.\n"
        f"INFO: {told}\n\n"
        f"INFO: Inference timings in us: Init: 2500, First inference: 9000, Warmup (avg): 6000, Inference (avg): "
        f"{mean_us:g}\n{MEMORY}"
    )
    return text if prefix else text.replace("INFO: ", "")


def litert(mean_ms: float = 1.0, *, statistics: bool = False, extra: str = "") -> str:
    """LiteRT's tool: a block of results, in most versions after lines of statistics like the classic tool's."""
    told = (
        f"INFO: count=40 first=1100 curr=1000 min={round(mean_ms * 900)} max={round(mean_ms * 1500)} "
        f"avg={mean_ms * 1000:g} std=20 p5={round(mean_ms * 910)} median={round(mean_ms * 985)} "
        f"p95={round(mean_ms * 1300)}\n\n"
        if statistics
        else ""
    )
    at = "INFO: [./litert/tools/benchmark_litert_model.h:"
    return (
        f"{HEAD}INFO: [litert/runtime/accelerators/auto_registration.cc:148] CPU accelerator registered.\n{extra}"
        f"{told}{at}81] \n========== BENCHMARK RESULTS ==========\n"
        f"{at}82] Model initialization: 4.48 ms\n"
        f"{at}84] Warmup (first):       1.93 ms\n"
        f"{at}86] Warmup (avg):         1.07 ms (355 runs)\n"
        f"{at}88] Inference (avg):      {mean_ms:.2f} ms (40 runs)\n"
        f"{at}92] Inference (min):      {mean_ms * 0.9:.2f} ms\n"
        f"{at}94] Inference (max):      {mean_ms * 1.5:.2f} ms\n"
        f"{at}96] Inference (std):      0.01\n"
        f"{at}103] Throughput:           525.55 MB/s\n"
        f"{at}112] \nMemory Usage:\n"
        f"{at}114] Init footprint:       8.94 MB\n"
        f"{at}116] Overall footprint:    11.50 MB\n"
        f"{at}123] Peak memory usage not available. (peak_mem_mb <= 0)\n"
        f"{at}126] ======================================\n\n"
    )


XNNPACK_BY_ITSELF = (
    "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    "VERBOSE: Replacing 9 out of 11 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 2 partitions for "
    "subgraph 0.\n"
)
XNNPACK_ASKED = (
    "INFO: Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate w/ 2 "
    "delegate kernels.\n"
)
GPU_ASKED = (
    "INFO: Created TensorFlow Lite delegate for GPU.\n"
    "VERBOSE: Replacing 11 out of 11 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions for the "
    "whole graph.\n"
    "INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.\n"
)
GPU_IDLE = (
    "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate.\n"
)
UNKNOWN_FLAGS = "WARN: Unconsumed cmdline flags: --result_file_path=/data/local/tmp/x --use_gpu=true\n"
REFUSED = "ERROR: Op builtin_code out of range: 206. Are you using old TFLite binary with newer model?\n"

PROFILE = """\
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    0.300\t    0.290\t 29.000%\t 29.000%\t     0.000\t        1\t[a]:0

Number of nodes executed: 3
============================== Summary by node type ==============================
\t             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\t                 CONV_2D\t        2\t     0.600\t    75.000%\t    75.000%\t     0.000\t        2
\t         FULLY_CONNECTED\t        1\t     0.200\t    25.000%\t   100.000%\t     0.000\t        1

Timings (microseconds): count=62 first=947 curr=806 min=790 max=947 avg=800.5 std=14
Memory (bytes): count=0
3 nodes observed
"""


def result_file(mean_ms: float, *, median_ms: float = 0.98, runs: int = 50, overall_kb: int = 7424) -> bytes:
    """The protocol buffer that newer versions write."""

    def field(number: int, value: float) -> bytes:
        return bytes([number << 3 | 5]) + struct.pack("<f", value)

    def varint(value: int) -> bytes:
        out = b""
        while value > 0x7F:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    def message(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2]) + varint(len(content)) + content

    times = {1: mean_ms, 2: mean_ms * 0.9, 3: mean_ms * 1.5, 4: 0.01, 5: median_ms, 6: median_ms * 0.95}
    times |= {7: mean_ms * 1.2, 8: 2.5, 9: 9.0, 10: 6.0}
    latency = b"".join(field(number, value) for number, value in times.items())
    memory = b"\x08" + varint(3584) + b"\x10" + varint(overall_kb)
    counts = field(1, 0.05) + b"\x10" + varint(runs) + b"\x18" + varint(3) + field(4, 525.5)
    return message(2, latency) + message(3, memory) + message(4, counts)
