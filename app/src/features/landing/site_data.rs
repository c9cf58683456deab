//! What search engines read about the site as a whole. The server alone writes it.

use crate::paths;

/// The site, and how it is searched (schema.org), as the text of a script element.
pub(super) fn json_ld() -> String {
    let data = serde_json::json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": "Resonant",
        "url": paths::absolute(paths::HOME),
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": format!("{}?q={{words}}", paths::absolute(paths::MARKETPLACE)),
            },
            "query-input": "required name=words",
        },
    });
    // Inside a script element only `<` could end it or open a comment.
    data.to_string().replace('<', "\\u003c")
}
