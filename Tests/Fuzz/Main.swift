import CLibFuzzer
import Datasets
import FuzzDecoders
import Glibc

/// libFuzzer with one decoder at a time; `Tests/Fuzz/fuzz.sh` runs it.
///
///     Fuzz list
///     Fuzz seeds FOLDER
///     NACELLE_DECODER=row Fuzz [libFuzzer's options] [folders of inputs]
@main
struct Main {
    /// The decoder of this process: libFuzzer's callback carries no context.
    static let decoder = getenv("NACELLE_DECODER").flatMap {
        DecoderCheck(rawValue: String(cString: $0))
    }

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["list"] {
            for decoder in DecoderCheck.allCases { print(decoder.rawValue) }
            return
        }
        if arguments.first == "seeds", arguments.count == 2, let folder = arguments.last {
            try writeSeeds(to: folder)
            return
        }
        guard decoder != nil else {
            print("NACELLE_DECODER names no decoder. 'Fuzz list' prints them all.")
            exit(2)
        }
        var count = CommandLine.argc
        var values = CommandLine.unsafeArgv
        let status = withUnsafeMutablePointer(to: &values) { values in
            values.withMemoryRebound(
                to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
            ) { values in
                LLVMFuzzerRunDriver(&count, values) { data, size in
                    Main.check(UnsafeBufferPointer(start: data, count: size))
                    return 0
                }
            }
        }
        exit(status)
    }

    /// Ends the process with the broken promise, which libFuzzer keeps as a crash.
    private static func check(_ data: UnsafeBufferPointer<UInt8>) {
        guard let decoder else { preconditionFailure("main checked that there is one") }
        do throws(BrokenPromise) {
            try decoder.check(Array(data))
        } catch {
            fatalError("\(decoder.rawValue): \(error)")
        }
    }

    private static func writeSeeds(to folder: String) throws {
        for decoder in DecoderCheck.allCases {
            let target = "\(folder)/\(decoder.rawValue)"
            try WholeFile.createFolder(target)
            for (index, seed) in try decoder.seeds().enumerated() {
                try WholeFile.write(seed, to: "\(target)/seed-\(index)")
            }
        }
    }
}
