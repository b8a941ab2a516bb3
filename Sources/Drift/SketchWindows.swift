package import Features
package import Prognostics

/// A sketch of the readings that one model scored within a stretch of the device's log.
package struct SketchWindow: Equatable, Sendable {
    /// The stretch's number: its log sequences divided by ``SketchWindows/rowCount``.
    package let number: Int64
    /// The run whose model scored the readings.
    package let runID: String
    /// What the readings said.
    package var sketch: ReadingSketch

    package init(number: Int64, runID: String, sketch: ReadingSketch) {
        self.number = number
        self.runID = runID
        self.sketch = sketch
    }
}

/// The newest windows of a device: a window ends where its stretch of the log does.
///
/// Windows are counted in log rows, not in hours: each then says about as much as another, and a
/// device needs no clock. Another model starts the open window over, because a sketch is of one
/// model's scaler.
package struct SketchWindows: Equatable, Sendable {
    /// Log rows of a window.
    package static let rowCount: Int64 = 512
    /// Windows that are kept, the open one included.
    package static let windowCountMax = 6

    /// The windows, oldest first; the last one is open.
    package private(set) var windows: [SketchWindow] = []

    package init() {}

    /// Takes in a scored reading at a log sequence.
    ///
    /// - Returns: Whether this closed the window before.
    @discardableResult
    package mutating func add(
        _ snapshot: Snapshot, of unit: UnitIdentifier, sequence: Int64, repeats: SensorRepeats,
        prediction: Prediction, runID: String, parameters: FeatureParameters
    ) -> Bool {
        let number = sequence / Self.rowCount
        var hasClosed = false
        if windows.isEmpty || windows[windows.count - 1].number != number
            || windows[windows.count - 1].runID != runID
        {
            hasClosed = open(number, runID, regimeCount: parameters.regimeCount)
        }
        windows[windows.count - 1].sketch.add(
            snapshot, of: unit, repeats: repeats, prediction: prediction, using: parameters)
        return hasClosed
    }

    private mutating func open(_ number: Int64, _ runID: String, regimeCount: Int) -> Bool {
        var hasClosed = false
        if let last = windows.last {
            // What another model scored in the same stretch has no slot of its own.
            if last.number == number { windows.removeLast() } else { hasClosed = true }
        }
        if windows.count == Self.windowCountMax { windows.removeFirst() }
        windows.append(
            SketchWindow(
                number: number, runID: runID, sketch: ReadingSketch(regimeCount: regimeCount)))
        return hasClosed
    }
}
