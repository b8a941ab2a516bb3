import Datasets
package import ObjectStore
import Prognostics
import Sodium
import StrictJSON

/// Where a workspace's objects are.
package enum ObjectStoreChoice: Sendable {
    /// In the folder `objects` of the workspace.
    case folder
    case s3(S3Configuration)

    /// The word for it, as in `OBJECT_STORE`.
    package var text: String {
        switch self {
        case .folder: "folder"
        case .s3(let configuration): configuration.description
        }
    }
}

/// Holds a workspace to the object store it was made with, and the store to the workspace.
///
/// The registry names objects and says nothing of where they are. A workspace on a server says it
/// in its file `object-store`, with an identifier that the store has as well: a registry is never
/// used with the objects of another one, or with none. No file means the folder.
struct StoreBinding {
    private static let sizeMax = 4_096

    private let choice: ObjectStoreChoice
    private let workspace: String
    private var path: String { "\(workspace)/object-store" }

    init(_ choice: ObjectStoreChoice, workspace: String) {
        self.choice = choice
        self.workspace = workspace
    }

    /// The store of the choice.
    var objects: any ObjectStore {
        switch choice {
        case .folder: FolderStore(root: "\(workspace)/objects")
        case .s3(let configuration): S3Store(configuration)
        }
    }

    /// Writes down which store a new workspace uses, and the workspace's name into the store.
    func make() throws {
        guard case .s3 = choice else {
            try objects.prepare()
            return
        }
        // A first night that was killed, or had no server, has written the file before.
        let known = try read()
        let identifier =
            known?.store == choice.text
            ? known?.identifier ?? "" : SHA256.digest(of: randomBytes(count: 32)).description
        let file: JSON = ["object_store": .string(choice.text), "id": .string(identifier)]
        try WholeFile.write(file.bytes, to: path)
        try objects.prepare()
        do throws(ObjectStoreError) {
            try objects.put(Array(identifier.utf8), bucket: .modelPromotion, key: Self.key())
        } catch {
            guard case .conflict = error else { throw error }
            throw BackofficeError.foreignObjectStore(
                store: choice.text, holds: "the objects of another one")
        }
    }

    /// Refuses any other store than that of the workspace; asks no server.
    func check() throws {
        let made = try read()?.store ?? ObjectStoreChoice.folder.text
        guard made == choice.text else {
            throw BackofficeError.otherObjectStore(
                workspace: workspace, made: made, asked: choice.text)
        }
    }

    /// Readies the store for a change, and refuses one that is not this workspace's.
    func prepare() throws {
        try objects.prepare()
        guard case .s3 = choice else { return }
        let stored: [UInt8]
        do throws(ObjectStoreError) {
            stored = try objects.get(
                bucket: .modelPromotion, key: Self.key(), sizeMax: Self.sizeMax)
        } catch {
            guard case .missing = error else { throw error }
            throw BackofficeError.foreignObjectStore(store: choice.text, holds: "no objects of it")
        }
        guard try stored == Array((read()?.identifier ?? "").utf8) else {
            throw BackofficeError.foreignObjectStore(
                store: choice.text, holds: "the objects of another one")
        }
    }

    /// The object that says whose store it is.
    private static func key() throws(ObjectStoreError) -> ObjectKey {
        try ObjectKey("workspace-id")
    }

    private func read() throws -> (store: String, identifier: String)? {
        guard WholeFile.exists(path) else { return nil }
        let bytes = try WholeFile.read(path, sizeMax: Self.sizeMax)
        guard let reader = try? JSONReader(parsing: bytes),
            let store = try? reader.string("object_store"),
            let identifier = try? reader.string("id")
        else {
            throw BackofficeError.file(
                operation: "read", path: path,
                reason: "expected a JSON object with object_store and id")
        }
        return (store, identifier)
    }
}
