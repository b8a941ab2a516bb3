import Evaluation
import Testing

@Suite("Alarm rule")
struct AlarmMetricsTests {
    /// A unit's probabilities, the last one in its last cycle.
    static func metrics(_ lives: [[Double]]) throws -> AlarmMetrics {
        let rows = try lives.enumerated().flatMap { unit, probabilities in
            try probabilities.enumerated().map { index, probability in
                try Rows.row(
                    unit: unit + 1, cycle: index + 1,
                    truth: Double(probabilities.count - 1 - index), rul: 60,
                    probability: probability)
            }
        }
        return AlarmMetrics(ScoredRow.byUnit(rows), alarmThreshold: 0.5)
    }

    /// 40 cycles, quiet but for the cycles named, which count from 1; the last 31 are near failure.
    static func life(high: ClosedRange<Int>...) -> [Double] {
        (1...40).map { cycle in high.contains { $0.contains(cycle) } ? 0.5 : 0.25 }
    }

    @Test("The third cycle in a row raises the alarm, and its true RUL is the lead time")
    func raises() throws {
        let alarms = try Self.metrics([Self.life(high: 12...14)])
        #expect(alarms.meanLead == 26)
        #expect(alarms.falseAlarmCount == 0)
        #expect(alarms.healthyCycleCount == 9)
    }

    @Test("Two cycles in a row, or three with a pause, raise nothing")
    func pauses() throws {
        let alarms = try Self.metrics([Self.life(high: 12...13, 15...15, 20...21)])
        #expect(alarms.warnedCount == 0)
        #expect(alarms.meanLead == nil)
        #expect(alarms.leastLead == nil)
    }

    @Test("An alarm raised at 31 cycles or more is false, and warns if it stands at 30")
    func standing() throws {
        let standing = try Self.metrics([Self.life(high: 7...20)])
        #expect(standing.falseAlarmCount == 1)
        #expect(standing.meanLead == 31)
        let withdrawn = try Self.metrics([Self.life(high: 7...9)])
        #expect(withdrawn.falseAlarmCount == 1)
        #expect(withdrawn.warnedCount == 0)
    }

    @Test("Units add up, and a run of cycles does not go over from one to the next")
    func units() throws {
        let alarms = try Self.metrics([
            Self.life(high: 39...40), Self.life(high: 1...2, 21...23),
            Self.life(high: 1...3, 31...40),
        ])
        #expect(alarms.unitCount == 3)
        #expect(alarms.warnedCount == 2)
        #expect(alarms.meanLead == 12)
        #expect(alarms.leastLead == 7)
        #expect(alarms.falseAlarmsPerThousand == 1_000.0 / 27)
    }
}
