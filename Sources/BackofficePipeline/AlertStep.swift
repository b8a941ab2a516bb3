import EdgeProtocol
package import Fleet
import Prognostics
import Registry
import StrictJSON

/// Finds what an operator must act on, and tells each receiver what it does not know yet.
///
/// A receiver that cannot be reached is tried again by the next run; its book says what it knows.
package struct AlertStep {
    /// What is to be looked at, and who is told how often.
    package struct Request: Sendable {
        package let receivers: [AlertReceiver]
        package let rules: AlertRules
        package let pace: AlertBook.Pace

        package init(receivers: [AlertReceiver], rules: AlertRules, pace: AlertBook.Pace) {
            self.receivers = receivers
            self.rules = rules
            self.pace = pace
        }
    }

    /// What one run did.
    package struct Report: Sendable {
        /// Everything that is wrong now.
        package var firing: [AlertCondition] = []
        /// Notices that were delivered, by receiver.
        package var delivered: [(receiver: String, notices: [AlertBook.Notice])] = []
        /// Why a receiver was not told, or nothing is known of the agents; a sentence each.
        package var failures: [String] = []
    }

    private let workspace: Workspace
    private let broker: FleetBroker
    private let request: Request
    private let nowMillis: Int64
    private let progress: ProgressReport

    package init(
        workspace: Workspace, broker: FleetBroker, request: Request, nowMillis: Int64,
        progress: ProgressReport
    ) {
        self.workspace = workspace
        self.broker = broker
        self.request = request
        self.nowMillis = nowMillis
        self.progress = progress
    }

    /// Looks at everything, and tells who is configured.
    package func send() throws -> Report {
        var report = Report()
        let facts = try facts(failures: &report.failures) { step, agents in
            try step.remember(agents)
        }
        let conditions = request.rules.conditions(facts, nowMillis: nowMillis)
        report.firing = conditions.filter { !$0.onlyHolds }
        try tell(conditions, unknown: AlertRules.unknown(facts), report: &report)
        return report
    }

    /// Sends an alert and its end to every receiver, to see whether they arrive.
    package func test() throws -> Report {
        guard !request.receivers.isEmpty else { throw AlertError.noReceiver }
        let condition = AlertCondition(
            rule: .test, subject: "backoffice", severity: .warning,
            summary: "A test, by hand. It is over at once.")
        var report = Report()
        // Everything else stays as it is.
        let others = Set(AlertCondition.Rule.allCases).subtracting([.test])
        try tell([condition], unknown: others, report: &report)
        try tell([], unknown: others, report: &report)
        return report
    }

    /// What each receiver knows, as it is on record.
    package static func books(
        in workspace: Workspace, target: String
    ) throws -> [(receiver: AlertReceiver.Kind, book: AlertBook)] {
        try AlertReceiver.Kind.allCases.compactMap { kind in
            try book(of: kind, in: workspace, target: target).map { (kind, $0) }
        }
    }

    /// What is wrong now, as far as it can be told.
    package func conditions() throws -> (found: [AlertCondition], failures: [String]) {
        var failures: [String] = []
        let facts = try facts(failures: &failures) { _, _ in }
        let found = request.rules.conditions(facts, nowMillis: nowMillis)
        return (found.filter { !$0.onlyHolds }, failures)
    }

    // MARK: Telling

    private func tell(
        _ conditions: [AlertCondition], unknown: Set<AlertCondition.Rule>, report: inout Report
    ) throws {
        for receiver in request.receivers {
            let known = try Self.book(of: receiver.kind, in: workspace, target: broker.target)
            var book = known ?? AlertBook()
            let due = book.update(
                conditions, unknown: unknown, nowMillis: nowMillis, pace: request.pace)
            if !due.notices.isEmpty {
                do throws(AlertError) {
                    try receiver.tell(
                        due.notices, waiting: due.waiting,
                        fleet: broker.topics.fleet.description, nowMillis: nowMillis,
                        repeatMillis: request.pace.repeatMillis)
                    book.delivered(due.notices, nowMillis: nowMillis)
                    report.delivered.append((receiver.kind.rawValue, due.notices))
                } catch {
                    report.failures.append(error.description)
                }
            }
            // After the delivery: a kill in between tells something twice, and loses nothing.
            try workspace.registry.setAlertBook(
                book.json.text, target: broker.target, receiver: receiver.kind.rawValue)
        }
    }

    private static func book(
        of kind: AlertReceiver.Kind, in workspace: Workspace, target: String
    ) throws -> AlertBook? {
        guard
            let text = try workspace.registry.alertBook(target: target, receiver: kind.rawValue)
        else { return nil }
        do throws(JSONError) {
            // As many alerts as a book holds, of some 900 bytes each.
            let limits = JSONLimits(sizeMax: 16 << 20, depthMax: 4)
            return try AlertBook(json: JSON.parse(Array(text.utf8), limits: limits))
        } catch {
            throw AlertError.damaged(receiver: kind.rawValue, reason: error.description)
        }
    }

    // MARK: Facts

    private func facts(
        failures: inout [String], seen: (FleetStep, [FleetAgent]) throws -> Void
    ) throws -> AlertFacts {
        var facts = AlertFacts()
        facts.night = try night()
        if let rollout = try RolloutStep.newest(in: workspace, target: broker.target) {
            facts.rollout = AlertFacts.RolloutFact(
                version: rollout.record.version, rollout: rollout.rollout)
        }
        facts.engines = try engines()
        facts.drift = try DriftStep.last(in: workspace).map(Self.conditions)
        do {
            let step = FleetStep(workspace: workspace, broker: broker, nowMillis: nowMillis)
            let look = try step.look()
            try seen(step, look.agents)
            facts.agents = look.view.rows
        } catch {
            failures.append("Nothing is known of the agents: \(error)")
        }
        return facts
    }

    /// How the newest night ended; one without an end was killed, for it held the workspace.
    private func night() throws -> AlertFacts.Night? {
        guard let night = try workspace.registry.newestNight(target: broker.target) else {
            return nil
        }
        switch night.outcome {
        case .done: return .done
        case .held: return .held(reason: night.detail)
        case .failed: return .failed(reason: night.detail)
        case nil:
            return .failed(
                reason: "It began at \(WallClock.text(night.startMillis)) and its process ended "
                    + "before it did. The next one goes on where it stopped.")
        }
    }

    /// The newest prediction of every engine that is in service, as the pulled logs tell it.
    private func engines() throws -> [AlertFacts.Engine] {
        var newest: [UnitIdentifier: EngineWord] = [:]
        let fleet = broker.topics.fleet.description
        _ = try PulledLog.entries(in: workspace.objects, progress: progress) { path, error in
            progress.step("Damaged page \(path): \(error)")
        } _: { source, entries in
            guard source.fleet == fleet else { return }
            for entry in entries { Self.add(entry, to: &newest) }
        }
        return newest.compactMap { unit, word in
            word.rul.map { AlertFacts.Engine(unit: unit, cycle: word.cycle, rul: $0) }
        }.sorted { $0.unit < $1.unit }
    }

    /// What was last heard of an engine; an end of its life leaves no prediction.
    private struct EngineWord {
        var place: (installation: Int32, cycle: Int32, receivedAt: Int64)
        var rul: Double?
        var cycle: Int32 { place.cycle }
    }

    private static func add(_ entry: LogEntry, to newest: inout [UnitIdentifier: EngineWord]) {
        switch entry {
        case .reading(let entry):
            guard let scoring = entry.scoring else { return }
            let place = (entry.key.installation, entry.key.cycle.cycles, entry.receivedAt)
            guard newest[entry.key.unit].map({ $0.place < place }) ?? true else { return }
            newest[entry.key.unit] = EngineWord(
                place: place, rul: Double(scoring.prediction.rul))
        case .event(let entry) where entry.kind != .serviced:
            guard let word = newest[entry.unit], word.place.installation <= entry.installation
            else { return }
            newest[entry.unit]?.rul = nil
        case .event, .quarantine: break
        }
    }
}
