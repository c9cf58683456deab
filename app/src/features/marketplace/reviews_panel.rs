//! What people think of a listing, beside what the platform measured.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::review::{ANSWER_MAX, ListingFacts, Review, Standing};

use super::figures::counted;
use super::helpful_vote::HelpfulVote;
use super::review_api::{AnswerReview, DeleteReview, SaveReview, SeenReviews};
use super::review_form::ReviewForm;
use super::star_bars::{orders, star_bars};
use crate::error::{AppError, action_error, field_error, successes};
use crate::language::{cost_text, key, tr, tr_with};
use crate::paths;
use crate::ui::{
    Badge, Button, ErrorPanel, FormError, Icon, IconName, Skeleton, TextArea, Time, duration_text,
};

/// Everything that can be done with reviews.
#[derive(Clone, Copy)]
pub(super) struct ReviewActions {
    pub(super) save: ServerAction<SaveReview>,
    pub(super) delete: ServerAction<DeleteReview>,
    answer: ServerAction<AnswerReview>,
    successes: [Memo<usize>; 3],
}

impl ReviewActions {
    pub(super) fn new() -> Self {
        let (save, delete) = (ServerAction::new(), ServerAction::new());
        let answer = ServerAction::new();
        let successes = [successes(save), successes(delete), successes(answer)];
        Self { save, delete, answer, successes }
    }

    /// Changes whenever one of them has changed something.
    pub(super) fn changes(self) -> [usize; 3] {
        self.successes.map(|successes| successes.get())
    }

    /// Changes whenever the listing's rating has changed.
    pub(super) fn ratings(self) -> [usize; 2] {
        [self.successes[0].get(), self.successes[1].get()]
    }
}

/// The reviews of a listing. Without scripts its forms are plain ones and its pages links.
#[component]
pub(super) fn ReviewsPanel(
    /// The listing.
    slug: String,
    /// Its present version.
    version: i32,
    /// Whether nobody can run it for now.
    is_paused: bool,
    /// From where on they are shown.
    cursor: Memo<Option<String>>,
    /// What there is to see.
    reviews: Resource<Result<SeenReviews, AppError>>,
    /// What can be done.
    actions: ReviewActions,
) -> impl IntoView {
    let slug = StoredValue::new(slug);
    let shown = move || {
        let seen = reviews.get()?;
        Some(match seen {
            Ok(seen) => {
                let (slug, cursor) = (slug.get_value(), cursor.get_untracked());
                view! { <Seen slug cursor version is_paused seen actions /> }.into_any()
            }
            Err(error) => view! { <ErrorPanel error=error /> }.into_any(),
        })
    };
    view! {
        <section class="listing__section" id="reviews" aria-labelledby="reviews-title">
            <h2 id="reviews-title">{tr("Reviews")}</h2>
            <Transition fallback=|| view! { <Skeleton lines=4 /> }>{shown}</Transition>
        </section>
    }
}

#[component]
fn Seen(
    slug: String,
    /// From where on they are shown.
    cursor: Option<String>,
    version: i32,
    is_paused: bool,
    seen: SeenReviews,
    actions: ReviewActions,
) -> impl IntoView {
    let SeenReviews { filter, page, stars, helpful, facts, standing } = seen;
    let is_publisher = standing == Standing::Publisher;
    let may_vote = matches!(
        standing,
        Standing::Publisher | Standing::HasNotRun | Standing::MayWrite(_) | Standing::HasWritten(_)
    );
    let own = match &standing {
        Standing::HasWritten(review) => Some(review.id),
        _ => None,
    };
    let rows = page
        .items
        .into_iter()
        .map(|review| {
            let is_own = own == Some(review.id);
            let vote = (may_vote && !is_own).then(|| helpful.contains(&review.id));
            let report = (!is_own)
                .then(|| paths::report_review(&slug, filter, cursor.as_deref(), review.id));
            let slug = slug.clone();
            view! { <ReviewRow slug review vote report is_publisher actions /> }
        })
        .collect::<Vec<_>>();
    let is_reviewed = stars.iter().any(|count| *count > 0);
    let list = if !is_reviewed {
        view! { <p class="listing__note">{tr("Nobody has reviewed it yet.")}</p> }.into_any()
    } else if rows.is_empty() {
        view! { <p class="listing__note">{tr("No review has so many stars.")}</p> }.into_any()
    } else {
        view! { <ol class="reviews">{rows}</ol> }.into_any()
    };
    let ways = is_reviewed.then(|| (star_bars(&slug, filter, stars), orders(&slug, filter)));
    let next = page.next_cursor.map(|cursor| {
        view! {
            <p>
                <a
                    class="button"
                    rel="next"
                    href=paths::reviews_page(&slug, filter, Some(&cursor))
                >
                    {tr("More reviews")}
                </a>
            </p>
        }
    });
    let form = view! { <ReviewForm slug=slug.clone() is_paused standing actions /> }.into_any();
    view! {
        <Measured facts version />
        {form}
        <FormError error=action_error(actions.delete) />
        <FormError error=action_error(actions.answer) fields=&["answer"] />
        {ways}
        {list}
        {next}
    }
}

/// What was measured. Numbers without runs behind them are not shown.
#[component]
fn Measured(facts: ListingFacts, version: i32) -> impl IntoView {
    let Some(success) = facts.success_percent() else {
        return view! {
            <p class="listing__note">
                {tr_with(
                    "Nothing was measured yet: nobody has run version {version} as it was published.",
                    &[("version", &version)],
                )}
            </p>
        }
        .into_any();
    };
    let fact = |name: &'static str, value: Option<String>| {
        value.map(|value| {
            view! {
                <div class="measured__fact">
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            }
        })
    };
    let sessions = i64::try_from(facts.sessions).unwrap_or(i64::MAX);
    let sessions = counted(sessions, key("{n} session"), key("{n} sessions"));
    view! {
        <div class="measured">
            <p class="listing__note">
                {tr_with(
                    "Measured here on the newest {sessions} of version {version}, unchanged and by others than the publisher.",
                    &[("sessions", &sessions), ("version", &version)],
                )}
            </p>
            <dl class="measured__facts">
                {fact(tr("Reached an answer"), Some(format!("{success} %")))}
                {fact(tr("Half took at most"), facts.p50_ms.map(duration_text))}
                {fact(tr("99 of 100 took at most"), facts.p99_ms.map(duration_text))}
                {fact(tr("Half cost at most"), facts.median_cost.map(cost_text))}
            </dl>
        </div>
    }
    .into_any()
}

#[component]
fn ReviewRow(
    slug: String,
    review: Review,
    /// Whether the viewer finds it helpful; none where they have no vote.
    vote: Option<bool>,
    /// Where it is reported; none where it is the viewer's own.
    report: Option<String>,
    is_publisher: bool,
    actions: ReviewActions,
) -> impl IntoView {
    let Review {
        id, author, version, stars, text, helpful, answer, created_at, updated_at, ..
    } = review;
    let report = report.map(|href| {
        view! {
            <a href=href rel="nofollow">
                {tr("Report")}
                <span class="visually-hidden">
                    {tr_with(": the review by {author}", &[("author", &author)])}
                </span>
            </a>
        }
    });
    let vote = view! {
        <HelpfulVote slug=slug.clone() id author=author.clone() count=helpful own=vote />
    };
    let answered = answer.clone().map(|answer| {
        view! {
            <div class="review__answer">
                <p class="review__about">
                    <b>{tr("The publisher’s answer")}</b>
                    " "
                    <Time at=answer.at />
                </p>
                <p class="review__text">{answer.text}</p>
            </div>
        }
    });
    let answer_form = is_publisher.then(|| {
        let before = answer.map(|answer| answer.text).unwrap_or_default();
        let error = action_error(actions.answer);
        view! {
            <details class="review__reply">
                <summary>{tr("Answer this review")}</summary>
                <ActionForm action=actions.answer>
                    <input type="hidden" name="slug" value=slug />
                    <input type="hidden" name="id" value=id.to_string() />
                    <TextArea
                        label=tr("Answer")
                        name="answer"
                        id=format!("answer-{id}")
                        value=before
                        rows=3
                        maxlength=ANSWER_MAX
                        hint=tr("Everybody reads it. Leave it empty to take an answer back.")
                        error=field_error(error, "answer")
                    />
                    <Button busy=actions.answer.pending()>{tr("Save answer")}</Button>
                </ActionForm>
            </details>
        }
    });
    view! {
        <li class="review">
            <p class="review__head">
                <Stars stars />
                <b>{author}</b>
                <Badge>{tr_with("Version {version}", &[("version", &version)])}</Badge>
                <span class="review__about">
                    <Time at=created_at />
                    {(updated_at > created_at).then(|| tr(", changed since"))}
                </span>
            </p>
            <p class="review__text">{text}</p>
            <div class="review__foot">{vote} {report}</div>
            {answered}
            {answer_form}
        </li>
    }
}

/// Some stars out of five.
#[component]
fn Stars(stars: u8) -> impl IntoView {
    let drawn = (1..=5)
        .map(|place| {
            view! {
                <span class="stars__star" class:is-full=place <= stars>
                    <Icon name=IconName::Star />
                </span>
            }
        })
        .collect_view();
    view! {
        <span class="stars">
            {drawn} <span class="visually-hidden">{tr_with("{stars} of 5 stars", &[("stars", &stars)])}</span>
        </span>
    }
}
