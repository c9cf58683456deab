//! How the form of a draft is sent. The answer to it may be lost on its way back: what was saved all the
//! same is known again, so that nobody is told that somebody else has written it.

use std::time::Duration;

use leptos::prelude::*;
use resonant_domain::FaultKind;
use resonant_domain::agent::Agent;

use super::agent_form::AgentForm;
use super::api::{UpdateAgent, update_agent};
use super::draft::Left;
use crate::browser;
use crate::error::AppError;
use crate::language::{tr_text, tr_with};
use crate::state::Toasts;
use crate::ui::Tone;

/// How often is looked whether what was on its way has arrived, once the page is left.
const LOOK: Duration = Duration::from_millis(50);
/// So many forms without an answer are remembered. Each holds a whole prompt.
const UNHEARD_MAX: usize = 12;

thread_local! {
    /// Counts what was saved in this tab. On the server nothing is: there it stays as it is.
    static SAVES: ArcRwSignal<u32> = ArcRwSignal::new(0);
}

/// Changes whenever a draft was saved in this tab, be it after its editor was left: what another page has
/// read of it meanwhile is old.
pub(super) fn saves() -> ArcRwSignal<u32> {
    SAVES.with(ArcRwSignal::clone)
}

/// What came of a form that was sent.
pub(super) type Saved = Result<Agent, AppError>;

/// Sends forms, each with what was sent before it and never answered. It outlives the page, and so hears
/// its answer wherever one has gone meanwhile.
pub(super) type Saving = ArcAction<(UpdateAgent, Unheard), Saved>;

/// Nothing is sent yet. `before` is what came of the form that led here without a script.
pub(super) fn new_saving(before: Option<Saved>) -> Saving {
    ArcAction::new_with_value(before, |(form, unheard): &(UpdateAgent, Unheard)| {
        save(form.clone(), unheard.clone())
    })
}

/// What was sent from here and never answered: nobody knows whether it was saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unheard(Vec<AgentForm>);

impl Unheard {
    /// Takes over what came of a form.
    pub(super) fn hear(&mut self, sent: AgentForm, answer: &Saved) {
        match answer {
            Ok(_) => self.0.clear(),
            Err(error) if is_lost(error) && !self.0.contains(&sent) => {
                // The one with which the network went may have arrived, as may the last ones.
                if self.0.len() == UNHEARD_MAX {
                    self.0.remove(1);
                }
                self.0.push(sent);
            }
            Err(_) => {}
        }
    }
}

/// Whether an error leaves open what became of the form.
fn is_lost(error: &AppError) -> bool {
    matches!(error.kind, FaultKind::Unavailable | FaultKind::Internal)
}

/// Saves a form. Where the draft is another one than it was, but as a form says that was sent from here and
/// never answered, nobody else has changed it: what is saved goes on from there.
async fn save(form: UpdateAgent, unheard: Unheard) -> Saved {
    let send =
        |UpdateAgent { id, revision, overwrite, form }| update_agent(id, revision, overwrite, form);
    let answer = save_by(send, form, unheard).await;
    if answer.is_ok() {
        saves().update(|saves| *saves = saves.wrapping_add(1));
    }
    answer
}

async fn save_by<F, A>(send: F, form: UpdateAgent, unheard: Unheard) -> Saved
where
    F: Fn(UpdateAgent) -> A,
    A: Future<Output = Saved>,
{
    let refused = match send(form.clone()).await {
        Err(error) if error.kind == FaultKind::Conflict => error,
        answer => return answer,
    };
    for sent in unheard.0.into_iter().rev() {
        // Of a revision that is over, a form changes nothing any more: it is answered with the draft where
        // that is as it says, and refused where it is not.
        let again = UpdateAgent { overwrite: false, form: sent, ..form.clone() };
        match send(again).await {
            Ok(agent) => return send(UpdateAgent { revision: agent.revision, ..form }).await,
            Err(error) if is_lost(&error) => return Err(error),
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Saves what stood in the form when it was left, and keeps what cannot be saved. What is on its way
/// already is older, or `is_sent` and all there is.
pub(super) async fn save_left(
    saving: Saving,
    mut left: UpdateAgent,
    mut unheard: Unheard,
    is_sent: bool,
    toasts: Toasts,
) {
    let on_its_way = saving.input().get_untracked();
    let pending = saving.pending();
    if pending.get_untracked() {
        while pending.get_untracked() {
            browser::sleep(LOOK).await;
        }
        let answer = saving.value().get_untracked();
        if let Some(Ok(agent)) = &answer {
            if is_sent {
                return;
            }
            left.revision = agent.revision;
        }
        if let (Some((sent, _)), Some(answer)) = (on_its_way, answer) {
            unheard.hear(sent.form, &answer);
        }
    }
    let answer = save(left.clone(), unheard.clone()).await;
    let UpdateAgent { id, revision, form, .. } = left;
    unheard.hear(form.clone(), &answer);
    if let Err(error) = answer {
        Left { id, revision, form, unheard }.keep();
        let told = tr_with(
            "What you wrote last could not be saved: {reason}. It stands in the form again when you open \
            the agent.",
            &[("reason", &tr_text(error.message))],
        );
        toasts.show(Tone::Bad, told);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::ready;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use resonant_domain::agent::{AgentSpec, AgentStatus};

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn form(name: &str) -> AgentForm {
        AgentForm { name: name.to_owned(), ..AgentForm::default() }
    }

    /// A draft, and whether what is said of it arrives.
    struct Server {
        revision: Cell<i64>,
        name: RefCell<String>,
        answers_are_lost: Cell<bool>,
    }

    impl Server {
        fn new() -> Self {
            Self {
                revision: Cell::new(1),
                name: RefCell::new("a".to_owned()),
                answers_are_lost: Cell::new(false),
            }
        }

        /// As `update_agent` answers.
        fn take(&self, sent: UpdateAgent) -> Saved {
            let is_same = *self.name.borrow() == sent.form.name;
            if !is_same {
                if sent.revision != self.revision.get() && !sent.overwrite {
                    return Err(AppError::new(FaultKind::Conflict, "changed"));
                }
                self.revision.set(self.revision.get() + 1);
                self.name.replace(sent.form.name);
            }
            if self.answers_are_lost.get() {
                return Err(AppError::new(FaultKind::Unavailable, "not reached"));
            }
            let at = jiff::Timestamp::UNIX_EPOCH;
            Ok(Agent {
                id: ID.parse().unwrap(),
                owner_id: ID.parse().unwrap(),
                status: AgentStatus::Active,
                revision: self.revision.get(),
                listing_id: None,
                created_at: at,
                updated_at: at,
                spec: AgentSpec { name: self.name.borrow().clone(), ..AgentSpec::default() },
            })
        }

        fn save(&self, revision: i64, name: &str, unheard: &mut Unheard) -> Result<i64, FaultKind> {
            let sent = UpdateAgent {
                id: ID.parse().unwrap(),
                revision,
                overwrite: false,
                form: form(name),
            };
            let saving = save_by(|sent| ready(self.take(sent)), sent, unheard.clone());
            let Poll::Ready(answer) = pin!(saving).poll(&mut Context::from_waker(Waker::noop()))
            else {
                panic!("nothing is waited for");
            };
            unheard.hear(form(name), &answer);
            answer.map(|agent| agent.revision).map_err(|error| error.kind)
        }
    }

    #[test]
    fn what_was_saved_without_an_answer_is_no_conflict() {
        let (server, mut unheard) = (Server::new(), Unheard::default());
        server.answers_are_lost.set(true);
        assert_eq!(server.save(1, "b", &mut unheard), Err(FaultKind::Unavailable));
        assert_eq!(server.revision.get(), 2);
        // What is sent meanwhile and leads nowhere changes nothing of that.
        assert_eq!(server.save(1, "c", &mut unheard), Err(FaultKind::Unavailable));
        server.answers_are_lost.set(false);
        assert_eq!(server.save(1, "d", &mut unheard), Ok(3));
        assert_eq!(*server.name.borrow(), "d");
        assert_eq!(unheard, Unheard::default());
    }

    #[test]
    fn what_somebody_else_has_written_since_is_a_conflict() {
        let (server, mut unheard) = (Server::new(), Unheard::default());
        server.answers_are_lost.set(true);
        assert_eq!(server.save(1, "b", &mut unheard), Err(FaultKind::Unavailable));
        server.answers_are_lost.set(false);
        let mut theirs = Unheard::default();
        assert_eq!(server.save(2, "theirs", &mut theirs), Ok(3));
        assert_eq!(server.save(1, "c", &mut unheard), Err(FaultKind::Conflict));
        assert_eq!(*server.name.borrow(), "theirs");
    }

    #[test]
    fn the_first_form_without_an_answer_is_remembered_as_the_last_ones_are() {
        let mut unheard = Unheard::default();
        let lost = Err(AppError::new(FaultKind::Unavailable, "not reached"));
        for number in 0..=UNHEARD_MAX {
            for _ in 0..2 {
                unheard.hear(form(&number.to_string()), &lost);
            }
        }
        assert_eq!(unheard.0.len(), UNHEARD_MAX);
        let names: Vec<_> = unheard.0.iter().map(|form| form.name.as_str()).collect();
        assert_eq!((names[0], names[1]), ("0", "2"));
        // What was refused is known not to be saved.
        unheard.hear(form("x"), &Err(AppError::new(FaultKind::Invalid, "wrong")));
        assert_eq!(unheard.0.len(), UNHEARD_MAX);
    }
}
