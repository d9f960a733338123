"""Expectations that do not hold, and the line that says so."""

from __future__ import annotations

import warnings

from flopsheet import diagnostics, quantities
from flopsheet.catalog import Catalog
from flopsheet.catalog.entries import Scalar
from flopsheet.output.number_styles import format_value
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.spec.entries import BOUNDS, CHANGES, CLAIM_WORDS

# How a message says a claim.
SAID = CLAIM_WORDS | {f"{bound}_change": f"a change of {CLAIM_WORDS[bound]}" for bound in BOUNDS}


@frozen
class FailedExpectation:
    """An expectation that does not hold: what was claimed, the value that was found, that of the base of a change."""

    expectation: Expectation
    claim: str
    claimed: Scalar
    found: Scalar
    base: float | None = None
    lacking: float | None = None
    """Bytes that a device lacks, where the claim is that a run fits."""

    def to_finding(self, catalog: Catalog) -> diagnostics.Finding:
        """The diagnostic of its level."""
        word = diagnostics.expectation_warns if self.expectation.is_warning else diagnostics.expectation_fails
        return word(self.with_note(catalog))

    def with_note(self, catalog: Catalog) -> str:
        """The line and what the author of the expectation says of it."""
        return self.to_text(catalog) + (f": {self.expectation.note}" if self.expectation.note else "")

    def claim_text(self, catalog: Catalog) -> str:
        """What was claimed: `gpt2-xl.n_params at most 2,000,000,000`."""
        that = self.expectation
        return f"{that.subject}.{that.metric}{self._at} {SAID[self.claim]} {self._bound(catalog)}"

    @property
    def _at(self) -> str:
        length = self.expectation.context_length
        return f" at {length:,.0f}" if length else ""

    def _bound(self, catalog: Catalog) -> str:
        unit = catalog.unit_of(self.expectation.metric)
        change = quantities.read_change(getattr(self.expectation, self.claim)) if self.claim in CHANGES else None
        if change is None:
            return format_value(self.claimed, unit)
        amount, is_share = change
        return f"{100 * amount:+.3g} %" if is_share else f"{'+' if amount > 0 else ''}{format_value(amount, unit)}"

    def to_text(self, catalog: Catalog) -> str:
        """One line: `gpt2-xl.n_params is 2,127,057,600, expected at most 2,000,000,000 (+6.35 %)`."""
        that, unit = self.expectation, catalog.unit_of(self.expectation.metric)
        found = format_value(self.found, unit)
        if self.base is not None and not isinstance(self.found, str):
            rise = self.found - self.base
            change = quantities.read_change(getattr(that, self.claim))
            if change and change[1]:
                told = f"{100 * rise / abs(self.base):+.3g} %" if self.base else "from nothing"
            else:
                told = f"{'+' if rise > 0 else ''}{format_value(rise, unit)}"
            found += f", was {format_value(self.base, unit)} ({told})"
        is_missing = isinstance(self.found, str) and self.claim != "text"
        told = f"has no value ({found})" if is_missing else f"is {found}"
        bound = f"{SAID[self.claim]} {self._bound(catalog)}".removeprefix("equals ")
        return f"{that.subject}.{that.metric}{self._at} {told}, expected {bound}{self._by_how_much()}"

    def _by_how_much(self) -> str:
        """How far off a number is, or how much memory a run lacks; of a change the line says it already."""
        if self.lacking:
            return f" ({self.lacking / 2**30:,.3g} GiB short)"
        if isinstance(self.found, str) or isinstance(self.claimed, str) or not self.claimed:
            return ""
        return f" ({100 * (self.found - self.claimed) / abs(self.claimed):+.3g} %)"


Finding = FailedExpectation  # its earlier name, for scripts that import it


class Findings(tuple[FailedExpectation, ...]):
    """The expectations that do not hold."""

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """The expectations that do not hold, each once, however many of its claims fail."""
        return tuple({id(one.expectation): one.expectation for one in self}.values())

    def __call__(self) -> Findings:
        """Itself, for scripts from when `Report.findings` was a method."""
        warnings.warn("report.findings is a tuple: leave the brackets out", DeprecationWarning, stacklevel=2)
        return self
