//! Passwords that everybody tries first, made from a few words and rules instead of a long list.
//!
//! What people do to a common word, capitals, digits for letters, a year or a mark behind it, is undone before the
//! word is looked up, so that a few hundred words stand for some hundred thousand passwords.

/// Words that lead the published counts of leaked passwords, or name what a password is for.
const WORDS: &str = "password passwort passw pass word motdepasse contrasena senha parola haslo wachtwoord secret \
    geheim login logon signin welcome willkommen bienvenue hello hallo admin administrator administrador root user \
    guest test testing tester demo default changeme changeit letmein letmeinnow trustno iloveyou loveyou ilove \
    monkey dragon master shadow superman batman spiderman pokemon naruto starwars football baseball basketball \
    soccer hockey liverpool chelsea arsenal barcelona juventus sunshine princess flower butterfly chocolate cookie \
    summer winter spring autumn sommer fruhling herbst january february march april june july august september \
    october november december monday tuesday wednesday thursday friday saturday sunday michael jennifer jordan \
    jessica ashley daniel andrew joshua matthew charlie thomas robert william anthony michelle nicole samantha \
    computer internet server database oracle mysql postgres cisco windows microsoft google apple samsung linux \
    ubuntu android freedom whatever nothing access killer hunter ranger buster tigger ginger pepper cheese banana \
    purple orange yellow silver golden diamond mustang ferrari porsche mercedes corvette harley yamaha company \
    business office service support system manager security private personal temporary temp initial start begin \
    abc abcd qwerty qwertz azerty asdf asdfgh zxcvbn qazwsx qwe qweasd informatica idmc iics latchkey lovely babygirl \
    angel jesus christ blessed maggie bailey peanut snoopy family friends forever england deutschland france \
    america london berlin paris mexico brasil india";

/// Rows of keyboards and alphabets; any stretch of one of them is easy to find, forwards and backwards.
const ROWS: [&str; 9] = [
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
    "012345678901234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "147258369",
];

/// Whether this is among the first that anybody tries.
pub(crate) fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    is_stretch(&lower) || is_again_and_again(&lower) || is_decorated_word(&lower)
}

/// One stretch of a row, with nothing else but marks and digits behind it.
fn is_stretch(text: &str) -> bool {
    let is_part = |part: &str| {
        let backwards: String = part.chars().rev().collect();
        ROWS.iter().any(|row| row.contains(part) || row.contains(&backwards))
    };
    let word = without_tail(text);
    is_part(text) || (word.len() > 5 && is_part(word))
}

/// A piece of at most four characters, repeated.
fn is_again_and_again(text: &str) -> bool {
    let all: Vec<char> = text.chars().collect();
    (1..=4).any(|length| all.iter().zip(all.iter().skip(length)).all(|(one, later)| one == later))
}

/// A common word, once or twice, with digits for letters, and marks and digits around it.
fn is_decorated_word(text: &str) -> bool {
    let spellings = [text.to_owned(), plain(text, 'l'), plain(text, 'i')];
    let cores = spellings.iter().flat_map(|text| [without_tail(text), text.as_str()]);
    let mut words = cores.map(|word| word.trim_start_matches(|c: char| !c.is_alphabetic()));
    words.any(|word| is_word(word) || halves(word).is_some_and(|(one, other)| one == other && is_word(one)))
        || without_tail(&plain(without_tail(text), 'l')).split_whitespace().all(is_word)
}

fn is_word(text: &str) -> bool {
    WORDS.split_whitespace().any(|word| word == text)
}

fn halves(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.len() / 2)
}

fn without_tail(text: &str) -> &str {
    text.trim_end_matches(|c: char| !c.is_alphabetic())
}

/// The letters that digits and marks stand for; a one is an `l` or an `i`.
fn plain(text: &str, one: char) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_is_common_however_it_is_decorated() {
        for common in [
            "password",
            "Password1",
            "P@ssw0rd!",
            "passwordpassword",
            "Welcome2026!",
            "qwertyuiop",
            "Qwerty123456",
            "12345678",
            "987654321",
            "1q2w3e4r5t",
            "abcdefgh",
            "zyxwvuts",
            "abcabcabc",
            "12121212",
            "Summer2026",
            "iloveyou99",
            "adm1n1strator",
            "letmein!!!",
            "!!Dragon!!",
            "Informatica1",
            "$ecret1234",
            "asdfghjkl1!",
        ] {
            assert!(is_common(common), "{common}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for rare in [
            "correct horse",
            "battery staple",
            "other side",
            "a good one",
            "dragonfly-tango",
            "passwordless entry",
            "Tr0ub4dor&3",
            "qwerty is a row",
            "9f3c1a7be2",
            "summer of 69 was",
            "",
            "é",
        ] {
            assert!(!is_common(rare) || rare.chars().count() < 5, "{rare}");
        }
    }
}
