//! The entries of a log, what narrows them, and the ways to take them along.

use jiff::civil::Date;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use resonant_domain::audit::DeedGroup;
use resonant_domain::page::Page;

use super::api::AuditLine;
use crate::error::{AppError, field_error};
use crate::language::{tr, tr_with};
use crate::paths;
use crate::ui::{Button, EmptyState, Field, IconName, LinkButton, Select, Time};

/// What the address of a log asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Asked {
    pub(super) group: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) cursor: Option<String>,
}

impl Asked {
    /// What a query asks for.
    pub(super) fn of(query: &ParamsMap) -> Self {
        let text = |name: &str| query.get(name).unwrap_or_default();
        Self {
            group: text("group"),
            since: text("since"),
            until: text("until"),
            cursor: query.get("cursor").filter(|cursor| !cursor.is_empty()),
        }
    }

    /// An address with what narrows the log, and one thing more.
    fn href(&self, path: &str, (name, value): (&str, Option<&str>)) -> String {
        let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let narrowed = [
            ("group", some(&*self.group)),
            ("since", some(&*self.since)),
            ("until", some(&*self.until)),
            (name, value),
        ];
        paths::audit(path, &narrowed)
    }

    fn is_narrowed(&self) -> bool {
        [&self.group, &self.since, &self.until].iter().any(|text| !text.is_empty())
    }
}

/// The form that narrows a log, its entries, and the links to its files.
#[component]
pub(super) fn Entries(
    /// Where the log is read.
    path: &'static str,
    /// Where it is a file.
    file: &'static str,
    /// What was asked for.
    asked: Asked,
    /// What the server answered.
    page: Page<AuditLine>,
    /// What is wrong with what was asked for.
    error: Option<AppError>,
) -> impl IntoView {
    let older = page.next_cursor.as_deref().map(|cursor| {
        let href = asked.href(path, ("cursor", Some(cursor)));
        view! { <LinkButton href>{tr("Older entries")}</LinkButton> }
    });
    let newest = asked.cursor.is_some().then(|| {
        view! { <a href=asked.href(path, ("cursor", None))>{tr("Back to the newest")}</a> }
    });
    let files = [("CSV", "csv"), ("JSON lines", "jsonlines")].map(|(title, form)| {
        let href = asked.href(file, ("form", Some(form)));
        // The router would take it for a page.
        view! {
            <a class="button button--quiet" href=href rel="external" download="">
                {tr_with("Download as {format}", &[("format", &title)])}
            </a>
        }
    });
    let list = if page.items.is_empty() {
        let text = if asked.is_narrowed() {
            tr("Nothing of this kind was done in that time.")
        } else {
            tr("Sign-ins, keys, secrets, agents and what is done to them are written down here.")
        };
        view! { <EmptyState icon=IconName::History title=tr("Nothing here") text=text /> }
            .into_any()
    } else {
        let rows = page.items.into_iter().map(row).collect_view();
        view! { <ol class="audit__list">{rows}</ol> }.into_any()
    };
    let is_fit = error.is_none();
    view! {
        {filter(path, &asked, error)}
        {is_fit
            .then(|| {
                view! {
                    <section aria-label=tr("Entries")>{list}</section>
                    <p class="audit__ways">{older} {newest} {files.collect_view()}</p>
                }
            })}
    }
}

/// A plain form: what it asks for stands in the address.
fn filter(path: &'static str, asked: &Asked, error: Option<AppError>) -> AnyView {
    let mut groups = vec![(String::new(), tr("Everything").to_owned())];
    let known = DeedGroup::ALL.iter();
    groups.extend(known.map(|group| (group.as_str().to_owned(), tr(group.title()).to_owned())));
    let error = Signal::stored(error);
    let fault = |name| field_error(error, name);
    let (since, until, group) = (fault("since"), fault("until"), fault("group"));
    view! {
        <form class="audit__filter" method="get" action=path>
            <Select label=tr("Show") name="group" options=groups value=asked.group.clone() error=group />
            <Field label=tr("From") name="since" type_="date" value=day(&asked.since) error=since />
            <Field label=tr("To") name="until" type_="date" value=day(&asked.until) error=until />
            <Button>{tr("Show")}</Button>
        </form>
    }
    .into_any()
}

/// A day as a field for days takes it: none where it was something else, of which the field tells what is wrong.
fn day(text: &str) -> String {
    text.trim().parse::<Date>().map(|day| day.to_string()).unwrap_or_default()
}

fn row(line: AuditLine) -> AnyView {
    let subject = line.subject.map(|name| {
        view! { <span>{tr_with(" “{name}”", &[("name", &name)])}</span> }
    });
    // Other languages may name the thing in the midst of the deed, at this mark.
    let (deed, rest) = match line.deed.split_once(" …") {
        Some((deed, rest)) => (deed.to_owned(), Some(rest.to_owned())),
        None => (line.deed, None),
    };
    view! {
        <li class="audit__entry">
            <span class="audit__time">
                <Time at=line.at />
            </span>
            <p class="audit__deed">
                <b>{tr_with("{who}", &[("who", &line.who)])}</b>
                " "
                {deed}
                {subject}
                {rest}
            </p>
            <p class="audit__about">{line.about}</p>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_narrows_the_log_stays_in_its_links() {
        let asked =
            Asked { group: "keys".to_owned(), since: "2026-01-01".to_owned(), ..Asked::default() };
        assert!(asked.is_narrowed());
        assert_eq!(
            asked.href(paths::AUDIT, ("cursor", Some("a b"))),
            "/account/audit?group=keys&since=2026-01-01&cursor=a%20b"
        );
        assert_eq!(Asked::default().href(paths::AUDIT, ("cursor", None)), paths::AUDIT);
        assert!(!Asked::default().is_narrowed());
    }

    #[test]
    fn a_field_for_days_begins_with_a_day_or_empty() {
        assert_eq!(day(" 2026-01-31 "), "2026-01-31");
        for text in ["", "bogus", "2026-02-30"] {
            assert_eq!(day(text), "", "{text}");
        }
    }
}
