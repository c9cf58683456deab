"""Prints what soak.py saw beside the goals. Fails below a goal."""

import json
import sys


def show(name, seen, theirs, goal=""):
    """One line; answers how far apart the two are."""
    apart = abs(seen - theirs) / seen if theirs is not None and seen else float("nan")
    print(f"  {name:22} {seen:12.2f} {theirs or 0:12.2f} {apart:8.1%} {goal}")
    return apart


told = json.loads(sys.argv[1])
growth = told["memory_last"] / told["memory_first"]
is_missed = growth > 1.05 or told["faults"] > 0
mebibytes = [told[key] / 2**20 for key in ("memory_first", "memory_last")]
print(f"\n  memory, first and last third: {mebibytes[0]:.1f} and {mebibytes[1]:.1f} MiB, {growth:.3f}x (goal: <= 1.05x)")
print(f"  faults: {told['faults']} (goal: 0)")
for example in told["examples"]:
    print(f"    {example}")
print(f"\n  {'':22} {'seen':>12} {'told':>12} {'apart':>8}")
for name, (seen, theirs) in told["compared"].items():
    is_missed |= not show(name, seen, theirs, "(goal: <= 5 %)") <= 0.05
for name, (seen, theirs) in told["beside"].items():
    show(name, seen, theirs, "(by the busy generator: no goal)")
print(f"\n  The way of {told['way_ms']:.3f} ms is taken off what the prober saw.")
sys.exit(is_missed)
