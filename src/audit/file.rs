//! The trail as JSON lines in a file, for whoever collects such files.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Audit;
use crate::store::database::{LineFilter, WrittenLine};

/// How long to wait when the file cannot be written.
const PAUSE: Duration = Duration::from_secs(5);

/// A file that has every line, each once: `body` and `hash` as one JSON object.
///
/// It is opened for each batch, so that one which logrotate put in its place is written next. How far it is, stands
/// beside it, in a file of the same name and `.seq`; a crash between the two has some lines come again, and none lost.
#[derive(Clone, Debug)]
pub struct LineFile(PathBuf);

impl LineFile {
    /// At `path`; nothing is opened yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Writes what `audit` has and what comes, for as long as it is polled. What could not be written waits.
    pub async fn fill(&self, audit: &Audit) -> Infallible {
        let mut trouble = false;
        loop {
            let after = self.position();
            let mut follower = audit.follow(LineFilter { after, ..LineFilter::default() });
            let problem = loop {
                match follower.next().await {
                    Ok(Some(lines)) => {
                        if let Err(error) = self.append(lines).await {
                            break format!("{}: {error}", self.0.display());
                        }
                        if std::mem::take(&mut trouble) {
                            tracing::info!("the audit trail's file is written again");
                        }
                    }
                    Ok(None) => std::future::pending().await,
                    Err(error) => break error.to_string(),
                }
            };
            if !std::mem::replace(&mut trouble, true) {
                tracing::error!("the audit trail's file is not written, and catches up later: {problem}");
            }
            audit.clock.sleep(PAUSE).await;
        }
    }

    async fn append(&self, lines: Vec<WrittenLine>) -> std::io::Result<()> {
        let file = self.clone();
        tokio::task::spawn_blocking(move || file.append_now(&lines)).await?
    }

    fn append_now(&self, lines: &[WrittenLine]) -> std::io::Result<()> {
        let Some(last) = lines.last() else { return Ok(()) };
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&self.0)?;
        // A crash may have left half a line; the next one begins afresh.
        let mut text = if ends_within_a_line(&mut file)? { "\n".to_owned() } else { String::new() };
        for line in lines {
            text.push_str(&line.to_json());
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        self.note(last.seq)
    }

    fn note(&self, seq: i64) -> std::io::Result<()> {
        let directory = self.0.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut position = tempfile::NamedTempFile::new_in(directory)?;
        writeln!(position, "{seq}")?;
        position.persist(self.beside()).map_err(|error| error.error)?;
        Ok(())
    }

    /// The last line that is in it.
    fn position(&self) -> Option<i64> {
        std::fs::read_to_string(self.beside()).ok()?.trim().parse().ok()
    }

    fn beside(&self) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(".seq");
        name.into()
    }
}

fn ends_within_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
