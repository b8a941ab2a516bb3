/// Which kinds of trouble a run has: drawn from its seed, so that runs differ in kind.
///
/// A run with everything at once never gets far enough for some states (Groce et al. 2012, "Swarm
/// testing"); each kind is therefore off in some runs.
package struct FaultPlan: Sendable {
    /// Publishers repeat, contradict, garble and skip.
    var publishers: Bool
    /// Messages are lost, doubled and delivered out of order.
    var transport: Bool
    /// Connections and the broker fail.
    var connections: Bool
    /// The process ends, with or without the power.
    var crashes: Bool
    /// The disk refuses, tears and forgets.
    var disk: Bool
    /// Bits flip in what is stored or travels, and a store may have to be salvaged.
    var damage: Bool
    /// The wall clock jumps, or starts at 1970.
    var clock: Bool
    /// Engines are serviced, removed and fail.
    var maintenance: Bool
    /// Models are offered.
    var models: Bool
    /// Some bundles are bad, and someone replays and forges offers.
    var attacks: Bool
    /// Log pages are pulled.
    var pulls: Bool
    /// Readings that the disk budget holds, if it is small; and what happens then.
    var budgetRows: Int?
    var releasesUnpulled: Bool

    let residentUnitsMax: Int
    let unitCount: Int
    let receiveMaximum: Int
    let queueMax: Int
    let steps: Int

    package init(seed: UInt64, random: inout SplitMix64) {
        publishers = !random.oneIn(4)
        transport = !random.oneIn(3)
        connections = !random.oneIn(3)
        crashes = !random.oneIn(3)
        disk = !random.oneIn(3)
        damage = random.oneIn(3)
        clock = random.oneIn(2)
        maintenance = !random.oneIn(3)
        models = !random.oneIn(8)
        attacks = random.oneIn(2)
        pulls = !random.oneIn(4)
        budgetRows = random.oneIn(4) ? 60 + random.below(60) : nil
        releasesUnpulled = random.oneIn(2)
        residentUnitsMax = 1 + random.below(4)
        unitCount = 1 + random.below(4)
        receiveMaximum = 4 + random.below(20)
        queueMax = random.oneIn(4) ? 12 : 100
        steps = 120 + random.below(180)
    }
}
