"""python -m benchmarks [--quick]: everything in one run; the table and the plot go into benchmarks/README.md.

A quick run prints its table and writes nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import plot, report
from benchmarks.load import LoadError
from benchmarks.results import FULL, QUICK
from benchmarks.run import measure


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes, rougher, and nothing is written")
    quick = parser.parse_args().quick
    try:
        with tempfile.TemporaryDirectory() as directory:
            results = measure(QUICK if quick else FULL, Path(directory), lambda step: print(step, file=sys.stderr))
    except (LoadError, TimeoutError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(report.markdown(results))
    if not quick:
        report.write(results)
        plot.write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
