//! Pages whose code the browser fetches when one of them is first visited.
//!
//! Pages that one visit leads to are in one chunk, named by [`lazy_pages!`]: what they have in common is then
//! fetched once and in one file, and the next of them needs none.

use std::pin::Pin;
use std::time::Duration;

use leptos::prelude::AnyView;
use leptos_router::ChooseView;

use crate::browser;

/// A page that is fetched when it is first visited. Nothing of it is in the main bundle: neither what
/// draws it nor the types of what it asks the server.
pub trait LazyPage: Sized + Send + 'static {
    /// Makes the page's resources and nothing more.
    fn data() -> Self;

    /// Draws the page.
    fn view(this: Self) -> AnyView;
}

/// A page as the router knows it before its code is there. One type for all pages: a type of each page's own
/// would have the router written once for each, in the main bundle.
#[derive(Clone, Copy)]
pub struct InChunk {
    chunk: &'static str,
    page: u8,
    draw: fn(u8) -> Pin<Box<dyn Future<Output = AnyView>>>,
    fetch: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

impl InChunk {
    /// A stand-in, for `lazy_pages!`.
    pub(crate) const fn new(
        chunk: &'static str,
        page: u8,
        draw: fn(u8) -> Pin<Box<dyn Future<Output = AnyView>>>,
        fetch: fn() -> Pin<Box<dyn Future<Output = ()>>>,
    ) -> Self {
        Self { chunk, page, draw, fetch }
    }
}

impl ChooseView for InChunk {
    async fn choose(self) -> AnyView {
        #[cfg(feature = "ssr")]
        leptos::prefetch_lazy_fn_on_server(self.chunk);
        #[cfg(not(feature = "ssr"))]
        let _ = self.chunk;
        // What is around the page and the page are a task each: on a slow phone both in one keep the visitor's
        // first tap waiting. What the page becomes in the document belongs to its own task: by another one its
        // effects would have run, and it would not be what the server drew.
        browser::sleep(Duration::ZERO).await;
        (self.draw)(self.page).await
    }

    async fn preload(&self) {
        (self.fetch)().await;
    }
}

/// A page that `lazy_pages!` has put into a chunk.
pub trait Chunked {
    /// What stands for it.
    const IN_CHUNK: InChunk;
}

/// The page as a route's view.
pub fn lazy<P: Chunked>() -> InChunk {
    P::IN_CHUNK
}

/// Puts pages into the chunk of their feature, each under a name of its own:
/// `lazy_pages!(studio: agents = AgentsRoute, editor = EditorRoute);`
///
/// They are drawn by one function, so that the main bundle and the loader know one entry for all of
/// them. The server names the chunk in the page's head, so that the browser fetches it beside the main
/// bundle.
macro_rules! lazy_pages {
    ($chunk:ident: $first:ident = $first_page:ident $(, $name:ident = $page:ident)* $(,)?) => {
        const _: () = {
            #[expect(non_camel_case_types, reason = "they are the names of pages")]
            enum Page { $first, $($name),* }

            // The splitter tells functions apart by their names, so this one bears its first page's.
            #[leptos::wasm_split::wasm_split(
                $chunk,
                wasm_split_path = ::leptos::wasm_split,
                preload(fetch_chunk)
            )]
            fn $first(page: u8) -> ::leptos::prelude::AnyView {
                debug_assert!(page == Page::$first as u8 $(|| page == Page::$name as u8)*);
                $(if page == Page::$name as u8 {
                    return $crate::lazy_page::draw::<$page>();
                })*
                $crate::lazy_page::draw::<$first_page>()
            }

            const fn in_chunk(page: Page) -> $crate::lazy_page::InChunk {
                $crate::lazy_page::InChunk::new(
                    stringify!($chunk),
                    page as u8,
                    |page| Box::pin($first(page)),
                    || Box::pin(fetch_chunk()),
                )
            }

            impl $crate::lazy_page::Chunked for $first_page {
                const IN_CHUNK: $crate::lazy_page::InChunk = in_chunk(Page::$first);
            }
            $(impl $crate::lazy_page::Chunked for $page {
                const IN_CHUNK: $crate::lazy_page::InChunk = in_chunk(Page::$name);
            })*
        };
    };
}

/// Makes a page's resources and draws it.
pub(crate) fn draw<P: LazyPage>() -> AnyView {
    P::view(P::data())
}

pub(crate) use lazy_pages;
