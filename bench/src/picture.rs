//! Pictures of a run: the table with a bar for each line, and the curves of growth.

use std::fs;
use std::path::Path;

use crate::chart::{self, Axis, Chart, Line, Svg};
use crate::report::{Report, Row, number};

const WIDTH: f64 = 980.0;
const LINE: f64 = 22.0;
const TOP: f64 = 62.0;
/// Where the bars begin, how long one is that just meets its target, and how long one gets.
const BARS: f64 = 640.0;
const MET: f64 = 200.0;
const LONGEST: f64 = 320.0;

/// Draws the rows of a report into an SVG file.
pub fn draw(report: &Report, file: &Path) -> anyhow::Result<()> {
    let bottom = TOP + LINE * report.rows.len() as f64;
    let mut svg =
        Svg::new((WIDTH, bottom + 12.0), "Each figure of the service beside its limit and its target");
    svg.words((12.0, 22.0), "title", "Figure, and the limit that was measured in the same run");
    svg.words((BARS, 22.0), "small", "ratio and target; a bar that reaches the line meets it");
    for (number, row) in report.rows.iter().enumerate() {
        line(&mut svg, TOP + LINE * number as f64, row);
    }
    svg.line((BARS + MET, 34.0), (BARS + MET, bottom), "limit");
    Ok(fs::write(file, svg.end())?)
}

fn line(svg: &mut Svg, y: f64, row: &Row) {
    let Row { id, what, unit, rate, limit, .. } = row;
    let colour = if row.margin() >= 1.0 { "cf" } else { "bf" };
    let long = (row.margin() * MET).clamp(1.0, LONGEST);
    svg.bar((BARS, y - 4.0), (long, 6.0), colour);
    svg.words((12.0, y), "small", id);
    svg.words((150.0, y), "", what);
    svg.words((BARS - 12.0, y), "end", &format!("{} of {} {unit}", number(*rate), number(*limit)));
    svg.words((BARS, y - 6.0), "small", &format!("{:.2} ({})", row.ratio(), row.wanted()));
}

/// Draws what T6 found: how much is left of each rate as users, sessions and orgs grow.
pub fn draw_growth(report: &Report, file: &Path) -> anyhow::Result<()> {
    let (users, orgs) = (growth(report, "T6."), growth(report, "T6.orgs."));
    let charts = [
        chart("Share of the rate at 1,000 users and sessions", "users, each with a live session", users),
        chart("Share of the rate at 1,000 orgs", "orgs, each with a user and a live session", orgs),
    ];
    Ok(fs::write(file, chart::stacked("Rates by the number of users, sessions and orgs", &charts))?)
}

fn chart(title: &'static str, label: &'static str, lines: Vec<Line>) -> Chart {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (most, least) = (points().map(|point| point.0), points().map(|point| point.1));
    let (most, least) = (most.fold(1e4, f64::max), least.fold(1.0, f64::min));
    let marks = (3..=7).map(|power| 10_f64.powi(power)).filter(|mark| *mark <= most).collect();
    let bottom = if least < 0.1 { 0.01 } else { 0.1 };
    let heights = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0].into_iter();
    Chart {
        title,
        x: Axis { label, marks },
        y: Axis { label: "share", marks: heights.filter(|mark| *mark >= bottom).collect() },
        lines,
        limits: vec![0.9],
    }
}

/// The lines of one curve; each begins with all of its rate at a thousand.
fn growth(report: &Report, group: &str) -> Vec<Line> {
    let line = |name: &'static str| {
        let sizes = report.rows.iter().filter_map(|row| {
            let size = row.id.strip_prefix(group)?.strip_prefix(name)?.strip_prefix('.')?;
            Some((size.parse().ok()?, row.ratio()))
        });
        Line { name, points: std::iter::once((1e3, 1.0)).chain(sizes).collect() }
    };
    ["check", "mint", "sign-in"].map(line).into()
}
