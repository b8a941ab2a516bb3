import EdgeProtocol
import Evaluation
import Fleet
import Registry
import StrictJSON

/// What a night leaves on record beside its models: how it ended, and what its fleet was then.
struct NightEnd {
    let workspace: Workspace
    let broker: FleetBroker
    let alerts: AlertStep.Request?
    let progress: ProgressReport

    /// Records how a night ended with the fleet as it is, then tells who is to be told.
    ///
    /// Nothing here fails a night: what could not be done is said, and done by the next one.
    func write(
        _ night: Int64, _ outcome: NightRecord.Outcome, detail: String
    ) {
        let nowMillis = WallClock.nowMillis()
        do {
            try workspace.registry.endNight(
                night, outcome: outcome, detail: detail, fleet: fleet(nowMillis),
                timeMillis: nowMillis)
            guard let alerts, !alerts.receivers.isEmpty else { return }
            let report = try AlertStep(
                workspace: workspace, broker: broker, request: alerts, nowMillis: nowMillis,
                progress: progress
            ).send()
            for failure in report.failures { progress.step("Alerts: \(failure)") }
            for (receiver, notices) in report.delivered {
                progress.step("Told the \(receiver) of \(notices.count) alert(s)")
            }
        } catch {
            progress.step("The night's end was not put on record or not told: \(error)")
        }
    }

    /// The fleet as JSON text; empty when the broker cannot be asked.
    private func fleet(_ nowMillis: Int64) -> String {
        let step = FleetStep(workspace: workspace, broker: broker, nowMillis: nowMillis)
        do {
            let look = try step.look()
            try step.remember(look.agents)
            return look.view.json(versions: look.versions, time: WallClock.text).text
        } catch {
            progress.step("The fleet was not looked at: \(error)")
            return ""
        }
    }
}

extension NightlyStep.Report {
    /// How the night ended, and why.
    var end: (outcome: NightRecord.Outcome, detail: String) {
        if isHeld { return (.held, failures.joined(separator: " ")) }
        if !failures.isEmpty { return (.failed, failures.joined(separator: " ")) }
        if let decision, case .hold = decision {
            return (.held, decision.reasons.joined(separator: " "))
        }
        return (.done, "")
    }
}
