/// A reason to quarantine a payload: the publisher is at fault, nothing is applied.
package enum PayloadError: Error, Equatable {
    case unknownTopic
    case tooLarge(size: Int)
    case empty
    case columnCount(Int)
    /// A column of a row, counted from 1, that is not what belongs there.
    case column(number: Int, seen: String, expected: String)
    case unitMismatch(topic: String, payload: String)
    case json(String)
    case member(name: String, expected: String)
    /// What is wrong with an event's payload.
    case event(String)
    case tooManyEvents
    /// The same reading key arrived before with other values.
    case conflict(installation: Int32, cycle: Int32)
}

extension PayloadError: CustomStringConvertible {
    /// What was seen, against what was expected, then the publisher's next step.
    package var description: String {
        switch self {
        case .unknownTopic:
            "The topic carries no readings. Publish to 'readings' or 'engines/{unit}/readings'."
        case .tooLarge(let size):
            "The payload has \(size) bytes, the limit is \(ProtocolLimits.payloadSizeMax). "
                + "Publish one reading per message."
        case .empty: "The payload is empty. Publish a row of 26 columns or a JSON object."
        case .columnCount(let count):
            "The row has \(count) columns, 26 are expected: unit, cycle, 3 settings, 21 sensors."
        case .column(let number, let seen, let expected):
            "Column \(number) is '\(seen)', expected \(expected). Publish the row again, mended."
        case .unitMismatch(let topic, let payload):
            "The row names unit '\(payload)', its topic unit '\(topic)'. "
                + "Publish it to its own topic."
        case .json(let reason): "The payload is not a JSON object of a reading: \(reason)"
        case .member(let name, let expected):
            "Member '\(name)' is missing or wrong, expected \(expected). "
                + "Publish cycle, setting_1 to setting_3 and s1 to s21."
        case .event(let reason):
            "The payload is no engine event: \(reason) "
                + #"Publish {"event": "serviced", "cycle": 120}, or "removed", or "failed"."#
        case .tooManyEvents:
            "The unit's installation has \(ProtocolLimits.unitEventCountMax) events already. "
                + "Publish each event once."
        case .conflict(let installation, let cycle):
            "Cycle \(cycle) of installation \(installation) arrived before with other values. "
                + "The first reading stands; publish corrections under a cycle of their own."
        }
    }
}
