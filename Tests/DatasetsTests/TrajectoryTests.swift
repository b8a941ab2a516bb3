import Datasets
import Prognostics
import TestSupport
import Testing

@Suite("Trajectories and labels")
struct TrajectoryTests {
    static func trajectory(
        unit: String = "7", cycles: Int32 = 200, endsInFailure: Bool = true,
        change: (Int32) -> Float = { Float($0) }
    ) throws -> Trajectory {
        let snapshots = try (1...cycles).map { cycle in
            Snapshot(
                cycle: try #require(CycleCount(cycle)),
                columns: InlineArray(repeating: change(cycle)))
        }
        return Trajectory(
            unit: try #require(UnitIdentifier(unit)), snapshots: snapshots,
            endsInFailure: endsInFailure)
    }

    @Test("The RUL of a failed unit is its last cycle minus the cycle")
    func labels() throws {
        let labels = RULLabel.labels(try Self.trajectory())
        #expect(labels.count == 200)
        #expect([labels[0], labels[74], labels[199]] == [199, 125, 0])
    }

    @Test("The RUL of a test unit adds what was left after its last snapshot")
    func testLabels() throws {
        let cut = try Self.trajectory(cycles: 50, endsInFailure: false)
        let labels = RULLabel.labels(cut, rulAtEnd: 112)
        #expect([labels[0], labels[49]] == [161, 112])
    }

    @Test("The RUL of a unit that failed unseen counts the cycles after its last snapshot")
    func unseenLabels() throws {
        let whole = try Self.trajectory(cycles: 50)
        let life = Trajectory(
            unit: whole.unit, snapshots: whole.snapshots, endsInFailure: true, unseenCycles: 4)
        #expect(RULLabel.labels(life).suffix(2) == [5, 4])
        #expect(RULLabel.labels(life.suffix(from: 48)) == [5, 4])
    }

    @Test("A service stands at the snapshot before it, once, and only between two snapshots")
    func services() throws {
        let whole = try Self.trajectory(cycles: 50)
        let snapshots = whole.snapshots.filter { !(10...19).contains($0.cycle.cycles) }
        let services = try [30, 15, 12, 50, 60].map { try #require(CycleCount($0)) }
        let life = Trajectory(
            unit: whole.unit, snapshots: snapshots, endsInFailure: true, services: services)
        #expect(life.services.map(\.cycles) == [9, 30])
        // From cycle 20 on, the first service is before the first snapshot.
        #expect(life.suffix(from: 9).services.map(\.cycles) == [30])
    }

    @Test("The target is capped at 125 cycles", arguments: [(0, 0), (125, 125), (126, 125)])
    func capped(rul: Int32, target: Float) { #expect(RULLabel.capped(rul) == target) }

    @Test("A unit is near failure up to 30 cycles before it")
    func nearFailure() {
        #expect(RULLabel.isNearFailure(30))
        #expect(!RULLabel.isNearFailure(31))
    }

    @Test("Canonical bytes differ when anything does, and have the documented layout")
    func canonicalBytes() throws {
        let base = try Self.trajectory(cycles: 2)
        let bytes = base.canonicalBytes
        #expect(bytes.count == 1 + 1 + 4 + 1 + 4 + 4 + 4 + 2 * Snapshot.canonicalSize)
        #expect(
            bytes[..<19]
                == [1, UInt8(ascii: "7"), 1, 0, 0, 0, 1] + [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0])
        let others = [
            try Self.trajectory(unit: "8", cycles: 2),
            try Self.trajectory(cycles: 3),
            try Self.trajectory(cycles: 2, endsInFailure: false),
            try Self.trajectory(cycles: 2) { $0 == 2 ? 2.5 : Float($0) },
            Trajectory(
                unit: base.unit, installation: 2, snapshots: base.snapshots, endsInFailure: true),
            Trajectory(
                unit: base.unit, snapshots: base.snapshots, endsInFailure: true, unseenCycles: 1),
            Trajectory(
                unit: base.unit, snapshots: base.snapshots, endsInFailure: true,
                services: [base.snapshots[0].cycle]),
        ]
        for other in others { #expect(other.canonicalBytes != bytes) }
    }
}

@Suite("Data set folders")
struct DatasetFolderTests {
    static let rows =
        CMAPSSReaderTests.row(1, 1) + "\n" + CMAPSSReaderTests.row(2, 1) + "\n"

    @Test("A subset is read from plain and compressed files")
    func reads() throws {
        let folder = try TemporaryFolder("dataset")
        try folder.write(Self.rows, to: "train_SIM.txt")
        let packed = try Subprocess.run("gzip", ["-c"], input: Array(Self.rows.utf8))
        try folder.write(packed.standardOutput, to: "test_SIM.txt.gz")
        try folder.write("3\n4\n", to: "RUL_SIM.txt")
        let dataset = DatasetFolder(folder.path)
        #expect(try dataset.train(subset: "SIM").allSatisfy(\.endsInFailure))
        let test = try dataset.test(subset: "SIM")
        #expect(test.trajectories.map(\.unit.description) == ["1", "2"])
        #expect(test.trueRULs == [3, 4])
    }

    @Test("A missing file is an error that lists the names looked for")
    func missing() throws {
        let folder = try TemporaryFolder("dataset")
        let expected = DatasetError.notFound(
            folder: folder.path, tried: ["train_FD009.txt", "train_FD009.txt.gz"])
        #expect(throws: expected) { try DatasetFolder(folder.path).train(subset: "FD009") }
        let unreadable = DatasetError.unreadable(
            path: folder.path("no"), reason: "No such file or directory")
        #expect(throws: unreadable) { try WholeFile.read(folder.path("no")) }
    }

    @Test("A file of the limit is read, a larger or endless one is refused")
    func sizeLimit() throws {
        let folder = try TemporaryFolder("limit")
        let file = try folder.write("12345", to: "f")
        #expect(try WholeFile.read(file, sizeMax: 5) == Array("12345".utf8))
        #expect(throws: DatasetError.tooLarge(path: file, sizeMax: 4)) {
            try WholeFile.read(file, sizeMax: 4)
        }
        #expect(throws: DatasetError.tooLarge(path: "/dev/zero", sizeMax: 1 << 22)) {
            try WholeFile.read("/dev/zero", sizeMax: 1 << 22)
        }
    }

    @Test("A file is replaced whole and leaves nothing beside it")
    func writes() throws {
        let folder = try TemporaryFolder("write")
        let deep = folder.path("a/b")
        try WholeFile.createFolder(deep)
        try WholeFile.createFolder(deep)
        try WholeFile.write([1, 2], to: deep + "/f")
        try WholeFile.write([3], to: deep + "/f")
        #expect(try WholeFile.read(deep + "/f") == [3])
        #expect(try Subprocess.run("ls", ["-A", deep]).output == "f\n")
        #expect(throws: DatasetError.self) { try WholeFile.write([1], to: deep) }
        #expect(try Subprocess.run("ls", ["-A", folder.path("a")]).output == "b\n")
    }
}
