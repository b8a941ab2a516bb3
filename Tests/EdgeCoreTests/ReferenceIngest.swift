import EdgeCore
import EdgeProtocol
import Features
import Inference
import Prognostics

/// What ought to become of deliveries, written down once more and as plainly as possible.
///
/// No batches, no memory limit, no look-ups that are saved: one dictionary of rows per unit. It
/// shares no code with the machine that it judges.
struct ReferenceIngest {
    struct Row: Hashable {
        let unit: String
        let installation: Int32
        let cycle: Int32
        let hash: Digest
        let isLate: Bool
    }

    private struct Life {
        var installation: Int32 = 1
        var last: Int32 = 0
    }

    private(set) var rows: [Row] = []
    private(set) var suppressed: Int64 = 0
    private(set) var late: Int64 = 0
    private(set) var quarantined: Int64 = 0
    private(set) var received: Int64 = 0
    private var lives: [String: Life] = [:]

    mutating func take(_ delivery: Delivery) {
        received += 1
        guard case .reading(let reading) = delivery.content else {
            quarantined += 1
            return
        }
        let unit = reading.unit.description
        let cycle = reading.snapshot.cycle.cycles
        var life = lives[unit] ?? Life()
        let same = rows.filter { $0.unit == unit && $0.cycle == cycle }
        if same.contains(where: { $0.hash == delivery.payloadHash }) {
            suppressed += 1
        } else if cycle > life.last || cycle == 1 {
            if cycle <= life.last { life.installation += 1 }
            life.last = cycle
            rows.append(
                Row(
                    unit: unit, installation: life.installation, cycle: cycle,
                    hash: delivery.payloadHash, isLate: false))
        } else if same.contains(where: { $0.installation == life.installation }) {
            quarantined += 1
        } else {
            late += 1
            rows.append(
                Row(
                    unit: unit, installation: life.installation, cycle: cycle,
                    hash: delivery.payloadHash, isLate: true))
        }
        lives[unit] = life
    }

    /// The predictions that a store's rows must carry: a plain pass over each installation.
    static func isExact(_ store: FakeStore, models: [String: ActiveModel]) -> Bool {
        for (runID, model) in models {
            var states: [String: FeatureState] = [:]
            for entry in store.readings where entry.outcome != .late {
                let life = "\(entry.key.unit)/\(entry.key.installation)"
                states[life, default: FeatureState()].append(
                    entry.snapshot, using: model.parameters)
                guard let scoring = entry.scoring, scoring.runID == runID,
                    let state = states[life]
                else { continue }
                let input = model.plan.input(from: state, parameters: model.parameters)
                guard scoring.prediction == model.plan.run(input) else { return false }
            }
        }
        return true
    }
}
