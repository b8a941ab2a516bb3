import Glibc

/// How many trainers run at once on this host, and what they may use.
package struct TrainerBudget: Equatable, Sendable {
    /// This program, which is its own trainer.
    package static let ownProgram = "/proc/self/exe"
    package static let jobsRange = 0...64
    package static let attemptsRange = 1...10

    /// The program that is started with `trainer`.
    package let program: String
    /// Trainers at once; 0 leaves all training to workers.
    package var jobs: Int
    /// Megabytes for all trainers together; 0 for no limit.
    package let memoryMegabytes: Int
    /// Seconds that one training may take, and a night waits for all.
    package let secondsMax: Int
    /// Attempts that a run has before it is FAILED.
    package let attemptsMax: Int

    package init(
        program: String, jobs: Int = 1, memoryMegabytes: Int = 0, secondsMax: Int = 14_400,
        attemptsMax: Int = 3
    ) {
        precondition(Self.jobsRange.contains(jobs) && Self.attemptsRange.contains(attemptsMax))
        self.program = program
        self.jobs = jobs
        self.memoryMegabytes = memoryMegabytes
        self.secondsMax = secondsMax
        self.attemptsMax = attemptsMax
    }

    /// Megabytes of one trainer; 0 for no limit.
    var trainerMegabytes: Int { memoryMegabytes / max(1, jobs) }

    /// Threads of one trainer, 1 or 2: the cores are shared like the memory.
    var threadCount: Int {
        let cores = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return max(1, min(2, cores / max(1, jobs)))
    }
}
