"""Dask clusters of a test that end with all of their threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def local_cluster(**options: Any) -> Iterator[Any]:
    """A cluster on this machine; the test is skipped where Dask is not installed.

    A thread that stays behind would keep later tests from forking: each of their processes would import everything.
    """
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(dashboard_address=":0", **options) as running:
        yield running
    utils = distributed.utils
    kept, utils._offload_executor = utils._offload_executor, ThreadPoolExecutor(1, thread_name_prefix="Dask-Offload")
    kept.shutdown()
