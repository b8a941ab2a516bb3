import Curl
import Fleet
import StrictJSON

/// Somebody who is told of alerts by HTTP.
package struct AlertReceiver: Equatable, Sendable {
    /// How a receiver wants to be told.
    package enum Kind: String, CaseIterable, Sendable {
        /// An incoming webhook in Slack's format: `{"text": …}`.
        case webhook
        /// Prometheus' Alertmanager, API version 2.
        case alertmanager
    }

    /// Seconds that a receiver may take: alerts are small, and a night waits for it.
    private static let secondsMax = 20

    package let kind: Kind
    /// The webhook's own address, which is a secret; Alertmanager's without `/api/v2/alerts`.
    private let url: String

    /// Takes an address; nil unless it begins with `http://` or `https://`.
    package init?(_ kind: Kind, url: String) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.count <= 2_048,
            url.utf8.allSatisfy({ (33...126).contains($0) })
        else { return nil }
        self.kind = kind
        self.url = String(url.reversed().drop { $0 == "/" }.reversed())
    }

    /// Tells notices in one message.
    /// - Throws: `AlertError` unless the receiver says that it has taken them.
    func tell(
        _ notices: [AlertBook.Notice], waiting: Int, fleet: String, nowMillis: Int64,
        repeatMillis: Int64
    ) throws(AlertError) {
        let body: JSON
        let address: String
        switch kind {
        case .webhook:
            (body, address) = (Self.chat(notices, waiting: waiting, fleet: fleet), url)
        case .alertmanager:
            body = Self.alerts(
                notices, fleet: fleet, nowMillis: nowMillis, repeatMillis: repeatMillis)
            address = url + "/api/v2/alerts"
        }
        var options = HTTPClient.Options()
        options.secondsMax = Self.secondsMax
        let answer: HTTPAnswer
        do {
            answer = try HTTPClient(options).send(
                HTTPRequest(
                    method: "POST", url: address,
                    headers: [("Content-Type", "application/json")], body: body.bytes))
        } catch {
            throw .unreachable(receiver: kind.rawValue, reason: error.description)
        }
        guard (200..<300).contains(answer.status) else {
            let words = String(decoding: answer.body.prefix(200), as: UTF8.self)
            throw .refused(receiver: kind.rawValue, status: answer.status, words: words)
        }
    }

    /// A chat message: a line for each notice, the worst first.
    ///
    /// Slack's text has three characters of its own ("Formatting text for app surfaces").
    static func chat(_ notices: [AlertBook.Notice], waiting: Int, fleet: String) -> JSON {
        func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
                .replacing(">", with: "&gt;")
        }
        var lines = notices.map { notice in
            let condition = notice.condition
            let head = notice.isResolved ? "RESOLVED" : condition.severity.rawValue.uppercased()
            return "*\(head)* \(condition.rule.rawValue), \(escaped(condition.subject)), fleet "
                + "\(escaped(fleet)): \(escaped(condition.summary))"
        }
        if waiting > 0 {
            lines.append("\(waiting) more wait for the next message; 'backoffice alerts list'.")
        }
        return ["text": .string(lines.joined(separator: "\n"))]
    }

    /// Alertmanager's `postableAlerts`.
    ///
    /// It forgets an alert whose end has passed, so one that is firing ends two repeats from now:
    /// a back office that is dead for longer shows as an alert that ended.
    static func alerts(
        _ notices: [AlertBook.Notice], fleet: String, nowMillis: Int64, repeatMillis: Int64
    ) -> JSON {
        .array(
            notices.map { notice in
                let condition = notice.condition
                let endMillis = notice.isResolved ? nowMillis : nowMillis + 2 * repeatMillis
                return [
                    "labels": [
                        "alertname": .string("Nacelle\(condition.rule.rawValue)"),
                        "severity": .string(condition.severity.rawValue),
                        "fleet": .string(fleet), "subject": .string(condition.subject),
                    ],
                    "annotations": ["summary": .string(condition.summary)],
                    "startsAt": .string(WallClock.text(notice.sinceMillis)),
                    "endsAt": .string(WallClock.text(endMillis)),
                ]
            })
    }
}

/// A reason why a receiver has not taken alerts.
package enum AlertError: Error, Equatable, CustomStringConvertible {
    case unreachable(receiver: String, reason: String)
    case refused(receiver: String, status: Int, words: String)
    /// What a receiver was told cannot be read.
    case damaged(receiver: String, reason: String)
    /// Nobody is to be told.
    case noReceiver

    package var description: String {
        switch self {
        case .unreachable(let receiver, let reason):
            "The \(receiver) cannot be reached: \(reason). Its alerts are sent with the next run; "
                + "check its address."
        case .refused(let receiver, let status, let words):
            "The \(receiver) answered \(status): \(words). Its alerts are sent with the next run; "
                + "check its address."
        case .damaged(let receiver, let reason):
            "What the \(receiver) was told cannot be read: \(reason) Restore the registry from a "
                + "copy."
        case .noReceiver:
            "No receiver of alerts is configured. Set ALERT_WEBHOOK or ALERTMANAGER_URL."
        }
    }
}
