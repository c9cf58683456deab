//! What is drawn of data lives until what comes after it is drawn.

use leptos::prelude::*;
use leptos::reactive::owner::WeakOwner;
use leptos::tachys::reactive_graph::OwnedView;

/// Draws data inside of a `Transition`, each time anew that it was read anew.
///
/// A [`Suspend`] alone gives up every signal of what it has drawn as soon as it draws anew. Where that has
/// to wait, because the data is being read once more by then, the page shows until then what is gone, and
/// the first key or click that reaches it ends all scripts.
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
            Suspend::new(async move { OwnedView::new_with_owner(drawn.await, inside) })
        })
    }
}
