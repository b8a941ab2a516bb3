import Evaluation
import SQLite

extension Registry {
    /// The schema that has gates.
    static let gatesSchema: Int64 = 4

    /// Adds what a gate said to the decision of a sequence number.
    func append(
        _ record: GateRecord, place: Int, of decision: Int64
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO promotion_gates (
                decision, place, gate, value, promoted, value_limit, bound, outcome, reason)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            """
        try change(sql) { statement in
            statement.bind(decision, at: 1)
            statement.bind(place, at: 2)
            statement.bind(record.gate.rawValue, at: 3)
            statement.bind(record.value, at: 4)
            statement.bind(record.promoted, at: 5)
            statement.bind(record.limit, at: 6)
            statement.bind(record.bound, at: 7)
            statement.bind(record.outcome.word, at: 8)
            statement.bind(record.outcome.reason, at: 9)
        }
    }

    /// What the gates said, by the decision's sequence number and in their order.
    func gatesByDecision() throws(RegistryError) -> [Int64: [GateRecord]] {
        guard version >= Self.gatesSchema else { return [:] }
        let sql = """
            SELECT decision, gate, value, promoted, value_limit, bound, outcome, reason
            FROM promotion_gates ORDER BY decision, place
            """
        let read = try rows(sql) { (statement) throws(RegistryError) in
            guard let gate = PromotionGate(rawValue: statement.text(at: 1)) else {
                throw .unknownWord(column: "promotion_gates.gate", word: statement.text(at: 1))
            }
            let word = statement.text(at: 6)
            guard let outcome = GateRecord.Outcome(word: word, reason: statement.text(at: 7)) else {
                throw .unknownWord(column: "promotion_gates.outcome", word: word)
            }
            return (
                decision: statement.int64(at: 0),
                record: GateRecord(
                    gate: gate, value: statement.doubleIfAny(at: 2),
                    promoted: statement.doubleIfAny(at: 3), limit: statement.doubleIfAny(at: 4),
                    bound: statement.doubleIfAny(at: 5), outcome: outcome)
            )
        }
        return Dictionary(grouping: read, by: \.decision).mapValues { $0.map(\.record) }
    }
}

extension Statement {
    /// Binds a number, or NULL for none.
    fileprivate func bind(_ value: Double?, at index: Int32) {
        if let value { bind(value, at: index) } else { bindNull(at: index) }
    }

    /// The column as a number; nil for NULL.
    fileprivate func doubleIfAny(at column: Int32) -> Double? {
        isNull(at: column) ? nil : double(at: column)
    }
}
