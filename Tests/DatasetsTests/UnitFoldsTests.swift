import Datasets
import Testing

@Suite("Folds of units")
struct UnitFoldsTests {
    @Test("Every unit is held out once, and folds differ by at most one unit")
    func heldOutOnce() {
        let folds = UnitFolds(unitCount: 103, foldCount: 5, seed: 7)
        let roles = (0..<5).map { folds.roles(holdingOut: $0) }
        for unit in 0..<103 { #expect(roles.count { $0[unit] == .evaluate } == 1) }
        let sizes = roles.map { fold in fold.count { $0 == .evaluate } }
        #expect(sizes.reduce(0, +) == 103)
        #expect(Set(sizes) == [20, 21])
    }

    @Test("The units not held out are shared 14 : 1 : 2, as a night shares them")
    func shares() {
        let folds = UnitFolds(unitCount: 85, foldCount: 5, seed: 1)
        for fold in 0..<5 {
            let roles = folds.roles(holdingOut: fold)
            #expect(roles.count { $0 == .train } == 56)
            #expect(roles.count { $0 == .tune } == 4)
            #expect(roles.count { $0 == .calibrate } == 8)
        }
    }

    @Test("Another seed deals otherwise, the same one alike")
    func seeds() {
        let one = UnitFolds(unitCount: 20, foldCount: 4, seed: 1)
        #expect(one == UnitFolds(unitCount: 20, foldCount: 4, seed: 1))
        #expect(
            one.roles(holdingOut: 0)
                != UnitFolds(unitCount: 20, foldCount: 4, seed: 2).roles(holdingOut: 0))
    }

    @Test("Two folds of eight units have every role, two of seven have not", arguments: [8, 7])
    func complete(unitCount: Int) {
        let folds = UnitFolds(unitCount: unitCount, foldCount: 2, seed: 1)
        #expect(folds.isComplete == (unitCount == 8))
    }
}
