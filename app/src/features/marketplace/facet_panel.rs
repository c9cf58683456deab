//! What narrows a search further: links, so that they need no script, each with how many it leaves.

use leptos::prelude::*;
use resonant_domain::listing::{CostLimit, Facet, Facets, PriceFilter};
use resonant_domain::tool::built_in;

use super::figures::grouped;
use super::search::Search;
use crate::language::{tr, tr_count};

/// One link: text, count, whether it is chosen, and the search that it leads to.
struct Choice {
    text: String,
    count: i64,
    is_chosen: bool,
    next: Search,
}

/// Tags, tools, rating, price, cost and the mark of publishers.
#[component]
pub(super) fn FacetPanel(
    /// What was looked for.
    search: Search,
    /// What there is to choose.
    facets: Facets,
) -> impl IntoView {
    let narrowed = search.narrowed();
    let groups: Vec<_> = groups(&search, &facets)
        .into_iter()
        .filter(|(_, choices)| !choices.is_empty())
        .map(|(title, choices)| group(title, choices, facets.is_partial))
        .collect();
    if groups.is_empty() {
        return ().into_any();
    }
    let clear = (narrowed > 0).then(|| {
        view! {
            <p>
                <a href=search.widened().href() data-noscroll="true">
                    {tr("Clear all filters")}
                </a>
            </p>
        }
    });
    let is_open = narrowed > 0;
    let count = is_open.then(|| format!(" ({narrowed})"));
    view! {
        <details class="facets" open=is_open>
            <summary class="facets__summary">{tr("Filters")} {count}</summary>
            <div class="facets__groups">{groups}</div>
            {clear}
        </details>
    }
    .into_any()
}

fn group(title: &'static str, choices: Vec<Choice>, is_partial: bool) -> AnyView {
    let more = if is_partial { "+" } else { "" };
    let links: Vec<_> = choices
        .into_iter()
        .map(|Choice { text, count, is_chosen, next }| {
            view! {
                <li class="chips__item">
                    <a
                        class="chip"
                        class:is-selected=is_chosen
                        href=next.href()
                        aria-current=is_chosen.then_some("true")
                        data-noscroll="true"
                        rel="nofollow"
                    >
                        <span>{text}</span>
                        <span class="chip__count">{format!("{}{more}", grouped(count))}</span>
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <section class="facets__group" aria-label=title>
            <h2 class="facets__title">{title}</h2>
            <ul class="chips">{links}</ul>
        </section>
    }
    .into_any()
}

fn groups(search: &Search, facets: &Facets) -> [(&'static str, Vec<Choice>); 6] {
    let shown = |choice: &Choice| choice.is_chosen || choice.count > 0;
    let rating = |facet: &Facet| {
        let stars = facet.value.parse().ok()?;
        let is_chosen = search.rating == Some(stars);
        Some(Choice {
            text: tr_count("{n} star or more", "{n} stars or more", u64::from(stars)),
            count: facet.count,
            is_chosen,
            next: search.with(|next| next.rating = (!is_chosen).then_some(stars)),
        })
    };
    let cost = |facet: &Facet| {
        let cost = CostLimit::parse(&facet.value)?;
        let is_chosen = search.cost == Some(cost);
        Some(Choice {
            text: tr(cost.title()).to_owned(),
            count: facet.count,
            is_chosen,
            next: search.with(|next| next.cost = (!is_chosen).then_some(cost)),
        })
    };
    let price = |facet: &Facet| {
        let price = PriceFilter::parse(&facet.value)?;
        let is_chosen = search.price == Some(price);
        Some(Choice {
            text: tr(price.title()).to_owned(),
            count: facet.count,
            is_chosen,
            next: search.with(|next| next.price = (!is_chosen).then_some(price)),
        })
    };
    // Where all listings are free there is nothing to choose.
    let is_sold = search.price.is_some()
        || facets.prices.iter().any(|facet| facet.value == "paid" && facet.count > 0);
    let verified = Choice {
        text: tr("Verified publishers").to_owned(),
        count: facets.verified,
        is_chosen: search.is_verified,
        next: search.with(|next| next.is_verified = !next.is_verified),
    };
    let tool = |name: &str| match name {
        "http" => tr("HTTP requests").to_owned(),
        "mcp" => tr("MCP servers").to_owned(),
        _ => built_in(name).map_or_else(|| name.to_owned(), |tool| tr(tool.title).to_owned()),
    };
    [
        (tr("Tags"), named(search, &facets.tags, str::to_owned, |search| &mut search.tags)),
        (tr("Tools"), named(search, &facets.tools, tool, |search| &mut search.tools)),
        (tr("Rating"), facets.ratings.iter().filter_map(rating).filter(shown).collect()),
        // What publishers ask for, and apart from it what a session's model costs.
        (
            tr("Price"),
            facets.prices.iter().filter(|_| is_sold).filter_map(price).filter(shown).collect(),
        ),
        (
            tr("Half of the sessions cost"),
            facets.costs.iter().filter_map(cost).filter(shown).collect(),
        ),
        (tr("Publisher"), Some(verified).into_iter().filter(shown).collect()),
    ]
}

/// Links that put a name on a list or take it off.
fn named(
    search: &Search,
    facets: &[Facet],
    text: impl Fn(&str) -> String,
    list: fn(&mut Search) -> &mut Vec<String>,
) -> Vec<Choice> {
    facets
        .iter()
        .map(|Facet { value, count }| {
            let mut is_chosen = false;
            let next = search.with(|next| {
                let names = list(next);
                is_chosen = names.contains(value);
                if is_chosen {
                    names.retain(|name| name != value);
                } else {
                    names.push(value.clone());
                }
            });
            Choice { text: text(value), count: *count, is_chosen, next }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facet(value: &str, count: i64) -> Facet {
        Facet { value: value.to_owned(), count }
    }

    #[test]
    fn a_link_puts_a_filter_on_and_takes_it_off() {
        let search = Search { tags: vec!["csv".to_owned()], rating: Some(4), ..Search::default() };
        let facets = Facets {
            tags: vec![facet("csv", 3), facet("figures", 2)],
            ratings: vec![facet("4", 3), facet("3", 0)],
            costs: vec![facet("free", 1)],
            ..Facets::default()
        };
        let [tags, tools, rating, price, cost, publisher] = groups(&search, &facets);
        let hrefs: Vec<_> = tags.1.iter().map(|choice| choice.next.href()).collect();
        assert_eq!(hrefs, ["/marketplace?rating=4", "/marketplace?tags=csv%2Cfigures&rating=4"]);
        assert!(tags.1[0].is_chosen && !tags.1[1].is_chosen);
        assert_eq!((tools.1.len(), publisher.1.len(), price.1.len()), (0, 0, 0));
        assert_eq!(rating.1.len(), 1);
        assert_eq!(rating.1[0].next.href(), "/marketplace?tags=csv");
        assert_eq!(cost.1[0].next.href(), "/marketplace?tags=csv&rating=4&cost=free");
    }
}
