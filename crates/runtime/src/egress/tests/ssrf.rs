//! Every closed row by every way in: at once, behind a redirect, as the answer of a resolver. What
//! proves it is a listener on every address of this machine that nobody connects to.

use std::sync::Mutex;

use axum::extract::RawQuery;
use axum::response::IntoResponse;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::*;

/// Counts the connections to a port of this machine, by whatever address they come.
struct Ear {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Ear {
    async fn listen() -> Self {
        let v4 = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = v4.local_addr().unwrap().port();
        // A machine without IPv6 has no such address to protect.
        let v6 = tokio::net::TcpListener::bind(("::1", port)).await.ok();
        let heard = Arc::new(AtomicUsize::new(0));
        for listener in std::iter::once(v4).chain(v6) {
            let heard = heard.clone();
            drop(tokio::spawn(async move {
                while listener.accept().await.is_ok() {
                    heard.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        Self { port, heard }
    }

    /// How many connections came; proves first that it hears at all.
    async fn heard(&self) -> usize {
        let before = self.heard.load(Ordering::SeqCst);
        drop(tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap());
        while self.heard.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
        before
    }
}

/// Leads `page.example` to a page of the test past the guard, and every other name through it.
struct FirstHop {
    page: SocketAddr,
    guard: Guard,
}

impl Resolve for FirstHop {
    fn resolve(&self, name: Name) -> Resolving {
        if name.as_str() == "page.example" {
            let found = Box::new(std::iter::once(self.page)) as Addrs;
            return Box::pin(async move { Ok(found) });
        }
        self.guard.resolve(name)
    }
}

/// A page that redirects with the status and to the place that its query names.
async fn redirecting_page() -> SocketAddr {
    let redirect = get(|RawQuery(query): RawQuery| async move {
        let query = query.unwrap_or_default();
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(known, _)| known == name).unwrap().1.into_owned()
        };
        let status: u16 = value("status").parse().unwrap();
        (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, value("to"))]).into_response()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", redirect);
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    address
}

/// Every host of the tables, as a URL writes it.
fn rows() -> Vec<String> {
    let addresses = CLOSED
        .iter()
        .map(|text| if text.contains(':') { format!("[{text}]") } else { (*text).to_owned() });
    addresses.chain(CLOSED_HOSTS.iter().map(|host| (*host).to_owned())).collect()
}

#[tokio::test]
async fn no_row_is_reached_directly_or_by_a_redirect() {
    let ear = Ear::listen().await;
    let page = redirecting_page().await;
    let guard = Guard::new(Arc::new(SystemLookup), false);
    let egress = Egress::with_resolver(&Arc::new(FirstHop { page, guard }), Reach::Public);
    let rows = rows();
    assert!(rows.len() >= 200, "{}", rows.len());
    let port = ear.port;
    for (index, host) in rows.iter().enumerate() {
        let direct = format!("http://{host}:{port}/");
        let error = egress.fetch(&direct).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused(_)), "{direct}: {error:?}");

        // As the whole target, as one without a scheme, and as one that hides behind a user name.
        let target = match index % 3 {
            0 => direct.clone(),
            1 => format!("//{host}:{port}/"),
            _ => format!("http://example.org@{host}:{port}/"),
        };
        let status = [301, 302, 303, 307, 308][index % 5];
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("status", &status.to_string())
            .append_pair("to", &target)
            .finish();
        // A header holds no character beyond Latin-1 as it is; servers escape it.
        if !target.is_ascii() {
            continue;
        }
        let url = format!("http://page.example:{}/?{query}", page.port());
        let error = egress.fetch(&url).await.unwrap_err();
        let is_refused = matches!(error, EgressError::Refused(_) | EgressError::Url(_));
        assert!(is_refused, "{status} to {target}: {error:?}");
    }
    assert_eq!(ear.heard().await, 0);
}

#[tokio::test]
async fn no_row_is_reached_by_an_answer_of_a_resolver() {
    let ear = Ear::listen().await;
    let page = redirecting_page().await;
    // Alone, and among others that are closed too; each is asked for twice.
    let many = CLOSED.iter().map(|answer| [*answer, "127.0.0.1", "::1"]).collect::<Vec<_>>();
    let turns = many.iter().enumerate().map(|(index, three)| &three[..=index % 2 * 2]);
    let turns: Vec<&[&str]> = turns.flat_map(|answer| [answer, answer]).collect();
    let guard = Guard::new(Answers::of(&turns), false);
    let egress = Egress::with_resolver(&Arc::new(FirstHop { page, guard }), Reach::Public);
    for answer in CLOSED {
        let inside = format!("http://inside.example:{}/", ear.port);
        let error = egress.fetch(&inside).await.unwrap_err();
        assert_eq!(error, EgressError::Refused("inside.example".into()), "{answer}");
        let query = format!("status=302&to=http%3A%2F%2Finside.example%3A{}%2F", ear.port);
        let error = egress.fetch(&format!("http://page.example:{}/?{query}", page.port())).await;
        assert_eq!(error, Err(EgressError::Refused("inside.example".into())), "{answer}");
    }
    assert_eq!(ear.heard().await, 0);
}

/// A resolver that is honest when it is asked first and lies from then on: what is dialled is what
/// was judged, however often and in whatever order it changes its mind.
#[tokio::test]
async fn no_row_is_reached_by_an_answer_that_changes() {
    /// Records what the client was given to dial.
    struct Watched(Guard, Arc<Mutex<Vec<SocketAddr>>>);
    impl Resolve for Watched {
        fn resolve(&self, name: Name) -> Resolving {
            let (answer, seen) = (self.0.resolve(name), self.1.clone());
            Box::pin(async move {
                let found: Vec<_> = answer.await?.collect();
                seen.lock().unwrap().extend(&found);
                // Nothing outside is dialled by a test: the client learns that there is nobody.
                Err(std::io::Error::other("dialled").into())
            })
        }
    }
    let ear = Ear::listen().await;
    for turns in [
        &[&["93.184.216.34"][..], &["127.0.0.1"]][..],
        &[&["93.184.216.34", "127.0.0.1"], &["127.0.0.1", "93.184.216.34"]],
        &[&["::1", "2606:4700:4700::1111"], &["::ffff:127.0.0.1"], &["64:ff9b::7f00:1"]],
        &[&["127.0.0.1"], &["93.184.216.34"], &["10.0.0.1"]],
        &[&["169.254.169.254"], &["1.1.1.1", "169.254.169.254"]],
    ] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let guard = Guard::new(Answers::of(turns), false);
        let egress = Egress::with_resolver(&Arc::new(Watched(guard, seen.clone())), Reach::Public);
        for _ in 0..6 {
            let url = format!("http://rebind.example:{}/", ear.port);
            let error = egress.fetch(&url).await.unwrap_err();
            assert!(matches!(error, EgressError::Refused(_) | EgressError::Network(_)), "{error:?}");
        }
        let seen = seen.lock().unwrap();
        assert!(seen.iter().all(|address| is_public(address.ip())), "{turns:?}: {seen:?}");
    }
    assert_eq!(ear.heard().await, 0);
}
