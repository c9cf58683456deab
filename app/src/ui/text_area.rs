//! The many-line field.

use leptos::html;
use leptos::prelude::*;

use super::field_frame::{FieldFrame, FieldIds, keep_text};

/// A many-line text field with label, hint and error.
///
/// leptos does not escape the children of a `<textarea>`, so the text never goes there: the server
/// writes it escaped as inner HTML, and the browser reads and sets the property.
#[component]
pub fn TextArea(
    /// What it is called.
    #[prop(into)]
    label: String,
    /// The name under which a form sends it.
    #[prop(into)]
    name: String,
    /// What stands in it. Without `on_input` this is the text that it starts with.
    #[prop(into, optional)]
    value: Signal<String>,
    /// Hears each change.
    #[prop(into, optional)]
    on_input: Option<Callback<String>>,
    /// How many lines are shown.
    #[prop(optional, default = 4)]
    rows: usize,
    /// What helps to fill it in.
    #[prop(into, optional)]
    hint: String,
    /// What is wrong with it.
    #[prop(into, optional)]
    error: Signal<Option<String>>,
    /// Whether the form cannot be sent without it.
    #[prop(optional)]
    required: bool,
    /// Whether to say that it may be left empty.
    #[prop(optional)]
    optional: bool,
    /// The most characters.
    #[prop(optional)]
    maxlength: Option<usize>,
    /// An example, shown while it is empty. Never the only explanation.
    #[prop(into, optional)]
    placeholder: Option<String>,
    /// Whether the text is code or a prompt: a fixed-width font, no spelling marks.
    #[prop(optional)]
    is_code: bool,
    /// The control's id, where the page has two fields of one name.
    #[prop(into, optional)]
    id: Option<String>,
) -> impl IntoView {
    let ids = FieldIds::new(id, &name);
    let has_hint = !hint.is_empty();
    let described = ids.clone();
    let node = NodeRef::<html::Textarea>::new();
    keep_text(
        value,
        on_input,
        move || node.get().map(|area| area.value()),
        move |text| {
            if let Some(area) = node.get_untracked() {
                area.set_value(text);
            }
        },
    );
    view! {
        <FieldFrame ids=ids.clone() label=label optional=optional hint=hint error=error>
            <textarea
                node_ref=node
                class="field__control field__control--area"
                class:field__control--code=is_code
                id=ids.control
                name=name
                rows=rows.to_string()
                required=required
                maxlength=maxlength.map(|length| length.to_string())
                placeholder=placeholder
                spellcheck=is_code.then_some("false")
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-describedby=move || described.described_by(has_hint, error.with(Option::is_some))
                on:input=move |event| {
                    if let Some(on_input) = on_input {
                        on_input.run(event_target_value(&event));
                    }
                }
                inner_html=escaped(&value.get_untracked())
            ></textarea>
        </FieldFrame>
    }
}

/// The text as inner HTML of a `<textarea>`, where a parser looks for character references and the
/// end tag alone. It swallows one newline after the start tag, so a text that begins with one gets
/// another.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 8);
    if text.starts_with('\n') {
        html.push('\n');
    }
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::ui::Field;

    fn render(text: &str) -> String {
        let owner = Owner::new();
        owner.with(|| {
            let text = text.to_owned();
            view! { <TextArea label="Prompt" name="system_prompt" value=text /> }.to_html()
        })
    }

    #[test]
    fn a_text_cannot_leave_the_area() {
        let html = render("</textarea><script>alert(1)</script>&amp;");
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("</textarea>").count(), 1, "{html}");
        assert!(
            html.contains("&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;"),
            "{html}"
        );
    }

    #[test]
    fn a_leading_newline_survives() {
        assert!(render("\nfirst").contains(">\n\nfirst</textarea>"));
    }

    #[test]
    fn a_value_cannot_leave_its_attribute() {
        let owner = Owner::new();
        let html = owner.with(|| {
            view! { <Field label="Name" name="name" value="\"><script>".to_owned() /> }.to_html()
        });
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn label_hint_and_error_belong_to_the_control() {
        let owner = Owner::new();
        let html = owner.with(|| {
            let error: Signal<_> = Signal::stored(Some("must be 1 to 100 characters".to_owned()));
            view! { <Field label="Name" name="name" hint="As others see it" error=error required=true /> }
                .to_html()
        });
        for part in [
            "for=\"field-name\"",
            "id=\"field-name\"",
            "aria-invalid=\"true\"",
            "aria-describedby=\"field-name-error field-name-hint\"",
            "must be 1 to 100 characters",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
