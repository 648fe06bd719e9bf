//! `check`: is the vault whole, and is a file really in it?

use std::path::PathBuf;

use serde::Serialize;

use super::exit::Status;
use super::progress::Bars;
use super::visible::visible;
use super::{Context, units};
use crate::error::{Error, Result};
use crate::vault::api::{CheckOptions, CheckReport, Finding, ReadData, Report, Severity};

/// Verify the vault, or files against it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Verifies the structure of the vault, with --read-data also every stored byte, and names the records that damage \
                  affects. With --against, exits 0 only when each of the files is in the vault byte for byte: the gate before \
                  anybody deletes originals.",
    after_long_help = "\
Examples:
  turnpack check --read-data-subset 1/7
  turnpack check --against /var/log/llm && rm -r /var/log/llm
  turnpack check --expect \"$(cat vault.digest)\""
)]
pub(crate) struct Args {
    /// Decode and compare all stored data
    #[arg(long, conflicts_with = "read_data_subset")]
    read_data: bool,

    /// Decode and compare a part: 10%, 2/7 (the second seventh), 5GiB
    #[arg(long, value_name = "PART")]
    read_data_subset: Option<String>,

    /// Compare files and directories with the vault
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = clap::ValueHint::AnyPath)]
    against: Vec<PathBuf>,

    /// Print one BLAKE3 over all sources
    #[arg(long)]
    digest: bool,

    /// Compare that digest with this one
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,
}

pub(crate) fn run(args: Args, context: &Context<'_>) -> Result<Status> {
    let options = args.resolve()?;
    let vault = context.open()?;
    context.catch_signals()?;
    let mut findings = Vec::new();
    let report = {
        let bars = Bars::new(context.ui);
        let mut sink = |finding: Finding| {
            // As a document all findings come together; for people each comes when it is found, since a check takes long.
            if context.ui.json() {
                findings.push(finding);
                return Ok(());
            }
            context.ui.line(&visible(&describe(&finding)))
        };
        vault.check(&options, &bars, &context.interrupt, &mut sink)?
    };
    if context.interrupt.is_raised() {
        return Ok(Status::Interrupted);
    }
    tell(&report, findings, context)?;
    Ok(status(&report))
}

impl Args {
    fn resolve(self) -> Result<CheckOptions> {
        let read_data = match self.read_data_subset {
            Some(part) => ReadData::Some(units::parse_subset(&part)?),
            None if self.read_data => ReadData::All,
            None => ReadData::Nothing,
        };
        let expect = self.expect.map(|digest| digest.trim().to_ascii_lowercase());
        if let Some(digest) = &expect
            && (digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(Error::Usage(format!("{digest:?} is not a digest: 64 hex digits are, as --digest prints them")));
        }
        Ok(CheckOptions { read_data, against: self.against, digest: self.digest || expect.is_some(), expect })
    }
}

fn describe(finding: &Finding) -> String {
    let kind = match finding.severity {
        Severity::Note => "note",
        Severity::Difference => "difference",
        Severity::Damage => "damage",
    };
    let mut text = format!("{kind}: {}", finding.path.display());
    if let Some(line) = finding.line {
        text += &format!(":{line}");
    }
    text += &format!(": {}", finding.what);
    if let Some(offset) = finding.offset {
        text += &format!(" at offset {offset}");
    }
    if finding.records > 0 {
        text += &format!("; {} affected", units::counted(finding.records, "record"));
        if !finding.places.is_empty() {
            text += &format!(": {}", finding.places.join(", "));
        }
    }
    text
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a CheckReport,
    findings: Vec<Finding>,
}

impl Report for Document<'_> {
    const KIND: &'static str = CheckReport::KIND;
}

fn tell(report: &CheckReport, findings: Vec<Finding>, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    for failure in report.against.iter().flat_map(|against| &against.failures) {
        ui.trouble(&format!("{}: {}", failure.path.display(), failure.message));
    }
    if ui.json() {
        return ui.report(&Document { report, findings });
    }
    if let Some(digest) = &report.digest {
        ui.line(&visible(digest))?;
    }
    if let Some(against) = &report.against {
        let files = units::counted(against.files, "file");
        ui.say(&format!("{files} compared, {} in the vault byte for byte", units::count(against.equal)));
    }
    if report.packs > 0 {
        let (packs, frames) = (units::counted(report.packs, "pack"), units::counted(report.frames, "frame"));
        ui.say(&format!("{packs}, {frames}, {} of records read back: {}", units::size(report.bytes_read), verdict(report)));
    }
    Ok(())
}

fn verdict(report: &CheckReport) -> String {
    if report.damage == 0 { "no damage found".into() } else { format!("{} damaged", units::count(report.damage)) }
}

/// Damage outranks a difference: a vault that cannot be read cannot be compared either.
fn status(report: &CheckReport) -> Status {
    if report.damage > 0 {
        let records = units::counted(report.records_damaged, "record");
        return Status::Damaged(format!(
            "the vault is damaged in {}, {records} affected",
            units::counted(report.damage, "place")
        ));
    }
    if let Some(against) = &report.against {
        let unproven = against.files.saturating_sub(against.equal) + against.failures.len() as u64;
        if unproven > 0 {
            return Status::Negative(format!("{} not in the vault byte for byte", units::counted(unproven, "file")));
        }
        if against.files == 0 {
            return Status::Negative("no file was compared".into());
        }
    }
    if report.digest_matches == Some(false) {
        return Status::Negative("the digest is not the expected one".into());
    }
    Status::Done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::api::{AgainstReport, Failure};

    fn against(files: u64, equal: u64, failures: usize) -> CheckReport {
        let failure = Failure { path: "x".into(), message: "denied".into() };
        let against = AgainstReport { files, equal, failures: vec![failure; failures], ..AgainstReport::default() };
        CheckReport { against: Some(against), ..CheckReport::default() }
    }

    #[test]
    fn originals_may_go_only_when_every_single_file_was_proven() {
        assert_eq!(status(&against(3, 3, 0)), Status::Done);
        for unproven in [against(3, 2, 0), against(3, 3, 1), against(0, 0, 0)] {
            assert!(matches!(status(&unproven), Status::Negative(_)), "{unproven:?}");
        }
    }

    #[test]
    fn damage_outranks_a_difference_and_a_wrong_digest_is_a_no() {
        let damaged = CheckReport { damage: 1, digest_matches: Some(false), ..against(1, 0, 0) };
        assert!(matches!(status(&damaged), Status::Damaged(_)));
        let wrong = CheckReport { digest_matches: Some(false), ..CheckReport::default() };
        assert!(matches!(status(&wrong), Status::Negative(_)));
        let right = CheckReport { digest_matches: Some(true), ..CheckReport::default() };
        assert_eq!(status(&right), Status::Done);
    }

    #[test]
    fn a_finding_names_file_line_offset_and_what_is_lost() {
        let finding = Finding {
            severity: Severity::Damage,
            path: "packs/00000001.pack".into(),
            offset: Some(81_920),
            line: None,
            what: "checksum mismatch".into(),
            records: 2,
            places: vec!["gw.log:7".into(), "gw.log:9".into()],
        };
        assert_eq!(
            describe(&finding),
            "damage: packs/00000001.pack: checksum mismatch at offset 81920; 2 records affected: gw.log:7, gw.log:9"
        );
    }
}
