//! PDFs, read in a process of their own. Their reader cannot be told to stop, and a file that is made for it has it
//! go on for hours, fill the memory, or go so deep that its process ends. A process is killed, whatever it does,
//! and nothing of it stays behind.

use std::io;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::cut::{CutError, CutPdf, cut_pdf};
use super::pdf::PATIENCE;

/// Bounds, and then the reader in the place of the shell: memory that can be written in KiB, seconds of a core, no
/// core file. What the objects of a file may take is bounded at a third of that memory.
const BOUNDED: &str = "ulimit -d 1572864 && ulimit -t 30 && ulimit -c 0 && exec \"$0\" \"$@\"";

/// The program that reads a PDF from its input and answers as [`answer_pdf`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfReader {
    /// Where it is.
    pub program: PathBuf,
    /// What it is started with.
    pub arguments: Vec<String>,
}

impl PdfReader {
    /// Cuts the text of a PDF into passages. Whoever waits no longer ends the process.
    ///
    /// # Errors
    /// The program does not run, which says nothing of the file.
    pub async fn cut(&self, file: &[u8]) -> io::Result<Result<CutPdf, CutError>> {
        self.cut_within(file, PATIENCE * 2).await
    }

    async fn cut_within(
        &self,
        file: &[u8],
        patience: Duration,
    ) -> io::Result<Result<CutPdf, CutError>> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", BOUNDED])
            .arg(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let read = async move {
            if let Some(mut stdin) = child.stdin.take() {
                // One that has ended before it has read all tells why by how it has ended.
                let _ = stdin.write_all(file).await;
            }
            child.wait_with_output().await
        };
        match timeout(patience, read).await {
            Ok(output) => found_in(&output?),
            Err(_elapsed) => Ok(refused("must be simpler: it was not read in time")),
        }
    }
}

fn refused(reason: &str) -> Result<CutPdf, CutError> {
    Err(CutError(reason.to_owned()))
}

/// What the reader has found, or what the way says in which it has ended.
fn found_in(output: &Output) -> io::Result<Result<CutPdf, CutError>> {
    if output.status.success() {
        let found: Result<CutPdf, String> = serde_json::from_slice(&output.stdout)?;
        return Ok(found.map_err(CutError));
    }
    match output.status.code() {
        // The shell or the program did not begin.
        Some(code) => Err(io::Error::other(format!("the reader of PDFs ends with {code}"))),
        None => Ok(refused("must be a PDF that can be read")),
    }
}

/// Reads a PDF from `input` and writes what is in it to `output`: the part of the process that is started for it.
///
/// # Errors
/// The file does not come, or nobody takes the answer.
pub fn answer_pdf(mut input: impl io::Read, mut output: impl io::Write) -> io::Result<()> {
    let mut file = Vec::new();
    input.read_to_end(&mut file)?;
    // The reader gives up on what no writer of PDFs makes.
    let found = catch_unwind(|| cut_pdf(&file))
        .unwrap_or_else(|_panic| refused("must be a PDF that can be read"))
        .map_err(|error| error.to_string());
    serde_json::to_writer(&mut output, &found)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::super::cut::Cut;
    use super::*;

    fn shell(script: &str) -> PdfReader {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        PdfReader { program: "/bin/sh".into(), arguments }
    }

    #[tokio::test]
    async fn what_the_reader_writes_is_what_is_found() {
        let cut = Cut { heading: "page 1".to_owned(), text: "One line.".to_owned() };
        let found = CutPdf { cuts: vec![cut], size: 9, unread_pages: vec![2] };
        let told = serde_json::to_string(&Ok::<_, String>(&found)).unwrap();
        let reader = shell(&format!("cat >/dev/null; printf %s '{told}'"));
        let long = vec![b'x'; 300_000];
        assert_eq!(reader.cut(&long).await.unwrap().unwrap(), found);
        let mut told = Vec::new();
        answer_pdf(&b"PK"[..], &mut told).unwrap();
        let reader = shell(&format!("printf %s '{}'", String::from_utf8(told).unwrap()));
        let error = reader.cut(&long).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("must be a PDF that is whole"), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_ends_its_reader_is_refused_and_one_that_does_not_run_is_our_fault() {
        for signal in ["SEGV", "ABRT", "XCPU", "KILL"] {
            let error = shell(&format!("kill -{signal} $$")).cut(b"%PDF").await.unwrap();
            assert!(error.unwrap_err().to_string().contains("can be read"), "{signal}");
        }
        for broken in ["exit 3", "printf nothing", "exit 0"] {
            assert!(shell(broken).cut(b"%PDF").await.is_err(), "{broken}");
        }
        let missing = PdfReader { program: "/missing/server".into(), arguments: Vec::new() };
        assert!(missing.cut(b"%PDF").await.is_err());
    }

    #[tokio::test]
    async fn one_that_is_not_done_in_time_is_killed() {
        let began = std::time::Instant::now();
        let reader = shell("exec sleep 600");
        let read = reader.cut_within(b"%PDF", Duration::from_millis(100)).await.unwrap();
        assert!(read.unwrap_err().to_string().contains("not read in time"));
        assert!(began.elapsed() < Duration::from_mins(1));
    }

    #[tokio::test]
    async fn its_memory_and_its_time_are_bounded() {
        let script =
            "[ \"$(ulimit -d) $(ulimit -t) $(ulimit -c)\" = '1572864 30 0' ] && kill -KILL $$";
        let bounded = shell(script).cut(b"%PDF").await.unwrap();
        assert!(bounded.is_err());
    }
}
