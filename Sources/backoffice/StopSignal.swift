import Glibc
import Synchronization

/// SIGTERM and SIGINT as a wish that a loop looks at.
enum StopSignal {
    /// Whether one of them has come since `listen`.
    static var isGiven: Bool { given.load(ordering: .relaxed) }

    /// Takes both signals from now on: the process no longer ends by them.
    static func listen() {
        // Made before the handler runs, which must not.
        _ = isGiven
        for number in [SIGTERM, SIGINT] {
            signal(number) { _ in given.store(true, ordering: .relaxed) }
        }
    }
}

private let given = Atomic<Bool>(false)
