mod source;
mod ssrf;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use futures::future::BoxFuture;
use reqwest::dns::Resolve;

use super::*;

/// A listener on this machine that counts who comes.
struct Page {
    address: SocketAddr,
    visits: Arc<AtomicUsize>,
}

impl Page {
    async fn serve() -> Self {
        let visits = Arc::new(AtomicUsize::new(0));
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/latin", get(|| async { ([(header::CONTENT_TYPE, "text/plain; charset=latin1")], vec![0xe9_u8]) }))
            .route("/large", get(|| async { vec![b'x'; BODY_MAX_BYTES + 1] }))
            .route("/exact", get(|| async { vec![b'x'; BODY_MAX_BYTES] }))
            .route("/missing", get(|| async { (StatusCode::NOT_FOUND, "not here") }))
            .route("/loop", get(|| async { Redirect::to("/loop") }))
            .route("/hop", get(|| async { Redirect::to("/#part") }))
            .route("/secret", get(|| async { Redirect::to("http://user:word@example.org/") }))
            .route("/file", get(|| async { Redirect::to("file:///etc/passwd") }))
            .route("/metadata", get(|| async { Redirect::to("http://169.254.169.254/latest/meta-data/") }))
            .route(
                "/headers",
                get(|headers: HeaderMap| async move {
                    let mut names: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
                    names.sort();
                    names.join(" ").into_response()
                }),
            );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counted = Arc::clone(&visits);
        let router = router.layer(axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
            counted.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        }));
        drop(tokio::spawn(async move { axum::serve(listener, router).await }));
        Self { address, visits }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// A resolver that gives one answer after the other, the last one for ever.
struct Answers(Vec<Vec<IpAddr>>, AtomicUsize);

impl Answers {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(answers.iter().map(read).collect(), AtomicUsize::new(0)))
    }
}

impl Lookup for Answers {
    fn lookup(&self, _name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let turn = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        let answer = self.0[turn].clone();
        Box::pin(async move { Ok(answer) })
    }
}

/// Addresses that are not on the public Internet, at their edges and within.
const CLOSED: &[&str] = &[
    // this network, private, carrier-grade NAT, loopback
    "0.0.0.0", "0.0.0.1", "0.1.2.3", "0.255.255.255", "10.0.0.0", "10.0.0.1", "10.1.2.3", "10.255.255.255", "100.64.0.0", "100.64.0.1",
    "100.100.100.200", "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.1.1", "127.1.2.3", "127.255.255.254", "127.255.255.255",
    // link-local, metadata, private
    "168.63.129.16", "169.254.0.0", "169.254.0.1", "169.254.169.253", "169.254.169.254", "169.254.170.2", "169.254.255.255", "172.16.0.0",
    "172.16.0.1", "172.17.0.1", "172.20.10.1", "172.31.255.255", "192.168.0.0", "192.168.0.1", "192.168.1.1", "192.168.178.1", "192.168.255.255",
    // protocol assignments, documentation, relays, benchmarks
    "192.0.0.0", "192.0.0.1", "192.0.0.170", "192.0.0.192", "192.0.0.255", "192.0.2.0", "192.0.2.1", "192.0.2.255", "192.31.196.1", "192.52.193.1",
    "192.88.99.0", "192.88.99.1", "192.88.99.255", "192.175.48.1", "198.18.0.0", "198.18.0.1", "198.19.255.255", "198.51.100.0", "198.51.100.7",
    "198.51.100.255", "203.0.113.0", "203.0.113.9", "203.0.113.255",
    // multicast, reserved, broadcast
    "224.0.0.0", "224.0.0.1", "224.0.0.251", "232.1.2.3", "239.255.255.250", "239.255.255.255", "240.0.0.0", "240.0.0.1", "250.1.2.3",
    "255.0.0.0", "255.255.255.254", "255.255.255.255",
    // IPv6: unspecified, loopback, compatible, mapped
    "::", "::1", "::2", "::ffff", "::7f00:1", "::127.0.0.1", "::10.0.0.1", "::169.254.169.254", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:192.168.1.1", "::ffff:7f00:1", "::ffff:0:0", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8",
    // translated: NAT64, local NAT64, 6to4, Teredo
    "64:ff9b::", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::8.8.8.8", "64:ff9b:1::",
    "64:ff9b:1::7f00:1", "64:ff9b:1:ffff::10.0.0.1", "2002::", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2002:c0a8:101::1",
    "2002:808:808::1", "2001::", "2001::1", "2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:53aa:64c:0:7fff:f5ff:fffe",
    // ISATAP
    "2600::5efe:127.0.0.1", "2600::5efe:10.0.0.1", "2600::200:5efe:8.8.8.8", "fe80::5efe:192.168.1.1",
    // assignments, benchmarks, overlays, documentation, given back
    "2001:1::1", "2001:2::", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::", "2001:10::1", "2001:1f:ffff::", "2001:20::1", "2001:2f::1",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::", "2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8000::1", "3ffe::1",
    "3fff::", "3fff::1", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    // discard, segment routing, reserved
    "100::", "100::1", "100:0:0:1::1", "200::1", "400::1", "800::1", "1000::1", "1fff:ffff::1", "4000::", "4000::1", "5f00::", "5f00::1", "6000::1",
    "8000::1", "a000::1", "c000::1", "e000::1", "f000::1", "f800::1", "fbff::1",
    // unique local, link-local, site-local, multicast
    "fc00::", "fc00::1", "fcff::1", "fd00::", "fd00::1", "fd00:ec2::254", "fd12:3456:789a::1", "fdff:ffff::1", "fe00::1", "fe80::", "fe80::1",
    "fe80::a9fe:a9fe", "febf:ffff::1", "fec0::", "fec0::1", "feff::1", "ff00::", "ff01::1", "ff02::1", "ff02::fb", "ff05::2", "ff0e::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// Addresses just outside of the closed ranges, and well-known ones.
const OPEN: &[&str] = &[
    "1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
    "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0",
    "203.0.112.255", "203.0.114.0", "223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2400:cb00::1", "2606:4700:4700::1111",
    "2620:fe::fe", "2a00:1450:4001::1", "3ffd::1",
];

/// Hosts that mean a closed address in the forms that parsers understand, and names that never mean
/// a public host.
const CLOSED_HOSTS: &[&str] = &[
    // decimal, octal, hexadecimal, shortened, mixed
    "2130706433", "017700000001", "0x7f000001", "0x7F000001", "127.1", "127.0.1", "0177.0.0.1", "0177.1", "0x7f.1", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1",
    "127.0.0.1.", "0", "0.", "0x0", "00", "0.0", "3232235777", "0xc0a80101", "030052000401", "192.168.257", "10.1", "0xa.1", "012.1", "167772161",
    "2852039166", "0xa9fea9fe", "025177524776", "169.254.43518", "0251.0376.0251.0376", "0xA9.0xFE.0xA9.0xFE", "169.254.0xa9fe", "4294967295",
    "0xffffffff", "3758096385", "1681915904", "100.6579400",
    // full-width and circled digits, percent signs
    "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "0x7f%2e1",
    // names
    "localhost", "LOCALHOST", "localhost.", "foo.localhost", "a.b.localhost.", "printer.local", "metadata.google.internal", "metadata.google.internal.",
    "instance-data.ec2.internal", "router.lan", "nas.home.arpa", "wiki.intranet", "host.localdomain", "db.corp", "ｌｏｃａｌｈｏｓｔ", "x.onion",
];

#[tokio::test]
async fn closed_addresses_are_refused_without_a_connection() {
    let page = Page::serve().await;
    let port = page.address.port();
    let egress = Egress::public();
    let bracketed = CLOSED.iter().map(|text| if text.contains(':') { format!("[{text}]") } else { (*text).to_owned() });
    let hosts: Vec<String> = bracketed.chain(CLOSED_HOSTS.iter().map(|host| (*host).to_owned())).collect();
    assert!(hosts.len() >= 200, "{}", hosts.len());
    for host in &hosts {
        let url = format!("http://{host}:{port}/");
        let error = egress.fetch(&url).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused(_)), "{url}: {error:?}");
    }
    assert_eq!(page.visits(), 0);
}

#[tokio::test]
async fn addresses_of_another_kind_are_refused() {
    let egress = Egress::public();
    for url in [
        "ftp://example.org/", "file:///etc/passwd", "gopher://example.org:70/_x", "data:text/plain,x", "javascript:alert(1)", "ws://example.org/",
        "unix:///run/x.sock", "http://user@example.org/", "http://user:word@example.org/", "http://:word@example.org/", "https://@:x@example.org",
        "example.org", "//example.org/", "/etc/passwd", "", " ", "http://", "http:///", "http://[::1", "http://exa mple.org/", "http://example.org:99999/",
        "http://1.2.3.4.5.6.999/", "http://256.256.256.256/", "http://0x1ffffffff/",
    ] {
        let error = egress.fetch(url).await.unwrap_err();
        assert!(matches!(error, EgressError::Url(_)), "{url}: {error:?}");
    }
    let long = format!("http://example.org/{}", "x".repeat(URL_MAX_BYTES));
    assert!(matches!(egress.fetch(&long).await, Err(EgressError::Url(_))));
}

#[test]
fn the_ranges_end_where_they_end() {
    for text in CLOSED {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
    for text in OPEN {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let page = Page::serve().await;
    let url = format!("http://inside.example:{}/", page.address.port());
    let answers: Vec<&[&str]> = CLOSED.iter().map(std::slice::from_ref).collect();
    let egress = Egress::guarded(Answers::of(&answers), Reach::Public);
    for answer in CLOSED {
        let error = egress.fetch(&url).await.unwrap_err();
        assert_eq!(error, EgressError::Refused("inside.example".into()), "{answer}");
    }
    assert_eq!(page.visits(), 0);
}

/// The first answer is public, the next ones lead inside: each answer is judged before it is dialled,
/// and none is asked for between the judgement and the connection.
#[tokio::test]
async fn a_name_that_changes_its_answer_is_refused() {
    let page = Page::serve().await;
    let answers = Answers::of(&[&["93.184.216.34"], &["127.0.0.1"]]);
    let guard = Guard::new(answers.clone(), false);
    let first: Vec<_> = guard.resolve("rebind.example".parse().unwrap()).await.unwrap().collect();
    assert_eq!(first, ["93.184.216.34:0".parse().unwrap()]);

    let egress = Egress::guarded(answers.clone(), Reach::Public);
    let url = format!("http://rebind.example:{}/", page.address.port());
    let error = egress.fetch(&url).await.unwrap_err();
    assert_eq!(error, EgressError::Refused("rebind.example".into()));
    assert_eq!(answers.1.load(Ordering::SeqCst), 2, "one connection asks once");
    assert_eq!(page.visits(), 0);

    // Of a mixed answer only what is public may be dialled.
    let mixed = Guard::new(Answers::of(&[&["127.0.0.1", "1.1.1.1", "::1", "10.0.0.1"]]), false);
    let open: Vec<_> = mixed.resolve("mixed.example".parse().unwrap()).await.unwrap().collect();
    assert_eq!(open, ["1.1.1.1:0".parse().unwrap()]);
}

#[tokio::test]
async fn redirects_pass_the_same_checks() {
    let page = Page::serve().await;
    let open = Egress::public_allowing_private();
    let fetched = open.fetch(&page.url("/hop")).await.unwrap();
    assert_eq!((fetched.final_url.path(), fetched.text().as_str()), ("/", "hello"));
    assert_eq!(open.fetch(&page.url("/loop")).await, Err(EgressError::Redirects));
    assert!(matches!(open.fetch(&page.url("/secret")).await, Err(EgressError::Url(_))));
    assert!(matches!(open.fetch(&page.url("/file")).await, Err(EgressError::Url(_))));

    // Under the guard the same redirect is refused at its target. The first hop is let through by
    // hand, because this machine's own page is not on the public Internet.
    let client = open.client.clone().unwrap();
    let strict = Egress::public();
    let hop = |path: &str| {
        strict.follow(&client, Outgoing::get(""), page.url(path).parse().unwrap(), &|_| false)
    };
    let error = hop("/metadata").await.unwrap_err();
    assert_eq!(error, EgressError::Refused("169.254.169.254".into()));
    let error = hop("/hop").await.unwrap_err();
    assert_eq!(error, EgressError::Refused("127.0.0.1".into()));
}

#[tokio::test]
async fn bodies_are_capped_and_headers_few() {
    let page = Page::serve().await;
    let egress = Egress::public_allowing_private();
    let large = egress.fetch(&page.url("/large")).await.unwrap();
    assert_eq!((large.body.len(), large.truncated), (BODY_MAX_BYTES, true));
    let exact = egress.fetch(&page.url("/exact")).await.unwrap();
    assert_eq!((exact.body.len(), exact.truncated), (BODY_MAX_BYTES, false));
    let latin = egress.fetch(&page.url("/latin")).await.unwrap();
    assert_eq!((latin.text().as_str(), latin.media_type().as_str()), ("é", "text/plain"));
    let missing = egress.fetch(&page.url("/missing")).await.unwrap();
    assert_eq!((missing.status, missing.text().as_str()), (404, "not here"));
    let headers = egress.fetch(&page.url("/headers")).await.unwrap().text();
    assert_eq!(headers, "accept accept-encoding host user-agent");
}

#[tokio::test]
async fn a_host_that_is_not_there_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = Egress::public_allowing_private().fetch(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Network(_)), "{error:?}");
    assert!(Egress::operator().is_ok());
}
