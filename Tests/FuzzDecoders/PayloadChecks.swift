import Drift
import EdgeProtocol
import Prognostics
import StrictJSON

/// Messages that a broker delivers.
enum PayloadChecks {
    /// The longest reason that may be stored with a refused payload, in bytes.
    private static let reasonSizeMax = 1_024

    /// The unit whose topic carries the payloads.
    static let unit: UnitIdentifier = {
        guard let unit = UnitIdentifier("7") else { preconditionFailure("7 is a unit") }
        return unit
    }()

    static func row(_ bytes: [UInt8]) throws(BrokenPromise) {
        try reading(bytes, from: .readings)
    }

    static func reading(_ bytes: [UInt8]) throws(BrokenPromise) {
        try reading(bytes, from: .unitReadings(unit))
    }

    private static func reading(
        _ bytes: [UInt8], from route: Topics.Route
    ) throws(BrokenPromise) {
        let reading: Reading
        do throws(PayloadError) {
            reading = try ReadingDecoder.decode(bytes.span, from: route)
        } catch {
            try BrokenPromise.unless(
                error.description.utf8.count <= reasonSizeMax, "a reason is short")
            return
        }
        let snapshot = reading.snapshot
        try StoreChecks.check(snapshot)
        var row = "\(reading.unit) \(snapshot.cycle)"
        for index in 0..<Snapshot.columnCount { row += " \(snapshot.columns[index])" }
        let object = JSON.object(snapshot.members).bytes
        for (payload, route) in [
            (Array(row.utf8), .readings), (object, Topics.Route.unitReadings(reading.unit)),
        ] {
            let again = try? ReadingDecoder.decode(payload.span, from: route)
            try BrokenPromise.unless(again == reading, "a reading that is written again is itself")
        }
    }

    static func event(_ bytes: [UInt8]) throws(BrokenPromise) {
        let event: EngineEvent
        do throws(PayloadError) {
            event = try EngineEvent(payload: bytes.span, unit: unit)
        } catch {
            try BrokenPromise.unless(
                error.description.utf8.count <= reasonSizeMax, "a reason is short")
            return
        }
        let again = try? EngineEvent(payload: event.payload.span, unit: unit)
        try BrokenPromise.unless(again == event, "an event that is written again is itself")
    }

    /// Names of two fleets; `K` is a letter that another character is canonically equivalent to.
    private static let topics: [Topics] = ["FD001", "K"].compactMap { name in
        UnitIdentifier(name).flatMap { Topics(fleet: $0) }
    }

    static func topic(_ bytes: [UInt8]) throws(BrokenPromise) {
        let name = String(decoding: bytes, as: UTF8.self)
        for topics in topics {
            let route = topics.route(name)
            if let route {
                try BrokenPromise.unless(
                    topic(of: route, topics).utf8.elementsEqual(name.utf8),
                    "a route says the whole topic")
            }
            guard topics.isResponse(name) else { continue }
            try BrokenPromise.unless(
                route == nil && !name.isEmpty && !bytes.contains(UInt8(ascii: "#"))
                    && !bytes.contains(UInt8(ascii: "+")),
                "an answer goes to a plain topic that is none of ours")
        }
    }

    private static func topic(of route: Topics.Route, _ topics: Topics) -> String {
        switch route {
        case .readings: topics.readings
        case .unitReadings(let unit): topics.readings(of: unit)
        case .unitEvents(let unit): topics.events(of: unit)
        case .predictions(let unit): topics.predictions(of: unit)
        case .selectedModel: topics.selectedModel
        case .candidateModel: topics.candidateModel
        case .block(let bundle, let index): topics.block(index, of: bundle)
        case .logRequest(let agent): topics.logRequests(to: agent)
        case .status(let agent): topics.status(of: agent)
        case .sketch(let agent, let slot): topics.sketch(slot, of: agent)
        }
    }

    static func logRequest(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let request = try BrokenPromise.unlessRefused(
                JSONError.self, { try LogRequest(payload: bytes) })
        else { return }
        try BrokenPromise.unless(
            request.after >= 0 && (1...ProtocolLimits.pageEntryCountMax).contains(request.limit),
            "a request's numbers are in range")
        try BrokenPromise.unless(
            (try? LogRequest(payload: request.payload)) == request,
            "a request that is written again is itself")
    }

    static func logPage(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let page = try BrokenPromise.unlessRefused(
                JSONError.self, { try LogPage(lines: bytes) })
        else { return }
        try BrokenPromise.unless(
            page.header.count == page.entryLines.count && page.header.after >= 0
                && page.header.through >= page.header.after,
            "a page has the lines that its header says")
        var lines = LogPage.lines(page.header, [])
        for line in page.entryLines { lines += line + [UInt8(ascii: "\n")] }
        try BrokenPromise.unless(
            (try? LogPage(lines: lines)) == page, "a page that is written again is itself")
    }

    static func sketch(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let message = try BrokenPromise.unlessRefused(
                JSONError.self, { try SketchMessage(payload: bytes) })
        else { return }
        let sketch = message.window.sketch
        try BrokenPromise.unless(
            message.payload.count <= ProtocolLimits.sketchSizeMax
                && (try? SketchMessage(payload: message.payload)) == message,
            "a sketch that is written again is itself")
        var twice = sketch
        twice.merge(sketch)
        try BrokenPromise.unless(
            twice.readingCount == 2 * sketch.readingCount && twice.engines == sketch.engines,
            "a sketch that was accepted can be merged")
    }

    static func status(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let storeID = StatusMessage.storeID(presentIn: bytes) else { return }
        try BrokenPromise.unless(
            storeID.utf8.count <= ProtocolLimits.payloadSizeMax, "a store's name is short")
    }
}
