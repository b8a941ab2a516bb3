import Glibc

/// A thread with a name that `top -H` shows; joined by its owner.
struct NamedThread {
    private let thread: pthread_t

    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread; a system without room for one more thread cannot run an agent at all.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) -> NamedThread {
        let body = Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                // The thread owns its body from here on.
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                Self.setName(body.name)
                body.run()
                return nil
            }, body.toOpaque())
        precondition(result == 0, "the system refused thread \(name): \(result)")
        return NamedThread(thread: thread)
    }

    /// Names the calling thread; a kernel without the file leaves it nameless, which harms nobody.
    private static func setName(_ name: String) {
        let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, name, name.utf8.count)
        close(descriptor)
    }

    /// Waits until the thread has ended.
    func join() { pthread_join(thread, nil) }
}

/// A pipe that wakes the network thread's `poll`.
struct WakeDescriptor: Sendable {
    /// The end that `poll` watches.
    let descriptor: Int32
    private let input: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "the system refused a pipe: \(errno)")
        for end in ends {
            precondition(fcntl(end, F_SETFL, O_NONBLOCK) == 0, "a pipe refused O_NONBLOCK")
            precondition(fcntl(end, F_SETFD, FD_CLOEXEC) == 0, "a pipe refused FD_CLOEXEC")
        }
        descriptor = ends[0]
        input = ends[1]
    }

    /// Makes the next `poll` return at once.
    func signal() {
        var byte: UInt8 = 1
        // A full pipe is as good as one more byte: the thread wakes all the same.
        _ = write(input, &byte, 1)
    }

    /// Forgets signals so far.
    func drain() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(descriptor, &bytes, bytes.count) == bytes.count {}
    }
}
