import ArgumentParser
import BackofficePipeline
import Foundation

/// Runs a command's work and ends with the documented exit status when it fails.
func reportingFailure(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let error as BackofficeError {
        FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
        throw ExitCode(error.exitStatus)
    }
}

/// Nothing was promoted: the exit status of a held candidate.
let heldStatus = ExitCode(2)
