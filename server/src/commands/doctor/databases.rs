//! The databases, each by itself: whether it can be used, its schema, its indexes, its disk.

use futures::future::join_all;
use resonant_backend::{Backend, DatabaseFacts, Schema};

use super::{Finding, disk};
use crate::Settings;
use crate::middleware::problem::chain;
use crate::settings::without_secrets;

/// What was found out about all of them.
pub(super) struct Databases {
    /// Whether each answers.
    pub(super) are_there: bool,
    pub(super) findings: Vec<(&'static str, Finding)>,
    pub(super) disks: Vec<Finding>,
}

pub(super) async fn look(settings: &Settings) -> Databases {
    let urls = settings.backend.database.urls();
    let looks = urls.iter().map(|url| Backend::look_at(url, &settings.backend.database));
    let looks = join_all(looks).await;
    let are_there = looks.iter().all(Result::is_ok);
    let (mut findings, mut disks) = (Vec::new(), Vec::new());
    for (url, look) in urls.iter().zip(looks) {
        let name = without_secrets(url);
        // Of several it matters which.
        let of = |found: Finding| if urls.len() == 1 { found } else { found.of(&name) };
        match look {
            Ok(look) => {
                findings.push(("database", look_at_facts(settings, look.facts).of(&name)));
                findings.push(("schema", of(look_at_schema(look.schema))));
                let indexes = look_at_indexes(&look.broken_indexes);
                findings.extend(indexes.map(|found| ("indexes", of(found))));
                disks.push(of(disk::look(look.data_folder.as_deref())));
            }
            Err(error) => {
                let variable = variable(settings);
                let mend = format!("start PostgreSQL, or let {variable} name one that runs");
                let away = Finding::Fault { what: chain(&error), mend };
                findings.push(("database", away.of(&name)));
                disks.push(of(disk::look_here()));
            }
        }
    }
    Databases { are_there, findings, disks }
}

/// What names them.
pub(super) fn variable(settings: &Settings) -> &'static str {
    if settings.backend.database.urls().len() == 1 { "DATABASE_URL" } else { "DATABASE_SHARD_URLS" }
}

fn look_at_facts(settings: &Settings, facts: DatabaseFacts) -> Finding {
    let is_one = settings.backend.database.urls().len() == 1;
    // Buckets move by what only newer ones know.
    let least = if is_one { 14 } else { 15 };
    let version = facts.version / 10_000;
    if version < least {
        return Finding::Fault {
            what: format!("PostgreSQL {version} is too old"),
            mend: format!("use PostgreSQL {least} or newer"),
        };
    }
    if facts.is_replica {
        return Finding::Fault {
            what: "it is a replica, which takes no writes".to_owned(),
            mend: format!("let {} name the primary", variable(settings)),
        };
    }
    if !is_one && !facts.is_log_logical {
        return Finding::Fault {
            what: "no bucket can be moved away from it: its wal_level is not logical".to_owned(),
            mend: "set wal_level = logical in postgresql.conf, and start it again".to_owned(),
        };
    }
    let database = &settings.backend.database;
    // What a process takes in a rush.
    let pool = i64::from(database.pool_size) + i64::from(database.pool_overflow);
    let most = facts.connections_max;
    let text = format!("PostgreSQL {version}, at most {pool} of its {most} connections");
    if pool * 2 > most {
        Finding::Note(format!(
            "{text}: two processes would not fit; lower DATABASE_POOL_SIZE and \
             DATABASE_POOL_OVERFLOW or raise max_connections"
        ))
    } else {
        Finding::Well(text)
    }
}

fn look_at_schema(schema: Schema) -> Finding {
    let behind = |what: String| Finding::Fault { what, mend: "run `server migrate`".to_owned() };
    match schema {
        Schema::Current => Finding::Well("up to date".to_owned()),
        Schema::Newer { more } => {
            Finding::Note(format!("{more} migrations newer than this program, which serves it"))
        }
        Schema::Absent => behind("there is none".to_owned()),
        Schema::Behind { missing, .. } => behind(format!("{missing} migrations are missing")),
    }
}

/// Nothing where all of them are whole.
fn look_at_indexes(broken: &[String]) -> Option<Finding> {
    (!broken.is_empty()).then(|| Finding::Fault {
        what: format!("not built to their end, so that they answer nothing: {}", broken.join(", ")),
        mend: "run `server migrate`, which builds those of migrations again; for others, REINDEX INDEX \
               CONCURRENTLY"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_a_rush_count_too() {
        let look = |size: &str, overflow: &str| {
            let look_up = |name: &str| match name {
                "DATABASE_URL" => Some("postgres://u@localhost/r".to_owned()),
                "DATABASE_POOL_SIZE" => Some(size.to_owned()),
                "DATABASE_POOL_OVERFLOW" => Some(overflow.to_owned()),
                _ => None,
            };
            let facts = DatabaseFacts {
                version: 150_018,
                connections_max: 100,
                is_replica: false,
                is_log_logical: false,
            };
            look_at_facts(&Settings::read(&look_up).unwrap(), facts)
        };
        assert!(matches!(look("20", "10"), Finding::Well(text) if text.contains("30 of its 100")));
        assert!(matches!(look("30", "30"), Finding::Note(text) if text.contains("60 of its 100")));
    }
}
