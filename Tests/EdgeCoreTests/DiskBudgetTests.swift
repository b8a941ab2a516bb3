import EdgeCore
import Simulation
import Testing

@Suite("Disk budget")
struct DiskBudgetTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let used: Int64
        var hasAcknowledged = false
        var hasQuarantine = false
        var whenFull = DiskBudget.WhenFull.stop
        let action: DiskBudget.Action
    }

    @Test(
        "What leaves, and when, follows the declared order",
        arguments: [
            Case(
                testDescription: "below nine tenths nothing leaves", used: 89_999_999,
                hasAcknowledged: true, hasQuarantine: true, action: .proceed),
            Case(
                testDescription: "acknowledged readings leave first", used: 90_000_000,
                hasAcknowledged: true, hasQuarantine: true, action: .releaseAcknowledged),
            Case(
                testDescription: "then refused payloads", used: 90_000_000, hasQuarantine: true,
                action: .releaseQuarantine),
            Case(
                testDescription: "then nothing, while there is room", used: 96_999_999,
                whenFull: .releaseOldestCounted, action: .proceed),
            Case(testDescription: "a full store stops", used: 97_000_000, action: .stop),
            Case(
                testDescription: "or releases what nobody pulled", used: 97_000_000,
                whenFull: .releaseOldestCounted, action: .releaseUnpulled),
            Case(
                testDescription: "a full store still prefers acknowledged readings",
                used: 99_000_000, hasAcknowledged: true, whenFull: .releaseOldestCounted,
                action: .releaseAcknowledged),
        ])
    func order(_ example: Case) {
        let budget = DiskBudget(size: 100_000_000, whenFull: example.whenFull)
        #expect(
            budget.action(
                used: example.used, hasAcknowledged: example.hasAcknowledged,
                hasQuarantine: example.hasQuarantine) == example.action)
    }

    @Test("Days to full are room divided by growth, and unknown without growth")
    func days() {
        let budget = DiskBudget(size: 100_000_000, whenFull: .stop)
        #expect(budget.daysToFull(used: 47_000_000, releasable: 0, bytesPerDay: 10_000_000) == 5)
        #expect(
            budget.daysToFull(used: 47_000_000, releasable: 9_999_999, bytesPerDay: 10_000_000)
                == 5)
        #expect(
            budget.daysToFull(used: 47_000_000, releasable: 10_000_000, bytesPerDay: 10_000_000)
                == 6)
        #expect(budget.daysToFull(used: 98_000_000, releasable: 0, bytesPerDay: 1) == 0)
        #expect(budget.daysToFull(used: 0, releasable: 0, bytesPerDay: 0) == nil)
    }
}
