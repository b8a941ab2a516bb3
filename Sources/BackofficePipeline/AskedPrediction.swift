package import EdgeProtocol
import Prognostics
import StrictJSON

/// The prediction that is to be explained: by its reading, or by the message that was published.
package struct AskedPrediction: Equatable, Sendable {
    package let key: ReadingKey
    /// Whose unit it is; nil for any fleet.
    package let fleet: String?
    /// The run whose model made it; nil for that of the log.
    let runID: String?
    /// What was said; nil for the log's word.
    let said: ExplainStep.Figures?

    /// Reads `unit/installation/cycle`; nil for anything else.
    package init?(key text: String, fleet: String?) {
        let levels = text.split(separator: "/", omittingEmptySubsequences: false)
        guard levels.count == 3, let unit = UnitIdentifier(String(levels[0])),
            let installation = Int32(levels[1]), installation >= 1,
            let cycle = Int32(levels[2]).flatMap({ CycleCount($0) })
        else { return nil }
        key = ReadingKey(unit: unit, installation: installation, cycle: cycle)
        self.fleet = fleet
        runID = nil
        said = nil
    }

    /// Reads a prediction as an agent publishes it.
    package init(message: [UInt8], fleet: String?) throws(BackofficeError) {
        let limits = JSONLimits(sizeMax: ProtocolLimits.payloadSizeMax, depthMax: 4)
        do throws(JSONError) {
            let reader = try JSONReader(parsing: message, limits: limits)
            guard let unit = UnitIdentifier(try reader.string("unit")) else {
                throw try reader.wrong("unit", "1 to 64 of [A-Za-z0-9._-]")
            }
            let cycle = try reader.integer("cycle", in: 1...Int64(CycleCount.limit))
            let installation = try reader.integer("installation", in: 1...Int64(Int32.max))
            guard let count = CycleCount(Int32(cycle)),
                let flags = PredictionFlags(names: try reader.strings("flags"))
            else { throw try reader.wrong("flags", "known flags in their order") }
            key = ReadingKey(unit: unit, installation: Int32(installation), cycle: count)
            runID = try reader.string("run_id")
            said = ExplainStep.Figures(
                rul: try reader.float("rul"), rulLow: try reader.float("rul_low"),
                rulHigh: try reader.float("rul_high"),
                probability: try reader.float("failure_probability"), flags: flags)
        } catch {
            throw .notExplained("the message", reason: "it is no prediction: \(error)")
        }
        self.fleet = fleet
    }
}
