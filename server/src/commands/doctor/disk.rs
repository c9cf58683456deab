//! How much room is left where the database writes.

use std::path::Path;
use std::process::Command;

use super::Finding;

/// Less free space than this is a fault, in bytes.
const DISK_MIN: u64 = 1 << 30;

/// The free space where a database keeps its files: nothing else writes. POSIX's `df` tells it.
pub(super) fn look(folder: Option<&Path>) -> Finding {
    let Some(folder) = folder else {
        return Finding::Note(
            "that of PostgreSQL was not looked at: it runs elsewhere, or does not tell this user its \
             data_directory"
                .to_owned(),
        );
    };
    let place = format!("in {}, where PostgreSQL keeps its data", folder.display());
    match free_in(folder) {
        None => Finding::Note(format!("df does not tell how much is free {place}")),
        Some(free) if free < DISK_MIN => Finding::Fault {
            what: format!("{} MiB are free {place}", free >> 20),
            mend: "make room; PostgreSQL stops taking writes when its disk is full".to_owned(),
        },
        Some(free) => Finding::Well(format!("{} MiB are free {place}", free >> 20)),
    }
}

/// The free space where this process stands: where PostgreSQL keeps its data it alone could tell. A full disk may
/// be why it does not.
pub(super) fn look_here() -> Finding {
    let rest = "where PostgreSQL keeps its data is not known while it does not answer";
    Finding::Note(match free_in(Path::new(".")) {
        Some(free) => format!("{} MiB are free in the working folder; {rest}", free >> 20),
        None => rest.to_owned(),
    })
}

fn free_in(folder: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    free_bytes(&String::from_utf8_lossy(&output.stdout))
}

fn free_bytes(text: &str) -> Option<u64> {
    let kibibytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_space_is_read() {
        let text =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a 10 4 6 40% /\n";
        assert_eq!(free_bytes(text), Some(6 * 1024));
        assert_eq!(free_bytes("df: no such file"), None);
    }
}
