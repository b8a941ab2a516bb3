import Fleet
import Prognostics
import StrictJSON
import Testing

/// Asks whether a receiver is told what is wrong once, again after a while, and that it is over.
@Suite("Alerts")
struct AlertBookTests {
    static let hour: Int64 = 3_600_000

    static func condition(
        _ subject: String, _ severity: AlertCondition.Severity = .critical, onlyHolds: Bool = false
    ) -> AlertCondition {
        AlertCondition(
            rule: .agentSilent, subject: subject, severity: severity, summary: "It is silent.",
            onlyHolds: onlyHolds)
    }

    /// A book whose receiver takes everything.
    struct Receiver {
        var book = AlertBook()
        var pace = AlertBook.Pace()

        /// What the receiver gets at one look: `+` for firing, `-` for over.
        mutating func look(
            _ conditions: [AlertCondition], at hours: Double,
            unknown: Set<AlertCondition.Rule> = [], isUp: Bool = true
        ) throws -> [String] {
            let now = Int64(hours * 3_600_000)
            // Each look reads what the last one kept.
            book = try AlertBook(json: JSON.parse(Array(book.json.text.utf8), limits: .standard))
            let due = book.update(conditions, unknown: unknown, nowMillis: now, pace: pace)
            if isUp { book.delivered(due.notices, nowMillis: now) }
            return due.notices.map { ($0.isResolved ? "-" : "+") + $0.condition.subject }
        }
    }

    @Test("An alert is told once, again after the interval, and when it is over")
    func life() throws {
        var receiver = Receiver()
        let (a, b) = (Self.condition("a"), Self.condition("b"))
        #expect(try receiver.look([a], at: 0) == ["+a"])
        #expect(try receiver.look([a, a], at: 1) == [])
        #expect(try receiver.look([a, b], at: 2) == ["+b"])
        #expect(try receiver.look([a, b], at: 24) == ["+a"])
        #expect(try receiver.look([b], at: 25) == ["-a"])
        #expect(try receiver.look([b], at: 25.5) == [])
        #expect(try receiver.look([], at: 26) == ["-b"])
        #expect(try receiver.look([], at: 99) == [])
        #expect(receiver.book == AlertBook() || receiver.book.firing.isEmpty)
    }

    @Test("What a receiver that is down was not told is told later; what it never heard of is not")
    func down() throws {
        var receiver = Receiver()
        let (a, b) = (Self.condition("a"), Self.condition("b"))
        #expect(try receiver.look([a, b], at: 0, isUp: false) == ["+a", "+b"])
        #expect(try receiver.look([a], at: 1) == ["+a"], "b came and went unheard")
        #expect(try receiver.look([], at: 2, isUp: false) == ["-a"])
        #expect(try receiver.look([], at: 3) == ["-a"])
        #expect(try receiver.look([], at: 4) == [])
    }

    @Test("An alert that comes back before its end was told goes on")
    func flap() throws {
        var receiver = Receiver()
        let a = Self.condition("a")
        #expect(try receiver.look([a], at: 0) == ["+a"])
        #expect(try receiver.look([], at: 1, isUp: false) == ["-a"])
        #expect(try receiver.look([a], at: 2) == [])
        #expect(try receiver.look([], at: 3) == ["-a"])
    }

    @Test("What only holds keeps an alert and begins none")
    func hysteresis() throws {
        var receiver = Receiver()
        let (above, below) = (Self.condition("a", onlyHolds: true), Self.condition("a"))
        #expect(try receiver.look([above], at: 0) == [])
        #expect(try receiver.look([below], at: 1) == ["+a"])
        #expect(try receiver.look([above], at: 2) == [])
        #expect(try receiver.look([], at: 3, isUp: false) == ["-a"])
        #expect(try receiver.look([above], at: 4) == ["-a"])
    }

    @Test("Where nothing is known, nothing is over")
    func unknown() throws {
        var receiver = Receiver()
        #expect(try receiver.look([Self.condition("a")], at: 0) == ["+a"])
        #expect(try receiver.look([], at: 1, unknown: [.agentSilent]) == [])
        #expect(try receiver.look([], at: 2) == ["-a"])
    }

    @Test("Within an hour no more than the pace allows are told, the worst first, the rest later")
    func rate() throws {
        var receiver = Receiver()
        receiver.pace.countMax = 5
        let flood = (0..<12).map { Self.condition("a\($0 + 10)", $0 < 9 ? .warning : .critical) }
        var told = try receiver.look(flood, at: 0)
        #expect(told == ["+a19", "+a20", "+a21", "+a10", "+a11"])
        #expect(try receiver.look(flood, at: 0.5) == [])
        told += try receiver.look(flood, at: 1)
        told += try receiver.look(flood, at: 2)
        #expect(Set(told).count == 12 && told.count == 12)
    }

    @Test("A clock that was set back silences nothing for longer than the interval")
    func clock() throws {
        var receiver = Receiver()
        let a = Self.condition("a")
        #expect(try receiver.look([a], at: 100) == ["+a"])
        #expect(try receiver.look([a], at: 1) == ["+a"])
        #expect(try receiver.look([a], at: 2) == [])
    }

    @Test("A thousand looks at random conditions tell each beginning and each end in turn")
    func random() throws {
        var generator = SeededGenerator(seed: 7)
        var receiver = Receiver()
        receiver.pace.countMax = 1_000
        receiver.pace.repeatMillis = .max
        var firing: Set<String> = []
        for step in 0..<1_000 {
            let now = (0..<6).filter { _ in Bool.random(using: &generator) }.map { "s\($0)" }
            let isUp = Int.random(in: 0..<4, using: &generator) > 0
            let told = try receiver.look(
                now.map { Self.condition($0) }, at: Double(step) / 10, isUp: isUp)
            guard isUp else { continue }
            for line in told {
                let subject = String(line.dropFirst())
                if line.hasPrefix("+") {
                    #expect(firing.insert(subject).inserted, "\(subject) was told twice")
                } else {
                    #expect(firing.remove(subject) != nil, "\(subject) ends before it began")
                }
            }
            #expect(firing == Set(now))
        }
    }
}
