import TestSupport
import Testing

@Suite("Mutations")
struct MutationTests {
    @Test(
        "Every deliberate fault still applies, and says its promise and its suite",
        .enabled(if: Subprocess.find("git") != nil, "git is not installed."))
    func apply() throws {
        let checked = try Subprocess.run(
            PackageRoot.file("Tests/Mutations/run.sh"), ["--check"], seconds: 60)
        #expect(
            checked.status == 0,
            "Make the patch anew (its fault, on today's code): \(checked.errors)")
        #expect(FileBytes.names(in: PackageRoot.file("Tests/Mutations")).count > 30)
    }
}
