"""An independent implementation of the feature specification `turbofan-features/2`, in NumPy.

Written from the formulas, not from the Swift code: whole trajectories at once instead of one
snapshot at a time. Inputs are float32, arithmetic is float64 with sums from the oldest cycle to
the newest, each result is rounded once to float32; so the bits must be those of the program.

    features_oracle.py prepare FILE FOLDER REGIMES AGE_MAX   NASA's file to readings and parameters
    features_oracle.py run FOLDER                            readings and parameters to features

Files in FOLDER, all little-endian: units.i32 [row], cycles.i32 [row], readings.f32 [row, 24],
parameters.f64 (regimes, age limit, centroids [regime, 3], means and deviations [regime, 14],
health weights [14] and intercept); the results are features.f32 [row, 152 + 29] and history.f32
[row, 1 + 64]: the number of means of the health index, and the means.
"""
import gzip
import pathlib
import sys

import numpy as np

SENSORS = (2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21)
SCALES = (42.0, 0.84, 100.0)
WINDOW, BASELINE, RECENT, LIMIT = 30, 20, 5, 1e6
SLOTS, INDEX_LIMIT = 64, 4.0
HEALTH = [0.05 - k % 4 / 64 for k in range(15)]  # any weights do


def prepare(source, folder, regimes, age_max):
    opened = gzip.open(source, "rt") if source.endswith(".gz") else open(source)
    with opened as lines:
        rows = np.array([[float(word) for word in line.split()] for line in lines])
    readings = rows[:, 2:].astype(np.float32)
    group = np.rint(rows[:, 2]).astype(int) if regimes > 1 else np.zeros(len(rows), int)
    names = np.unique(group)
    assert len(names) == regimes
    scaled = readings[:, :3].astype(np.float64) / np.array(SCALES)
    sensors = readings[:, [2 + s for s in SENSORS]].astype(np.float64)
    centroids = [scaled[group == name].mean(0) for name in names]
    means = [sensors[group == name].mean(0) for name in names]
    deviations = [sensors[group == name].std(0) for name in names]
    deviations = [np.where(d < 1e-6, 1.0, d) for d in deviations]
    rows[:, 0].astype("<i4").tofile(folder / "units.i32")
    rows[:, 1].astype("<i4").tofile(folder / "cycles.i32")
    readings.astype("<f4").tofile(folder / "readings.f32")
    np.concatenate([[regimes, age_max], *centroids, *means, *deviations, HEALTH]).astype("<f8").tofile(
        folder / "parameters.f64"
    )


def normalize(readings, centroids, means, deviations):
    """z [cycle, sensor] and the regime of each cycle."""
    wide = readings.astype(np.float64)
    distances = []
    for centroid in centroids:
        distance = np.zeros(len(wide))
        for column, scale in enumerate(SCALES):
            difference = wide[:, column] / scale - centroid[column]
            distance = distance + difference * difference
        distances.append(distance)
    regime = np.argmin(np.stack(distances), 0)  # the first one on a tie
    values = wide[:, [2 + s for s in SENSORS]]
    z = (values - means[regime]) / deviations[regime]
    return np.minimum(np.maximum(z, -LIMIT), LIMIT), regime


def running(z):
    """Smoothed values, own means and baselines at every cycle."""
    smooth, own, base = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    numerator, denominator = np.zeros(z.shape[1]), 0.0
    total, first = np.zeros(z.shape[1]), np.zeros(z.shape[1])
    for t in range(len(z)):
        numerator, denominator = z[t] + 0.9 * numerator, 1.0 + 0.9 * denominator
        smooth[t] = numerator / denominator
        total = total + z[t]
        own[t] = total / float(t + 1)
        if t < BASELINE:
            first = first + z[t]
        base[t] = first / float(min(t + 1, BASELINE))
    return smooth, own, base


def windowed(z):
    """Mean, deviation, slope, minimum and maximum of the last 30, mean of the last 5."""
    count = len(z)
    result = [np.empty_like(z) for _ in range(6)]
    groups = [np.array([t]) for t in range(min(count, WINDOW - 1))]
    if count >= WINDOW:
        groups.append(np.arange(WINDOW - 1, count))
    for ends in groups:  # rows whose windows are of one length, all at once
        length = min(int(ends[0]) + 1, WINDOW)
        starts = ends - (length - 1)
        total, spread = np.zeros((len(ends), z.shape[1])), 0.0
        moment = np.zeros_like(total)
        low, high = np.full_like(total, np.inf), np.full_like(total, -np.inf)
        for k in range(length):
            row, step = z[starts + k], k - (length - 1) / 2
            total, moment, spread = total + row, moment + step * row, spread + step * step
            low, high = np.minimum(low, row), np.maximum(high, row)
        mean = total / float(length)
        square = np.zeros_like(total)
        for k in range(length):
            difference = z[starts + k] - mean
            square = square + difference * difference
        recent, few = np.zeros_like(total), min(length, RECENT)
        for k in range(length - few, length):
            recent = recent + z[starts + k]
        slope = moment / spread if length > 1 else moment
        values = mean, np.sqrt(square / float(length)), slope, low, high, recent / float(few)
        for target, value in zip(result, values):
            target[ends] = value
    return result


def health(z, weights):
    """The health index at every cycle."""
    index = np.full(len(z), weights[-1])
    for sensor in range(z.shape[1]):
        index = index + weights[sensor] * z[:, sensor]
    return np.minimum(np.maximum(index, -INDEX_LIMIT), INDEX_LIMIT)


def life_slope(values):
    """The slope of a straight line through all values so far, at every cycle."""
    result = np.zeros_like(values)
    total, timed = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for t in range(len(values)):
        total, timed, n = total + values[t], timed + float(t) * values[t], float(t + 1)
        if t > 0:
            result[t] = (timed - (n - 1.0) / 2.0 * total) / (n * (n * n - 1.0) / 12.0)
    return result


def slow(values):
    """The debiased exponential mean with alpha = 0.03."""
    result, numerator, denominator = np.empty_like(values), np.zeros(values.shape[1]), 0.0
    for t in range(len(values)):
        numerator, denominator = values[t] + 0.97 * numerator, 1.0 + 0.97 * denominator
        result[t] = numerator / denominator
    return result


def index_features(z, weights):
    index = health(z, weights)[:, None]
    fast, own, base = running(index)
    mean, _, slope, _, _, _ = windowed(index)
    return np.concatenate(
        [index, fast, slow(index), own, base, fast - base, fast - own, life_slope(index), slope, mean], 1
    )


def history(z, weights):
    """The means of the health index at every cycle, padded with 0 to 64."""
    index = health(z, weights)

    def mean(start, length):
        total = 0.0
        for value in index[start:start + length].tolist():
            total += value
        return np.float32(total / length)

    # Slots of a stride: the first half, if not of stride 1, is merged from the stride below.
    grids = {}
    stride = 1
    while not grids or stride * SLOTS < 2 * len(z):
        slots = []
        if stride > 1:
            old = np.array(grids[stride // 2], np.float64)
            slots = list(((old[0::2] + old[1::2]) / 2).astype(np.float32)) if len(old) == SLOTS else []
        for start in range(len(slots) * stride, min(SLOTS * stride, len(z)) - stride + 1, stride):
            slots.append(mean(start, stride))
        grids[stride] = slots
        stride *= 2
    result = np.zeros((len(z), 1 + SLOTS), "<f4")
    for t in range(len(z)):
        count = t + 1
        stride = 1
        while stride * SLOTS < count:
            stride *= 2
        full, rest = divmod(count, stride)
        means = list(grids[stride][:full])
        if rest:
            means.append(mean(full * stride, rest))
        result[t, 0] = len(means)
        result[t, 1:1 + len(means)] = means
    return result


def features(cycles, readings, age_max, centroids, means, deviations, weights):
    z, regime = normalize(readings, centroids, means, deviations)
    smooth, own, base = running(z)
    mean, deviation, slope, low, high, recent = windowed(z)
    columns = [z, smooth, mean, deviation, slope, low, high, recent, recent - base]
    age = np.minimum(cycles, age_max).astype(np.float64)
    engineered = np.stack(columns, 2).reshape(len(z), -1)
    tail = np.stack([age, regime.astype(np.float64)], 1)
    channels = np.concatenate([smooth, own, (age / 200.0 - 1.0)[:, None]], 1)
    life = [life_slope(z), index_features(z, weights)]
    everything = np.concatenate([engineered, tail, *life, channels], 1).astype("<f4")
    return everything, history(z, weights)


def run(folder):
    units = np.fromfile(folder / "units.i32", "<i4")
    cycles = np.fromfile(folder / "cycles.i32", "<i4")
    readings = np.fromfile(folder / "readings.f32", "<f4").reshape(-1, 24)
    parameters = np.fromfile(folder / "parameters.f64", "<f8")
    regimes, age_max = int(parameters[0]), int(parameters[1])
    centroids, rest = np.split(parameters[2:], [3 * regimes])
    rest, weights = np.split(rest, [28 * regimes])
    means, deviations = np.split(rest.reshape(2 * regimes, 14), 2)
    files = open(folder / "features.f32", "wb"), open(folder / "history.f32", "wb")
    with files[0], files[1]:
        for unit in dict.fromkeys(units.tolist()):
            of = units == unit
            results = features(
                cycles[of], readings[of], age_max, centroids.reshape(-1, 3), means, deviations,
                weights)
            for result, file in zip(results, files):
                result.tofile(file)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    run(pathlib.Path(sys.argv[3] if sys.argv[1] == "prepare" else sys.argv[2]))
