//! Instructions and allocations of the hot paths, counted by callgrind and compared with the committed counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::paths::REPEATS;
use crate::report::{number, progress, say};

/// How far a count may be from the committed one.
const TOLERANCE: f64 = 0.05;

/// Or so many instructions for each allocation: which way through the C library one takes depends on what the heap looks like.
const HEAP: f64 = 70.0;

/// What of the C library takes memory.
const TAKERS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// Which counts to compare with.
#[derive(clap::Args)]
pub struct Settings {
    /// The committed counts
    #[arg(long, default_value = "bench/instructions.json")]
    committed: PathBuf,
    /// Writes the counts of this run into that file
    #[arg(long)]
    update: bool,
}

/// What walking a path once costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Cost {
    instructions: u64,
    allocations: f64,
}

/// Counts, and compares or updates.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    let counted = count()?;
    if settings.update {
        return Ok(fs::write(&settings.committed, serde_json::to_string_pretty(&counted)? + "\n")?);
    }
    let committed = fs::read_to_string(&settings.committed).context("there are no committed counts")?;
    let committed: BTreeMap<String, Cost> = serde_json::from_str(&committed)?;
    say("| path | instructions | committed | | allocations | committed | |");
    say("|---|---:|---:|---:|---:|---:|---|");
    let nothing = Cost { instructions: 0, allocations: 0.0 };
    let names: std::collections::BTreeSet<_> = counted.keys().chain(committed.keys()).collect();
    let mut apart = 0;
    for name in names {
        let (new, old) = (counted.get(name).unwrap_or(&nothing), committed.get(name).unwrap_or(&nothing));
        let verdict = new.beside(*old);
        apart += usize::from(!verdict.is_empty());
        say(&told(name, *new, *old, &verdict));
    }
    if apart > 0 {
        bail!(
            "{apart} paths cost something else than bench/instructions.json says: mend the code, or run `scripts/bench --instructions --update` and say in the commit why"
        );
    }
    Ok(())
}

impl Cost {
    /// What is wrong with it, in words; nothing when it is near enough.
    fn beside(self, old: Self) -> String {
        let (new, before) = (self.instructions as f64, old.instructions as f64);
        let near = (before * TOLERANCE).max(old.allocations * HEAP);
        if new > before + near {
            "**slower**".to_owned()
        } else if new < before - near {
            "**faster: update**".to_owned()
        } else if (self.allocations - old.allocations).abs() > (old.allocations * TOLERANCE).max(0.5) {
            "**allocations**".to_owned()
        } else {
            String::new()
        }
    }

    fn change(self, old: Self) -> f64 {
        self.instructions as f64 / (old.instructions as f64).max(1.0) - 1.0
    }
}

fn told(name: &str, new: Cost, old: Cost, verdict: &str) -> String {
    let (instructions, committed) = (number(new.instructions as f64), number(old.instructions as f64));
    let change = new.change(old) * 100.0;
    let (allocations, before) = (new.allocations, old.allocations);
    format!(
        "| {name} | {instructions} | {committed} | {change:+.1} % | {allocations:.1} | {before:.1} | {verdict} |"
    )
}

/// Runs the walk under callgrind, which writes one file at each mark: before a path, and behind it.
fn count() -> anyhow::Result<BTreeMap<String, Cost>> {
    progress("instructions of the hot paths");
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--dump-before=getppid", "--compress-strings=no", "--log-fd=2"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(std::env::current_exe()?).arg("walk").stdin(Stdio::null());
    let walked = valgrind.output().context("valgrind cannot be started")?;
    ensure!(walked.status.success(), "{}", String::from_utf8_lossy(&walked.stderr));
    let names = String::from_utf8(walked.stdout)?;
    let mut costs = BTreeMap::new();
    for (index, name) in names.lines().enumerate() {
        costs.insert(name.to_owned(), cost(&part(&out, 2 * index + 2))?);
    }
    Ok(costs)
}

fn part(out: &Path, number: usize) -> PathBuf {
    PathBuf::from(format!("{}.{number}", out.display()))
}

/// What stands in one file of callgrind: its sum, and how often anybody called for memory.
fn cost(file: &Path) -> anyhow::Result<Cost> {
    let text = fs::read_to_string(file).with_context(|| format!("callgrind wrote no {}", file.display()))?;
    let total =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    let total: u64 = total.context("callgrind wrote no total")?.trim().parse()?;
    let mut called = "";
    let mut allocations = 0;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            called = name;
        } else if let Some(times) = line.strip_prefix("calls=").filter(|_| TAKERS.contains(&called)) {
            allocations += times.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
    }
    let repeats = REPEATS as f64;
    Ok(Cost {
        instructions: (total as f64 / repeats).round() as u64,
        allocations: (allocations as f64 / repeats * 10.0).round() / 10.0,
    })
}
