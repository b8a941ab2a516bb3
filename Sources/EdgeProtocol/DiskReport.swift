package import StrictJSON

/// How much of its disk budget a device uses, and what it had to release.
package struct DiskReport: Equatable, Sendable {
    /// Bytes of used pages, write-ahead log and ballast.
    package var used: Int64 = 0
    /// Bytes that all of it may take.
    package var budget: Int64 = 0
    /// Readings released after they were pulled.
    package var released: Int64 = 0
    /// Readings released although nobody had pulled them: these are lost to the back office.
    package var releasedUnpulled: Int64 = 0
    /// Refused payloads released to make room.
    package var quarantineReleased: Int64 = 0
    /// Days until nothing more is accepted, if nothing is pulled; `nil` without growth so far.
    package var daysToFull: Int64?
    /// Whether the last batch found no room, or room only at the price of readings not pulled.
    package var isFull = false
    /// Whether the reserve lies on the disk that lets rows be released when the disk is full.
    package var hasBallast = true

    package init() {}

    /// The object of the health message.
    package var json: JSON {
        [
            "used": .integer(used), "budget": .integer(budget), "released": .integer(released),
            "released_unpulled": .integer(releasedUnpulled),
            "quarantine_released": .integer(quarantineReleased),
            "days_to_full": daysToFull.map { .integer($0) } ?? .null, "full": .bool(isFull),
            "ballast": .bool(hasBallast),
        ]
    }
}
