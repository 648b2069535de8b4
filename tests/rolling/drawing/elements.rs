//! The elements of an SVG, and how numbers and words are written in them.

use std::fmt::Display;

pub(super) const PAPER: &str = "#ffffff";
pub(super) const INK: &str = "#1f2933";
pub(super) const FAINT_INK: &str = "#52606d";
pub(super) const RULE: &str = "#e1e6eb";
pub(super) const REQUEST: &str = "#b8c4d0";
pub(super) const FAILURE: &str = "#c81e1e";
pub(super) const SLOWEST: &str = "#0b7285";

/// The elements so far, one a line.
pub(super) struct Drawing(pub(super) Vec<String>);

impl Drawing {
    /// The document.
    pub(super) fn end(mut self) -> String {
        self.0.extend(["</g>".to_owned(), "</svg>".to_owned(), String::new()]);
        self.0.join("\n")
    }

    /// A dashed line, to be seen on any colour.
    pub(super) fn dashed(&mut self, path: &str) {
        self.line(path, PAPER, 3.0, "stroke-opacity=\".75\"");
        self.line(path, INK, 1.0, "stroke-dasharray=\"5 4\"");
    }

    /// A line of this colour and width, with further attributes.
    pub(super) fn line(&mut self, path: &str, colour: &str, width: f64, look: &str) {
        let look = spaced(look);
        self.0.push(format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{look}/>"));
    }

    /// Words that begin at `x`, on the baseline `y`, with further attributes.
    pub(super) fn text(&mut self, x: f64, y: f64, look: &str, words: &str) {
        let (x, y, look, words) = (px(x), px(y), spaced(look), escaped(words));
        self.0.push(format!("<text x=\"{x}\" y=\"{y}\"{look}>{words}</text>"));
    }
}

/// The pattern of tasks that are stopping.
pub(super) fn hatching(name: impl Display, colour: &str) -> String {
    format!(
        "<pattern id=\"stopping-{name}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path d=\"M0 0h6v6h-6z\" fill=\"{colour}\" fill-opacity=\".12\"/>\
         <path d=\"M0 0h2v6h-2z\" fill=\"{colour}\" fill-opacity=\".8\"/></pattern>"
    )
}

/// A number as people write it: with a decimal only where it is small.
pub(super) fn told(value: f64) -> String {
    if value < 10.0 { px(value) } else { format!("{value:.0}") }
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn px(value: f64) -> String {
    let tenths = format!("{value:.1}");
    tenths.strip_suffix(".0").map(str::to_owned).unwrap_or(tenths)
}

/// The coordinate of a thin straight line: in the middle of a pixel, so that it is not spread over two.
pub(super) fn crisp(value: f64) -> String {
    px(value.floor() + 0.5)
}

/// Attributes after others.
fn spaced(look: &str) -> String {
    if look.is_empty() { String::new() } else { format!(" {look}") }
}

/// Words without anything that SVG would take for its own.
pub(super) fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
