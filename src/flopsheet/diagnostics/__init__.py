"""Every error that a user can meet, and its wording: where, what, remedy."""

from flopsheet.diagnostics.claims import *  # noqa: F403
from flopsheet.diagnostics.codes import *  # noqa: F403
from flopsheet.diagnostics.commands import *  # noqa: F403
from flopsheet.diagnostics.files import *  # noqa: F403
from flopsheet.diagnostics.formulas import *  # noqa: F403
from flopsheet.diagnostics.imports import *  # noqa: F403
from flopsheet.diagnostics.keys import *  # noqa: F403
from flopsheet.diagnostics.layers import *  # noqa: F403
from flopsheet.diagnostics.own import *  # noqa: F403
from flopsheet.diagnostics.problem import *  # noqa: F403
from flopsheet.diagnostics.review import *  # noqa: F403
from flopsheet.diagnostics.runs import *  # noqa: F403
from flopsheet.diagnostics.searches import *  # noqa: F403
from flopsheet.diagnostics.specs import *  # noqa: F403
from flopsheet.diagnostics.sweeps import *  # noqa: F403
from flopsheet.diagnostics.texts import *  # noqa: F403
from flopsheet.diagnostics.values import *  # noqa: F403
