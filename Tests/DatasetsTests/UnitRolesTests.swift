import Datasets
import Prognostics
import Testing

@Suite("Unit roles")
struct UnitRolesTests {
    static func units(_ count: Int) throws -> [Trajectory] {
        try (1...count).map { number in
            let cycle = try #require(CycleCount(1))
            return Trajectory(
                unit: try #require(UnitIdentifier(String(number))),
                snapshots: [Snapshot(cycle: cycle, columns: InlineArray(repeating: 0))],
                endsInFailure: true)
        }
    }

    static func share(_ role: UnitRole, _ roles: [UnitRole]) -> Double {
        Double(roles.count { $0 == role }) / Double(roles.count)
    }

    @Test("SplitMix64 gives the published sequence of seed 1234567")
    func splitMix64() {
        // The test vector of Rosetta Code, task "Pseudo-random numbers/Splitmix64".
        var random = SplitMix64(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in random.next() } == expected)
    }

    @Test("The shares are 70, 5, 10 and 15 percent", arguments: [UInt64(1), 2, 3])
    func shares(seed: UInt64) throws {
        let roles = UnitRoles(seed: seed, scheme: .nightly).assign(try Self.units(20_000))
        // Three standard deviations of a binomial share at 20,000 units are below 0.01.
        let expected: [UnitRole: Double] = [
            .train: 0.70, .tune: 0.05, .calibrate: 0.10, .evaluate: 0.15,
        ]
        for (role, share) in expected { #expect(abs(Self.share(role, roles) - share) < 0.01) }
    }

    @Test("A unit keeps its role when units come and go")
    func sticky() throws {
        let roles = UnitRoles(seed: 1, scheme: .nightly)
        let all = try Self.units(500)
        let some = all.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
        let known = roles.assign(all)
        #expect(roles.assign(some) == stride(from: 0, to: 500, by: 3).map { known[$0] })
    }

    @Test("Roles are those of a Python program written from the description alone")
    func golden() throws {
        let roles = UnitRoles(seed: 1, scheme: .nightly).assign(try Self.units(40))
        let letters: [UnitRole: Character] = [
            .train: "T", .tune: "u", .calibrate: "c", .evaluate: "e",
        ]
        let expected = "TTTeuTeTTTcTeecTTTeeTTTeTTTTTTeTTTTTeTTT"
        #expect(String(roles.compactMap { letters[$0] }) == expected)
    }

    @Test("Another seed or installation is another draw")
    func independent() throws {
        let units = try Self.units(1_000)
        let first = UnitRoles(seed: 1, scheme: .nightly)
        let roles = first.assign(units)
        let otherSeed = UnitRoles(seed: 2, scheme: .nightly).assign(units)
        let otherInstallation = units.map { first.role(of: $0.unit, installation: 2) }
        // Two independent draws agree with probability 0.7² + 0.05² + 0.1² + 0.15² = 0.525.
        for other in [otherSeed, otherInstallation] {
            let agreement = zip(roles, other).count { $0 == $1 }
            #expect((450...600).contains(agreement))
        }
    }

    @Test("With an official test file the evaluate share trains and nothing else changes")
    func official() throws {
        let units = try Self.units(1_000)
        let nightly = UnitRoles(seed: 5, scheme: .nightly).assign(units)
        let official = UnitRoles(seed: 5, scheme: .official).assign(units)
        #expect(official == nightly.map { $0 == .evaluate ? .train : $0 })
    }

    @Test("100 units leave no role empty, whichever of the first 20 seeds", arguments: 1...20)
    func hundredUnits(seed: UInt64) throws {
        let roles = UnitRoles(seed: seed, scheme: .nightly)
        let assigned = roles.assign(try Self.units(100))
        try roles.validate(assigned)
        #expect(Set(assigned) == Set(UnitRole.allCases))
    }

    @Test("A role without a unit is an error that names it")
    func emptyRole() throws {
        let error = #expect(throws: DatasetError.self) {
            let roles = UnitRoles(seed: 1, scheme: .nightly)
            try roles.validate(roles.assign(try Self.units(2)))
        }
        guard case .emptyRole(_, units: 2, seed: 1) = error else {
            Issue.record("unexpected \(String(describing: error))")
            return
        }
    }
}
