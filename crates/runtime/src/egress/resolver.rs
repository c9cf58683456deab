//! The resolver that keeps closed addresses from being dialled.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{is_public, is_reserved_name};

/// Asks for the addresses of a name.
pub(super) trait Lookup: Send + Sync {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// Lets only public addresses of a name through.
#[derive(Clone)]
pub(super) struct Guard {
    lookup: Arc<dyn Lookup>,
    any: bool,
}

/// The name has addresses, none of which may be dialled.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not on the public Internet")]
pub(super) struct Refusal(pub(super) String);

impl Guard {
    pub(super) fn new(lookup: Arc<dyn Lookup>, any: bool) -> Self {
        Self { lookup, any }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { lookup, any } = self.clone();
        Box::pin(async move {
            let name = name.as_str().to_owned();
            if !any && is_reserved_name(&name) {
                return Err(Refusal(name).into());
            }
            let found = lookup.lookup(name.clone()).await?;
            if found.is_empty() {
                return Err(
                    io::Error::new(io::ErrorKind::NotFound, "the host has no address").into()
                );
            }
            let open: Vec<_> = found
                .into_iter()
                .filter(|address| any || is_public(*address))
                // Port 0 stands for the port of the URL.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if open.is_empty() {
                return Err(Refusal(name).into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}
