//! One refresh, whoever asks: two hundred processes at once, killed or not.

use super::world::{PASSWORD, World};
use std::collections::BTreeSet;
use std::fs;
use std::process::Child;

const MANY: usize = 200;

fn all_at_once(world: &World) -> Vec<Child> {
    (0..MANY).map(|_| world.job(PASSWORD, &["token"]).spawn().expect("the tool can be started")).collect()
}

#[test]
fn two_hundred_processes_make_one_sign_in_and_one_mint() {
    let world = World::new();
    let mut tokens = BTreeSet::new();
    for child in all_at_once(&world) {
        let told = world.ended(child);
        assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
        tokens.insert(told.out);
    }
    assert_eq!(tokens.len(), 1);
    assert_eq!(world.counted(), (1, 1));
}

/// A session and a token that are kept in the clear, so that their time can be made to pass.
fn kept_in_the_clear(world: &World) -> String {
    let mut command = world.job(PASSWORD, &["token"]);
    command.env("LATCHKEY_KEEP", "file");
    world.told(command).out
}

#[test]
fn two_hundred_processes_over_an_expiry_make_one_refresh() {
    let nobody_ends_it: fn(&World) = |_| ();
    for (minutes, ends, refresh) in [
        // Both have ended; both are about to, and a session lives on by its use; the same, but the server ended it.
        (31, nobody_ends_it, (1, 1)),
        (26, nobody_ends_it, (0, 1)),
        (26, World::end_all, (1, 1)),
    ] {
        let world = World::new();
        let old = kept_in_the_clear(&world);
        world.age(minutes);
        ends(&world);
        let before = (world.number("sessions_opened_total"), world.number("tokens_minted_total"));
        let told: Vec<_> = all_at_once(&world).into_iter().map(|child| world.ended(child)).collect();
        assert!(told.iter().all(|told| told.code == Some(0) && told.err.is_empty()), "{minutes} minutes");
        let tokens: BTreeSet<_> = told.into_iter().map(|told| told.out).collect();
        assert!(tokens.len() == 1 && !tokens.contains(&old), "{minutes} minutes");
        let after = (world.number("sessions_opened_total"), world.number("tokens_minted_total"));
        assert_eq!((after.0 - before.0, after.1 - before.1), refresh, "{minutes} minutes");
    }
}

#[test]
fn kill_9_over_an_expiry_costs_at_most_a_sign_in_for_each_who_died() {
    let seed = 20_261_123;
    let mut dice = fastrand::Rng::with_seed(seed);
    for round in 0..3 {
        let world = World::new();
        kept_in_the_clear(&world);
        world.age(31);
        let mut children = all_at_once(&world);
        dice.shuffle(&mut children);
        let (mut doomed, spared) = children.into_iter().partition::<Vec<_>, _>(|_| dice.u8(..4) == 0);
        // One that has ended already is not killed any more.
        let killed = doomed.iter_mut().filter_map(|child| child.kill().ok()).count();
        let told: Vec<_> = spared.into_iter().map(|child| world.ended(child)).collect();
        assert!(
            told.iter().all(|told| told.code == Some(0) && told.err.is_empty()),
            "seed {seed}, round {round}"
        );
        doomed.into_iter().for_each(|child| drop(world.ended(child)));
        for file in world.kept() {
            let text = fs::read_to_string(&file).expect("it can be read");
            serde_json::from_str::<serde_json::Value>(&text).expect("it is whole");
        }
        let refreshes = (world.number("sessions_opened_total") - 1, world.number("tokens_minted_total") - 1);
        println!("{killed} of {MANY} killed, {} sign-ins and {} mints", refreshes.0, refreshes.1);
        let most = 1 + u64::try_from(killed).expect("a few");
        assert!((1..=most).contains(&refreshes.0) && (1..=most).contains(&refreshes.1), "{refreshes:?}");
        assert_eq!(world.run_job(PASSWORD, &["token"]).code, Some(0));
        assert_eq!(world.number("tokens_minted_total") - 1, refreshes.1);
    }
}

#[test]
fn kill_9_anywhere_leaves_every_file_readable_and_nobody_waiting() {
    let world = World::new();
    let seed = 20_261_122;
    let mut dice = fastrand::Rng::with_seed(seed);
    for round in 0..3 {
        let mut children = all_at_once(&world);
        dice.shuffle(&mut children);
        let (mut doomed, spared) = children.into_iter().partition::<Vec<_>, _>(|_| dice.u8(..4) == 0);
        for child in &mut doomed {
            // It may have ended already.
            let _ended = child.kill();
        }
        for child in spared {
            let told = world.ended(child);
            assert_eq!((told.code, told.err.as_str()), (Some(0), ""), "seed {seed}, round {round}");
        }
        doomed.into_iter().for_each(|child| drop(world.ended(child)));
        for file in world.kept() {
            let text = fs::read_to_string(&file).expect("it can be read");
            let entry: serde_json::Value = serde_json::from_str(&text).expect("it is whole");
            let session = entry["session"]["id"].is_string() || entry["sealed"].is_string();
            assert!(session, "{}", file.display());
        }
        assert_eq!(world.run_job(PASSWORD, &["logout"]).code, Some(0));
    }
    let (sign_ins, _) = world.counted();
    println!("{sign_ins} sign-ins in three rounds");
}

#[test]
fn a_file_that_was_cut_is_reported_once_and_mended() {
    let world = World::new();
    world.log_in();
    assert_eq!(world.run(&["token"]).code, Some(0));
    let files = world.kept();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let whole = fs::read(file).expect("it can be read");
    fs::write(file, &whole[..whole.len() / 2]).expect("it can be written");
    let told = world.run_job(PASSWORD, &["token"]);
    assert_eq!(told.code, Some(0));
    let said = format!("{} cannot be understood: ", file.display())
        .replace(&world.path().display().to_string(), "FOLDER");
    assert!(told.err.starts_with(&said) && told.err.ends_with(": signing in again\n"), "{}", told.err);
    assert_eq!(told.err.lines().count(), 1, "{}", told.err);
    world.run(&["token"]).is(0, &told.out, "");
    assert_eq!(world.counted(), (2, 2));
}

#[test]
fn a_warm_cache_asks_nobody() {
    let mut world = World::new();
    world.log_in();
    let token = world.run(&["token"]).out;
    world.service.kill();
    world.run(&["token"]).is(0, &token, "");
    assert_eq!(world.run(&["exec", "--", "true"]).code, Some(0));
}
