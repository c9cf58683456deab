//! Server-Sent Events out of bytes, however the network has cut them.

/// The longest line that is taken, in bytes.
const LINE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// A line grew beyond what any sane server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// Collects bytes and gives the `data` of each event, line by line.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    line: Vec<u8>,
    data: Vec<String>,
    /// The byte before was a carriage return that ended a line: a line feed now belongs to it.
    after_cr: bool,
    is_begun: bool,
}

impl SseParser {
    /// Takes the next bytes and gives the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<String>>, LineTooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\r' | b'\n' => {
                    self.after_cr = byte == b'\r';
                    self.end_line(&mut events);
                }
                _ => {
                    self.after_cr = false;
                    if self.line.len() >= LINE_MAX_BYTES {
                        return Err(LineTooLong);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(events)
    }

    /// What is left when the connection ends: an event whose blank line never came.
    pub fn finish(&mut self) -> Option<Vec<String>> {
        let mut events = Vec::new();
        self.end_line(&mut events);
        self.end_event(&mut events);
        events.pop()
    }

    fn end_line(&mut self, events: &mut Vec<Vec<String>>) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !self.is_begun {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
            self.is_begun = true;
        }
        if line.is_empty() {
            self.end_event(events);
        } else if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            self.data.push(String::from_utf8_lossy(value).into_owned());
        } else if line == b"data" {
            self.data.push(String::new());
        }
        // Everything else is a comment, or a field that says nothing about a reply.
    }

    fn end_event(&mut self, events: &mut Vec<Vec<String>>) {
        if !self.data.is_empty() {
            events.push(std::mem::take(&mut self.data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<String> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(parser.push(chunk).unwrap());
        }
        events.extend(parser.finish());
        events.into_iter().map(|lines| lines.join("\n")).collect()
    }

    #[test]
    fn every_cut_gives_the_same_events() {
        let text = "\u{feff}: hello\r\nid: 1\r\ndata: {\"a\":\"é😀\"}\r\n\r\nevent: x\rdata:b\rdata: c\r\r\
                    data\n\ndata: last";
        let expected = ["{\"a\":\"é😀\"}", "b\nc", "", "last"];
        let bytes = text.as_bytes();
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            assert_eq!(read(&[left, right]), expected, "cut at {cut}");
        }
        let single: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(read(&single), expected);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut parser = SseParser::default();
        assert_eq!(parser.push(&vec![b'x'; LINE_MAX_BYTES + 1]), Err(LineTooLong));
    }
}
