//! The corpus of signed messages, each file bent many times over: a bounded run of the targets of `just fuzz`.
#![cfg(test)]

#[path = "../../../fuzz/src/doors.rs"]
mod doors;

use doors::File;
use fastrand::Rng;

/// The same in every run, so that a failing one can be repeated.
const SEED: u64 = 20_260_115;

/// How a file is bent, by whichever of these comes up, up to four times in a row.
fn bent(dice: &mut Rng, text: &[u8], other: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..dice.usize(1..=4) {
        let (from, to) = piece(dice, text.len());
        let (here, _) = piece(dice, text.len());
        match dice.u8(0..7) {
            0 => drop(text.drain(from..to)),
            1 => text.splice(here..here, text[from..to].to_vec()).for_each(drop),
            2 => text[from..to].reverse(),
            3 => text[from..to].iter_mut().for_each(|byte| *byte ^= 1 << dice.u8(0..8)),
            4 => {
                let (begin, end) = piece(dice, other.len());
                text.splice(from..to, other[begin..end].to_vec()).for_each(drop);
            }
            5 => text.splice(here..here, SIGNS[dice.usize(0..SIGNS.len())].bytes()).for_each(drop),
            _ => text.iter_mut().skip(from).take(1).for_each(|byte| *byte = dice.u8(..)),
        }
    }
    text
}

/// What has a meaning to one of the readers.
const SIGNS: [&str; 20] = [
    "<",
    ">",
    "\"",
    "&lt;",
    "&#0;",
    "<!--",
    "-->",
    "]]>",
    "<?",
    "/>",
    " ID=\"x\"",
    ".",
    "=",
    "==",
    "eyJ",
    "[",
    " eq ",
    "not (",
    "\u{feff}",
    "\0",
];

/// Where a piece begins and ends: mostly a short one.
fn piece(dice: &mut Rng, length: usize) -> (usize, usize) {
    let most = if dice.u8(0..4) == 0 { length } else { length.min(16) };
    let from = dice.usize(0..=length);
    (from, length.min(from + dice.usize(0..=most)))
}

/// Bends every file `rounds` times; what is said afterwards is what that file may say, or the one that lent it a piece.
fn nothing_new_is_said(
    files: &[File],
    rounds: usize,
    judge: fn(&[u8]) -> Option<String>,
    may_say: fn(&[u8]) -> Vec<String>,
) -> usize {
    let said: Vec<_> = files.iter().map(|file| may_say(&file.bytes)).collect();
    let mut dice = Rng::with_seed(SEED);
    let mut accepted = 0;
    for (file, original) in files.iter().zip(&said) {
        for _ in 0..rounds {
            let lender = dice.usize(0..files.len());
            let bent = bent(&mut dice, &file.bytes, &files[lender].bytes);
            let says = judge(&bent);
            let is_known = says.iter().all(|says| original.contains(says) || said[lender].contains(says));
            assert!(is_known, "{}, bent: {}", file.name, String::from_utf8_lossy(&bent));
            accepted += usize::from(says.is_some());
        }
    }
    accepted
}

#[test]
fn a_bent_saml_message_says_what_it_said_or_nothing() {
    let files = doors::corpus("saml", "xml");
    let accepted = nothing_new_is_said(&files, 24, doors::saml, doors::saml_may_say);
    assert!(files.len() > 200 && accepted > 0, "{} files, {accepted} accepted", files.len());
}

#[test]
fn a_bent_message_of_a_single_logout_says_what_it_said_or_nothing() {
    let files = doors::logouts();
    let said = files.iter().filter(|file| doors::logout(&file.bytes).is_some()).count();
    nothing_new_is_said(&files, 60, doors::logout, |message| doors::logout(message).into_iter().collect());
    assert!(files.len() > 70 && said > 15, "{} files, {said} accepted", files.len());
}

#[test]
fn a_bent_jwt_says_what_it_said_or_nothing() {
    let files = doors::corpus("jwt", "jwt");
    let said = files.iter().filter(|file| doors::jwt(&file.bytes).is_some()).count();
    nothing_new_is_said(&files, 150, doors::jwt, |token| doors::jwt(token).into_iter().collect());
    assert!(files.len() > 150 && said > 15, "{} files, {said} accepted", files.len());
}

#[test]
fn a_bent_filter_is_read_again_or_refused() {
    let filters = [
        r#"userName eq "bjensen" and (emails co "example.com" or not (active eq true))"#,
        r#"emails[type eq "work" and value ew "@example.com"].value"#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "O'\u00e9\"\\""#,
        r#"meta.lastModified ge "2026-01-15T10:30:00Z" or members[value eq 7] and title pr and x ne null"#,
    ];
    let mut dice = Rng::with_seed(SEED);
    for filter in filters {
        doors::scim(filter.as_bytes());
        for _ in 0..20_000 {
            let lender = filters[dice.usize(0..filters.len())];
            doors::scim(&bent(&mut dice, filter.as_bytes(), lender.as_bytes()));
        }
    }
}
