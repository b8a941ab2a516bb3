"""How well intervals of few calibrate units cover, on units that no model has seen.

    interval_study.py CMAPSS [FD001 ...]     reads train_{subset}.txt.gz or .txt, prints a table

Independent of the program but for its rule and constants. Four models per subset (16 for FD001 and
FD003) are each trained on three quarters of a training file's units, with XGBoost at the shipped
settings. Of the other quarter, some units calibrate and the rest are judged, 160 times over.
Judged are snapshots from the 15th on whose true RUL is 6 to 145 cycles, which is the range of
FD001's official test units. Official test files take no part.
"""
import gzip
import pathlib
import sys

import numpy as np
import xgboost

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "FeaturesTests" / "Oracles"))
import features_oracle as oracle

KNOTS = np.array([0.0, 20, 40, 70, 100, 125])
STARTS = np.array([40.0, 100])  # of the middle and the saturated bin
BELOW = np.where(KNOTS > 100, 14.0, 3 + KNOTS / 4)
ABOVE = 3 + np.minimum(KNOTS, 100) / 4
SETTINGS = dict(
    tree_method="hist", max_depth=8, eta=0.04, min_child_weight=50, subsample=0.5,
    colsample_bytree=0.4, nthread=1)


def read(folder, subset):
    path = pathlib.Path(folder) / f"train_{subset}.txt.gz"
    opened = gzip.open(path, "rt") if path.exists() else open(path.with_suffix(""))
    with opened as lines:
        rows = np.loadtxt(lines)
    return [rows[rows[:, 0] == unit] for unit in np.unique(rows[:, 0])]


def parameters(units, regimes):
    rows = np.concatenate(units)
    group = np.rint(rows[:, 2]).astype(int) if regimes > 1 else np.zeros(len(rows), int)
    sensors = rows[:, [4 + s for s in oracle.SENSORS]]
    groups = [group == name for name in np.unique(group)]
    deviations = np.stack([sensors[g].std(0) for g in groups])
    return (
        np.stack([(rows[g, 2:5] / np.array(oracle.SCALES)).mean(0) for g in groups]),
        np.stack([sensors[g].mean(0) for g in groups]),
        np.where(deviations < 1e-6, 1.0, deviations))


def held_out(units, regimes, order, fold, seed):
    """True and predicted RUL of each unit of the fold, by a model of the others."""
    chosen = order[fold::4]
    training = [units[i] for i in np.setdiff1d(order, chosen)]
    fitted = parameters(training, regimes)
    age_max = max(len(unit) for unit in training)

    def rows(unit):
        x = oracle.features(unit[:, 1], unit[:, 2:].astype(np.float32), age_max, *fitted)
        return x[14:, :128], (len(unit) - unit[:, 1])[14:]

    x, rul = (np.concatenate(part) for part in zip(*map(rows, training)))
    settings, capped = SETTINGS | {"seed": seed}, np.minimum(rul, 125)
    first = xgboost.train(settings, xgboost.DMatrix(x, capped), 185)
    gain = first.get_score(importance_type="gain")
    kept = [int(name[1:]) for name in sorted(gain, key=gain.get)[-40:]]
    model = xgboost.train(settings, xgboost.DMatrix(x[:, kept], capped), 185)
    result = []
    for x, rul in (rows(units[i]) for i in chosen):
        result.append((rul, np.clip(model.predict(xgboost.DMatrix(x[:, kept])), 0, 125)))
    return result


def quantile(values, level):
    """Of several units' values, the least that `level` of the mean unit is at or below."""
    pooled = np.concatenate(values)
    order = np.argsort(pooled, kind="stable")
    weights = np.concatenate([np.full(len(v), 1 / len(v)) for v in values])[order]
    place = np.searchsorted(np.cumsum(weights), level * len(values) - 1e-9)
    return pooled[order][min(place, len(pooled) - 1)] if level <= 1 else np.inf


def by_bin(units, value):
    bins = [[], [], []]
    for rul, said in units:
        inside, values = np.searchsorted(STARTS, said, side="right"), value(rul, said)
        for place in np.unique(inside):
            bins[place].append(values[inside == place])
    return bins


def score(rul, said):
    """How many times its side of the shape a residual is."""
    residual = np.minimum(rul, 125) - said
    below, above = np.interp(said, KNOTS, BELOW), np.interp(said, KNOTS, ABOVE)
    return np.maximum(-residual / below, residual / above)


def scaled(units, correlation):
    """The rule of the program: one factor per bin, reaches linear between knots."""
    near, middle, far = (
        quantile(b, 0.9 * (1 + correlation / len(b))) if b else np.inf
        for b in by_bin(units, score))
    factor = np.array([near, near, (near + middle) / 2, middle, (middle + far) / 2, far])
    below, above = (np.minimum(shape * factor, 125) for shape in (BELOW, ABOVE))
    return lambda said: (np.interp(said, KNOTS, below), np.interp(said, KNOTS, above))


def signed(units):
    """5 % and 95 % quantiles of the residuals of each bin."""
    bins = by_bin(units, lambda rul, said: np.minimum(rul, 125) - said)
    ends = np.array([[max(quantile([-v for v in b], 0.95), 0), max(quantile(b, 0.95), 0)]
                     for b in bins])
    return lambda said: ends[np.searchsorted(STARTS, said, side="right")].T


def judge(reach, units):
    """Coverage and mean width, overall and for a true RUL up to 30; each unit weighs 1."""
    rows = []
    for rul, said in units:
        below, above = reach(said)
        low, high = np.maximum(said - below, 0), np.minimum(said + above, 125)
        hit = (low <= np.minimum(rul, 125)) & (np.minimum(rul, 125) <= high)
        for chosen in ((rul >= 6) & (rul <= 145), (rul >= 6) & (rul <= 30)):
            rows.append((hit[chosen].mean(), (high - low)[chosen].mean()))
    return np.array(rows).reshape(len(units), 4).mean(0)


def correlations(fleets):
    """Per bin the variance between units of the share outside of the 90 %, over 0.09."""
    bins = by_bin([unit for fleet in fleets for unit in fleet], score)
    return [np.var([(v > quantile(b, 0.9)).mean() for v in b]) / 0.09 for b in bins]


def study(folder, subset):
    units, few = read(folder, subset), subset in ("FD001", "FD003")
    fleets = []
    for repeat in range(4 if few else 1):
        order = np.random.default_rng(100 + repeat).permutation(len(units))
        fleets += [held_out(units, 1 if few else 6, order, k, repeat) for k in range(4)]
    count, draw = (6, 13) if few else (22, 31), np.random.default_rng(1)
    rules = {
        "ours, rho = 0.5": lambda u: scaled(u, 0.5), "rho = 0": lambda u: scaled(u, 0),
        "rho = 1": lambda u: scaled(u, 1), "signed quantiles": signed}
    results = {name: [] for name in [*rules, "cross-validation"]}
    for number in range(160):
        fleet = fleets[number % len(fleets)]
        order, chosen = draw.permutation(len(fleet)), draw.integers(*count)
        parts = [fleet[i] for i in order[:chosen]], [fleet[i] for i in order[chosen:]]
        for name, rule in rules.items():
            results[name].append(judge(rule(parts[0]), parts[1]))
    for number, fleet in enumerate(fleets):  # residuals of the same split's other three folds
        first = number // 4 * 4
        others = [u for k in range(first, first + 4) if k != number for u in fleets[k]]
        results["cross-validation"].append(judge(scaled(others, 0.5), fleet))
    print(subset, "correlation by bin", *(f"{c:.2f}" for c in correlations(fleets)))
    for name, rows in results.items():
        mean, deviation = np.mean(rows, 0), np.std(rows, 0)
        print(f"  {name:18}"
              f" all {mean[0]:.3f} ± {deviation[0]:.3f}, {mean[1]:4.1f} wide;"
              f" RUL <= 30 {mean[2]:.3f} ± {deviation[2]:.3f}, {mean[3]:4.1f} wide", flush=True)


if __name__ == "__main__":
    for subset in sys.argv[2:] or ["FD001", "FD002", "FD003", "FD004"]:
        study(sys.argv[1], subset)
