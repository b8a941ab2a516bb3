import EdgeCore
import Testing

/// Asks how an agent, and a whole fleet of them, comes back to a broker that went away.
@Suite("Reconnecting")
struct ReconnectBackOffTests {
    private static let second: Int64 = 1_000_000

    @Test("The same seed draws the same delays, another one others")
    func seeded() {
        func delays(_ seed: UInt64) -> [Int64] {
            var backOff = ReconnectBackOff(seed: seed)
            return (0..<50).map { _ in backOff.delay(after: nil) }
        }
        #expect(delays(7) == delays(7))
        #expect(delays(7) != delays(8))
    }

    @Test("Each delay lies between 0.1 s and a ceiling that doubles from 0.5 s to 30 s")
    func ceilings() {
        let ceilings: [Int64] = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
        var highest = [Int64](repeating: 0, count: ceilings.count)
        var lowest = [Int64](repeating: .max, count: ceilings.count)
        for seed in 0..<400 as Range<UInt64> {
            var backOff = ReconnectBackOff(seed: seed)
            for attempt in ceilings.indices {
                let delay = backOff.delay(after: nil)
                highest[attempt] = max(highest[attempt], delay)
                lowest[attempt] = min(lowest[attempt], delay)
            }
        }
        for (attempt, ceiling) in ceilings.enumerated() {
            #expect(highest[attempt] <= ceiling * 1_000)
            #expect(lowest[attempt] >= 100_000)
            // 400 even draws reach the outer twentieths: they miss with probability 0.95⁴⁰⁰.
            let width = ceiling * 1_000 - 100_000
            #expect(highest[attempt] > ceiling * 1_000 - width / 20)
            #expect(lowest[attempt] < 100_000 + width / 20)
        }
    }

    @Test("A connection that stood for 30 s starts again with short delays, a shorter one does not")
    func proven() {
        func next(after stood: Int64) -> Int64 {
            var longest: Int64 = 0
            for seed in 0..<100 as Range<UInt64> {
                var backOff = ReconnectBackOff(seed: seed)
                for _ in 0..<10 { _ = backOff.delay(after: nil) }
                longest = max(longest, backOff.delay(after: stood))
            }
            return longest
        }
        #expect(next(after: 30 * Self.second) <= Self.second / 2)
        #expect(next(after: 30 * Self.second - 1) > 10 * Self.second)
    }

    @Test("An agent that gives way to another of its name waits 30 to 60 s, and then as before")
    func takenOver() {
        for seed in 0..<100 as Range<UInt64> {
            var backOff = ReconnectBackOff(seed: seed)
            let away = backOff.delay(after: 10 * Self.second, isTakenOver: true)
            #expect((30 * Self.second...60 * Self.second).contains(away))
            #expect(backOff.delay(after: nil) <= Self.second / 2)
        }
    }

    /// When each of so many agents tries, after all lost the broker in the same instant.
    private static func attempts(agents: Int, until end: Int64) -> [Int64] {
        var times: [Int64] = []
        for agent in 0..<agents {
            // As far apart as seeds that the system draws, or closer: these are neighbours.
            var backOff = ReconnectBackOff(seed: UInt64(agent))
            var time = backOff.delay(after: 3_600 * second)
            while time < end {
                times.append(time)
                time += backOff.delay(after: nil)
            }
        }
        return times
    }

    /// Most attempts that fall into one piece of time of this width.
    private static func busiest(_ times: [Int64], width: Int64, from start: Int64) -> Int {
        var counts: [Int64: Int] = [:]
        for time in times where time >= start { counts[time / width, default: 0] += 1 }
        return counts.values.max() ?? 0
    }

    @Test("200 agents that lose their broker at once do not come back at once")
    func storm() {
        let times = Self.attempts(agents: 200, until: 120 * Self.second)
        let firstTenth = Self.busiest(times, width: 10_000, from: 0)
        let laterSecond = Self.busiest(times, width: Self.second, from: 60 * Self.second)
        let laterHundredth = Self.busiest(times, width: 10_000, from: 60 * Self.second)
        print(
            "200 agents: at most \(firstTenth) attempts in any 10 ms; after a minute at most "
                + "\(laterSecond) in any second and \(laterHundredth) in any 10 ms")
        // Evenly drawn they were 200 / 40 = 5 in each 10 ms of the first half second.
        #expect(firstTenth <= 16)
        // A mean delay of 15 s makes 13 a second.
        #expect(laterSecond <= 30)
        #expect(laterHundredth <= 5)
        let perAgent = Double(times.count) / 200
        #expect((5...20).contains(perAgent), "two minutes cost \(perAgent) attempts an agent")
    }
}
