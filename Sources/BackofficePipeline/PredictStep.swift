import EdgeProtocol
package import Features
package import Inference
import ModelBundle
package import Prognostics
import Sodium
import StrictJSON

/// Scores readings line by line with a stored bundle, as an agent that takes them in would.
///
/// A line is a C-MAPSS row, or a JSON object as on `engines/{unit}/readings`. A unit's lines come
/// in the order of its cycles; a repeat says nothing, and cycle 1 with other values is another
/// engine, as on the device. What is refused changes nothing.
package struct PredictStep {
    /// Why a line was not scored, in one sentence.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// What is known of a unit's present engine.
    private struct Life {
        var installation: Int32 = 1
        var state = FeatureState()
        var known: [CycleCount: Snapshot] = [:]
    }

    private let plan: InferencePlan
    private let parameters: FeatureParameters
    private let runID: String
    private let unit: UnitIdentifier?
    private var lives: [UnitIdentifier: Life] = [:]

    /// Loads a version's bundle, or the promoted one.
    ///
    /// `unit` is whose JSON objects without a member `unit` are.
    package init(workspace: Workspace, version: Int64?, unit: UnitIdentifier?) throws {
        let stored =
            if let version {
                try StoredBundle.version(version, in: workspace)
            } else {
                try StoredBundle.promoted(in: workspace)
            }
        self.init(
            plan: stored.bundle.plan, parameters: stored.bundle.featureParameters,
            runID: stored.runID, unit: unit)
    }

    /// Scores with a plan.
    package init(
        plan: InferencePlan, parameters: FeatureParameters, runID: String, unit: UnitIdentifier?
    ) {
        self.plan = plan
        self.parameters = parameters
        self.runID = runID
        self.unit = unit
    }

    /// The prediction that an agent publishes for a line; nil for a blank one or a repeat.
    package mutating func predict(_ line: [UInt8]) throws(Refusal) -> [UInt8]? {
        guard !line.allSatisfy(Self.isBlank) else { return nil }
        let clock = ContinuousClock()
        let start = clock.now
        let reading = try decode(line)
        var life = lives[reading.unit] ?? Life()
        let snapshot = reading.snapshot
        if let last = life.state.lastCycle, snapshot.cycle <= last {
            if life.known[snapshot.cycle] == snapshot { return nil }
            guard snapshot.cycle.cycles == 1 else {
                throw Refusal(
                    description: "Cycle \(snapshot.cycle) of unit \(reading.unit) comes after its "
                        + "cycle \(last) and is no repeat. Sort the readings by cycle.")
            }
            life = Life(installation: life.installation + 1)
        }
        life.state.append(snapshot, using: parameters)
        life.known[snapshot.cycle] = snapshot
        let prediction = plan.run(plan.input(from: life.state, parameters: parameters))
        let elapsed = (clock.now - start).components
        lives[reading.unit] = life
        let entry = ReadingEntry(
            sequence: 1,
            key: ReadingKey(
                unit: reading.unit, installation: life.installation, cycle: snapshot.cycle),
            snapshot: snapshot, payloadHash: SHA256.digest(of: snapshot.canonicalBytes),
            outcome: .scored, receivedAt: 0, unprotected: false,
            scoring: ReadingEntry.Scoring(
                prediction: prediction, runID: runID,
                latencyMicros: elapsed.seconds * 1_000_000
                    + elapsed.attoseconds / 1_000_000_000_000))
        return entry.predictionPayload(isBackfill: false)
    }

    private func decode(_ line: [UInt8]) throws(Refusal) -> Reading {
        let route: Topics.Route
        if line.first(where: { !Self.isBlank($0) }) == UInt8(ascii: "{") {
            let named = (try? JSONReader(parsing: line)).flatMap { try? $0.string("unit") }
            guard let unit = named.map(UnitIdentifier.init) ?? unit else {
                throw Refusal(
                    description: "The object names no unit that is [A-Za-z0-9._-]{1,64}. Give it a "
                        + "member \"unit\", or say --unit.")
            }
            route = .unitReadings(unit)
        } else {
            route = .readings
        }
        do throws(PayloadError) {
            return try ReadingDecoder.decode(line.span, from: route)
        } catch {
            throw Refusal(description: error.description)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(byte)
    }
}
