"""What two specs expect: claims that one of them makes otherwise, or that only one makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

from flopsheet.catalog.entries import Scalar
from flopsheet.output.changes import ARROW, exact_number
from flopsheet.output.failed import SAID
from flopsheet.pipeline.expectations import called
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.spec.entries import CLAIMS


@frozen
class Claim:
    """One of the claims of an expectation: `key` is what says it, such as `at_most`."""

    expectation: Expectation
    key: str

    @property
    def value(self) -> Scalar:
        value: Scalar = getattr(self.expectation, self.key)
        return value

    @property
    def words(self) -> str:
        """The value with all that weakens it: `15`, `1,600 within 0.05`, `15 (warning)`."""
        value = self.value if isinstance(self.value, str) else exact_number(float(self.value))
        within = f" within {exact_number(self.expectation.within)}" if self.expectation.within else ""
        return value + within * (self.key == "equals") + " (warning)" * self.expectation.is_warning


@frozen
class ClaimDifference:
    """A claim that is made otherwise; None where only the other side makes it."""

    before: Claim | None
    after: Claim | None

    @property
    def claim(self) -> Claim:
        claim = self.after or self.before
        assert claim is not None
        return claim

    @property
    def that(self) -> str:
        return f"{self.claim.expectation.subject}.{self.claim.expectation.metric}"

    def to_text(self) -> str:
        """One line: `budget pre.days: at most 14 → 15`, `budget pre.days: at most 14 removed`."""
        one, length = self.claim, self.claim.expectation.context_length
        at = f" at {length:,.0f}" if length else ""
        told = f"{self.before.words}{ARROW}{self.after.words}" if self.before and self.after else one.words
        what = "" if self.before and self.after else " removed" if self.before else " added"
        return f"{called([one.key]).one} {self.that}{at}: {SAID[one.key]} {told}{what}"


def differing_claims(
    before: Iterable[Expectation], after: Iterable[Expectation], edited: Mapping[float, float]
) -> Iterator[ClaimDifference]:
    """The claims that differ in more than their note; `edited` are the context lengths that were edited in place."""
    ours, theirs = _by_number(before, edited), _by_number(after, {})
    for key in dict.fromkeys((*ours, *theirs)):
        mine, others = ours.get(key, []), theirs.get(key, [])
        told = {claim.words for claim in mine} & {claim.words for claim in others}
        left, right = ([claim for claim in claims if claim.words not in told] for claims in (mine, others))
        yield from (ClaimDifference(one, other) for one, other in zip_longest(left, right))


def _by_number(
    expectations: Iterable[Expectation], edited: Mapping[float, float]
) -> dict[tuple[object, ...], list[Claim]]:
    """Claims by the number that they are about and by their kind."""
    found: dict[tuple[object, ...], list[Claim]] = {}
    for one in expectations:
        length = one.context_length and edited.get(one.context_length, one.context_length)
        for key in CLAIMS:
            if getattr(one, key) is not None:
                found.setdefault((one.subject, one.metric, length, key), []).append(Claim(one, key))
    return found
