//! The live view: one line per request, for people.

use crate::journal::Entry;

/// Whether a line has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None: a pipe, a file, or somebody who does not want them.
    No,
    /// Those of ANSI terminals.
    Ansi,
}

/// One request as a line without its end: time, method, address, status, user, session, fault.
pub fn line(entry: &Entry, colours: Colours) -> String {
    let address = format!("{}{}", entry.host.as_deref().unwrap_or_default(), entry.path);
    let status = entry.status.map_or("-".to_owned(), |status| status.to_string());
    let columns = [
        (10, clock_time(&entry.time).to_owned()),
        (7, entry.method.clone()),
        (64, address),
        (4, status),
        (24, entry.user.clone().unwrap_or_else(|| "-".into())),
        (17, entry.session.clone().unwrap_or_else(|| "-".into())),
        (0, entry.fault.as_ref().map_or_else(String::new, |fault| format!("! {fault}"))),
    ];
    let padded = columns.iter().map(|(width, text)| cell(text, *width));
    let coloured = padded.enumerate().map(|(place, cell)| match (colours, colour(place, entry)) {
        (Colours::Ansi, Some(colour)) => format!("\x1b[{colour}m{cell}\x1b[0m"),
        _ => cell,
    });
    coloured.collect::<String>().trim_end().to_owned()
}

/// `10:39:12` of `2026-08-22T10:39:12.000Z`.
fn clock_time(time: &str) -> &str {
    time.get(11..19).unwrap_or(time)
}

/// A text in its column, which grows rather than hides; what could steer a terminal is shown as a question mark.
fn cell(text: &str, width: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let blanks = width.saturating_sub(text.chars().count()).max(usize::from(width > 0));
    format!("{text}{}", " ".repeat(blanks))
}

/// The colour of a column: that of the status by its hundred, and the fault's.
fn colour(place: usize, entry: &Entry) -> Option<&'static str> {
    const STATUS: usize = 3;
    const FAULT: usize = 6;
    match (place, entry.status) {
        (STATUS, Some(200..=299)) => Some("32"),
        (STATUS, Some(300..=399)) => Some("36"),
        (STATUS, Some(400..=499)) => Some("33"),
        (STATUS, _) => Some("31"),
        (FAULT, _) if entry.fault.is_some() => Some("35"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::By;

    fn entry() -> Entry {
        Entry {
            n: 1,
            time: "2026-08-22T10:39:12.000Z".into(),
            host: Some("use4.dm-us.informaticacloud.com".into()),
            method: "GET".into(),
            path: "/saas/api/v2/job".into(),
            query: None,
            user: Some("etl.robot".into()),
            org: None,
            session: Some("session:1a2b3c4d".into()),
            headers: [].into(),
            body: None,
            status: Some(401),
            fault: Some("expire-mid-job".into()),
            by: By::Service,
        }
    }

    #[test]
    fn lines_stand_in_columns() {
        let direct = Entry { host: None, user: None, session: None, fault: None, status: None, ..entry() };
        assert_eq!(
            [entry(), direct].map(|entry| line(&entry, Colours::No)),
            [
                "10:39:12  GET    use4.dm-us.informaticacloud.com/saas/api/v2/job                 401 etl.robot               session:1a2b3c4d ! expire-mid-job",
                "10:39:12  GET    /saas/api/v2/job                                                -   -                       -",
            ]
        );
    }

    #[test]
    fn colours_come_when_they_are_asked_for() {
        let coloured = line(&entry(), Colours::Ansi);
        assert!(
            coloured.contains("\x1b[33m401 \x1b[0m") && coloured.ends_with("\x1b[35m! expire-mid-job\x1b[0m")
        );
        let plain = coloured.replace("\x1b[33m", "").replace("\x1b[35m", "").replace("\x1b[0m", "");
        assert_eq!(plain, line(&entry(), Colours::No));
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let evil = Entry { user: Some("a\x1b[2Jb".into()), path: "/".repeat(100), ..entry() };
        let line = line(&evil, Colours::No);
        assert!(!line.contains('\x1b') && line.contains("a?[2Jb") && line.contains(&"/".repeat(100)));
    }
}
