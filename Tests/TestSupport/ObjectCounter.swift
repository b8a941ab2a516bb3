import Glibc

/// Counts heap objects through the hook that the Swift runtime has for profilers.
///
/// `_swift_allocObject` points to the function that every allocation of an object calls. The test
/// that installs the counter runs in a process of its own.
package enum ObjectCounter {
    private typealias Allocate =
        @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

    /// Heap objects since ``install()``.
    // Invariant: written by the only thread of the process that the test starts.
    nonisolated(unsafe) package private(set) static var count = 0
    // Invariant: written once, before the hook that reads it is in place.
    nonisolated(unsafe) private static var original: Allocate?

    /// Puts the counter in front of the runtime's allocation; false if there is no such hook.
    package static func install() -> Bool {
        guard let symbol = dlsym(nil, "_swift_allocObject") else { return false }
        let hook = symbol.assumingMemoryBound(to: Allocate.self)
        original = hook.pointee
        hook.pointee = { metadata, size, alignment in
            ObjectCounter.count += 1
            return ObjectCounter.original?(metadata, size, alignment)
        }
        return true
    }
}
