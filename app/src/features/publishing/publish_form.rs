//! The form that says what a listing is.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::listing::Category;
use resonant_domain::publication::{
    CHANGE_LOG_MAX, DESCRIPTION_MAX, NAME_MAX, Publication, TAGLINE_MAX,
};

use super::api::SaveSubmission;
use crate::error::{action_error, field_error};
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, Field, FormError, Select, TextArea};

/// What the form starts with.
struct Start {
    name: String,
    tagline: String,
    category: String,
    description: String,
    tags: String,
    change_log: String,
}

impl Start {
    /// What was refused, else what was saved last, else what the agent says of itself.
    fn of(publication: &Publication) -> Self {
        let newest = publication.submissions.first();
        let texts = newest.map(|newest| &newest.texts);
        let is_decided = newest.is_some_and(|newest| newest.decided_at.is_some());
        let start = match texts {
            Some(texts) => Self {
                name: texts.name.clone(),
                tagline: texts.tagline.clone(),
                category: texts.category.as_str().to_owned(),
                description: texts.description.clone(),
                tags: texts.tags.join(", "),
                // What is new was said of that version.
                change_log: if is_decided { String::new() } else { texts.change_log.clone() },
            },
            None => Self {
                name: publication.agent_name.clone(),
                tagline: String::new(),
                category: Category::Custom.as_str().to_owned(),
                description: publication.agent_description.clone(),
                tags: String::new(),
                change_log: String::new(),
            },
        };
        let refused = refused_form();
        let or =
            |field: &str, text: String| refused.text(&format!("form[{field}]")).unwrap_or(text);
        Self {
            name: or("name", start.name),
            tagline: or("tagline", start.tagline),
            category: or("category", start.category),
            description: or("description", start.description),
            tags: or("tags", start.tags),
            change_log: or("change_log", start.change_log),
        }
    }
}

/// The form.
#[component]
pub(super) fn PublishForm(
    /// The agent.
    agent_id: AgentId,
    /// How it stands.
    publication: Publication,
    /// What keeps the form.
    save: ServerAction<SaveSubmission>,
) -> impl IntoView {
    let start = Start::of(&publication);
    let error = action_error(save);
    let categories = Category::ALL
        .map(|category| (category.as_str().to_owned(), category.title().to_owned()))
        .to_vec();
    view! {
        <ActionForm action=save>
            <div class="form">
                <FormError
                    error
                    fields=&["name", "tagline", "category", "description", "tags", "change_log"]
                />
                <input type="hidden" name="id" value=agent_id.to_string() />
                <Field
                    label="Name"
                    name="form[name]"
                    value=start.name
                    required=true
                    maxlength=NAME_MAX
                    autocomplete="off"
                    error=field_error(error, "name")
                />
                <Field
                    label="Summary"
                    name="form[tagline]"
                    value=start.tagline
                    required=true
                    maxlength=TAGLINE_MAX
                    autocomplete="off"
                    hint="What it does, in one line"
                    error=field_error(error, "tagline")
                />
                <Select
                    label="Category"
                    name="form[category]"
                    options=categories
                    value=start.category
                    error=field_error(error, "category")
                />
                <TextArea
                    label="Description"
                    name="form[description]"
                    value=start.description
                    rows=10
                    required=true
                    maxlength=DESCRIPTION_MAX
                    hint="Markdown: what it reads, what it gives back, where its limits are"
                    error=field_error(error, "description")
                />
                <Field
                    label="Tags"
                    name="form[tags]"
                    value=start.tags
                    optional=true
                    autocomplete="off"
                    hint="With commas in between, at most 8"
                    error=field_error(error, "tags")
                />
                <TextArea
                    label="What is new"
                    name="form[change_log]"
                    value=start.change_log
                    rows=3
                    optional=true
                    maxlength=CHANGE_LOG_MAX
                    hint="Stands in the change log of the listing"
                    error=field_error(error, "change_log")
                />
                <Button kind=ButtonKind::Primary busy=save.pending()>"Save and preview"</Button>
            </div>
        </ActionForm>
    }
}
