/// Finds the operating regimes in a fleet's settings: k-means with a deterministic start.
///
/// Points are settings in the device's scale (altitude / 42, Mach / 0.84, throttle / 100), so that
/// one distance serves all three. The number of regimes is not asked for: starting points are the
/// mean, or, when a point lies farther than ``separation`` from it, points each farthest from all
/// before (Gonzalez 1985), until every point lies within ``separation`` of one or there are
/// ``countMax``. One operating point thus gives k = 1 and the six of FD002 give k = 6. Lloyd's
/// iterations then move the points to the means of their clusters.
package enum RegimeClustering {
    /// A point in scaled settings.
    package typealias Point = InlineArray<3, Double>

    /// The greatest number of regimes: C-MAPSS flies six operating points.
    package static let countMax = 6
    /// Points this close are one regime: C-MAPSS's six lie at least 0.16 apart and scatter by less
    /// than 0.005.
    package static let separation = 0.08
    /// Lloyd's iterations after which the result is taken as it is; separated regimes need two.
    package static let iterationMax = 100

    /// The centroids of the regimes, ordered by setting 1, then 2, then 3.
    /// - Precondition: There is at least one point.
    package static func centroids(of points: [Point]) -> [Point] {
        precondition(!points.isEmpty, "no settings to cluster")
        var centroids = start(points)
        var assignment = [Int](repeating: -1, count: points.count)
        for _ in 0..<iterationMax {
            let next = points.map { nearest(to: $0, of: centroids).index }
            if next == assignment { break }
            assignment = next
            for index in centroids.indices {
                let members = points.indices.lazy.filter { assignment[$0] == index }
                if let mean = mean(members.map { points[$0] }) { centroids[index] = mean }
            }
        }
        return centroids.sorted { a, b in (a[0], a[1], a[2]) < (b[0], b[1], b[2]) }
    }

    /// The centroid nearest to a point and the square of its distance; the first of equals.
    package static func nearest(
        to point: Point, of centroids: [Point]
    ) -> (index: Int, squaredDistance: Double) {
        var best = (index: 0, squaredDistance: Double.infinity)
        for (index, centroid) in centroids.enumerated() {
            var sum = 0.0
            for axis in 0..<3 {
                let difference = point[axis] - centroid[axis]
                sum += difference * difference
            }
            if sum < best.squaredDistance { best = (index, sum) }
        }
        return best
    }

    private static func start(_ points: [Point]) -> [Point] {
        var centroids = mean(points).map { [$0] } ?? []
        var far = farthest(points, from: centroids)
        guard far.squaredDistance > separation * separation else { return centroids }
        centroids = []
        repeat {
            centroids.append(far.point)
            far = farthest(points, from: centroids)
        } while centroids.count < countMax && far.squaredDistance > separation * separation
        return centroids
    }

    private static func farthest(
        _ points: [Point], from centroids: [Point]
    ) -> (point: Point, squaredDistance: Double) {
        var best = (point: points[0], squaredDistance: -1.0)
        for point in points {
            let distance = nearest(to: point, of: centroids).squaredDistance
            if distance > best.squaredDistance { best = (point, distance) }
        }
        return best
    }

    private static func mean(_ points: some Sequence<Point>) -> Point? {
        var sum = Point(repeating: 0)
        var count = 0.0
        for point in points {
            for axis in 0..<3 { sum[axis] += point[axis] }
            count += 1
        }
        guard count > 0 else { return nil }
        for axis in 0..<3 { sum[axis] /= count }
        return sum
    }
}
