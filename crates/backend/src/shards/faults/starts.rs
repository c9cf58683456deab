//! Starts on several databases: before they are migrated, where one of them was not, and while one is away.

use super::away::tell;
use super::*;
use crate::{Schema, chain};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_until_several_databases_are_migrated() {
    let cluster = Cluster::primary(&LOGICAL);
    let mut admin = connect(&cluster.url("resonant")).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE second").execute(&mut admin).await.unwrap();
    let urls = vec![cluster.url("resonant"), cluster.url("second")];
    let settings = DatabaseSettings::new(urls[0].clone());
    let settings = DatabaseSettings { shard_urls: urls.clone(), ..settings };
    let waits = async || {
        let begun = Database::open(&settings, None).await.map(drop);
        assert!(matches!(begun, Err(Error::Unavailable(_))), "{begun:?}");
    };
    waits().await;
    for url in &urls {
        Backend::migrate(url).await.unwrap();
    }
    waits().await;
    for (number, url) in (0..).zip(&urls) {
        shards::insert_number(&mut connect(url).await.unwrap(), number).await.unwrap();
    }
    waits().await;
    migrate(&settings).await.unwrap();
    assert!(Database::open(&settings, None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_that_of_the_database_with_the_most_to_do() {
    let (_cluster, settings) = two_shards().await;
    let backend = process(&settings).await;
    assert_eq!(backend.schema().await.unwrap(), Schema::Current);
    // It makes a table.
    let forget = "DELETE FROM _sqlx_migrations WHERE version = 20261129150000";
    tell(&settings, 1, forget).await;
    let behind = Schema::Behind { missing: 1, is_served: false };
    assert_eq!(backend.schema().await.unwrap(), behind);
    let urls = settings.database.urls();
    for (url, schema) in urls.iter().zip([Schema::Current, behind]) {
        let look = Backend::look_at(url, &settings.database).await.unwrap();
        assert_eq!((look.schema, look.facts.is_log_logical), (schema, true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_that_keeps_a_start_waiting_is_named() {
    let ([_one, other], mut settings) = two_clusters().await;
    settings.database.acquire_timeout = Duration::from_secs(1);
    other.stop();
    let fault = Database::open(&settings.database, None).await.map(drop).unwrap_err();
    let place = format!("127.0.0.1:{}/resonant does not answer", other.port());
    assert!(chain(&fault).contains(&place), "{}", chain(&fault));
}
