"""Where a test finds the binaries, and a cluster whose logs outlive a failure."""

import contextlib
import os
import shutil
import sys
import tempfile

from tools.cluster.cluster import Cluster

LOG_LINES = 12
# For what must happen, however busy the machine is.
PATIENCE_SECONDS = 60


def binaries():
    """Under `bazel test` the binaries lie beside the test; by hand they are in bazel-bin."""
    if os.environ.get("TEST_SRCDIR"):
        return os.getcwd()
    return os.environ.get("PACKETBOAT_BINARIES", "bazel-bin")


@contextlib.contextmanager
def running(settings=None, extra_configs=(), prepare=None, **kwargs):
    """A cluster that is ready; `prepare`, if any, is called with it before anything runs. Under Bazel its logs are kept as outputs
    of the test; if the body fails, the ends of the logs are printed and its folder stays."""
    folder = tempfile.mkdtemp(prefix="cluster-", dir=os.environ.get("TEST_TMPDIR"))
    with Cluster(folder, binaries(), settings=settings, extra_configs=extra_configs, **kwargs) as cluster:
        try:
            if prepare:
                prepare(cluster)
            cluster.start()
            yield cluster
        except BaseException:
            for one in cluster.processes.values():
                print(f"--- the end of {one.log}:\n{one.log_tail(LOG_LINES)}", file=sys.stderr)
            print(f"--- kept: {folder}", file=sys.stderr)
            raise
        finally:
            keep_logs(cluster)
    shutil.rmtree(folder, ignore_errors=True)


def keep_logs(cluster):
    outputs = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR")
    if outputs:
        kept = os.path.join(outputs, os.path.basename(cluster.folder))
        os.makedirs(kept)
        for one in cluster.processes.values():
            shutil.copy(one.log, kept)
