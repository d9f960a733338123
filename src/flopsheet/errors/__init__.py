"""Every error that a user can meet, and its wording: where, what, remedy."""

from flopsheet.errors.claims import *  # noqa: F403
from flopsheet.errors.commands import *  # noqa: F403
from flopsheet.errors.files import *  # noqa: F403
from flopsheet.errors.formulas import *  # noqa: F403
from flopsheet.errors.imports import *  # noqa: F403
from flopsheet.errors.keys import *  # noqa: F403
from flopsheet.errors.layers import *  # noqa: F403
from flopsheet.errors.own import *  # noqa: F403
from flopsheet.errors.problem import *  # noqa: F403
from flopsheet.errors.review import *  # noqa: F403
from flopsheet.errors.runs import *  # noqa: F403
from flopsheet.errors.specs import *  # noqa: F403
from flopsheet.errors.sweeps import *  # noqa: F403
from flopsheet.errors.texts import *  # noqa: F403
from flopsheet.errors.values import *  # noqa: F403
