/// The device store's files: the database, and what damage left beside it.
///
///     sound ──damage──▶ salvaging ──copied──▶ salvaged ──set aside, renamed──▶ sound
///
/// A process that dies anywhere in between leaves names from which the next one goes on. Nothing
/// that was damaged is ever deleted.
struct StoreFiles {
    /// Most damaged stores that are set aside: after so many the disk is failing, and each takes
    /// its place on it.
    static let setAsideCountMax = 8

    /// The database.
    let path: String

    /// A copy that is being made; worthless when its process has died.
    var salvaging: String { path + ".salvaging" }
    /// A complete copy that takes the damaged file's place.
    var salvaged: String { path + ".salvaged" }
    /// The folder of all of them.
    var folder: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path of a file beside the database.
    func sibling(_ name: String) -> String { folder + "/" + name }

    /// The path that the next damaged store gets.
    func nextSetAside() throws(EdgeRuntimeError) -> String {
        for number in 1...Self.setAsideCountMax where !Files.exists(setAside(number)) {
            return setAside(number)
        }
        throw .damagedTooOften(count: Self.setAsideCountMax, folder: folder)
    }

    /// Puts the complete copy in the damaged file's place, which is set aside with its log.
    ///
    /// Safe to repeat from wherever it was interrupted: the copy gets its name last.
    func replaceDamaged() throws(EdgeRuntimeError) {
        if Files.exists(path) {
            let target = try nextSetAside()
            // SQLite finds a log by its database's name: the pair stays readable.
            try Files.move(path + "-wal", to: target + "-wal")
            try Files.move(path, to: target)
        }
        try Files.remove(path + "-shm")
        try Files.syncFolder(folder)
        try Files.move(salvaged, to: path)
        try Files.syncFolder(folder)
    }

    /// Goes on with what an earlier process was at when it died.
    func resume() throws(EdgeRuntimeError) {
        if Files.exists(salvaged) { try replaceDamaged() }
        try removeUnfinished()
    }

    /// Removes a copy that is not complete.
    func removeUnfinished() throws(EdgeRuntimeError) {
        for suffix in ["", "-wal", "-shm"] { try Files.remove(salvaging + suffix) }
    }

    private func setAside(_ number: Int) -> String { "\(path).damaged-\(number)" }
}
