import EdgeProtocol
import Features
import Prognostics

/// Events of the engines' lives, committed in the same batches as their readings.
extension ReadingIngest {
    /// Asks what is known of the unit's events, to tell a repeat from another engine's event.
    mutating func place(
        _ delivery: Delivery, _ event: EngineEvent, effects: inout [EdgeEffect]
    ) {
        guard let record = units.record(of: event.unit) else {
            preconditionFailure("unit \(event.unit) is not resident")
        }
        suspended = delivery
        effects.append(.lookUpEvents(event.unit, installation: record.installation))
    }

    /// Goes on with the event that waited for the look-up.
    mutating func resolve(
        _ stored: EventHistory, model: ActiveModel?, effects: inout [EdgeEffect]
    ) {
        guard let delivery = suspended, case .event(let event) = delivery.content,
            let record = units.record(of: event.unit)
        else { preconditionFailure("nobody asked for events") }
        suspended = nil
        let history = including(openOf: event.unit, record, stored)
        switch EventPlacement(event, record: record, history: history) {
        case .known: take(event.unit)
        case .tooMany:
            count(delivery, unit: event.unit) { $0.quarantined += 1 }
            let text = Array("\(event.kind.name) \(event.cycle)".utf8)
            quarantine(
                delivery, reason: PayloadError.tooManyEvents.description, prefix: text,
                size: text.count)
        case .past: log(delivery, event, installation: record.installation - 1)
        case .end:
            log(delivery, event, installation: record.installation)
            units.update(event.unit) { $0.startInstallation() }
        case .mark(let isLate):
            log(delivery, event, installation: record.installation)
            let mark = EngineMark(event.kind, cycle: event.cycle)
            units.update(event.unit) { $0.marks.append(mark) }
            if isLate { reload(delivery, event, model: model, effects: &effects) }
        }
    }

    /// What the store knows, and what the open batch is about to tell it.
    private func including(
        openOf unit: UnitIdentifier, _ record: UnitRecord, _ stored: EventHistory
    ) -> EventHistory {
        let open = batch.events.filter { $0.unit == unit }.map {
            EventHistory.Known(installation: $0.installation, kind: $0.kind, cycle: $0.cycle)
        }
        let openLast = drafts.filter {
            $0.key.unit == unit && $0.key.installation == record.installation - 1
                && $0.outcome != .late
        }.map(\.key.cycle.cycles).max()
        return EventHistory(
            known: stored.known + open,
            previousLastCycle: max(stored.previousLastCycle, openLast ?? 0))
    }

    private mutating func log(
        _ delivery: Delivery, _ event: EngineEvent, installation: Int32
    ) {
        take(event.unit)
        batch.events.append(
            EventEntry(
                sequence: nextSequence, unit: event.unit, installation: installation,
                kind: event.kind, cycle: event.cycle, payloadHash: delivery.payloadHash,
                receivedAt: delivery.receivedAt.wallMillis, unprotected: delivery.unprotected))
        nextSequence += 1
    }

    /// Readings beyond a late event were applied without it: builds the state again from raw ones.
    ///
    /// What was predicted meanwhile stays as it was said.
    private mutating func reload(
        _ delivery: Delivery, _ event: EngineEvent, model: ActiveModel?,
        effects: inout [EdgeEffect]
    ) {
        let unit = event.unit
        batch.checkpoints.removeAll { $0.unit == unit && $0.cycle > event.cycle }
        if !batch.staleCheckpoints.contains(unit) { batch.staleCheckpoints.append(unit) }
        guard let model, let record = units.record(of: unit) else { return }
        suspended = delivery
        // An earlier event of this batch has made stored checkpoints beyond it wrong already.
        let earliest = batch.events.filter {
            $0.unit == unit && $0.installation == record.installation
        }.map(\.cycle).min()
        effects.append(
            .reloadUnit(
                unit, parameters: model.parametersDigest,
                checkpointThrough: min(event.cycle, earliest ?? event.cycle)))
    }

    /// Replaces a resident unit's features by what the store and the open batch say together.
    mutating func rebuild(_ history: UnitHistory, model: ActiveModel?) {
        guard let model, let record = units.record(of: history.unit) else {
            preconditionFailure("nobody asked for unit \(history.unit)")
        }
        let open = drafts.filter {
            $0.key.unit == history.unit && $0.key.installation == record.installation
                && $0.outcome != .late
        }
        // What the store holds is of another installation if this one began in the open batch.
        let isStored = history.record?.installation == record.installation
        let whole = UnitHistory(
            unit: history.unit, record: record, checkpoint: isStored ? history.checkpoint : nil,
            replay: (isStored ? history.replay : []) + open.map(\.snapshot),
            marks: units.marks(of: history.unit))
        let features = Self.replay(whole, model: model)
        units.update(history.unit) { $0.features = features }
    }
}
