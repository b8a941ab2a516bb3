import Glibc

/// What must hold before libgomp, the thread pool under libxgboost, is loaded.
package enum OpenMPEnvironment {
    /// The environment key and the value that training needs.
    package static let waitPolicy = (key: "OMP_WAIT_POLICY", value: "passive")

    /// Whether idle training threads sleep instead of spinning.
    ///
    /// libgomp reads its environment once, when the process loads it, so setting the key later does
    /// nothing: an executable that trains sets it and starts itself again, once. Spinning threads
    /// on shared cores made training on two threads four times slower than on one (52 s for 12 s).
    package static var isPassive: Bool {
        guard let value = getenv(waitPolicy.key) else { return false }
        return String(cString: value).lowercased() == waitPolicy.value
    }
}
