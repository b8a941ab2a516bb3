import Prognostics
import Registry
import SQLite
import TestSupport
import Testing

/// Leases in one registry file; a second connection moves their times, as a clock would.
@Suite("Claims and leases")
struct ClaimsTests {
    let folder: TemporaryFolder
    let registry: Registry
    let bundle: Run.Bundle

    init() throws {
        folder = try TemporaryFolder("claims")
        registry = try Registry(path: folder.path("registry.sqlite"))
        let digest = try #require(Digest(hex: String(repeating: "ab", count: 32)))
        bundle = Run.Bundle(key: "r1/bundle.safetensors", digest: digest, size: 7)
    }

    func post(_ runIDs: String..., configHash: String = "c1", attemptsMax: Int64 = 3) throws {
        try registry.post(
            runIDs.map {
                TrainingOrder(
                    runID: $0, configHash: configHash, modelType: "lstm", parameters: "p", seed: 1)
            }, attemptsMax: attemptsMax)
    }

    func lease(
        _ runID: String = "r1", by holder: String = "a", seconds: Int64? = 60
    ) throws -> Lease? {
        try registry.lease(runID, holder: holder, seconds: seconds, startTimeMillis: 1)
    }

    /// Makes every lease as old as this; a negative age is a clock that was set back.
    func age(_ seconds: Int) throws {
        try Database(path: folder.path("registry.sqlite"), mode: .readWriteCreate)
            .execute("UPDATE claims SET renewed = unixepoch() - \(seconds) WHERE renewed > 0")
    }

    func claim(_ runID: String = "r1") throws -> Claim { try #require(try registry.claim(runID)) }

    @Test("A posted claim is leased once, and its run is RUNNING from then on")
    func leases() throws {
        try post("r1")
        #expect(try claim().state == .open)
        #expect(try registry.run("r1") == nil)
        let lease = try #require(try lease())
        #expect(lease.attempt == 1)
        #expect(try registry.run("r1")?.status == .running)
        let state = try #require(try claim().lease)
        #expect(state.holder == "a" && !state.lastsWithLock && state.isLive)
        #expect(try self.lease(by: "b") == nil)
        #expect(try self.lease("r2") == nil, "never posted")
        #expect(try registry.expireLeases(endTimeMillis: 2).isEmpty)
        let version = try registry.succeedRun(under: lease, bundle: bundle, endTimeMillis: 3)
        #expect(version == 1)
        #expect(try claim().state == .settled)
        try post("r1")
        #expect(try claim().state == .settled, "a success is not made again")
    }

    @Test(
        "A lease of 60 seconds dies unless it is renewed, or when the clock is set back",
        arguments: [(0, true), (58, true), (60, false), (86_400, false), (-86_400, false)])
    func dies(age: Int, isLive: Bool) throws {
        try post("r1")
        let first = try #require(try lease())
        try self.age(age)
        #expect(try claim().lease?.isLive == isLive)
        #expect(try registry.expireLeases(endTimeMillis: 2) == (isLive ? [] : [first]))
        guard !isLive else {
            try self.age(58)
            #expect(try registry.renew(first))
            #expect(try claim().lease?.isLive == true)
            try self.age(3)
            #expect(try registry.expireLeases(endTimeMillis: 3).isEmpty)
            return
        }
        #expect(try claim().state == .open)
        #expect(try registry.run("r1")?.reason.hasPrefix("The lease of a ran out") == true)
        #expect(try !registry.renew(first))
        #expect(try lease(by: "b")?.attempt == 2)
    }

    @Test("Whoever lost the lease records nothing, neither before nor after the next holder")
    func fences() throws {
        try post("r1")
        let late = try #require(try lease(by: "late"))
        try age(60)
        try registry.expireLeases(endTimeMillis: 2)
        let next = try #require(try lease(by: "next"))
        #expect(try !registry.holds(late) && registry.holds(next))
        let lost = RegistryError.leaseLost(runID: "r1", attempt: 1)
        for _ in 0..<2 {
            let before = try registry.run("r1")
            #expect(throws: lost) {
                try registry.succeedRun(under: late, bundle: bundle, endTimeMillis: 3)
            }
            #expect(throws: lost) {
                try registry.failRun(under: late, reason: "x", isFinal: true, endTimeMillis: 3)
            }
            try registry.release(late, endTimeMillis: 3)
            #expect(try !registry.renew(late))
            #expect(try registry.run("r1") == before)
            #expect(try registry.modelVersions().count == (before?.status == .success ? 1 : 0))
            if before?.status == .running {
                _ = try registry.succeedRun(under: next, bundle: bundle, endTimeMillis: 4)
            }
        }
    }

    @Test("A run is FAILED for good after its last attempt, with the last reason")
    func attempts() throws {
        try post("r1", attemptsMax: 3)
        for attempt in 1...3 {
            let lease = try #require(try lease())
            if attempt == 2 {
                try age(61)
                try registry.expireLeases(endTimeMillis: 2)
            } else {
                try registry.failRun(
                    under: lease, reason: "Crash \(attempt).", isFinal: false, endTimeMillis: 2)
            }
            #expect(try registry.run("r1")?.status == .failed)
            #expect(try claim().state == (attempt < 3 ? .open : .settled))
            #expect(try claim().failureCount == Int64(attempt))
        }
        #expect(try registry.run("r1")?.reason == "Crash 3.")
        #expect(try lease() == nil)
        try post("r1", attemptsMax: 1)
        let again = try #require(try lease())
        #expect(again.attempt == 4, "the fence never goes back")
        #expect(try claim().failureCount == 0)
    }

    @Test("An error that would come again settles at once; a trainer told to stop counts as none")
    func finalAndReleased() throws {
        try post("r1", "r2")
        try registry.release(try #require(try lease()), endTimeMillis: 2)
        #expect(try claim().state == .open)
        #expect(try claim().failureCount == 0)
        let lease = try #require(try lease("r2"))
        try registry.failRun(under: lease, reason: "Bad data.", isFinal: true, endTimeMillis: 2)
        #expect(try claim("r2").state == .settled)
    }

    @Test("Who takes the workspace's lock ends what the last holder left, and no worker's lease")
    func lock() throws {
        try post("r1", "r2", "r3")
        let locked = try #require(try lease("r1", seconds: nil))
        let timed = try #require(try lease("r2", by: "worker"))
        #expect(try registry.renew(locked))
        #expect(try claim("r1").lease?.lastsWithLock == true)
        #expect(try registry.failAbandonedRuns(endTimeMillis: 2) == ["r1"])
        #expect(try !registry.holds(locked) && registry.holds(timed))
        #expect(try registry.run("r2")?.status == .running)
        #expect(try claim("r1").state == .settled)
        #expect(try claim("r3").state == .open)
    }

    @Test("Open claims of other data sets are withdrawn, leased ones are not")
    func withdraws() throws {
        try post("r1", "r2")
        try post("r3", configHash: "c2")
        let held = try #require(try lease("r2"))
        try registry.withdrawClaims(except: "c2")
        #expect(try registry.claims().map(\.state.isSettled) == [true, false, false])
        #expect(try registry.holds(held))
        #expect(try registry.claims(configHash: "c2").map(\.order.runID) == ["r3"])
        #expect(try lease("r1") == nil)
    }

    @Test("Of many processes that want a claim one gets it", .timeLimit(.minutes(5)))
    func race() async throws {
        try post("r1")
        let path = folder.path("registry.sqlite")
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<8 {
                group.addTask {
                    try Registry(path: path, access: .share).lease(
                        "r1", holder: "\(index)", seconds: 60, startTimeMillis: 1) != nil
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(try claim().attempt == 1)
    }
}

extension Claim.State {
    fileprivate var isSettled: Bool { self == .settled }
}
