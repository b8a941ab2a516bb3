"""Values, promoted values and 90 % bounds of the gates, a line each; "-" where there is none.

Standard input: rows "unit cycle truth rul low high probability" of the candidate, a line "other",
those of the promoted bundle, a line "other", then a line with the regime of each row.
"""
import sys

import numpy as np
from sklearn.metrics import fbeta_score, recall_score

candidate, promoted, regimes = sys.stdin.read().split("other")


def table(text):
    return np.array([line.split() for line in text.strip().splitlines()], dtype=float)


candidate, promoted = table(candidate), table(promoted)
regimes = np.array(regimes.split(), dtype=int)


def errors(rows):
    return rows[:, 3] - np.minimum(rows[:, 2], 125)


def score(rows, _):
    squares = errors(rows) ** 2
    return 0.5 * np.sqrt(squares.mean()) + 0.3 * np.abs(errors(rows)).mean() + 0.2 * squares.mean()


def phm08(rows, _):
    d = errors(rows)
    return np.where(d < 0, np.exp(-d / 13) - 1, np.exp(d / 10) - 1).mean()


def near(rows):
    return rows[:, 2] <= 30


def interval_score(rows):
    x, low, high = np.minimum(rows[:, 2], 125), rows[:, 4], rows[:, 5]
    return (high - low + 20 * (low - x) * (x < low) + 20 * (x - high) * (x > high)).mean()


def coverage(rows):
    x = np.minimum(rows[:, 2], 125)
    return ((rows[:, 4] <= x) & (x <= rows[:, 5])).mean()


def width(rows):
    return (rows[:, 5] - rows[:, 4]).mean()


def worst(rows, regime):
    return max(np.sqrt((errors(rows[regime == r]) ** 2).mean()) for r in np.unique(regime))


# (metric, whether it is compared, whether more is better)
gates = [
    (score, False, False),
    (phm08, True, False),
    (lambda rows, _: fbeta_score(near(rows), rows[:, 6] >= 0.75, beta=2), True, True),
    (lambda rows, _: recall_score(near(rows), rows[:, 6] >= 0.75), True, True),
    (lambda rows, _: (errors(rows) > 10).mean(), True, False),
    (lambda rows, _: interval_score(rows), True, False),
    (lambda rows, _: interval_score(rows[near(rows)]), True, False),
    (lambda rows, _: coverage(rows), False, True),
    (lambda rows, _: coverage(rows[near(rows)]), False, True),
    (lambda rows, _: width(rows), True, False),
    (lambda rows, _: width(rows[near(rows)]), True, False),
    (worst, True, False),
]

units = [np.flatnonzero(candidate[:, 0] == unit) for unit in range(1, 13)]
state, mask = 1979, (1 << 64) - 1


def draw():
    global state
    state = (state + 0x9E3779B97F4A7C15) & mask
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return ((z ^ (z >> 31)) >> 11) / 2.0**53


draws = [np.concatenate([units[int(draw() * 12)] for _ in range(12)]) for _ in range(2000)]
for metric, is_compared, is_more_better in gates:
    value, other = metric(candidate, regimes), metric(promoted, regimes)
    ones = np.array([metric(candidate[rows], regimes[rows]) for rows in draws])
    share = 90 if is_more_better else 10
    if is_compared:
        others = np.array([metric(promoted[rows], regimes[rows]) for rows in draws])
        bound = other + np.percentile(ones - others, share)
    elif metric is score:
        bound = "-"
    else:
        bound = np.percentile(ones, share)
    print(value, other, bound)
