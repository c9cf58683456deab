//! Pages whose code the browser fetches when one of them is first visited.
//!
//! All pages of a feature are in one chunk, named by [`lazy_pages!`]: what they have in common is then
//! fetched once and in one file, and the next page of the feature needs none.

use std::marker::PhantomData;

use leptos::prelude::AnyView;
use leptos_router::{Lazy, LazyRoute};

/// A page that is fetched when it is first visited. Nothing of it is in the main bundle: neither what
/// draws it nor the types of what it asks the server.
pub trait LazyPage: Sized + Send + 'static {
    /// Makes the page's resources and nothing more.
    fn data() -> Self;

    /// Draws the page.
    fn view(this: Self) -> AnyView;
}

/// Stands for a page before its code is there.
pub struct InChunk<P>(PhantomData<fn() -> P>);

impl<P> InChunk<P> {
    /// A stand-in, for `lazy_pages!`.
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

/// The page as a route's view.
pub fn lazy<P>() -> Lazy<InChunk<P>>
where
    InChunk<P>: LazyRoute,
{
    Lazy::new()
}

/// Puts pages into the chunk of their feature, each under a name of its own:
/// `lazy_pages!(studio: agents = AgentsRoute, editor = EditorRoute);`
///
/// The server names the chunk in the page's head, so that the browser fetches it beside the main
/// bundle.
macro_rules! lazy_pages {
    ($chunk:ident: $($name:ident = $page:ident),+ $(,)?) => {$(
        const _: () = {
            #[leptos::wasm_split::wasm_split(
                $chunk,
                wasm_split_path = ::leptos::wasm_split,
                preload(fetch_chunk)
            )]
            fn $name() -> ::leptos::prelude::AnyView {
                $crate::lazy_page::LazyPage::view(<$page as $crate::lazy_page::LazyPage>::data())
            }

            impl ::leptos_router::LazyRoute for $crate::lazy_page::InChunk<$page> {
                fn data() -> Self {
                    Self::new()
                }

                async fn view(_: Self) -> ::leptos::prelude::AnyView {
                    #[cfg(feature = "ssr")]
                    ::leptos::prefetch_lazy_fn_on_server(stringify!($chunk));
                    $name().await
                }

                async fn preload() {
                    fetch_chunk().await;
                }
            }
        };
    )+};
}

pub(crate) use lazy_pages;
