import Prognostics

/// What the deployed alarm rule does over whole lives: a probability at or above the threshold in
/// three cycles in a row.
///
/// The alarm is raised in the third such cycle and stands until a cycle below the threshold. Each
/// raising with more than 30 cycles to live is a false alarm, even at 31. A unit's lead time is the
/// true RUL at which the alarm was raised that stands when the last 30 cycles begin, or else of the
/// first one raised in them; without either its failure was missed.
package struct AlarmMetrics: Equatable, Sendable {
    /// Cycles at or above the threshold before the alarm is raised: one alone is often noise.
    package static let cyclesInARow = 3

    package let unitCount: Int
    /// Units whose failure was announced.
    package let warnedCount: Int
    /// Mean lead time of the warned units, in cycles; nil without one.
    package let meanLead: Double?
    /// The shortest lead time, in cycles; nil without a warned unit.
    package let leastLead: Double?
    package let falseAlarmCount: Int
    /// Rows with more than 30 cycles to live.
    package let healthyCycleCount: Int

    /// Runs the rule over each unit's rows, oldest first.
    package init(_ units: [ArraySlice<ScoredRow>], alarmThreshold: Double) {
        var leads: [Double] = []
        var falseAlarms = 0
        var healthyCycles = 0
        for rows in units {
            var inARow = 0
            var standing: Double?
            var lead: Double?
            for row in rows {
                let isHigh = Double(row.prediction.failureProbability) >= alarmThreshold
                inARow = isHigh ? inARow + 1 : 0
                if inARow == Self.cyclesInARow {
                    standing = row.truth
                    if !row.isNearFailure { falseAlarms += 1 }
                } else if inARow == 0 {
                    standing = nil
                }
                if row.isNearFailure { lead = lead ?? standing } else { healthyCycles += 1 }
            }
            if let lead { leads.append(lead) }
        }
        unitCount = units.count
        warnedCount = leads.count
        meanLead = leads.isEmpty ? nil : leads.reduce(0, +) / Double(leads.count)
        leastLead = leads.min()
        falseAlarmCount = falseAlarms
        healthyCycleCount = healthyCycles
    }

    /// False alarms per 1,000 healthy cycles; nil without a healthy cycle.
    package var falseAlarmsPerThousand: Double? {
        healthyCycleCount == 0
            ? nil : 1_000 * Double(falseAlarmCount) / Double(healthyCycleCount)
    }
}
