"""Wording: measured rows whose time is missing or cannot be that of their layout."""

from __future__ import annotations

from flopsheet.diagnostics.codes import Wording, diagnostic


@diagnostic("FS471", "row-without-time")
def row_without_time() -> Wording:
    """A measured row does not say what was measured.

    Why: The efficiencies of its hardware are fitted to that time.
    Fix: Write the seconds of one optimizer step, or one of the measured speeds of a training run.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm}
    """
    return "seconds is missing", "write seconds: … of one optimizer step, or a speed such as measured_tokens_per_second"


@diagnostic("FS472", "row-too-fast")
def row_too_fast(seconds: float, least: float) -> Wording:
    """A measured step is faster than its matmuls at the peak of the devices.

    Why: No efficiency can explain it, so the layout, the batch or the time must be wrong.
    Fix: Check the batch, the context length, the number of devices and the unit of the time.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm, global_batch_size: 512, seconds: 0.001}
    """
    fact = (
        f"{seconds:,.3g} s is less than the {least:,.3g} s that the matmuls of a step take at the peak of the hardware"
    )
    return fact, "write the seconds of one optimizer step; check global_batch_size, context_length and n_devices"


@diagnostic("FS473", "row-too-slow")
def row_too_slow(seconds: float, predicted: float) -> Wording:
    """A measured step takes many times as long as predicted.

    Why: Such a time is dominated by something outside the step, or covers many steps.
    Fix: Write the seconds of one optimizer step.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm, seconds: 3600}
    """
    fact = f"{_seconds(seconds)} is {seconds / predicted:,.0f} times the predicted {_seconds(predicted)}"
    return fact, "write the seconds of one optimizer step, not of the run; check global_batch_size and n_devices"


@diagnostic("FS474", "row-not-predicted")
def row_not_predicted(words: str) -> Wording:
    """The time of a measured row cannot be predicted, whatever the efficiencies.

    Why: A figure of its hardware is missing, such as the bandwidth of the links that its layout uses.
    Fix: Write that figure under `hardware:`.
    Example:
        hardware:
          mine: {extends: h100-sxm, link_bandwidth: none}
        measured:
          trial: {model: m, context_length: 1024, hardware: mine, n_devices: 4, tensor_parallel: 4, seconds: 1}
    """
    return f"the time of this layout cannot be predicted ({words})", "write what is missing under hardware:"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"
