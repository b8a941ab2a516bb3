import ArgumentParser
import BackofficePipeline
import Fleet

/// Who is told of what, and how often.
struct AlertOptions: ParsableArguments {
    @Option(
        help: .setting(
            "ALERT_WEBHOOK",
            "The address of a webhook in Slack's format; prefer the environment, which 'ps' does "
                + "not show."))
    var alertWebhook: String?

    @Option(
        help: .setting(
            "ALERTMANAGER_URL", "The address of a Prometheus Alertmanager, like http://host:9093."))
    var alertmanagerUrl: String?

    @Option(
        help: .setting(
            "ALERT_RUL",
            "Predicted flight cycles, 0 to 125, at which an engine is near its failure; over again "
                + "at 10 more.",
            default: "30"))
    var alertRul: Double?

    @Option(
        help: .setting(
            "ALERT_SILENT_HOURS", "Hours, 1 to 8760, without an agent before it is silent.",
            default: "24"))
    var alertSilentHours: Int64?

    @Option(
        help: .setting(
            "ALERT_STALLED_HOURS",
            "Hours, 1 to 8760, of one stage before a rollout is stalled.", default: "72"))
    var alertStalledHours: Int64?

    @Option(
        help: .setting(
            "ALERT_REPEAT_HOURS", "Hours, 1 to 8760, after which an alert is told again.",
            default: "24"))
    var alertRepeatHours: Int64?

    @Option(
        help: .setting(
            "ALERT_RATE", "Most notices to a receiver within an hour, 1 to 1000; others wait.",
            default: "20"))
    var alertRate: Int?

    /// The request, wherever its parts were named.
    func request() throws -> AlertStep.Request {
        func value<Value: Comparable & ExpressibleByArgument>(
            _ option: Value?, _ key: String, _ fallback: Value, _ range: ClosedRange<Value>
        ) throws -> Value {
            let value = try Setting.optional(option, key) ?? fallback
            guard range.contains(value) else {
                throw ValidationError(
                    "\(key) is \(value), expected \(range.lowerBound) to \(range.upperBound).")
            }
            return value
        }
        let hour: Int64 = 3_600_000
        var rules = AlertRules()
        rules.rulMax = try value(alertRul, "ALERT_RUL", rules.rulMax, 0...125)
        rules.silentMillis =
            try value(alertSilentHours, "ALERT_SILENT_HOURS", 24, 1...8_760) * hour
        rules.stalledMillis =
            try value(alertStalledHours, "ALERT_STALLED_HOURS", 72, 1...8_760) * hour
        var pace = AlertBook.Pace()
        pace.repeatMillis = try value(alertRepeatHours, "ALERT_REPEAT_HOURS", 24, 1...8_760) * hour
        pace.countMax = try value(alertRate, "ALERT_RATE", pace.countMax, 1...1_000)
        return AlertStep.Request(receivers: try receivers(), rules: rules, pace: pace)
    }

    private func receivers() throws -> [AlertReceiver] {
        let named: [(AlertReceiver.Kind, String, String?)] = [
            (.webhook, "ALERT_WEBHOOK", try Setting.optional(alertWebhook, "ALERT_WEBHOOK")),
            (
                .alertmanager, "ALERTMANAGER_URL",
                try Setting.optional(alertmanagerUrl, "ALERTMANAGER_URL")
            ),
        ]
        return try named.compactMap { kind, key, url in
            guard let url else { return nil }
            guard let receiver = AlertReceiver(kind, url: url) else {
                // The webhook's address is a secret: it is not repeated.
                throw ValidationError(
                    "\(key) is no address that begins with http:// or https://. Correct it.")
            }
            return receiver
        }
    }
}
