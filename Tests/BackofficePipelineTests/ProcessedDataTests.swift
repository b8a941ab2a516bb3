import BackofficePipeline
import Foundation
import ObjectStore
import Registry
import TestSupport
import Testing

@Suite struct ProcessedDataTests {
    @Test(
        "duckdb counts the rows, units and labels of a data set as the raw file has them",
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)))
    func duckdb() throws {
        let folder = try SmallNight.copy()
        let workspace = try SmallNight.open(folder)
        let newest = try #require(try workspace.registry.newestDataSet())
        let stored = workspace.objects.place(
            bucket: .processedData, key: try ObjectKey(newest.objectKey))
        let script = """
            import sys, duckdb
            raw = [list(map(float, line.split())) for line in open(sys.argv[2]) if line.strip()]
            last = {}
            for row in raw: last[row[0]] = max(last.get(row[0], 0), row[1])
            rows = duckdb.sql(f"SELECT * FROM '{sys.argv[1]}'").fetchall()
            assert len(rows) == len(raw), (len(rows), len(raw))
            for row, expected in zip(rows, raw):
                unit, installation, role, cycle, *values, rul, serviced = row
                assert (float(unit), installation, cycle) == (expected[0], 1, expected[1])
                assert serviced is False
                assert rul == last[expected[0]] - expected[1]
                for value, text in zip(values, expected[2:], strict=True):
                    assert abs(value - text) <= 1e-6 * abs(text), (value, text)
            query = f"SELECT role, count(DISTINCT unit) FROM '{sys.argv[1]}' GROUP BY role"
            print(sorted(duckdb.sql(query).fetchall()))
            """
        let seen = try OraclePython.run(script, [stored, folder.path("data/train_SIM.txt")])
        #expect(seen == "[('calibrate', 2), ('evaluate', 9), ('train', 28), ('tune', 1)]\n")
    }
}
