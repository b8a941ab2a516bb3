package import EdgeProtocol
import Features
package import Prognostics

/// Something that happened to an engine after a cycle, as far as its features are concerned.
package struct EngineMark: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// Baseline and own mean restart; age, smoothing and window go on.
        case serviced
        /// Another engine flew on under this unit identifier: nothing before counts.
        case replaced
    }

    package let kind: Kind
    /// The last cycle before it.
    package let cycle: CycleCount

    package init(kind: Kind, cycle: CycleCount) {
        self.kind = kind
        self.cycle = cycle
    }

    /// What an event of a running installation means for its features.
    package init(_ kind: EngineEvent.Kind, cycle: CycleCount) {
        self.init(kind: kind == .serviced ? .serviced : .replaced, cycle: cycle)
    }
}

extension FeatureState {
    /// Takes in the next snapshot, after the marks between it and the one before.
    ///
    /// Streaming, replay and shadow all go through here: the state is determined by readings and
    /// marks, whichever came first.
    mutating func append(
        _ snapshot: Snapshot, marks: [EngineMark], using parameters: FeatureParameters
    ) {
        if let lastCycle, !marks.isEmpty {
            let passed = marks.filter { $0.cycle >= lastCycle && $0.cycle < snapshot.cycle }
            if passed.contains(where: { $0.kind == .replaced }) {
                self = FeatureState()
            } else if !passed.isEmpty {
                return append(snapshot, services: passed.map(\.cycle), using: parameters)
            }
        }
        append(snapshot, using: parameters)
    }
}

/// What the store knows about the events of a unit.
package struct EventHistory: Equatable, Sendable {
    package struct Known: Hashable, Sendable {
        package let installation: Int32
        package let kind: EngineEvent.Kind
        package let cycle: CycleCount

        package init(installation: Int32, kind: EngineEvent.Kind, cycle: CycleCount) {
            self.installation = installation
            self.kind = kind
            self.cycle = cycle
        }
    }

    package var known: [Known]
    /// The highest applied cycle of the installation before the running one; 0 if there is none.
    package let previousLastCycle: Int32

    package init(known: [Known], previousLastCycle: Int32) {
        self.known = known
        self.previousLastCycle = previousLastCycle
    }
}

/// Where an event belongs in the lives that its unit identifier has had.
enum EventPlacement: Equatable {
    /// It was recorded before.
    case known
    /// The unit has as many events as are kept apart.
    case tooMany
    /// It is about the installation before: recorded there, and nothing else changes.
    case past
    /// It marks the running installation; `isLate` if readings beyond its cycle were applied.
    case mark(isLate: Bool)
    /// It ends the running installation: the next reading is of another one.
    case end

    /// Decides by the cycle alone, because events carry no installation.
    ///
    /// A cycle beyond the running installation's last one may be a belated word on the one before:
    /// then the same event is known there, or that installation flew further and has no end yet.
    init(_ event: EngineEvent, record: UnitRecord, history: EventHistory) {
        let same = history.known.filter { $0.kind == event.kind && $0.cycle == event.cycle }
        let cycle = event.cycle.cycles
        let last = record.lastCycle
        let installation = record.installation
        let runningCount = history.known.count { $0.installation == installation }
        let hasPreviousEnd = history.known.contains {
            $0.installation == installation - 1 && $0.kind != .serviced
        }
        if same.contains(where: { $0.installation == installation }) {
            self = .known
        } else if cycle > last, !same.isEmpty {
            self = .known
        } else if runningCount >= ProtocolLimits.unitEventCountMax {
            self = .tooMany
        } else if last == 0, installation > 1 {
            self = .past
        } else if event.kind == .serviced {
            self = .mark(isLate: cycle < last)
        } else if history.previousLastCycle > last, cycle >= history.previousLastCycle,
            !hasPreviousEnd
        {
            self = .past
        } else {
            self = cycle >= last ? .end : .mark(isLate: true)
        }
    }
}
