/// A drawing of a fixed size in its own units, scaled to the width that the page gives it, but
/// never to more than its text bears.
///
/// Colours and strokes are classes of the page's style sheet, so that one drawing is right in
/// light, dark and print.
struct Drawing {
    let width: Double
    let height: Double
    /// What the drawing shows, for who cannot see it.
    let label: String
    private var shapes: [Markup] = []

    private static let enlargementMax = 1.3

    init(width: Double, height: Double, label: String) {
        self.width = width
        self.height = height
        self.label = label
    }

    /// How a text stands at its point.
    enum Anchor: String { case start, middle, end }

    mutating func line(
        _ from: (Double, Double), _ to: (Double, Double), _ style: String
    ) {
        shapes.append(
            .element(
                "line",
                [
                    ("class", style), ("x1", Figure.coordinate(from.0)),
                    ("y1", Figure.coordinate(from.1)), ("x2", Figure.coordinate(to.0)),
                    ("y2", Figure.coordinate(to.1)),
                ]))
    }

    mutating func polyline(_ points: [(Double, Double)], _ style: String) {
        shapes.append(
            .element("polyline", [("class", style), ("points", Self.list(points))]))
    }

    mutating func polygon(_ points: [(Double, Double)], _ style: String) {
        shapes.append(.element("polygon", [("class", style), ("points", Self.list(points))]))
    }

    mutating func circle(_ center: (Double, Double), radius: Double, _ style: String) {
        shapes.append(
            .element(
                "circle",
                [
                    ("class", style), ("cx", Figure.coordinate(center.0)),
                    ("cy", Figure.coordinate(center.1)), ("r", Figure.coordinate(radius)),
                ]))
    }

    /// A rectangle with a tip that a pointer shows.
    mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, _ style: String, tip: String
    ) {
        shapes.append(
            .element(
                "rect",
                [
                    ("class", style), ("x", Figure.coordinate(x)), ("y", Figure.coordinate(y)),
                    ("width", Figure.coordinate(max(width, 0))),
                    ("height", Figure.coordinate(max(height, 0))),
                ], [.element("title", text: tip)]))
    }

    mutating func text(
        _ text: String, at point: (Double, Double), _ anchor: Anchor = .start,
        _ style: String = "tick"
    ) {
        shapes.append(
            .element(
                "text",
                [
                    ("class", style), ("x", Figure.coordinate(point.0)),
                    ("y", Figure.coordinate(point.1)), ("text-anchor", anchor.rawValue),
                ], text: text))
    }

    /// The drawing as an element of a page.
    var markup: Markup {
        .element(
            "svg",
            [
                ("viewBox", "0 0 \(Figure.coordinate(width)) \(Figure.coordinate(height))"),
                ("role", "img"), ("aria-label", label),
                ("style", "max-width:\(Figure.coordinate(Self.enlargementMax * width))px"),
            ], shapes)
    }

    private static func list(_ points: [(Double, Double)]) -> String {
        points.map { "\(Figure.coordinate($0.0)),\(Figure.coordinate($0.1))" }
            .joined(separator: " ")
    }
}
