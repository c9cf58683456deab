//! Citations in what an agent writes: each leads to the passage that it names.

use std::cmp::Reverse;

use resonant_domain::AgentId;
use resonant_domain::knowledge::{CitedPassage, passage_path};

/// What an answer may cite, and where that leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citations(Vec<(String, String)>);

impl Citations {
    /// None.
    pub const NONE: Self = Self(Vec::new());

    /// The passages that calls of an agent were told of.
    pub fn of<'a>(agent: AgentId, told: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self::NONE;
        for CitedPassage { citation, document_id, position } in told.flat_map(CitedPassage::all_in)
        {
            // A document that has taken another's name was read later.
            all.0.retain(|(known, _)| *known != citation);
            all.0.push((citation, passage_path(agent, document_id, position)));
        }
        all.0.retain(|(citation, _)| !citation.is_empty());
        all
    }

    /// Whether there are none.
    pub const fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// A text in pieces, each with where it leads, if it is a citation.
    pub fn split<'a>(&'a self, text: &'a str) -> Vec<(&'a str, Option<&'a str>)> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((start, end, path)) = self.first_in(rest) {
            if start > 0 {
                pieces.push((&rest[..start], None));
            }
            pieces.push((&rest[start..end], Some(path)));
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            pieces.push((rest, None));
        }
        pieces
    }

    /// Where the first citation of a text begins and ends, and where it leads. Of two that begin at one place
    /// it is the longer one.
    fn first_in(&self, text: &str) -> Option<(usize, usize, &str)> {
        let found = self.0.iter().filter_map(|(citation, path)| {
            let start = place_of(citation, text)?;
            Some((start, start + citation.len(), path.as_str()))
        });
        found.min_by_key(|(start, end, _)| (*start, Reverse(*end)))
    }
}

/// Where a citation stands in a text. “Passage 1” is no part of “passage 12”.
fn place_of(citation: &str, text: &str) -> Option<usize> {
    let is_whole = |(at, _): &(usize, &str)| {
        !text[at + citation.len()..].starts_with(|next: char| next.is_ascii_digit())
    };
    text.match_indices(citation).find(is_whole).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn citations(named: &[(&str, u32)]) -> Citations {
        let told: Vec<_> = named
            .iter()
            .map(|(citation, position)| {
                format!(
                    r#"{{"passages":[{{"citation":"{citation}","document_id":"{ID}","position":{position}}}]}}"#
                )
            })
            .collect();
        Citations::of(ID.parse().unwrap(), told.iter().map(String::as_str))
    }

    #[test]
    fn a_citation_leads_to_its_passage() {
        let known = citations(&[("Handbook › Leave, passage 1", 1), ("Prices, passage 12", 12)]);
        let path = |position| passage_path(ID.parse().unwrap(), ID.parse().unwrap(), position);
        let (one, twelve) = (path(1), path(12));
        let text = "As (Handbook › Leave, passage 1) and Prices, passage 12 say.";
        assert_eq!(
            known.split(text),
            [
                ("As (", None),
                ("Handbook › Leave, passage 1", Some(one.as_str())),
                (") and ", None),
                ("Prices, passage 12", Some(twelve.as_str())),
                (" say.", None),
            ]
        );
        assert_eq!(known.split(""), []);
        assert!(Citations::of(ID.parse().unwrap(), ["no result", ""].into_iter()).are_none());
    }

    #[test]
    fn a_number_is_taken_whole() {
        let known = citations(&[("A, passage 1", 1), ("A, passage 12", 12), ("A", 3)]);
        let cited = |text| -> Vec<String> {
            let pieces = known.split(text).into_iter();
            pieces.filter_map(|(piece, path)| path.map(|_| piece.to_owned())).collect()
        };
        assert_eq!(cited("A, passage 12"), ["A, passage 12"]);
        assert_eq!(cited("A, passage 1."), ["A, passage 1"]);
        // What is not known is not taken for what it begins with.
        let few = citations(&[("A, passage 1", 1)]);
        assert_eq!(few.split("A, passage 123"), [("A, passage 123", None)]);
    }
}
