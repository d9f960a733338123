"""Every error that a user can meet, and its wording: where, what, remedy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flopsheet.diagnostics.claims import *  # noqa: F403
from flopsheet.diagnostics.codes import *  # noqa: F403
from flopsheet.diagnostics.commands import *  # noqa: F403
from flopsheet.diagnostics.custom import *  # noqa: F403
from flopsheet.diagnostics.files import *  # noqa: F403
from flopsheet.diagnostics.formulas import *  # noqa: F403
from flopsheet.diagnostics.keys import *  # noqa: F403
from flopsheet.diagnostics.layers import *  # noqa: F403
from flopsheet.diagnostics.problem import *  # noqa: F403
from flopsheet.diagnostics.runs import *  # noqa: F403
from flopsheet.diagnostics.specs import *  # noqa: F403
from flopsheet.diagnostics.sweeps import *  # noqa: F403
from flopsheet.diagnostics.texts import *  # noqa: F403
from flopsheet.diagnostics.values import *  # noqa: F403

if TYPE_CHECKING:
    from flopsheet.diagnostics.clusters import *  # noqa: F403
    from flopsheet.diagnostics.imports import *  # noqa: F403
    from flopsheet.diagnostics.measured import *  # noqa: F403
    from flopsheet.diagnostics.review import *  # noqa: F403
    from flopsheet.diagnostics.searches import *  # noqa: F403

LATER = (
    "clusters",
    "imports",
    "measured",
    "review",
    "searches",
)  # what few commands say: read when they do, since each start takes time


def __getattr__(name: str) -> Any:
    """The wording of what few commands say."""
    if not name.startswith("__"):
        for module in LATER:
            if (found := getattr(import_module(f"{__name__}.{module}"), name, None)) is not None:
                return found
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
