//! Hashes that were made elsewhere: they sign in, and are replaced by our own as they do.

use crate::world::{Door, World};

/// Made with other programs (argon2-cffi, bcrypt and hashlib of Python), all of the password `correct horse`.
const IMPORTED: [(&str, &str); 6] = [
    (
        "argon2",
        "$argon2id$v=19$m=32,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$XFRVMDvDKq3LMoZpVi+KsFFPYKay87AIHW5Q0/tHCX8",
    ),
    ("bcrypt.2b", "$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC"),
    ("bcrypt.2y", "$2y$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC"),
    ("scrypt", "$scrypt$ln=10,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$yALJnsFxauKkuF0VG58vDqriCmlZJaHv3/Yg+rL2eO8"),
    (
        "pbkdf2.sha256",
        "$pbkdf2-sha256$i=1000,l=32$c29tZXNhbHRzb21lc2FsdA$f2yJk+Dph1FxQ+yhQ5KLmg1c5wfFtFU14dLQONYBoAE",
    ),
    (
        "pbkdf2.sha512",
        "$pbkdf2-sha512$i=1000,l=32$c29tZXNhbHRzb21lc2FsdA$RbkohYpABhrVf6dAjV1mgswjeaDcEw/Z9Lqqoc7ZO6c",
    ),
];

async fn world() -> World {
    let users =
        IMPORTED.map(|(name, hash)| format!("[[org.user]]\nname = \"{name}\"\npassword_hash = \"{hash}\"\n"));
    World::of(&format!("[[org]]\nname = \"Moved here\"\n{}", users.concat())).await
}

async fn stored(world: &World, name: &str) -> String {
    world.account(name).await.password.unwrap().expose().to_owned()
}

#[tokio::test]
async fn an_imported_hash_signs_in_and_becomes_our_own() {
    let world = world().await;
    for (name, imported) in IMPORTED {
        assert_eq!(stored(&world, name).await, imported);
        world.session(Door::V1, name, "correct horse").await;
        let ours = stored(&world, name).await;
        assert!(ours.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{name}: {ours}");
        world.session(Door::V2, name, "correct horse").await;
        assert_eq!(stored(&world, name).await, ours, "{name} was hashed twice");
    }
    assert_eq!(world.app.metrics.hashes.made.get(), IMPORTED.len() as u64);
}

#[tokio::test]
async fn a_wrong_password_changes_no_hash() {
    let world = world().await;
    for (name, imported) in IMPORTED {
        assert_eq!(world.sign_in(Door::V1, name, "wrong").await.status, 401, "{name}");
        assert_eq!(stored(&world, name).await, imported);
    }
    assert_eq!(world.app.metrics.hashes.made.get(), 0);
}
