"""A Dask cluster on this machine, for tests that are skipped without Dask."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def dask_cluster(processes: int = 2) -> Iterator:
    """A cluster of so many processes with one thread each; it tries nothing twice."""
    distributed = pytest.importorskip("distributed", reason="pip install 'facexpr[dask]'")
    import dask

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(n_workers=processes, **options) as cluster,
    ):
        yield cluster
