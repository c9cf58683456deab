"""Reads what callgrind has counted and prints which part of a request's instructions measuring takes.
Fails above the goal.

The format: https://valgrind.org/docs/manual/cl-format.html. A name is written once, as `(7) name`, and
stands as `(7)` from there on. After `calls=` follows a line with what the call cost in all.
"""

import re
import sys

# The part that measuring may take.
GOAL = 0.02

# What exists for nothing but measuring; what they call is theirs.
MEASURES = re.compile(
    r"middleware::request_id::measure|telemetry::measure::Measure|metrics::registry::Metrics.*::(add|observe)"
)


def counted(path):
    """All instructions, and those of the functions that measure."""
    names = {}
    function, called, total, measuring = "", None, 0, 0

    def name_of(text):
        number, _, name = text.partition(" ")
        if name:
            names[number] = name
        return names[number]

    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("fn="):
                function = name_of(line[3:])
            elif line.startswith("cfn="):
                called = name_of(line[4:])
            elif line.startswith("calls="):
                cost = int(next(lines).split()[1])
                if MEASURES.search(called) and not MEASURES.search(function):
                    measuring += cost
            elif re.match(r"[+\-*\d]", line):
                parts = line.split()
                if len(parts) > 1:
                    total += int(parts[1])
    return total, measuring


def main():
    """Takes the number of requests, then names and files in turn."""
    requests, is_missed = int(sys.argv[1]), False
    print(f"\n  {'instructions per request':34} {'all':>12} {'measuring':>12} {'part':>8} {'goal':>8}")
    for name, path in zip(sys.argv[2::2], sys.argv[3::2]):
        total, measuring = counted(path)
        part = measuring / total if total else float("nan")
        is_missed |= not part <= GOAL
        print(
            f"  {name:34} {total // requests:12,} {measuring // requests:12,} {part:8.2%} {f'<= {GOAL:.0%}':>8}"
        )
        if measuring == 0:
            sys.exit("nothing that measures was seen: are its functions named otherwise by now?")
    sys.exit(is_missed)


main()
