//! Tells the linker of a release to put beside each other what a start runs (start.ld), and to keep relocations short.
//!
//! The kernel maps a program's code in pieces of 64 KiB: spread over the whole of it, the little that a start runs takes
//! most of it into memory. Without either the program is the same, so a linker that may not know them is not asked.

use std::process::Command;

/// The first glibc that reads relative relocations in their short form.
const SHORT_RELOCATIONS: (u32, u32) = (2, 36);

#[expect(clippy::disallowed_methods, reason = "this is how Cargo speaks to a build script")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=start.ld");
    // `mold -run` puts its linker in the place of every other, and tells its children by this.
    println!("cargo::rerun-if-env-changed=MOLD_PATH");
    let told = |name| std::env::var(name).unwrap_or_default();
    // Here the toolchain brings its own linker, LLVM's, unless something names another.
    let flags = told("CARGO_ENCODED_RUSTFLAGS");
    let is_named = ["fuse-ld", "ld-path", "linker"].iter().any(|flag| flags.contains(flag));
    let is_replaced = !told("MOLD_PATH").is_empty();
    let is_known = told("TARGET") == "x86_64-unknown-linux-gnu" && told("RUSTC_LINKER").is_empty();
    if told("PROFILE") != "release" || !is_known || is_named || is_replaced {
        return;
    }
    // Not behind `-Wl`, which takes a path apart at its commas.
    println!("cargo::rustc-link-arg-bins=-T{}/start.ld", told("CARGO_MANIFEST_DIR"));
    if told("HOST") == told("TARGET") && glibc() >= Some(SHORT_RELOCATIONS) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's C library.
fn glibc() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) = str::from_utf8(&said.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
