import Drift
import EdgeProtocol
import Prognostics

/// Sketches what committed readings looked like, and says it at the broker.
///
/// Counts are taken after the commit, so what is delivered again is not counted again. They are a
/// cache, as feature states are: at start the stretch of the log that is not over yet, and the one
/// before, are sketched again from their rows.
struct SketchReport: Sendable {
    /// Milliseconds between two messages about the open window.
    static let openIntervalMillis: Int64 = 30_000

    private var windows = SketchWindows()
    /// Numbers of closed windows that the broker has not got, at most as many as are kept.
    private var unsent: [Int64] = []
    /// Readings of the open window that the broker has not got.
    private var openCount = 0
    private var openSentAtMillis: Int64?

    /// The first log sequence of the stretches that are sketched again at start.
    static func firstSequence(before next: Int64) -> Int64 {
        max(0, next / SketchWindows.rowCount - 1) * SketchWindows.rowCount
    }

    /// Starts with what the log holds of the newest stretches.
    init(_ rows: [ReadingEntry], model: ActiveModel?) {
        guard let model else { return }
        var repeats: [UnitIdentifier: SensorRepeats] = [:]
        for row in rows {
            repeats[row.key.unit, default: SensorRepeats()].note(row.snapshot)
            guard let scoring = row.scoring, scoring.runID == model.runID,
                let repeats = repeats[row.key.unit]
            else { continue }
            add(
                row.snapshot, of: row.key.unit, sequence: row.sequence, repeats: repeats,
                prediction: scoring.prediction, model)
        }
    }

    /// Takes in what a batch scored, after its commit.
    mutating func note(_ drafts: [ReadingIngest.Draft], model: ActiveModel?) {
        guard let model else { return }
        for draft in drafts {
            guard let scoring = draft.scoring else { continue }
            add(
                draft.snapshot, of: draft.key.unit, sequence: draft.sequence,
                repeats: draft.repeats, prediction: scoring.prediction, model)
        }
    }

    private mutating func add(
        _ snapshot: Snapshot, of unit: UnitIdentifier, sequence: Int64, repeats: SensorRepeats,
        prediction: Prediction, _ model: ActiveModel
    ) {
        let hasClosed = windows.add(
            snapshot, of: unit, sequence: sequence, repeats: repeats, prediction: prediction,
            runID: model.runID, parameters: model.parameters)
        openCount += 1
        guard hasClosed else { return }
        openCount = 1
        unsent.append(windows.windows[windows.windows.count - 2].number)
        if unsent.count > SketchWindows.windowCountMax { unsent.removeFirst() }
    }

    /// The broker may have lost everything: all windows are said again.
    mutating func connected() {
        unsent = windows.windows.dropLast().map(\.number)
        openSentAtMillis = nil
        openCount = windows.windows.last?.sketch.readingCount ?? 0
    }

    /// Says which windows have closed, and from time to time how far the open one is.
    mutating func tick(_ now: Instant, _ identity: AgentIdentity, effects: inout [EdgeEffect]) {
        for window in windows.windows where unsent.contains(window.number) {
            effects.append(Self.message(window, identity))
        }
        unsent.removeAll(keepingCapacity: true)
        guard openCount > 0, let open = windows.windows.last else { return }
        if let last = openSentAtMillis,
            now.monotonicMillis - last < Self.openIntervalMillis
        {
            return
        }
        openCount = 0
        openSentAtMillis = now.monotonicMillis
        effects.append(Self.message(open, identity))
    }

    private static func message(_ window: SketchWindow, _ identity: AgentIdentity) -> EdgeEffect {
        let message = SketchMessage(
            agent: identity.agent, storeID: identity.storeID, window: window)
        return .publishRetained(
            topic: identity.topics.sketch(message.slot, of: identity.agent),
            payload: message.payload)
    }
}
