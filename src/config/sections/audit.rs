//! `[audit]`

use crate::config::reader::Reader;
use crate::config::settings::AuditSettings;
use crate::domain::{Invalid, Period};

pub(super) fn read(audit: &mut Reader<'_>) -> Option<AuditSettings> {
    let context = audit.context();
    let year: Period = "365d".parse().ok()?;
    let keep_for = audit.get_with("keep_for", keep_for).map_or(year, |period| period.value);
    let file = audit.get_with("file", |text| match text {
        "" => Err(Invalid::new("a file", text, "it is a path, as in `audit.jsonl`")),
        _ => Ok(context.resolve(text)),
    });
    Some(AuditSettings { keep_for, file: file.map(|file| file.value) })
}

fn keep_for(text: &str) -> Result<Period, Invalid> {
    let period: Period = text.parse()?;
    match period.as_duration().as_secs() {
        86_400.. => Ok(period),
        _ => Err(Invalid::new("how long lines are kept", text, "it is at least a day, as in `365d`")),
    }
}
