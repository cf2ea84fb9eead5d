//! What commands read.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

/// What `file` holds; `-` is standard input.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file).with_context(|| cannot_be_read(file));
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).with_context(|| cannot_be_read(file))?;
    Ok(bytes)
}

/// The same, which has to be text.
pub(super) fn read_text(file: &Path) -> anyhow::Result<String> {
    std::io::read_to_string(&*read(file)?).with_context(|| cannot_be_read(file))
}

fn cannot_be_read(file: &Path) -> String {
    if file == Path::new("-") {
        "standard input cannot be read".into()
    } else {
        format!("{} cannot be read", file.display())
    }
}
