//! Which edition of an agent is meant: the draft, or any of its versions.

use leptos::prelude::*;

use crate::language::{number, tr, tr_with};
use crate::ui::{Field, Select};

/// A list of the versions, or a field for the number where there are more than a list shows.
#[component]
pub(super) fn EditionField(
    /// What it is called.
    label: &'static str,
    /// The name under which a form sends it.
    name: &'static str,
    /// The control's id, where the page has two fields of one name.
    #[prop(into, optional)]
    id: Option<String>,
    /// What a form sends for the draft.
    draft: &'static str,
    /// The newest version; 0 where none is published.
    newest: u32,
    /// So many versions are shown in a list.
    most: u32,
    /// What is chosen.
    #[prop(into)]
    value: Signal<String>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| format!("field-{name}"));
    if newest > most {
        let hint = tr_with(
            "The number of a version, up to {newest}; nothing for the draft",
            &[("newest", &number(newest.into()))],
        );
        // Here the draft is what is not said.
        let shown = value.get_untracked();
        let shown = if shown == draft { String::new() } else { shown };
        return view! { <Field label=label name=name id=id value=shown autocomplete="off" hint=hint /> }
            .into_any();
    }
    let versions = (1..=newest).rev().map(|version| {
        (version.to_string(), tr_with("Version {version}", &[("version", &version)]))
    });
    let options: Vec<_> =
        std::iter::once((draft.to_owned(), tr("Draft").to_owned())).chain(versions).collect();
    view! { <Select label=label name=name id=id options=options value=value /> }.into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    fn drawn(newest: u32, chosen: &'static str) -> String {
        let value = Signal::stored(chosen.to_owned());
        view! { <EditionField label="Before" name="before" draft="draft" newest most=500 value /> }
            .to_html()
    }

    #[test]
    fn any_version_can_be_chosen() {
        Owner::new().with(|| {
            let html = drawn(500, "500");
            assert_eq!(html.matches("<option").count(), 501, "{html}");
            assert!(html.contains("Version 1<"), "{html}");
            let html = drawn(501, "draft");
            assert!(html.contains("up to 501") && html.contains("value=\"\""), "{html}");
            assert!(drawn(1_200, "7").contains("value=\"7\""));
        });
    }
}
