//! Pictures of figures as SVG, readable on a light page and on a dark one.

use std::fmt::Write;

/// Colours by role; a viewer who prefers dark pages gets the second set.
const STYLE: &str = "\
.page{fill:#ffffff}.grid{stroke:#d8dee4}.axis{stroke:#57606a}.limit{stroke:#57606a;stroke-dasharray:2 4}\
text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}.small{font-size:11px;fill:#57606a}\
.end{text-anchor:end}.middle{text-anchor:middle}\
.a{stroke:#0969da}.b{stroke:#bc4c00}.c{stroke:#1a7f37}.d{stroke:#8250df}\
.af{fill:#0969da}.bf{fill:#bc4c00}.cf{fill:#1a7f37}.df{fill:#8250df}\
polyline{fill:none;stroke-width:2}\
@media (prefers-color-scheme:dark){.page{fill:#0d1117}.grid{stroke:#30363d}.axis,.limit{stroke:#8b949e}\
text{fill:#e6edf3}.small{fill:#8b949e}.a{stroke:#58a6ff}.b{stroke:#f0883e}.c{stroke:#3fb950}.d{stroke:#bc8cff}\
.af{fill:#58a6ff}.bf{fill:#f0883e}.cf{fill:#3fb950}.df{fill:#bc8cff}}";

/// Classes of lines, and of what is filled in the same colour, in the order in which they are given out.
const COLOURS: [(&str, &str); 4] = [("a", "af"), ("b", "bf"), ("c", "cf"), ("d", "df")];

/// A picture under way. Places are pixels from the upper left corner.
pub struct Svg {
    text: String,
}

impl Svg {
    /// An empty page of this width and height, which says what it is to whoever cannot see it.
    pub fn new((width, height): (f64, f64), about: &str) -> Self {
        let about = escaped(about);
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{about}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
        );
        Self { text }
    }

    /// Words; the classes `title`, `small`, `middle` and `end` say how and on which side of the place they stand.
    pub fn words(&mut self, (x, y): (f64, f64), class: &str, words: &str) {
        self.add(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escaped(words)));
    }

    /// A straight line: `grid`, `axis` or `limit`.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        ));
    }

    /// A bar, from its upper left corner.
    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>"
        ));
    }

    fn way(&mut self, places: &[(f64, f64)], class: &str) {
        let points: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!("<polyline points=\"{}\" class=\"{class}\"/>", points.join(" ")));
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "{element}");
    }

    /// The whole file.
    pub fn end(self) -> String {
        self.text + "</svg>\n"
    }
}

/// One axis, logarithmic, from its first mark to its last.
pub struct Axis {
    pub label: &'static str,
    pub marks: Vec<f64>,
}

impl Axis {
    /// Where a value stands between the ends of the axis, 0 to 1; what lies beyond them stands at the end.
    fn share(&self, value: f64) -> f64 {
        let (first, last) =
            (self.marks.first().copied().unwrap_or(1.0), self.marks.last().copied().unwrap_or(10.0));
        ((value / first).ln() / (last / first).ln()).clamp(0.0, 1.0)
    }
}

/// What changes with `x`.
pub struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

/// Lines over the same two axes.
pub struct Chart {
    pub title: &'static str,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
    /// Values of `y` to compare with.
    pub limits: Vec<f64>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 180.0;
const ABOVE: f64 = 40.0;
const BELOW: f64 = 48.0;

/// Charts below one another.
pub fn stacked(about: &str, charts: &[Chart]) -> String {
    let mut svg = Svg::new((WIDTH, HEIGHT * charts.len() as f64), about);
    for (number, chart) in charts.iter().enumerate() {
        chart.draw(&mut svg, HEIGHT * number as f64);
    }
    svg.end()
}

impl Chart {
    fn draw(&self, svg: &mut Svg, top: f64) {
        let (left, right) = (LEFT, WIDTH - RIGHT);
        let (above, below) = (top + ABOVE, top + HEIGHT - BELOW);
        let across = |value| left + (right - left) * self.x.share(value);
        let up = |value| below - (below - above) * self.y.share(value);
        svg.words((left, top + 24.0), "title", self.title);
        for mark in &self.y.marks {
            svg.line((left, up(*mark)), (right, up(*mark)), "grid");
            svg.words((left - 8.0, up(*mark) + 4.0), "small end", &mark.to_string());
        }
        for mark in &self.x.marks {
            svg.words((across(*mark), below + 18.0), "small middle", &mark.to_string());
        }
        for limit in &self.limits {
            svg.line((left, up(*limit)), (right, up(*limit)), "limit");
        }
        svg.line((left, below), (right, below), "axis");
        svg.words(((left + right) / 2.0, below + 38.0), "small middle", self.x.label);
        svg.words((left - 48.0, top + ABOVE - 8.0), "small", self.y.label);
        let colours = COLOURS.into_iter().cycle();
        for (number, (line, (stroke, fill))) in self.lines.iter().zip(colours).enumerate() {
            let places: Vec<_> = line.points.iter().map(|(x, y)| (across(*x), up(*y))).collect();
            svg.way(&places, stroke);
            let y = above + 8.0 + 20.0 * number as f64;
            svg.bar((right + 16.0, y - 5.0), (14.0, 4.0), fill);
            svg.words((right + 36.0, y + 1.0), "small", line.name);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let axis = |label| Axis { label, marks: vec![1.0, 10.0, 100.0] };
        let line = Line { name: "a < b", points: vec![(1.0, 1.0), (10.0, 10.0), (100.0, 1e6)] };
        let chart = Chart { title: "t", x: axis("x"), y: axis("y"), lines: vec![line], limits: vec![10.0] };
        let svg = stacked("both", &[chart]);
        assert!(
            svg.contains("<polyline points=\"64.0,272.0 322.0,156.0 580.0,40.0\" class=\"a\"/>"),
            "{svg}"
        );
        assert!(
            svg.contains("a &lt; b")
                && svg.contains("y1=\"156.0\" x2=\"580.0\" y2=\"156.0\" class=\"limit\"")
        );
    }
}
