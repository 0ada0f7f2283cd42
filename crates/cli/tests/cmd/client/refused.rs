//! A wrong password: one attempt per command, whatever the command, and none by the next.

use super::world::{PASSWORD, World};

#[test]
fn a_wrong_password_is_sent_once_whatever_the_command() {
    for command in [&["token"][..], &["session"], &["exec", "--", "true"], &["login"]] {
        let world = World::new();
        let told = world.run_job("wrong", command);
        told.is(
            1,
            "",
            "error: not signed in to URL\n  caused by: the sign-in was refused: User name or password is not valid.\nhint: check the user, the password and the login host; nothing is sent again by itself\n",
        );
        assert_eq!(world.counted(), (1, 0), "{command:?}");
        for again in [&["token"][..], &["session"], &["exec", "--", "true"], &["login"]] {
            let told = world.run_job("wrong", again);
            assert_eq!((told.code, told.out.as_str()), (Some(1), ""));
            assert!(told.err.contains("was refused before and was not sent again"), "{}", told.err);
        }
        assert_eq!(world.counted(), (1, 0), "{command:?}");
        assert_eq!(world.run_job(PASSWORD, command).code, Some(0));
        assert_eq!(world.number("sign_ins_total"), 2);
    }
}

#[test]
fn somebody_who_insists_is_asked_once_more() {
    let world = World::new();
    for arguments in [&["login"][..], &["login", "--again"]] {
        assert!(world.run_job("wrong", arguments).err.contains("the sign-in was refused: "));
    }
    assert_eq!(world.number("sign_ins_total"), 2);
}

#[test]
fn commands_that_need_no_password_send_none() {
    let world = World::new();
    for command in [&["status"][..], &["logout"], &["profile", "list"], &["region", "list"], &["verify", "x"]]
    {
        drop(world.run_job("wrong", command));
    }
    assert_eq!(world.counted(), (0, 0));
}
