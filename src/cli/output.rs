//! What commands print.

use std::io::Write as _;

use serde_json::Value;

use super::api::ApiError;

/// Prints why a command failed: to people on standard error, to programs as the problem that the
/// server answered, or one of the same shape.
pub(super) fn print_error(error: &anyhow::Error, json: bool) {
    if json {
        let problem = match error.downcast_ref() {
            Some(ApiError::Refused(problem)) => serde_json::to_value(problem).unwrap_or_default(),
            _ => serde_json::json!({ "code": "failed", "detail": format!("{error:#}") }),
        };
        print_to_people(&problem.to_string());
    } else {
        print_to_people(&format!("feedpass: {error:#}"));
    }
}

/// Prints a line to standard error.
pub(super) fn print_to_people(line: &str) {
    // Where that is closed nobody is reading, and the exit code says it all.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints `text` as it is, with nothing added.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints names and values in two columns.
pub(super) fn print_table(rows: &[(&str, &str)]) -> anyhow::Result<()> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: Vec<_> = rows.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    print(&(lines.join("\n") + "\n"))
}

/// Prints rows below titles, each column as wide as its widest cell.
pub(super) fn print_columns(titles: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
    print(&columns(titles, rows))
}

/// Rows below titles, each column as wide as its widest cell.
pub(super) fn columns(titles: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(at, title)| {
            rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).chain([title.len()]).max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(titles.to_vec());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// The members of a list in an answer.
pub(super) fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// `text` without what a terminal would take for a command.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
