"""System calls of a program as strace counts and disturbs them."""
import collections
import re

import trial


def tracer(*options):
    # Without --seccomp-bpf, below which strace 6.1 drops the signal.
    return [trial.find("strace"), "-f", "-qq", *options]


def injection(call, number, effect):
    """The options that disturb the `number`-th call of each thread: "3", or "3+" for all later."""
    return tracer("-o", "/dev/null", "-e", f"trace={call}", "-e",
                  f"inject={call}:{effect}:when={number}")


def count_by_thread(log):
    """How often the busiest thread makes each call, which is how strace counts."""
    counts, busiest = collections.Counter(), {}
    with open(log, errors="replace") as lines:
        for line in lines:
            found = re.match(r"(\d+) +(\w+)\(", line)
            if found:
                counts[found.group(1, 2)] += 1
    for (_, call), count in counts.items():
        busiest[call] = max(busiest.get(call, 0), count)
    return busiest


def every(counts):
    return [(call, number) for call in sorted(counts) for number in range(1, counts[call] + 1)]


def spread(points, count):
    """So many of the points, evenly, each with the number of its round."""
    if count is None:
        return [(0, point) for point in points]
    if count >= len(points):
        return [(index // len(points), points[index % len(points)]) for index in range(count)]
    return [(0, points[index * len(points) // count]) for index in range(count)]
