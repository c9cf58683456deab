"""Prints what streams.py measured of both sides, as ratios beside the goals. Fails below a goal."""

import json
import sys

ours, peer = (json.loads(text) for text in sys.argv[1:3])
is_missed = False
print(f"\n  {'':26} {'ours':>12} {'peer':>12} {'ratio':>9} {'goal':>9}")
for name, key in [
    ("bytes per idle stream", "memory"),
    ("CPU per event, µs", "cpu_us"),
    ("p99 to the last reader, ms", "p99_ms"),
]:
    ratio = ours[key] / peer[key] if peer[key] else float("nan")
    is_missed |= not ratio <= 0.1
    print(f"  {name:26} {ours[key]:12.1f} {peer[key]:12.1f} {ratio:8.3f}x {'<= 0.1x':>9}")
print(f"  beside {ours['idle']} and {peer['idle']} idle streams, which stay open")
print(f"  events delivered: {ours['delivered']} and {peer['delivered']}; streams lost: {ours['lost']} and {peer['lost']}")
if "evicted_s" in ours:
    cost = ours["slow_p99_ms"] / ours["quiet_p99_ms"] - 1
    is_missed |= ours["evicted_s"] > 30 or cost > 0.1 or ours["lost"] > 0
    print(f"  slow readers were let go after {ours['evicted_s']:.0f} s (goal: 30) and cost others {cost:+.1%} (goal: 10%)")
sys.exit(is_missed)
