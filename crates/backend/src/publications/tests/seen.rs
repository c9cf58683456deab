//! A draft in two tabs: neither is saved over the other unseen.

use super::*;
use crate::seen::{Seen, version_of};

fn is_late<T>(answer: &Result<T>) -> bool {
    matches!(answer, Err(Error::Changed("submission")))
}

#[sqlx::test(migrator = "crate::store::MIGRATOR")]
async fn a_draft_is_saved_over_one_that_was_seen_alone(pool: PgPool) {
    let backend = Backend::for_tests(pool);
    let (root, ada) = (admin(&backend).await, sample::member(&backend, "ada").await.unwrap());
    let agent = published_agent(&ada, "Reader").await;
    let after = |draft: &Submission| ada.expecting(Seen::at(version_of(draft)));
    let fresh = ada.expecting(Seen::NOTHING);
    let first = save(&fresh, agent, texts("First")).await.unwrap();
    assert!(is_late(&save(&fresh, agent, texts("Other")).await), "it began where there was none");
    // Whoever has heard no answer sends the same once more.
    assert_eq!(save(&fresh, agent, texts("First")).await.unwrap().id, first.id);

    let second = save(&after(&first), agent, texts("Second")).await.unwrap();
    assert!(is_late(&save(&after(&first), agent, texts("Other")).await));
    let read = async || {
        let standing = get(&ada, agent, PageRequest::default()).await.unwrap();
        standing.submissions.into_iter().next().unwrap()
    };
    assert_eq!(version_of(&read().await), version_of(&second), "it is called what it was saved as");

    // Handed in and taken back it is the same draft.
    submit(&ada, agent).await.unwrap();
    let refused = save(&after(&second), agent, texts("Third")).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "it is in review: {refused:?}");
    withdraw(&ada, agent).await.unwrap();
    let third = save(&after(&second), agent, texts("Third")).await.unwrap();

    // Who does not say saves it as it is by then.
    save(&ada, agent, texts("Fourth")).await.unwrap();
    assert!(is_late(&save(&after(&third), agent, texts("Fifth")).await));

    // What a moderator has decided is a draft no more.
    let fourth = read().await;
    submit(&ada, agent).await.unwrap();
    approve(&root, fourth.id).await;
    assert!(is_late(&save(&after(&fourth), agent, texts("Fifth")).await));
    assert_ne!(save(&fresh, agent, texts("Fifth")).await.unwrap().id, fourth.id);
}
