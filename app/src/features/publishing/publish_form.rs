//! The form that says what a listing is.

use leptos::form::ActionForm;
use leptos::prelude::*;
use resonant_domain::AgentId;
use resonant_domain::listing::{Category, Example};
use resonant_domain::price::{Currency, Interval, Price, PriceKind};
use resonant_domain::publication::{
    CHANGE_LOG_MAX, DESCRIPTION_MAX, NAME_MAX, Publication, TAGLINE_MAX,
};

use super::api::SaveSubmission;
use super::examples::example_fields;
use super::unsaved::Unsaved;
use crate::error::{AppError, action_error, field_error};
use crate::features::studio::ConflictNotice;
use crate::language::tr;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{Button, ButtonKind, Field, FormError, Select, TextArea};

/// What the form starts with.
#[derive(Default)]
struct Start {
    name: String,
    tagline: String,
    category: String,
    description: String,
    tags: String,
    change_log: String,
    price_kind: String,
    price_amount: String,
    price_currency: String,
    price_interval: String,
    examples: Vec<Example>,
}

impl Start {
    /// What was refused, else what was saved last, else what the agent says of itself.
    fn of(publication: &Publication) -> Self {
        let newest = publication.submissions.first();
        let texts = newest.map(|newest| &newest.texts);
        let is_decided = newest.is_some_and(|newest| newest.decided_at.is_some());
        let price = texts.map_or(Price::FREE, |texts| texts.price);
        let amount = price.currency.decimal(price.amount.unsigned_abs());
        let amount = if price.is_free() { String::new() } else { amount };
        let interval = price.interval.unwrap_or(Interval::Month);
        let start = match texts {
            Some(texts) => Self {
                name: texts.name.clone(),
                tagline: texts.tagline.clone(),
                category: texts.category.as_str().to_owned(),
                description: texts.description.clone(),
                tags: texts.tags.join(", "),
                // What is new was said of that version.
                change_log: if is_decided { String::new() } else { texts.change_log.clone() },
                ..Self::default()
            },
            None => Self {
                name: publication.agent_name.clone(),
                tagline: String::new(),
                category: Category::Custom.as_str().to_owned(),
                description: publication.agent_description.clone(),
                tags: String::new(),
                change_log: String::new(),
                ..Self::default()
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
            price_kind: or("price_kind", price.kind.as_str().to_owned()),
            price_amount: or("price_amount", amount),
            price_currency: or("price_currency", price.currency.as_str().to_owned()),
            price_interval: or("price_interval", interval.as_str().to_owned()),
            examples: texts.map(|texts| texts.examples.clone()).unwrap_or_default(),
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
    /// Names the draft that it starts with.
    seen: String,
    /// What keeps the form.
    save: ServerAction<SaveSubmission>,
    /// Whether it says what is kept.
    unsaved: Unsaved,
) -> impl IntoView {
    let start = Start::of(&publication);
    let error = action_error(save);
    // A refused form goes on from the draft that it was made for.
    unsaved.see(agent_id, refused_form().text("seen").unwrap_or(seen));
    let is_late = Signal::derive(move || {
        let is_told = error
            .try_with(|error| error.as_ref().is_some_and(|error| error.field("seen").is_some()));
        is_told == Some(true)
    });
    let other = Signal::derive(move || {
        error.try_get().flatten().filter(|_| is_late.try_get() != Some(true))
    });
    let price = if publication.takes_payments {
        price_fields(&start, error)
    } else {
        view! { <p>{tr("Price: free. This installation takes no payments.")}</p> }.into_any()
    };
    let categories = Category::ALL
        .map(|category| (category.as_str().to_owned(), tr(category.title()).to_owned()))
        .to_vec();
    view! {
        <ActionForm action=save node_ref=unsaved.form>
            <div class="form" on:input=move |_| unsaved.write()>
                <FormError
                    error=other
                    fields=&[
                        "name",
                        "tagline",
                        "category",
                        "description",
                        "tags",
                        "change_log",
                        "price",
                        "price.amount",
                        "price.currency",
                        "price.interval",
                    ]
                />
                <ConflictNotice
                    text=tr(
                        "This was changed elsewhere after you opened it. Nothing of yours is lost: it still \
                        stands in the form.",
                    )
                    is_there=is_late
                    busy=save.pending()
                    theirs=paths::publish(agent_id)
                    on_give_up=Callback::new(move |()| unsaved.give_up())
                />
                <input type="hidden" name="id" value=agent_id.to_string() />
                <input type="hidden" name="seen" value=move || unsaved.seen() />
                <Field
                    label=tr("Name")
                    name="form[name]"
                    value=start.name
                    required=true
                    maxlength=NAME_MAX
                    autocomplete="off"
                    error=field_error(error, "name")
                />
                <Field
                    label=tr("Summary")
                    name="form[tagline]"
                    value=start.tagline
                    required=true
                    maxlength=TAGLINE_MAX
                    autocomplete="off"
                    hint=tr("What it does, in one line")
                    error=field_error(error, "tagline")
                />
                <Select
                    label=tr("Category")
                    name="form[category]"
                    options=categories
                    value=start.category
                    error=field_error(error, "category")
                />
                <TextArea
                    label=tr("Description")
                    name="form[description]"
                    value=start.description
                    rows=10
                    required=true
                    maxlength=DESCRIPTION_MAX
                    hint=tr("Markdown: what it reads, what it gives back, where its limits are")
                    error=field_error(error, "description")
                />
                <Field
                    label=tr("Tags")
                    name="form[tags]"
                    value=start.tags
                    optional=true
                    autocomplete="off"
                    hint=tr("With commas in between, at most 8")
                    error=field_error(error, "tags")
                />
                <TextArea
                    label=tr("What is new")
                    name="form[change_log]"
                    value=start.change_log
                    rows=3
                    optional=true
                    maxlength=CHANGE_LOG_MAX
                    hint=tr("Stands in the change log of the listing")
                    error=field_error(error, "change_log")
                />
                {example_fields(&start.examples)}
                {price}
                <Button kind=ButtonKind::Primary busy=save.pending()>{tr("Save and preview")}</Button>
            </div>
        </ActionForm>
    }
}

/// What it costs. The span of time counts for subscriptions and rentals alone.
fn price_fields(start: &Start, error: Signal<Option<AppError>>) -> AnyView {
    let kinds = PriceKind::ALL.map(|kind| (kind.as_str().to_owned(), tr(kind.title()).to_owned()));
    let currencies = Currency::ALL.map(|one| (one.as_str().to_owned(), one.as_str().to_owned()));
    let intervals = Interval::ALL.map(|one| (one.as_str().to_owned(), tr(one.as_str()).to_owned()));
    view! {
        <Select
            label=tr("Price")
            name="form[price_kind]"
            options=kinds.to_vec()
            value=start.price_kind.clone()
            hint=tr("Who has a copy already keeps it as it is")
            error=field_error(error, "price")
        />
        <Field
            label=tr("Amount")
            name="form[price_amount]"
            value=start.price_amount.clone()
            optional=true
            maxlength=12
            autocomplete="off"
            hint=tr("Such as 5.00, or 500 in yen; of one session where each is paid for. Empty for what is free")
            error=field_error(error, "price.amount")
        />
        <Select
            label=tr("Currency")
            name="form[price_currency]"
            options=currencies.to_vec()
            value=start.price_currency.clone()
            error=field_error(error, "price.currency")
        />
        <Select
            label=tr("Paid for a")
            name="form[price_interval]"
            options=intervals.to_vec()
            value=start.price_interval.clone()
            hint=tr("Counts for subscriptions and rentals alone")
            error=field_error(error, "price.interval")
        />
    }
    .into_any()
}
