package import StrictJSON

/// A damaged store that was set aside, and what its successor took over from it.
package struct SalvageReport: Equatable, Sendable {
    /// Name of the file that was set aside, in the data folder.
    package let setAside: String
    /// What was found damaged.
    package let reason: String
    /// When, in milliseconds since 1970 by the device's clock, which may be wrong.
    package let at: Int64
    /// Readings that the new store took over.
    package let readings: Int64
    /// Readings that could not be read; `nil` when the damage took the counters too.
    package let lost: Int64?

    package init(setAside: String, reason: String, at: Int64, readings: Int64, lost: Int64?) {
        self.setAside = setAside
        self.reason = reason
        self.at = at
        self.readings = readings
        self.lost = lost
    }

    /// The object of the health message.
    package var json: JSON {
        [
            "set_aside": .string(setAside), "reason": .string(reason), "at": .integer(at),
            "readings": .integer(readings), "lost": lost.map { .integer($0) } ?? .null,
        ]
    }
}
