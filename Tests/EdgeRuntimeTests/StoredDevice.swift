import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Features
import Prognostics
import SQLite
import Sodium
import Testing

/// The real machine on a real store, and a broker that delivers again what was not acknowledged.
struct StoredDevice {
    let store: EdgeStore
    private var core: EdgeCore
    /// Readings the broker got a PUBACK for.
    private(set) var acknowledged: Set<Int> = []
    /// Readings of the open batch, by their numbers.
    private var open: [Int] = []
    /// What ended this life: the shell would stop here.
    private(set) var failure: EdgeRuntimeError?

    init(_ store: EdgeStore) throws {
        self.store = store
        let identity = AgentIdentity(
            agent: try EdgeStoreTests.unit("a"),
            topics: try #require(Topics(fleet: try EdgeStoreTests.unit("f"))),
            featureSpec: FeatureSpec.identifier, version: "1", storeID: store.storeID)
        core = EdgeCore(identity: identity, restored: try store.restore(), residentUnitsMax: 2)
    }

    /// Reading number `number`, from 0: three units report in turn.
    static func reading(_ number: Int) throws -> Reading {
        let snapshot = try EdgeStoreTests.snapshot(
            Int32(number / 3 + 1), value: Float(number % 3 + 1))
        return Reading(unit: try EdgeStoreTests.unit("u\(number % 3)"), snapshot: snapshot)
    }

    /// Delivers readings as one batch.
    mutating func batch(_ numbers: [Int]) throws {
        for number in numbers where failure == nil {
            let reading = try Self.reading(number)
            open.append(number)
            feed(
                .delivery(
                    Delivery(
                        content: .reading(reading),
                        payloadHash: SHA256.digest(of: reading.snapshot.canonicalBytes),
                        topic: "t", unprotected: false,
                        receivedAt: Instant(wallMillis: 0, monotonicMicros: 0))))
        }
        guard failure == nil else { return }
        feed(.drained)
    }

    private mutating func feed(_ input: EdgeInput) {
        var inputs = [input]
        while !inputs.isEmpty, failure == nil {
            var effects: [EdgeEffect] = []
            core.receive(inputs.removeFirst(), effects: &effects)
            for effect in effects where failure == nil {
                do throws(EdgeRuntimeError) {
                    try perform(effect, &inputs)
                } catch {
                    failure = error
                }
            }
        }
    }

    private mutating func perform(
        _ effect: EdgeEffect, _ inputs: inout [EdgeInput]
    ) throws(EdgeRuntimeError) {
        switch effect {
        case .loadUnit(let unit, let parameters):
            inputs.append(.unitLoaded(try store.history(of: unit, parameters: parameters)))
        case .lookUpReading(let unit, let cycle):
            inputs.append(.readingLookedUp(try store.known(unit, cycle: cycle)))
        case .commit(let batch):
            do throws(SQLiteError) {
                try store.commit(batch)
                inputs.append(.committed(Instant(wallMillis: 0, monotonicMicros: 0)))
            } catch {
                // As the agent does: damage ends this life, anything else is tried again.
                if EdgeRuntimeError.store(error).isDamage { throw .store(error) }
                inputs.append(.commitFailed(reason: error.description))
            }
        case .acknowledge:
            acknowledged.formUnion(open)
            open = []
        case .dropIngest: open = []
        default: break
        }
    }
}
