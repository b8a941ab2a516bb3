import Foundation
import Glibc

/// A trainer: this program again, as a child that makes one run.
///
/// It reads its standard input, which nobody writes; when this process ends, however it does, that
/// input ends too, and the trainer with it (`Lifeline`).
final class TrainerProcess {
    /// How a trainer ended.
    enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    private let pid: pid_t
    private let lifeline: Int32
    private var end: End?

    /// Starts a program; standard output is dropped, standard error is shared unless `isSilent`.
    init(program: String, arguments: [String], isSilent: Bool) throws(BackofficeError) {
        var ends: [Int32] = [0, 0]
        // A pair of sockets and no pipe: born with FD_CLOEXEC, no other child can keep them open.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw .noTrainer(program: program, reason: String(cString: strerror(errno)))
        }
        defer { close(ends[0]) }
        lifeline = ends[1]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        if isSilent {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: what a terminal sends ends this process, and that ends the trainer.
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGTERM, SIGINT, SIGPIPE] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        var child: pid_t = 0
        let code = Self.withCStrings([program] + arguments) { argv in
            Self.withCStrings(environment) { envp in
                posix_spawn(&child, program, &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else {
            close(lifeline)
            throw .noTrainer(program: program, reason: String(cString: strerror(code)))
        }
        pid = child
    }

    deinit {
        stop()
        close(lifeline)
    }

    /// How it ended; nil while it runs.
    func poll() -> End? {
        if let end { return end }
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        end = Self.end(status)
        return end
    }

    /// Kills it, if it still runs, and waits for its end: it has nothing to put in order.
    func stop() {
        guard poll() == nil else { return }
        kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        end = Self.end(status)
    }

    /// WIFSIGNALED and its like are macros that Swift cannot import.
    private static func end(_ status: Int32) -> End {
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }
}

/// The end of a trainer with whoever started it.
package enum Lifeline {
    /// What a trainer exits with when its supervisor is gone.
    private static let orphanStatus: Int32 = 75

    /// Ends this process as soon as its standard input does.
    package static func hold() {
        // A thread: training never returns to a loop that could look.
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || count < 0 && errno != EINTR { _exit(orphanStatus) }
            }
        }
    }
}

/// What a trainer may use.
enum TrainerLimit {
    /// Refuses this process more data memory than so many megabytes (setrlimit(2), RLIMIT_DATA).
    ///
    /// Unlike RLIMIT_AS it does not count what is only reserved, as every thread's heap is.
    static func setMemory(megabytes: Int) throws(BackofficeError) {
        let size = rlim_t(megabytes) << 20
        var limit = rlimit(rlim_cur: size, rlim_max: size)
        guard setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0 else {
            throw .file(
                operation: "limit the memory of", path: "this trainer",
                reason: String(cString: strerror(errno)))
        }
    }
}
