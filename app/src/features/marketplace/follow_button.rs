//! The button that follows a publisher.

use leptos::form::ActionForm;
use leptos::prelude::*;

use super::follow_api::{FollowState, SetFollowing};
use crate::error::action_error;
use crate::language::tr;
use crate::ui::{Button, FormError};

/// A plain form that follows a publisher, or no more, and leads back; nothing for the publisher.
pub(crate) fn follow_form(
    set: ServerAction<SetFollowing>,
    state: FollowState,
    (handle, name): (String, String),
    back: String,
) -> AnyView {
    let is_followed = match state {
        FollowState::Oneself => return ().into_any(),
        FollowState::Yes => true,
        FollowState::No => false,
    };
    view! {
        <ActionForm action=set>
            <input type="hidden" name="handle" value=handle />
            <input type="hidden" name="is_followed" value=(!is_followed).to_string() />
            <input type="hidden" name="back" value=back />
            <Button busy=set.pending()>
                {if is_followed { tr("Unfollow") } else { tr("Follow") }} " "
                <span class="visually-hidden">{name}</span>
            </Button>
        </ActionForm>
        <FormError error=action_error(set) />
    }
    .into_any()
}
