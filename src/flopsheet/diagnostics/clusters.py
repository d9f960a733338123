"""Wording: work that is shared by processes or a cluster, and folders of partitions."""

from __future__ import annotations

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import shown


@diagnostic("FS951", "no-distributed")
def no_distributed() -> Wording:
    """--scheduler needs dask.distributed, which is not installed.

    Why: It is an optional dependency.
    Fix: Install it on this machine and on the workers, or use --workers.
    Example:
        Without distributed: `flopsheet search spec.yaml --scheduler tcp://host:8786`
    """
    return (
        "--scheduler needs dask.distributed, which is not installed",
        "pip install distributed, or --workers N",
    )


@diagnostic("FS952", "no-scheduler")
def no_scheduler(address: str, seconds: float, told: str) -> Wording:
    """Nothing answers as a Dask scheduler at an address.

    Why: The work goes to the workers of that scheduler.
    Fix: Start one (`dask scheduler`), or correct the address, such as tcp://HOST:8786.
    Example:
        On a machine without a scheduler: `flopsheet search spec.yaml --scheduler tcp://127.0.0.1:1`
    """
    why = f" ({shown(told)})" if told else ""
    fact = f"no Dask scheduler answered at '{shown(address)}' within {seconds:.0f} s{why}"
    return fact, "start one with `dask scheduler`, and write its address: tcp://HOST:8786"


@diagnostic("FS953", "no-cluster-workers")
def no_cluster_workers(address: str, seconds: float) -> Wording:
    """A Dask scheduler has no workers.

    Why: They do the work.
    Fix: Start some: `dask worker tcp://HOST:8786`.
    Example:
        On a cluster without workers: `flopsheet search spec.yaml --scheduler tcp://host:8786`
    """
    return (
        f"the scheduler at {shown(address)} has no workers after {seconds:.0f} s",
        f"run 'dask worker {shown(address)}'",
    )


@diagnostic("FS954", "cluster-gone")
def cluster_went(address: str) -> Wording:
    """A Dask scheduler, or all of its workers, ended before the work was done.

    Why: The tasks of a lost worker go to the others, and none were left.
    Fix: Restart the cluster and run the same command again; a sweep into a folder resumes where it stopped.
    Example:
        On a cluster that is stopped meanwhile: `flopsheet search spec.yaml --scheduler tcp://host:8786`
    """
    return (
        f"the cluster at {shown(address)} stopped before the work was done",
        "restart it, then repeat the command",
    )


@diagnostic("FS955", "no-cluster-results")
def no_results(address: str, count: int, why: str) -> Wording:
    """Tasks on a cluster fail repeatedly, or return something that is not a result.

    Why: flopsheet may not be installed there, or something else answers in its place.
    Fix: Install the same version of flopsheet on every worker.
    Example:
        On a cluster whose workers lack flopsheet: `flopsheet search spec.yaml --scheduler tcp://host:8786`
    """
    fact = f"{count} tasks failed on the cluster at {shown(address)}; the last one: {shown(why)}"
    return fact, "install the same version of flopsheet on every worker"


@diagnostic("FS956", "cluster-version")
def other_version(address: str, theirs: str, ours: str) -> Wording:
    """Workers of a cluster have another version of flopsheet.

    Why: Its formulas may differ, and so the results.
    Fix: Install the same version everywhere.
    Example:
        On a cluster with another version: `flopsheet search spec.yaml --scheduler tcp://host:8786`
    """
    fact = f"the workers at {shown(address)} have flopsheet {shown(theirs)}, this is {ours}"
    return fact, f"install flopsheet {ours} on every worker"


@diagnostic("FS957", "folder-of-others")
def not_this_sweep(folder: str, why: str) -> Wording:
    """A folder has partitions of another sweep.

    Why: A sweep reuses existing partitions only if they come from the same spec and version.
    Fix: Name another folder, or delete this one.
    Example:
        In a folder of another spec: `flopsheet show spec.yaml --format parquet -o parts/`
    """
    return f"'{shown(folder)}' {why}", "name another folder, or delete this one"


@diagnostic("FS958", "folder-of-parquet")
def only_parquet(style: str) -> Wording:
    """A folder is named for a format that is written as one file.

    Why: Only the rows of a sweep as Parquet are written in partitions.
    Fix: Write --format parquet, or name a file.
    Example:
        $ flopsheet show specs/gpt2.yaml --format csv -o parts/
    """
    return f"-o names a folder, but {style} is written as one file", "write --format parquet, or name a file"


@diagnostic("FS959", "workers-without-folder")
def workers_without_folder(option: str) -> Wording:
    """Work is to be shared, but its result is one file.

    Why: Workers compute partitions, each a file of its own.
    Fix: Name a folder, with a slash at its end.
    Example:
        $ flopsheet show specs/gpt2.yaml --format csv --workers 2
    """
    return f"{option} needs a folder to write partitions to", "write --format parquet -o FOLDER/"
