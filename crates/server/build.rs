//! Takes the indentation out of the description of the routes: half of what the program would carry of it.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

const DESCRIPTION: &str = "../../openapi/latchkey.json";

#[expect(clippy::disallowed_methods, reason = "this is how Cargo speaks to a build script")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    // A text in JSON has no line break of its own, so only indentation begins a line.
    let dense: String = fs::read_to_string(DESCRIPTION)?.lines().map(str::trim_start).collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("openapi.json"), dense)?;
    Ok(())
}
