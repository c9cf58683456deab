//! The page of the viewer's secrets: written here, shown nowhere.

use leptos::html;
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use resonant_domain::FaultKind;
use resonant_domain::secret::{SECRET_MIN, SecretSummary};
use server_fn::ServerFn as _;

use super::api::{CreateSecret, DeleteSecret, UpdateSecret, list_secrets};
use crate::error::{AppError, action_error, field_error, removal_error, removals, successes};
use crate::features::studio::fault_within;
use crate::language::{tr, tr_with};
use crate::lazy_page::LazyPage;
use crate::refused_form::refused_form;
use crate::ui::{
    Button, ButtonKind, Confirm, ErrorPanel, Field, FormError, PageHead, Skeleton, Time, kept,
    not_signed_in_page,
};
use crate::{browser, paths};

/// The page of the viewer's secrets.
pub struct SecretsRoute {
    create: ServerAction<CreateSecret>,
    update: ServerAction<UpdateSecret>,
    delete: ServerAction<DeleteSecret>,
    secrets: Resource<Result<Vec<SecretSummary>, AppError>>,
}

impl LazyPage for SecretsRoute {
    fn data() -> Self {
        let (create, update, delete) =
            (ServerAction::new(), ServerAction::new(), ServerAction::new());
        let changes = [successes(create), successes(update), removals(delete)];
        let changes = move || changes.map(|change| change.get());
        let secrets = Resource::new_blocking(changes, |_| list_secrets());
        Self { create, update, delete, secrets }
    }

    fn view(this: Self) -> AnyView {
        let SecretsRoute { create, update, delete, secrets } = this;
        view! {
            <Title text=tr("Your secrets") />
            <Meta name="description" content=tr("Keys that your agents' tools may send, and where to.") />
            <Transition fallback=|| {
                view! { <Skeleton lines=6 /> }
            }>
                {kept(move || async move {
                    match secrets.await {
                        Ok(secrets) => view! { <Secrets secrets create update delete /> }.into_any(),
                        Err(error) if error.kind == FaultKind::Unauthenticated => {
                            not_signed_in_page(
                                tr("Your secrets"),
                                tr("Secrets belong to a person: sign in, or start anything and become a guest."),
                                paths::SECRETS,
                            )
                        }
                        Err(error) => view! { <ErrorPanel error /> }.into_any(),
                    }
                })}
            </Transition>
        }
        .into_any()
    }
}

#[component]
fn Secrets(
    secrets: Vec<SecretSummary>,
    create: ServerAction<CreateSecret>,
    update: ServerAction<UpdateSecret>,
    delete: ServerAction<DeleteSecret>,
) -> impl IntoView {
    let error = action_error(create);
    // What was typed, less the value: that is typed anew.
    let refused = refused_form();
    let typed = |name| refused.text(name).unwrap_or_default();
    let (typed_name, typed_hosts) = (typed("name"), typed("hosts"));
    let rows = secrets
        .into_iter()
        .map(|secret| view! { <SecretRow secret update delete /> })
        .collect_view();
    view! {
        <div class="account">
            <PageHead
                title=tr("Your secrets")
                lead=tr("A tool of your agents sends a secret where its settings say {{secrets.NAME}}, and \
                to the hosts that you name here alone. Nobody reads it again, you included.")
            />
            <FormError error=action_error(update) />
            <FormError error=removal_error(delete) />
            <ul class="secret-list">{rows}</ul>
            <section class="account__part" aria-labelledby="secret-new">
                <h2 id="secret-new">{tr("Add a secret")}</h2>
                <ActionForm action=create>
                    <div class="form">
                        <FormError error fields=&["name", "value", "hosts*"] />
                        <Field
                            label=tr("Name")
                            name="name"
                            value=typed_name
                            required=true
                            maxlength=64
                            autocomplete="off"
                            placeholder="GITHUB_TOKEN"
                            hint=tr("Capital letters, digits and underscores")
                            error=field_error(error, "name")
                        />
                        <Field
                            label=tr("Value")
                            name="value"
                            type_="password"
                            required=true
                            minlength=SECRET_MIN
                            autocomplete="off"
                            error=field_error(error, "value")
                        />
                        <Field
                            label=tr("Hosts")
                            name="hosts"
                            value=typed_hosts
                            required=true
                            autocomplete="off"
                            placeholder="api.github.com"
                            hint=tr("Where it may be sent, with blanks between. *.example.org means every host below")
                            error=fault_within(error, "hosts")
                        />
                        <Button kind=ButtonKind::Primary busy=create.pending()>
                            {tr("Add secret")}
                        </Button>
                    </div>
                </ActionForm>
            </section>
        </div>
    }
}

#[component]
fn SecretRow(
    secret: SecretSummary,
    update: ServerAction<UpdateSecret>,
    delete: ServerAction<DeleteSecret>,
) -> impl IntoView {
    let SecretSummary { name, hosts, updated_at, .. } = secret;
    let hosts = hosts.join(" ");
    let (value_id, hosts_id) = (format!("value-{name}"), format!("hosts-{name}"));
    let updated_name = name.clone();
    let (node, of) = (NodeRef::<html::Form>::new(), name.clone());
    Effect::new(move || browser::begin_anew(node, &of));
    let question = tr_with("Delete {name}?", &[("name", &name)]);
    view! {
        <li class="secret">
            <div class="secret__head">
                <code class="secret__name">{name.clone()}</code>
                <span class="secret__about">{hosts.clone()} {tr(" · changed ")} <Time at=updated_at /></span>
            </div>
            <details>
                <summary>{tr("Replace or delete ")} <span class="visually-hidden">{name.clone()}</span></summary>
                <ActionForm action=update node_ref=node>
                    <div class="form">
                        <input type="hidden" name="name" value=updated_name />
                        <Field
                            label=tr("New value")
                            name="value"
                            id=value_id
                            type_="password"
                            required=true
                            minlength=SECRET_MIN
                            autocomplete="off"
                        />
                        <Field
                            label=tr("Hosts")
                            name="hosts"
                            id=hosts_id
                            value=hosts
                            required=true
                            autocomplete="off"
                        />
                        <Button busy=update.pending()>{tr("Replace")}</Button>
                    </div>
                </ActionForm>
                <Confirm
                    label=tr("Delete")
                    about=name.clone()
                    question
                    text=tr("Tools that send it have nothing to send from then on. Nobody can read its value any more.")
                    url=DeleteSecret::url()
                    fields=vec![("name", name.clone())]
                    busy=delete.pending()
                    on_yes=move |()| {
                        delete.dispatch(DeleteSecret { name: name.clone() });
                    }
                />
            </details>
        </li>
    }
}
