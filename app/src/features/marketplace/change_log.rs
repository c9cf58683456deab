//! The tags of a listing, and what was new in its versions.

use leptos::prelude::*;
use resonant_domain::listing::ListingVersion;

use crate::language::{tr, tr_with};
use crate::paths;
use crate::ui::Time;

/// Words to find the listing by.
#[component]
pub(super) fn Tags(
    /// The tags.
    tags: Vec<String>,
) -> impl IntoView {
    (!tags.is_empty()).then(|| {
        let tags = tags
            .into_iter()
            .map(|tag| view! { <li><a class="chip" href=paths::tag(&tag)>{tag.clone()}</a></li> });
        view! {
            <ul class="chips" aria-label=tr("Tags")>
                {tags.collect_view()}
            </ul>
        }
    })
}

/// What was new in each version, once there is more to tell than that the first one is there.
#[component]
pub(super) fn ChangeLog(
    /// The versions, the newest first.
    versions: Vec<ListingVersion>,
) -> impl IntoView {
    let has_news = versions.iter().any(|version| !version.change_log.is_empty());
    (versions.len() > 1 || has_news).then(|| {
        let rows = versions
            .into_iter()
            .map(|ListingVersion { version, change_log, created_at }| {
                let log = Some(change_log).filter(|log| !log.is_empty());
                view! {
                    <li class="change-log__version">
                        <p>
                            <b>{tr_with("Version {version}", &[("version", &version)])}</b>
                            " "
                            <span class="review__about">
                                <Time at=created_at />
                            </span>
                        </p>
                        {log.map(|log| view! { <p class="review__text">{log}</p> })}
                    </li>
                }
            })
            .collect_view();
        view! {
            <section class="listing__section" aria-labelledby="changes-title">
                <h2 id="changes-title">{tr("Change log")}</h2>
                <ol class="change-log">{rows}</ol>
            </section>
        }
    })
}
