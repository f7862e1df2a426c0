"""The results as a picture: how many times the bare handler each server takes, and how the cost grows with the record."""

from pathlib import Path

from benchmarks.figures import ratio, spread
from benchmarks.results import FLOOR, FLOOR_COMMON, OURS, OURS_COMMON, Results

PICTURE = Path(__file__).with_name("results.svg")
_COLOURS = {True: "#1f6f8b", False: "#b8b8b8"}


def write(results: Results) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text: smaller, and readable as such
    mpl.rcParams["svg.hashsalt"] = "bench"
    from matplotlib import pyplot

    figure, (bars, lines) = pyplot.subplots(1, 2, figsize=(12, 4), width_ratios=(3, 2), layout="constrained")
    names = [name for name in results.rows if name not in (FLOOR, FLOOR_COMMON)]
    for position, name in enumerate(reversed(names)):
        floor = results.rows[FLOOR_COMMON if name == OURS_COMMON else FLOOR][1]
        found = ratio(results.rows[name][1].p50, floor.p50)
        whiskers = [[found.median - found.least], [found.greatest - found.median]]
        bars.barh(position, found.median, xerr=whiskers, color=_COLOURS[name.startswith("cds-service")], capsize=3)
        beside = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        bars.annotate(f"{found.median:.1f}", (found.greatest, position), **beside)
    bars.set_yticks(range(len(names)), list(reversed(names)))
    bars.axvline(1, color="black", linewidth=0.8)
    bars.margins(x=0.1)  # room for the last figure
    bars.set_xlabel("p50 at one connection, times the bare handler")
    for name, marker in ((OURS, "o"), (OURS_COMMON, "s"), (FLOOR, "x")):
        points = [(size, spread(took).median) for size, took in results.sizes[name].items()]
        lines.loglog(*zip(*points, strict=True), marker=marker, label=name)
    lines.set_xlabel("Observations in the call")
    lines.set_ylabel("p50, ms")
    lines.legend(frameon=False)
    figure.savefig(PICTURE, metadata={"Date": None})
