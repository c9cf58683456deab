use resonant_domain::FaultKind;
use sqlx::PgPool;

use super::*;
use crate::keyring::{SealingKey, SealingKeys};
use crate::{Settings, sample};

const CANARY: &str = "canary-7f3a9";

fn new(name: &str) -> NewSecret {
    NewSecret {
        name: name.to_owned(),
        value: CANARY.to_owned(),
        hosts: vec!["API.example.org".to_owned()],
    }
}

fn with_keys(pool: &PgPool, keys: SealingKeys) -> Backend {
    let settings = Settings { sealing_keys: keys, ..sample::settings() };
    Backend::for_tests_with(pool.clone(), &settings)
}

fn given(keys: &[u8]) -> SealingKeys {
    SealingKeys::Given(keys.iter().map(|key| SealingKey::new([*key; 32])).collect())
}

async fn revealed(backend: &Backend, ctx: &Ctx, name: &str) -> Option<String> {
    let owner = access::user(ctx).unwrap();
    let found = reveal(backend, owner, &[name.to_owned()]).await.unwrap();
    found.first().map(|secret| secret.value.expose().to_owned())
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_secret_is_kept_sealed_and_shown_without_its_value(pool: PgPool) {
    let backend = Backend::for_tests(pool.clone());
    let ctx = sample::guest(&backend).await.unwrap();
    let made = create(&ctx, new("KEY")).await.unwrap();
    assert_eq!(made.hosts, ["api.example.org"]);
    assert_eq!(list(&ctx, PageRequest::default()).await.unwrap().items, [made]);
    assert_eq!(revealed(&backend, &ctx, "KEY").await.as_deref(), Some(CANARY));
    assert_eq!(revealed(&backend, &ctx, "OTHER").await, None);
    let stranger = sample::guest(&backend).await.unwrap();
    assert_eq!(revealed(&backend, &stranger, "KEY").await, None);

    // Every byte of the row as text: the value is in none of them.
    let row = sqlx::query_scalar!(r#"SELECT secrets::TEXT AS "row!" FROM secrets"#);
    let row = row.fetch_one(&pool).await.unwrap();
    let hex = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert!(row.contains("api.example.org") && !row.contains(CANARY) && !row.contains(&hex));

    let twice = create(&ctx, new("KEY")).await.unwrap_err();
    assert_eq!(twice.kind(), FaultKind::Conflict);
    delete(&ctx, "KEY").await.unwrap();
    assert_eq!(delete(&ctx, "KEY").await.unwrap_err().kind(), FaultKind::NotFound);
    assert_eq!(revealed(&backend, &ctx, "KEY").await, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn what_no_secret_can_be_called_is_not_found(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    for name in ["", "key", "K\0EY"] {
        let changes = SecretChanges { value: Some(CANARY.to_owned()), hosts: None };
        for error in [
            get(&ctx, name).await.unwrap_err(),
            update(&ctx, name, changes).await.unwrap_err(),
            delete(&ctx, name).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), FaultKind::NotFound, "{name:?}");
        }
    }
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_change_needs_the_value_to_reach_further(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let ctx = sample::guest(&backend).await.unwrap();
    create(&ctx, new("KEY")).await.unwrap();
    let hosts = |hosts: &[&str], value: Option<&str>| SecretChanges {
        hosts: Some(hosts.iter().map(|host| (*host).to_owned()).collect()),
        value: value.map(str::to_owned),
    };
    let error = update(&ctx, "KEY", hosts(&["evil.example"], None)).await.unwrap_err();
    assert_eq!(error.fields()[0].field, "value");
    assert_eq!(
        list(&ctx, PageRequest::default()).await.unwrap().items[0].hosts,
        ["api.example.org"]
    );
    let both = hosts(&["api.example.org", "*.example.net"], Some("another value"));
    assert_eq!(update(&ctx, "KEY", both).await.unwrap().hosts.len(), 2);
    assert_eq!(revealed(&backend, &ctx, "KEY").await.as_deref(), Some("another value"));
    update(&ctx, "KEY", hosts(&["api.example.org"], None)).await.unwrap();
    assert_eq!(revealed(&backend, &ctx, "KEY").await.as_deref(), Some("another value"));
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_new_key_opens_what_an_old_one_sealed_and_takes_its_place(pool: PgPool) {
    let old = with_keys(&pool, given(&[1]));
    let ctx = sample::guest(&old).await.unwrap();
    create(&ctx, new("KEY")).await.unwrap();
    let both = with_keys(&pool, given(&[2, 1]));
    assert_eq!(revealed(&both, &ctx, "KEY").await.as_deref(), Some(CANARY));
    assert_eq!(rotate(&both.system()).await.unwrap(), 1);
    assert_eq!(rotate(&both.system()).await.unwrap(), 0);
    let new = with_keys(&pool, given(&[2]));
    assert_eq!(revealed(&new, &ctx, "KEY").await.as_deref(), Some(CANARY));
    assert_eq!(revealed(&old, &ctx, "KEY").await, None);
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn without_a_key_no_secret_is_taken(pool: PgPool) {
    let backend = with_keys(&pool, SealingKeys::Missing);
    let ctx = sample::guest(&backend).await.unwrap();
    let error = create(&ctx, new("KEY")).await.unwrap_err();
    assert_eq!(error.kind(), FaultKind::Conflict);
    assert!(error.message().contains("SECRETS_KEY") && !error.message().contains(CANARY));
    assert_eq!(list(&ctx, PageRequest::default()).await.unwrap().items, []);
    // The key of a development installation is made once and shared by its processes.
    let (one, two) = (with_keys(&pool, SealingKeys::Made), with_keys(&pool, SealingKeys::Made));
    create(&sample::guest(&one).await.unwrap(), new("KEY")).await.unwrap();
    assert_eq!(
        one.keyring().await.unwrap().current_id().unwrap(),
        two.keyring().await.unwrap().current_id().unwrap()
    );
}
