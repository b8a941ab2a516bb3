import ObjectStore

/// The name of a pulled page: `{fleet}/{agent}/{store_id}/{first}-{last}.parquet`.
///
/// Pages that an older program pulled end in `.jsonl.gz`, as does one whose lines say something
/// that no column holds.
struct StoredPage: Equatable {
    /// How a page is stored.
    enum Format: String, CaseIterable {
        /// A table, a row per entry.
        case table = ".parquet"
        /// The lines as they came, compressed.
        case lines = ".jsonl.gz"
    }

    let fleet: String
    let agent: String
    let storeID: String
    /// The entries' range of sequence numbers, both ends included.
    let first: Int64
    let last: Int64
    let format: Format

    init(
        fleet: String, agent: String, storeID: String, first: Int64, last: Int64, format: Format
    ) {
        self.fleet = fleet
        self.agent = agent
        self.storeID = storeID
        self.first = first
        self.last = last
        self.format = format
    }

    /// Reads a key; nil for an object that is no page.
    init?(key: ObjectKey) {
        let levels = key.description.split(separator: "/").map(String.init)
        guard levels.count == 4,
            let format = Format.allCases.first(where: { levels[3].hasSuffix($0.rawValue) })
        else { return nil }
        let range = levels[3].dropLast(format.rawValue.count).split(separator: "-")
        guard range.count == 2, let first = Int64(range[0]), let last = Int64(range[1]),
            first >= 1, last >= first
        else { return nil }
        self.init(
            fleet: levels[0], agent: levels[1], storeID: levels[2], first: first, last: last,
            format: format)
    }

    func key() throws(ObjectStoreError) -> ObjectKey {
        try ObjectKey("\(fleet)/\(agent)/\(storeID)/\(first)-\(last)\(format.rawValue)")
    }
}
