//! The icons: one line drawing each, 24 × 24, in the colour of the text around it.

use leptos::prelude::*;
use resonant_domain::listing::Category;

/// Draws an icon. It says nothing to assistive technology: the text beside it, or the button's
/// `aria-label`, does.
#[component]
pub fn Icon(
    /// Which one.
    name: IconName,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=name.path()></path>
        </svg>
    }
}

/// Declares the icons: a variant and its outline each.
macro_rules! icons {
    ($($name:ident $path:literal)*) => {
        /// The icons that there are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum IconName {
            $(#[doc = concat!("The icon “", stringify!($name), "”.")] $name,)*
        }

        impl IconName {
            /// Every icon.
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its outline, as the `d` of one SVG path, to be stroked with round caps.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }
        }
    };
}

icons! {
    // What a person can do.
    Search "M4 10.5a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0M15.3 15.3L20 20"
    Plus "M12 5v14M5 12h14"
    Check "M5 12.5l4.5 4.5L19 7.5"
    X "M6 6l12 12M18 6L6 18"
    Play "M7.5 5.2v13.6a.7.7 0 0 0 1.1.6l10-6.8a.7.7 0 0 0 0-1.2l-10-6.8a.7.7 0 0 0-1.1.6z"
    Pause "M8.5 5.5v13M15.5 5.5v13"
    Stop "M7.5 6h9A1.5 1.5 0 0 1 18 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 6 16.5v-9A1.5 1.5 0 0 1 7.5 6z"
    Trash "M4.5 7h15M9 7V5.2A1.2 1.2 0 0 1 10.2 4h3.6A1.2 1.2 0 0 1 15 5.2V7M6.5 7l.8 11.6A1.5 1.5 0 0 0 8.8 20h6.4a1.5 1.5 0 0 0 1.5-1.4L17.5 7M10.2 10.8v5.4M13.8 10.8v5.4"
    Copy "M10 8.5h8A1.5 1.5 0 0 1 19.5 10v8a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 8.5 18v-8A1.5 1.5 0 0 1 10 8.5zM15.5 8.5V6A1.5 1.5 0 0 0 14 4.5H6A1.5 1.5 0 0 0 4.5 6v8A1.5 1.5 0 0 0 6 15.5h2.5"
    Download "M12 4v11M7.5 10.8L12 15.3l4.5-4.5M4.5 19.5h15"
    Refresh "M19.5 12a7.5 7.5 0 0 1-13.3 4.7M4.5 12a7.5 7.5 0 0 1 13.3-4.7M18.5 3.8v3.7h-3.7M5.5 20.2v-3.7h3.7"
    Undo "M9 5.5L4.5 10L9 14.5M4.5 10h9.5a5 5 0 0 1 0 10h-4"
    Redo "M15 5.5l4.5 4.5l-4.5 4.5M19.5 10H10a5 5 0 0 0 0 10h4"
    Bell "M6 17V11a6 6 0 0 1 12 0v6M4.5 17h15M10 20a2.2 2.2 0 0 0 4 0"
    Filter "M4.5 6h15l-6 7v5.5l-3 1.5v-7z"
    Pin "M8.5 4h7M9.5 4v6L7 13v1.5h10V13l-2.5-3V4M12 14.5V20"
    ThumbUp "M7.5 11v8.5H5A1.5 1.5 0 0 1 3.5 18v-5.5A1.5 1.5 0 0 1 5 11zM7.5 11L11 4.5a2 2 0 0 1 2 2V10h5a1.8 1.8 0 0 1 1.8 2.1l-1.1 6a1.8 1.8 0 0 1-1.8 1.4H7.5"
    ThumbDown "M7.5 13V4.5H5A1.5 1.5 0 0 0 3.5 6v5.5A1.5 1.5 0 0 0 5 13zM7.5 13L11 19.5a2 2 0 0 0 2-2V14h5a1.8 1.8 0 0 0 1.8-2.1l-1.1-6a1.8 1.8 0 0 0-1.8-1.4H7.5"

    // Which way.
    ChevronDown "M6 9.5l6 6l6-6"
    ChevronRight "M9.5 6l6 6l-6 6"
    ArrowDown "M12 5v14M6 13l6 6l6-6"
    Menu "M4.5 7h15M4.5 12h15M4.5 17h15"

    // How it stands.
    CheckCircle "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M8.5 12.3l2.4 2.4l4.6-5"
    XCircle "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M9.3 9.3l5.4 5.4M14.7 9.3l-5.4 5.4"
    Alert "M10.7 5.2L3.9 17.3A1.5 1.5 0 0 0 5.2 19.5h13.6a1.5 1.5 0 0 0 1.3-2.2L13.3 5.2a1.5 1.5 0 0 0-2.6 0zM12 9.5v4M12 16.5h.01"
    Info "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M12 11.2v5M12 8h.01"
    Star "M12 4l2.4 5.1l5.6.7l-4.1 3.9l1 5.6L12 16.6l-4.9 2.7l1-5.6L4 9.8l5.6-.7z"
    Spinner "M12 4a8 8 0 1 1-7.6 5.5"
    History "M4.4 9.5A8 8 0 1 1 4 12M4 5.5v4.2h4.2M12 8v4.3l3 1.7"
    Inbox "M4 13.5L6.3 6a1.5 1.5 0 0 1 1.4-1h8.6a1.5 1.5 0 0 1 1.4 1l2.3 7.5V18a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18zM4 13.5h4.5l1.2 2.5h4.6l1.2-2.5H20"

    // Things.
    Sun "M8 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M18.4 5.6l-1.1 1.1M6.7 17.3l-1.1 1.1"
    Moon "M19.8 14.2A8 8 0 1 1 9.8 4.2a6.4 6.4 0 0 0 10 10z"
    User "M8 8.2a4 4 0 1 0 8 0a4 4 0 1 0-8 0M4.8 20a7.2 7.2 0 0 1 14.4 0"
    Agent "M7 8.5h10a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-2.5 2.5H7A2.5 2.5 0 0 1 4.5 16v-5A2.5 2.5 0 0 1 7 8.5zM12 8.5V5M12 4.5h.01M9.2 12.6v1.3M14.8 12.6v1.3M2.5 12.5v2M21.5 12.5v2"
    Tool "M14.3 8.3a4.3 4.3 0 0 1 5.4-3.9l-2.9 2.9v2.4h2.4l.6-.6M14.3 8.3c0 .6.1 1.1.3 1.6l-9 8.3a1.9 1.9 0 1 0 2.6 2.6l8.2-9a4.3 4.3 0 0 0 3.4-2.7"
    Code "M8.5 7L3.5 12l5 5M15.5 7l5 5l-5 5M13.5 4.5l-3 15"
    Store "M5.5 4.5h13l1.5 5a2.7 2.7 0 0 1-5.3 0a2.7 2.7 0 0 1-5.4 0a2.7 2.7 0 0 1-5.3 0zM5.5 12v6A1.5 1.5 0 0 0 7 19.5h10a1.5 1.5 0 0 0 1.5-1.5v-6M10 19.5V15h4v4.5"
    Parallel "M4 12h4M8 12c3 0 2-5.5 5-5.5h7M8 12c3 0 2 5.5 5 5.5h7M17 3.5l3 3l-3 3M17 14.5l3 3l-3 3"
    Thought "M8 18.5a4.7 4.7 0 0 1-2.6-8.4A6.8 6.8 0 0 1 18.4 8.9a4.9 4.9 0 0 1-1.6 9.6zM8.8 13.3h.01M12.2 13.3h.01M15.6 13.3h.01"

    // The pictures of agents.
    Spark "M10.5 5.5c.5 3.8 2 5.7 6 6.5c-4 .8-5.5 2.7-6 6.5c-.5-3.8-2-5.7-6-6.5c4-.8 5.5-2.7 6-6.5zM18 4v4.5M15.8 6.2h4.4M18.5 16.5v3M17 18h3"
    Calculator "M7 3.8h10a1.5 1.5 0 0 1 1.5 1.5v13.4a1.5 1.5 0 0 1-1.5 1.5H7a1.5 1.5 0 0 1-1.5-1.5V5.3A1.5 1.5 0 0 1 7 3.8zM8.8 7.3h6.4v2.4H8.8zM9 13.3h.01M12 13.3h.01M15 13.3h.01M9 16.6h.01M12 16.6h.01M15 16.6h.01"
    Calendar "M6 5.5h12A1.5 1.5 0 0 1 19.5 7v11a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 18V7A1.5 1.5 0 0 1 6 5.5zM4.5 10h15M8.5 3.8v3.4M15.5 3.8v3.4M8.5 13.5h.01M12 13.5h.01M15.5 13.5h.01M8.5 16.5h.01M12 16.5h.01"
    Globe "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M4 12h16M12 4c2.3 2.2 3.4 4.9 3.4 8s-1.1 5.8-3.4 8c-2.3-2.2-3.4-4.9-3.4-8S9.7 6.2 12 4z"
    Document "M13.5 3.8H7.5A1.5 1.5 0 0 0 6 5.3v13.4a1.5 1.5 0 0 0 1.5 1.5h9a1.5 1.5 0 0 0 1.5-1.5V8.3zM13.5 3.8v4.5H18M9 12.5h6M9 16h4"
    Quote "M10 8.5H6A1.5 1.5 0 0 0 4.5 10v3.5H8.5A1.5 1.5 0 0 0 10 12zM10 8.5V12a5 5 0 0 1-4 4.8M19.5 8.5h-4A1.5 1.5 0 0 0 14 10v3.5h4a1.5 1.5 0 0 0 1.5-1.5zM19.5 8.5V12a5 5 0 0 1-4 4.8"
    Table "M6 5h12a1.5 1.5 0 0 1 1.5 1.5v11A1.5 1.5 0 0 1 18 19H6a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 6 5zM4.5 9.7h15M4.5 14.3h15M10 5v14"
    Braces "M9 4.5H8.2A2.2 2.2 0 0 0 6 6.7v2.6A2.7 2.7 0 0 1 3.8 12A2.7 2.7 0 0 1 6 14.7v2.6a2.2 2.2 0 0 0 2.2 2.2H9M15 4.5h.8A2.2 2.2 0 0 1 18 6.7v2.6a2.7 2.7 0 0 0 2.2 2.7a2.7 2.7 0 0 0-2.2 2.7v2.6a2.2 2.2 0 0 1-2.2 2.2H15"
    Chart "M4.5 4.5v15h15M8.5 16v-3.5M12.5 16V8.5M16.5 16v-5.5"
    Mail "M5.5 5.5h13A1.5 1.5 0 0 1 20 7v10a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17V7a1.5 1.5 0 0 1 1.5-1.5zM4.3 7.2L12 13l7.7-5.8"
    Megaphone "M4.5 10v4h3.5l9.5 4.5v-13L8 10zM8 14l1.2 5h2.3l-.9-3.7M20.2 10.3v3.4"
    Lifebuoy "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M8.7 12a3.3 3.3 0 1 0 6.6 0a3.3 3.3 0 1 0-6.6 0M6.4 6.4l3.2 3.2M14.4 14.4l3.2 3.2M17.6 6.4l-3.2 3.2M9.6 14.4l-3.2 3.2"
    Coin "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M14.7 9.3A2.9 2.9 0 0 0 12 8c-1.6 0-2.7.8-2.7 2s1 1.7 2.7 2s2.7.8 2.7 2s-1.1 2-2.7 2a2.9 2.9 0 0 1-2.7-1.3M12 6.5V8M12 16v1.5"
    Receipt "M6 3.8v16.4l2-1.4l2 1.4l2-1.4l2 1.4l2-1.4l2 1.4V3.8l-2 1.4l-2-1.4l-2 1.4l-2-1.4l-2 1.4zM9.3 9.5h5.4M9.3 13.5h5.4"
    Scales "M12 4v16M8 20h8M5 6.8l7-1.3l7 1.3M5.2 7L2.8 13.5a2.9 2.9 0 0 0 5 0zM18.8 7l-2.6 6.5a2.9 2.9 0 0 0 5 0z"
    Ruler "M3.7 15.7L15.7 3.7a1 1 0 0 1 1.4 0l3.2 3.2a1 1 0 0 1 0 1.4l-12 12a1 1 0 0 1-1.4 0l-3.2-3.2a1 1 0 0 1 0-1.4zM7.2 12.2l2 2M10 9.4l1.5 1.5M12.8 6.6l2 2"
    Magnifier "M4 10.5a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0M15.3 15.3L20 20M8 10.5h5M10.5 8v5"
    Book "M12 6.5C10 5 7.5 4.5 4 4.5v13.5c3.5 0 6 .5 8 2c2-1.5 4.5-2 8-2V4.5c-3.5 0-6 .5-8 2zM12 6.5V20"
    Pen "M12 20l-4.5-9.5c0-2.5 2-4.5 4.5-6.5c2.5 2 4.5 4 4.5 6.5zM12 20v-7.5M10.7 11.2a1.3 1.3 0 1 0 2.6 0a1.3 1.3 0 1 0-2.6 0M4.5 20h15"
    List "M4.3 6.3l1.2 1.2l2-2.3M4.3 12.3l1.2 1.2l2-2.3M4.3 18.3l1.2 1.2l2-2.3M11 6.5h8.5M11 12.5h8.5M11 18.5h8.5"
    Compass "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M15.5 8.5l-2 5l-5 2l2-5z"
    Flask "M9 4h6M10 4v5.5L5.2 17.8A1.5 1.5 0 0 0 6.5 20h11a1.5 1.5 0 0 0 1.3-2.2L14 9.5V4M7.7 14.5h8.6"
    Clock "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0M12 7.5V12l3 2"
    Puzzle "M9 6.5a2.2 2.2 0 1 1 4.4 0h4.1A1.5 1.5 0 0 1 19 8v3.3a2.2 2.2 0 1 0 0 4.4V18.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5V8a1.5 1.5 0 0 1 1.5-1.5z"
    Briefcase "M5.5 8h13A1.5 1.5 0 0 1 20 9.5V18a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18V9.5A1.5 1.5 0 0 1 5.5 8zM9 8V6a1.5 1.5 0 0 1 1.5-1.5h3A1.5 1.5 0 0 1 15 6v2M4 13h16M12 12v2"
}

impl IconName {
    /// The icon of an avatar, by its name in `resonant_domain::agent::AVATAR_ICONS`.
    #[must_use]
    pub fn of_avatar(name: &str) -> Self {
        match name {
            "calculator" => Self::Calculator,
            "calendar" => Self::Calendar,
            "globe" => Self::Globe,
            "document" => Self::Document,
            "quote" => Self::Quote,
            "table" => Self::Table,
            "braces" => Self::Braces,
            "chart" => Self::Chart,
            "mail" => Self::Mail,
            "megaphone" => Self::Megaphone,
            "lifebuoy" => Self::Lifebuoy,
            "coin" => Self::Coin,
            "receipt" => Self::Receipt,
            "scales" => Self::Scales,
            "ruler" => Self::Ruler,
            "magnifier" => Self::Magnifier,
            "book" => Self::Book,
            "pen" => Self::Pen,
            "list" => Self::List,
            "compass" => Self::Compass,
            "flask" => Self::Flask,
            "clock" => Self::Clock,
            "puzzle" => Self::Puzzle,
            _ => Self::Spark,
        }
    }

    /// The icon of a category.
    #[must_use]
    pub const fn of_category(category: Category) -> Self {
        match category {
            Category::Productivity => Self::List,
            Category::Research => Self::Flask,
            Category::Development => Self::Code,
            Category::Support => Self::Lifebuoy,
            Category::Content => Self::Pen,
            Category::Sales => Self::Briefcase,
            Category::Finance => Self::Coin,
            Category::Custom => Self::Puzzle,
        }
    }

    /// The icon of a built-in tool, by its name.
    #[must_use]
    pub fn of_tool(name: &str) -> Self {
        match name {
            "calculator" => Self::Calculator,
            "datetime" => Self::Calendar,
            "http_fetch" => Self::Globe,
            "html_to_text" => Self::Document,
            "summarise" => Self::Quote,
            "extract" => Self::Magnifier,
            "json_query" => Self::Braces,
            "csv_table" => Self::Table,
            "code" => Self::Code,
            "ask_user" => Self::Lifebuoy,
            "knowledge" => Self::Book,
            "remember" => Self::Pen,
            "recall" => Self::History,
            _ => Self::Tool,
        }
    }
}

#[cfg(test)]
mod tests {
    use resonant_domain::agent::AVATAR_ICONS;
    use resonant_domain::tool::BUILT_IN_TOOLS;

    use super::*;

    #[test]
    fn every_avatar_has_its_own_drawing() {
        let mut drawn: Vec<_> = AVATAR_ICONS.map(|name| IconName::of_avatar(name).path()).to_vec();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), AVATAR_ICONS.len());
    }

    #[test]
    fn every_built_in_tool_has_its_own_icon() {
        for tool in BUILT_IN_TOOLS {
            assert_ne!(IconName::of_tool(tool.name), IconName::Tool, "{}", tool.name);
        }
    }

    #[test]
    fn outlines_start_at_a_point_and_hold_nothing_but_path_data() {
        for name in IconName::ALL {
            let path = name.path();
            assert!(path.starts_with('M'), "{name:?}");
            assert!(
                path.chars().all(|c| c.is_ascii_digit() || " .-MmLlHhVvCcSsAaZz".contains(c)),
                "{name:?}"
            );
        }
    }
}
