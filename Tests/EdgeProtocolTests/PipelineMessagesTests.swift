import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Messages of the pipeline")
struct PipelineMessagesTests {
    static let hex = String(repeating: "0a", count: 32)
    static let other = String(repeating: "b1", count: 32)
    let digest: Digest
    let configHash: Digest
    let runID: UnitIdentifier

    init() throws {
        digest = try #require(Digest(hex: Self.hex))
        configHash = try #require(Digest(hex: Self.other))
        runID = try #require(UnitIdentifier("0123456789abcdef"))
    }

    @Test("A claim check has the four members that other programs rely on, and reads back")
    func claimCheck() throws {
        let check = ClaimCheck(
            key: "\(Self.other)/training.parquet", digest: digest, configHash: configHash)
        let text = """
            {"bucket":"processed-data","key":"\(Self.other)/training.parquet",\
            "digest":"\(Self.hex)","config_hash":"\(Self.other)"}
            """
        #expect(String(decoding: check.payload, as: UTF8.self) == text)
        #expect(try ClaimCheck(payload: check.payload) == check)
        // What preprocess prints says more, in any order.
        let described = """
            {"rows": 9, "config_hash": "\(Self.other)", "digest": "\(Self.hex)",
             "key": "\(Self.other)/training.parquet", "bucket": "processed-data"}
            """
        #expect(try ClaimCheck(payload: Array(described.utf8)) == check)
    }

    @Test("The end of a training has a status, and a reason exactly when it FAILED")
    func outcome() throws {
        func outcome(_ status: TrainingOutcome.Status) -> TrainingOutcome {
            TrainingOutcome(
                runID: runID, modelType: "lstm", configHash: configHash, status: status)
        }
        let start = #"{"run_id":"0123456789abcdef","model_type":"lstm","config_hash":""#
        let success = outcome(.success)
        #expect(
            String(decoding: success.payload, as: UTF8.self)
                == start + Self.other + #"","status":"SUCCESS"}"#)
        #expect(try TrainingOutcome(payload: success.payload) == success)
        let failed = outcome(.failed(reason: "The loss was \"nan\"."))
        #expect(
            String(decoding: failed.payload, as: UTF8.self)
                == start + Self.other
                + #"","status":"FAILED","reason":"The loss was \"nan\"."}"#)
        #expect(try TrainingOutcome(payload: failed.payload) == failed)
    }

    @Test(
        "A reason of any length and content still fits a message", arguments: ["x", "\u{1}", "😀"])
    func longReason(of character: String) throws {
        let reason = String(repeating: character, count: 5_000)
        let sent = TrainingOutcome(
            runID: runID, modelType: "gru", configHash: configHash, status: .failed(reason: reason))
        let read = try TrainingOutcome(payload: sent.payload)
        #expect(read.status == .failed(reason: String(reason.prefix(1_000))))
    }

    /// A payload that is refused, and the field that the error names.
    static let badChecks: [(String, String)] = [
        ("", "byte 0"), ("[]", "(root)"), ("null", "(root)"),
        (#"{"bucket":"models","key":"k","digest":"\#(hex)","config_hash":"\#(hex)"}"#, "bucket"),
        (#"{"bucket":"processed-data","key":"","digest":"\#(hex)","config_hash":""}"#, "key"),
        (#"{"bucket":"processed-data","key":7,"digest":"\#(hex)","config_hash":""}"#, "key"),
        (#"{"bucket":"processed-data","key":"k","digest":"0a","config_hash":"0a"}"#, "digest"),
        (#"{"bucket":"processed-data","key":"k","digest":"\#(hex)"}"#, "config_hash"),
        (#"{"bucket":"processed-data","key":"a","key":"b"}"#, "key"),
    ]

    @Test("A claim check that is none is refused with the field", arguments: badChecks)
    func badCheck(payload: String, named: String) {
        let error = #expect(throws: PipelineMessageError.self) {
            try ClaimCheck(payload: Array(payload.utf8))
        }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
    }

    static let badOutcomes: [(String, String)] = [
        ("{}", "run_id"),
        (
            #"{"run_id":"a b","model_type":"x","config_hash":"\#(hex)","status":"SUCCESS"}"#,
            "run_id"
        ),
        (#"{"run_id":"a","config_hash":"\#(hex)","status":"SUCCESS"}"#, "model_type"),
        (#"{"run_id":"a","model_type":"x","config_hash":"\#(hex)","status":"RUNNING"}"#, "status"),
        (#"{"run_id":"a","model_type":"x","config_hash":"\#(hex)","status":"FAILED"}"#, "reason"),
        (#"{"run_id":"a","model_type":"x","config_hash":"0","status":"SUCCESS"}"#, "config_hash"),
    ]

    @Test("The end of a training that is none is refused with the field", arguments: badOutcomes)
    func badOutcome(payload: String, named: String) {
        let error = #expect(throws: PipelineMessageError.self) {
            try TrainingOutcome(payload: Array(payload.utf8))
        }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
    }

    @Test("A message of the limit is read, one byte more is not")
    func sizeLimit() throws {
        let check = ClaimCheck(key: "k", digest: digest, configHash: configHash)
        let room = ProtocolLimits.pipelineSizeMax - check.payload.count
        let padded = check.payload + Array(repeating: UInt8(ascii: " "), count: room)
        #expect(try ClaimCheck(payload: padded) == check)
        let size = ProtocolLimits.pipelineSizeMax + 1
        #expect(throws: PipelineMessageError.tooLarge(size: size)) {
            try ClaimCheck(payload: padded + [UInt8(ascii: " ")])
        }
    }
}
