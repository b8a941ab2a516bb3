"""Prints PSI, groups and Wasserstein-1 of distributions, with NumPy and SciPy.

Each line of standard input: the bin width, then counts and expected shares, separated by "|".
"""
import sys

import numpy
import scipy.stats


def groups(shares):
    """Neighbouring bins that are expected to hold a tenth of the readings together."""
    edges, start = [], 0
    for end in range(1, len(shares) + 1):
        if shares[start:end].sum() >= 0.1 - 1e-12:
            edges.append((start, end))
            start = end
    edges[-1] = (edges[-1][0], len(shares))
    return edges


for line in sys.stdin:
    width, counts, shares = (
        numpy.array([float(part) for part in side.split()]) for side in line.split("|"))
    seen, expected = (
        numpy.array([side[a:b].sum() for a, b in groups(shares)]) for side in (counts, shares))
    seen = (seen + 0.5) / (seen + 0.5).sum()
    psi = ((seen - expected) * numpy.log(seen / expected)).sum()
    places = numpy.arange(len(counts)) * width[0]
    distance = scipy.stats.wasserstein_distance(places, places, counts, shares)
    print(float(psi), len(seen), float(distance))
