import Datasets
import Glibc
import Parquet
import Prognostics
import StrictJSON
import Zlib

/// Files of the back office, and the notations that everything is written in.
enum FileChecks {
    /// Bytes that a decompressed input may have, so that no input takes long.
    private static let inflatedSizeMax = 1 << 20

    static func cmapss(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard isSmall(bytes) else { return }
        guard
            let trajectories = try BrokenPromise.unlessRefused(
                DatasetError.self,
                { try CMAPSSReader.trajectories(bytes, file: "f", endsInFailure: true) })
        else { return }
        var text = ""
        for trajectory in trajectories {
            for (index, snapshot) in trajectory.snapshots.enumerated() {
                try StoreChecks.check(snapshot)
                try BrokenPromise.unless(
                    Int(snapshot.cycle.cycles) == index + 1, "a life has every cycle from 1")
                text += "\(trajectory.unit) \(snapshot.cycle)"
                for column in 0..<Snapshot.columnCount { text += " \(snapshot.columns[column])" }
                text += "\n"
            }
        }
        try BrokenPromise.unless(
            !trajectories.isEmpty && Set(trajectories.map(\.unit)).count == trajectories.count,
            "every unit is there once")
        let again = try? CMAPSSReader.trajectories(
            Array(text.utf8), file: "f", endsInFailure: true)
        try BrokenPromise.unless(
            again == trajectories, "trajectories that are written again are themselves")
    }

    static func ruls(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard isSmall(bytes) else { return }
        for units in [1, 3] {
            let ruls = try BrokenPromise.unlessRefused(
                DatasetError.self, { try CMAPSSReader.trueRULs(bytes, file: "f", units: units) })
            guard let ruls else { continue }
            try BrokenPromise.unless(
                ruls.count == units && ruls.allSatisfy { (0...CycleCount.limit).contains($0) },
                "there is one life left for every unit")
        }
    }

    private static func isSmall(_ bytes: [UInt8]) -> Bool {
        guard Gzip.isGzip(bytes) else { return true }
        do throws(ZlibError) {
            _ = try Gzip.decompress(bytes, limit: inflatedSizeMax)
            return true
        } catch {
            if case .tooLarge = error { return false }
            return true
        }
    }

    static func parquet(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let table = try BrokenPromise.unlessRefused(
                ParquetError.self, { try ParquetTable(decoding: bytes) })
        else { return }
        try BrokenPromise.unless(
            table.columns.allSatisfy { $0.rowCount == table.rowCount }, "columns have one length")
        // Bytes and not values are compared: a column may hold what equals nothing.
        let written = try? table.encoded()
        let again = written.flatMap { try? ParquetTable(decoding: $0) }
        try BrokenPromise.unless(
            written != nil && (try? again?.encoded()) == written,
            "a table that is written again is itself")
    }

    static func json(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let value = try BrokenPromise.unlessRefused(
                JSONError.self, { try JSON.parse(bytes) })
        else { return }
        let canonical = value.bytes
        try BrokenPromise.unless(
            canonical.allSatisfy { (0x20...0x7E).contains($0) }, "the canonical form is ASCII")
        // Escapes take up to six times the room.
        guard canonical.count <= JSONLimits.standard.sizeMax else { return }
        let again = try? JSON.parse(canonical)
        try BrokenPromise.unless(
            again == value && again?.bytes == canonical, "JSON that is written again is itself")
    }

    /// The C library converts decimals by a program of its own.
    static func number(_ bytes: [UInt8]) throws(BrokenPromise) {
        let seen = DecimalFloat.parse(bytes)
        let isPlain = bytes.allSatisfy { byte in
            (48...57).contains(byte) || [43, 45, 46, 69, 101].contains(byte)
        }
        guard isPlain, (1...DecimalFloat.sizeMax).contains(bytes.count) else {
            try BrokenPromise.unless(seen == nil, "only decimal text of some length is a number")
            return
        }
        let text = bytes.map { CChar(bitPattern: $0) } + [0]
        var isWhole = false
        let expected = text.withUnsafeBufferPointer { text -> Float in
            guard let start = text.baseAddress else { return .nan }
            var end: UnsafeMutablePointer<CChar>?
            let value = strtof(start, &end)
            isWhole = end.map { UnsafePointer($0) } == start + bytes.count
            return value
        }
        let isNumber = isWhole && expected.isFinite
        try BrokenPromise.unless(
            seen?.bitPattern == (isNumber ? expected.bitPattern : nil),
            "a decimal is rounded correctly")
    }

    static func gzip(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard
            let contents = try BrokenPromise.unlessRefused(
                ZlibError.self, { try Gzip.decompress(bytes, limit: inflatedSizeMax) })
        else { return }
        try BrokenPromise.unless(contents.count <= inflatedSizeMax, "a limit is kept")
        let again = (try? Gzip.compress(contents, level: 1)).flatMap {
            try? Gzip.decompress($0, limit: contents.count)
        }
        try BrokenPromise.unless(again == contents, "what is compressed again is itself")
    }
}
