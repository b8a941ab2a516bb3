import EdgeProtocol
import Prognostics
package import StrictJSON

extension FleetView {
    /// The rows for programs, and for the record of a night; `versions` are model versions by run.
    package func json(versions: [String: Int64], time: (Int64) -> String) -> JSON {
        func model(_ runID: String?) -> JSON {
            guard let runID else { return .null }
            return [
                "run_id": .string(runID),
                "version": versions[runID].map { .integer($0) } ?? .null,
            ]
        }
        return .array(
            rows.map { row in
                [
                    "agent": .string(row.name.description), "status": .string(row.presence),
                    "last_seen": row.lastSeenMillis.map { .string(time($0)) } ?? .null,
                    "program": row.program.map { .string($0) } ?? .null,
                    "target": model(row.target), "reported": model(row.reported),
                    "difference": row.difference.map { .string($0) } ?? .null,
                    "probation": .bool(row.isOnProbation),
                    "degraded": row.degradations.map { .bool(!$0.isEmpty) } ?? .null,
                    "degradations": .array((row.degradations ?? []).map { .string($0) }),
                    "days_to_full": row.daysToFull.map { .integer($0) } ?? .null,
                    "backlog": row.backlog.map { .integer($0) } ?? .null,
                    "unreadable": .array(row.misfits.map { .string($0) }),
                ]
            })
    }
}
