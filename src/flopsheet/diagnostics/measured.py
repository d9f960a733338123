"""Wording: measured rows whose time is missing or cannot be that of their layout."""

from __future__ import annotations

from flopsheet.diagnostics.codes import Wording, diagnostic


@diagnostic("FS471", "row-without-time")
def row_without_time(is_serving: bool) -> Wording:
    """A measured row does not say what was measured.

    Why: The efficiencies of its hardware are fitted to that time.
    Fix: Write the seconds of one optimizer step, or one of the measured speeds of a training run; of a serving run the
        measured time per token or to the first token.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm}
    """
    if is_serving:
        return "no time is given", "write measured_seconds_per_token: … or measured_time_to_first_token: …, in seconds"
    return "seconds is missing", "write seconds: … of one optimizer step, or a speed such as measured_tokens_per_second"


@diagnostic("FS472", "row-too-fast")
def row_too_fast(seconds: float, least: float, bound: str, what: str, check: str) -> Wording:
    """A measured time is shorter than the devices can reach at their peak.

    Why: No efficiency can explain it, so the layout, the batch or the time must be wrong.
    Fix: Check the batch, the lengths, the number of devices and the unit of the time.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm, global_batch_size: 512, seconds: 0.001}
    """
    return (
        f"{seconds:,.3g} s is less than the {least:,.3g} s that {bound}",
        f"write the seconds of {what}; check {check}",
    )


@diagnostic("FS473", "row-too-slow")
def row_too_slow(seconds: float, predicted: float, what: str, check: str) -> Wording:
    """A measured time is many times as long as predicted.

    Why: Such a time is dominated by something outside the step or request, or covers many of them.
    Fix: Write the seconds of one optimizer step, or of one token.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm, seconds: 3600}
    """
    fact = f"{_seconds(seconds)} is {seconds / predicted:,.0f} times the predicted {_seconds(predicted)}"
    return fact, f"write the seconds of {what}, not of the run; check {check}"


@diagnostic("FS475", "input-of-other-rows")
def input_of_other_rows(key: str, kind: str, other: str) -> Wording:
    """A measured row says an input that runs of its kind do not have.

    Why: A row is a training run, with `kind: serving` a serving run; each kind has inputs of its own.
    Fix: Write the kind, or omit the input.
    Example:
        measured:
          chat: {model: m, hardware: h100-sxm, prompt_length: 512, generated_length: 64, seconds: 0.01}
    """
    return f"{key} is an input of {other} runs, and this row is a {kind} run", f"write kind: {other}, or leave it out"


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
