"""Prints what soak.py saw beside the goals. Fails below a goal."""

import json
import sys


def show(name, seen, theirs, goal=""):
    """One line; answers how far apart the two are."""
    apart = abs(seen - theirs) / seen if theirs is not None and seen else float("nan")
    print(f"  {name:30} {seen:12.2f} {theirs or 0:12.2f} {apart:8.1%} {goal}")
    return apart


def row(name, values):
    print(f"  {name:30} " + " ".join(f"{value:>16}" for value in values))


def mebibytes(count):
    return f"{count / 2**20:.1f}"


def show_memory(thirds):
    """What was held and by whom; answers the growth from the first third to the last."""
    print()
    row("memory, MiB", ["first third", "second", "last"])
    row("mean of the third", [mebibytes(third["mean"]) for third in thirds])
    row("at its end", [mebibytes(third["held"]) for third in thirds])
    in_caches = [sum(size for _, size in third["caches"].values()) for third in thirds]
    for kind in sorted({kind for third in thirds for kind in third["caches"]}):
        cells = [third["caches"].get(kind, (0, 0)) for third in thirds]
        row(f"  cache {kind}", [f"{mebibytes(size)} ({entries})" for entries, size in cells])
    row("  all caches, as they reckon", [mebibytes(size) for size in in_caches])
    row("at its end, less the caches", [mebibytes(third["held"] - size) for third, size in zip(thirds, in_caches)])
    growth = thirds[-1]["mean"] / thirds[0]["mean"]
    print(f"  last third by first: {growth:.3f}x (goal: <= 1.05x)")
    return growth


told = json.loads(sys.argv[1])
is_missed = show_memory(told["thirds"]) > 1.05 or told["faults"] > 0
print(f"  faults: {told['faults']} (goal: 0)")
for example in told["examples"]:
    print(f"    {example}")
print(f"\n  {'':30} {'seen':>12} {'told':>12} {'apart':>8}")
for name, (seen, theirs) in told["compared"].items():
    is_missed |= not show(name, seen, theirs, "(goal: <= 5 %)") <= 0.05
for name, (seen, theirs) in told["beside"].items():
    show(name, seen, theirs, "(by the busy generator: no goal)")
for name, theirs in told["alone"].items():
    print(f"  {name:30} {'–':>12} {theirs or 0:12.2f} {'':8} (nobody sees it from outside)")
print(f"\n  The way of {told['way_ms']:.3f} ms is taken off what the prober and the generator saw.")
sys.exit(is_missed)
