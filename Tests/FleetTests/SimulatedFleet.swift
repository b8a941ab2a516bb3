import EdgeProtocol
import Fleet
import Prognostics
import StrictJSON

/// Agents that behave as devices do towards offers: counters, audiences, refusals, going back.
///
/// It shares no code with the machine under test but the audience of an offer, which is the
/// protocol's. Time is a number that the test moves.
struct SimulatedFleet {
    /// What the candidate does on a device.
    enum Fate: Equatable, CaseIterable {
        case serves
        /// Its golden trajectories differ, or the shadow does.
        case refuses, holds
        /// It serves for a while, then the device goes back by itself.
        case rollsBack
        /// It serves for a while, then nothing is heard of the device any more.
        case fallsSilent
        /// It serves and says so hours later.
        case isLate
        /// It never hears of offers.
        case isDeaf
    }

    struct Device {
        let name: UnitIdentifier
        let fate: Fate
        var counter: Int64 = 0
        var runs = SimulatedFleet.former
        var runID = "former"
        var state = ModelReport.State.active
        var reason: String?
        var hasServedCandidate = false
        var isOnline = true
        var acceptedMillis: Int64 = 0
        var scored: Int64 = 1_000
        var degradations: [String] = []
        /// What its retained messages said last; a late one lags behind.
        var said: FleetAgent
    }

    struct Offer {
        let digest: Digest
        let counter: Int64
        let audience: ModelOffer.Audience
    }

    static let former = digest(1)
    static let candidate = digest(2)

    var devices: [Device]
    /// What the broker holds: everybody's offer, and the rollout's.
    var selected = Offer(digest: former, counter: 1, audience: .all)
    var rolloutOffer: Offer?
    var nowMillis: Int64 = 0

    /// Agents `a-1`, `a-2` and so on, with their fates.
    init(_ fates: [Fate]) {
        devices = fates.enumerated().map { index, fate in
            guard let name = UnitIdentifier("a-\(index + 1)") else {
                preconditionFailure("it is a name")
            }
            return Device(name: name, fate: fate, said: FleetAgent(name: name))
        }
        for index in devices.indices { report(index) }
    }

    static func digest(_ byte: UInt8) -> Digest {
        guard let digest = Digest(bytes: [UInt8](repeating: byte, count: Digest.size)) else {
            preconditionFailure("32 bytes are a digest")
        }
        return digest
    }

    /// What the broker's retained messages say of the agents.
    var agents: [FleetAgent] { devices.map(\.said) }
    /// Agents that ever let the candidate serve.
    var everServed: Int { devices.count(where: \.hasServedCandidate) }
    /// Agents that serve the candidate now.
    var serving: Int { devices.count { $0.runs == Self.candidate } }

    /// Lets time pass; devices read offers, score readings, and say how they are.
    mutating func pass(seconds: Int64) {
        nowMillis += seconds * 1_000
        for index in devices.indices {
            for offer in [selected, rolloutOffer].compactMap({ $0 }) { take(offer, index) }
            live(index)
            report(index)
        }
    }

    private mutating func take(_ offer: Offer, _ index: Int) {
        var device = devices[index]
        guard device.isOnline, device.fate != .isDeaf, offer.counter > device.counter,
            offer.audience.addresses(device.name)
        else { return }
        device.counter = offer.counter
        device.acceptedMillis = nowMillis
        device.reason = nil
        device.state = .active
        if offer.digest == Self.candidate, device.runs != Self.candidate {
            switch device.fate {
            case .refuses: (device.state, device.reason) = (.refused, "Golden trajectory 0.")
            case .holds: (device.state, device.reason) = (.held, "It differs.")
            default:
                (device.runs, device.runID) = (Self.candidate, "candidate")
                device.hasServedCandidate = true
            }
        } else if offer.digest == Self.former {
            (device.runs, device.runID) = (Self.former, "former")
        }
        devices[index] = device
    }

    private mutating func live(_ index: Int) {
        var device = devices[index]
        let age = nowMillis - device.acceptedMillis
        if device.isOnline { device.scored += 10 }
        if device.runs == Self.candidate, age >= 600_000 {
            switch device.fate {
            case .rollsBack:
                (device.runs, device.runID) = (Self.former, "former")
                (device.state, device.reason) = (.refused, "Too slow.")
            case .fallsSilent: device.isOnline = false
            default: break
            }
        }
        devices[index] = device
    }

    private mutating func report(_ index: Int) {
        let device = devices[index]
        guard
            device.fate != .isLate || device.runs == Self.former
                || nowMillis - device.acceptedMillis >= 3_000_000
        else { return }
        var said = FleetAgent(name: device.name)
        said.status = AgentStatus(
            presence: device.isOnline ? .online : .offline, version: "1", storeID: "s")
        var model = ModelReport(state: device.state)
        model.targetDigest = device.counter > 1 ? Self.candidate : Self.former
        model.targetCounter = device.counter
        model.reportedDigest = device.runs
        model.reportedRunID = device.runID
        model.reason = device.reason
        said.model = model
        said.health = Self.health(device)
        devices[index].said = said
    }

    /// Through the payload, as the back office gets it.
    private static func health(_ device: Device) -> AgentHealth? {
        var accounting = Accounting()
        (accounting.received, accounting.scored) = (device.scored, device.scored)
        var message = HealthMessage(
            accounting: accounting, inFlight: 0, queueDepthMax: 0, outboxPending: 0, storeSize: 0,
            residentUnits: 1, runID: device.runID, units: [])
        message.disk.isFull = !device.degradations.isEmpty
        return try? AgentHealth(payload: message.encoded())
    }
}
