import Datasets
import DriftStudy
import Evaluation
import Testing

/// Device and back office watch a simulated fleet; docs/drift.md has the long runs.
@Suite("Watching a fleet for drift", .timeLimit(.minutes(10)))
struct DriftStudyTests {
    static let study = Result {
        try DriftStudy(
            DriftStudy.Fleet(regimes: .one, engineCount: 50, seed: 1), lifeCount: 400)
    }

    @Test(
        "Every disturbance is found within the cycles that docs/drift.md states",
        arguments: DriftStudy.disturbances)
    func found(_ disturbance: Disturbance) throws {
        let outcome = try Self.study.get().watch(
            disturbance, nightCount: disturbance.cyclesMax / 10, untilFound: true)
        #expect(outcome.cyclesUntilFound != nil, "\(disturbance.name)")
    }

    @Test("A hundred undisturbed nights raise no alarm")
    func quiet() throws {
        let outcome = try Self.study.get().watch(
            DriftStudy.undisturbed, nightCount: 100, untilFound: false)
        #expect(outcome.alarmedNights == 0, "\(outcome.tracks)")
    }

    @Test("The same fleet twice gives the same findings")
    func repeatable() throws {
        let study = try Self.study.get()
        let disturbance = DriftStudy.disturbances[1]
        let first = study.watch(disturbance, nightCount: 5, untilFound: true)
        #expect(first.found == study.watch(disturbance, nightCount: 5, untilFound: true).found)
        #expect(!first.found.isEmpty)
    }
}
