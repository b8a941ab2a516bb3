import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

/// What several suites need: one reading in both forms, one offer, one log entry.
enum Fixture {
    /// The 24 measurements as a sensor writes them.
    static let measurements = [
        "0.0023", "-0.0003", "100.0", "518.67", "642.35", "1587.99", "1404.2", "14.62", "21.61",
        "553.75", "2388.04", "9044.07", "1.3", "47.49", "521.66", "2388.08", "8131.49", "8.4318",
        "0.03", "392", "2388", "100.00", "39.00", "23.4190",
    ]
    /// Printed by Python's `struct.pack("<i24f", 12, ...).hex()` over the measurements.
    static let canonicalHex = """
        0c00000099bb163b52499db90000c842e1aa014466962044ae7fc6446686af4485eb6941\
        48e1ac4100700a44a440154548500d466666a63fc3f53d423d6a024448411545ec1bfe45\
        a7e806418fc2f53c0000c443004015450000c84200001c421d5abb41
        """

    static func unit(_ text: String = "7") throws -> UnitIdentifier {
        try #require(UnitIdentifier(text))
    }

    static func row(unit: String = "7", cycle: String = "12") -> String {
        ([unit, cycle] + measurements).joined(separator: " ")
    }

    /// The same reading as a JSON object; a changed or left-out member makes it another one.
    static func object(changing changes: [String: String?] = [:]) -> String {
        var members = [("cycle", "12")]
        members += zip(ReadingDecoder.memberNames, measurements).map { ($0, $1) }
        for (key, value) in changes where !members.contains(where: { $0.0 == key }) {
            if let value { members.append((key, value)) }
        }
        let texts = members.compactMap { key, value -> String? in
            guard let change = changes[key] else { return "\"\(key)\": \(value)" }
            return change.map { "\"\(key)\": \($0)" }
        }
        return "{" + texts.joined(separator: ", ") + "}"
    }

    static func decode(
        _ text: String, unit: String? = "7"
    ) throws(PayloadError) -> Reading {
        try decode(Array(text.utf8), unit: unit)
    }

    static func decode(
        _ bytes: [UInt8], unit: String? = "7"
    ) throws(PayloadError) -> Reading {
        let route = unit.map { UnitIdentifier($0).map(Topics.Route.unitReadings) } ?? .readings
        return try ReadingDecoder.decode(bytes.span, from: route)
    }

    static func digest(_ byte: UInt8 = 0xAB) throws -> Digest {
        try #require(Digest(bytes: [UInt8](repeating: byte, count: 32)))
    }

    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    /// The top-level members of a JSON payload.
    static func reader(_ payload: [UInt8]) throws -> JSONReader {
        try JSONReader(parsing: payload)
    }
}
