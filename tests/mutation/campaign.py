"""Mutation testing: do the tests notice when the code is changed? `make mutants` changes everything, which takes hours;
`make mutants SAMPLE=400 SEED=1` a random sample, and tells how sure its score is. A timeout counts as noticed.
"""

import json
import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

MUTANTS = Path("mutants")
MUTMUT = Path(sys.executable).with_name("mutmut")
NOTICED = {1, 3, 24, 36, 37, 152, 255, -24}
"""mutmut's exit codes for a mutant that a test, the types or the clock caught."""
Codes = dict[str, int | None]


def results() -> dict[str, Codes]:
    """Module → mutant → exit code; None where it was not tried yet."""
    files = sorted(MUTANTS.rglob("*.py.meta"))
    return {
        str(file.relative_to(MUTANTS)).removesuffix(".meta"): json.loads(file.read_text("utf-8"))["exit_code_by_key"]
        for file in files
    }


def drawn(modules: Mapping[str, Codes], size: int, seed: int) -> list[str]:
    """So many mutants of all, by chance that the seed decides."""
    names = sorted(name for codes in modules.values() for name in codes)
    return random.Random(seed).sample(names, min(size, len(names)))


def report(modules: Mapping[str, Codes], chosen: frozenset[str]) -> Iterator[str]:
    """The score of each module and of all, and the mutants that nothing noticed."""
    total: Counter[bool] = Counter()
    unnoticed: list[str] = []
    for module, codes in modules.items():
        tried = {name: code for name, code in codes.items() if name in chosen and code is not None}
        counted = Counter(code in NOTICED for code in tried.values())
        unnoticed += [name for name, code in tried.items() if code not in NOTICED]
        total += counted
        if tried:
            yield f"{counted[True]:5} of {len(tried):5}  {module}"
    tried_in_all = total[True] + total[False]
    yield from (f"not noticed: {name}" for name in unnoticed)
    low, high = interval(total[True], tried_in_all)
    share = total[True] / tried_in_all if tried_in_all else 0
    yield f"{total[True]} of {tried_in_all} mutants noticed: {share:.1%} (95 % interval {low:.1%} to {high:.1%})"


def interval(hits: int, tries: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share. Source: E. B. Wilson, J Am Stat Assoc 1927;22:209-212."""
    if tries == 0:
        return 0.0, 1.0
    z, share = 1.96, hits / tries
    middle = share + z * z / (2 * tries)
    spread = z * math.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    whole = 1 + z * z / tries
    return (middle - spread) / whole, (middle + spread) / whole


def main(size: int, seed: int) -> None:
    """`size`: 0 for all."""
    if size:
        subprocess.run([MUTMUT, "run", "none"], check=False)  # makes the mutants of today's code, and finds none of this name
    chosen = drawn(results(), size, seed) if size else []
    subprocess.run([MUTMUT, "run", *chosen], check=True)
    found = results()
    for line in report(found, frozenset(chosen) or frozenset(name for codes in found.values() for name in codes)):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
