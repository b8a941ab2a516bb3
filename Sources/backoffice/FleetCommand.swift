import ArgumentParser
import BackofficePipeline
import Fleet
import Prognostics
import Registry
import StrictJSON

/// `backoffice fleet`: every agent with what it shall run and what it runs.
struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "List the fleet's agents: target and reported model, health, disk, backlog.",
        discussion: """
            Reads what the broker holds retained, beside any other command. An agent that the \
            registry knows and the broker does not is listed as absent. 'seen' is when the back \
            office saw it online last; 'backlog' are log entries that were not pulled yet.

              backoffice fleet --workspace W --broker-host 127.0.0.1 --broker-port 1883 --fleet demo
              backoffice fleet --workspace W --fleet demo --json
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let broker = try broker.broker()
            let workspace = try workspace.open(.look, for: "fleet")
            let report = try FleetStep(
                workspace: workspace, broker: broker, nowMillis: WallClock.nowMillis()
            ).look()
            try printResult(isJSON ? FleetText.json(report).text : FleetText.table(report))
        }
    }
}

/// A fleet as people and programs read it.
enum FleetText {
    static func table(_ report: FleetStep.Report) -> String {
        let rows = report.view.rows
        guard !rows.isEmpty else { return "no agents yet" }
        let cells = rows.map { row in
            [
                row.name.description, row.presence, row.lastSeenMillis.map(WallClock.text) ?? "-",
                version(row.reported, report) + (row.isOnProbation ? " on probation" : ""),
                version(row.target, report) + (row.difference == nil ? "" : " !"),
                row.degradations.map { $0.isEmpty ? "OK" : "DEGRADED" } ?? "-",
                row.daysToFull.map(String.init) ?? "-", row.backlog.map(String.init) ?? "-",
            ]
        }
        let head = [
            "agent", "status", "seen", "runs", "target", "health", "days to full", "backlog",
        ]
        let remarks = rows.flatMap { row in
            ([row.difference.map { "does not run its target: \($0)" }].compactMap(\.self)
                + (row.degradations ?? []).map { "DEGRADED: \($0)" } + row.misfits)
                .map { "\(row.name): \($0)" }
        }
        return ([TextTable.columns([head] + cells)] + remarks).joined(separator: "\n")
    }

    static func json(_ report: FleetStep.Report) -> JSON {
        report.view.json(versions: report.versions, time: WallClock.text)
    }

    private static func version(_ runID: String?, _ report: FleetStep.Report) -> String {
        guard let runID else { return "-" }
        return report.versions[runID].map { "version \($0)" } ?? "run \(runID.prefix(16))"
    }
}
