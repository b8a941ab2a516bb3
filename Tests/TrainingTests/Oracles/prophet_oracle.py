"""Trends by Facebook's Prophet, from histories on standard input, one JSON object a line.

Each has `lag` (in units of 100 cycles), `value`, `change_lags` and `change_scale` (per 100 cycles);
each is answered by a line: level now, slope now per 100 cycles, and the fitted values.
"""
import json
import logging
import sys

import numpy as np
import pandas as pd
from prophet import Prophet

logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
START = pd.Timestamp("2000-01-01")

for line in sys.stdin:
    history = json.loads(line)
    lag, value = np.array(history["lag"]), np.array(history["value"])
    oldest, span = lag.max(), lag.max() - lag.min()

    def date(lags):
        return [START + pd.Timedelta(days=float(100 * (oldest - l))) for l in lags]

    changes = [l for l in history["change_lags"] if lag.min() < l < oldest]
    # Prophet divides time by its span and values by the largest.
    scale = history["change_scale"] * span / np.abs(value).max()
    model = Prophet(
        growth="linear", changepoints=date(changes), changepoint_prior_scale=scale,
        yearly_seasonality=False, weekly_seasonality=False, daily_seasonality=False,
        uncertainty_samples=0)
    model.fit(pd.DataFrame({"ds": date(lag), "y": value}), seed=1)
    step = 0.001
    # Prophet answers in the order of time, in which the histories are too.
    trend = model.predict(pd.DataFrame({"ds": date(lag)}))["trend"].to_numpy()
    before, level = model.predict(pd.DataFrame({"ds": date([step, 0])}))["trend"]
    print(level, (level - before) / step, *trend)
