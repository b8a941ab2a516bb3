package import SQLite

/// A reason why the registry could not be read or changed.
package enum RegistryError: Error, Equatable, CustomStringConvertible {
    /// The database refused a call.
    case database(SQLiteError)
    /// The file was written by a newer program.
    case newerSchema(path: String, version: Int64, known: Int64)
    /// The file is of no length, or of a database without tables.
    case noSchema(path: String)
    /// A trainer's attempt is not, or no longer, the one that may record the run.
    case leaseLost(runID: String, attempt: Int64)
    /// The file holds a word that no version of this program writes.
    case unknownWord(column: String, word: String)

    package var description: String {
        switch self {
        case .database(let error) where error.isFull:
            "The disk is full: cannot write the registry. Free some space and run the command "
                + "again."
        case .database(let error): error.description
        case .newerSchema(let path, let version, let known):
            "The registry \(path) has schema \(version), this program knows up to \(known). "
                + "Use the newer program that wrote it."
        case .noSchema(let path):
            "The registry \(path) is empty. Restore it from a copy, or delete it and run "
                + "'backoffice preprocess' to begin anew."
        case .leaseLost(let runID, let attempt):
            "Attempt \(attempt) of run \(runID) lost its lease: it was not renewed in time, or the "
                + "claim was settled. Nothing was recorded; whoever holds the claim now does that."
        case .unknownWord(let column, let word):
            "The registry's column \(column) holds '\(word)'. Restore the registry from a copy."
        }
    }
}
