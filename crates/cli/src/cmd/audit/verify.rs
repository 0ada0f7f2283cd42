//! `latchkey audit verify`: whether a record is the one that was written, told offline.

use super::export::lines;
use super::{VerifyArgs, attach, over};
use crate::cmd::block_on;
use crate::error::Failure;
use crate::{print, progress};
use domain::access::may_read_audit;
use domain::audit::checkpoint::{Checkpoint, PublicKey};
use domain::audit::export::export;
use domain::audit::verify::{Demands, Fault, Verdict, Verifier, last_checkpoint};
use domain::store::Health;
use domain::{Cx, Operator};
use serde_json::Value;
use server::config::Config;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use store::Store;

/// A thumbprint is SHA-256 in base64url.
const THUMBPRINT: usize = 43;

/// Verifies a file, stdin, or a store.
pub fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let mut demands = Demands {
        trusted: args.key.as_deref().map(trusted).transpose()?,
        earlier: args.since_checkpoint.as_deref().map(earlier).transpose()?,
        is_whole_store: false,
    };
    let is_anchored = demands.trusted.is_some();
    let verdict = match &args.file {
        Some(file) if args.place.data.is_some() || args.place.store.is_some() => return Err(not_both(file)),
        Some(file) if file == Path::new("-") => of_lines(demands, io::stdin().lock()),
        Some(file) => of_lines(demands, BufReader::new(open(file)?)),
        None => {
            demands.is_whole_store = true;
            block_on(async {
                let (store, cx, operator) = attach(&args.place).await?;
                let verdict = of_record(demands, &cx, &operator).await;
                store.close().await;
                verdict
            })
        }
    }?;
    print::line(&text(&verdict));
    if !verdict.is_vouched_for {
        print::note(
            "the last key is not one that the first vouched for: keys were withdrawn, or somebody else signed",
        );
    }
    if !is_anchored {
        print::note("compare the thumbprint with one that you have from elsewhere, or name it with --key");
    }
    Ok(())
}

fn of_lines(demands: Demands, lines: impl BufRead) -> Result<Verdict, Failure> {
    let mut verifier = Verifier::new(demands);
    for line in lines.split(b'\n') {
        let line = line.map_err(Failure::machine)?;
        // What is not UTF-8 is no line of an export; a spelling that nobody writes says so to the verifier.
        verifier.read(&String::from_utf8_lossy(&line)).map_err(broken)?;
    }
    verifier.finish().map_err(broken)
}

/// Verifies the record of a store that is open.
pub async fn of_store(config: &Config, store: &Arc<Store>) -> Result<Verdict, Failure> {
    let (cx, operator) = over(config, store).await?;
    let demands = Demands { trusted: None, earlier: None, is_whole_store: true };
    of_record(demands, &cx, &operator).await
}

async fn of_record(demands: Demands, cx: &Cx, operator: &Operator) -> Result<Verdict, Failure> {
    let mut export = export(cx, may_read_audit(operator), None).await.map_err(Failure::machine)?;
    let mut verifier = Verifier::new(demands);
    let all = |lines: &[String]| lines.iter().try_for_each(|line| verifier.read(line)).map_err(broken);
    let read = progress::while_waiting("verifying the audit record", lines(&mut export, all)).await;
    read.and_then(|()| verifier.finish().map_err(broken))
}

fn broken(fault: Fault) -> Failure {
    match fault {
        Fault::NoExport => Failure::refused(fault).hint("`latchkey audit export` writes one"),
        fault => Failure::refused(fault),
    }
}

fn not_both(file: &Path) -> Failure {
    let both = io::Error::other(format!("--data and --store name a store, and {} is a file", file.display()));
    Failure::usage(both).hint("name one of them")
}

fn open(file: &Path) -> Result<File, Failure> {
    let what = || format!("{} cannot be read", file.display());
    File::open(file).map_err(|error| Failure::machine(error).while_doing(what()))
}

/// A thumbprint, or the keys of a file.
fn trusted(text: &str) -> Result<HashSet<String>, Failure> {
    if text.len() == THUMBPRINT && !text.contains(['/', '.']) {
        return Ok([text.to_owned()].into());
    }
    let what = || format!("the key {text} cannot be used");
    let read = std::fs::read_to_string(text).map_err(|error| Failure::usage(error).while_doing(what()))?;
    let keys = thumbprints(&read);
    if keys.is_empty() {
        let none = Failure::usage(io::Error::other("the file holds no P-256 key")).while_doing(what());
        return Err(none.hint("--key takes a JSON key, a key set or a thumbprint"));
    }
    Ok(keys)
}

fn thumbprints(text: &str) -> HashSet<String> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let keys = value.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![value]);
    let thumbprint = |key: &Value| {
        let coordinate = |name| key.get(name).and_then(Value::as_str);
        Some(PublicKey::of_coordinates(coordinate("x")?, coordinate("y")?)?.thumbprint())
    };
    keys.iter().filter_map(thumbprint).collect()
}

fn earlier(file: &Path) -> Result<Checkpoint, Failure> {
    let what = || format!("{} cannot be used as an earlier export", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| Failure::usage(error).while_doing(what()))?;
    last_checkpoint(text.lines()).ok_or_else(|| {
        Failure::usage(io::Error::other("it holds no checkpoint that its key signed")).while_doing(what())
    })
}

/// What was found, for people.
pub fn text(verdict: &Verdict) -> String {
    let Verdict { start, last, last_at, checkpoints, signed, .. } = verdict;
    let first = start.as_ref().map_or(0, |start| start.seq) + 1;
    let begins = match start {
        Some(start) => format!("after a signed {} of {}", start.kind.word(), start.at.rfc3339()),
        None => "with the very first entry".to_owned(),
    };
    let entries = if *last < first { "none".to_owned() } else { format!("{first} to {last}, whole") };
    let ends = last_at.map_or_else(String::new, |at| format!("\nlast entry   {}", at.rfc3339()));
    format!(
        "entries      {entries}\nbegins       {begins}{ends}\nsigned       {} by {}\nthumbprint   {}\ncheckpoints  {checkpoints}",
        signed.statement.at.rfc3339(),
        signed.kid,
        signed.public.thumbprint()
    )
}
