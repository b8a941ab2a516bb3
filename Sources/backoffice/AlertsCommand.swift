import ArgumentParser
import BackofficePipeline
import Fleet
import Registry
import StrictJSON

/// `backoffice alerts`: what an operator must act on.
struct AlertsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract: "Find what must be acted on, and tell a chat or an Alertmanager.",
        discussion: """
            A failed night, a held promotion, a halted or stalled rollout, an agent that is silent \
            or DEGRADED, an engine near its failure, drift. Each is told once, again after \
            --alert-repeat-hours, and when it is over. 'nightly' sends at its end; a timer may \
            send more often. A receiver that is down is told by the next run.

              backoffice alerts list --workspace W --fleet demo
              backoffice alerts test --workspace W --fleet demo \\
                --alertmanager-url http://127.0.0.1:9093
              backoffice alerts send --workspace W --fleet demo
            """,
        subcommands: [AlertsListCommand.self, AlertsSendCommand.self, AlertsTestCommand.self])
}

/// `backoffice alerts list`: what is wrong now.
struct AlertsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what must be acted on now; tell nobody.",
        discussion: """
            Changes nothing and waits for no other command.

              backoffice alerts list --workspace W --fleet demo --json
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var alerts: AlertOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let broker = try broker.broker()
            let request = try alerts.request()
            let workspace = try workspace.open(.look, for: "alerts list")
            let look = try AlertStep(
                workspace: workspace, broker: broker, request: request,
                nowMillis: WallClock.nowMillis(), progress: .standardError
            ).conditions()
            let books = try AlertStep.books(in: workspace, target: broker.target)
            try printResult(
                isJSON
                    ? AlertText.json(look.found, books).text : AlertText.table(look.found, books))
            for failure in look.failures { ProgressReport.standardError.step(failure) }
        }
    }
}

/// `backoffice alerts send`: tells each receiver what it does not know.
struct AlertsSendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Tell each receiver what is new, and what is over.",
        discussion: """
            Exit status: 0 done; 1 a receiver, or the broker, could not be reached; 75 another \
            command holds the workspace.

              backoffice alerts send --workspace W --fleet demo --dry-run
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var alerts: AlertOptions

    @Flag(help: "Print what is wrong now; tell nobody and change nothing.")
    var dryRun = false

    func run() throws {
        try reportingFailure {
            let broker = try broker.broker()
            let request = try alerts.request()
            let workspace = try workspace.open(dryRun ? .look : .change, for: "alerts send")
            let step = AlertStep(
                workspace: workspace, broker: broker, request: request,
                nowMillis: WallClock.nowMillis(), progress: .standardError)
            if dryRun {
                let look = try step.conditions()
                return try printResult(AlertText.table(look.found, []))
            }
            guard !request.receivers.isEmpty else { throw AlertError.noReceiver }
            let report = try step.send()
            try printResult(AlertText.lines(report))
            for failure in report.failures { ProgressReport.standardError.step(failure) }
            if !report.failures.isEmpty { throw ExitCode.failure }
        }
    }
}

/// `backoffice alerts test`: shows whether alerts arrive.
struct AlertsTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Send a test alert and its end to every receiver.",
        discussion: """
            Exit status: 0 every receiver has taken both; 1 one has not.

              backoffice alerts test --workspace W --fleet demo
            """)

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var alerts: AlertOptions

    func run() throws {
        try reportingFailure {
            let broker = try broker.broker()
            let request = try alerts.request()
            let workspace = try workspace.open(.change, for: "alerts test")
            let report = try AlertStep(
                workspace: workspace, broker: broker, request: request,
                nowMillis: WallClock.nowMillis(), progress: .standardError
            ).test()
            try printResult(AlertText.lines(report))
            for failure in report.failures { ProgressReport.standardError.step(failure) }
            if !report.failures.isEmpty { throw ExitCode.failure }
        }
    }
}

/// Alerts as people and programs read them.
enum AlertText {
    static func table(
        _ found: [AlertCondition], _ books: [(receiver: AlertReceiver.Kind, book: AlertBook)]
    ) -> String {
        let told = books.map { "\($0.receiver.rawValue) knows of \($0.book.firing.count)" }
        guard !found.isEmpty else {
            return (["nothing to act on"] + told).joined(separator: "\n")
        }
        let rows = found.map { condition in
            [
                condition.severity.rawValue, condition.rule.rawValue, condition.subject,
                condition.summary,
            ]
        }
        let table = TextTable.columns([["severity", "alert", "subject", "summary"]] + rows)
        return ([table] + told).joined(separator: "\n")
    }

    static func json(
        _ found: [AlertCondition], _ books: [(receiver: AlertReceiver.Kind, book: AlertBook)]
    ) -> JSON {
        [
            "alerts": .array(
                found.map { condition in
                    [
                        "alert": .string(condition.rule.rawValue),
                        "subject": .string(condition.subject),
                        "severity": .string(condition.severity.rawValue),
                        "summary": .string(condition.summary),
                    ]
                }),
            "receivers": .object(
                books.map { receiver, book in
                    JSON.Member(
                        key: receiver.rawValue,
                        value: .array(book.firing.map { .string($0.condition.key) }))
                }),
        ]
    }

    /// What a run told whom.
    static func lines(_ report: AlertStep.Report) -> String {
        let lines = report.delivered.flatMap { receiver, notices in
            notices.map { notice in
                "\(receiver): \(notice.isResolved ? "resolved" : "firing") "
                    + "\(notice.condition.key)"
            }
        }
        return lines.isEmpty ? "nothing new to tell" : lines.joined(separator: "\n")
    }
}
