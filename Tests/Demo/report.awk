# Joins exported log lines with the true remaining lives and prints a table, the soonest failure
# first; writes the summary, one line of JSON, to the file `summary`.
#
# Variables: rul (one true RUL per line, unit by unit), test (rows that were streamed), predictions
# (JSON lines seen on the topic), suppressed (duplicates, from the health message), summary.

# The value under a key of one JSON object, without quotes; every key occurs once on our lines.
function value(line, key,    start, rest) {
    start = index(line, "\"" key "\":")
    if (!start) return ""
    rest = substr(line, start + length(key) + 3)
    if (substr(rest, 1, 1) == "\"") {
        rest = substr(rest, 2)
        return substr(rest, 1, index(rest, "\"") - 1)
    }
    match(rest, /[,}\]]/)
    return substr(rest, 1, RSTART - 1)
}

function capped(cycles) { return cycles > 125 ? 125 : cycles }

BEGIN {
    while ((getline row < rul) > 0) if (row ~ /[0-9]/) truth[++unitCount] = row + 0
    while ((getline row < test) > 0) {
        if (split(row, column, " ") < 2) continue
        expected[column[1] " " column[2]] = 1
        distinct++
    }
    while ((getline row < predictions) > 0) {
        key = value(row, "unit") " " value(row, "cycle")
        if (row !~ /"rul":/ || key in seen) continue
        seen[key] = 1
        if (key in expected) published++
    }
}

/"kind":"reading"/ {
    unit = value($0, "unit")
    cycle = value($0, "cycle") + 0
    key = unit " " cycle
    if (value($0, "rul") == "null" || key in logged) next
    logged[key] = 1
    if (key in expected) home++
    if (cycle <= last[unit]) next
    last[unit] = cycle
    estimate[unit] = value($0, "rul") + 0
    low[unit] = value($0, "rul_low") + 0
    high[unit] = value($0, "rul_high") + 0
    probability[unit] = value($0, "failure_probability") + 0
}

END {
    for (unit in last) if (unit in truth) order[++units] = unit
    for (i = 2; i <= units; i++) {
        moving = order[i]
        for (j = i - 1; j >= 1 && after(order[j], moving); j--) order[j + 1] = order[j]
        order[j + 1] = moving
    }
    printf "%6s %7s %10s %14s %9s %8s %22s\n", "unit", "cycle", "predicted", "90 % interval",
        "true RUL", "error", "P(fails in 30 cycles)"
    for (i = 1; i <= units; i++) {
        unit = order[i]
        error = capped(estimate[unit]) - capped(truth[unit])
        squares += error * error
        # Below what is shown, a minus sign only puzzles.
        if (error < 0 && error > -0.05) error = 0
        if (truth[unit] >= low[unit] && truth[unit] <= high[unit] ||
            truth[unit] > 125 && high[unit] >= 125) inside++
        printf "%6s %7d %10.1f %14s %9s %+8.1f %21.1f%%\n", unit, last[unit], estimate[unit],
            sprintf("%.0f to %.0f", low[unit], high[unit]),
            (truth[unit] > 125 ? truth[unit] "*" : truth[unit]), error, 100 * probability[unit]
    }
    rmse = units ? sqrt(squares / units) : 0
    # A reading is lost when its prediction is missing on the topic or in the pulled log.
    lost = distinct - (published < home ? published + 0 : home + 0)
    printf "\n* A life beyond 125 cycles counts as 125: so far from its end, wear does not show.\n"
    printf "RMSE %.2f cycles over the last cycle of %d units; %d of them inside their interval.\n",
        rmse, units, inside
    printf "%d predictions on the topic, %d in the pulled log, of %d readings: %d lost.\n",
        published, home, distinct, lost
    printf "{\"units\":%d,\"predictions\":%d,\"rmse\":%.3f,", units, published, rmse > summary
    printf "\"lost\":%d,\"duplicates_suppressed\":%d}\n", lost, suppressed > summary
}

# Whether `first` belongs below `second`: a longer life, then a greater unit.
function after(first, second) {
    if (estimate[first] != estimate[second]) return estimate[first] > estimate[second]
    return first + 0 > second + 0
}
