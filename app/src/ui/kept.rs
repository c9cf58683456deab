//! What is drawn of data lives until what comes after it is drawn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use leptos::either::Either;
use leptos::prelude::*;
use leptos::reactive::owner::WeakOwner;
use leptos::tachys::reactive_graph::OwnedView;

use crate::browser;

/// Draws data inside of a `Transition`, each time anew that it was read anew.
///
/// A [`Suspend`] alone gives up every signal of what it has drawn as soon as it draws anew. Where that has
/// to wait, because the data is being read once more by then, the page shows until then what is gone, and
/// the first key or click that reaches it ends all scripts.
///
/// Elements that are drawn again stay, with what was typed there, and so does the focus.
pub fn kept<F, D, V>(draw: F) -> impl Fn() -> Suspend<OwnedView<V>> + Send + 'static
where
    F: Fn() -> D + Send + 'static,
    D: Future<Output = V> + Send + 'static,
    V: 'static,
{
    // Held weakly: what is drawn must not keep what it is drawn in.
    let around = Owner::current().map(|owner| owner.downgrade());
    move || {
        let around = around.as_ref().and_then(WeakOwner::upgrade);
        let owner = around.map_or_else(Owner::new, |owner| owner.child());
        let inside = owner.clone();
        owner.with(|| {
            let drawn = draw();
            Suspend::new(async move {
                let drawn = drawn.await;
                browser::keep_focus();
                OwnedView::new_with_owner(drawn, inside)
            })
        })
    }
}

/// As [`kept`], but of elements of its own each time: for what does not leave them as they were drawn, such as
/// a list that scrolls them, puts them out of order and takes some of them out.
pub fn made_anew<F, D, V>(draw: F) -> impl Fn() -> Suspend<OwnedView<Either<V, V>>> + Send + 'static
where
    F: Fn() -> D + Send + 'static,
    D: Future<Output = V> + Send + 'static,
    V: 'static,
{
    // Left and right in turns: what is on one side takes over nothing from the other.
    let is_right = Arc::new(AtomicBool::new(false));
    kept(move || {
        let (drawn, is_right) = (draw(), Arc::clone(&is_right));
        async move {
            let drawn = drawn.await;
            // What was given up on its way here does not count.
            if is_right.fetch_not(Ordering::Relaxed) {
                Either::Right(drawn)
            } else {
                Either::Left(drawn)
            }
        }
    })
}
