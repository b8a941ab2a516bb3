/// A piece of HTML or SVG; text and attribute values are escaped when it is written.
struct Markup {
    private indirect enum Content {
        case text(String)
        case style(String)
        case element(name: String, attributes: [(String, String)], children: [Markup])
    }

    private let content: Content

    /// An element with its attributes in the order of writing.
    static func element(
        _ name: String, _ attributes: [(String, String)] = [], _ children: [Markup] = []
    ) -> Markup {
        Markup(content: .element(name: name, attributes: attributes, children: children))
    }

    /// An element that holds one text.
    static func element(
        _ name: String, _ attributes: [(String, String)] = [], text: String
    ) -> Markup {
        element(name, attributes, [.text(text)])
    }

    /// Text between tags.
    static func text(_ text: String) -> Markup { Markup(content: .text(text)) }

    /// A style sheet, which HTML does not escape.
    /// - Precondition: `css` does not close the element.
    static func style(_ css: String) -> Markup {
        precondition(!css.contains("</"), "a style sheet that closes its element")
        return Markup(content: .style(css))
    }

    /// The markup as text.
    var html: String {
        var text = ""
        write(to: &text)
        return text
    }

    /// HTML elements without content and end tag, of those that are used here.
    private static let void: Set<String> = ["meta"]

    private func write(to text: inout String) {
        switch content {
        case .text(let plain): Self.escape(plain, to: &text)
        case .style(let css): text += "<style>\(css)</style>"
        case .element(let name, let attributes, let children):
            text += "<\(name)"
            for (key, value) in attributes {
                text += " \(key)=\""
                Self.escape(value, to: &text)
                text += "\""
            }
            text += ">"
            guard !Self.void.contains(name) else { return }
            for child in children { child.write(to: &text) }
            text += "</\(name)>"
        }
    }

    private static func escape(_ plain: String, to text: inout String) {
        for scalar in plain.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
