//! The form that gives an agent a document: text that is pasted, or read from a file.

use leptos::form::ActionForm;
use leptos::prelude::*;
use leptos::task::spawn_local;
use resonant_domain::ids::AgentId;
use resonant_domain::knowledge::{DOCUMENT_MAX_BYTES, DocumentFormat, PDF_MAX_BYTES, TITLE_MAX};

use super::knowledge_api::AddDocument;
use crate::browser;
use crate::error::{action_error, field_error};
use crate::language::{key, tr, tr_with};
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, Field, FormError, Select, TextArea};

/// What stands in the form. It outlives a page that is drawn anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct DocumentDraft {
    title: RwSignal<String>,
    text: RwSignal<String>,
    format: RwSignal<String>,
    /// Why a file could not be read.
    fault: RwSignal<Option<String>>,
}

impl DocumentDraft {
    /// What the form holds at first: what was refused, or nothing.
    pub(super) fn new() -> Self {
        let refused = refused_form();
        let held = |name| RwSignal::new(refused.text(name).unwrap_or_default());
        Self {
            title: held("title"),
            text: held("text"),
            format: held("format"),
            fault: RwSignal::new(None),
        }
    }

    /// Empties the form.
    pub(super) fn clear(self) {
        for text in [self.title, self.text, self.format] {
            let _ = text.try_set(String::new());
        }
    }

    /// Reads a file into the form.
    fn read(self, file: browser::ChosenFile) {
        let _ = self.fault.try_set(None);
        let name = file.name();
        if let Some(reason) = unreadable(&name, file.size_bytes()) {
            let _ = self.fault.try_set(Some(reason));
            return;
        }
        spawn_local(async move {
            let format = DocumentFormat::of_file(&name);
            let read = match format {
                DocumentFormat::Pdf => file.base64().await,
                _ => file.text().await,
            };
            match read {
                Some(text) => {
                    let _ = self.title.try_set(name);
                    let _ = self.text.try_set(text);
                    let _ = self.format.try_set(format.as_str().to_owned());
                }
                None => {
                    let _ = self.fault.try_set(Some(tr("The file could not be read").to_owned()));
                }
            }
        });
    }
}

/// Why a file is not read at all.
fn unreadable(name: &str, size_bytes: f64) -> Option<String> {
    let (text, most) = match DocumentFormat::of_file(name) {
        DocumentFormat::Pdf => (key("A PDF may have at most {most} KiB"), PDF_MAX_BYTES),
        _ => (key("A document may have at most {most} KiB"), DOCUMENT_MAX_BYTES),
    };
    let is_too_long = size_bytes > f64::from(u32::try_from(most).unwrap_or(u32::MAX));
    is_too_long.then(|| tr_with(text, &[("most", &(most / 1024))]))
}

/// Adds a document to an agent.
#[component]
pub(super) fn DocumentForm(
    /// The agent.
    id: AgentId,
    /// What the form holds.
    draft: DocumentDraft,
    /// Adds it.
    add: ServerAction<AddDocument>,
) -> impl IntoView {
    let error = action_error(add);
    let formats = DocumentFormat::ALL
        .map(|format| (format.as_str().to_owned(), tr(format.title()).to_owned()))
        .into_iter();
    let formats: Vec<_> =
        std::iter::once((String::new(), tr("As the title's ending tells").to_owned()))
            .chain(formats)
            .collect();
    let to = |text: RwSignal<String>| Callback::new(move |typed: String| text.set(typed));
    view! {
        <ActionForm action=add>
            <div class="form">
                <FormError error fields=&["title", "format", "text"] />
                <input type="hidden" name="id" value=id.to_string() />
                <div class="field with-script">
                    <label class="field__label" for="document-file">
                        {tr("File")}
                    </label>
                    <input
                        class="field__control"
                        type="file"
                        id="document-file"
                        accept=".txt,.md,.markdown,.html,.htm,.csv,.tsv,.pdf,text/*"
                        aria-describedby="document-file-hint document-file-fault"
                        on:change=move |event| {
                            if let Some(file) = browser::chosen_file(&event) {
                                draft.read(file);
                            }
                        }
                    />
                    <p class="field__hint" id="document-file-hint">
                        {tr(
                            "Text, Markdown, HTML, CSV or a PDF that holds text. It is read into the fields below",
                        )}
                    </p>
                    <p
                        class="field__error"
                        id="document-file-fault"
                        role="alert"
                        hidden=move || draft.fault.with(Option::is_none)
                    >
                        {move || draft.fault.get()}
                    </p>
                </div>
                <Field
                    label=tr("Title")
                    name="title"
                    value=draft.title
                    on_input=to(draft.title)
                    required=true
                    maxlength=TITLE_MAX
                    autocomplete="off"
                    placeholder=tr("Handbook.md")
                    hint=tr("What answers call the document")
                    error=field_error(error, "title")
                />
                <Select
                    label=tr("Written as")
                    name="format"
                    options=formats
                    value=draft.format
                    on_change=to(draft.format)
                    error=field_error(error, "format")
                />
                <TextArea
                    label=tr("Text")
                    name="text"
                    id="document-text"
                    value=draft.text
                    on_input=to(draft.text)
                    rows=8
                    required=true
                    hint=tr(
                        "Below its headings it is cut into passages, which answers cite. Of a PDF the file itself stands here, in base64",
                    )
                    error=field_error(error, "text")
                />
                <Button kind=ButtonKind::Primary busy=add.pending()>
                    {tr("Add document")}
                </Button>
            </div>
        </ActionForm>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_says_why() {
        assert_eq!(unreadable("Handbook.md", 1_000.0), None);
        assert_eq!(unreadable("Report.PDF", 600_000.0), None);
        assert!(unreadable("Report.PDF", 1e9).is_some_and(|reason| reason.contains("1280 KiB")));
        assert!(unreadable("large.txt", 1e9).is_some_and(|reason| reason.contains("512 KiB")));
    }
}
