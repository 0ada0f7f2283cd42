//! `latchkey user import`: many users out of a file, with the hashes of their passwords.

mod source;

use crate::account::AccountArgs;
use crate::admin::{Admin, OrgArg, Place};
use crate::error::Failure;
use crate::table::{self, Format};
use crate::{print, progress};
use clap::{Args as Arguments, ValueEnum};
use serde_json::{Value, json};
use source::{Row, Source};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// Rows in one request: the session is renewed between two of them, and what was answered is not sent again.
const PORTION: usize = 2_000;

/// Arguments of `user import`.
#[derive(Debug, Arguments)]
pub struct ImportArgs {
    /// A file that ends in .csv or .jsonl, or `-` for stdin
    pub file: PathBuf,
    /// What is in the file, when its name does not say so
    #[arg(long, value_enum, value_name = "KIND")]
    pub input: Option<Kind>,
    /// Say what would happen, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write the refused rows into this file, as CSV with row, name and reason
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How to print the sums
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Into which org.
    #[command(flatten)]
    pub of: OrgArg,
    /// Who imports.
    #[command(flatten)]
    pub account: AccountArgs,
}

/// What a file of users is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Values with commas between them, the first line names the columns
    Csv,
    /// One JSON object per line
    Jsonl,
}

/// How many rows came to what.
#[derive(Debug, Default)]
struct Sums {
    added: u64,
    unchanged: u64,
    refused: u64,
}

/// Imports users.
pub async fn run(args: &ImportArgs) -> Result<(), Failure> {
    let mut source = Source::open(&args.file, args.input)?;
    let mut report = Report::open(args)?;
    let admin = Admin::of(&args.account)?;
    let place = place(&admin, args).await?;
    let bar = progress::bar(source.length());
    let mut sums = Sums::default();
    loop {
        let rows = source.portion(PORTION).map_err(|error| unreadable(error, args))?;
        if rows.is_empty() {
            break;
        }
        portion(&admin, &place, rows, &mut |row, told| report.note(row, told, &mut sums)).await?;
        bar.set_position(source.position());
        bar.set_message(format!("{} rows", sums.added + sums.unchanged + sums.refused));
    }
    bar.finish_and_clear();
    report.close()?;
    sums.tell(args)
}

async fn place(admin: &Admin, args: &ImportArgs) -> Result<Place, Failure> {
    let org = match &args.of.org {
        Some(word) => Some(admin.named_org(word).await?),
        None => None,
    };
    let org = org.iter().map(|id| ("orgId", id.as_str()));
    let dry_run = args.dry_run.then_some(("dryRun", "true"));
    Ok(Place::own("users/import").with(&org.chain(dry_run).collect::<Vec<_>>()))
}

fn unreadable(error: io::Error, args: &ImportArgs) -> Failure {
    Failure::usage(error).while_doing(format!("{} cannot be read", args.file.display()))
}

/// What became of a row: a word and, when it was refused, a reason.
type Told<'a> = (&'a str, &'a str);

/// Sends some rows, and hands on what was said of each.
async fn portion(
    admin: &Admin,
    place: &Place,
    rows: Vec<Row>,
    note: &mut impl FnMut(&Row, Told<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut sent, mut body) = (Vec::new(), Vec::new());
    for row in rows {
        match &row.user {
            Ok(user) => {
                body.extend_from_slice(user.as_bytes());
                body.push(b'\n');
                sent.push(row);
            }
            Err(reason) => note(&row, ("refused", reason))?,
        }
    }
    if sent.is_empty() {
        return Ok(());
    }
    let answer = admin.import(place.clone(), body).await?;
    let mut lines = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for row in &sent {
        let told: Value = lines.next().and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("result") {
            result @ ("added" | "unchanged" | "refused") => note(row, (result, text("reason")))?,
            _ => return Err(stopped(row, text("reason"))),
        }
    }
    Ok(())
}

fn stopped(row: &Row, reason: &str) -> Failure {
    let reason = if reason.is_empty() { "the answer broke off" } else { reason };
    let what = format!("the import stopped at row {}", row.line);
    let failure = Failure::machine(io::Error::other(table::tame(reason))).while_doing(what);
    failure.hint("run it again: users who are there already are left alone")
}

/// Where refused rows are told of.
enum Report {
    File(Box<csv::Writer<File>>),
    Terminal,
}

impl Report {
    fn open(args: &ImportArgs) -> Result<Self, Failure> {
        let Some(path) = &args.report else { return Ok(Self::Terminal) };
        let unusable =
            |error| Failure::usage(error).while_doing(format!("{} cannot be written", path.display()));
        let mut file = csv::Writer::from_writer(File::create(path).map_err(unusable)?);
        file.write_record(["row", "name", "reason"]).map_err(Failure::machine)?;
        Ok(Self::File(Box::new(file)))
    }

    /// Counts a row, and tells of it when it was refused.
    fn note(&mut self, row: &Row, (result, reason): Told<'_>, sums: &mut Sums) -> Result<(), Failure> {
        match result {
            "added" => sums.added += 1,
            "unchanged" => sums.unchanged += 1,
            _ => {
                sums.refused += 1;
                self.tell(row, reason)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, row: &Row, reason: &str) -> Result<(), Failure> {
        match self {
            Self::File(file) => {
                file.write_record([&row.line.to_string(), &row.name, reason]).map_err(Failure::machine)
            }
            Self::Terminal => {
                let name = table::tame(&row.name);
                print::note(&format!("row {}: {name}: {}", row.line, table::tame(reason)));
                Ok(())
            }
        }
    }

    fn close(self) -> Result<(), Failure> {
        match self {
            Self::File(mut file) => file.flush().map_err(Failure::machine),
            Self::Terminal => Ok(()),
        }
    }
}

impl Sums {
    fn tell(&self, args: &ImportArgs) -> Result<(), Failure> {
        let Self { added, unchanged, refused } = self;
        table::record(args.format, &json!({"added": added, "unchanged": unchanged, "refused": refused}));
        if *refused == 0 {
            return Ok(());
        }
        let rows = added + unchanged + refused;
        let what = io::Error::other(format!("{refused} of {rows} rows were refused"));
        let failure = Failure::refused(what);
        Err(match &args.report {
            Some(path) => failure.hint(format!("{} says which, and why", path.display())),
            None => {
                failure.hint("mend those rows and run it again: users who are there already are left alone")
            }
        })
    }
}
