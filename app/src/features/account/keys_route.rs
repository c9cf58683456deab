//! `/account/keys`: the viewer's API keys.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::api_key::{ApiKey, NAME_MAX, Scope};
use server_fn::ServerFn as _;

use super::api::{CreateKey, OwnKeys, RevokeKey, list_keys};
use super::key_life::KeyLife;
use crate::error::{AppError, action_error, field_error, removal_error, removals, successes};
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::paths;
use crate::refused_form::refused_form;
use crate::ui::{
    Badge, Button, ButtonKind, ChoiceError, Code, Confirm, CopyButton, ErrorPanel, Field,
    FormError, Notice, PageHead, Select, Skeleton, Time, Tone, kept, not_signed_in,
};

/// The page of the viewer's API keys.
pub struct KeysRoute {
    keys: Resource<Result<OwnKeys, AppError>>,
    create: ServerAction<CreateKey>,
    revoke: ServerAction<RevokeKey>,
}

impl LazyPage for KeysRoute {
    fn data() -> Self {
        let (create, revoke) = (ServerAction::<CreateKey>::new(), ServerAction::<RevokeKey>::new());
        let changes = [successes(create), removals(revoke)];
        let changes = move || changes.map(|change| change.get());
        let keys = Resource::new_blocking(changes, |_| list_keys());
        Self { keys, create, revoke }
    }

    fn view(this: Self) -> AnyView {
        let KeysRoute { keys, create, revoke } = this;
        view! {
            <Title text=tr("API keys") />
            <Meta name="description" content=tr("Keys by which programs use Resonant for you") />
            <div class="account">
                <PageHead
                    title=tr("API keys")
                    lead=tr("A program that has one acts for you, within the scopes that you tick.")
                />
                <Transition fallback=|| {
                    view! { <Skeleton lines=8 /> }
                }>
                    {kept(move || async move {
                        match keys.await {
                            Ok(own) => view! { <Keys own create revoke /> }.into_any(),
                            Err(error) if error.kind == FaultKind::Unauthenticated => {
                                not_signed_in(
                                    tr("Keys belong to a person: sign in, or start anything and you become a guest."),
                                    paths::KEYS,
                                )
                            }
                            Err(error) => view! { <ErrorPanel error /> }.into_any(),
                        }
                    })}
                </Transition>
            </div>
        }
        .into_any()
    }
}

#[component]
fn Keys(
    own: OwnKeys,
    create: ServerAction<CreateKey>,
    revoke: ServerAction<RevokeKey>,
) -> impl IntoView {
    let OwnKeys { keys, made } = own;
    let value = create.value();
    // Without JavaScript the page itself brings what was made.
    let text = move || match value.get() {
        Some(Ok(made)) => Some(made.text),
        _ => made.clone(),
    };
    let refused = removal_error(revoke);
    let row = |key| view! { <KeyRow key=key revoke /> };
    view! {
        {move || text().map(|text| view! { <NewKey text /> })}
        <FormError error=refused />
        <section class="account__part" aria-labelledby="keys-own">
            <h2 id="keys-own">{tr("Your keys")}</h2>
            {if keys.is_empty() {
                view! { <p class="account__warning">{tr("None yet.")}</p> }.into_any()
            } else {
                view! { <ul class="keys">{keys.into_iter().map(row).collect_view()}</ul> }.into_any()
            }}
        </section>
        <CreateForm create />
    }
}

/// The key, this once.
#[component]
fn NewKey(text: String) -> impl IntoView {
    view! {
        <div role="status">
            <Notice tone=Tone::Good>
                <p>
                    <b>{tr("Copy the key now. ")}</b>
                    {tr("It is not shown again, and nobody can look it up.")}
                </p>
                <div class="keys__new">
                    <Code text=text.clone() language=tr("API key") />
                    <CopyButton text label=tr("Copy the key") />
                </div>
            </Notice>
        </div>
    }
}

#[component]
fn KeyRow(key: ApiKey, revoke: ServerAction<RevokeKey>) -> impl IntoView {
    let scopes = key.scopes.iter().map(|scope| view! { <Badge>{scope.as_str()}</Badge> });
    let used = match key.last_used_at {
        Some(at) => view! { {tr("Last used ")} <Time at /> }.into_any(),
        None => tr("Never used").into_any(),
    };
    let (id, name) = (key.id, key.name.clone());
    let question = tr_with("Revoke “{name}”?", &[("name", &name)]);
    let ends = key.expires_at.map(|at| view! { <span>{tr("Ends ")} <Time at /></span> });
    view! {
        <li class="keys__row">
            <div>
                <h3 class="keys__name">{key.name.clone()} " " <code>{key.prefix} "…"</code></h3>
                <p class="keys__scopes">{scopes.collect_view()}</p>
                <p class="keys__about">
                    <span>{tr("Made ")} <Time at=key.created_at /></span>
                    <span>{used}</span>
                    {ends}
                </p>
            </div>
            <Confirm
                label=tr("Revoke")
                about=name
                question
                text=tr("Programs that have the key are refused from then on. It never works again.")
                yes=tr("Yes, revoke it")
                url=RevokeKey::url()
                fields=vec![("id", id.to_string())]
                busy=revoke.pending()
                on_yes=move |()| {
                    revoke.dispatch(RevokeKey { id });
                }
            />
        </li>
    }
}

#[component]
fn CreateForm(create: ServerAction<CreateKey>) -> impl IntoView {
    let error = action_error(create);
    let scopes_error = field_error(error, "scopes");
    let form = refused_form();
    let ticked = form.texts("scopes[]");
    let scope = move |scope: Scope| {
        let is_ticked = ticked.iter().any(|name| name == scope.as_str());
        view! {
            <label class="keys__scope">
                <input type="checkbox" name="scopes[]" value=scope.as_str() checked=is_ticked />
                <span>{tr(scope.title())} " " <code>{scope.as_str()}</code></span>
            </label>
        }
    };
    let lives = KeyLife::ALL.map(|life| (life.as_str().to_owned(), tr(life.title()).to_owned()));
    view! {
        <section class="account__part" aria-labelledby="keys-make">
            <h2 id="keys-make">{tr("Make a key")}</h2>
            <ActionForm action=create>
                <div class="form">
                    <FormError error fields=&["name", "scopes"] />
                    <Field
                        label=tr("Name")
                        name="name"
                        value=form.text("name").unwrap_or_default()
                        required=true
                        maxlength=NAME_MAX
                        autocomplete="off"
                        hint=tr("What it is for, so that you know it again")
                        error=field_error(error, "name")
                    />
                    <fieldset class="keys__scopes-choice" aria-describedby="scopes-error">
                        <legend class="field__label">{tr("What it may do")}</legend>
                        {Scope::ALL.into_iter().map(scope).collect_view()}
                        <ChoiceError id="scopes-error" error=scopes_error />
                    </fieldset>
                    <Select label=tr("How long it works") name="life" options=lives.to_vec() />
                    <Button kind=ButtonKind::Primary busy=create.pending()>
                        {tr("Make the key")}
                    </Button>
                </div>
            </ActionForm>
        </section>
    }
}
