import EdgeProtocol
import Prognostics
import Testing

@Suite("Topics")
struct TopicsTests {
    let topics: Topics
    let unit: UnitIdentifier
    let agent: UnitIdentifier
    let digest: Digest

    init() throws {
        let fleet = try #require(UnitIdentifier("FD001"))
        topics = try #require(Topics(fleet: fleet))
        unit = try #require(UnitIdentifier("engine-7"))
        agent = try #require(UnitIdentifier("edge-1"))
        digest = try #require(Digest(hex: String(repeating: "0a", count: 32)))
    }

    @Test("Topics have the names that other programs rely on")
    func names() {
        let hex = String(repeating: "0a", count: 32)
        #expect(topics.readings == "turbofan/v1/FD001/readings")
        #expect(topics.readings(of: unit) == "turbofan/v1/FD001/engines/engine-7/readings")
        #expect(topics.unitReadingsFilter == "turbofan/v1/FD001/engines/+/readings")
        #expect(topics.predictions(of: unit) == "turbofan/v1/FD001/engines/engine-7/predictions")
        #expect(topics.status(of: agent) == "turbofan/v1/FD001/agents/edge-1/status")
        #expect(topics.health(of: agent) == "turbofan/v1/FD001/agents/edge-1/health")
        #expect(topics.model(of: agent) == "turbofan/v1/FD001/agents/edge-1/model")
        #expect(topics.logRequests(to: agent) == "turbofan/v1/FD001/agents/edge-1/logs/request")
        #expect(topics.selectedModel == "turbofan/v1/FD001/models/selected")
        #expect(topics.candidateModel == "turbofan/v1/FD001/models/candidate")
        #expect(topics.block(15, of: digest) == "turbofan/v1/FD001/models/\(hex)/blocks/15")
        #expect(topics.trainingData == "turbofan/v1/FD001/pipeline/training-data")
        #expect(topics.modelTraining == "turbofan/v1/FD001/pipeline/model-training")
    }

    @Test("Every topic that is built routes back to what it was built for")
    func roundTrip() {
        #expect(topics.route(topics.readings) == .readings)
        #expect(topics.route(topics.readings(of: unit)) == .unitReadings(unit))
        #expect(topics.route(topics.events(of: unit)) == .unitEvents(unit))
        #expect(topics.route(topics.predictions(of: unit)) == .predictions(unit))
        #expect(topics.route(topics.status(of: agent)) == .status(agent: agent))
        #expect(topics.route(topics.logRequests(to: agent)) == .logRequest(agent: agent))
        #expect(topics.route(topics.selectedModel) == .selectedModel)
        #expect(topics.route(topics.candidateModel) == .candidateModel)
        for index in [0, 15, ProtocolLimits.blockCountMax - 1] {
            #expect(
                topics.route(topics.block(index, of: digest))
                    == .block(bundle: digest, index: index))
        }
    }

    @Test(
        "A name that is not ours, or only resembles one of ours, has no route",
        arguments: [
            "", "/", "readings", "turbofan/v1/FD001", "turbofan/v1/FD001/",
            "turbofan/v1/FD001/reading", "turbofan/v1/FD001/readings/",
            "turbofan/v1/FD001/Readings", "/turbofan/v1/FD001/readings",
            "turbofan/v1/FD002/readings", "turbofan/v1/FD0012/readings",
            "turbofan/v1/FD001/engines/readings", "turbofan/v1/FD001/engines//readings",
            "turbofan/v1/FD001/engines/a b/readings", "turbofan/v1/FD001/engines/ü/readings",
            "turbofan/v1/FD001/engines/+/readings", "turbofan/v1/FD001/engines/#",
            "turbofan/v1/FD001/engines/7/readings/7", "turbofan/v1/FD001/engines/7/event",
            "turbofan/v1/FD001/engines/7/readings\u{0}", "turbofan/v1/FD001/e\u{301}ngines/7/x",
            "turbofan/v1/FD001/\u{301}readings", "turbofan/v1/FD001/models/Selected",
            "turbofan/v1/FD001/agents/edge-1", "turbofan/v1/FD001/agents/edge-1/logs/response",
            "turbofan/v1/FD001/agents/a\u{0}b/status",
            "turbofan/v1/FD001/engines/\(String(repeating: "x", count: 65))/readings",
            String(repeating: "/", count: 65_535),
        ])
    func unknown(name: String) {
        #expect(topics.route(name) == nil)
    }

    @Test(
        "A block's name has one spelling: a whole digest and a plain index below the limit",
        arguments: ["-1", "256", "+5", "05", "5 ", "", "0x5", "99999999999999999999", "five"])
    func blockIndex(index: String) {
        let name = "turbofan/v1/FD001/models/\(digest)/blocks/\(index)"
        #expect(topics.route(name) == nil)
        #expect(
            topics.route("turbofan/v1/FD001/models/\(digest.description.uppercased())/blocks/5")
                == nil)
    }

    @Test(
        "A prefix of plain levels is accepted, one with wildcards or outer slashes is not",
        arguments: [
            ("a", true), ("plant/7/line-2", true), (String(repeating: "p", count: 128), true),
            ("", false), ("/a", false), ("a/", false), ("a/+", false), ("#", false), ("a b", false),
            ("ä", false), (String(repeating: "p", count: 129), false),
        ])
    func prefix(prefix: String, isAccepted: Bool) {
        #expect((Topics(prefix: prefix, fleet: topics.fleet) != nil) == isAccepted)
    }

    @Test(
        "A page goes to a plain topic that no program of ours reads, to nothing else",
        arguments: [
            ("turbofan/v1/FD001/agents/a/logs/response/p", true), ("reply", true),
            (String(repeating: "r", count: 512), true),
            ("", false), ("a/+", false), ("a/#", false),
            (String(repeating: "r", count: 513), false),
            ("turbofan/v1/FD001/readings", false), ("turbofan/v1/FD001/models/selected", false),
            ("turbofan/v1/FD001/agents/a/logs/request", false),
        ])
    func responseTopic(name: String, isAccepted: Bool) {
        #expect(topics.isResponse(name) == isAccepted)
    }
}
